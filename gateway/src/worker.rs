//! What one data-plane thread owns: nothing here is shared, so nothing here is locked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;

use crate::clock::Dice;
use crate::ledger::Desk;
use crate::running::Gateway;
use crate::settings::Settings;
use crate::tasks::Tasks;
use crate::upstream::{Connector, Pool};

/// One data-plane thread.
pub(crate) struct Worker {
    /// What all threads share.
    pub(crate) gateway: Arc<Gateway>,
    /// Waiting connections to vendors.
    pub(crate) pool: Rc<Pool>,
    /// The read buffer of all connections to vendors.
    pub(crate) scratch: Rc<crate::upstream::Scratch>,
    /// Opens connections to vendors.
    pub(crate) connector: Connector,
    /// Fetches what prompts name by address.
    pub(crate) fetcher: crate::media::Fetcher,
    /// Who is told what firewalls found.
    pub(crate) webhook: Option<Rc<crate::guard::Webhook>>,
    /// Where finished calls are handed in.
    pub(crate) desk: Rc<Desk>,
    /// Ids, jitter, weighted picks.
    pub(crate) dice: RefCell<Dice>,
    /// The scopes of keys in use.
    pub(crate) scopes: crate::scopes::Scopes,
    /// Retries this thread may make.
    pub(crate) retries: crate::dispatch::RetryBudget,
    /// Reservations of calls in the air.
    pub(crate) reservations: crate::reservations::Reservations,
    /// The drain is over: what still runs ends now.
    pub(crate) cut: Cell<bool>,
    /// Turns true at the end of the drain.
    pub(crate) stopping: tokio::sync::watch::Receiver<bool>,
    /// The thread's tasks.
    pub(crate) tasks: Tasks,
}

impl Worker {
    pub(crate) fn settings(&self) -> &Settings {
        &self.gateway.settings
    }

    /// A new id for a call that came in at `now`.
    pub(crate) fn call_id(&self, now: Micros) -> CallId {
        CallId::new(now, self.dice.borrow_mut().ten())
    }

    /// 64 random bits.
    pub(crate) fn roll(&self) -> u64 {
        self.dice.borrow_mut().next()
    }
}
