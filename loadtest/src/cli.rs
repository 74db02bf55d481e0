//! The arguments of the program, one file for each subcommand, and the few lines that print.

mod bench;
mod chaos;
mod load;
mod postgres;
mod proxy;
mod replicas;
mod scale;
mod streams;
mod vendor;

use std::{io::IsTerminal, path::PathBuf, rc::Rc, time::Duration};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use fluxa_loadtest::{
    client::Target,
    filler::filler,
    load::tally::{Percentiles, TargetReport},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// A mock vendor, and the load that proves the latency promise.
#[derive(Debug, Parser)]
#[command(name = "fluxa-loadtest", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a mock vendor that speaks the dialects of OpenAI, Anthropic, Gemini and Bedrock.
    Vendor(vendor::VendorArgs),
    /// Break things under load, with real processes, and check that no call is lost or counted twice.
    Chaos(chaos::ChaosArgs),
    /// Spoil connections on purpose: a TCP proxy with faults.
    Proxy(proxy::ProxyArgs),
    /// Send requests at a rate, or as fast as they are answered, and report times.
    Load(load::LoadArgs),
    /// Open many event streams at once and check that each is whole.
    Streams(streams::StreamsArgs),
    /// Run a command beside a throw-away Postgres, for tests that need one.
    Postgres(postgres::PostgresArgs),
    /// Compare a fluxa binary with nginx on this machine, and with the targets.
    Bench(bench::BenchArgs),
    /// Measure several replicas of a cluster before one Redis.
    Replicas(replicas::ReplicasArgs),
    /// Measure a replica before a million keys.
    Scale(scale::ScaleArgs),
}

/// How big the prompt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Prompt {
    /// 200 bytes.
    Small,
    /// 8 kB.
    Medium,
    /// 100 kB.
    Large,
}

/// What is asked, and of whom.
#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    /// Address to ask; `/v1/messages` at its end makes it Anthropic's dialect.
    #[arg(long, default_value = "http://127.0.0.1:8080/v1/chat/completions")]
    url: String,
    /// Virtual key, sent as bearer token.
    #[arg(long, env = "FLUXA_KEY", default_value = "sk-mock", hide_env_values = true)]
    key: String,
    /// Model asked for.
    #[arg(long, default_value = "gpt-4o")]
    model: String,
    /// Size of the prompt.
    #[arg(long, value_enum, default_value = "small")]
    prompt: Prompt,
    /// Token limit of the request.
    #[arg(long, default_value_t = 64)]
    max_tokens: u64,
    /// Options for the mock, sent with each request as `x-mock`. A gateway that drops the header needs --mock.
    #[arg(long, value_name = "KEY=VALUE;…")]
    x_mock: Option<String>,
    /// Address of the mock vendor, as http://127.0.0.1:PORT: its options are set there before the run.
    #[arg(long, value_name = "URL")]
    mock: Option<String>,
}

/// How results are shown.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// No progress line.
    #[arg(long)]
    quiet: bool,
}

impl Prompt {
    fn bytes(self) -> usize {
        match self {
            Self::Small => 200,
            Self::Medium => 8 * 1024,
            Self::Large => 100 * 1024,
        }
    }
}

impl AskArgs {
    /// The same request for another address, or for the one of these arguments.
    fn request(&self, target: &Target, stream: bool) -> Vec<u8> {
        let body = serde_json::json!({
            "model": self.model,
            "max_tokens": self.max_tokens,
            "stream": stream,
            "messages": [{"role": "user", "content": filler(self.prompt.bytes())}],
        });
        let mut headers = vec![("authorization".to_owned(), format!("Bearer {}", self.key))];
        if target.path.ends_with("/messages") {
            headers.push(("anthropic-version".to_owned(), "2023-06-01".to_owned()));
        }
        // A mock that was told before need not be told with each request, which costs it a parse.
        if let (Some(options), None) = (&self.x_mock, &self.mock) {
            headers.push(("x-mock".to_owned(), options.clone()));
        }
        target.post(&headers, &body.to_string())
    }

    /// Tells the mock how to behave, if its address is known.
    async fn set_mock(&self, options: &str) -> Result<()> {
        match &self.mock {
            Some(url) => fluxa_loadtest::bench::set_mock(&Target::parse(url)?, options).await,
            None => Ok(()),
        }
    }
}

/// One thread: the load must cost as little as it can, and leave the other core to what is measured.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(work)
}

/// Runs `work` under a progress line that `message` fills.
async fn with_progress<T>(show: &ShowArgs, total: Duration, message: impl Fn() -> String, work: impl Future<Output = T>) -> T {
    const EVERY: Duration = Duration::from_millis(200);
    let hidden = show.quiet || show.json || !std::io::stderr().is_terminal();
    let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let line = ProgressBar::with_draw_target(Some(total.as_millis() as u64), target);
    if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {wide_bar} {msg}") {
        line.set_style(style);
    }
    let start = std::time::Instant::now();
    let mut work = std::pin::pin!(work);
    let mut beat = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            done = &mut work => {
                line.finish_and_clear();
                return done;
            }
            _ = beat.tick(), if !hidden => {
                line.set_position(start.elapsed().as_millis() as u64);
                line.set_message(message());
            }
        }
    }
}

/// The one place that writes results.
#[expect(clippy::print_stdout, reason = "results are what this program is for")]
fn say(text: &str) {
    println!("{}", text.trim_end());
}

/// The one place that writes complaints.
#[expect(clippy::print_stderr, reason = "a program of the command line complains there")]
pub(crate) fn complain(text: &str) {
    eprintln!("fluxa-loadtest: {text}");
}

fn say_json(value: &impl Serialize) -> Result<()> {
    say(&serde_json::to_string_pretty(value)?);
    Ok(())
}

fn shared<T: Default>() -> Rc<T> {
    Rc::default()
}

/// Counts and times of one target as lines of a table.
fn table(title: &str, report: &TargetReport) -> String {
    let mut lines = vec![
        format!("{title} ({})", report.target),
        format!("  good answers   {} in {:.1} s, {:.0} a second", report.ok, report.seconds, report.ok_per_second),
    ];
    if !report.errors.is_empty() {
        let errors: Vec<_> = report.errors.iter().map(|(name, count)| format!("{name} {count}")).collect();
        lines.push(format!("  failures       {}", errors.join(", ")));
    }
    if report.events > 0 || report.events_lost > 0 {
        let (events, lost, intact) = (report.events, report.events_lost, report.streams_intact);
        lines.push(format!("  events         {events}, lost {lost}, whole streams {intact}"));
    }
    lines.push(format!("  {:<14} {:>9} {:>9} {:>9} {:>9} {:>9}", "µs", "p50", "p90", "p99", "p99.9", "max"));
    for (name, times) in
        [("whole answer", report.latency), ("first byte", report.first), ("between events", report.gap), ("event delay", report.delay)]
    {
        if times.count > 0 {
            lines.push(row(name, &times));
        }
    }
    lines.join("\n")
}

fn row(name: &str, times: &Percentiles) -> String {
    let Percentiles { p50_us, p90_us, p99_us, p999_us, max_us, .. } = times;
    format!("  {name:<14} {p50_us:>9} {p90_us:>9} {p99_us:>9} {p999_us:>9} {max_us:>9}")
}

/// Where a JSON file goes, if anywhere.
fn write_json(path: Option<&PathBuf>, value: &impl Serialize) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    std::fs::write(path, serde_json::to_vec_pretty(value)?).with_context(|| format!("cannot write {}", path.display()))
}
