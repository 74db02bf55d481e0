//! The results of a run: a table by vendor and endpoint, the reasons, and the same as JSON.
//!
//! Text is built here and printed by the program.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

/// How one case went, for people and for JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The case's id.
    pub id: String,
    /// Its vendor.
    pub vendor: String,
    /// Its endpoint.
    pub endpoint: String,
    /// `passed`, `failed` or `later`.
    pub outcome: Outcome,
    /// The answer was what it should be, in every way of sending.
    pub identical: bool,
    /// The ledger's usage was; absent where it is not looked at.
    pub usage_equal: Option<bool>,
    /// Rules that applied, or why it is for later.
    pub reasons: Vec<String>,
    /// What was wrong.
    pub failures: Vec<String>,
}

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As promised.
    Passed,
    /// Not as promised.
    Failed,
    /// Not asked, for a documented reason.
    Later,
}

/// All results of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Cases as promised.
    pub passed: usize,
    /// Cases not as promised.
    pub failed: usize,
    /// Cases not asked.
    pub later: usize,
    /// Every case.
    pub cases: Vec<Line>,
}

#[derive(Debug, Default)]
struct Cell {
    cases: usize,
    passed: usize,
    identical: usize,
    usage_equal: usize,
    usage_looked_at: usize,
    later: usize,
    failed: usize,
}

impl Cell {
    fn add(&mut self, line: &Line) {
        self.cases += 1;
        match line.outcome {
            Outcome::Later => {
                self.later += 1;
                return;
            }
            Outcome::Passed => self.passed += 1,
            Outcome::Failed => self.failed += 1,
        }
        self.identical += usize::from(line.identical);
        self.usage_looked_at += usize::from(line.usage_equal.is_some());
        self.usage_equal += usize::from(line.usage_equal == Some(true));
    }

    fn row(&self, vendor: &str, endpoint: &str) -> String {
        let usage = format!("{}/{}", self.usage_equal, self.usage_looked_at);
        let Self { cases, passed, identical, later, failed, .. } = self;
        format!("{vendor:<18}{endpoint:<22}{cases:>6}{passed:>8}{identical:>11}{usage:>13}{later:>7}{failed:>8}\n")
    }
}

impl Report {
    /// Counts the lines.
    pub fn new(mut cases: Vec<Line>) -> Self {
        cases.sort_by(|a, b| a.id.cmp(&b.id));
        let count = |outcome| cases.iter().filter(|line| line.outcome == outcome).count();
        let (passed, failed, later) = (count(Outcome::Passed), count(Outcome::Failed), count(Outcome::Later));
        Self { passed, failed, later, cases }
    }

    /// The table, the reasons, each failure, and the last line.
    pub fn text(&self) -> String {
        let mut cells: BTreeMap<(&str, &str), Cell> = BTreeMap::new();
        let mut sum = Cell::default();
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for line in &self.cases {
            cells.entry((&line.vendor, &line.endpoint)).or_default().add(line);
            sum.add(line);
            for reason in &line.reasons {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        let mut text = format!(
            "{:<18}{:<22}{:>6}{:>8}{:>11}{:>13}{:>7}{:>8}\n",
            "vendor", "endpoint", "cases", "passed", "identical", "usage equal", "later", "failed"
        );
        for ((vendor, endpoint), cell) in &cells {
            text.push_str(&cell.row(vendor, endpoint));
        }
        text.push_str(&sum.row("all", ""));
        text.push('\n');
        for (reason, cases) in &reasons {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{cases:>6}  {reason}");
        }
        text.push('\n');
        for line in self.cases.iter().filter(|line| line.outcome == Outcome::Failed) {
            let _ = writeln!(text, "{}", line.id);
            for failure in &line.failures {
                let _ = writeln!(text, "    {failure}");
            }
        }
        let _ = writeln!(text, "{} passed, {} failed", self.passed, self.failed);
        text
    }
}
