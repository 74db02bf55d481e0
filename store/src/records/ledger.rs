//! The ledger: one row a call, written once, with the sums that outlive the rows.
//!
//! The invariant: in every committed state, the hourly sums and the spend of a key are exactly the sums of the rows that were
//! ever written. So a batch may be given again after any failure, and a row that was written as abandoned may be followed by
//! the real one: it takes its place, and the sums move by the difference. Reads are in `logs.rs`, `usage.rs`, `spend.rs`.

use std::collections::{BTreeMap, HashMap, HashSet};

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;

use crate::error::StoreError;
use crate::open::Store;

mod json;
pub(crate) mod row;
pub(crate) mod sums;

use crate::sql::{self, Rows, Tx};
pub use row::Finished;
use row::id_bytes;
use sums::Sums;

/// Tries of a batch that meets another writer's locks: they are taken in one order, so the second try nearly always goes through.
const TRIES: u32 = 3;

/// Ids of one look-up: below the values that a statement may have.
pub(crate) const IDS_PER_STATEMENT: usize = 512;

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
        let mut tried = 0;
        loop {
            tried += 1;
            match self.append_batch(&batch).await {
                Err(error) if error.is_conflict() && tried < TRIES => {}
                result => return result,
            }
        }
    }

    async fn append_batch(&self, batch: &[&Finished]) -> Result<usize, StoreError> {
        match self.append_new(batch).await? {
            true => Ok(batch.len()),
            false => self.append_mixed(batch).await,
        }
    }

    /// The usual case: every row is new, so nobody need ask which ones are. False, and nothing written, if one was not.
    async fn append_new(&self, batch: &[&Finished]) -> Result<bool, StoreError> {
        let mut changes = Sums::default();
        let mut tx = self.ledger_writer().begin().await?;
        if inserting(batch).execute(&mut tx).await? != batch.len() as u64 {
            tx.rollback().await?;
            return Ok(false);
        }
        batch.iter().for_each(|finished| changes.add(&finished.entry, 1));
        changes.write(&mut tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Some rows are there already: after a restart, or when an abandoned row is followed by the real one.
    async fn append_mixed(&self, batch: &[&Finished]) -> Result<usize, StoreError> {
        let mut changes = Sums::default();
        let mut tx = self.ledger_writer().begin().await?;
        let inserted = insert(&mut tx, batch).await?;
        let (written, met): (Vec<&Finished>, Vec<&Finished>) =
            batch.iter().partition(|finished| inserted.contains(&id_bytes(finished.entry.id)));
        written.iter().for_each(|finished| changes.add(&finished.entry, 1));
        let real: Vec<&Finished> = met.into_iter().filter(|finished| !finished.entry.abandoned).collect();
        let former = take_abandoned(&mut tx, &real).await?;
        former.values().for_each(|entry| changes.add(entry, -1));
        let corrections: Vec<&Finished> = real.into_iter().filter(|finished| former.contains_key(&finished.entry.id)).collect();
        insert(&mut tx, &corrections).await?;
        corrections.iter().for_each(|finished| changes.add(&finished.entry, 1));
        changes.write(&mut tx).await?;
        tx.commit().await?;
        Ok(inserted.len())
    }
}

/// One entry an id: the first real one, else the first. By id, so that all writers take the locks of rows in one order.
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
    batch.sort_unstable_by_key(|one| one.entry.id);
    batch
}

fn inserting(batch: &[&Finished]) -> Rows {
    let mut rows = row::rows();
    batch.iter().for_each(|finished| row::bind(&mut rows, finished));
    rows
}

/// Inserts rows; returns the ids of those that were not there.
async fn insert(tx: &mut Tx, batch: &[&Finished]) -> Result<HashSet<Vec<u8>>, StoreError> {
    let ids: Vec<Vec<u8>> = inserting(batch).fetch_all("RETURNING id", tx).await?;
    Ok(ids.into_iter().collect())
}

/// Removes the abandoned rows among these ids and returns them, for the real ones to take their place.
async fn take_abandoned(tx: &mut Tx, real: &[&Finished]) -> Result<BTreeMap<CallId, Entry>, StoreError> {
    let mut former = BTreeMap::new();
    for chunk in real.chunks(IDS_PER_STATEMENT) {
        let mut query = sql::Builder::new("DELETE FROM ledger WHERE abandoned = 1 AND id IN ");
        query.push_list(chunk.iter().map(|finished| id_bytes(finished.entry.id)));
        query.push(" RETURNING entry");
        let rows: Vec<String> = query.build_query_scalar().fetch_all(&mut *tx).await?;
        for text in &rows {
            let entry = row::read(text)?;
            former.insert(entry.id, entry);
        }
    }
    Ok(former)
}
