//! Takes secrets out of what an upstream said: several echo parts of the key they refuse.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memmem;

use crate::limits::SECRET_BYTES;

/// What stands in a secret's place.
const MASK: &[u8] = b"***";

/// Beginnings of words that are keys wherever they are met.
const KEY_PREFIXES: [&[u8]; 5] = [b"sk-", b"sk*", b"gsk_", b"AIza", b"AKIA"];

/// A key-like word shorter than this may be an ordinary one (`sk-learn`).
const KEY_WORD_BYTES: usize = 9;

/// Replaces every configured secret and every key-like word by `***`.
#[must_use]
pub fn redact<'t>(text: &'t str, secrets: &[&str]) -> Cow<'t, str> {
    match masked(text.as_bytes(), secrets) {
        None => Cow::Borrowed(text),
        Some(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// The same for a body; it is only copied if there is something to replace.
#[must_use]
pub fn redact_body(body: &Bytes, secrets: &[&str]) -> Bytes {
    masked(body, secrets).map_or_else(|| body.clone(), Bytes::from)
}

fn masked(text: &[u8], secrets: &[&str]) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let mut secrets: Vec<&str> = secrets.iter().copied().filter(|s| s.len() >= SECRET_BYTES).collect();
    // A secret may be the beginning of another one.
    secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
    for secret in secrets {
        if let Some(changed) = replace(out.as_deref().unwrap_or(text), secret.as_bytes()) {
            out = Some(changed);
        }
    }
    let changed = words(out.as_deref().unwrap_or(text));
    changed.or(out)
}

fn replace(text: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let mut at = memmem::find(text, secret)?;
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    loop {
        out.extend_from_slice(text.get(from..at).unwrap_or_default());
        out.extend_from_slice(MASK);
        from = at + secret.len();
        let rest = text.get(from..).unwrap_or_default();
        match memmem::find(rest, secret) {
            Some(next) => at = from + next,
            None => {
                out.extend_from_slice(rest);
                return Some(out);
            }
        }
    }
}

fn words(text: &[u8]) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let mut copied = 0;
    let mut at = 0;
    while at < text.len() {
        let length = text.get(at..).unwrap_or_default().iter().take_while(|b| is_word(**b)).count();
        let word = text.get(at..at + length).unwrap_or_default();
        if length >= KEY_WORD_BYTES && KEY_PREFIXES.iter().any(|p| word.starts_with(p)) {
            let out = out.get_or_insert_with(|| Vec::with_capacity(text.len()));
            out.extend_from_slice(text.get(copied..at).unwrap_or_default());
            out.extend_from_slice(MASK);
            copied = at + length;
        }
        at += length.max(1);
    }
    if let Some(out) = &mut out {
        out.extend_from_slice(text.get(copied..).unwrap_or_default());
    }
    out
}

const fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_and_words_stay() {
        let check = |text: &str, expect: &str| assert_eq!(redact(text, &["my-secret-key", "my-secret-key-2", "x"]), expect);
        check("bad key my-secret-key-2, not my-secret-key.", "bad key ***, not ***.");
        check("Incorrect API key provided: sk***abcdeYA.", "Incorrect API key provided: ***.");
        check("Incorrect API key: sk-proj-abc_DEF0123", "Incorrect API key: ***");
        check("sk-learn, axis, x", "sk-learn, axis, x");
        check("Schlüssel AIzaSyA1234567890", "Schlüssel ***");
    }

    #[test]
    fn a_body_without_secrets_is_not_copied() {
        let body = Bytes::from_static(b"{\"error\":\"no\"}");
        assert_eq!(redact_body(&body, &["my-secret-key"]).as_ptr(), body.as_ptr());
    }
}
