//! What a key has spent, for counters that are cold; and the pruning of raw rows, which spend does not depend on.

use fluxa_domain::time::Micros;

use super::ledger::row::first_id;
use super::ledger::sums::QUARTER_MICROS;
use crate::error::StoreError;
use crate::open::Store;

/// Rows that one prune removes at most before it lets other writers in.
const PRUNE_ROWS: i64 = 5_000;

/// A sum of the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Nano-dollars.
    pub nanos: i64,
    /// Tokens, in and out.
    pub tokens: i64,
}

impl Store {
    /// What the key spent from `from` on and before `to` (`None`: until now), exact when both are multiples of a quarter of an
    /// hour, as the bounds of all budget windows are; otherwise the quarters that hold them count whole.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn spent(&self, key_id: &str, from: Micros, to: Option<Micros>) -> Result<Spent, StoreError> {
        let from = from.0.div_euclid(QUARTER_MICROS).saturating_mul(QUARTER_MICROS);
        // Postgres sums 64-bit integers to a numeric, hence the casts.
        let (nanos, tokens) = sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(nanos), 0) AS BIGINT), CAST(COALESCE(SUM(tokens), 0) AS BIGINT) FROM spend \
             WHERE key_id = $1 AND quarter >= $2 AND quarter < $3",
        )
        .bind(key_id)
        .bind(from)
        .bind(to.map_or(i64::MAX, |to| to.0))
        .fetch_one(self.reader())
        .await?;
        Ok(Spent { nanos, tokens })
    }

    /// Deletes ledger rows from before `before` (never sums) and returns how many; call it again while it returns any, it
    /// removes a few thousand at a time so that appends are not kept waiting.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn prune(&self, before: Micros) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM ledger WHERE id IN (SELECT id FROM ledger WHERE id < $1 ORDER BY id LIMIT $2)")
            .bind(first_id(before))
            .bind(PRUNE_ROWS)
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected())
    }
}
