//! The table of a run: one line a fault, and what it missed.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

use super::{checker::Finding, fleet::Told, scenario::Scenario};

/// Upstream requests for each request of a client, under a storm of 429.
const AMPLIFICATION: f64 = 1.1;

/// One scenario's result.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The scenario's id.
    pub id: &'static str,
    /// What was broken.
    pub fault: &'static str,
    /// Calls of clients.
    pub requests: u64,
    /// Gateways killed.
    pub kills: u64,
    /// Billed calls without a row.
    pub lost: u64,
    /// Rows or sums that count something twice.
    pub doubled: u64,
    /// Overspent, in nano-dollars.
    pub overspent_nanos: i64,
    /// Answers from 500 on, and broken connections.
    pub failed: u64,
    /// Seconds from the end of the load until everything agreed; `None` when it never did.
    pub recovery_s: Option<f64>,
    /// Goals that were missed, in words.
    pub missed: Vec<String>,
    /// What else was measured.
    pub notes: Vec<String>,
}

impl Line {
    /// Compares what was found with the scenario's goals.
    #[expect(clippy::too_many_arguments, reason = "one line of a table has as many columns")]
    pub(super) fn of(
        scenario: &Scenario,
        replicas: i64,
        kills: u64,
        told: &[Told],
        found: Finding,
        recovery: Option<Duration>,
        amplification: Option<f64>,
        mut notes: Vec<String>,
    ) -> Self {
        let mut missed: Vec<String> = notes.iter().filter_map(|note| note.strip_prefix("MISSED: ")).map(str::to_owned).collect();
        let counts = [
            ("lost", found.lost),
            ("doubled", found.doubled),
            ("phantom reservations", found.phantom),
            ("counters beside the ledger", found.drifted),
            ("answers that the ledger tells otherwise", found.mistold),
        ];
        missed.extend(counts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name}: {count}")));
        let allowed = scenario.lease_nanos.saturating_mul(replicas);
        if found.overspent_nanos > allowed {
            missed.push(format!("overspent by {} nano-dollars, {allowed} are allowed", found.overspent_nanos));
        }
        if scenario.no_failures && found.failed > 0 {
            missed.push(format!("{} calls failed: {}", found.failed, failures(told)));
        }
        if recovery.is_none() && missed.is_empty() {
            missed.push("rows still wait".to_owned());
        }
        if let Some(times) = amplification {
            notes.push(format!("{times:.2} upstream requests a call"));
            if times > AMPLIFICATION {
                missed.push(format!("{times:.2} upstream requests a call"));
            }
        }
        if found.failed > 0 {
            notes.push(format!("failed: {}", failures(told)));
        }
        notes.extend(found.examples);
        Self {
            id: scenario.id,
            fault: scenario.fault,
            requests: found.requests,
            kills,
            lost: found.lost,
            doubled: found.doubled,
            overspent_nanos: found.overspent_nanos,
            failed: found.failed,
            recovery_s: recovery.map(|time| time.as_secs_f64()),
            missed,
            notes,
        }
    }

    /// `ok`, or what was missed.
    #[must_use]
    pub fn verdict(&self) -> String {
        if self.missed.is_empty() { "ok".to_owned() } else { format!("MISSED {}", self.missed.join("; ")) }
    }
}

/// How calls failed, and how often.
fn failures(told: &[Told]) -> String {
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    for told in told.iter().filter(|told| !told.left) {
        let name = match (&told.failure, told.status) {
            (Some(failure), _) => failure.clone(),
            (None, Some(status)) if status >= 500 => status.to_string(),
            _ => continue,
        };
        *counts.entry(name).or_default() += 1;
    }
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

/// The table as Markdown.
#[must_use]
pub fn markdown(lines: &[Line], seed: u64) -> String {
    let mut text = String::from(
        "| id | fault | requests | kills | lost | doubled | overspent (nano-$) | failed | in order after | verdict |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
    );
    for line in lines {
        let after = line.recovery_s.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.0} s"));
        let notes: Vec<&str> =
            line.notes.iter().filter(|note| !note.starts_with("MISSED") && !note.contains("chaos-")).map(String::as_str).collect();
        let verdict = if notes.is_empty() { line.verdict() } else { format!("{} ({})", line.verdict(), notes.join("; ")) };
        let Line { id, fault, requests, kills, lost, doubled, overspent_nanos, failed, .. } = line;
        let _ = writeln!(
            text,
            "| {id} | {fault} | {requests} | {kills} | {lost} | {doubled} | {overspent_nanos} | {failed} | {after} | {verdict} |"
        );
    }
    let requests: u64 = lines.iter().map(|line| line.requests).sum();
    let kills: u64 = lines.iter().map(|line| line.kills).sum();
    let _ = writeln!(text, "\n{requests} requests, {kills} kills, seed {seed}.");
    text
}
