//! Whether an answer may be kept and given again to whom.

use serde::{Deserialize, Serialize};

/// How the answers to a key's or a team's calls are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachePolicy {
    /// How long an answer is given again, in seconds; 1 or more.
    pub ttl_s: u32,
    /// Who may be given it.
    #[serde(default)]
    pub shared: CacheNamespace,
}

/// Who shares kept answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheNamespace {
    /// Only the key that asked first.
    #[default]
    Key,
    /// All keys of its team.
    Team,
}
