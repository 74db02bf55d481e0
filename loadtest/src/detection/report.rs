//! The result as a table beside the goals, and what falls short.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::{
    score::{Score, Share},
    streams::Streams,
};

/// Goals of the recall of each tier, in percent.
const GOALS: [(&str, f64); 6] = [
    ("S1 vendors", 97.0),
    ("S2 connections", 85.0),
    ("S3 generic", 55.0),
    ("S4 long tail", 78.0),
    ("P1 Chinese", 98.0),
    ("P2 personal", 94.0),
];
/// Wrong findings a megabyte of benign text: of rules that change or refuse, and of all.
const WRONG_ENFORCED: f64 = 1.0;
const WRONG: f64 = 3.0;
/// Percent of the negatives with a bad check digit in which something is found.
const FLAGGED: f64 = 3.0;
/// Percent of the plain recall that each `must` form has to reach.
const EVASION: f64 = 95.0;

/// All results.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The corpus of texts.
    pub score: Score,
    /// Recall of obfuscated forms, and whether they must be found.
    pub forms: BTreeMap<String, (bool, Share)>,
    /// The streams.
    pub streams: Streams,
}

impl Report {
    /// Whether a stream let go of what the whole text does not, or became something else: never to be put up with.
    #[must_use]
    pub fn streams_fail(&self) -> bool {
        !self.streams.leaks.is_empty() || !self.streams.different.is_empty()
    }

    /// What falls short of its goal.
    #[must_use]
    pub fn shortfalls(&self) -> Vec<String> {
        let mut short = Vec::new();
        for (tier, goal) in GOALS {
            let percent = self.score.tiers.get(tier).copied().unwrap_or_default().percent();
            if percent < goal {
                short.push(format!("{tier}: recall {percent:.1} %, goal {goal} %"));
            }
        }
        let mut bound = |what: &str, value: f64, most: f64| {
            if value > most {
                short.push(format!("{what}: {value:.2}, at most {most}"));
            }
        };
        bound("wrong findings a MB, rules that mask or block", self.score.per_mb(self.score.wrong_enforced), WRONG_ENFORCED);
        bound("wrong findings a MB, all rules", self.score.per_mb(self.score.wrong), WRONG);
        let negatives = self.score.flagged.get("bad check digit or shape").copied().unwrap_or_default();
        bound("negatives flagged, percent", negatives.percent(), FLAGGED);
        let plain = self.forms.get("plain").map_or(100.0, |(_, share)| share.percent());
        for (form, (_, share)) in self.forms.iter().filter(|(_, (must, _))| *must) {
            let percent = share.percent() * 100.0 / plain.max(1.0);
            if percent < EVASION {
                short.push(format!("form {form}: {percent:.1} % of the plain recall, goal {EVASION} %"));
            }
        }
        if !self.streams.leaks.is_empty() {
            short.push(format!("{} streams leaked", self.streams.leaks.len()));
        }
        if !self.streams.different.is_empty() {
            short.push(format!("{} streams are not what the whole text becomes", self.streams.different.len()));
        }
        short
    }

    /// The tables, then what falls short, then the last line.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let share = |share: &Share| format!("{:>5}/{:<5} {:>6.1} %", share.hits, share.of, share.percent());
        let _ = writeln!(text, "recall by tier");
        for (tier, of) in &self.score.tiers {
            let goal = GOALS.iter().find(|(name, _)| name == tier).map_or_else(String::new, |(_, goal)| format!("goal {goal}"));
            let _ = writeln!(text, "  {tier:<18}{}  {goal}", share(of));
        }
        let _ = writeln!(text, "recall by kind");
        for (kind, of) in &self.score.kinds {
            let _ = writeln!(text, "  {kind:<34}{}", share(of));
        }
        let _ = writeln!(text, "negatives in which something was found");
        for (what, of) in &self.score.flagged {
            let _ = writeln!(text, "  {what:<34}{}", share(of));
        }
        let score = &self.score;
        let _ = writeln!(
            text,
            "benign text: {:.2} MB; wrong findings a MB: {:.2} of rules that mask or block, {:.2} of all; {} of the documents",
            megabytes(score.benign_bytes),
            score.per_mb(score.wrong_enforced),
            score.per_mb(score.wrong),
            share(&score.benign).trim()
        );
        for (rule, wrong) in &score.wrong_by_rule {
            let _ = writeln!(text, "  {wrong:>5}  {rule}");
        }
        let _ = writeln!(text, "obfuscated forms");
        for (form, (must, of)) in &self.forms {
            let _ = writeln!(text, "  {form:<34}{}  {}", share(of), if *must { "must" } else { "" });
        }
        let Streams { streams, leaks, unrecognized, different } = &self.streams;
        let _ = writeln!(
            text,
            "streams: {streams} read, {} leaked, {} not as the whole text; in {unrecognized} the value is not recognized at all",
            leaks.len(),
            different.len()
        );
        for which in leaks.iter().map(|id| format!("leaked {id}")).chain(different.iter().map(|id| format!("different {id}"))).take(40) {
            let _ = writeln!(text, "  {which}");
        }
        let short = self.shortfalls();
        for what in &short {
            let _ = writeln!(text, "falls short: {what}");
        }
        let goals = GOALS.len() + 3 + self.forms.values().filter(|(must, _)| *must).count() + 2;
        let _ = writeln!(text, "{} goals met, {} missed", goals - short.len(), short.len());
        text
    }
}

fn megabytes(bytes: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a size for people")]
    let megabytes = bytes as f64 / 1e6;
    megabytes
}
