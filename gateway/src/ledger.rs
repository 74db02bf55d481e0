//! From a finished call to a row that is kept: journal, queue, batches, metrics, request lines.
//!
//! A call is journaled before it goes upstream and again when it ends; both are one write to a file
//! that survives the death of the process. Rows reach the store in batches, off the path of calls,
//! and only then does the journal forget them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use fluxa_domain::scope;
use fluxa_store::shared::Recorded;
use fluxa_store::{Finished, StoreError};

use crate::running::Gateway;
use queue::Rows;

mod desk;
pub(crate) mod due;
mod queue;

pub(crate) use desk::Desk;
pub(crate) use queue::Queue;

/// After the first row of a batch the ledger waits so long for company.
const GATHER: Duration = Duration::from_millis(40);
/// Rows a transaction.
const BATCH_ROWS: usize = 1_000;
/// Pause after the store refused a batch; doubled up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// Pause after rows of the journal could not be read back.
const UNSPOOL_PAUSE: Duration = Duration::from_secs(1);
/// A batch that the store refuses so many times because of what is in it is taken apart. Not the first time: an error may lie.
const BLAMED_TIMES: u32 = 5;

/// Writes queued rows to the store until the queue is closed and empty.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    let queue = &gateway.queue;
    loop {
        let mut rows = queue.take();
        if rows.is_empty() && queue.spooled() == 0 {
            if queue.is_closed() {
                return;
            }
            queue.arrived.notified().await;
            if !queue.is_closed() {
                tokio::time::sleep(GATHER).await;
            }
            rows = queue.take();
        }
        write(&gateway, &rows, false).await;
        if queue.spooled() == 0 {
            continue;
        }
        let rows = queue.unspool().await;
        let written = !rows.is_empty() && write(&gateway, &rows, true).await;
        queue.measure();
        if !written {
            // What could not be read or written is in the journal, for the next start or the next turn.
            if queue.is_closed() {
                return;
            }
            tokio::time::sleep(UNSPOOL_PAUSE).await;
        }
    }
}

/// Writes rows that wait in memory, or that were `spooled`. False when not all of them are in the ledger.
async fn write(gateway: &Gateway, rows: &Rows, spooled: bool) -> bool {
    let mut all = true;
    for (batch, loose) in rows.finished.chunks(BATCH_ROWS).zip(rows.loose.chunks(BATCH_ROWS)) {
        if spooled && !all {
            // They stay where they are.
            return false;
        }
        let written = commit(gateway, batch, loose).await;
        if written {
            let ids: Vec<CallId> = batch.iter().map(|finished| finished.entry.id).collect();
            // What was read back from the journal would be read back again.
            let ids = if spooled { ids } else { gateway.settling.forgettable(ids) };
            gateway.journal().committed(&ids);
        } else {
            all = false;
        }
        if all || !spooled {
            gateway.metrics.count(batch);
            if let Some(log) = &gateway.settings.request_log {
                log.write(&mut batch.iter().map(|finished| &finished.entry));
            }
            // What the end of the process leaves in the journal waits there, and is told as such.
            if written {
                gateway.queue.done(batch.len(), spooled);
            }
        }
    }
    all
}

/// Appends a batch, again and again until it is in, without the rows that the store will never take.
/// False only when the process stops with the store away.
async fn commit(gateway: &Gateway, batch: &[Finished], loose: &[bool]) -> bool {
    let queue = &gateway.queue;
    let mut pause = FIRST_PAUSE;
    let mut pieces = Pieces { waiting: vec![Piece { rows: batch, loose }], blamed: 0 };
    while let Some(piece) = pieces.waiting.pop() {
        let Err(error) = append(gateway, piece).await else {
            if queue.failing.swap(false, Ordering::Relaxed) {
                let dropped = queue.take_dropped();
                tracing::info!(dropped, "the ledger can be written again; rows of {dropped} refused calls were not kept");
            }
            continue;
        };
        queue.failing.store(true, Ordering::Relaxed);
        match pieces.refused(piece, error.blames_rows()) {
            Next::Halves => continue,
            Next::Bury(row) if bury(gateway, row, &error).await => continue,
            Next::Bury(_) => {}
            Next::Wait => tracing::error!(%error, rows = piece.rows.len(), "cannot write the ledger; the rows wait and are journaled"),
        }
        if queue.is_closed() {
            return false;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
        pieces.waiting.push(piece);
    }
    true
}

/// Rows for one transaction.
#[derive(Clone, Copy, Debug)]
struct Piece<'a> {
    rows: &'a [Finished],
    loose: &'a [bool],
}

/// What of a batch is still to be written; more than one piece only while bad rows are being looked for.
#[derive(Debug)]
struct Pieces<'a> {
    waiting: Vec<Piece<'a>>,
    blamed: u32,
}

/// What becomes of a piece that the store refused.
#[derive(Debug)]
enum Next<'a> {
    /// It is tried again after a pause.
    Wait,
    /// It was cut in two, which are tried now.
    Halves,
    /// It is one row that no patience will help.
    Bury(&'a Finished),
}

impl<'a> Pieces<'a> {
    fn refused(&mut self, piece: Piece<'a>, blames_rows: bool) -> Next<'a> {
        self.blamed += u32::from(blames_rows);
        if !blames_rows || self.blamed < BLAMED_TIMES {
            return Next::Wait;
        }
        if let [row] = piece.rows {
            return Next::Bury(row);
        }
        let (rows, loose) = (piece.rows.split_at(piece.rows.len() / 2), piece.loose.split_at(piece.rows.len() / 2));
        self.waiting.push(Piece { rows: rows.1, loose: loose.1 });
        self.waiting.push(Piece { rows: rows.0, loose: loose.0 });
        Next::Halves
    }
}

async fn append(gateway: &Gateway, Piece { rows, loose }: Piece<'_>) -> Result<(), StoreError> {
    let counters = &gateway.shared.counters;
    if counters.shared() {
        gateway.store.append_finished(rows).await?;
        // Of a refused call that cost nothing the counters know nothing.
        let known =
            rows.iter().zip(loose).filter(|(Finished { entry, .. }, loose)| !**loose || entry.cost.0 != 0 || entry.usage.total() != 0);
        gateway.due.push(known.map(|(finished, _)| of(&finished.entry)));
        gateway.rescoped.written(rows.iter().map(|finished| finished.entry.id), counters.as_ref()).await;
        return Ok(());
    }
    let _appending = match counters.gate() {
        Some(gate) => Some(gate.lock().await),
        None => None,
    };
    gateway.store.append_finished(rows).await?;
    let recorded: Vec<Recorded> = rows.iter().map(|finished| of(&finished.entry)).collect();
    counters.recorded(&recorded).await;
    // A key that has been given a budget since: its windows were read from a ledger without these rows, or will be from one with them.
    for (Finished { entry, .. }, _) in rows.iter().zip(loose).filter(|(_, loose)| **loose) {
        let tokens = i64::try_from(entry.usage.total()).unwrap_or(i64::MAX);
        if entry.cost.0 != 0 || tokens != 0 {
            let organization = scope::organization_of(entry);
            for name in scope::of_entry(entry) {
                counters.charge(organization, &name, entry.at, entry.cost.0, tokens).await;
            }
        }
    }
    gateway.rescoped.written(rows.iter().map(|finished| finished.entry.id), counters.as_ref()).await;
    Ok(())
}

/// What the counters are told of a row.
pub(crate) fn of(entry: &Entry) -> Recorded {
    Recorded { id: entry.id, organization: scope::organization_of(entry).into(), draft: false }
}

/// Puts a row aside that the ledger refuses for ever, so that it does not stop the others. False when that failed too.
async fn bury(gateway: &Gateway, row: &Finished, error: &StoreError) -> bool {
    let id = row.entry.id;
    match gateway.journal().bury(row) {
        Ok(kept) => {
            tracing::error!(call.id = %id, %error, kept, "the ledger refuses the row of call {id}: it is in dead-letters.jsonl beside the journal, and its charge is in no sum");
            if gateway.shared.counters.shared() {
                gateway.due.push(std::iter::once(of(&row.entry)));
            } else {
                gateway.shared.counters.recorded(&[of(&row.entry)]).await;
            }
            true
        }
        Err(failed) => {
            tracing::error!(call.id = %id, %error, %failed, "the ledger refuses the row of call {id}, and it cannot be put aside either");
            false
        }
    }
}

#[cfg(test)]
mod tests;
