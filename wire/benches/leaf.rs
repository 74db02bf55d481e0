//! What showing every text of a body costs, when nothing is done with the texts: time, by size and shape.
//!
//! ```sh
//! cargo bench -p fluxa-wire --bench leaf
//! ```
#![expect(clippy::print_stdout, reason = "a table is what this program is for")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use fluxa_wire::leaf::{Edited, Fate, json};

/// How long one body is measured.
const BUDGET: Duration = Duration::from_millis(200);
const RUNS: usize = 15;
const SIZES: [(&str, usize); 3] = [("1 kB", 1024), ("100 kB", 100 * 1024), ("1 MB", 1024 * 1024)];

/// A piece of a body, and what stands around all of them.
type Shape = (&'static str, &'static str, &'static str, &'static str);

const PROSE: &str = "The quick brown fox jumps over the lazy dog, and the dog does not mind. It was a quiet afternoon in the valley. ";
const CODE: &str = "fn main() {\\n    let name = \\\"x\\\";\\n    println!(\\\"{name}\\\");\\n}\\n";

const SHAPES: [Shape; 6] = [
    ("one long text", r#"{"model":"m","messages":[{"role":"user","content":""#, PROSE, r#""}]}"#),
    ("one long text of code", r#"{"model":"m","messages":[{"role":"user","content":""#, CODE, r#""}]}"#),
    ("one long Chinese text", r#"{"model":"m","messages":[{"role":"user","content":""#, "今天天气很好，我们一起去公园散步吧。", r#""}]}"#),
    (
        "turns",
        r#"{"model":"m","messages":["#,
        r#"{"role":"user","content":"What is the capital of this country, and how many people live there?"},"#,
        "{}]}",
    ),
    (
        "tools",
        r#"{"model":"m","tools":["#,
        r#"{"type":"function","function":{"name":"read_file","description":"Reads a file.","parameters":{"type":"object","properties":{"path":{"type":"string","description":"Where it is"},"limit":{"type":"integer"}},"required":["path"]}}},"#,
        "{}]}",
    ),
    (
        "an image",
        r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo"#,
        "AAAANSUhEUgAAABAAAAAQCAYAAAAf8",
        r#"A"}}]}]}"#,
    ),
];

fn main() {
    println!("| body | size | texts | ns | MB/s | one text changed, ns |\n| --- | --- | ---: | ---: | ---: | ---: |");
    for (name, open, piece, close) in SHAPES {
        for (size, bytes) in SIZES {
            let body = format!("{open}{}{close}", piece.repeat(bytes / piece.len()));
            let mut texts = 0u64;
            let _ = json(body.as_bytes(), &mut |_| {
                texts += 1;
                Fate::Keep
            });
            let kept = time_ns(|| {
                let edited = json(black_box(body.as_bytes()), &mut |leaf| {
                    black_box(leaf.text);
                    Fate::Keep
                });
                assert!(matches!(edited, Ok(Edited::Same)));
            });
            let changed = time_ns(|| {
                let mut first = true;
                let _ = black_box(json(black_box(body.as_bytes()), &mut |_| {
                    if std::mem::take(&mut first) { Fate::Replace(String::from("x")) } else { Fate::Keep }
                }));
            });
            let speed = body.len() as u64 * 1000 / kept.max(1);
            println!("| {name} | {size} | {texts} | {kept} | {speed} | {changed} |");
        }
    }
}

/// The median of some runs.
fn time_ns(mut work: impl FnMut()) -> u64 {
    let (mut runs, mut spent) = (Vec::new(), Duration::ZERO);
    while runs.len() < RUNS || spent < BUDGET {
        let start = Instant::now();
        work();
        let run = start.elapsed();
        spent += run;
        runs.push(run);
    }
    runs.sort_unstable();
    runs.get(runs.len() / 2).map_or(0, |run| u64::try_from(run.as_nanos()).unwrap_or(u64::MAX))
}
