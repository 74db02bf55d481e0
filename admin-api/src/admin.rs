//! What the admin API is given by whoever mounts it: the store, the shared state, its credential, and
//! three doors into the running program (probe, health, reload). Nothing here is made here.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use fluxa_domain::key;
use fluxa_domain::net::EgressPolicy;
use fluxa_domain::time::Micros;
use fluxa_store::Store;
use fluxa_store::shared::Shared;
use serde::Serialize;
use subtle::ConstantTimeEq;

/// A boxed future, so that the traits below can be objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Everything the admin API works on.
pub struct Admin {
    /// Rows.
    pub store: Arc<Store>,
    /// Counters and the bulletin.
    pub shared: Shared,
    /// The credential.
    pub master: MasterKey,
    /// The installation's pepper: virtual keys and the master key are hashed under it.
    pub pepper: [u8; 32],
    /// The clock.
    pub clock: Arc<dyn Fn() -> Micros + Send + Sync>,
    /// Where `base_url` may point. Only literal addresses are judged here; names are judged when connecting.
    pub egress: EgressPolicy,
    /// The firewall's policy that the settings name, which is not to be deleted.
    pub firewall_policy: Option<String>,
    /// Tries a provider.
    pub probe: Arc<dyn Probe>,
    /// Tells how the program is.
    pub health: Arc<dyn HealthSource>,
    /// Reads the configuration again.
    pub reload: Arc<dyn Reload>,
}

/// The master key, as its keyed hash: the hash itself opens nothing.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

/// The client's address, as a request extension set by whoever accepts the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerIp(pub IpAddr);

/// What a test of a provider found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProbeReport {
    /// The provider answered and accepts our credentials.
    pub ok: bool,
    /// Its HTTP status; `None` when there was none.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
    /// A sentence for people; never the provider's own text, never a secret.
    pub message: String,
    /// How many models it lists, where it says.
    pub models: Option<u64>,
}

/// Tries a provider with its stored credentials.
pub trait Probe: Send + Sync {
    /// Asks the provider of this name for its models, or what comes closest and costs nothing.
    fn test(&self, provider: String) -> BoxFuture<'static, ProbeReport>;
}

/// Tells how the running program is: breakers, drain, ledger lag.
pub trait HealthSource: Send + Sync {
    /// A JSON object without secrets.
    fn report(&self) -> serde_json::Value;
}

/// Makes the running program read its configuration again.
pub trait Reload: Send + Sync {
    /// Done when the new configuration is in force; the error is a sentence without secrets.
    fn reload(&self) -> BoxFuture<'static, Result<(), String>>;
}

impl MasterKey {
    /// The keyed hash of a master key's text.
    #[must_use]
    pub fn of(pepper: &[u8; 32], text: &str) -> Self {
        Self(key::hash(pepper, text))
    }

    /// From a stored hash.
    #[must_use]
    pub const fn from_hash(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The hash, for storing.
    #[must_use]
    pub const fn hash(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `text` is the master key, in constant time.
    #[must_use]
    pub fn opens(&self, pepper: &[u8; 32], text: &str) -> bool {
        key::hash(pepper, text).ct_eq(&self.0).into()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}
