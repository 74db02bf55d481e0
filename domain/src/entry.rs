//! One row a call: what the ledger keeps. Its JSON form, in which empty fields are left out, is what is stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::CallId;
use crate::money::NanoUsd;
use crate::time::Micros;
use crate::usage::{Usage, UsageState};

/// How sure the cost is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CostState {
    /// Reported usage times a known price.
    #[default]
    Exact,
    /// Estimated usage, or the fallback price.
    Estimated,
    /// No price is known; the cost is not zero, it is unknown.
    Unpriced,
}

impl CostState {
    /// `exact`, `estimated` or `unpriced`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Estimated => "estimated",
            Self::Unpriced => "unpriced",
        }
    }
}

/// One attempt at one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRow {
    /// The provider's name.
    pub provider: String,
    /// The model asked of it.
    pub model: String,
    /// Its HTTP status; 0 when there was none.
    pub status: u16,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// Why it counts as failed; empty for the one that answered.
    #[serde(default)]
    pub why: String,
}

/// One call, finished. Refused calls have rows too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The key of the ledger.
    pub id: CallId,
    /// `x-request-id`: the client's, if sane, else the text of `id`.
    pub request_id: String,
    /// When the call came in.
    pub at: Micros,
    /// Public id of the virtual key; empty when it was not recognised.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key_id: String,
    /// Name of the virtual key at that time.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key_name: String,
    /// Team label of the key.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub team: String,
    /// The organisation; empty means the default one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub organization: String,
    /// Tags of the key, its team and the request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The model the client named.
    pub model: String,
    /// The provider that answered; empty if none.
    pub provider: String,
    /// The model asked of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub upstream_model: String,
    /// Dialect of the client.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dialect_in: String,
    /// Dialect of the upstream.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dialect_out: String,
    /// The operation ([`crate::dialect::Op::name`]).
    pub op: String,
    /// Whether the answer was a stream.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stream: bool,
    /// Status sent to the client.
    pub status: u16,
    /// Tokens.
    pub usage: Usage,
    /// Where the tokens come from.
    pub usage_state: UsageState,
    /// The charge.
    pub cost: NanoUsd,
    /// How sure the charge is.
    pub cost_state: CostState,
    /// The price row that was applied; empty if none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub price_version: String,
    /// Milliseconds to the first byte sent to the client; `None` if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttfb_ms: Option<u64>,
    /// Milliseconds to the end.
    pub latency_ms: u64,
    /// Every attempt, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptRow>,
    /// What the firewall found, by rule and action.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firewall: Vec<crate::firewall::Hit>,
    /// The vendor's finish reason.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub finish: String,
    /// The refusal's code, or a word for what broke; empty when all went well.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// The client left before the end.
    #[serde(default, skip_serializing_if = "is_false")]
    pub client_closed: bool,
    /// The process died before the end; written after the restart from the journal.
    #[serde(default, skip_serializing_if = "is_false")]
    pub abandoned: bool,
    /// The answer was given before and cost nothing this time.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cached: bool,
    /// Request body, only where `logging.store_content` is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_body: Option<String>,
    /// Answer body, only where `logging.store_content` is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_body: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Entry {
    /// An empty row for the call `id` that came in at `at`.
    #[must_use]
    pub fn new(id: CallId, at: Micros) -> Self {
        Self {
            id,
            request_id: String::new(),
            at,
            key_id: String::new(),
            key_name: String::new(),
            team: String::new(),
            organization: String::new(),
            tags: BTreeMap::new(),
            model: String::new(),
            provider: String::new(),
            upstream_model: String::new(),
            dialect_in: String::new(),
            dialect_out: String::new(),
            op: String::new(),
            stream: false,
            status: 0,
            usage: Usage::default(),
            usage_state: UsageState::Reported,
            cost: NanoUsd::ZERO,
            cost_state: CostState::Exact,
            price_version: String::new(),
            ttfb_ms: None,
            latency_ms: 0,
            attempts: Vec::new(),
            firewall: Vec::new(),
            finish: String::new(),
            error: String::new(),
            client_closed: false,
            abandoned: false,
            cached: false,
            request_body: None,
            response_body: None,
        }
    }
}
