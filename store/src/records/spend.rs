//! What a scope has spent, for counters that are cold.

use fluxa_domain::id::CallId;
use fluxa_domain::route::wildcard_matches;
use fluxa_domain::time::Micros;

use super::ledger::IDS_PER_STATEMENT;
use super::ledger::row::{cost, id_bytes, read, tokens};
use super::ledger::sums::QUARTER_MICROS;
use crate::error::StoreError;
use crate::open::Store;
use crate::sql::{self, Tx};

/// A sum of the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Nano-dollars.
    pub nanos: i64,
    /// Tokens, in and out.
    pub tokens: i64,
}

/// The ledger as it stood at one moment, for counters that ask more than one question about it.
#[derive(Debug)]
pub struct LedgerMoment {
    pub(super) tx: Tx,
}

impl Store {
    /// What `scope` spent from `from` on and before `to` (`None`: until now), exact when both are multiples of a quarter of an
    /// hour, as the bounds of all budget windows are; otherwise the quarters that hold them count whole.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn spent(&self, scope: &str, from: Micros, to: Option<Micros>) -> Result<Spent, StoreError> {
        self.ledger_moment().await?.spent(scope, from, to).await
    }

    /// Holds on to the ledger as it is now. To be dropped soon: it keeps a connection.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn ledger_moment(&self) -> Result<LedgerMoment, StoreError> {
        Ok(LedgerMoment { tx: self.reader().begin_moment().await? })
    }
}

impl LedgerMoment {
    /// As [`Store::spent`], at this moment. A scope of a model may be a pattern (`key:ID:model:gpt-*`).
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn spent(&mut self, scope: &str, from: Micros, to: Option<Micros>) -> Result<Spent, StoreError> {
        let from = from.0.div_euclid(QUARTER_MICROS).saturating_mul(QUARTER_MICROS);
        let to = to.map_or(i64::MAX, |to| to.0);
        if let Some((prefix, pattern)) = pattern_of(scope) {
            return self.spent_by_models(prefix, pattern, from, to).await;
        }
        // Postgres sums 64-bit integers to a numeric, hence the casts.
        let (nanos, tokens) = sql::query_as(
            "SELECT CAST(COALESCE(SUM(nanos), 0) AS BIGINT), CAST(COALESCE(SUM(tokens), 0) AS BIGINT) FROM spend_by_scope \
             WHERE scope = $1 AND quarter >= $2 AND quarter < $3",
        )
        .bind(scope)
        .bind(from)
        .bind(to)
        .fetch_one(&mut self.tx)
        .await?;
        Ok(Spent { nanos, tokens })
    }

    async fn spent_by_models(&mut self, prefix: &str, pattern: &str, from: i64, to: i64) -> Result<Spent, StoreError> {
        // The first text that does not begin with the prefix any more: `;` follows `:`.
        let mut end = prefix.to_owned();
        end.pop();
        end.push(';');
        let rows: Vec<(String, i64, i64)> = sql::query_as(
            "SELECT scope, CAST(SUM(nanos) AS BIGINT), CAST(SUM(tokens) AS BIGINT) FROM spend_by_scope \
             WHERE scope >= $1 AND scope < $2 AND quarter >= $3 AND quarter < $4 GROUP BY scope",
        )
        .bind(prefix)
        .bind(end)
        .bind(from)
        .bind(to)
        .fetch_all(&mut self.tx)
        .await?;
        let matching = rows.iter().filter(|(scope, ..)| scope.strip_prefix(prefix).is_some_and(|model| wildcard_matches(pattern, model)));
        Ok(matching.fold(Spent::default(), |sum, (_, nanos, tokens)| Spent { nanos: sum.nanos + nanos, tokens: sum.tokens + tokens }))
    }

    /// Which of these calls have a row at this moment, and what it charges.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn charges(&mut self, ids: &[CallId]) -> Result<Vec<(CallId, Spent)>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(IDS_PER_STATEMENT) {
            let mut query = sql::Builder::new("SELECT entry FROM ledger WHERE id IN ");
            query.push_list(chunk.iter().map(|id| id_bytes(*id)));
            let rows: Vec<String> = query.build_query_scalar().fetch_all(&mut self.tx).await?;
            for text in &rows {
                let entry = read(text)?;
                found.push((entry.id, Spent { nanos: cost(&entry), tokens: tokens(&entry) }));
            }
        }
        Ok(found)
    }
}

/// The part before a model's pattern, and the pattern; nothing where the scope names one model or none.
fn pattern_of(scope: &str) -> Option<(&str, &str)> {
    let at = scope.find(":model:")? + ":model:".len();
    let (prefix, pattern) = scope.split_at(at);
    pattern.contains('*').then_some((prefix, pattern))
}
