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

mod json;
pub(crate) mod row;
pub(crate) mod sums;

pub use row::Finished;
use row::{COLUMNS, id_bytes};
use sums::Sums;

/// Rows of one statement: 100 rows of 11 values stay below SQLite's 32,766 and Postgres' 65,535 parameters, and more of them are
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
        let finished: Vec<Finished> = entries.iter().cloned().map(Finished::new).collect();
        self.append_finished(&finished).await
    }

    /// [`Store::append`] for entries whose JSON is written already.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn append_finished(&self, finished: &[Finished]) -> Result<usize, StoreError> {
        if finished.is_empty() {
            return Ok(0);
        }
        let batch = distinct(finished);
        match self.append_new(&batch).await? {
            true => Ok(batch.len()),
            false => self.append_mixed(&batch).await,
        }
    }

    /// The usual case: every row is new, so nobody need ask which ones are. False, and nothing written, if one was not.
    async fn append_new(&self, batch: &[&Finished]) -> Result<bool, StoreError> {
        let mut changes = Sums::default();
        let mut tx = self.writer().begin().await?;
        for chunk in batch.chunks(ROWS_PER_STATEMENT) {
            let mut query = inserting(chunk);
            let persistent = chunk.len() == ROWS_PER_STATEMENT;
            let done = query.build().persistent(persistent).execute(&mut *tx).await?;
            if done.rows_affected() != chunk.len() as u64 {
                tx.rollback().await?;
                return Ok(false);
            }
            chunk.iter().for_each(|finished| changes.add(&finished.entry, 1));
        }
        changes.write(&mut tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Some rows are there already: after a restart, or when an abandoned row is followed by the real one.
    async fn append_mixed(&self, batch: &[&Finished]) -> Result<usize, StoreError> {
        let mut changes = Sums::default();
        let mut new = 0;
        let mut tx = self.writer().begin().await?;
        for chunk in batch.chunks(ROWS_PER_STATEMENT) {
            let inserted = insert(&mut tx, chunk).await?;
            new += inserted.len();
            let (written, met): (Vec<&Finished>, Vec<&Finished>) =
                chunk.iter().partition(|finished| inserted.contains(&id_bytes(finished.entry.id)));
            written.iter().for_each(|finished| changes.add(&finished.entry, 1));
            let real: Vec<&Finished> = met.into_iter().filter(|finished| !finished.entry.abandoned).collect();
            if real.is_empty() {
                continue;
            }
            let former = take_abandoned(&mut tx, &real).await?;
            former.values().for_each(|entry| changes.add(entry, -1));
            let corrections: Vec<&Finished> = real.into_iter().filter(|finished| former.contains_key(&finished.entry.id)).collect();
            if !corrections.is_empty() {
                insert(&mut tx, &corrections).await?;
                corrections.iter().for_each(|finished| changes.add(&finished.entry, 1));
            }
        }
        changes.write(&mut tx).await?;
        tx.commit().await?;
        Ok(new)
    }
}

/// One entry an id: the first real one, else the first. Order is kept.
fn distinct(finished: &[Finished]) -> Vec<&Finished> {
    let mut place: HashMap<CallId, usize> = HashMap::with_capacity(finished.len());
    let mut batch: Vec<&Finished> = Vec::with_capacity(finished.len());
    for one in finished {
        match place.get(&one.entry.id).and_then(|at| batch.get_mut(*at)) {
            Some(kept) if kept.entry.abandoned && !one.entry.abandoned => *kept = one,
            Some(_) => {}
            None => {
                place.insert(one.entry.id, batch.len());
                batch.push(one);
            }
        }
    }
    batch
}

fn inserting(chunk: &[&Finished]) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO ledger (");
    query.push(COLUMNS).push(") ");
    query.push_values(chunk, |mut separated, finished| row::bind(&mut separated, finished));
    query.push(" ON CONFLICT (id) DO NOTHING");
    query
}

/// Inserts rows; returns the ids of those that were not there.
async fn insert(tx: &mut SqliteConnection, chunk: &[&Finished]) -> Result<HashSet<Vec<u8>>, StoreError> {
    let mut query = inserting(chunk);
    query.push(" RETURNING id");
    let ids: Vec<Vec<u8>> = query.build_query_scalar().persistent(false).fetch_all(tx).await?;
    Ok(ids.into_iter().collect())
}

/// Removes the abandoned rows among these ids and returns them, for the real ones to take their place.
async fn take_abandoned(tx: &mut SqliteConnection, real: &[&Finished]) -> Result<BTreeMap<CallId, Entry>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM ledger WHERE abandoned = 1 AND id IN (");
    let mut ids = query.separated(", ");
    for finished in real {
        ids.push_bind(id_bytes(finished.entry.id));
    }
    query.push(") RETURNING entry");
    let rows: Vec<String> = query.build_query_scalar().persistent(false).fetch_all(tx).await?;
    rows.iter().map(|text| row::read(text).map(|entry| (entry.id, entry))).collect()
}
