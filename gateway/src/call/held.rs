//! What the counters hold for one call.

use std::sync::Arc;

use fluxa_store::shared::{MemoryCounters, ReserveAsk};

/// A reservation, or what stands for it.
#[derive(Debug)]
pub(crate) struct Held {
    /// What was asked for.
    pub(super) ask: Arc<ReserveAsk>,
    /// Where it is counted while the counters cannot be reached.
    pub(super) share: Option<Arc<MemoryCounters>>,
    /// The counters are to be told the charge; else the ledger's writer does it.
    pub(super) counted: bool,
    /// The counters have not answered yet.
    pub(super) asking: bool,
}

impl Held {
    /// The counters are being asked.
    pub(crate) const fn asked(ask: Arc<ReserveAsk>) -> Self {
        Self { ask, share: None, counted: true, asking: true }
    }

    /// The counters hold it, or will be told of it afterwards.
    pub(crate) const fn granted(ask: Arc<ReserveAsk>) -> Self {
        Self { ask, share: None, counted: true, asking: false }
    }

    /// It is counted in this process's share; `counted` says whether the counters will be told of it as well.
    pub(crate) const fn shared_out(ask: Arc<ReserveAsk>, share: Arc<MemoryCounters>, counted: bool) -> Self {
        Self { ask, share: Some(share), counted, asking: false }
    }
}
