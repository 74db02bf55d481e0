//! The ledger: one row a call, written once, with the sums that outlive the rows.
//!
//! The invariant: in every committed state, the hourly sums and the spend of a key are exactly the sums of the rows that were
//! ever written. So a batch may be given again after any failure, and a row that was written as abandoned may be followed by
//! the real one: it takes its place, and the sums move by the difference. Reads are in `logs.rs`, `usage.rs`, `spend.rs`.

use std::collections::{BTreeMap, HashMap, HashSet};

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::error::StoreError;
use crate::open::Store;

pub(crate) mod row;
pub(crate) mod sums;

use row::{COLUMNS, Row};
use sums::Sums;

/// Rows of one statement: 100 rows of 38 values stay below SQLite's 32,766 and Postgres' 65,535 parameters, and more of them are
/// not faster.
const ROWS_PER_STATEMENT: usize = 100;

impl Store {
    /// Writes finished calls and their sums, all or nothing, and returns how many were really new.
    ///
    /// Idempotent by id: what is there already is skipped, except that a real entry replaces an abandoned one of the same id.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then nothing was written and the same batch may be given again.
    pub async fn append(&self, entries: &[Entry]) -> Result<usize, StoreError> {
        if entries.is_empty() {
            return Ok(0);
        }
        let batch = distinct(entries);
        let mut changes = Sums::default();
        let mut new = 0;
        let mut tx = self.writer().begin().await?;
        for chunk in batch.chunks(ROWS_PER_STATEMENT) {
            let inserted = insert(&mut tx, chunk).await?;
            new += inserted.len();
            let (written, met): (Vec<&Entry>, Vec<&Entry>) = chunk.iter().partition(|entry| inserted.contains(&entry.id.to_string()));
            written.iter().for_each(|entry| changes.add(entry, 1));
            let real: Vec<&Entry> = met.into_iter().filter(|entry| !entry.abandoned).collect();
            if real.is_empty() {
                continue;
            }
            let former = take_abandoned(&mut tx, &real).await?;
            former.values().for_each(|entry| changes.add(entry, -1));
            let corrections: Vec<&Entry> = real.into_iter().filter(|entry| former.contains_key(&entry.id)).collect();
            if !corrections.is_empty() {
                insert(&mut tx, &corrections).await?;
                corrections.iter().for_each(|entry| changes.add(entry, 1));
            }
        }
        changes.write(&mut tx).await?;
        tx.commit().await?;
        Ok(new)
    }
}

/// One entry an id: the first real one, else the first. Order is kept.
fn distinct(entries: &[Entry]) -> Vec<&Entry> {
    let mut place: HashMap<CallId, usize> = HashMap::with_capacity(entries.len());
    let mut batch: Vec<&Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        match place.get(&entry.id).and_then(|at| batch.get_mut(*at)) {
            Some(kept) if kept.abandoned && !entry.abandoned => *kept = entry,
            Some(_) => {}
            None => {
                place.insert(entry.id, batch.len());
                batch.push(entry);
            }
        }
    }
    batch
}

/// Inserts rows; returns the ids of those that were not there.
async fn insert(tx: &mut SqliteConnection, chunk: &[&Entry]) -> Result<HashSet<String>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO ledger (");
    query.push(COLUMNS).push(") ");
    query.push_values(chunk, |mut separated, entry| row::bind(&mut separated, entry));
    query.push(" ON CONFLICT (id) DO NOTHING RETURNING id");
    // Full chunks share one prepared statement; an odd rest would only fill the statement cache.
    let persistent = chunk.len() == ROWS_PER_STATEMENT;
    let ids: Vec<String> = query.build_query_scalar().persistent(persistent).fetch_all(tx).await?;
    Ok(ids.into_iter().collect())
}

/// Removes the abandoned rows among these ids and returns them, for the real ones to take their place.
async fn take_abandoned(tx: &mut SqliteConnection, real: &[&Entry]) -> Result<BTreeMap<CallId, Entry>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM ledger WHERE abandoned = 1 AND id IN (");
    let mut ids = query.separated(", ");
    for entry in real {
        ids.push_bind(entry.id.to_string());
    }
    query.push(") RETURNING ").push(COLUMNS);
    let rows: Vec<Row> = query.build_query_as().persistent(false).fetch_all(tx).await?;
    rows.into_iter().map(|row| Entry::try_from(row).map(|entry| (entry.id, entry))).collect()
}
