//! At start: what an earlier process left in the journal goes to the ledger, and shared counters learn of it.
//!
//! The invariant: the journal is discarded only when every row of it is in the ledger or put aside for people; a row that the
//! ledger refuses for ever never keeps the process from starting.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use fluxa_domain::scope;
use fluxa_store::journal::{Journal, JournalError};
use fluxa_store::records::spend::Spent;
use fluxa_store::shared::{Counters, Recorded, Settled, Settlement, Shared};
use fluxa_store::{Finished, Store, StoreError};

/// Rows of one transaction.
const BATCH_ROWS: usize = 1_000;
/// A batch that the ledger refuses because of what is in it is tried row by row after so many times: an error may lie once.
const BLAMED_TIMES: u32 = 3;
/// Counters are asked about so many calls at a time.
const AT_ONCE: usize = 64;
/// Calls that are remembered to be reported; what counters keep of others ends by itself.
const MAX_RECORDED: usize = 200_000;

/// What an earlier process left, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Rows that were found, those included that the ledger had already.
    pub found: usize,
    /// Rows that were not in the ledger yet.
    pub written: usize,
    /// Rows of calls that were cut off.
    pub abandoned: usize,
    /// Rows that the ledger refuses for ever; they are in `dead-letters.jsonl` beside the journal.
    pub buried: usize,
    /// Segments with damage in the middle, kept under another name.
    pub damaged: usize,
    /// Calls of which shared counters are to be told that the ledger has them, no sooner than
    /// [`fluxa_store::shared::RECORDED_AFTER`] from now: [`crate::Running::recorded`].
    pub recorded: Vec<Recorded>,
    /// What shared counters are still to be told, because they did not answer: [`crate::Running::settle_later`].
    pub unsettled: Vec<Settlement>,
}

impl Recovery {
    /// Whether the earlier process left nothing behind.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.found == 0 && self.damaged == 0
    }
}

/// Why the journal could not be made good.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The database is away. Nothing is lost: the journal is as it was.
    #[error("the ledger cannot be completed from the journal: {0}")]
    Store(#[from] StoreError),
    /// A row that the ledger refuses cannot be put aside.
    #[error("a row that the ledger refuses cannot be put aside: {0}")]
    Bury(std::io::Error),
}

/// Completes the ledger with what an earlier process left in the journal; to be called before `Gateway::start`.
///
/// # Errors
/// [`RecoverError`]; then the journal still has everything, and the next start tries again.
pub async fn recover(store: &Store, shared: &Shared, journal: &Journal) -> Result<Recovery, RecoverError> {
    let mut report = Recovery::default();
    let mut reading = journal.recovery()?;
    while let Some(rows) = reading.next_rows()? {
        for batch in rows.chunks(BATCH_ROWS) {
            report.found += batch.len();
            report.abandoned += batch.iter().filter(|entry| entry.abandoned).count();
            let buried = append(store, journal, batch, &mut report).await?;
            if shared.counters.shared() {
                tell(store, shared.counters.as_ref(), batch, &buried, &mut report).await?;
            }
        }
    }
    let recovered = reading.done();
    report.damaged = recovered.damaged.len();
    journal.discard(recovered)?;
    Ok(report)
}

/// Appends rows; gives back the ids of those that were put aside.
async fn append(store: &Store, journal: &Journal, batch: &[Entry], report: &mut Recovery) -> Result<HashSet<CallId>, RecoverError> {
    let mut buried = HashSet::new();
    for _ in 0..BLAMED_TIMES {
        match store.append(batch).await {
            Ok(new) => {
                report.written += new;
                return Ok(buried);
            }
            Err(error) if error.blames_rows() => {}
            Err(error) => return Err(error.into()),
        }
    }
    for entry in batch {
        match store.append(std::slice::from_ref(entry)).await {
            Ok(new) => report.written += new,
            Err(error) if error.blames_rows() => {
                let id = entry.id;
                journal.bury(&Finished::new(entry.clone())).map_err(RecoverError::Bury)?;
                report.buried += 1;
                buried.insert(id);
                tracing::error!(call.id = %id, %error, "the ledger refuses the row of call {id}: it is in dead-letters.jsonl beside the journal, and its charge is in no sum");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(buried)
}

/// Tells shared counters what the ledger has of these calls.
///
/// Of a call that was cut off the ledger may have another row than the journal: the draft of its reservation, or the real one.
async fn tell(
    store: &Store,
    counters: &dyn Counters,
    batch: &[Entry],
    buried: &HashSet<CallId>,
    report: &mut Recovery,
) -> Result<(), StoreError> {
    let told: Vec<&Entry> = batch.iter().filter(|entry| !buried.contains(&entry.id)).collect();
    let guessed: Vec<CallId> = told.iter().filter(|entry| entry.abandoned).map(|entry| entry.id).collect();
    let written: HashMap<CallId, Spent> = match guessed.is_empty() {
        true => HashMap::new(),
        false => store.ledger_moment().await?.charges(&guessed).await?.into_iter().collect(),
    };
    for some in told.chunks(AT_ONCE) {
        let asked: Vec<Arc<Settlement>> = some.iter().map(|entry| Arc::new(settlement_of(entry, written.get(&entry.id)))).collect();
        let answers = futures_util::future::join_all(asked.iter().map(|settlement| counters.settle(Arc::clone(settlement)))).await;
        for ((entry, settlement), answer) in some.iter().zip(asked).zip(answers) {
            let answered = answer != Settled::Unavailable;
            if !answered && report.unsettled.len() < MAX_RECORDED {
                report.unsettled.push(Settlement::clone(&settlement));
            }
            // Where somebody else has settled a call that was cut off here, the row of its end waits beside the counters.
            let ended = !entry.abandoned || answered && answer != Settled::AlreadyDone;
            if ended && report.recorded.len() < MAX_RECORDED {
                report.recorded.push(crate::ledger::of(entry));
            }
        }
    }
    Ok(())
}

fn settlement_of(entry: &Entry, written: Option<&Spent>) -> Settlement {
    let own = Spent { nanos: entry.cost.0, tokens: i64::try_from(entry.usage.total()).unwrap_or(i64::MAX) };
    let Spent { nanos, tokens } = *written.unwrap_or(&own);
    Settlement {
        id: entry.id,
        at: entry.at,
        organization: scope::organization_of(entry).into(),
        scopes: scope::of_entry(entry),
        nanos,
        tokens,
        rate_tokens: tokens,
        row: None,
    }
}

#[cfg(test)]
mod tests;
