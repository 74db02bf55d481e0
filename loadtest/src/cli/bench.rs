//! `fluxa-loadtest bench`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use fluxa_loadtest::bench::{Lanes, Plan, run};

use super::{complain, say, say_json, write_json};

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  fluxa-loadtest bench --fluxa target/release/fluxa
  fluxa-loadtest bench --fluxa target/release/fluxa --quick
  fluxa-loadtest bench --skip-fluxa --rounds 1
  fluxa-loadtest bench --fluxa target/release/fluxa --lane cluster
  fluxa-loadtest bench --fluxa target/release/fluxa --json bench.json

Needs two cores, nginx (apt-get install nginx-light) and taskset; for the cluster Postgres and Redis too. Use release builds of both programs, on a machine that
does nothing else. A full run takes about a minute a round, and one more for the streams.")]
pub(crate) struct BenchArgs {
    /// The fluxa binary.
    #[arg(long, value_name = "PATH", required_unless_present = "skip_fluxa")]
    fluxa: Option<PathBuf>,
    /// Measure nginx alone.
    #[arg(long, conflicts_with = "fluxa")]
    skip_fluxa: bool,
    /// What runs beside nginx.
    #[arg(long, value_enum, default_value = "all")]
    lane: LaneArg,
    /// One round, short windows, 1,000 streams: to see that it works, not for figures.
    #[arg(long)]
    quick: bool,
    /// Rounds, each with both gateways; figures are medians. By default 3, with --quick 1.
    #[arg(long)]
    rounds: Option<usize>,
    /// Leave the many streams out.
    #[arg(long)]
    skip_streams: bool,
    /// Write everything, each round too, to this file as JSON; `-` prints it instead of the table.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keep the folder with configuration and logs, and say where it is.
    #[arg(long)]
    keep: bool,
    /// End with a failure if a target is missed.
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LaneArg {
    /// Both.
    All,
    /// fluxa serve, with SQLite and all prompts and streams.
    Embedded,
    /// fluxa gateway before Postgres and Redis, with the small prompt.
    Cluster,
}

impl BenchArgs {
    pub(crate) fn run(self) -> Result<()> {
        let rounds = self.rounds.unwrap_or(if self.quick { 1 } else { 3 }).max(1);
        let lanes = match self.lane {
            LaneArg::All => Lanes::All,
            LaneArg::Embedded => Lanes::Embedded,
            LaneArg::Cluster => Lanes::Cluster,
        };
        let plan = Plan { fluxa: self.fluxa, lanes, quick: self.quick, rounds, skip_streams: self.skip_streams, keep: self.keep };
        let results = run(&plan, complain)?;
        if self.json.as_ref().is_some_and(|path| path.as_os_str() == "-") {
            say_json(&results)?;
        } else {
            write_json(self.json.as_ref(), &results)?;
            say(&results.table());
        }
        match results.misses() {
            misses if self.strict && misses > 0 => bail!("{misses} targets missed"),
            _ => Ok(()),
        }
    }
}
