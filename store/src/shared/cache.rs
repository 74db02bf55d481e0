//! Answers that are given again: bytes under a name, for a while. What is lost here is only asked again.

use std::time::Duration;

use bytes::Bytes;

use crate::shared::BoxFuture;

/// Larger values are not kept: one would be in the way of many.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;

/// A place for answers that all replicas see. Failures are misses.
pub trait Cache: Send + Sync {
    /// What was put under this name, unless its time is over.
    fn get<'a>(&'a self, name: &'a [u8; 32]) -> BoxFuture<'a, Option<Bytes>>;

    /// Keeps `value` under this name for `ttl`. More than [`MAX_VALUE_BYTES`] are not kept.
    fn put<'a>(&'a self, name: &'a [u8; 32], value: Bytes, ttl: Duration) -> BoxFuture<'a, ()>;
}
