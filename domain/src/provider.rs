//! Providers as they are configured: a vendor's row plus addresses and keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::time::Micros;

/// A provider without its secrets, as stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRecord {
    /// Unique name, used in routes and in `provider/model`.
    pub name: String,
    /// The vendor's kind, a row of [`crate::vendors::VENDORS`].
    pub kind: String,
    /// Overrides the vendor's default address.
    pub base_url: Option<String>,
    /// Overrides the address of the vendor's native Anthropic endpoint, where it has one.
    pub anthropic_base_url: Option<String>,
    /// Extra request headers, sent on every call (never `authorization`-like ones).
    pub headers: BTreeMap<String, String>,
    /// Overrides of the timeouts.
    pub timeouts: Timeouts,
    /// Azure: the `api-version` query.
    pub api_version: Option<String>,
    /// Azure: model name → deployment name.
    pub deployments: BTreeMap<String, String>,
    /// Bedrock: the region.
    pub region: Option<String>,
    /// Calls that one replica has in flight there at most; `None` means any number.
    #[serde(default)]
    pub max_concurrency: Option<u32>,
    /// Every so many seconds it is asked for its models, which closes or opens its circuit without a call of a client; `None` means never.
    #[serde(default)]
    pub probe_every_s: Option<u32>,
    /// A disabled provider gets no calls.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Micros,
    /// When it was last changed.
    pub updated_at: Micros,
}

/// The largest bound of calls in flight at one provider; more is none.
pub const MAX_CONCURRENCY: u64 = 1_000_000;
/// Seconds between two probes at least: vendors count requests for the list of models too.
pub const MIN_PROBE_S: u64 = 5;
/// And at most: a day.
pub const MAX_PROBE_S: u64 = 86_400;

/// Timeouts in milliseconds; absent means the installation's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect_ms: Option<u64>,
    /// From the request sent to the first byte of the answer.
    pub first_byte_ms: Option<u64>,
    /// Between two reads of an answer.
    pub idle_ms: Option<u64>,
}

/// One API key of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The key itself.
    pub key: Secret<String>,
    /// Its share of the calls among the provider's keys, 1 or more.
    pub weight: u32,
}

/// The secrets of a provider, sealed at rest, open only in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderSecrets {
    /// API keys, in rotation.
    pub api_keys: Vec<ApiKey>,
    /// Bedrock: access key id.
    pub access_key_id: Option<Secret<String>>,
    /// Bedrock: secret access key.
    pub secret_access_key: Option<Secret<String>>,
    /// Bedrock: session token.
    pub session_token: Option<Secret<String>>,
}

/// A provider with its secrets opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// What is stored in clear.
    pub record: ProviderRecord,
    /// What is sealed.
    pub secrets: ProviderSecrets,
}
