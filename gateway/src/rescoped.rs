//! Calls whose callers were given limits, or moved to another organization, while the calls were under way: they were not counted
//! there, so what their rows charge is read from the ledger again.
//!
//! The invariant: a call noted here is in the windows of all its scopes soon after its row is in the ledger. Never done here:
//! anything for a call under whose configuration nothing has changed; that is all of them, nearly always.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use fluxa_domain::scope;
use fluxa_store::shared::{Counters, ReserveAsk};

use crate::running::Gateway;
use crate::scopes::{CallScopes, Groups};

/// Calls that are remembered; of more, the comparison of counters with the ledger takes care.
const MAX_CALLS: usize = 20_000;

/// Scopes of one organization.
type Scopes = (Arc<str>, Vec<String>);

/// What is to be read anew.
#[derive(Debug, Default)]
pub(crate) struct Rescoped {
    /// There is something: what every batch of rows looks at.
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Until their rows are in the ledger.
    calls: HashMap<CallId, Scopes>,
    /// Since then, until the counters were told.
    stale: BTreeMap<Arc<str>, BTreeSet<String>>,
}

/// The scopes with limits of a finished call that were not asked when it began.
pub(crate) fn missed(gateway: &Gateway, entry: &Entry, asked: Option<&ReserveAsk>) -> Option<Scopes> {
    let (organization, names): Scopes = match gateway.keys.peek(&entry.key_id) {
        Some(known) => {
            let view = gateway.view.load();
            let now = CallScopes::of(&known.key, Groups::of(&view, &known.key), &entry.model, entry.at);
            (Arc::clone(&now.organization), now.asks.iter().map(|ask| ask.scope.clone()).collect())
        }
        // The key itself has changed, and nobody has used it since. What has no limits has no counters either.
        None => (scope::organization_of(entry).into(), scope::of_entry(entry)),
    };
    let counted =
        |name: &String| asked.is_some_and(|ask| ask.organization == organization && ask.scopes.iter().any(|scope| scope.scope == *name));
    let missed: Vec<String> = names.into_iter().filter(|name| !counted(name)).collect();
    (!missed.is_empty()).then_some((organization, missed))
}

impl Rescoped {
    /// This call's row is to be read into these scopes. To be called before the row is handed in.
    pub(crate) fn note(&self, id: CallId, scopes: Scopes) {
        let mut state = self.lock();
        if state.calls.len() < MAX_CALLS {
            state.calls.insert(id, scopes);
            self.any.store(true, Ordering::Release);
        }
    }

    /// These rows were committed just now.
    pub(crate) async fn written(&self, ids: impl Iterator<Item = CallId>, counters: &dyn Counters) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        {
            let mut state = self.lock();
            for id in ids {
                if let Some((organization, scopes)) = state.calls.remove(&id) {
                    state.stale.entry(organization).or_default().extend(scopes);
                }
            }
        }
        self.tell(counters).await;
    }

    /// Makes cold what is stale; what cannot be told now is told with the next rows.
    pub(crate) async fn tell(&self, counters: &dyn Counters) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let stale = std::mem::take(&mut self.lock().stale);
        for (organization, scopes) in stale {
            let names: Vec<String> = scopes.iter().cloned().collect();
            if !counters.chill(&organization, &names).await {
                self.lock().stale.entry(organization).or_default().extend(scopes);
            }
        }
        let state = self.lock();
        self.any.store(!state.calls.is_empty() || !state.stale.is_empty(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use fluxa_domain::time::Micros;
    use fluxa_store::shared::{BudgetAsk, MemoryCounters, Reserved, ScopeAsk};

    use super::*;

    fn id(n: u8) -> CallId {
        CallId::new(Micros(1), [n; 10])
    }

    #[tokio::test]
    async fn a_scope_is_cold_once_the_row_of_the_call_is_written_and_not_before() {
        let counters = MemoryCounters::new();
        let window = fluxa_domain::budget::window(fluxa_domain::budget::Period::Total, Micros(1), "UTC");
        let unit = fluxa_domain::budget::Unit::NanoUsd;
        let ask = |n| {
            let budgets = vec![BudgetAsk { window: window.clone(), period: fluxa_domain::budget::Period::Total, unit, limit: 10 }];
            let scope = ScopeAsk { scope: String::from("team:red"), rpm: None, tpm: None, concurrency: None, budgets };
            ReserveAsk {
                id: id(n),
                now: Micros(1),
                deadline: Micros(2),
                organization: "default".into(),
                scopes: vec![scope].into(),
                nanos: 1,
                tokens: 1,
                rate_tokens: 1,
                counts_request: true,
                draft: None,
            }
        };
        counters.warm_now("team:red", &window.id, unit, 0);
        let rescoped = Rescoped::default();
        rescoped.note(id(1), ("default".into(), vec![String::from("team:red")]));
        rescoped.written([id(2)].into_iter(), &counters).await;
        assert!(matches!(counters.reserve_now(ask(3)), Reserved::Granted(_)));
        rescoped.written([id(1)].into_iter(), &counters).await;
        assert!(matches!(counters.reserve_now(ask(4)), Reserved::Cold(_)));
        assert!(!rescoped.any.load(Ordering::Relaxed));
    }
}
