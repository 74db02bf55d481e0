//! The program `fluxa-conformance`: recorded provider traffic through a gateway, byte for byte and token for token.
//!
//! Only arguments and printing are here; the work is in [`fluxa_loadtest::conformance`].

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use fluxa_loadtest::conformance::{
    self, Options,
    pairs::{
        self,
        dialect::{Client, Upstream},
    },
};
use fluxa_loadtest::detection;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

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
    #[arg(long, alias = "out", value_name = "FILE")]
    json: Option<PathBuf>,
    /// Cases at a time.
    #[arg(long, default_value_t = 4)]
    jobs: usize,
    /// A folder of texts with secrets and personal data: what the firewall finds in them, and what leaves its streams.
    #[arg(long, conflicts_with_all = ["pairs", "direct"])]
    detection: bool,
    /// Goals of recall and precision that are missed are told and do not fail the run; leaks of streams do.
    #[arg(long, requires = "detection")]
    goals_are_told: bool,
    /// Every client dialect over every upstream dialect, instead of the recorded requests as they are.
    #[arg(long)]
    pairs: bool,
    /// A further folder of recordings, with --pairs.
    #[arg(long, value_name = "FOLDER", requires = "pairs")]
    also: Vec<PathBuf>,
    /// Only this client's dialect: chat, responses, messages or gemini.
    #[arg(long, requires = "pairs", value_parser = client)]
    client: Option<Client>,
    /// Only vendors of this dialect: chat, messages, gemini or converse.
    #[arg(long, requires = "pairs", value_parser = upstream)]
    upstream: Option<Upstream>,
    /// Python with the official libraries of loadtest/sdk/requirements.txt; without it, only raw answers are judged.
    #[arg(long, value_name = "FILE", requires = "pairs")]
    python: Option<PathBuf>,
    /// The program that it runs.
    #[arg(long, value_name = "FILE", default_value = "loadtest/sdk/ask.py")]
    script: PathBuf,
}

fn client(name: &str) -> Result<Client, String> {
    Client::named(name).ok_or_else(|| "chat, responses, messages or gemini".to_owned())
}

fn upstream(name: &str) -> Result<Upstream, String> {
    Upstream::named(name).ok_or_else(|| "chat, messages, gemini or converse".to_owned())
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's output is its purpose")]
fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok((text, failed)) => {
            print!("{text}");
            if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("fluxa-conformance: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// The report as text, and how many failed.
fn run(args: &Args) -> Result<(String, usize)> {
    let fluxa = if args.direct {
        None
    } else {
        ensure!(args.fluxa.exists(), "no gateway at {}: build it, or name it with --fluxa", args.fluxa.display());
        // The gateway runs in a folder of its own.
        Some(fs::canonicalize(&args.fluxa)?)
    };
    let progress = ProgressBar::new(0).with_style(ProgressStyle::with_template("{pos}/{len} cases {wide_bar} {elapsed}")?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if args.detection {
        let fluxa = fluxa.context("--detection needs a gateway")?;
        let options = detection::Options { corpus: args.corpus.clone(), fluxa };
        let report = runtime.block_on(detection::run(&options, &progress));
        progress.finish_and_clear();
        let report = report?;
        write(args, &report)?;
        let failed = if args.goals_are_told { usize::from(report.streams_fail()) } else { report.shortfalls().len() };
        return Ok((report.text(), failed));
    }
    if args.pairs {
        let fluxa = fluxa.context("--pairs needs a gateway")?;
        let corpora = [&[args.corpus.clone()][..], &args.also].concat();
        let (python, script, filter) = (args.python.clone(), args.script.clone(), args.filter.clone());
        let options =
            pairs::Options { corpora, fluxa, python, script, filter, client: args.client, upstream: args.upstream, jobs: args.jobs };
        let report = runtime.block_on(pairs::run(&options, &progress));
        progress.finish_and_clear();
        let report = report?;
        write(args, &report)?;
        return Ok((report.text(), report.failed));
    }
    let options = Options { corpus: args.corpus.clone(), fluxa, filter: args.filter.clone(), jobs: args.jobs };
    let report = runtime.block_on(conformance::run(&options, &progress));
    progress.finish_and_clear();
    let report = report?;
    write(args, &report)?;
    Ok((report.text(), report.failed))
}

fn write(args: &Args, report: &impl Serialize) -> Result<()> {
    let Some(file) = &args.json else { return Ok(()) };
    let text = serde_json::to_vec_pretty(report)?;
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
