//! The proof with real processes: gateways, Redis, Postgres and a vendor with its own bill, while something breaks.
//!
//! One scenario is one lab: load runs, the fault comes and goes, the load stops, and an independent checker (`chaos/checker.rs`) compares
//! what the vendor billed, what clients were told, the ledger and the counters. Never done here: asking fluxa whether it is right.
//! Start at [`run`]; the scenarios are rows in `chaos/scenario.rs`.

mod checker;
mod faults;
mod fleet;
mod lab;
mod process;
mod report;
mod scenario;

use std::{path::PathBuf, time::Instant};

use anyhow::{Context as _, Result, bail};

pub use checker::{Books, Finding, Row, judge};
pub use fleet::Told;
pub use report::{Line, markdown};
pub use scenario::{SCENARIOS, Scenario};

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program under test.
    pub fluxa: PathBuf,
    /// Ids of the scenarios; all of them when empty.
    pub only: Vec<String>,
    /// How long each one's load runs; its own time when `None`.
    pub seconds: Option<u64>,
    /// Decides every choice.
    pub seed: u64,
    /// Gateways, where the scenario does not say.
    pub replicas: usize,
    /// Leave the logs of labs that missed their goals.
    pub keep: bool,
}

/// Runs the scenarios one after the other; `say` hears what happens. A lab that does not come up is an error, a goal missed is a line.
///
/// # Errors
/// When no scenario has one of these ids, or a backend does not start.
pub fn run(options: &Options, say: &dyn Fn(&str)) -> Result<Vec<Line>> {
    let wanted = |scenario: &&Scenario| options.only.is_empty() || options.only.iter().any(|id| id.eq_ignore_ascii_case(scenario.id));
    let chosen: Vec<&Scenario> = SCENARIOS.iter().filter(wanted).collect();
    if chosen.is_empty() {
        bail!("no scenario is called {}", options.only.join(" or "));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("no runtime")?;
    let mut lines = Vec::with_capacity(chosen.len());
    for scenario in chosen {
        say(&format!("{} {}", scenario.id, scenario.fault));
        let start = Instant::now();
        let line = runtime.block_on(scenario::play(scenario, options, say)).with_context(|| scenario.id)?;
        say(&format!("{} {} in {:.0} s", line.id, line.verdict(), start.elapsed().as_secs_f64()));
        lines.push(line);
    }
    Ok(lines)
}
