//! Heartbeats and leases of a cluster, by the clock of Redis.
//!
//! The invariant: who is listed was heard of within the time, by one clock for all. Never a lock for correctness.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fluxa_domain::time::Micros;
use redis::Value;

use super::link::{Fault, Link, Script};
use crate::shared::BoxFuture;
use crate::shared::nodes::{GONE_AFTER, NodeFacts, Nodes};

/// ZSET: id → when it was last heard of, in microseconds.
const SEEN: &str = "fluxa:{nodes}:seen";

/// HASH: id → what it told, as JSON.
const TOLD: &str = "fluxa:{nodes}:told";

/// Begins the keys of leases.
const LEASE: &str = "fluxa:{nodes}:lease:";

const BEAT: &str = r"
local t = redis.call('TIME')
redis.call('ZADD', KEYS[1], string.format('%d%06d', t[1], t[2]), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], 3600)
redis.call('EXPIRE', KEYS[2], 3600)
return 1";

const LEAVE: &str = r"
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1";

/// Drops who is gone, and answers the others: seen, told, seen, told, …
const LIST: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[1]))
for _, id in ipairs(gone) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
end
local answer = {}
local seen = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #seen, 2 do
  local told = redis.call('HGET', KEYS[2], seen[i])
  if told then
    answer[#answer + 1] = string.format('%.0f', tonumber(seen[i + 1]))
    answer[#answer + 1] = told
  end
end
return answer";

const HOLD: &str = r"
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1";

/// The processes of a cluster, in Redis.
#[derive(Debug)]
pub struct RedisNodes {
    link: Link,
    gone_after: Duration,
    beat: Script,
    leave: Script,
    list: Script,
    hold: Script,
    /// The last list, for when nobody can be asked.
    known: Mutex<Vec<NodeFacts>>,
}

impl RedisNodes {
    /// On this way.
    #[must_use]
    pub fn new(link: Link) -> Self {
        Self::gone_after(link, GONE_AFTER)
    }

    /// Processes are gone after another time than [`GONE_AFTER`].
    #[must_use]
    pub fn gone_after(link: Link, gone_after: Duration) -> Self {
        let [beat, leave, list, hold] = [BEAT, LEAVE, LIST, HOLD].map(Script::new);
        Self { link, gone_after, beat, leave, list, hold, known: Mutex::default() }
    }

    async fn ask(&self) -> Result<Vec<NodeFacts>, Fault> {
        let gone_us = self.gone_after.as_micros().to_string();
        let Value::Array(values) = self.link.script(&self.list, &[SEEN, TOLD], &[gone_us.as_bytes()]).await? else {
            return Ok(Vec::new());
        };
        let mut found: Vec<NodeFacts> = values.as_chunks().0.iter().filter_map(read).collect();
        found.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(found)
    }
}

/// What one tells that is not understood here (another version) is left out.
fn read([seen, told]: &[Value; 2]) -> Option<NodeFacts> {
    let (Value::BulkString(seen), Value::BulkString(told)) = (seen, told) else { return None };
    let mut facts: NodeFacts = serde_json::from_slice(told).ok()?;
    facts.seen_at = Micros(std::str::from_utf8(seen).ok()?.parse().ok()?);
    Some(facts)
}

impl Nodes for RedisNodes {
    fn beat(&self, facts: NodeFacts) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Ok(told) = serde_json::to_vec(&facts) else { return };
            if let Err(fault) = self.link.script(&self.beat, &[SEEN, TOLD], &[facts.id.as_bytes(), &told]).await {
                tracing::debug!("the others do not hear of this process now: {fault}");
            }
        })
    }

    fn leave<'a>(&'a self, id: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(fault) = self.link.script(&self.leave, &[SEEN, TOLD], &[id.as_bytes()]).await {
                tracing::debug!("the others will miss this process for a while: {fault}");
            }
        })
    }

    fn list(&self) -> BoxFuture<'_, Vec<NodeFacts>> {
        Box::pin(async move {
            let asked = self.ask().await;
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            match asked {
                Ok(found) => known.clone_from(&found),
                Err(fault) => tracing::debug!("the processes cannot be listed, these are the last known: {fault}"),
            }
            known.clone()
        })
    }

    fn lease<'a>(&'a self, name: &'a str, holder: &'a str, ttl: Duration) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let (key, ttl_ms) = (format!("{LEASE}{name}"), ttl.as_millis().max(1).to_string());
            // Who cannot ask does not hold it: another one may.
            matches!(self.link.script(&self.hold, &[&key], &[holder.as_bytes(), ttl_ms.as_bytes()]).await, Ok(Value::Int(1)))
        })
    }
}
