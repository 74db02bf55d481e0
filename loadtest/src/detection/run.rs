//! A whole run: each text of the corpora through the gateway's own test, then the streams.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::{
    report::Report,
    rows::{self, Row, StreamCase},
    score::{Finding, Score, Share, is_hit},
    streams,
};
use crate::conformance::gateway::Gateway;

/// Texts and bytes of one request: the contract's bounds are 200 and 512 kB.
const TEXTS: usize = 200;
const BYTES: usize = 400_000;

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder with `dev.jsonl.gz`, `evasion.jsonl.gz` and `stream_cases.jsonl.gz`.
    pub corpus: PathBuf,
    /// The gateway's binary.
    pub fluxa: PathBuf,
}

/// Runs everything; `progress` goes forward by one for each text.
///
/// # Errors
/// No corpus, or a gateway that does not start or refuses a text.
pub async fn run(options: &Options, progress: &ProgressBar) -> Result<Report> {
    let texts: Vec<Row> = rows::read(&options.corpus, "dev.jsonl.gz")?;
    let evasions: Vec<Row> = rows::read(&options.corpus, "evasion.jsonl.gz")?;
    let cases: Vec<StreamCase> = rows::read(&options.corpus, "stream_cases.jsonl.gz")?;
    ensure!(!texts.is_empty(), "no text in {}", options.corpus.display());
    progress.set_length((texts.len() + evasions.len() + cases.len()) as u64);
    let gateway = Gateway::start(&options.fluxa).await?;
    let mut score = Score::default();
    for (row, findings) in texts.iter().zip(find(&gateway, &texts, progress).await?) {
        score.add(row, &findings);
    }
    let mut forms: BTreeMap<String, (bool, Share)> = BTreeMap::new();
    for (row, findings) in evasions.iter().zip(find(&gateway, &evasions, progress).await?) {
        let (must, share) = forms.entry(row.form.clone()).or_default();
        *must |= row.must;
        share.hits += usize::from(is_hit(row, &findings));
        share.of += 1;
    }
    drop(gateway);
    let streams = streams::run(&options.fluxa, cases, progress).await?;
    Ok(Report { score, forms, streams })
}

/// The findings of each text, by every built-in rule.
async fn find(gateway: &Gateway, rows: &[Row], progress: &ProgressBar) -> Result<Vec<Vec<Finding>>> {
    let mut found = Vec::with_capacity(rows.len());
    let mut rest = rows;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take(TEXTS).take_while(|row| {
            bytes += row.text.len();
            bytes <= BYTES
        });
        let (some, later) = rest.split_at(fits.count().max(1));
        let texts: Vec<&str> = some.iter().map(|row| row.text.as_str()).collect();
        let answer = gateway.admin("POST", "/admin/firewall/test", Some(&json!({ "texts": texts }))).await?;
        let results = answer.get("results").and_then(Value::as_array).context("no results")?;
        ensure!(results.len() == some.len(), "{} results for {} texts", results.len(), some.len());
        found.extend(results.iter().map(findings));
        progress.inc(some.len() as u64);
        rest = later;
    }
    Ok(found)
}

fn findings(result: &Value) -> Vec<Finding> {
    let all = result.get("findings").and_then(Value::as_array).into_iter().flatten();
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let at = |of: &Value, name: &str| of.get(name).and_then(Value::as_u64).and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
    all.map(|of| Finding { start: at(of, "start"), end: at(of, "end"), rule: text(of, "rule"), action: text(of, "action") }).collect()
}
