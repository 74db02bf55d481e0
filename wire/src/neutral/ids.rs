//! Ids of tool calls: signatures that travel in them, and the forms that vendors take.
//!
//! Most clients drop what they do not know, but every client sends back the id of a call. So a mark that must come back with
//! the call (Gemini's thought signature) travels in the id: `call_7__ts__g.Q2lRQg`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::signature::{Origin, Signature};

const SIGNED: &str = "__ts__";
const SPELLED: &str = "__id__";

/// The id that a client is given: the call's own, with its mark in it where there is one.
#[must_use]
pub fn join(id: &str, signature: Option<&Signature>) -> String {
    match signature {
        None => id.to_owned(),
        Some(mark) => format!("{id}{SIGNED}{}", URL_SAFE_NO_PAD.encode(mark.write_in(Origin::Nobody))),
    }
}

/// The same for clients that take letters, digits, `_` and `-` only: an id with anything else (`functions.add:0`, which its vendor
/// wants back as it was) is spelled out in base64.
#[must_use]
pub fn join_plain(id: &str, signature: Option<&Signature>) -> String {
    if id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
        return join(id, signature);
    }
    join(&format!("call{SPELLED}{}", URL_SAFE_NO_PAD.encode(id)), signature)
}

/// The id and the mark in it.
#[must_use]
pub fn split(id: &str) -> (Cow<'_, str>, Option<Signature>) {
    let Some((own, encoded)) = id.rsplit_once(SIGNED) else { return (spelled(id), None) };
    match decoded(encoded).map(|text| Signature::read_in(Origin::Nobody, &text)) {
        Some(mark) if mark.origin != Origin::Nobody => (spelled(own), Some(mark)),
        _ => (spelled(id), None),
    }
}

fn spelled(id: &str) -> Cow<'_, str> {
    let own = id.strip_prefix("call").and_then(|rest| rest.strip_prefix(SPELLED)).and_then(decoded);
    own.filter(|own| !own.is_empty()).map_or(Cow::Borrowed(id), Cow::Owned)
}

fn decoded(text: &str) -> Option<String> {
    URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

/// Which ids a vendor takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRule {
    /// Characters at most.
    pub chars: usize,
    /// Characters at least.
    pub least: usize,
    /// What it takes besides ASCII letters and digits.
    pub punctuation: &'static str,
}

impl IdRule {
    /// The id for the vendor: as it is where the vendor takes it, else one made from its digest. The same for the same id.
    #[must_use]
    pub fn fit(self, id: &str) -> String {
        let good = |c: char| c.is_ascii_alphanumeric() || self.punctuation.contains(c);
        if (self.least.max(1)..=self.chars).contains(&id.len()) && id.chars().all(good) {
            return id.to_owned();
        }
        let digest = Sha256::digest(id.as_bytes());
        let mut digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        digits.truncate(self.chars.min(32).max(self.least));
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_travel_in_ids() {
        let mark = Signature::new(Origin::Gemini, "CiQB+/==");
        let id = join("call_7", Some(&mark));
        assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')), "{id}");
        assert_eq!(split(&id), ("call_7".into(), Some(mark.clone())));
        for plain in ["call_7", "a__ts__!", "a__ts__", "a__ts__AAAA", "call__id__", "call__id__!"] {
            assert_eq!(split(plain), (plain.into(), None));
        }
        for mark in [None, Some(mark)] {
            let id = join_plain("functions.add:0", mark.as_ref());
            assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')), "{id}");
            assert_eq!(split(&id), ("functions.add:0".into(), mark.clone()));
            assert_eq!(join_plain("toolu_1", mark.as_ref()), join("toolu_1", mark.as_ref()));
        }
        assert_eq!(join("call_7", None), "call_7");
    }

    #[test]
    fn ids_fit_their_vendor() {
        let nine = IdRule { chars: 9, least: 9, punctuation: "" };
        assert_eq!(nine.fit("abcDEF123"), "abcDEF123");
        let fitted = nine.fit("toolu_01");
        assert!(fitted.len() == 9 && fitted.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_eq!(fitted, nine.fit("toolu_01"));
        assert_ne!(fitted, nine.fit("toolu_02"));
        let wide = IdRule { chars: 64, least: 1, punctuation: "_-" };
        assert_eq!(wide.fit("toolu_01-x"), "toolu_01-x");
        assert_eq!(wide.fit("call.1").len(), 32);
        assert_eq!(wide.fit("").len(), 32);
    }
}
