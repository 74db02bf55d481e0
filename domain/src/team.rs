//! Teams and organisations: limits of their own, above those of the keys in them.
//!
//! A key names a team, a team may name an organisation; who names none belongs to [`DEFAULT_ORGANIZATION`]. A name without a
//! record is a label: it is reported, and it limits nothing. Names are for good, so that counters and ledger agree about them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cache::CachePolicy;
use crate::key::KeyLimits;
use crate::time::Micros;

/// The organisation of everybody who is in no other.
pub const DEFAULT_ORGANIZATION: &str = "default";

/// A team: keys that share limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamRecord {
    /// Its name, which is its id.
    pub name: String,
    /// The organisation it belongs to; `None` means [`DEFAULT_ORGANIZATION`].
    #[serde(default)]
    pub organization: Option<String>,
    /// Limits of all its keys together; absent means unlimited.
    #[serde(default)]
    pub limits: KeyLimits,
    /// Models that its keys may ask for (`*` wildcards); empty means all.
    #[serde(default)]
    pub models: Vec<String>,
    /// IANA name of the time zone of the periods.
    pub time_zone: String,
    /// The keys of a disabled team are refused.
    pub enabled: bool,
    /// Labels for reports, beside those of the key.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Whether answers are kept and given again, for keys that do not say so themselves.
    #[serde(default)]
    pub cache: Option<CachePolicy>,
    /// The firewall's policy for the calls of its keys.
    #[serde(default)]
    pub firewall_policy: Option<String>,
    /// When it was made.
    pub created_at: Micros,
    /// When it was last changed.
    pub updated_at: Micros,
}

/// An organisation: teams that share limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationRecord {
    /// Its name, which is its id.
    pub name: String,
    /// Limits of all its teams and keys together; absent means unlimited.
    #[serde(default)]
    pub limits: KeyLimits,
    /// Models that its keys may ask for (`*` wildcards); empty means all.
    #[serde(default)]
    pub models: Vec<String>,
    /// IANA name of the time zone of the periods.
    pub time_zone: String,
    /// The keys of a disabled organisation are refused.
    pub enabled: bool,
    /// The firewall's policy for the calls of its keys.
    #[serde(default)]
    pub firewall_policy: Option<String>,
    /// When it was made.
    pub created_at: Micros,
    /// When it was last changed.
    pub updated_at: Micros,
}
