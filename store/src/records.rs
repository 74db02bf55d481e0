//! Records: one file a kind, each spreading `impl Store` by its own reads (and, for the ledger, its writes).
//!
//! Never done here: changing configuration; that has one door, `commit.rs`. Read `records/ledger.rs` first.

pub mod audit;
pub mod audit_money;
pub mod findings;
pub mod firewall;
pub mod keys;
pub mod ledger;
pub mod logs;
pub mod prices;
pub mod providers;
pub mod responses;
pub mod retention;
pub mod revision;
pub mod routes;
pub mod settings;
pub mod spend;
pub mod teams;
pub mod usage;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;

/// A record as JSON text.
pub(crate) fn to_json<T: Serialize>(what: &str, record: &T) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| StoreError::Corrupt { what: what.to_owned(), why: error.to_string() })
}

/// A record from JSON text; `what` names it in the error.
pub(crate) fn from_json<T: DeserializeOwned>(what: impl FnOnce() -> String, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt { what: what(), why: error.to_string() })
}
