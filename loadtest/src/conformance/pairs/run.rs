//! A whole run over all pairs: read the cases, start replay, gateway and workers, ask, judge, collect.
//!
//! Start at [`run`].

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    super::report::Outcome,
    compare::Findings,
    dialect::{Client, Upstream},
    pair::{Pass, Subject},
    report::{Line, Report},
    sdk::Workers,
    setup::Setup,
};
use crate::conformance::{corpus, gateway::Gateway, http, replay::Replay};

/// Processes of the official libraries.
const WORKERS: usize = 2;

/// What to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folders of recordings.
    pub corpora: Vec<PathBuf>,
    /// The gateway's binary.
    pub fluxa: PathBuf,
    /// Python with the official libraries; without it, only the raw answers are judged.
    pub python: Option<PathBuf>,
    /// The program that it runs.
    pub script: PathBuf,
    /// Only cases whose id contains this.
    pub filter: Option<String>,
    /// Only this client.
    pub client: Option<Client>,
    /// Only this dialect of vendors.
    pub upstream: Option<Upstream>,
    /// Cases at a time.
    pub jobs: usize,
}

/// What all cases share.
struct Bench {
    replay: Arc<Replay>,
    gateway: Gateway,
    workers: Option<Arc<Workers>>,
}

/// Judges every pair; `progress` goes forward by one for each case.
///
/// # Errors
/// No corpus, no case, or something that does not start. A failing pair is in the report.
pub async fn run(options: &Options, progress: &ProgressBar) -> Result<Report> {
    let mut subjects = Vec::new();
    let mut lines = Vec::new();
    let clients: Vec<Client> = Client::ALL.into_iter().filter(|client| options.client.is_none_or(|only| only == *client)).collect();
    for folder in &options.corpora {
        for case in corpus::load(folder, options.filter.as_deref())? {
            let Some(upstream) = Upstream::of(&case).filter(|upstream| options.upstream.is_none_or(|only| only == *upstream)) else {
                continue;
            };
            let (id, vendor) = (case.id.clone(), case.vendor.clone());
            match Subject::of(subjects.len(), Arc::new(case)) {
                Ok(subject) => subjects.push(Arc::new(subject)),
                Err(why) => lines.extend(clients.iter().map(|client| Line::later(&id, &vendor, *client, upstream, why))),
            }
        }
    }
    ensure!(!subjects.is_empty(), "no case to ask in {:?}", options.corpora);
    progress.set_length(subjects.len() as u64);
    let served = subjects.iter().map(|subject| (subject.name(), Arc::clone(&subject.case)));
    let replay = Arc::new(Replay::start_named(served).await?);
    let workers = options.python.as_deref().map(|python| Workers::start(python, &options.script, WORKERS)).transpose()?.map(Arc::new);
    let permits = Arc::new(Semaphore::new(options.jobs.max(1)));
    // As many at a time as one configuration file can hold.
    let mut rest = subjects.into_iter().peekable();
    while rest.peek().is_some() {
        let mut setup = Setup::default();
        let mut batch = Vec::new();
        while !setup.is_full()
            && let Some(subject) = rest.next()
        {
            for pass in clients.iter().flat_map(|client| subject.passes(*client)) {
                subject.set_up(pass, &mut setup, &replay);
            }
            batch.push(subject);
        }
        let gateway = Gateway::start_with(&options.fluxa, &setup.sections()).await?;
        let bench = Arc::new(Bench { replay: Arc::clone(&replay), gateway, workers: workers.clone() });
        let mut tasks = JoinSet::new();
        for subject in batch {
            let (bench, permits, clients) = (Arc::clone(&bench), Arc::clone(&permits), clients.clone());
            tasks.spawn(async move {
                let _permit = permits.acquire_owned().await;
                let mut lines = Vec::new();
                for client in clients {
                    lines.push(bench.check(&subject, client).await);
                }
                lines
            });
        }
        while let Some(done) = tasks.join_next().await {
            lines.extend(done.context("a check broke down")?);
            progress.inc(1);
        }
    }
    Ok(Report::new(lines))
}

impl Bench {
    async fn check(&self, subject: &Subject, client: Client) -> Line {
        let mut findings = Findings { notes: subject.doubts(), ..Findings::default() };
        if !findings.notes.is_empty() {
            findings.rule("the corpus's own reader reads the recording otherwise");
        }
        for pass in subject.passes(client) {
            let before = findings.failures.len();
            if let Err(error) = self.ask(subject, pass, &mut findings).await {
                findings.fail(format!("{error:#}"));
            }
            if pass.torn {
                for failure in findings.failures.iter_mut().skip(before) {
                    failure.insert_str(0, "torn: ");
                }
            }
        }
        let outcome = if findings.failures.is_empty() { Outcome::Passed } else { Outcome::Failed };
        Line {
            id: subject.case.id.clone(),
            vendor: subject.case.vendor.clone(),
            client: client.name(),
            upstream: subject.upstream.name(),
            torn: subject.tear.is_some(),
            outcome,
            reasons: findings.rules.into_iter().map(str::to_owned).collect(),
            failures: findings.failures,
            notes: findings.notes,
        }
    }

    async fn ask(&self, subject: &Subject, pass: Pass, findings: &mut Findings) -> Result<()> {
        let spec = subject.served(pass).0;
        let key = &self.gateway.key;
        if pass.sdk {
            let Some(workers) = &self.workers else { return Ok(()) };
            let base_url = format!("http://{}", self.gateway.addr());
            let said = workers.ask(subject.task(pass, &base_url, key)).await?;
            self.replay.take(&spec);
            subject.judge_sdk(pass, &said, findings);
            return Ok(());
        }
        let reply = http::send(self.gateway.addr(), &subject.request(pass, key)).await?;
        let seen = self.replay.take(&spec);
        subject.judge(pass, &reply, &seen, findings);
        Ok(())
    }
}

/// Counts by reason, for reports.
pub(super) fn counted<'a>(words: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    counts
}
