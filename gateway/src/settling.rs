//! Settles and releases whose answer never came: asked again until it does.
//!
//! The invariant: a call whose settle is not known to have happened is in here, and its row is not reported as recorded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use fluxa_domain::id::CallId;
use fluxa_store::shared::Settlement;

/// What waits for the counters to come back.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    settlements: Mutex<HashMap<CallId, Arc<Settlement>>>,
}

impl Settling {
    /// Whether the settle of this call is still to be answered.
    pub(crate) fn is_pending(&self, id: CallId) -> bool {
        self.settlements.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }
}
