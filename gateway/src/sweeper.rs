//! Rows of calls whose process is gone: found beside the shared counters, written to the ledger, and corrected where the real
//! charge was known after all.
//!
//! The invariant: a row is reported as recorded only after it was committed or put aside. Every process may sweep at once: what
//! two of them write is counted once; a lease only spares the work.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fluxa_domain::id::CallId;
use fluxa_domain::scope;
use fluxa_store::shared::{Recorded, Settled, Settlement, WaitingRow};
use fluxa_store::{Finished, StoreError};
use tokio::time::Instant;

use crate::running::Gateway;

/// How often expired reservations and waiting rows are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// Rows that wait longer than this have nobody to write them; their own process takes a fraction of a second.
const ORPHAN_AFTER: Duration = Duration::from_secs(15);
/// Rows of one look. Those swept stay visible for [`fluxa_store::shared::RECORDED_AFTER`], so this bounds rows in that time.
const LOOK_ROWS: usize = 5_000;
/// Rows of one transaction.
const BATCH_ROWS: usize = 1_000;
/// How long the lease on this work lasts.
const LEASE: Duration = Duration::from_secs(10);
/// A row that was swept and is seen again after so long is swept once more: its report was lost.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Sweeps as long as the process runs.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    let mut swept = Swept::default();
    loop {
        tokio::time::sleep(crate::clock::around(SWEEP_EVERY)).await;
        let shared = &gateway.shared;
        if shared.counters.shared() && !shared.nodes.lease("sweeper", &gateway.settings.node_id, LEASE).await {
            continue;
        }
        reap(&gateway).await;
        if shared.counters.shared() && !gateway.queue.failing() {
            sweep(&gateway, &mut swept).await;
        }
    }
}

/// Charges the estimates of reservations that nobody ended.
async fn reap(gateway: &Gateway) {
    for expired in gateway.shared.counters.expired(crate::clock::now()).await {
        gateway.metrics.background.expired.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(id = %expired.id, "a reservation expired before its call ended; its estimate is charged until then");
    }
}

/// What was swept a short while ago and is not gone yet.
#[derive(Debug, Default)]
pub(crate) struct Swept(HashMap<CallId, Instant>);

impl Swept {
    fn knows(&self, id: CallId) -> bool {
        self.0.contains_key(&id)
    }

    fn tidy(&mut self) {
        self.0.retain(|_, at| at.elapsed() < AGAIN_AFTER);
    }
}

/// Writes the rows that have waited too long.
pub(crate) async fn sweep(gateway: &Gateway, swept: &mut Swept) {
    swept.tidy();
    let waiting = gateway.shared.counters.waiting(ORPHAN_AFTER, LOOK_ROWS).await;
    let fresh: Vec<WaitingRow> = waiting.into_iter().filter(|row| !swept.knows(row.id)).collect();
    let mut rows = Vec::with_capacity(fresh.len());
    for WaitingRow { id, organization, json } in fresh {
        match Finished::from_json(json.clone()) {
            Ok(finished) => rows.push((Recorded { id, organization, draft: finished.entry.abandoned }, finished)),
            Err(error) => {
                if set_aside(gateway, id, &json, &error) {
                    swept.0.insert(id, Instant::now());
                    gateway.due.push(std::iter::once(Recorded { id, organization, draft: false }));
                }
            }
        }
    }
    for batch in rows.chunks(BATCH_ROWS) {
        match write(gateway, batch).await {
            Ok(done) => {
                gateway.metrics.background.swept.fetch_add(done.len() as u64, Ordering::Relaxed);
                tracing::warn!(rows = done.len(), "rows of calls whose process is gone were written to the ledger");
                swept.0.extend(done.iter().map(|call| (call.id, Instant::now())));
                gateway.due.push(done.into_iter());
            }
            Err(error) => {
                tracing::error!(%error, rows = batch.len(), "rows of calls whose process is gone cannot be written; they are tried again");
                return;
            }
        }
    }
}

/// Appends rows and corrects the counters by what the ledger knew better; gives back those that need nothing more.
async fn write(gateway: &Gateway, batch: &[(Recorded, Finished)]) -> Result<Vec<Recorded>, StoreError> {
    let rows: Vec<Finished> = batch.iter().map(|(_, row)| row.clone()).collect();
    let mut lost: HashSet<CallId> = HashSet::new();
    match gateway.store.append_finished(&rows).await {
        Ok(_) => {}
        Err(error) if error.blames_rows() => {
            for row in &rows {
                match gateway.store.append_finished(std::slice::from_ref(row)).await {
                    Ok(_) => {}
                    Err(error) if error.blames_rows() => {
                        if !set_aside(gateway, row.entry.id, row.json(), &error) {
                            lost.insert(row.entry.id);
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Err(error) => return Err(error),
    }
    let corrected = correct(gateway, batch).await?;
    lost.extend(corrected.iter().filter(|(_, answered)| !**answered).map(|(id, _)| *id));
    let done = batch.iter().map(|(call, _)| Recorded { draft: call.draft && !corrected.contains_key(&call.id), ..call.clone() });
    Ok(done.filter(|call| !lost.contains(&call.id)).collect())
}

/// Drafts whose calls were settled in the ledger: the counters charged the estimate and are given the real charge. Gives back
/// those calls, and of each whether its correction was delivered.
async fn correct(gateway: &Gateway, batch: &[(Recorded, Finished)]) -> Result<HashMap<CallId, bool>, StoreError> {
    let drafts: HashMap<CallId, &(Recorded, Finished)> =
        batch.iter().filter(|(_, row)| row.entry.abandoned).map(|both| (both.1.entry.id, both)).collect();
    if drafts.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<CallId> = drafts.keys().copied().collect();
    let real = gateway.store.ledger_moment().await?.charges(&ids).await?;
    let mut corrected = HashMap::new();
    for (id, spent) in real {
        let Some((call, Finished { entry, .. })) = drafts.get(&id) else { continue };
        let estimate = i64::try_from(entry.usage.total()).unwrap_or(i64::MAX);
        if (spent.nanos, spent.tokens) == (entry.cost.0, estimate) {
            continue;
        }
        let settlement = Settlement {
            id,
            at: entry.at,
            organization: Arc::clone(&call.organization),
            scopes: scope::of_entry(entry),
            nanos: spent.nanos,
            tokens: spent.tokens,
            rate_tokens: spent.tokens,
            row: None,
        };
        corrected.insert(id, gateway.shared.counters.settle(Arc::new(settlement)).await != Settled::Unavailable);
    }
    Ok(corrected)
}

/// Puts something aside that the ledger will never take. False when that failed: then it stays where it is.
fn set_aside(gateway: &Gateway, id: CallId, json: &str, error: &StoreError) -> bool {
    match gateway.journal().bury_text(json) {
        Ok(kept) => {
            tracing::error!(call.id = %id, %error, kept, "the ledger refuses the row of call {id}: it is in dead-letters.jsonl beside the journal, and its charge is in no sum");
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
