//! The usage vector: disjoint counts that every dialect converts into.

use serde::{Deserialize, Serialize};

/// Tokens of one call. The first five are disjoint; the rest are parts of them or other units.
///
/// Source: the canonical usage of the protocol specification, §0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Prompt tokens neither read from nor written to a cache.
    pub input_uncached: u64,
    /// Prompt tokens served from a cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_read: u64,
    /// Prompt tokens written to a cache with the default time to live.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write_5m: u64,
    /// Prompt tokens written to a cache with the longer time to live.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write_1h: u64,
    /// All generated tokens, reasoning included.
    pub output: u64,
    /// The part of `output` that is reasoning (information, unless priced apart).
    #[serde(skip_serializing_if = "is_zero")]
    pub reasoning: u64,
    /// The part of `input_uncached` that is audio (information, unless priced apart).
    #[serde(skip_serializing_if = "is_zero")]
    pub input_audio: u64,
    /// The part of `output` that is audio (information, unless priced apart).
    #[serde(skip_serializing_if = "is_zero")]
    pub output_audio: u64,
    /// Generated images.
    #[serde(skip_serializing_if = "is_zero")]
    pub images: u64,
    /// Searches run by the vendor for this call.
    #[serde(skip_serializing_if = "is_zero")]
    pub searches: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Usage {
    /// All prompt tokens: uncached, read from and written to a cache.
    #[must_use]
    pub const fn input_total(&self) -> u64 {
        self.input_uncached.saturating_add(self.cache_read).saturating_add(self.cache_write_5m).saturating_add(self.cache_write_1h)
    }

    /// All tokens, in and out.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.input_total().saturating_add(self.output)
    }
}

/// Where a usage came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UsageState {
    /// The vendor said so.
    #[default]
    Reported,
    /// Counted by us, because the vendor said nothing (or nonsense) or the client left early.
    Estimated,
}

impl UsageState {
    /// `reported` or `estimated`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Estimated => "estimated",
        }
    }
}
