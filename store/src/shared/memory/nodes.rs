//! The only process there is.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::shared::BoxFuture;
use crate::shared::nodes::{NodeFacts, Nodes};

/// A cluster of one.
#[derive(Debug, Default)]
pub struct MemoryNodes {
    own: Mutex<Option<NodeFacts>>,
}

impl MemoryNodes {
    /// Nobody has beaten yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Nodes for MemoryNodes {
    fn beat(&self, facts: NodeFacts) -> BoxFuture<'_, ()> {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
        Box::pin(std::future::ready(()))
    }

    fn leave<'a>(&'a self, id: &'a str) -> BoxFuture<'a, ()> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).take_if(|own| own.id == id);
        Box::pin(std::future::ready(()))
    }

    fn list(&self) -> BoxFuture<'_, Vec<NodeFacts>> {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(std::future::ready(own.into_iter().collect()))
    }

    fn lease<'a>(&'a self, _name: &'a str, _holder: &'a str, _ttl: Duration) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(true))
    }
}
