//! The ledger as a model: rows that are written once, sums beside them, and moments at which both can be read.

use std::collections::{BTreeMap, HashMap};

use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;

/// A row as nodes and the stream hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: CallId,
    pub(crate) at: Micros,
    pub(crate) scopes: Vec<String>,
    pub(crate) nanos: i64,
    /// Abandoned, with the estimate.
    pub(crate) draft: bool,
}

/// Rows and sums.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Versions of each row with the number of the commit that made them, oldest first.
    pub(crate) rows: HashMap<CallId, Vec<(u64, Row)>>,
    /// Nano-dollars by scope, then by moment of the call.
    sums: HashMap<String, BTreeMap<i64, i64>>,
    commits: u64,
    pub(crate) away: bool,
}

/// A snapshot: all that was committed until then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(u64);

impl Ledger {
    /// Writes rows that are not there; gives what the ledger has of each that it had already.
    pub(crate) fn append(&mut self, rows: &[Row], replace: bool) -> Vec<Row> {
        self.commits += 1;
        let mut known = Vec::new();
        for row in rows {
            let versions = self.rows.entry(row.id).or_default();
            let last = versions.last().map(|(_, last)| last.clone());
            let wins = last.as_ref().is_none_or(|last| replace && last.draft && !row.draft);
            if !wins {
                known.extend(last);
                continue;
            }
            let more = row.nanos - last.as_ref().map_or(0, |last| last.nanos);
            for scope in &row.scopes {
                *self.sums.entry(scope.clone()).or_default().entry(row.at.0).or_default() += more;
            }
            versions.push((self.commits, row.clone()));
        }
        known
    }

    pub(crate) const fn moment(&self) -> Moment {
        Moment(self.commits)
    }

    /// Only right at the moment of the last commit; a warming reads it when it opens its moment.
    pub(crate) fn spent(&self, scope: &str, from: Micros, to: Option<Micros>) -> i64 {
        let to = to.map_or(i64::MAX, |to| to.0);
        self.sums.get(scope).map_or(0, |sums| sums.range(from.0..to).map(|(_, nanos)| nanos).sum())
    }

    /// What the row of this call charged at that moment.
    pub(crate) fn charge(&self, moment: Moment, id: CallId) -> Option<i64> {
        let versions = self.rows.get(&id)?;
        versions.iter().rev().find(|(commit, _)| *commit <= moment.0).map(|(_, row)| row.nanos)
    }

    pub(crate) fn row(&self, id: CallId) -> Option<&Row> {
        self.rows.get(&id)?.last().map(|(_, row)| row)
    }
}
