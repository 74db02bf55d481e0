//! Kept answers that all processes see, sealed: answers are nowhere in clear. Failures are misses.

use std::time::Duration;

use bytes::Bytes;
use redis::Value;

use super::link::Link;
use crate::seal::Sealer;
use crate::shared::BoxFuture;
use crate::shared::cache::{Cache, MAX_VALUE_BYTES};

/// Answers in Redis.
#[derive(Debug)]
pub struct RedisCache {
    link: Link,
    sealer: Sealer,
}

impl RedisCache {
    /// On this way, over its connection for large values. All processes have the same sealer.
    #[must_use]
    pub const fn new(link: Link, sealer: Sealer) -> Self {
        Self { link, sealer }
    }
}

impl Cache for RedisCache {
    fn get<'a>(&'a self, name: &'a [u8; 32]) -> BoxFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            let mut get = redis::cmd("GET");
            get.arg(key(name));
            match self.link.bulk(&get).await {
                Ok(Value::BulkString(value)) => self.sealer.open_value(name, value).map(Bytes::from),
                Ok(_) => None,
                Err(fault) => {
                    tracing::debug!("a kept answer cannot be read: {fault}");
                    None
                }
            }
        })
    }

    fn put<'a>(&'a self, name: &'a [u8; 32], value: Bytes, ttl: Duration) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).min(MAX_TTL_MS);
            if value.len() > MAX_VALUE_BYTES || ttl_ms == 0 {
                return;
            }
            let sealed = match self.sealer.seal_value(name, &value) {
                Ok(sealed) => sealed,
                Err(error) => {
                    tracing::warn!(%error, "an answer is not kept: it cannot be sealed");
                    return;
                }
            };
            let mut set = redis::cmd("SET");
            set.arg(key(name)).arg(sealed).arg("PX").arg(ttl_ms);
            if let Err(fault) = self.link.bulk(&set).await {
                tracing::debug!("an answer is not kept: {fault}");
            }
        })
    }
}

/// A year, in milliseconds: Redis refuses times that overflow its clock.
const MAX_TTL_MS: u64 = 366 * 24 * 60 * 60 * 1000;

fn key(name: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    let mut key = String::from("fluxa:cache:");
    for byte in name {
        // Writing into a string cannot fail.
        let _ = write!(key, "{byte:02x}");
    }
    key
}
