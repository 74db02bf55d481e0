//! What must be fast and common to all replicas, and may be lost: counters and notices.
//!
//! Each is a small trait with a mechanism in memory; a second one comes with the cluster. What is lost here is warmed again
//! from the ledger. Start reading at [`Counters`].

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub mod bulletin;
pub mod counters;
pub mod memory;

pub use bulletin::{Bulletin, Delivery, MemoryBulletin, Notice, NoticeStream};
pub use counters::{
    BudgetAsk, BudgetStanding, ColdWindow, Counters, Expired, Over, OverWhat, RateStanding, ReserveAsk, Reserved, ScopeAsk, ScopeStanding,
    Settled, Standing,
};
pub use memory::MemoryCounters;

/// A future behind a pointer, for traits that are used as objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The shared mechanisms of a process.
#[derive(Clone)]
pub struct Shared {
    /// Budgets, rates and concurrency.
    pub counters: Arc<dyn Counters>,
    /// Notices of changed configuration.
    pub bulletin: Arc<dyn Bulletin>,
}

impl Shared {
    /// Everything in this process: the embedded mode, and every test.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { counters: Arc::new(MemoryCounters::new()), bulletin: Arc::new(MemoryBulletin::new()) }
    }
}
