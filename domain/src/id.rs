//! Ids that the house makes: UUIDv7 from a moment and random bytes, both given.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Micros;

/// The id of one call, a UUIDv7: the key of the ledger and the value of `x-fluxa-id`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub uuid::Uuid);

impl CallId {
    /// Builds an id from `now` (milliseconds go into the first 48 bits) and 10 random bytes.
    #[must_use]
    pub fn new(now: Micros, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.0 / 1_000).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// Reads the hyphenated text form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        uuid::Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
