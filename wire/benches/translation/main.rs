//! What translating costs: time, counted instructions, allocations; and whether it grows with its input and no faster.
//!
//! ```sh
//! cargo bench -p fluxa-wire                  # time and allocations
//! cargo bench -p fluxa-wire -- --counted     # the same, and instructions, and how they grow (needs valgrind)
//! cargo bench -p fluxa-wire -- bedrock       # only what has this in its name
//! ```
//!
//! Start at `speed.rs` for what is in the table, `growth.rs` for what must be linear.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a table is what this program is for")]

mod callgrind;
mod growth;
mod requests;
mod speed;
mod streams;
mod work;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use work::Work;

/// How long one work is measured.
const BUDGET: Duration = Duration::from_millis(40);
/// How many more instructions ten times the input may take: ten times, and some for tables that double.
const MOST: f64 = 12.0;
/// Runs of one work at least.
const RUNS: usize = 7;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let filter = arguments.iter().find(|argument| !argument.starts_with("--")).cloned().unwrap_or_default();
    // Under valgrind: every work once, each in a dump of its own.
    if let Some(part) = [callgrind::SPEED, callgrind::GROWTH].into_iter().find(|part| has(part)) {
        callgrind::run_works(&flat(part, &filter));
        return ExitCode::SUCCESS;
    }
    let counts = if has("--counted") && !flat(callgrind::SPEED, &filter).is_empty() {
        match callgrind::count(callgrind::SPEED, &filter) {
            Ok(counts) => counts,
            Err(what) => {
                eprintln!("{what}");
                return ExitCode::FAILURE;
            }
        }
    } else {
        Vec::new()
    };
    let mut counts = counts.into_iter();
    for section in speed::sections() {
        let works: Vec<&Work> = section.works.iter().filter(|work| speed::is_chosen(section.title, work, &filter)).collect();
        if works.is_empty() {
            continue;
        }
        println!("\n| {} | ns | instructions | allocations | bytes |\n| --- | ---: | ---: | ---: | ---: |", section.title);
        for work in works {
            let per = |whole: u64| whole / work.units.max(1) as u64;
            let allocated = allocation_counter::measure((work.ready)());
            let counted = counts.next().map_or_else(String::new, |count| per(count).to_string());
            let (calls, bytes) = (allocated.count_total as f64 / work.units.max(1) as f64, per(allocated.bytes_total));
            println!("| {} | {} | {counted} | {calls:.1} | {bytes} |", work.name, per(time_ns(work)));
        }
    }
    if has("--counted") { grown(&filter) } else { ExitCode::SUCCESS }
}

/// All works of a part, in the order of its table.
fn flat(part: &str, filter: &str) -> Vec<Work> {
    if part == callgrind::SPEED {
        let chosen = |section: speed::Section| {
            let title = section.title;
            section.works.into_iter().filter(move |work| speed::is_chosen(title, work, filter))
        };
        return speed::sections().into_iter().flat_map(chosen).collect();
    }
    growth::works().into_iter().filter(|(small, _)| small.name.contains(filter)).flat_map(|(small, large)| [small, large]).collect()
}

/// The median of some runs.
fn time_ns(work: &Work) -> u64 {
    let mut runs: Vec<Duration> = Vec::new();
    while runs.len() < RUNS || runs.iter().sum::<Duration>() < BUDGET {
        let run = (work.ready)();
        let start = Instant::now();
        run();
        runs.push(start.elapsed());
    }
    runs.sort_unstable();
    runs.get(runs.len() / 2).map_or(0, |run| u64::try_from(run.as_nanos()).unwrap_or(u64::MAX))
}

/// Tells what grows faster than its input.
fn grown(filter: &str) -> ExitCode {
    let works = flat(callgrind::GROWTH, filter);
    if works.is_empty() {
        return ExitCode::SUCCESS;
    }
    let counts = match callgrind::count(callgrind::GROWTH, filter) {
        Ok(counts) => counts,
        Err(what) => {
            eprintln!("{what}");
            return ExitCode::FAILURE;
        }
    };
    let mut faults = 0;
    println!("\n| ten times the input | instructions | of ten times | factor |\n| --- | ---: | ---: | ---: |");
    for (work, counts) in works.chunks(2).zip(counts.chunks(2)) {
        let ([work, _], [small, large]) = (work, counts) else { continue };
        let factor = *large as f64 / (*small).max(1) as f64;
        let fault = factor > MOST;
        faults += usize::from(fault);
        println!("| {} | {small} | {large} | {factor:.1}{} |", work.name, if fault { " **not linear**" } else { "" });
    }
    println!("\n{faults} of {} grow faster than their input", works.len() / 2);
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
