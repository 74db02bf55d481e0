//! The mechanisms of a cluster: the same traits in Redis (or Valkey, or a Redis Cluster).
//!
//! All keys begin with `fluxa:`; those of an organisation share a hash tag, so that one script may touch them all. Start
//! reading at `redis/link.rs` (how commands reach the server, and what happens when they do not).

pub mod bulletin;
pub mod cache;
pub mod counters;
pub mod link;
pub mod nodes;

pub use bulletin::RedisBulletin;
pub use cache::RedisCache;
pub use counters::RedisCounters;
pub use link::{Fault, Link, LinkOptions, LinkTuning, Script, ServerFacts, Subscription};
pub use nodes::RedisNodes;
