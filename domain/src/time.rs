//! Moments as integers. Nobody here reads a clock: `now` is an argument.

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// Microseconds in one second.
    pub const PER_SECOND: i64 = 1_000_000;
    /// Microseconds in one hour.
    pub const PER_HOUR: i64 = 3_600_000_000;

    /// This moment plus `seconds`.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(Self::PER_SECOND)))
    }

    /// The start of the hour (UTC) that holds this moment.
    #[must_use]
    pub const fn hour(self) -> Self {
        Self(self.0.div_euclid(Self::PER_HOUR) * Self::PER_HOUR)
    }

    /// RFC 3339 text in UTC with microseconds, `2026-11-22T10:00:00.000000Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_microsecond(self.0).map_or_else(|_| String::from("invalid"), |t| format!("{t:.6}"))
    }

    /// Reads RFC 3339 text; `None` when it is none.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_microsecond()))
    }
}
