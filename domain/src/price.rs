//! Prices: what a row holds, how one is found, and what a call costs by it.
//!
//! All arithmetic is on integers: nano-dollars per million tokens, rounded up once at the end.
//! Rows are never rewritten; a change is a row with a later `valid_from`. Never done here: reading
//! files ([`crate::prices`] holds the built-in table, [`crate::import`] reads others').
//! Start reading at [`PriceTable::find`] and [`charge`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::money::{NanoUsd, scaled_decimal};
use crate::time::Micros;

mod cost;
mod table;

pub use cost::{bound, bound_in, charge};
pub use table::PriceTable;

/// A price: nano-dollars per million tokens, exact. One dollar per million tokens is `1_000_000_000`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(pub i64);

/// The largest rate that is no typo: a dollar a token. The same number bounds prices of calls, images and searches
/// (a million dollars each); it keeps the cost of 10¹² tokens inside `i64`.
pub const MAX_RATE: Rate = Rate(1_000_000_000_000_000);

impl Rate {
    /// Free.
    pub const ZERO: Self = Self(0);

    /// Reads dollars per million tokens (`"2.5"`) exactly; `None` for what is negative, no number or finer than a nano-dollar.
    #[must_use]
    pub fn from_usd_per_million(text: &str) -> Option<Self> {
        scaled_decimal(text, 9).and_then(|n| i64::try_from(n).ok()).filter(|n| *n >= 0).map(Self)
    }

    /// Reads dollars per token (`"2.5e-06"`), rounding up what is finer than a nano-dollar per million tokens.
    #[must_use]
    pub fn from_usd_per_token(text: &str) -> Option<Self> {
        let nanos = crate::money::scaled_decimal_up(text, 15)?;
        i64::try_from(nanos).ok().filter(|n| *n >= 0).map(Self)
    }

    /// Dollars per million tokens as decimal text, `2.5`.
    #[must_use]
    pub fn to_usd_per_million(self) -> String {
        NanoUsd(self.0).to_decimal_usd()
    }
}

/// One set of prices. What is absent costs what `input` (for the kinds of input) or `output` costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Prompt tokens.
    pub input: Rate,
    /// Generated tokens.
    pub output: Rate,
    /// Prompt tokens read from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Rate>,
    /// Prompt tokens written to a cache with its default time to live (5 minutes, with some vendors 30).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_5m: Option<Rate>,
    /// Prompt tokens written to a cache with its longer time to live (1 hour, with some vendors 12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<Rate>,
    /// Generated tokens that are reasoning, where they are billed apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_reasoning: Option<Rate>,
    /// Prompt tokens that are audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_audio: Option<Rate>,
    /// Generated tokens that are audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_audio: Option<Rate>,
}

impl Rates {
    /// Every rate that is set.
    pub fn all(&self) -> impl Iterator<Item = Rate> + use<> {
        let optional =
            [self.cache_read, self.cache_write_5m, self.cache_write_1h, self.output_reasoning, self.input_audio, self.output_audio];
        [self.input, self.output].into_iter().chain(optional.into_iter().flatten())
    }
}

/// Prices of long prompts: they apply to the whole request, not to the excess.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Applies when all prompt tokens, cached ones included, are more than this.
    pub above_input_tokens: u64,
    /// The prices.
    pub rates: Rates,
}

/// Prices by the time of day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffPeak {
    /// The prices inside the windows.
    pub rates: Rates,
    /// When they apply.
    pub windows: Vec<OffPeakWindow>,
}

/// A time of day on some days of the week, in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffPeakWindow {
    /// Days, 1 for Monday to 7 for Sunday.
    pub weekdays: Vec<u8>,
    /// First minute of the day (0 to 1439) inside.
    pub from_minute: u16,
    /// First minute of the day (1 to 1440) outside again.
    pub to_minute: u16,
}

/// The prices of one model at one provider from one moment on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PriceRow {
    /// A vendor's kind or, in added rows, a provider's name; `*` is any.
    pub provider: String,
    /// The vendor's model id; `*` is any.
    pub model: String,
    /// What it is for: `chat`, `responses`, `embedding`, `rerank`, `image_generation`, …
    pub mode: String,
    /// The id that log rows show: `2026-11-22`, `import-7`.
    pub version: String,
    /// From when on it applies.
    pub valid_from: Micros,
    /// The prices.
    pub rates: Rates,
    /// Prices of long prompts, by rising threshold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// Prices by the vendor's service tier (`flex`, `priority`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub service_tiers: BTreeMap<String, Rates>,
    /// Prices by the time of day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_peak: Option<OffPeak>,
    /// Nano-dollars a call, whatever it holds (a rerank's query).
    #[serde(skip_serializing_if = "is_zero")]
    pub per_request: NanoUsd,
    /// Nano-dollars a generated image.
    #[serde(skip_serializing_if = "is_zero")]
    pub per_image: NanoUsd,
    /// Nano-dollars a search that the vendor runs.
    #[serde(skip_serializing_if = "is_zero")]
    pub per_search: NanoUsd,
    /// Most prompt tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
    /// Most generated tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output: Option<u64>,
    /// Where the facts are from; `unverified` when no first-hand source was found.
    pub source: String,
}

impl PriceRow {
    /// A row for models whose price nobody knows, from the prices of [`UnpricedPolicy::Fallback`].
    #[must_use]
    pub fn fallback(rates: Rates) -> Self {
        let any = || String::from("*");
        Self { provider: any(), model: any(), version: String::from("fallback"), rates, source: String::from("policy"), ..Self::default() }
    }
}

/// What to do with a call whose price nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnpricedPolicy {
    /// Refuse it (only callers with a dollar budget care).
    #[default]
    Refuse,
    /// Serve it and mark its row as unpriced.
    Allow,
    /// Charge these prices and mark its row as estimated.
    Fallback(Rates),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(amount: &NanoUsd) -> bool {
    *amount == NanoUsd::ZERO
}

#[cfg(test)]
mod tests;
