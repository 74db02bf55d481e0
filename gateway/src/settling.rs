//! Settles and releases whose answer never came: asked again until it does.
//!
//! The invariant: a call whose settle is not known to have happened is in here from before its row is handed in, and its row is
//! not reported as recorded. Never done here: what a call costs. Start at [`Settle`], then [`run`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fluxa_domain::id::CallId;
use fluxa_store::shared::{RECORDED_AFTER, Recorded, Settled, Settlement};
use futures_util::future::join_all;
use tokio::sync::Notify;

use crate::running::Gateway;

/// Settles that wait; beyond them the organisation is read from the ledger anew once the ledger has all rows.
const MAX_SETTLES: usize = 100_000;
/// Settles that wait with their rows: about 20 MB. Beyond them the journal and the ledger's queue have to do.
const MAX_ROWS: usize = 20_000;
/// Releases that wait; what is not given back expires.
const MAX_RELEASES: usize = 100_000;
/// Rows that are on their way to the ledger where nothing is wrong.
const UNDER_WAY: u64 = 1_000;
/// Asked at once when the counters are back.
const BATCH: usize = 256;
/// Pause after a vain attempt; doubled up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// What is still open at the end of the process is asked once more within this time.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What waits for an answer of the counters.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Every settle without an answer, those in the air too.
    open: HashMap<CallId, Arc<Settlement>>,
    /// Those of them that must be asked again.
    waiting: VecDeque<CallId>,
    /// Those of them whose rows are in the ledger, and in the journal until there is an answer.
    journaled: HashSet<CallId>,
    /// Settles with an answer whose calls are not reported as recorded: counters that are emptied know nothing of them, and the
    /// ledger may not have them yet when it is read.
    fresh: HashMap<CallId, Arc<Settlement>>,
    releases: VecDeque<GiveBack>,
    /// Organisations of settles that found no room, and when the last of them did.
    overflown: HashMap<Arc<str>, Instant>,
}

/// A reservation to be given back.
#[derive(Clone, Debug)]
pub(crate) struct GiveBack {
    pub(crate) id: CallId,
    pub(crate) organization: Arc<str>,
    /// Then it has expired by itself.
    pub(crate) until: Instant,
}

impl Settling {
    /// Whether the settle of this call is still to be answered.
    pub(crate) fn is_pending(&self, id: CallId) -> bool {
        self.lock().open.contains_key(&id)
    }

    /// Settles without an answer.
    pub(crate) fn pending(&self) -> usize {
        self.lock().open.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expect(&self, settlement: &Arc<Settlement>) {
        let mut state = self.lock();
        if state.open.len() < MAX_SETTLES {
            state.open.insert(settlement.id, Arc::clone(settlement));
        }
    }

    /// True when the journal kept the call's row for this.
    fn answered(&self, settlement: &Arc<Settlement>) -> bool {
        let mut state = self.lock();
        let id = settlement.id;
        if state.open.remove(&id).is_some() && state.fresh.len() < MAX_ROWS {
            state.fresh.insert(id, Arc::clone(settlement));
        }
        state.journaled.remove(&id)
    }

    /// These calls are reported as recorded.
    pub(crate) fn recorded(&self, calls: &[Recorded]) {
        let mut state = self.lock();
        for call in calls {
            state.fresh.remove(&call.id);
        }
    }

    /// The counters were emptied: they are told again what the ledger may not have had when it was read since.
    pub(crate) fn tell_again(&self) {
        let fresh = std::mem::take(&mut self.lock().fresh);
        for settlement in fresh.into_values() {
            self.expect(&settlement);
            self.settle_again(&settlement);
        }
    }

    /// The ledger has the rows of these calls. Gives those that the journal may forget: of the others a process after this one must
    /// tell the counters, if this one cannot.
    pub(crate) fn forgettable(&self, mut ids: Vec<CallId>) -> Vec<CallId> {
        let mut state = self.lock();
        if !state.open.is_empty() {
            let State { open, journaled, .. } = &mut *state;
            ids.retain(|id| {
                let pending = open.contains_key(id);
                if pending {
                    journaled.insert(*id);
                }
                !pending
            });
        }
        ids
    }

    fn settle_again(&self, settlement: &Arc<Settlement>) {
        let mut state = self.lock();
        let bare = state.waiting.len() >= MAX_ROWS;
        let State { open, waiting, overflown, .. } = &mut *state;
        if let Some(known) = open.get_mut(&settlement.id) {
            if bare && known.row.is_some() {
                *known = Arc::new(Settlement { row: None, ..Settlement::clone(known) });
            }
            waiting.push_back(settlement.id);
        } else if overflown.insert(Arc::clone(&settlement.organization), Instant::now()).is_none() {
            tracing::warn!("too many settled calls wait for the counters: what is spent is read from the ledger once they are back");
        }
        drop(state);
        self.arrived.notify_one();
    }

    fn release_again(&self, release: GiveBack) {
        let mut state = self.lock();
        if state.releases.len() < MAX_RELEASES && Instant::now() < release.until {
            state.releases.push_back(release);
            drop(state);
            self.arrived.notify_one();
        }
    }

    /// Takes over what an earlier process could not deliver.
    pub(crate) fn settle_later(&self, settlements: Vec<Settlement>) {
        for settlement in settlements {
            let settlement = Arc::new(settlement);
            self.expect(&settlement);
            self.settle_again(&settlement);
        }
    }

    /// Takes some of what must be asked again.
    fn take(gateway: &Arc<Gateway>, most: usize) -> (Vec<Settle>, Vec<Release>) {
        let mut state = gateway.settling.lock();
        let State { open, waiting, releases, .. } = &mut *state;
        let count = waiting.len().min(most);
        let settlements: Vec<_> = waiting.drain(..count).filter_map(|id| open.get(&id).map(Arc::clone)).collect();
        let count = releases.len().min(most.saturating_sub(settlements.len()));
        let given: Vec<_> = releases.drain(..count).collect();
        drop(state);
        let settles = settlements.into_iter().map(|settlement| Settle::again(gateway, settlement)).collect();
        let now = Instant::now();
        let releases = given.into_iter().filter(|release| now < release.until).map(|release| Release::new(gateway, release)).collect();
        (settles, releases)
    }
}

/// One settle on its way. Dropped without an answer it is asked again.
pub(crate) struct Settle {
    gateway: Arc<Gateway>,
    settlement: Arc<Settlement>,
    answered: bool,
}

impl Settle {
    /// To be made before the call's row is handed in: from here on the call is pending.
    pub(crate) fn new(gateway: &Arc<Gateway>, settlement: Settlement) -> Self {
        let settlement = Arc::new(settlement);
        gateway.settling.expect(&settlement);
        Self::again(gateway, settlement)
    }

    fn again(gateway: &Arc<Gateway>, settlement: Arc<Settlement>) -> Self {
        Self { gateway: Arc::clone(gateway), settlement, answered: false }
    }

    /// Asks; false when there was no answer.
    pub(crate) async fn ask(mut self) -> bool {
        let settled = self.gateway.shared.counters.settle(Arc::clone(&self.settlement)).await;
        self.answered = settled != Settled::Unavailable;
        self.answered
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        if self.answered {
            let id = self.settlement.id;
            if self.gateway.settling.answered(&self.settlement) {
                self.gateway.journal().committed(&[id]);
            }
        } else {
            self.gateway.settling.settle_again(&self.settlement);
        }
    }
}

/// One release on its way. Dropped without an answer it is asked again.
pub(crate) struct Release {
    gateway: Arc<Gateway>,
    release: Option<GiveBack>,
}

impl Release {
    pub(crate) fn new(gateway: &Arc<Gateway>, release: GiveBack) -> Self {
        Self { gateway: Arc::clone(gateway), release: Some(release) }
    }

    /// Asks; false when there was no answer.
    pub(crate) async fn ask(mut self) -> bool {
        let Some(release) = &self.release else { return true };
        let answered = self.gateway.shared.counters.release(&release.organization, release.id).await;
        if answered {
            self.release = None;
        }
        answered
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            self.gateway.settling.release_again(release);
        }
    }
}

/// Asks again, as long as the process lives.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    let settling = &gateway.settling;
    let mut pause = FIRST_PAUSE;
    loop {
        let well = round(&gateway).await;
        match well {
            Some(true) => pause = FIRST_PAUSE,
            Some(false) => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(MAX_PAUSE);
            }
            None if settling.lock().overflown.is_empty() => settling.arrived.notified().await,
            None => {
                read_anew(&gateway).await;
                let _ = tokio::time::timeout(MAX_PAUSE, settling.arrived.notified()).await;
            }
        }
    }
}

/// Asks a batch of what waits; nothing when nothing does. One goes ahead, so that an outage is not asked about a hundred times.
async fn round(gateway: &Arc<Gateway>) -> Option<bool> {
    let (settles, releases) = Settling::take(gateway, 1);
    let first = match (settles.into_iter().next(), releases.into_iter().next()) {
        (Some(settle), _) => settle.ask().await,
        (None, Some(release)) => release.ask().await,
        (None, None) => return None,
    };
    if !first {
        return Some(false);
    }
    let (settles, releases) = Settling::take(gateway, BATCH);
    let settled = join_all(settles.into_iter().map(Settle::ask)).await;
    let released = join_all(releases.into_iter().map(Release::ask)).await;
    Some(settled.into_iter().chain(released).all(|answered| answered))
}

/// Makes the windows cold of organisations whose settles found no room, once the ledger has the rows of all of them. Others go on
/// meanwhile, so a moment without any row under way may never come: the rows in question are older than any that still is.
async fn read_anew(gateway: &Gateway) {
    let (counters, queue) = (&gateway.shared.counters, &gateway.queue);
    if counters.health().away.is_some() || queue.failing() || queue.spooled() > 0 || queue.waiting() > UNDER_WAY {
        return;
    }
    let organizations: Vec<(Arc<str>, Instant)> = {
        let state = gateway.settling.lock();
        let ripe = state.overflown.iter().filter(|(_, since)| since.elapsed() >= RECORDED_AFTER);
        ripe.map(|(organization, since)| (Arc::clone(organization), *since)).collect()
    };
    for (organization, since) in organizations {
        if counters.chill(&organization, &[]).await {
            let mut state = gateway.settling.lock();
            if state.overflown.get(&organization) == Some(&since) {
                state.overflown.remove(&organization);
            }
        }
    }
}

/// Asks once more for all that is open, at the end of the process. What stays open then is in the journal, for the next one.
pub(crate) async fn last_words(gateway: &Arc<Gateway>) {
    let asking = async { while round(gateway).await == Some(true) {} };
    let _ = tokio::time::timeout(LAST_WORDS, asking).await;
    let open = gateway.settling.pending();
    if open > 0 {
        tracing::warn!(open, "the counters have not answered for {open} calls; the journal keeps them for the next start");
    }
}

#[cfg(test)]
mod tests;
