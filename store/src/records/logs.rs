//! Reading the ledger row by row: one call, pages of calls, and all of them as a stream.

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;
use futures_util::stream::{self, Stream};

use super::ledger::row::{first_id, id_bytes, read};
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Page, bounded, open_cursor};
use crate::sql;

/// Rows that an export reads at once: enough to be quick, small enough to leave the readers to others in between.
const EXPORT_ROWS: usize = 1_000;

/// Which calls; absent means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// From this moment on, by the millisecond.
    pub from: Option<Micros>,
    /// Before this moment, by the millisecond.
    pub to: Option<Micros>,
    /// A key's public id, or the name of a key that still exists.
    pub key: Option<String>,
    /// The model the client named.
    pub model: Option<String>,
    /// The provider that answered.
    pub provider: Option<String>,
    /// The team label.
    pub team: Option<String>,
    /// Exactly this status.
    pub status: Option<u16>,
    /// True: only calls that failed (status 400 and up, or an error); false: only those that did not.
    pub failed: Option<bool>,
    /// Streams, or whole answers.
    pub stream: Option<bool>,
    /// Abandoned calls, or finished ones.
    pub abandoned: Option<bool>,
    /// The client's `x-request-id`.
    pub request_id: Option<String>,
    /// Calls in which this rule of the firewall found something.
    pub firewall_rule: Option<String>,
    /// Calls in which the firewall did this: `mask`, `would_mask`, … (with a rule: in which it did this for that rule).
    pub firewall_action: Option<String>,
}

/// Where a list goes on: after this call. Ids are in the order of time.
type Place = CallId;

impl Store {
    /// One call by `x-fluxa-id`, else the newest one with this `x-request-id`.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn entry(&self, id_or_request_id: &str) -> Result<Option<Entry>, StoreError> {
        if let Some(id) = CallId::parse(id_or_request_id) {
            let found: Option<String> =
                sql::query_scalar("SELECT entry FROM ledger WHERE id = $1").bind(id_bytes(id)).fetch_optional(self.reader()).await?;
            if let Some(text) = found {
                return read(&text).map(Some);
            }
        }
        let found: Option<String> = sql::query_scalar("SELECT entry FROM ledger WHERE request_id = $1 ORDER BY id DESC LIMIT 1")
            .bind(id_or_request_id)
            .fetch_optional(self.reader())
            .await?;
        found.as_deref().map(read).transpose()
    }

    /// Calls, newest first, at most 500 a page.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`], [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn entries(&self, filter: &LogFilter, limit: u32, cursor: Option<&str>) -> Result<Page<Entry>, StoreError> {
        let limit = bounded(limit);
        let place = cursor.map(place_of).transpose()?;
        let mut query = select(filter);
        if let Some(place) = place {
            query.push(" AND id < ").push_bind(id_bytes(place));
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::try_from(limit + 1).unwrap_or(i64::MAX));
        let rows = fetch(self, query).await?;
        Ok(Page::cut(rows, limit, |entry| entry.id.to_string()))
    }

    /// All calls that fit, oldest first, read a thousand at a time; no connection is held in between.
    pub fn export(&self, filter: LogFilter) -> impl Stream<Item = Result<Entry, StoreError>> + Send + 'static + use<> {
        let start = Some((self.clone(), filter, None::<Place>));
        let pages = stream::try_unfold(start, |state| async move {
            let Some((store, filter, after)) = state else { return Ok::<_, StoreError>(None) };
            let rows = oldest_first(&store, &filter, after.as_ref()).await?;
            let next = rows.last().filter(|_| rows.len() == EXPORT_ROWS).map(|last| last.id);
            let page = stream::iter(rows.into_iter().map(Ok));
            Ok(Some((page, next.map(|place| (store, filter, Some(place))))))
        });
        futures_util::TryStreamExt::try_flatten(pages)
    }
}

async fn oldest_first(store: &Store, filter: &LogFilter, after: Option<&Place>) -> Result<Vec<Entry>, StoreError> {
    let mut query = select(filter);
    if let Some(after) = after {
        query.push(" AND id > ").push_bind(id_bytes(*after));
    }
    query.push(" ORDER BY id LIMIT ").push_bind(i64::try_from(EXPORT_ROWS).unwrap_or(i64::MAX));
    fetch(store, query).await
}

async fn fetch(store: &Store, query: sql::Builder) -> Result<Vec<Entry>, StoreError> {
    let rows: Vec<String> = query.build_query_scalar().fetch_all(store.reader()).await?;
    rows.iter().map(|text| read(text)).collect()
}

fn select(filter: &LogFilter) -> sql::Builder {
    let mut query = sql::Builder::new("SELECT ");
    query.push("entry FROM ledger WHERE 1 = 1");
    if let Some(from) = filter.from {
        query.push(" AND id >= ").push_bind(first_id(from));
    }
    if let Some(to) = filter.to {
        query.push(" AND id < ").push_bind(first_id(to));
    }
    if let Some(key) = &filter.key {
        query.push(" AND key_id IN (SELECT CAST(").push_bind(key.clone());
        query.push(" AS TEXT) UNION SELECT id FROM virtual_keys WHERE name = ").push_bind(key.clone()).push(")");
    }
    let texts = [(" AND model = ", &filter.model), (" AND provider = ", &filter.provider), (" AND team = ", &filter.team)];
    for (condition, value) in texts {
        if let Some(value) = value {
            query.push(condition).push_bind(value.clone());
        }
    }
    if let Some(request_id) = &filter.request_id {
        // A call whose client sent no id of its own goes by ours.
        query.push(" AND (request_id = ").push_bind(request_id.clone());
        if let Some(id) = CallId::parse(request_id) {
            query.push(" OR id = ").push_bind(id_bytes(id));
        }
        query.push(")");
    }
    if let Some(pattern) = hit_pattern(filter.firewall_rule.as_deref(), filter.firewall_action.as_deref()) {
        query.push(" AND entry LIKE ").push_bind(pattern).push(" ESCAPE '!'");
    }
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(i64::from(status));
    }
    match filter.failed {
        Some(failed) => query.push(" AND failed = ").push_bind(i64::from(failed)),
        None => &mut query,
    };
    for (condition, value) in [(" AND stream = ", filter.stream), (" AND abandoned = ", filter.abandoned)] {
        if let Some(value) = value {
            query.push(condition).push_bind(i64::from(value));
        }
    }
    query
}

/// How a row with such a finding is written. What a client sent cannot look like it: in a text of a row, quotes are escaped, and
/// the names of tags stand before the findings.
fn hit_pattern(rule: Option<&str>, action: Option<&str>) -> Option<String> {
    let escaped = |text: &str| -> String {
        let written = serde_json::to_string(text).unwrap_or_default();
        written.chars().flat_map(|c| matches!(c, '!' | '%' | '_').then_some('!').into_iter().chain([c])).collect()
    };
    let hit = match (rule.map(escaped), action.map(escaped)) {
        (None, None) => return None,
        (Some(rule), None) => format!("{{\"rule\":{rule},"),
        (None, Some(action)) => format!(",\"action\":{action},"),
        (Some(rule), Some(action)) => format!("{{\"rule\":{rule},\"action\":{action},"),
    };
    Some(format!("%,\"firewall\":[%{hit}%"))
}

fn place_of(cursor: &str) -> Result<Place, StoreError> {
    CallId::parse(&open_cursor(cursor)?).ok_or(StoreError::BadCursor)
}
