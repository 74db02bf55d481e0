//! A whole run: load, start, check every case with some at a time, collect.
//!
//! Start at [`run`].

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    ask::Plan,
    check::Bench,
    corpus::{self, Case},
    gateway::Gateway,
    replay::Replay,
    report::{Line, Outcome, Report},
};

/// What to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of recordings.
    pub corpus: PathBuf,
    /// The gateway's binary; `None` asks the replay itself.
    pub fluxa: Option<PathBuf>,
    /// Only cases whose id contains this.
    pub filter: Option<String>,
    /// Cases at a time.
    pub jobs: usize,
}

/// Checks every case; `progress` goes forward by one for each.
///
/// # Errors
/// No corpus, no case, or a gateway that does not start. A failing case is in the report.
pub async fn run(options: &Options, progress: &ProgressBar) -> Result<Report> {
    let cases: Vec<Arc<Case>> = corpus::load(&options.corpus, options.filter.as_deref())?.into_iter().map(Arc::new).collect();
    ensure!(!cases.is_empty(), "no case in {}", options.corpus.display());
    progress.set_length(cases.len() as u64);
    let replay = Replay::start(cases.iter().map(Arc::clone)).await?;
    let gateway = match &options.fluxa {
        Some(binary) => Some(Gateway::start(binary).await?),
        None => None,
    };
    let bench = Arc::new(Bench::new(replay, gateway));
    let permits = Arc::new(Semaphore::new(options.jobs.max(1)));
    let mut tasks = JoinSet::new();
    for (number, case) in cases.into_iter().enumerate() {
        let (bench, permits) = (Arc::clone(&bench), Arc::clone(&permits));
        tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            line(&bench, number, &case).await
        });
    }
    let mut lines = Vec::new();
    while let Some(line) = tasks.join_next().await {
        lines.push(line.context("a check broke down")?);
        progress.inc(1);
    }
    Ok(Report::new(lines))
}

async fn line(bench: &Bench, number: usize, case: &Case) -> Line {
    let mut line = Line {
        id: case.id.clone(),
        vendor: case.vendor.clone(),
        endpoint: case.endpoint.clone(),
        outcome: Outcome::Later,
        identical: false,
        usage_equal: None,
        reasons: Vec::new(),
        failures: Vec::new(),
    };
    match Plan::of(case) {
        Err(later) => line.reasons.push(later.why().to_owned()),
        Ok(plan) => {
            let verdict = bench.check(number, case, &plan).await;
            line.outcome = if verdict.failures.is_empty() { Outcome::Passed } else { Outcome::Failed };
            line.identical = verdict.identical;
            line.usage_equal = verdict.usage_equal;
            line.reasons = verdict.rules.into_iter().map(str::to_owned).collect();
            line.failures = verdict.failures;
        }
    }
    line
}
