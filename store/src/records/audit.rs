//! The audit log: who changed what, when. Rows are written by `commit.rs` in the transaction of the change, and never changed.

use fluxa_domain::change::{Actor, Revision};
use fluxa_domain::time::Micros;
use serde::Serialize;
use sqlx::FromRow;

use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Page, bounded, open_cursor};
use crate::records::from_json;
use crate::sql::{self, Tx};

/// One change that was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditRow {
    /// Its number, rising by one.
    pub seq: i64,
    /// When, in microseconds.
    pub at: Micros,
    /// Who.
    pub actor: String,
    /// As what.
    pub role: String,
    /// From which address.
    pub ip: Option<String>,
    /// `provider.create`, `key.rotate`, … ([`fluxa_domain::change::Change::action`]).
    pub action: String,
    /// What was changed.
    pub target: String,
    /// The record before, secrets replaced by fingerprints; `None` when there was none.
    pub before: Option<serde_json::Value>,
    /// The record after, secrets replaced by fingerprints; `None` when there is none.
    pub after: Option<serde_json::Value>,
    /// The configuration's number that it made.
    pub revision: Revision,
}

/// Which rows to list; absent means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// From this moment on.
    pub from: Option<Micros>,
    /// Before this moment.
    pub to: Option<Micros>,
    /// Exactly this actor.
    pub actor: Option<String>,
    /// Exactly this action.
    pub action: Option<String>,
    /// Exactly this target.
    pub target: Option<String>,
}

impl Store {
    /// The audit log, newest first, at most 500 rows a page.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`], [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn audit(&self, filter: &AuditFilter, limit: u32, cursor: Option<&str>) -> Result<Page<AuditRow>, StoreError> {
        let limit = bounded(limit);
        let before: i64 = match cursor {
            Some(cursor) => open_cursor(cursor)?.parse().map_err(|_| StoreError::BadCursor)?,
            None => i64::MAX,
        };
        let mut query =
            sql::Builder::new("SELECT seq, at, actor, role, ip, action, target, before_json, after_json, revision FROM audit WHERE seq < ");
        query.push_bind(before);
        if let Some(from) = filter.from {
            query.push(" AND at >= ").push_bind(from.0);
        }
        if let Some(to) = filter.to {
            query.push(" AND at < ").push_bind(to.0);
        }
        if let Some(actor) = &filter.actor {
            query.push(" AND actor = ").push_bind(actor);
        }
        if let Some(action) = &filter.action {
            query.push(" AND action = ").push_bind(action);
        }
        if let Some(target) = &filter.target {
            query.push(" AND target = ").push_bind(target);
        }
        query.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::try_from(limit + 1).unwrap_or(i64::MAX));
        let rows: Vec<Row> = query.build_query_as().fetch_all(self.reader()).await?;
        let rows = rows.into_iter().map(AuditRow::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(rows, limit, |row| row.seq.to_string()))
    }
}

/// Writes one row, in the transaction of its change.
pub(crate) async fn write(
    tx: &mut Tx,
    actor: &Actor,
    now: Micros,
    change: (&str, &str),
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
    revision: Revision,
) -> Result<(), StoreError> {
    let role = serde_json::to_value(actor.role).ok().and_then(|role| role.as_str().map(str::to_owned)).unwrap_or_default();
    let seq: i64 = sql::query_scalar("SELECT COALESCE(MAX(seq), 0) + 1 FROM audit").fetch_one(&mut *tx).await?;
    sql::query(
        "INSERT INTO audit (seq, at, actor, role, ip, action, target, before_json, after_json, revision) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(seq)
    .bind(now.0)
    .bind(&actor.name)
    .bind(role)
    .bind(&actor.ip)
    .bind(change.0)
    .bind(change.1)
    .bind(before.map(|json| json.to_string()))
    .bind(after.map(|json| json.to_string()))
    .bind(revision.0)
    .execute(tx)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    seq: i64,
    at: i64,
    actor: String,
    role: String,
    ip: Option<String>,
    action: String,
    target: String,
    before_json: Option<String>,
    after_json: Option<String>,
    revision: i64,
}

impl TryFrom<Row> for AuditRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let json = |text: Option<String>| text.map(|text| from_json(|| format!("audit row {}", row.seq), &text)).transpose();
        Ok(Self {
            before: json(row.before_json)?,
            after: json(row.after_json)?,
            seq: row.seq,
            at: Micros(row.at),
            actor: row.actor,
            role: row.role,
            ip: row.ip,
            action: row.action,
            target: row.target,
            revision: Revision(row.revision),
        })
    }
}
