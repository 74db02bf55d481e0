//! How raw rows of the ledger come into their place and go again. Sums are never touched: spend and usage outlive the rows.
//!
//! On Postgres the ledger is cut into weeks: a week is made ahead of time and dropped whole, which costs nothing, where deleting its
//! rows one by one would cost as much as writing them. What belongs to no week is in `ledger_rest`. A file has one table.

use fluxa_domain::time::Micros;
use sqlx::postgres::{PgPool, Postgres};
use sqlx::{AssertSqlSafe, Executor as _, Transaction};

use super::ledger::row::first_id;
use crate::error::StoreError;
use crate::open::{SCHEMA_LOCK, Store};
use crate::sql::{self, Pool};

/// Rows that one prune removes at most before it lets other writers in.
const PRUNE_ROWS: i64 = 5_000;

/// Microseconds of a partition.
const WEEK_MICROS: i64 = 7 * 24 * Micros::PER_HOUR;

/// The first Monday after the epoch, in microseconds: weeks begin at 00:00 UTC on Mondays.
const FIRST_MONDAY: i64 = 4 * 24 * Micros::PER_HOUR;

/// Weeks that are made ahead of time: a month in which nobody need look.
const WEEKS_AHEAD: i64 = 4;

/// What the partition of a week is called, before its Monday (`ledger_2026_11_16`).
const PREFIX: &str = "ledger_";

/// The weeks there are.
const WEEKS: &str = "SELECT c.relname::TEXT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
    WHERE i.inhparent = 'ledger'::regclass AND c.relname <> 'ledger_rest' ORDER BY 1";

impl Store {
    /// Makes the ledger's partitions for this week and the next four, and returns how many were made. Any number of processes may
    /// do so at once, and it may be forgotten: rows that find no partition wait in the rest and move when theirs is made.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then those that were made before stay.
    pub async fn prepare_partitions(&self, now: Micros) -> Result<u64, StoreError> {
        let Pool::Postgres(pool, _) = self.writer() else { return Ok(0) };
        let mut made = 0;
        for ahead in 0..=WEEKS_AHEAD {
            made += u64::from(make(pool, week_of(now).saturating_add(ahead * WEEK_MICROS)).await?);
        }
        Ok(made)
    }

    /// Removes ledger rows from before `before` (never sums) and returns how many; call it again while it returns any, it
    /// removes a few thousand at a time so that appends are not kept waiting. Where the ledger is cut into weeks, a week goes
    /// when all of it is older, with all its rows at once, whose number is an estimate for a big one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn prune(&self, before: Micros) -> Result<u64, StoreError> {
        let (statement, dropped) = match self.writer() {
            Pool::Sqlite(_) => ("DELETE FROM ledger WHERE id IN (SELECT id FROM ledger WHERE id < $1 ORDER BY id LIMIT $2)", 0),
            Pool::Postgres(pool, _) => (
                "DELETE FROM ledger_rest WHERE id IN (SELECT id FROM ledger_rest WHERE id < $1 ORDER BY id LIMIT $2)",
                drop_weeks(pool, before).await?,
            ),
        };
        Ok(dropped + sql::query(statement).bind(first_id(before)).bind(PRUNE_ROWS).execute(self.writer()).await?)
    }
}

/// Makes the partition of the week that begins at `start`; false if it is there.
async fn make(pool: &PgPool, start: i64) -> Result<bool, StoreError> {
    let mut tx = alone(pool).await?;
    let name = name(start);
    let there: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(&name).fetch_one(&mut *tx).await?;
    if there {
        return Ok(false);
    }
    // Nothing below comes from outside: a name of digits and two bounds in hexadecimal.
    let (from, to) = (bound(start), bound(start.saturating_add(WEEK_MICROS)));
    // Made aside and then attached, since that lets appends to other weeks go on; what waited in the rest moves with the lock on
    // it held, so that nothing more of this week gets in. The strongest lock at once: attaching needs it, and asking for more of
    // what one holds is how deadlocks are made.
    let statements = [
        String::from("LOCK TABLE ledger_rest IN ACCESS EXCLUSIVE MODE"),
        format!("CREATE TABLE {name} (LIKE ledger INCLUDING ALL)"),
        format!(
            "WITH moved AS (DELETE FROM ledger_rest WHERE id >= {from} AND id < {to} RETURNING *) INSERT INTO {name} SELECT * FROM moved"
        ),
        format!("ALTER TABLE ledger ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({to})"),
    ];
    for statement in statements {
        tx.execute(AssertSqlSafe(statement)).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Drops the weeks that end at `before` or earlier; returns about how many rows they had.
async fn drop_weeks(pool: &PgPool, before: Micros) -> Result<u64, StoreError> {
    let names: Vec<String> = sqlx::query_scalar(WEEKS).fetch_all(pool).await?;
    let old = |name: &&String| start_of(name).is_some_and(|start| start.saturating_add(WEEK_MICROS) <= before.0);
    let mut rows = 0;
    for name in names.iter().filter(old) {
        let mut tx = alone(pool).await?;
        let there: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(name).fetch_one(&mut *tx).await?;
        if !there {
            continue;
        }
        // Counting a big table takes as long as reading it; the planner knows about how many there are, unless it never looked.
        let known: f32 =
            sqlx::query_scalar("SELECT reltuples FROM pg_class WHERE oid = to_regclass($1)").bind(name).fetch_one(&mut *tx).await?;
        let count = if known > 0.0 { format!("SELECT {known:.0}::BIGINT") } else { format!("SELECT COUNT(*) FROM {name}") };
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut *tx).await?;
        tx.execute(AssertSqlSafe(format!("ALTER TABLE ledger DETACH PARTITION {name}"))).await?;
        tx.execute(AssertSqlSafe(format!("DROP TABLE {name}"))).await?;
        tx.commit().await?;
        rows += u64::try_from(count).unwrap_or(0);
    }
    Ok(rows)
}

/// A transaction for one change of partitions: one process at a time, as long as it takes. It waits two seconds for the ledger, since
/// appends wait behind it meanwhile; the next turn tries again.
async fn alone(pool: &PgPool) -> Result<Transaction<'static, Postgres>, StoreError> {
    let mut tx = pool.begin().await?;
    tx.execute("SET LOCAL statement_timeout = 0").await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(SCHEMA_LOCK).execute(&mut *tx).await?;
    tx.execute("SET LOCAL lock_timeout = '2s'").await?;
    Ok(tx)
}

/// The beginning of the week that holds `at`.
fn week_of(at: Micros) -> i64 {
    (at.0 - FIRST_MONDAY).div_euclid(WEEK_MICROS) * WEEK_MICROS + FIRST_MONDAY
}

fn name(start: i64) -> String {
    let day: String = Micros(start).to_rfc3339().chars().take(10).map(|c| if c == '-' { '_' } else { c }).collect();
    format!("{PREFIX}{day}")
}

fn start_of(name: &str) -> Option<i64> {
    let day = name.strip_prefix(PREFIX)?.replace('_', "-");
    Micros::from_rfc3339(&format!("{day}T00:00:00Z")).map(|start| start.0)
}

/// The least id of a moment, as Postgres reads bytes.
fn bound(at: i64) -> String {
    let digits: String = first_id(Micros(at)).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("'\\x{digits}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_mondays_and_are_named_by_them() {
        let at = |text: &str| Micros::from_rfc3339(text).unwrap();
        for moment in ["2026-11-16T00:00:00Z", "2026-11-22T10:00:00Z", "2026-11-22T23:59:59Z"] {
            assert_eq!(name(week_of(at(moment))), "ledger_2026_11_16");
        }
        assert_eq!(name(week_of(at("2026-11-23T00:00:00Z"))), "ledger_2026_11_23");
        assert_eq!(start_of("ledger_2026_11_16"), Some(at("2026-11-16T00:00:00Z").0));
        assert_eq!(start_of("ledger_rest"), None);
    }
}
