//! Where a call goes: routes as configured, and the plan of attempts for one call.

use serde::{Deserialize, Serialize};

mod backoff;
pub mod choice;
mod plan;

pub use backoff::{BASE_MS, CAP_MS, RETRY_AFTER_CAP_MS, backoff_ms};
pub use choice::{Choosing, Load};
pub use plan::{Attempt, DEFAULT_RETRIES, MAX_RETRIES, ProviderFacts, Routes, plan};

/// A route: a model name (or `*` pattern) and where calls for it go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRecord {
    /// The name clients use; `*` matches any run of characters.
    pub model: String,
    /// Where calls go, by weight.
    pub targets: Vec<RouteTarget>,
    /// Tried in order when every chosen target failed.
    pub fallback: Vec<RouteTarget>,
    /// How a target is chosen among `targets`.
    pub strategy: Strategy,
    /// Extra attempts at the same target after a retryable failure, 0 to 5; `None` means the default of 1.
    pub retries: Option<u32>,
    /// Bound of the whole call in milliseconds, until the first byte of the answer; `None` means none.
    pub timeout_ms: Option<u64>,
    /// Calls that begin alike go to the same target while it is not too busy, so that vendors find the prompt in their cache.
    #[serde(default)]
    pub prompt_affinity: bool,
    /// The firewall's policy for calls that come this way.
    #[serde(default)]
    pub firewall_policy: Option<String>,
}

/// One place a call can go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTarget {
    /// The provider's name.
    pub provider: String,
    /// The model to ask of it; `None` means the client's.
    pub model: Option<String>,
    /// Its share among the targets, 1 or more.
    pub weight: u32,
}

/// How a target is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// At random by weight; the others follow as fallbacks.
    #[default]
    Weighted,
    /// In the order given.
    Ordered,
    /// The one with the fewest calls in flight from here, by weight.
    LeastBusy,
    /// The one that has answered fastest of late.
    LowestLatency,
    /// The one with the lowest price.
    LowestCost,
}

impl Strategy {
    /// All of them, by the names that configuration uses.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("weighted", Self::Weighted),
        ("ordered", Self::Ordered),
        ("least_busy", Self::LeastBusy),
        ("lowest_latency", Self::LowestLatency),
        ("lowest_cost", Self::LowestCost),
    ];

    /// Reads a name.
    ///
    /// # Errors
    /// A sentence that names them all.
    pub fn parse(name: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, strategy)| *strategy).ok_or_else(|| {
            let names: Vec<&str> = Self::NAMES.iter().map(|(name, _)| *name).collect();
            format!("must be one of {}", names.join(", "))
        })
    }
}

/// Whether `text` fits `pattern`, in which `*` stands for any run of characters.
#[must_use]
pub fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else { return false };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.len() >= part.len() && rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or(""),
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests;
