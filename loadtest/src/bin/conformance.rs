//! The program `fluxa-conformance`: recorded provider traffic through a gateway, byte for byte and token for token.
//!
//! Only arguments and printing are here; the work is in [`fluxa_loadtest::conformance`].

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use fluxa_loadtest::conformance::{self, Options, report::Report};
use indicatif::{ProgressBar, ProgressStyle};

/// Send recorded provider traffic through a gateway and compare bytes and usage.
#[derive(Debug, Parser)]
#[command(name = "fluxa-conformance", version, max_term_width = 110)]
struct Args {
    /// Folder of recordings: `index.json` and one file a case.
    #[arg(long)]
    corpus: PathBuf,
    /// The gateway to test.
    #[arg(long, env = "FLUXA_BIN", default_value = "target/release/fluxa")]
    fluxa: PathBuf,
    /// Ask the replay itself, with no gateway between: everything must be identical.
    #[arg(long)]
    direct: bool,
    /// Only cases whose id contains this.
    #[arg(long)]
    filter: Option<String>,
    /// Write the results of every case here.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Cases at a time.
    #[arg(long, default_value_t = 4)]
    jobs: usize,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's output is its purpose")]
fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(report) => {
            print!("{}", report.text());
            if report.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("fluxa-conformance: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<Report> {
    let fluxa = if args.direct {
        None
    } else {
        ensure!(args.fluxa.exists(), "no gateway at {}: build it, or name it with --fluxa", args.fluxa.display());
        // The gateway runs in a folder of its own.
        Some(fs::canonicalize(&args.fluxa)?)
    };
    let options = Options { corpus: args.corpus.clone(), fluxa, filter: args.filter.clone(), jobs: args.jobs };
    let progress = ProgressBar::new(0).with_style(ProgressStyle::with_template("{pos}/{len} cases {wide_bar} {elapsed}")?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(conformance::run(&options, &progress));
    progress.finish_and_clear();
    let report = report?;
    if let Some(file) = &args.json {
        let text = serde_json::to_vec_pretty(&report)?;
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(report)
}
