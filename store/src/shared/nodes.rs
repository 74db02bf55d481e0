//! Who else is there: heartbeats of the processes of a cluster, and leases on work that one of them should do at a time.

use std::time::Duration;

use fluxa_domain::time::Micros;
use serde::{Deserialize, Serialize};

use crate::shared::BoxFuture;

/// A process that has not been heard of for so long is gone.
pub const GONE_AFTER: Duration = Duration::from_secs(15);

/// What a process tells of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// Its id, new at every start.
    pub id: String,
    /// `gateway`, `admin` or `serve`.
    pub role: String,
    /// Where it listens, for people.
    pub address: String,
    /// The program's version.
    pub version: String,
    /// When it started.
    pub started_at: Micros,
    /// The configuration's number in force there.
    pub revision: i64,
    /// Calls in flight.
    pub in_flight: u64,
    /// Rows that wait for the database there.
    pub ledger_waiting: u64,
    /// Why it takes no traffic; `None` when it does.
    pub unready: Option<String>,
    /// Circuits that are open there (`provider/model`), as a hint for the others.
    #[serde(default)]
    pub tripped: Vec<String>,
    /// When it was last heard of, by the clock of those who answer; filled in by [`Nodes::list`].
    #[serde(default)]
    pub seen_at: Micros,
}

/// The processes of a cluster.
pub trait Nodes: Send + Sync {
    /// Tells the others how this process is. To be called every few seconds, well within [`GONE_AFTER`].
    fn beat(&self, facts: NodeFacts) -> BoxFuture<'_, ()>;

    /// This process ends: it is not waited for.
    fn leave<'a>(&'a self, id: &'a str) -> BoxFuture<'a, ()>;

    /// All that were heard of within [`GONE_AFTER`], by id. The last known ones when nobody can be asked.
    fn list(&self) -> BoxFuture<'_, Vec<NodeFacts>>;

    /// Takes or keeps the lease `name` for `ttl`; true when `holder` has it. Never a lock for correctness: two may hold it for a moment.
    fn lease<'a>(&'a self, name: &'a str, holder: &'a str, ttl: Duration) -> BoxFuture<'a, bool>;
}
