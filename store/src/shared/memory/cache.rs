//! Kept answers of one process, bounded by their size.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::shared::BoxFuture;
use crate::shared::cache::{Cache, MAX_VALUE_BYTES};

/// Bytes of answers that are kept in all.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The answers of a single process.
#[derive(Debug)]
pub struct MemoryCache {
    kept: moka::sync::Cache<[u8; 32], Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    value: Bytes,
    until: Instant,
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryCache {
    /// Nothing is kept yet.
    #[must_use]
    pub fn new() -> Self {
        let weigh = |_: &[u8; 32], kept: &Kept| u32::try_from(kept.value.len()).unwrap_or(u32::MAX);
        Self { kept: moka::sync::Cache::builder().max_capacity(MAX_BYTES).weigher(weigh).build() }
    }
}

impl Cache for MemoryCache {
    fn get<'a>(&'a self, name: &'a [u8; 32]) -> BoxFuture<'a, Option<Bytes>> {
        let found = self.kept.get(name).filter(|kept| Instant::now() < kept.until).map(|kept| kept.value);
        Box::pin(std::future::ready(found))
    }

    fn put<'a>(&'a self, name: &'a [u8; 32], value: Bytes, ttl: Duration) -> BoxFuture<'a, ()> {
        if value.len() <= MAX_VALUE_BYTES
            && let Some(until) = Instant::now().checked_add(ttl)
        {
            self.kept.insert(*name, Kept { value, until });
        }
        Box::pin(std::future::ready(()))
    }
}
