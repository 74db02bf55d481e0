//! Each measurement of one contestant in one round: a load, and what it cost in the middle of it.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{contestant::Contestant, lab::Lab, process::Process, results::Sample};
use crate::{load, streams};

/// Connections of the closed loops.
pub(super) const CONNECTIONS: usize = 64;

/// Requests a second of the open loop, which leaves every contestant mostly idle.
const OPEN_RATE: &str = "200";

/// An answer of about a kilobyte: this much text and the JSON around it.
pub(super) const ANSWER: &str = "answer_bytes=640";

/// How long each measurement takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths {
    /// Before the window, while connections open and caches warm.
    pub(super) warm_up: Duration,
    /// The window in the middle of a closed loop.
    pub(super) window: Duration,
    /// The whole of an open loop.
    pub(super) open: Duration,
    /// Streams at once, if the file limit allows.
    pub(super) streams: u64,
    /// Events of each of them, a second apart.
    pub(super) stream_events: u64,
}

/// What happened in the window of a closed loop.
struct Window {
    cpu_us: f64,
    requests: f64,
    tokens: f64,
    seconds: f64,
    rss_bytes: u64,
}

impl Lengths {
    pub(super) fn full() -> Self {
        let seconds = Duration::from_secs;
        Self { warm_up: seconds(1), window: seconds(3), open: seconds(6), streams: 10_000, stream_events: 20 }
    }

    pub(super) fn quick() -> Self {
        let ms = Duration::from_millis;
        Self { warm_up: ms(700), window: ms(1300), open: ms(2500), streams: 1000, stream_events: 4 }
    }
}

/// All measurements of a running contestant, bar the streams.
pub(super) fn round(lab: &Lab, contestant: &Contestant, process: &Process, lengths: Lengths, sample: &mut Sample) -> Result<()> {
    sample.add("rss_idle_mb", mb(process.rss_bytes()));
    for prompt in ["small", "medium", "large"] {
        lab.set_mock(&format!("reset;record=0;honour_max_tokens=0;{ANSWER}"))?;
        let window = closed(lab, contestant, process, lengths, &["--prompt", prompt], sample)?;
        sample.add(&format!("{prompt}_cpu_us"), window.cpu_us / window.requests);
        sample.add(&format!("{prompt}_per_second"), window.requests / window.seconds);
        if prompt == "small" {
            sample.add("rss_c64_mb", mb(window.rss_bytes));
        }
    }
    lab.set_mock("reset;record=0;honour_max_tokens=0;events=100;interval_ms=10")?;
    let window = closed(lab, contestant, process, lengths, &["--stream", "--events", "100"], sample)?;
    sample.add("event_cpu_us", window.cpu_us / window.tokens);
    lab.set_mock("reset;record=0;honour_max_tokens=0;events=100;burst=1")?;
    let window = closed(lab, contestant, process, lengths, &["--stream", "--events", "100"], sample)?;
    sample.add("burst_cpu_us", window.cpu_us / window.requests);
    sample.add("burst_per_second", window.requests / window.seconds);
    for prompt in ["small", "large"] {
        lab.set_mock(&format!("reset;record=0;honour_max_tokens=0;{ANSWER}"))?;
        added(lab, contestant, lengths, prompt, sample)?;
    }
    Ok(())
}

/// The small prompt alone.
pub(super) fn small(lab: &Lab, contestant: &Contestant, process: &Process, lengths: Lengths, sample: &mut Sample) -> Result<()> {
    lab.set_mock(&format!("reset;record=0;honour_max_tokens=0;{ANSWER}"))?;
    let window = closed(lab, contestant, process, lengths, &["--prompt", "small"], sample)?;
    sample.add("small_cpu_us", window.cpu_us / window.requests);
    sample.add("small_per_second", window.requests / window.seconds);
    added(lab, contestant, lengths, "small", sample)
}

/// Many streams at once through one contestant.
pub(super) fn many_streams(lab: &Lab, contestant: &Contestant, process: &Process, lengths: Lengths, sample: &mut Sample) -> Result<()> {
    /// Files that a proxy needs besides two for each stream.
    const OTHER_FILES: u64 = 200;
    const INTERVAL: &str = "1000";
    let files = streams::raise_file_limit()?;
    let count = lengths.streams.min(files.saturating_sub(OTHER_FILES) / 2);
    if count < lengths.streams {
        sample.note(format!("{count} streams and not {}: {files} open files a process, and a proxy needs two a stream", lengths.streams));
    }
    let (count, events) = (count.to_string(), lengths.stream_events.to_string());
    lab.set_mock("reset;record=0")?;
    let arguments =
        ["streams", "--mock", &lab.mock_url(), "--count", &count, "--events", &events, "--interval-ms", INTERVAL, "--open-rate", "2000"];
    let mut load = lab.start_load(contestant, &arguments)?;
    let mut most = 0;
    while load.runs() {
        most = most.max(process.rss_bytes());
        thread::sleep(Duration::from_millis(250));
    }
    let report: streams::Report = serde_json::from_str(&load.output()?)?;
    sample.add("streams", report.streams as f64);
    sample.add("streams_intact", report.intact as f64);
    sample.add("streams_open", report.most_open as f64);
    sample.add("streams_rss_mb", mb(most));
    sample.add("streams_first_p50_us", report.counts.first.p50_us as f64);
    sample.add("streams_delay_p50_us", report.counts.delay.p50_us as f64);
    sample.add("streams_delay_p99_us", report.counts.delay.p99_us as f64);
    note_errors(contestant, "streams", &report.counts.errors, sample);
    Ok(())
}

fn closed(
    lab: &Lab,
    contestant: &Contestant,
    process: &Process,
    lengths: Lengths,
    arguments: &[&str],
    sample: &mut Sample,
) -> Result<Window> {
    /// The load goes on a little after the window, so that the window sees nothing of its end.
    const AFTER: Duration = Duration::from_millis(300);
    let duration = (lengths.warm_up + lengths.window + AFTER).as_secs_f64().to_string();
    let connections = CONNECTIONS.to_string();
    // The mock was told before, and `--mock` keeps the load from telling it with each request.
    let fixed = ["load", "--mode", "closed", "--connections", &connections, "--duration", &duration, "--mock", &lab.mock_url()];
    let load = lab.start_load(contestant, &[&fixed, arguments].concat())?;
    thread::sleep(lengths.warm_up);
    let (bill, cpu, start) = (lab.bill()?, process.cpu_us(), Instant::now());
    thread::sleep(lengths.window);
    let (bill_after, cpu_after, seconds) = (lab.bill()?, process.cpu_us(), start.elapsed().as_secs_f64());
    let rss_bytes = process.rss_bytes();
    let report: load::Report = serde_json::from_str(&load.output()?)?;
    note_errors(contestant, &arguments.join(" "), &report.main.errors, sample);
    let window = Window {
        cpu_us: cpu_after.saturating_sub(cpu) as f64,
        requests: bill_after.requests.saturating_sub(bill.requests) as f64,
        tokens: bill_after.completion_tokens.saturating_sub(bill.completion_tokens) as f64,
        seconds,
        rss_bytes,
    };
    ensure!(window.requests > 0.0, "nothing reached the mock through {} with {}", contestant.name, arguments.join(" "));
    Ok(window)
}

/// Direct and through the contestant in the same run; the difference is what it adds.
pub(super) fn added(lab: &Lab, contestant: &Contestant, lengths: Lengths, prompt: &str, sample: &mut Sample) -> Result<()> {
    let duration = lengths.open.as_secs_f64().to_string();
    let mock = lab.mock_url();
    let arguments = ["load", "--rate", OPEN_RATE, "--duration", &duration, "--prompt", prompt, "--baseline-url", &mock, "--mock", &mock];
    let report: load::Report = lab.load(contestant, &arguments)?;
    note_errors(contestant, &format!("open loop, {prompt}"), &report.main.errors, sample);
    if let Some(added) = report.added {
        sample.add(&format!("{prompt}_added_p50_us"), added.p50_us as f64);
        sample.add(&format!("{prompt}_added_p99_us"), added.p99_us as f64);
    }
    Ok(())
}

pub(super) fn note_errors(contestant: &Contestant, what: &str, errors: &std::collections::BTreeMap<String, u64>, sample: &mut Sample) {
    for (error, count) in errors {
        sample.note(format!("{}: {count} {error} with {what}", contestant.name));
    }
}

pub(super) fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
