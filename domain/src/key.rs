//! Virtual keys: their text form, what is stored of them, and whether a caller may ask.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::budget::BudgetMode;
use crate::cache::CachePolicy;
use crate::money::NanoUsd;
use crate::net::Cidr;
use crate::refusal::{Refusal, RefusalKind};
use crate::route::wildcard_matches;
use crate::time::Micros;

/// What every virtual key begins with.
pub const PREFIX: &str = "vk-";
/// Characters of the public id.
pub const ID_CHARS: usize = 8;
/// Characters of 256 random bits in base 62.
pub const SECRET_CHARS: usize = 43;
/// Characters of the checksum (CRC-32 in base 62), so that a typo needs no look-up.
pub const CHECK_CHARS: usize = 6;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A keyed hash (HMAC-SHA-256) of a secret: what is stored instead of it.
pub type KeyHash = [u8; 32];

/// Writes a new key from 6 random bytes (its public id) and 32 random bytes (its secret).
#[must_use]
pub fn compose(id_random: [u8; 6], secret_random: [u8; 32]) -> (String, String) {
    let id = base62(&id_random, ID_CHARS);
    let body = format!("{id}-{}", base62(&secret_random, SECRET_CHARS));
    let check = base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK_CHARS);
    (id, format!("{PREFIX}{body}{check}"))
}

/// The public id inside a well-formed key; `None` for anything else, wrong checksums included.
#[must_use]
pub fn public_id(text: &str) -> Option<&str> {
    let body_check = text.strip_prefix(PREFIX)?;
    if body_check.len() != ID_CHARS + 1 + SECRET_CHARS + CHECK_CHARS || !body_check.is_ascii() {
        return None;
    }
    let (body, check) = body_check.split_at_checked(ID_CHARS + 1 + SECRET_CHARS)?;
    let (id, rest) = body.split_at_checked(ID_CHARS)?;
    if !rest.starts_with('-') || base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK_CHARS) != check {
        return None;
    }
    Some(id)
}

/// The keyed hash of a key's whole text under the installation's pepper.
#[must_use]
pub fn hash(pepper: &[u8; 32], text: &str) -> KeyHash {
    match Hmac::<Sha256>::new_from_slice(pepper) {
        Ok(mut mac) => {
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().into()
        }
        // HMAC takes keys of every length; a hash that equals nothing stored keeps this total.
        Err(_) => [0; 32],
    }
}

fn base62(bytes: &[u8], width: usize) -> String {
    let mut digits = vec![0_u8; width];
    for &byte in bytes {
        let mut carry = u32::from(byte);
        for digit in digits.iter_mut().rev() {
            carry += u32::from(*digit) << 8;
            *digit = u8::try_from(carry % 62).unwrap_or(0);
            carry /= 62;
        }
    }
    digits.iter().map(|&d| char::from(ALPHABET.get(usize::from(d)).copied().unwrap_or(b'0'))).collect()
}

/// The limits of a key, as an operator sets them. Absent means unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyLimits {
    /// Dollars a calendar day, in the key's time zone.
    pub budget_usd_daily: Option<NanoUsd>,
    /// Dollars an ISO week (Monday first).
    pub budget_usd_weekly: Option<NanoUsd>,
    /// Dollars a calendar month.
    pub budget_usd_monthly: Option<NanoUsd>,
    /// Dollars over the life of the key.
    pub budget_usd_total: Option<NanoUsd>,
    /// Tokens (in and out) a calendar day.
    pub budget_tokens_daily: Option<u64>,
    /// Tokens an ISO week.
    pub budget_tokens_weekly: Option<u64>,
    /// Tokens a calendar month.
    pub budget_tokens_monthly: Option<u64>,
    /// Tokens over the life of the key.
    pub budget_tokens_total: Option<u64>,
    /// Requests in any 60 seconds.
    pub rate_limit_rpm: Option<u64>,
    /// Tokens in any 60 seconds.
    pub rate_limit_tpm: Option<u64>,
    /// Calls in flight at once.
    pub max_concurrency: Option<u64>,
}

impl KeyLimits {
    /// True when any dollar or token budget is set.
    #[must_use]
    pub const fn has_budget(&self) -> bool {
        self.has_usd_budget()
            || self.budget_tokens_daily.is_some()
            || self.budget_tokens_weekly.is_some()
            || self.budget_tokens_monthly.is_some()
            || self.budget_tokens_total.is_some()
    }

    /// True when any dollar budget is set.
    #[must_use]
    pub const fn has_usd_budget(&self) -> bool {
        self.budget_usd_daily.is_some()
            || self.budget_usd_weekly.is_some()
            || self.budget_usd_monthly.is_some()
            || self.budget_usd_total.is_some()
    }
}

/// What happens to the calls of a limited key while the counters cannot be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnStoreError {
    /// They are refused (503).
    Deny,
    /// Each replica goes on by itself with a small part of the limits.
    #[default]
    LocalShare,
    /// They go through and are counted afterwards.
    Allow,
}

/// A virtual key as it is stored, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The public id: the 8 characters after `vk-`. Survives rotation.
    pub id: String,
    /// A name for people, unique.
    pub name: String,
    /// Models that may be asked for (`*` wildcards); empty means all.
    pub models: Vec<String>,
    /// Limits; absent means unlimited.
    pub limits: KeyLimits,
    /// Limits of single models (`*` wildcards) within those of the key.
    #[serde(default)]
    pub model_limits: BTreeMap<String, KeyLimits>,
    /// What happens when the counters cannot be reached; `None` means what the configuration says.
    #[serde(default)]
    pub on_store_error: Option<OnStoreError>,
    /// Whether answers are kept and given again; `None` means what its team says.
    #[serde(default)]
    pub cache: Option<CachePolicy>,
    /// The firewall's policy for its calls, beside those of its team, organisation and route; the strictest wins.
    #[serde(default)]
    pub firewall_policy: Option<String>,
    /// How budgets are reserved.
    pub budget_mode: BudgetMode,
    /// Lower `max_tokens` to what is left instead of refusing.
    pub budget_clamp: bool,
    /// IANA name of the time zone of the periods; UTC by default.
    pub time_zone: String,
    /// Show amounts in budget refusals.
    pub show_spend: bool,
    /// When the key stops working.
    pub expires_at: Option<Micros>,
    /// Addresses that may use the key; empty means all.
    pub ip_allowlist: Vec<Cidr>,
    /// A disabled key is refused.
    pub enabled: bool,
    /// A label for reports.
    pub team: Option<String>,
    /// Labels for reports.
    pub tags: BTreeMap<String, String>,
    /// Last four characters of the current secret.
    pub last4: String,
    /// When it was made.
    pub created_at: Micros,
    /// When it was last changed.
    pub updated_at: Micros,
}

/// One hash under which a key is accepted: the current secret, or a rotated one until its grace ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDoor {
    /// Keyed hash of the secret.
    pub hash: KeyHash,
    /// Until when it opens; `None` for the current secret.
    pub until: Option<Micros>,
}

/// A key and the doors that open it: what the data plane caches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAccess {
    /// The key.
    pub key: KeyRecord,
    /// Its current and not yet expired former secrets.
    pub doors: Vec<KeyDoor>,
}

impl KeyRecord {
    /// Whether the key may be used at all from `peer` at `now`.
    ///
    /// # Errors
    /// [`RefusalKind::InvalidApiKey`] when disabled or expired, [`RefusalKind::IpNotAllowed`] from a foreign address.
    pub fn may_enter(&self, peer: IpAddr, now: Micros) -> Result<(), Refusal> {
        if !self.enabled {
            return Err(Refusal::new(RefusalKind::InvalidApiKey, "this key is disabled"));
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(Refusal::new(RefusalKind::InvalidApiKey, "this key has expired"));
        }
        if !self.ip_allowlist.is_empty() && !self.ip_allowlist.iter().any(|cidr| cidr.contains(peer)) {
            return Err(Refusal::new(RefusalKind::IpNotAllowed, "this key may not be used from this address"));
        }
        Ok(())
    }

    /// Whether the key may ask for `model`.
    ///
    /// # Errors
    /// [`RefusalKind::ModelNotAllowed`].
    pub fn may_use(&self, model: &str) -> Result<(), Refusal> {
        if self.models.is_empty() || self.models.iter().any(|pattern| wildcard_matches(pattern, model)) {
            return Ok(());
        }
        Err(Refusal::new(RefusalKind::ModelNotAllowed, format!("key \"{}\" may not use model \"{model}\"", self.name)).param("model"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognised_by_its_checksum() {
        let (id, text) = compose([7; 6], [0xA5; 32]);
        assert_eq!(text.len(), PREFIX.len() + ID_CHARS + 1 + SECRET_CHARS + CHECK_CHARS);
        assert_eq!(public_id(&text), Some(id.as_str()));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            assert_eq!(public_id(&String::from_utf8(bytes).unwrap()), None, "byte {at}");
        }
        assert_eq!(public_id(""), None);
        assert_eq!(public_id("vk-äöü"), None);
    }

    #[test]
    fn the_hash_depends_on_the_pepper() {
        assert_ne!(hash(&[1; 32], "vk-a"), hash(&[2; 32], "vk-a"));
        assert_eq!(hash(&[1; 32], "vk-a"), hash(&[1; 32], "vk-a"));
    }
}
