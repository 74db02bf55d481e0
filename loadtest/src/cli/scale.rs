//! `fluxa-loadtest scale`.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use clap::Args;
use fluxa_loadtest::bench::{ScalePlan, scale};

use super::{complain, say, say_json, write_json};

/// Arguments of `scale`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  fluxa-loadtest scale --fluxa target/release/fluxa
  fluxa-loadtest scale --fluxa target/release/fluxa --keys 20000 --used 500 --cold 50

Starts a Postgres and a Redis of its own; a million keys take about a gigabyte in the temporary folder.")]
pub(crate) struct ScaleArgs {
    /// The fluxa binary.
    #[arg(long, value_name = "PATH")]
    fluxa: PathBuf,
    /// Keys in the database.
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Different keys that are used while memory is measured; each is made through the admin API first.
    #[arg(long, default_value_t = 30_000)]
    used: usize,
    /// Keys whose first call is timed.
    #[arg(long, default_value_t = 200)]
    cold: usize,
    /// Write everything to this file as JSON; `-` prints it instead of the table.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// End with a failure if a target is missed.
    #[arg(long)]
    strict: bool,
}

impl ScaleArgs {
    pub(crate) fn run(self) -> Result<()> {
        ensure!(self.cold > 0 && self.used > 0, "some keys must be used");
        let results = scale(&ScalePlan { fluxa: self.fluxa, keys: self.keys, used: self.used, cold: self.cold }, complain)?;
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
