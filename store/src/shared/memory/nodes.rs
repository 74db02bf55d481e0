//! The processes that share this memory: one, outside tests.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::shared::BoxFuture;
use crate::shared::nodes::{GONE_AFTER, NodeFacts, Nodes};

/// Who beats in this process.
#[derive(Debug)]
pub struct MemoryNodes {
    gone_after: Duration,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    nodes: BTreeMap<String, (NodeFacts, Instant)>,
    /// Holder and end, by name.
    leases: HashMap<String, (String, Instant)>,
}

impl Default for MemoryNodes {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryNodes {
    /// Nobody has beaten yet.
    #[must_use]
    pub fn new() -> Self {
        Self::gone_after(GONE_AFTER)
    }

    /// Processes are gone after another time than [`GONE_AFTER`].
    #[must_use]
    pub fn gone_after(gone_after: Duration) -> Self {
        Self { gone_after, kept: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Nodes for MemoryNodes {
    fn beat(&self, facts: NodeFacts) -> BoxFuture<'_, ()> {
        self.lock().nodes.insert(facts.id.clone(), (facts, Instant::now()));
        Box::pin(std::future::ready(()))
    }

    fn leave<'a>(&'a self, id: &'a str) -> BoxFuture<'a, ()> {
        self.lock().nodes.remove(id);
        Box::pin(std::future::ready(()))
    }

    fn list(&self) -> BoxFuture<'_, Vec<NodeFacts>> {
        let mut kept = self.lock();
        kept.nodes.retain(|_, (_, seen)| seen.elapsed() < self.gone_after);
        let found = kept.nodes.values().map(|(facts, _)| facts.clone()).collect();
        Box::pin(std::future::ready(found))
    }

    fn lease<'a>(&'a self, name: &'a str, holder: &'a str, ttl: Duration) -> BoxFuture<'a, bool> {
        let now = Instant::now();
        let mut kept = self.lock();
        let free = kept.leases.get(name).is_none_or(|(held_by, until)| held_by == holder || *until <= now);
        if free && let Some(until) = now.checked_add(ttl) {
            kept.leases.insert(name.to_owned(), (holder.to_owned(), until));
        }
        Box::pin(std::future::ready(free))
    }
}
