//! The independent checker: the vendor's bill, the clients' notes, the rows and the counters, and what does not agree.
//!
//! Pure: [`Books`] is what was read, [`judge`] says what is wrong. It shares no code with the gateway: rows come from `psql`, counters
//! from `redis-cli`, the bill from the vendor.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::fleet::Told;

/// One row of the ledger, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The name that the client gave the call.
    pub name: String,
    /// Scopes in which it counts.
    pub scopes: Vec<String>,
    /// Status sent to the client.
    pub status: u16,
    /// Tokens in and out.
    pub usage: (u64, u64),
    /// Times that the vendor was asked. What an attempt that broke off may be billed for is in the usage.
    pub attempts: usize,
    /// The charge in nano-dollars.
    pub nanos: i64,
    /// Its process died, and the charge is the estimate.
    pub abandoned: bool,
}

/// Everything that was read.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Names of the calls that the vendor answered well, each time it did.
    pub billed: Vec<String>,
    /// What clients were told.
    pub told: Vec<Told>,
    /// The ledger.
    pub rows: Vec<Row>,
    /// The ledger's sums by scope, in nano-dollars.
    pub sums: BTreeMap<String, i64>,
    /// Warm budget windows that began before the run: scope, spent, reserved. The windows of scopes are totals here.
    pub counters: Vec<(String, i64, i64)>,
    /// Calls that the counters still hold open.
    pub open: u64,
    /// Rows that still wait in the stream.
    pub waiting: u64,
    /// Limits in nano-dollars by scope.
    pub limits: BTreeMap<String, i64>,
    /// Gateways were killed, so their calls may be abandoned rows.
    pub killed: bool,
}

/// What was found. All numbers but the first two should be 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// Calls that clients made.
    pub requests: u64,
    /// Calls that the vendor answered well.
    pub billed: u64,
    /// Billed, and no row.
    pub lost: u64,
    /// Two rows of one call, and scopes whose sums are not those of their rows.
    pub doubled: u64,
    /// By how much budgets were overspent, in nano-dollars, all scopes together.
    pub overspent_nanos: i64,
    /// Reserved by nobody, in nano-dollars, and calls open for ever.
    pub phantom: u64,
    /// Scopes whose warm counters are not the ledger's sum.
    pub drifted: u64,
    /// Complete answers whose rows say something else.
    pub mistold: u64,
    /// Answers with a status from 500, and connections that broke.
    pub failed: u64,
    /// The worst of it, in words.
    pub examples: Vec<String>,
}

impl Finding {
    /// Nothing is lost, doubled, drifted, left or mistold.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.lost + self.doubled + self.phantom + self.drifted + self.mistold == 0
    }
}

/// Compares everything with everything.
#[must_use]
pub fn judge(books: &Books) -> Finding {
    let mut found = Finding { requests: books.told.len() as u64, ..Finding::default() };
    let billed: BTreeSet<&str> = books.billed.iter().map(String::as_str).collect();
    found.billed = billed.len() as u64;
    rows(books, &billed, &mut found);
    told(books, &mut found);
    counters(books, &mut found);
    found
}

fn example(found: &mut Finding, text: impl FnOnce() -> String) {
    /// More would not be read.
    const EXAMPLES: usize = 8;
    if found.examples.len() < EXAMPLES {
        found.examples.push(text());
    }
}

fn rows(books: &Books, billed: &BTreeSet<&str>, found: &mut Finding) {
    let mut names = HashSet::new();
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for row in &books.rows {
        if !row.name.is_empty() && !names.insert(row.name.as_str()) {
            found.doubled += 1;
            example(found, || format!("two rows of {}", row.name));
        }
        for scope in &row.scopes {
            *sums.entry(scope).or_default() += row.nanos;
        }
    }
    for name in billed.iter().filter(|name| !names.contains(*name)) {
        found.lost += 1;
        example(found, || format!("{name} was billed and has no row"));
    }
    for (scope, rows) in &sums {
        let sum = books.sums.get(*scope).copied().unwrap_or(0);
        if sum != *rows {
            found.doubled += 1;
            example(found, || format!("{scope}: its rows make {rows}, its sum is {sum}"));
        }
        if let Some(limit) = books.limits.get(*scope) {
            found.overspent_nanos += (rows - limit).max(0);
        }
    }
}

fn told(books: &Books, found: &mut Finding) {
    let rows: HashMap<&str, &Row> = books.rows.iter().map(|row| (row.name.as_str(), row)).collect();
    for told in &books.told {
        let broken = told.failure.is_some() && !told.left || told.status.is_some_and(|status| status >= 500);
        found.failed += u64::from(broken);
        if !told.complete || told.status != Some(200) {
            continue;
        }
        let agrees = rows.get(told.name.as_str()).is_some_and(|row| {
            // The answer may have been whole when its gateway died, before the row was.
            let abandoned = books.killed && row.abandoned;
            let usage = told.usage.is_none_or(|(input, output)| {
                (input, output) == row.usage || row.attempts > 1 && input <= row.usage.0 && output <= row.usage.1
            });
            abandoned || (row.status == 200 && usage)
        });
        if !agrees {
            found.mistold += 1;
            example(found, || format!("{}: told {:?}, the row is {:?}", told.name, told.usage, rows.get(told.name.as_str())));
        }
    }
}

fn counters(books: &Books, found: &mut Finding) {
    found.phantom = books.open;
    for (scope, spent, reserved) in &books.counters {
        if *reserved != 0 {
            found.phantom += 1;
            example(found, || format!("{scope}: {reserved} reserved"));
        }
        let sum = books.sums.get(scope).copied().unwrap_or(0);
        if *spent != sum {
            found.drifted += 1;
            example(found, || format!("{scope}: the counters say {spent}, the ledger {sum}"));
        }
    }
}

#[cfg(test)]
mod tests;
