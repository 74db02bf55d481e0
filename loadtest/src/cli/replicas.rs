//! `fluxa-loadtest replicas`.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use fluxa_loadtest::bench::{ReplicasPlan, replicas};

use super::{complain, say, say_json, write_json};

/// Arguments of `replicas`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  fluxa-loadtest replicas --fluxa target/release/fluxa
  fluxa-loadtest replicas --fluxa target/release/fluxa --counts 1,8 --rounds 1

Starts a Postgres and a Redis of its own. Each replica has a core of its own where the machine has enough of them.")]
pub(crate) struct ReplicasArgs {
    /// The fluxa binary.
    #[arg(long, value_name = "PATH")]
    fluxa: PathBuf,
    /// How many replicas, one measurement for each number.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4])]
    counts: Vec<usize>,
    /// Rounds; figures are medians. By default 3, with --quick 1.
    #[arg(long)]
    rounds: Option<usize>,
    /// One round, short windows: to see that it works, not for figures.
    #[arg(long)]
    quick: bool,
    /// Write everything to this file as JSON; `-` prints it instead of the table.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl ReplicasArgs {
    pub(crate) fn run(self) -> Result<()> {
        ensure!(self.counts.iter().all(|count| *count > 0), "a count of replicas must be above 0");
        let rounds = self.rounds.unwrap_or(if self.quick { 1 } else { 3 }).max(1);
        let plan = ReplicasPlan { fluxa: self.fluxa, counts: self.counts, rounds, quick: self.quick };
        let results = replicas(&plan, complain)?;
        if self.json.as_ref().is_some_and(|path| path.as_os_str() == "-") {
            return say_json(&results);
        }
        write_json(self.json.as_ref(), &results)?;
        say(&results.table());
        Ok(())
    }
}
