//! Several replicas before one Redis: what a call costs each part, and how many calls a core of Redis would carry.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;

use super::{
    governed::{self, Cost},
    lab::Lab,
    machine,
    measure::Lengths,
    results::{Sample, median},
    site::Site,
};

/// What to measure.
#[derive(Debug, Clone)]
pub struct ReplicasPlan {
    /// The fluxa binary.
    pub fluxa: PathBuf,
    /// How many replicas, one measurement for each number.
    pub counts: Vec<usize>,
    /// Rounds; each figure is their median.
    pub rounds: usize,
    /// Short windows: to see that it works, not for figures.
    pub quick: bool,
}

/// One number of replicas.
#[derive(Debug, Clone, Serialize)]
pub struct ReplicasRow {
    /// How many replicas.
    pub replicas: usize,
    /// Calls a second through all of them; a small machine bounds it.
    pub calls_per_second: f64,
    /// CPU of all replicas, µs a call.
    pub gateway_cpu_us: f64,
    /// CPU of Redis, µs a call.
    pub redis_cpu_us: f64,
    /// CPU of Postgres, µs a call.
    pub postgres_cpu_us: f64,
    /// Scripts that Redis ran, a call.
    pub redis_scripts: f64,
    /// Calls a second that would fill a core of Redis: extrapolated from its CPU time a call.
    pub redis_core_calls_per_second: f64,
}

/// All of them.
#[derive(Debug, Clone, Serialize)]
pub struct ReplicasResults {
    /// Processor, kernel and load of the machine.
    pub machine: String,
    /// Rounds measured.
    pub rounds: usize,
    /// One for each number of replicas.
    pub rows: Vec<ReplicasRow>,
    /// Failures seen on the way.
    pub notes: Vec<String>,
}

/// Measures; `tell` gets a line for each step.
///
/// # Errors
/// When something does not start, or does not answer.
pub fn replicas(plan: &ReplicasPlan, tell: impl Fn(&str)) -> Result<ReplicasResults> {
    crate::streams::raise_file_limit()?;
    let lab = Lab::open(std::env::current_exe().context("no path of this program")?)?;
    let site = Site::open(&plan.fluxa, &lab)?;
    let key = site.furnish(&lab, 1)?.remove(0).secret;
    let lengths = if plan.quick { Lengths::quick() } else { Lengths::full() };
    let mut sample = Sample::default();
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); plan.counts.len()];
    for round in 0..plan.rounds {
        for (count, costs) in plan.counts.iter().zip(&mut costs) {
            tell(&format!("round {} of {}: {count} replicas", round + 1, plan.rounds));
            // Each runs before the next is made, so that no two get one port.
            let mut running = Vec::with_capacity(*count);
            for number in 0..*count {
                let gateway = site.gateway(number, &key)?;
                let (process, _) = lab.start(&gateway)?;
                running.push((gateway, process));
            }
            let gateways: Vec<_> = running.iter().map(|(gateway, process)| (gateway, process)).collect();
            costs.push(governed::closed(&lab, &site.servers, &gateways, lengths, &mut sample)?);
        }
    }
    let rows = plan.counts.iter().zip(&costs).map(|(count, costs)| row(*count, costs)).collect();
    Ok(ReplicasResults { machine: machine(), rounds: plan.rounds, rows, notes: sample.notes })
}

fn row(replicas: usize, costs: &[Cost]) -> ReplicasRow {
    let of = |value: fn(&Cost) -> f64| median(&costs.iter().map(value).collect::<Vec<_>>()).unwrap_or(0.0);
    let redis_cpu_us = of(|cost| cost.redis_us);
    ReplicasRow {
        replicas,
        calls_per_second: of(|cost| cost.per_second),
        gateway_cpu_us: of(|cost| cost.gateway_us),
        redis_cpu_us,
        postgres_cpu_us: of(|cost| cost.postgres_us),
        redis_scripts: of(|cost| cost.scripts),
        redis_core_calls_per_second: if redis_cpu_us > 0.0 { 1e6 / redis_cpu_us } else { 0.0 },
    }
}

impl ReplicasResults {
    /// The table as text.
    #[must_use]
    pub fn table(&self) -> String {
        let mut lines = vec![self.machine.clone(), format!("medians of {} rounds", self.rounds), String::new()];
        let heads = ["replicas", "calls/s", "gateway CPU µs", "Redis CPU µs", "Postgres CPU µs", "scripts a call", "calls/s a Redis core"];
        lines.push(heads.map(|head| format!("{head:>20}")).concat());
        for row in &self.rows {
            let values = [row.calls_per_second, row.gateway_cpu_us, row.redis_cpu_us, row.postgres_cpu_us];
            let values: String = values.iter().map(|value| format!("{value:>20.1}")).collect();
            lines.push(format!("{:>20}{values}{:>20.3}{:>20.0}", row.replicas, row.redis_scripts, row.redis_core_calls_per_second));
        }
        lines.push(
            "The last column is an extrapolation: one second by Redis' CPU time a call. The calls a second are of this machine.".to_owned(),
        );
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.join("\n")
    }
}
