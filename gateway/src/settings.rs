//! What the data plane is told at its start. It reads no environment and no file.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fluxa_domain::entry::Entry;
use fluxa_domain::key::OnStoreError;
use fluxa_domain::net::{Cidr, EgressPolicy};
use fluxa_domain::price::UnpricedPolicy;

use crate::aws::AwsAccess;
use crate::last_known::LastKnown;

/// Writes one line a call; called by the ledger in batches, off the path of calls.
pub trait RequestLog: Send + Sync {
    /// Writes the lines of `entries`.
    fn write(&self, entries: &mut dyn Iterator<Item = &Entry>);
}

/// Settings of the data plane.
#[derive(Clone)]
pub struct Settings {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Data-plane threads; 0 means one a core.
    pub workers: usize,
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
    /// Open connections that one address may hold; loopback and `trusted_proxies` are exempt.
    pub max_connections_per_ip: usize,
    /// Peers whose `x-forwarded-for` is believed.
    pub trusted_proxies: Vec<Cidr>,
    /// Which addresses a provider may have.
    pub egress: EgressPolicy,
    /// Private ranges that addresses in prompts may lead to; no other private address is ever fetched from.
    pub media_allow_private: Vec<Cidr>,
    /// Until a connection to a provider stands.
    pub connect_timeout: Duration,
    /// From the request sent to the first byte of the answer.
    pub first_byte_timeout: Duration,
    /// Between two reads of an answer.
    pub idle_timeout: Duration,
    /// How long a reservation of budget lives without being extended.
    pub reservation_ttl: Duration,
    /// What happens to the calls of limited keys while budgets cannot be checked, where a key does not say so itself.
    pub on_store_error: OnStoreError,
    /// What happens to models without a price, for keys with a dollar budget.
    pub unpriced: UnpricedPolicy,
    /// Output tokens that are reserved (and asked for) where the client names no bound, in strict mode.
    pub assumed_max_output: u64,
    /// Keep request and answer bodies in the ledger. Off unless the operator says so.
    pub store_content: bool,
    /// The pepper of virtual keys' hashes.
    pub pepper: [u8; 32],
    /// Who the gateway is to AWS, for providers without keys of their own.
    pub aws: AwsAccess,
    /// How long responses are kept for clients that go on with them; `None` means not at all.
    pub keep_responses: Option<Duration>,
    /// Where the configuration is kept for a start without the database; `None` means nowhere.
    pub last_known: Option<Arc<LastKnown>>,
    /// Who this process is in a cluster: an id, new at every start.
    pub node_id: String,
    /// What it is there: `gateway` or `serve`.
    pub role: String,
    /// Bytes of the journal in which rows may wait for the database; beyond it calls are refused.
    pub spool_max_bytes: u64,
    /// The firewall's policy for calls that no other is given for; it need not exist.
    pub firewall_policy: Option<String>,
    /// Who is told what the firewall blocked, and what rules with `alert` found: an http(s) address.
    pub firewall_webhook: Option<String>,
    /// Where request lines go.
    pub request_log: Option<Arc<dyn RequestLog>>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("listen", &self.listen).field("workers", &self.workers).finish_non_exhaustive()
    }
}
