//! Whether what an administrator sent makes sense: one function per kind of field, each error names the field.
//!
//! Never done here: whether a name is taken (`store`), where an address leads ([`crate::net`]).
//! Start reading at [`FieldError`].

use std::fmt;

mod firewall;
mod limits;
mod nearest;
mod prices;
mod text;
mod web;

pub use firewall::{
    MAX_ALLOWED, MAX_ENTROPY_CENTIBITS, MAX_FIREWALL_PATTERN_BYTES, MAX_KEYWORD_BYTES, MAX_KEYWORDS, MAX_PACKS, MAX_POLICY_ACTIONS,
    MAX_RULE_NAME_BYTES, MAX_SAMPLE_BYTES, MAX_SAMPLES, distinct_words, firewall_policy, firewall_rule, pack_name, rule_name,
};
pub use limits::{
    MAX_BUDGET, MAX_CACHE_TTL_S, MAX_CONCURRENCY, MAX_MODEL_LIMITS, MAX_RPM, MAX_TOKENS, cache_policy, key_limits, model_limits, usd,
};
pub use nearest::nearest;
pub use prices::price_row;
pub use text::{MAX_NAME_CHARS, MAX_NOTE_CHARS, MAX_PATTERNS, MAX_TAGS, model_patterns, name, note, tags, time_zone};
pub use web::{base_url, header, headers, region, timeout_ms};

/// A field and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field as the client wrote it: `budget_usd_daily`, `targets[1].provider`.
    pub field: String,
    /// What is wrong, lower case, no full stop.
    pub message: String,
}

impl FieldError {
    /// An error of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for FieldError {}

#[cfg(test)]
mod tests;
