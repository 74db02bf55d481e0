//! What looking costs: MB/s of texts in which there is nothing, of texts made to be slow, and of streams; what starting costs.
//!
//! `cargo bench -p fluxa-firewall --bench scan`. One core; the best of all rounds counts. `-- rules` adds what each rule costs.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "it is what a benchmark is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use fluxa_domain::firewall::{Action, Direction, MaskStyle, PolicyRecord};
use fluxa_domain::time::Micros;
use fluxa_firewall::{CallFirewall, Finding, Form, Plan, Ruleset, bench_text};

/// Rounds of each text.
const ROUNDS: u32 = 15;

const PROSE: &str = "The committee met again on the second floor, where the windows face the river; nobody had read the minutes, and the \
    chair asked whether last spring's figures were still to be believed. They were not, as it turned out: the office had counted twice.\n";
const CODE: &str = "pub fn merge(&mut self, other: Map<String, Value>) -> Result<usize, Error> {\n    for (name, value) in other.iter() {\n        \
    if self.fields.get(name) != Some(value) { self.changed += 1; }\n    }\n    let limit = 4096; // bytes of a token, see limits.rs\n}\n";
const LOGS: &str = "2026-03-14T09:26:53.589Z INFO worker-7 request finished status=200 bytes=18231 took_ms=41 path=/v1/reports/weekly\n";
const IDEOGRAPHS: &str =
    "会议在二楼举行，窗户朝着河；没有人读过上次的记录，主席问 spring 的数字还能不能相信。结果是不能：大家决定下周再谈。\n";

fn of_bytes(text: &str, bytes: usize) -> String {
    let mut all = text.repeat(bytes / text.len() + 1);
    let end = (0..=bytes).rev().find(|end| all.is_char_boundary(*end)).unwrap();
    all.truncate(end);
    all
}

fn best(mut work: impl FnMut()) -> Duration {
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed()
        })
        .collect();
    rounds.sort_unstable();
    rounds[0]
}

fn row(ruleset: &Ruleset, name: &str, text: &str) {
    let mut findings: Vec<Finding> = Vec::new();
    let took = best(|| {
        findings.clear();
        ruleset.find(text, Form::Plain, &|_| true, &mut findings);
    });
    let speed = text.len() as f64 / took.as_secs_f64() / 1e6;
    println!("{name:<34} {:>9} B {:>10.1} us {speed:>8.0} MB/s {:>6} findings", text.len(), took.as_secs_f64() * 1e6, findings.len());
}

fn stream(name: &str, text: &str) {
    let ruleset = Ruleset::built_in();
    let policy = PolicyRecord {
        name: "all".to_owned(),
        note: String::new(),
        direction: Direction::Both,
        actions: ruleset.rules().iter().map(|rule| rule.id.clone()).zip(std::iter::repeat(treatment())).collect(),
        default: Action::Mask,
        observe_only: false,
        created_at: Micros(0),
        updated_at: Micros(0),
    };
    let plan = Plan::of(&ruleset, &[&policy], Direction::Response).map(Arc::new);
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).step_by(4).chain([text.len()]).collect();
    let (mut held, mut took, mut pieces) = (Vec::new(), Duration::MAX, 0);
    for _ in 0..ROUNDS {
        let mut call = CallFirewall::new(Arc::clone(&ruleset), None, plan.clone(), [0; 32]);
        let mut channel = call.channel(Form::Plain);
        let mut out = String::with_capacity(text.len());
        held.clear();
        let began = Instant::now();
        for pair in places.windows(2) {
            channel.push(&mut call, &text[pair[0]..pair[1]], &mut out).unwrap();
            held.push(channel.held_bytes());
        }
        took = took.min(began.elapsed());
        channel.finish(&mut call, &mut out).unwrap();
        pieces = held.len();
    }
    held.sort_unstable();
    let mean = held.iter().sum::<usize>() as f64 / pieces as f64;
    let at = |share: usize| held[(pieces - 1) * share / 100];
    println!(
        "stream {name:<27} {:>8.2} us a piece; held bytes: mean {mean:.1}, p50 {}, p99 {}, most {}",
        took.as_secs_f64() * 1e6 / pieces as f64,
        at(50),
        at(99),
        at(100)
    );
}

fn treatment() -> fluxa_domain::firewall::Treatment {
    fluxa_domain::firewall::Treatment { action: Action::Mask, style: MaskStyle::Label, ..Default::default() }
}

fn main() {
    let began = Instant::now();
    let ruleset = Ruleset::built_in();
    println!("{} rules made ready in {:?}", ruleset.rules().len(), began.elapsed());
    for (name, text) in [("prose", PROSE), ("code", CODE), ("logs", LOGS), ("ideographs", IDEOGRAPHS)] {
        for bytes in [1_000, 100_000, 1_000_000] {
            row(&ruleset, name, &of_bytes(text, bytes));
        }
    }
    row(&ruleset, "all kinds", &bench_text());
    for hostile in [
        "AKIA",
        "-----BEGIN PRIVATE KEY-----",
        "password=",
        "7",
        "@",
        "a.b@",
        "deadbeef01",
        "Zm9vYmFy/+",
        "eyJ",
        "1\u{200b}",
        "１３８",
        "\\",
        "4111 1111 ",
        "a.",
        "sk-",
        "://",
        "\\u0041",
        "token: ",
    ] {
        row(&ruleset, &format!("hostile {}", hostile.escape_debug()), &of_bytes(hostile, 100_000));
    }
    for (name, text) in [("prose", PROSE), ("code", CODE), ("logs", LOGS), ("ideographs", IDEOGRAPHS)] {
        stream(name, &of_bytes(text, 20_000));
    }
    if std::env::args().any(|argument| argument == "rules") {
        let text = bench_text();
        let mut findings: Vec<Finding> = Vec::new();
        let none = best(|| ruleset.find(&text, Form::Plain, &|_| false, &mut findings));
        let mut costs: Vec<(Duration, &str)> = ruleset
            .rules()
            .iter()
            .enumerate()
            .map(|(at, rule)| {
                (best(|| ruleset.find(&text, Form::Plain, &|one| one == at, &mut findings)).saturating_sub(none), rule.id.as_str())
            })
            .collect();
        costs.sort_unstable();
        println!("without any rule {none:?}; the dearest:");
        costs.iter().rev().take(25).for_each(|(cost, id)| println!("{id:<34} {cost:>12?}"));
    }
}
