//! Whether the sums are those of the rows: what an audit of the ledger reads, at one moment. Nothing is changed here.
//!
//! The invariant that is held against the tables: every row is in the sums of each of its scopes (`spend_by_scope`) once, and
//! `usage_hourly` holds the same money. A chain of hashes over the rows would also show that a row and all its sums were changed
//! together; it is not built.

use std::collections::BTreeMap;

use fluxa_domain::scope;
use fluxa_domain::time::Micros;

use super::ledger::row::{cost, first_id, read, tokens};
use super::ledger::sums::QUARTER_MICROS;
use super::spend::{LedgerMoment, Spent};
use crate::error::StoreError;
use crate::sql;

/// Rows that are read at a time.
const PAGE: i64 = 2_000;
/// Rows whose sums are held in memory at a time: those of a day.
const DAY: i64 = 24 * Micros::PER_HOUR;
/// A row's id was made when its call came in, which is its moment, but for a clock that was set in between.
const SLACK: i64 = Micros::PER_HOUR;
/// Differences that are told; more say nothing more.
const MOST: usize = 1_000;

/// A sum that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongSum {
    /// Whose.
    pub scope: String,
    /// The beginning of its quarter of an hour, or of its hour.
    pub from: Micros,
    /// What the rows (or the other table) say.
    pub expected: Spent,
    /// What the sum says.
    pub found: Spent,
}

/// What was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SumsAudit {
    /// Rows that were read, or hours.
    pub compared: u64,
    /// Sums that differ, at most a thousand.
    pub wrong: Vec<WrongSum>,
}

impl LedgerMoment {
    /// Adds up all rows that are still there and compares with the sums of their scopes. Reads the whole ledger: minutes for
    /// millions of rows.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn audit_rows(&mut self) -> Result<SumsAudit, StoreError> {
        let mut audit = SumsAudit::default();
        let Some(begin) = self.first_whole_quarter().await? else { return Ok(audit) };
        let era = self.all_scopes_since().await?;
        let last: Option<i64> = sql::query_scalar("SELECT MAX(quarter) FROM spend_by_scope").fetch_one(&mut self.tx).await?;
        let mut day = begin.div_euclid(DAY) * DAY;
        // A day past the last sum: rows that are in no sum at all would be there.
        while day <= last.unwrap_or(begin).saturating_add(DAY) && audit.wrong.len() < MOST {
            let (from, to) = (day.max(begin), day + DAY);
            let rows = self.sums_of_rows(from, to, &mut audit.compared).await?;
            let sums: Vec<(String, i64, i64, i64)> =
                sql::query_as("SELECT scope, quarter, nanos, tokens FROM spend_by_scope WHERE quarter >= $1 AND quarter < $2")
                    .bind(from)
                    .bind(to)
                    .fetch_all(&mut self.tx)
                    .await?;
            let sums = sums.into_iter().map(|(scope, quarter, nanos, tokens)| ((quarter, scope), Spent { nanos, tokens })).collect();
            compare(rows, sums, era, &mut audit.wrong);
            day = to;
        }
        Ok(audit)
    }

    /// Compares the hours of `usage_hourly` with the money in the sums of all organizations, hour by hour.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn audit_usage(&mut self) -> Result<SumsAudit, StoreError> {
        let hours: Vec<(i64, i64)> =
            sql::query_as("SELECT hour, CAST(SUM(cost_nanos) AS BIGINT) FROM usage_hourly GROUP BY hour").fetch_all(&mut self.tx).await?;
        let spent: Vec<(i64, i64)> = sql::query_as(
            "SELECT quarter, CAST(SUM(nanos) AS BIGINT) FROM spend_by_scope WHERE scope >= 'org:' AND scope < 'org;' GROUP BY quarter",
        )
        .fetch_all(&mut self.tx)
        .await?;
        let mut audit = SumsAudit { compared: hours.len() as u64, wrong: Vec::new() };
        let mut by_hour: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        for (hour, nanos) in hours {
            by_hour.entry(hour).or_default().0 += nanos;
        }
        for (quarter, nanos) in spent {
            by_hour.entry(quarter.div_euclid(Micros::PER_HOUR) * Micros::PER_HOUR).or_default().1 += nanos;
        }
        let wrong = by_hour.into_iter().filter(|(_, (usage, spent))| usage != spent).take(MOST);
        audit.wrong = wrong
            .map(|(hour, (usage, spent))| WrongSum {
                scope: String::from("all organizations"),
                from: Micros(hour),
                expected: Spent { nanos: usage, tokens: 0 },
                found: Spent { nanos: spent, tokens: 0 },
            })
            .collect();
        Ok(audit)
    }

    /// The sums of the rows whose moment is in `from..to`.
    async fn sums_of_rows(&mut self, from: i64, to: i64, count: &mut u64) -> Result<BTreeMap<(i64, String), Spent>, StoreError> {
        let mut sums: BTreeMap<(i64, String), Spent> = BTreeMap::new();
        let mut after = first_id(Micros(from.saturating_sub(SLACK).max(0)));
        let end = first_id(Micros(to.saturating_add(SLACK)));
        loop {
            let rows: Vec<(Vec<u8>, String)> = sql::query_as("SELECT id, entry FROM ledger WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3")
                .bind(after.clone())
                .bind(end.clone())
                .bind(PAGE)
                .fetch_all(&mut self.tx)
                .await?;
            let Some((id, _)) = rows.last() else { return Ok(sums) };
            after.clone_from(id);
            for (_, text) in &rows {
                let entry = read(text)?;
                if !(from..to).contains(&entry.at.0) {
                    continue;
                }
                *count += 1;
                if cost(&entry) == 0 && tokens(&entry) == 0 {
                    continue;
                }
                let quarter = entry.at.0.div_euclid(QUARTER_MICROS) * QUARTER_MICROS;
                for scope in scope::of_entry(&entry) {
                    let sum = sums.entry((quarter, scope)).or_default();
                    sum.nanos += cost(&entry);
                    sum.tokens += tokens(&entry);
                }
            }
        }
    }

    /// The first quarter of which no row has been pruned; nothing where there are neither rows nor sums.
    async fn first_whole_quarter(&mut self) -> Result<Option<i64>, StoreError> {
        let oldest: Option<String> = sql::query_scalar("SELECT entry FROM ledger ORDER BY id LIMIT 1").fetch_optional(&mut self.tx).await?;
        let first_sum: Option<i64> = sql::query_scalar("SELECT MIN(quarter) FROM spend_by_scope").fetch_one(&mut self.tx).await?;
        let Some(oldest) = oldest else { return Ok(None) };
        let quarter = read(&oldest)?.at.0.div_euclid(QUARTER_MICROS) * QUARTER_MICROS;
        // What is older than the oldest row was pruned, maybe within its quarter.
        Ok(Some(if first_sum.is_some_and(|first| first < quarter) { quarter + QUARTER_MICROS } else { quarter }))
    }

    /// Since when models and teams are summed too; earlier releases summed keys alone.
    async fn all_scopes_since(&mut self) -> Result<i64, StoreError> {
        let (first, first_of_model): (Option<i64>, Option<i64>) =
            sql::query_as("SELECT MIN(quarter), MIN(CASE WHEN scope LIKE 'key:%:model:%' THEN quarter END) FROM spend_by_scope")
                .fetch_one(&mut self.tx)
                .await?;
        Ok(match (first, first_of_model) {
            (Some(first), Some(model)) if model > first => model + QUARTER_MICROS,
            _ => i64::MIN,
        })
    }
}

fn compare(mut rows: BTreeMap<(i64, String), Spent>, sums: BTreeMap<(i64, String), Spent>, era: i64, wrong: &mut Vec<WrongSum>) {
    let is_old = |quarter: i64, scope: &str| quarter < era && (scope.starts_with("team:") || scope.contains(":model:"));
    let mut tell = |(quarter, scope): (i64, String), expected: Spent, found: Spent| {
        if expected != found && !is_old(quarter, &scope) && wrong.len() < MOST {
            wrong.push(WrongSum { scope, from: Micros(quarter), expected, found });
        }
    };
    for (place, found) in sums {
        let expected = rows.remove(&place).unwrap_or_default();
        tell(place, expected, found);
    }
    for (place, expected) in rows {
        tell(place, expected, Spent::default());
    }
}
