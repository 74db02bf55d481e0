//! Reading the ledger row by row: one call, pages of calls, and all of them as a stream.

use fluxa_domain::entry::Entry;
use fluxa_domain::time::Micros;
use futures_util::stream::{self, Stream};
use sqlx::{QueryBuilder, Sqlite};

use super::ledger::row::{COLUMNS, Row};
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Page, bounded, open_cursor};

/// Rows that an export reads at once: enough to be quick, small enough to leave the readers to others in between.
const EXPORT_ROWS: usize = 1_000;

/// Which calls; absent means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// From this moment on.
    pub from: Option<Micros>,
    /// Before this moment.
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
}

/// Where a list goes on: after this moment and id.
type Place = (i64, String);

impl Store {
    /// One call by `x-fluxa-id`, else the newest one with this `x-request-id`.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn entry(&self, id_or_request_id: &str) -> Result<Option<Entry>, StoreError> {
        for condition in [" WHERE id = ", " WHERE request_id = "] {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
            query.push(COLUMNS).push(" FROM ledger").push(condition).push_bind(id_or_request_id).push(" ORDER BY at DESC LIMIT 1");
            let row: Option<Row> = query.build_query_as().fetch_optional(self.reader()).await?;
            if let Some(row) = row {
                return Entry::try_from(row).map(Some);
            }
        }
        Ok(None)
    }

    /// Calls, newest first, at most 500 a page.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`], [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn entries(&self, filter: &LogFilter, limit: u32, cursor: Option<&str>) -> Result<Page<Entry>, StoreError> {
        let limit = bounded(limit);
        let place = cursor.map(place_of).transpose()?;
        let mut query = select(filter);
        if let Some((at, id)) = place {
            query.push(" AND (at, id) < (").push_bind(at).push(", ").push_bind(id).push(")");
        }
        query.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(i64::try_from(limit + 1).unwrap_or(i64::MAX));
        let rows = fetch(self, query).await?;
        Ok(Page::cut(rows, limit, |entry| format!("{}|{}", entry.at.0, entry.id)))
    }

    /// All calls that fit, oldest first, read a thousand at a time; no connection is held in between.
    pub fn export(&self, filter: LogFilter) -> impl Stream<Item = Result<Entry, StoreError>> + Send + 'static + use<> {
        let start = Some((self.clone(), filter, None::<Place>));
        let pages = stream::try_unfold(start, |state| async move {
            let Some((store, filter, after)) = state else { return Ok::<_, StoreError>(None) };
            let rows = oldest_first(&store, &filter, after.as_ref()).await?;
            let next = rows.last().filter(|_| rows.len() == EXPORT_ROWS).map(|last| (last.at.0, last.id.to_string()));
            let page = stream::iter(rows.into_iter().map(Ok));
            Ok(Some((page, next.map(|place| (store, filter, Some(place))))))
        });
        futures_util::TryStreamExt::try_flatten(pages)
    }
}

async fn oldest_first(store: &Store, filter: &LogFilter, after: Option<&Place>) -> Result<Vec<Entry>, StoreError> {
    let mut query = select(filter);
    if let Some((at, id)) = after {
        query.push(" AND (at, id) > (").push_bind(*at).push(", ").push_bind(id.clone()).push(")");
    }
    query.push(" ORDER BY at, id LIMIT ").push_bind(i64::try_from(EXPORT_ROWS).unwrap_or(i64::MAX));
    fetch(store, query).await
}

async fn fetch(store: &Store, mut query: QueryBuilder<Sqlite>) -> Result<Vec<Entry>, StoreError> {
    let rows: Vec<Row> = query.build_query_as().persistent(false).fetch_all(store.reader()).await?;
    rows.into_iter().map(Entry::try_from).collect()
}

fn select(filter: &LogFilter) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
    query.push(COLUMNS).push(" FROM ledger WHERE at >= ").push_bind(filter.from.map_or(i64::MIN, |from| from.0));
    query.push(" AND at < ").push_bind(filter.to.map_or(i64::MAX, |to| to.0));
    if let Some(key) = &filter.key {
        query.push(" AND key_id IN (SELECT CAST(").push_bind(key.clone());
        query.push(" AS TEXT) UNION SELECT id FROM virtual_keys WHERE name = ").push_bind(key.clone()).push(")");
    }
    let texts = [
        (" AND model = ", &filter.model),
        (" AND provider = ", &filter.provider),
        (" AND team = ", &filter.team),
        (" AND request_id = ", &filter.request_id),
    ];
    for (condition, value) in texts {
        if let Some(value) = value {
            query.push(condition).push_bind(value.clone());
        }
    }
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(i64::from(status));
    }
    match filter.failed {
        Some(true) => query.push(" AND (status >= 400 OR error <> '')"),
        Some(false) => query.push(" AND status < 400 AND error = ''"),
        None => &mut query,
    };
    for (condition, value) in [(" AND stream = ", filter.stream), (" AND abandoned = ", filter.abandoned)] {
        if let Some(value) = value {
            query.push(condition).push_bind(i64::from(value));
        }
    }
    query
}

fn place_of(cursor: &str) -> Result<Place, StoreError> {
    let text = open_cursor(cursor)?;
    let (at, id) = text.split_once('|').ok_or(StoreError::BadCursor)?;
    Ok((at.parse().map_err(|_| StoreError::BadCursor)?, id.to_owned()))
}
