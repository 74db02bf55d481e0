//! `fluxa-loadtest chaos`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use fluxa_loadtest::chaos::{Options, SCENARIOS, markdown, run};

use super::{complain, say, write_json};

/// Between these lines of a document the table is written anew.
const BEGIN: &str = "<!-- chaos: begin -->";
const END: &str = "<!-- chaos: end -->";

/// Arguments of `chaos`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  fluxa-loadtest chaos --fluxa target/release/fluxa
  fluxa-loadtest chaos --fluxa target/release/fluxa --only F-01,F-30 --seconds 30 --seed 7
  fluxa-loadtest chaos --list

Needs Postgres' and Redis' programs (scripts/needs.sh). Exit code 1 when a goal is missed.")]
pub(crate) struct ChaosArgs {
    /// The program under test.
    #[arg(long, default_value = "target/release/fluxa")]
    fluxa: PathBuf,
    /// Only these scenarios.
    #[arg(long, value_delimiter = ',', value_name = "ID,…")]
    only: Vec<String>,
    /// Seconds of load in each scenario, instead of its own time.
    #[arg(long)]
    seconds: Option<u64>,
    /// Decides every choice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Gateways.
    #[arg(long, default_value_t = 4)]
    replicas: usize,
    /// Leave the logs of scenarios that missed a goal.
    #[arg(long)]
    keep: bool,
    /// A Markdown file whose part between `<!-- chaos: begin -->` and `<!-- chaos: end -->` becomes the table.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A file for the results as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// List the scenarios.
    #[arg(long)]
    list: bool,
}

impl ChaosArgs {
    pub(crate) fn run(self) -> Result<()> {
        if self.list {
            for scenario in SCENARIOS {
                say(&format!("{:<7} {:>3} s  {}", scenario.id, scenario.seconds, scenario.fault));
            }
            return Ok(());
        }
        let fluxa = self.fluxa.canonicalize().with_context(|| format!("no fluxa at {}", self.fluxa.display()))?;
        let Self { only, seconds, seed, replicas, keep, .. } = self;
        let lines = run(&Options { fluxa, only, seconds, seed, replicas, keep }, &complain)?;
        let table = markdown(&lines, seed);
        say(&table);
        for line in lines.iter().filter(|line| !line.missed.is_empty()) {
            say(&format!("{}: {}\n  {}", line.id, line.verdict(), line.notes.join("\n  ")));
        }
        if let Some(path) = &self.out {
            write_section(path, &table)?;
        }
        write_json(self.json.as_ref(), &lines)?;
        let missed = lines.iter().filter(|line| !line.missed.is_empty()).count();
        if missed > 0 {
            bail!("{missed} of {} scenarios missed a goal", lines.len());
        }
        Ok(())
    }
}

/// Puts the table between its marks; a file without marks gets both at its end.
fn write_section(path: &Path, table: &str) -> Result<()> {
    let old = std::fs::read_to_string(path).unwrap_or_default();
    let section = format!("{BEGIN}\n\n{table}\n{END}");
    let new = match (old.find(BEGIN), old.find(END)) {
        (Some(begin), Some(end)) if begin < end => {
            let (before, after) = (old.get(..begin).unwrap_or_default(), old.get(end + END.len()..).unwrap_or_default());
            format!("{before}{section}{after}")
        }
        _ => format!("{old}{section}\n"),
    };
    std::fs::write(path, new).with_context(|| format!("cannot write {}", path.display()))
}
