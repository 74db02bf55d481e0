//! Whether what an administrator sent makes sense: one function per kind of field, each error names the field.
//!
//! Never done here: whether a name is taken (`store`), where an address leads ([`crate::net`]).
//! Start reading at [`FieldError`].

use std::fmt;

mod limits;
mod prices;
mod text;
mod web;

pub use limits::{
    MAX_BUDGET, MAX_CACHE_TTL_S, MAX_CONCURRENCY, MAX_MODEL_LIMITS, MAX_RPM, MAX_TOKENS, cache_policy, key_limits, model_limits, usd,
};
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
