//! Sealing of secrets at rest: AES-256-GCM, each value bound to the row and column it was written for.
//!
//! A sealed value that was moved to another row, cut short or changed by one bit does not open. Never done here: keeping
//! the key in a file; see `secret_key.rs`.

use std::fmt;

use aes_gcm::aead::{Aead, AeadInPlace, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use fluxa_domain::secret::Secret;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::error::StoreError;

/// Bytes of a nonce. Random 96 bits are safe for 2³² seals under one key; provider keys are sealed a few times a day.
const NONCE_BYTES: usize = 12;

/// Bytes of a tag, behind the ciphertext.
const TAG_BYTES: usize = 16;

/// Written before the sealed bytes, so that a later format can be told apart.
const VERSION: &str = "v1.";

/// Bytes of a fingerprint: enough to see that a secret changed, too few to test guesses offline without the key.
const FINGERPRINT_BYTES: usize = 6;

/// Closes and opens secrets under one key.
pub struct Sealer {
    key: Secret<[u8; 32]>,
}

impl Sealer {
    /// A sealer under `key` (see [`crate::SecretKey::sealer`], which derives it).
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key: Secret::new(key) }
    }

    /// Seals `plain` for one column of one row: `v1.` and base64 of nonce, ciphertext and tag.
    ///
    /// # Errors
    /// [`StoreError::Random`] when the system gives no random bytes.
    pub fn seal(&self, table: &str, row: &str, column: &str, plain: &[u8]) -> Result<String, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(StoreError::Random)?;
        let aad = bound_to(table, row, column);
        let sealed = self
            .cipher()
            .and_then(|cipher| cipher.encrypt(Nonce::from_slice(&nonce), Payload { msg: plain, aad: aad.as_bytes() }).ok())
            .ok_or_else(|| StoreError::Sealed { what: format!("{table} {row}") })?;
        let mut bytes = Vec::with_capacity(NONCE_BYTES + sealed.len());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(format!("{VERSION}{}", BASE64.encode(bytes)))
    }

    /// Opens what [`Self::seal`] gave for the same table, row and column.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] for another key, another row, and anything that was changed.
    pub fn open(&self, table: &str, row: &str, column: &str, sealed: &str) -> Result<Secret<Vec<u8>>, StoreError> {
        self.try_open(table, row, column, sealed).ok_or_else(|| StoreError::Sealed { what: format!("{table} {row}") })
    }

    /// Seals a large value that is kept under `name`: nonce, ciphertext and tag. Each name has a key of its own, so that there may be any
    /// number of values.
    ///
    /// # Errors
    /// [`StoreError::Random`] when the system gives no random bytes.
    pub fn seal_value(&self, name: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(StoreError::Random)?;
        let mut sealed = Vec::with_capacity(NONCE_BYTES + plain.len() + TAG_BYTES);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let body = sealed.get_mut(NONCE_BYTES..).unwrap_or_default();
        let tag = self
            .cipher_of(name)
            .and_then(|cipher| cipher.encrypt_in_place_detached(Nonce::from_slice(&nonce), name, body).ok())
            .ok_or_else(|| StoreError::Sealed { what: String::from("value") })?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens what [`Self::seal_value`] gave for the same name; `None` for another key, another name, and anything that was changed.
    #[must_use]
    pub fn open_value(&self, name: &[u8], mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let end = sealed.len().checked_sub(TAG_BYTES)?;
        let tag = sealed.split_off(end);
        let (nonce, body) = sealed.split_at_mut_checked(NONCE_BYTES)?;
        let (nonce, tag) = (Nonce::from_slice(nonce), Tag::from_slice(&tag));
        self.cipher_of(name)?.decrypt_in_place_detached(nonce, name, body, tag).ok()?;
        sealed.drain(..NONCE_BYTES);
        Some(sealed)
    }

    /// A keyed fingerprint of a secret for the audit log: equal secrets are seen to be equal, nothing else is shown.
    #[must_use]
    pub fn fingerprint(&self, secret: &str) -> String {
        let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(self.key.expose()) else { return String::from("***") };
        mac.update(b"fluxa/v1|audit|");
        mac.update(secret.as_bytes());
        let digest = mac.finalize().into_bytes();
        let hex: String = digest.iter().take(FINGERPRINT_BYTES).map(|byte| format!("{byte:02x}")).collect();
        format!("hmac:{hex}")
    }

    fn try_open(&self, table: &str, row: &str, column: &str, sealed: &str) -> Option<Secret<Vec<u8>>> {
        let bytes = BASE64.decode(sealed.strip_prefix(VERSION)?).ok()?;
        let (nonce, body) = bytes.split_at_checked(NONCE_BYTES)?;
        let aad = bound_to(table, row, column);
        let plain = self.cipher()?.decrypt(Nonce::from_slice(nonce), Payload { msg: body, aad: aad.as_bytes() }).ok()?;
        Some(Secret::new(plain))
    }

    fn cipher_of(&self, name: &[u8]) -> Option<Aes256Gcm> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(self.key.expose()).ok()?;
        mac.update(b"fluxa/v1|value|");
        mac.update(name);
        Aes256Gcm::new_from_slice(&mac.finalize().into_bytes()).ok()
    }

    fn cipher(&self) -> Option<Aes256Gcm> {
        Aes256Gcm::new_from_slice(self.key.expose()).ok()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

/// Table and column are our own words without `|`, so the row's name in the middle is unambiguous whatever it holds.
fn bound_to(table: &str, row: &str, column: &str) -> String {
    format!("fluxa/v1|{table}|{row}|{column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_where_it_was_written() {
        let sealer = Sealer::new([7; 32]);
        let sealed = sealer.seal("providers", "openai", "secrets", b"sk-secret").unwrap();
        let opens = |s: &Sealer, t: &str, r: &str, c: &str, v: &str| s.open(t, r, c, v).is_ok();
        assert_eq!(sealer.open("providers", "openai", "secrets", &sealed).unwrap().expose(), b"sk-secret");
        assert!(!opens(&sealer, "providers", "openai2", "secrets", &sealed));
        assert!(!opens(&sealer, "routes", "openai", "secrets", &sealed));
        assert!(!opens(&sealer, "providers", "openai", "other", &sealed));
        assert!(!opens(&Sealer::new([8; 32]), "providers", "openai", "secrets", &sealed));
        assert!(!sealed.contains("secret"));
        assert_ne!(sealed, sealer.seal("providers", "openai", "secrets", b"sk-secret").unwrap(), "nonces repeat");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let sealer = Sealer::new([7; 32]);
        let sealed = sealer.seal("t", "r", "c", b"x").unwrap();
        let bytes = BASE64.decode(sealed.strip_prefix(VERSION).unwrap()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(sealer.open("t", "r", "c", &format!("{VERSION}{}", BASE64.encode(changed))).is_err(), "bit {bit}");
        }
        for cut in 0..sealed.len() {
            assert!(sealer.open("t", "r", "c", &sealed[..cut]).is_err(), "cut {cut}");
        }
    }

    #[test]
    fn a_large_value_opens_only_under_its_name_and_whole() {
        let sealer = Sealer::new([7; 32]);
        let plain = b"the answer ".repeat(10);
        let sealed = sealer.seal_value(b"name", &plain).unwrap();
        assert_eq!(sealer.open_value(b"name", sealed.clone()).as_deref(), Some(&plain[..]));
        assert!(!sealed.windows(6).any(|part| part == b"answer"));
        assert_eq!(sealer.open_value(b"other", sealed.clone()), None);
        assert_eq!(Sealer::new([8; 32]).open_value(b"name", sealed.clone()), None);
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sealer.open_value(b"name", changed), None, "bit {bit}");
        }
        for cut in 0..sealed.len() {
            assert_eq!(sealer.open_value(b"name", sealed[..cut].to_vec()), None, "cut {cut}");
        }
        let empty = sealer.seal_value(b"name", b"").unwrap();
        assert_eq!(sealer.open_value(b"name", empty), Some(Vec::new()));
    }

    #[test]
    fn a_fingerprint_depends_on_the_key_and_shows_nothing() {
        let sealer = Sealer::new([7; 32]);
        assert_eq!(sealer.fingerprint("a"), sealer.fingerprint("a"));
        assert_ne!(sealer.fingerprint("a"), sealer.fingerprint("b"));
        assert_ne!(sealer.fingerprint("a"), Sealer::new([8; 32]).fingerprint("a"));
    }
}
