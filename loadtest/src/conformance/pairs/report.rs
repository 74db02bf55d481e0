//! The results of a run over pairs: a table of clients and upstreams, the rules, the classes of failures, and each.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::{
    super::report::Outcome,
    dialect::{Client, Upstream},
    run::counted,
};

/// How one pair went.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The case's id.
    pub id: String,
    /// Its vendor.
    pub vendor: String,
    /// The client's dialect.
    pub client: &'static str,
    /// The vendor's dialect.
    pub upstream: &'static str,
    /// It was asked a second time, with the stream torn.
    pub torn: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// The rules that excused something, or why it is for later.
    pub reasons: Vec<String>,
    /// What was wrong.
    pub failures: Vec<String>,
    /// What was excused, where that is worth a look.
    pub notes: Vec<String>,
}

/// All results.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Pairs as promised.
    pub passed: usize,
    /// Pairs not as promised.
    pub failed: usize,
    /// Pairs not asked.
    pub later: usize,
    /// Every pair.
    pub pairs: Vec<Line>,
}

impl Line {
    /// A pair that is not asked.
    pub fn later(id: &str, vendor: &str, client: Client, upstream: Upstream, why: &str) -> Self {
        Self {
            id: id.to_owned(),
            vendor: vendor.to_owned(),
            client: client.name(),
            upstream: upstream.name(),
            torn: false,
            outcome: Outcome::Later,
            reasons: vec![why.to_owned()],
            failures: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl Report {
    /// Counts the lines.
    pub fn new(mut pairs: Vec<Line>) -> Self {
        pairs.sort_by(|a, b| (&a.id, a.client).cmp(&(&b.id, b.client)));
        let count = |outcome| pairs.iter().filter(|line| line.outcome == outcome).count();
        let (passed, failed, later) = (count(Outcome::Passed), count(Outcome::Failed), count(Outcome::Later));
        Self { passed, failed, later, pairs }
    }

    /// The table, the rules, the classes of failures, each failing pair with its first difference, and the last line.
    pub fn text(&self) -> String {
        let mut text = format!("{:<12}{:<12}{:>8}{:>8}{:>8}{:>8}\n", "client", "upstream", "pairs", "passed", "failed", "later");
        for client in Client::ALL {
            for upstream in Upstream::ALL {
                let lines: Vec<&Line> =
                    self.pairs.iter().filter(|line| line.client == client.name() && line.upstream == upstream.name()).collect();
                if lines.is_empty() {
                    continue;
                }
                let count = |outcome| lines.iter().filter(|line| line.outcome == outcome).count();
                // Writing to a String cannot fail.
                let _ = writeln!(
                    text,
                    "{client:<12}{upstream:<12}{:>8}{:>8}{:>8}{:>8}{}",
                    lines.len(),
                    count(Outcome::Passed),
                    count(Outcome::Failed),
                    count(Outcome::Later),
                    if client.is_native(upstream) { "  passed through" } else { "" }
                );
            }
        }
        let torn = self.pairs.iter().filter(|line| line.torn).count();
        let _ = writeln!(text, "\n{torn:>6}  pairs asked once more with the stream torn");
        let _ = writeln!(text, "\nrules that excused something, and how many pairs:");
        for (reason, pairs) in counted(self.pairs.iter().flat_map(|line| &line.reasons).map(String::as_str)) {
            let _ = writeln!(text, "{pairs:>6}  {reason}");
        }
        let failed = || self.pairs.iter().filter(|line| line.outcome == Outcome::Failed);
        let mut classes: BTreeMap<String, usize> = BTreeMap::new();
        for line in failed() {
            let mut own: Vec<String> = line.failures.iter().map(|failure| class(failure)).collect();
            own.sort();
            own.dedup();
            for class in own {
                *classes.entry(class).or_default() += 1;
            }
        }
        let mut classes: Vec<(usize, String)> = classes.into_iter().map(|(class, pairs)| (pairs, class)).collect();
        classes.sort_by(|a, b| b.cmp(a));
        if !classes.is_empty() {
            let _ = writeln!(text, "\nfailures by kind, and how many pairs:");
        }
        for (pairs, class) in classes {
            let _ = writeln!(text, "{pairs:>6}  {class}");
        }
        text.push('\n');
        for line in failed() {
            let more = line.failures.len().saturating_sub(1);
            let first = line.failures.first().map_or("", String::as_str);
            let _ = writeln!(
                text,
                "{} as {}\n    {first}{}",
                line.id,
                line.client,
                if more > 0 { format!(" (+{more})") } else { String::new() }
            );
        }
        let _ = writeln!(text, "{} passed, {} failed", self.passed, self.failed);
        text
    }
}

/// A failure without what is particular about it: quoted texts and numbers.
fn class(failure: &str) -> String {
    let mut class = String::new();
    let mut quoted = false;
    for letter in failure.chars() {
        match letter {
            '"' => {
                quoted = !quoted;
                if quoted {
                    class.push_str("\"…\"");
                }
            }
            _ if quoted => {}
            '0'..='9' => {
                if !class.ends_with('#') {
                    class.push('#');
                }
            }
            letter => class.push(letter),
        }
    }
    const SHOWN: usize = 110;
    class.chars().take(SHOWN).collect()
}
