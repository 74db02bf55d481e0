//! What one node knows: calls in flight, rows on their way, its journal. What it does with them is in [`crate::world`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;
use fluxa_store::shared::counters::{ColdWindow, ReserveAsk};

use crate::ledger::{Moment, Row};
use crate::model::{Answered, Charge, Held};

/// A call that is not finished.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) ask: Arc<ReserveAsk>,
    pub(crate) row: Row,
    /// The vendor has been asked.
    pub(crate) sent: bool,
    /// An answer to a reservation was lost, so it may be open.
    pub(crate) uncertain: bool,
    pub(crate) tries: u32,
}

/// A finished call that is not known to be recorded.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) charge: Charge,
    /// The counters have answered its settle or release.
    pub(crate) resolved: bool,
    /// They are to be told by a release.
    pub(crate) release: bool,
    pub(crate) committed: Option<Micros>,
    /// An answer is awaited.
    pub(crate) asked: bool,
}

/// One process. Its memory goes with it, its journal may stay.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) up: bool,
    /// Starts so far: what belongs to an older one is nobody's.
    pub(crate) start: u64,
    pub(crate) ops: BTreeMap<u64, Op>,
    pub(crate) calls: BTreeMap<CallId, Call>,
    /// Row to write if it dies now, by call.
    pub(crate) journal: BTreeMap<CallId, Row>,
    pub(crate) queue: Vec<Row>,
    pub(crate) appending: bool,
    pub(crate) finished: BTreeMap<CallId, Finished>,
    /// Rows of others that it wrote, when, and whether each was a draft.
    pub(crate) swept: BTreeMap<CallId, (Micros, bool)>,
    pub(crate) epoch: Option<u64>,
    /// It cannot reach the counters.
    pub(crate) cut_off: bool,
}

/// A command that was sent and not answered.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Reserve(CallId),
    Settle(CallId),
    Release(CallId),
    /// Tells the counters what the ledger has of a call whose draft was swept.
    Correct(CallId, bool),
    Sweep,
    Record(Vec<(CallId, bool)>),
    BeginWarm {
        call: CallId,
        moment: Moment,
        opened: Micros,
        windows: Vec<(ColdWindow, i64)>,
    },
    EndWarm(CallId),
    Append {
        rows: Vec<Row>,
        swept: bool,
    },
    /// Nothing depends on the answer.
    Whatever,
}

/// What is sent to the counters or to the ledger.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Reserve(Arc<ReserveAsk>),
    Settle(Charge),
    Release(CallId),
    Extend(Vec<Arc<ReserveAsk>>, Micros),
    Expire,
    Waiting,
    Recorded(Vec<(CallId, bool)>),
    BeginWarm(Vec<ColdWindow>),
    EndWarm { token: u64, epoch: u64, windows: Vec<(ColdWindow, i64)> },
    Append(Vec<Row>),
}

/// What comes back.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Reserved(Answered),
    Waiting(Vec<Row>),
    Warming(u64, u64, Vec<Vec<Held>>),
    /// Rows that the ledger had already.
    Appended(Vec<Row>),
    Done,
}

/// What really happened to a call, for the check.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) at: Micros,
    pub(crate) scopes: Vec<String>,
    pub(crate) estimate: i64,
    /// What the vendor bills, once it was asked.
    pub(crate) sent: Option<i64>,
    /// The node had its whole answer and wrote that down.
    pub(crate) ended: bool,
    /// Its node died before the call was recorded; and its disk with it.
    pub(crate) crashed: bool,
    pub(crate) disk_lost: bool,
    /// It was let through without a reservation.
    pub(crate) degraded: bool,
    /// The counters lost data since it began.
    pub(crate) forgotten: bool,
}

impl Node {
    /// Loses its memory, and its disk too if so.
    pub(crate) fn crash(&mut self, disk_lost: bool) -> BTreeSet<CallId> {
        let known: BTreeSet<CallId> = self.calls.keys().chain(self.finished.keys()).chain(self.journal.keys()).copied().collect();
        let journal = if disk_lost { BTreeMap::new() } else { std::mem::take(&mut self.journal) };
        *self = Self { start: self.start + 1, journal, cut_off: self.cut_off, ..Self::default() };
        known
    }

    /// Comes back and finishes what its journal has.
    pub(crate) fn recover(&mut self) {
        self.up = true;
        for row in self.journal.values().cloned() {
            let charge =
                Charge { id: row.id, at: row.at, scopes: row.scopes.clone(), nanos: row.nanos, row: Some(row.clone()), again: true };
            self.finished.insert(row.id, Finished { charge, resolved: false, release: false, committed: None, asked: false });
            self.queue.push(row);
        }
    }
}
