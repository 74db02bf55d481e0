//! What must be fast and common to all replicas, and may be lost: counters, notices, kept answers, heartbeats.
//!
//! Each is a small trait with a mechanism in memory and one in Redis. What is lost here is warmed again from the ledger. Start reading at [`Counters`].

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub mod bulletin;
pub mod cache;
pub mod counters;
pub mod memory;
pub mod nodes;
pub mod redis;

pub use bulletin::{Bulletin, Delivery, MemoryBulletin, Notice, NoticeStream};
pub use cache::Cache;
pub use counters::{
    BudgetAsk, BudgetStanding, ColdWindow, Counters, CountersHealth, Expired, Extended, Inspection, Over, OverWhat, RECORDED_AFTER,
    RateStanding, Recorded, ReserveAsk, Reserved, ScopeAsk, ScopeStanding, Settled, Settlement, Standing, UnrecordedCharge, WaitingRow,
    WarmError,
};
pub use memory::{MemoryCache, MemoryCounters, MemoryNodes};
pub use nodes::{GONE_AFTER, NodeFacts, Nodes};

use crate::seal::Sealer;
use redis::{Link, RedisBulletin, RedisCache, RedisNodes};

/// A future behind a pointer, for traits that are used as objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The shared mechanisms of a process.
#[derive(Clone)]
pub struct Shared {
    /// Budgets, rates and concurrency.
    pub counters: Arc<dyn Counters>,
    /// Notices of changed configuration.
    pub bulletin: Arc<dyn Bulletin>,
    /// Answers that are given again.
    pub cache: Arc<dyn Cache>,
    /// Who else is there.
    pub nodes: Arc<dyn Nodes>,
}

impl Shared {
    /// Everything in this process: the embedded mode, and every test.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            counters: Arc::new(MemoryCounters::new()),
            bulletin: Arc::new(MemoryBulletin::new()),
            cache: Arc::new(MemoryCache::new()),
            nodes: Arc::new(MemoryNodes::new()),
        }
    }

    /// Everything in Redis, with these counters: a process of a cluster. Answers are kept there under the seal of `sealer`. Subscribes on the
    /// runtime of the caller.
    #[must_use]
    pub fn in_redis(link: Link, counters: Arc<dyn Counters>, sealer: Sealer) -> Self {
        Self {
            counters,
            bulletin: Arc::new(RedisBulletin::new(link.clone())),
            cache: Arc::new(RedisCache::new(link.clone(), sealer)),
            nodes: Arc::new(RedisNodes::new(link)),
        }
    }
}
