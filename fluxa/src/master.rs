//! The master key: given, or made at the first start, printed once and stored hashed.
//!
//! What is never done here: keeping the key in clear, or comparing it (the admin API does, in constant time).

use fluxa_domain::key::{KeyHash, compose, hash};
use fluxa_domain::secret::Secret;

/// What a made master key begins with; virtual keys begin with `vk-` and cannot be mistaken for one.
pub const PREFIX: &str = "fxm-";

/// The store's setting that keeps the hash (hex) of a made key.
pub const SETTING: &str = "master_key_hash";

/// The shortest master key that is accepted: 16 random characters of base 62 hold 95 bits.
pub const MIN_CHARS: usize = 16;

/// The longest: more is a file pasted by mistake, and would not fit into a header.
pub const MAX_CHARS: usize = 512;

/// The master key of this start.
#[derive(Clone, Debug)]
pub struct Master {
    /// What a presented key is compared with.
    pub hash: KeyHash,
    /// The key itself, only when it was made just now and has to be printed.
    pub fresh: Option<Secret<String>>,
    /// Where it comes from, for the banner.
    pub origin: Origin,
}

/// Where the master key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Configuration or environment.
    Given,
    /// Made at an earlier start.
    Stored,
    /// Made now.
    Made,
}

/// Whether a text may be a master key.
///
/// # Errors
/// Why not.
pub fn check(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(String::from("is empty; unset it and one is made at the first start"));
    }
    if text.chars().count() < MIN_CHARS {
        return Err(format!("is shorter than {MIN_CHARS} characters; `openssl rand -hex 24` makes a good one"));
    }
    if text.chars().count() > MAX_CHARS {
        return Err(format!("is longer than {MAX_CHARS} characters"));
    }
    // It is sent in a header, where other characters do not survive.
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(String::from("may hold only visible ASCII characters, no spaces"));
    }
    if text.starts_with(fluxa_domain::key::PREFIX) {
        return Err(String::from("looks like a virtual key (vk-…); the master key must be another secret"));
    }
    Ok(())
}

/// Decides which key is in force. A made key's hash has to be stored by the caller under [`SETTING`] as [`to_hex`].
#[must_use]
pub fn decide(given: Option<&Secret<String>>, stored_hex: Option<&str>, pepper: &[u8; 32], random: [u8; 32]) -> Master {
    if let Some(given) = given {
        return Master { hash: hash(pepper, given.expose()), fresh: None, origin: Origin::Given };
    }
    if let Some(stored) = stored_hex.and_then(from_hex) {
        return Master { hash: stored, fresh: None, origin: Origin::Stored };
    }
    let text = make(random);
    Master { hash: hash(pepper, &text), fresh: Some(Secret::new(text)), origin: Origin::Made }
}

/// `fxm-` and 256 random bits in base 62.
fn make(random: [u8; 32]) -> String {
    // A virtual key's text is `vk-` + id + `-` + secret + checksum; its secret part is what is wanted.
    let (id, text) = compose([0; 6], random);
    let start = fluxa_domain::key::PREFIX.len() + id.len() + 1;
    let secret: String = text.chars().skip(start).take(fluxa_domain::key::SECRET_CHARS).collect();
    format!("{PREFIX}{secret}")
}

/// The hash as lower-case hexadecimal digits.
#[must_use]
pub fn to_hex(hash: &KeyHash) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Reads what [`to_hex`] wrote.
#[must_use]
pub fn from_hex(text: &str) -> Option<KeyHash> {
    let mut out = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (index, slot) in out.iter_mut().enumerate() {
        *slot = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_master_key_is_refused() {
        let check = |text: &str, expect: Option<&str>| match (check(text), expect) {
            (Ok(()), None) => {}
            (Err(error), Some(part)) => assert!(error.contains(part), "{text}: {error}"),
            (other, _) => panic!("{text}: {other:?}"),
        };
        check("", Some("is empty"));
        check("short", Some("shorter than 16"));
        check("0123456789abcdef", None);
        check("0123456789 abcdef", Some("visible ASCII"));
        check("vk-0123456789abcdef", Some("virtual key"));
        check(&"x".repeat(513), Some("longer"));
    }

    #[test]
    fn a_given_key_wins_then_the_stored_one_then_a_new_one() {
        let pepper = [3; 32];
        let made = decide(None, None, &pepper, [9; 32]);
        let text = made.fresh.clone().unwrap();
        assert_eq!(text.expose().len(), 4 + 43);
        assert!(text.expose().starts_with("fxm-") && super::check(text.expose()).is_ok());
        assert_eq!(made.hash, hash(&pepper, text.expose()));

        let again = decide(None, Some(&to_hex(&made.hash)), &pepper, [1; 32]);
        assert_eq!((again.hash, again.origin, again.fresh.is_none()), (made.hash, Origin::Stored, true));

        let given = Secret::new(String::from("a-key-from-the-environment"));
        let master = decide(Some(&given), Some(&to_hex(&made.hash)), &pepper, [1; 32]);
        assert_eq!((master.hash, master.origin), (hash(&pepper, given.expose()), Origin::Given));
    }

    #[test]
    fn hex_goes_both_ways() {
        assert_eq!(from_hex(&to_hex(&[0xAB; 32])), Some([0xAB; 32]));
        assert_eq!(from_hex("xyz"), None);
        assert_eq!(from_hex(&"+1".repeat(32)), None);
    }
}
