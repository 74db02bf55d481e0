//! Vendors' marks that must come back as they were: signatures of thoughts, of calls, encrypted reasoning.
//!
//! A client of another dialect gets such a mark in a field of its own dialect, in an envelope that says whose it is:
//! `fluxa.g.CiQB...`. When it comes back it is opened and goes to the vendors of that dialect only; anyone else's is dropped,
//! because vendors refuse marks that are not theirs. Text without an envelope belongs to the dialect it was read in.

/// Whose mark it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Claude's, through Anthropic or Bedrock: signatures are valid on both.
    Anthropic,
    /// Gemini's.
    Gemini,
    /// OpenAI's (`encrypted_content`, items of responses).
    OpenAi,
    /// Of Bedrock's other models.
    Bedrock,
    /// Ours, where a client's dialect wants a signature and the vendor gave none.
    Nobody,
}

/// A vendor's mark.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    /// Whose it is.
    pub origin: Origin,
    /// The mark, opaque.
    pub value: String,
}

const ENVELOPE: &str = "fluxa.";

impl Signature {
    /// A mark of `origin`.
    pub fn new(origin: Origin, value: impl Into<String>) -> Self {
        Self { origin, value: value.into() }
    }

    /// The mark for clients whose dialect wants one where the vendor gave none. Never sent to a vendor.
    #[must_use]
    pub const fn nobodys() -> Self {
        Self { origin: Origin::Nobody, value: String::new() }
    }

    /// As it is written in a field of `dialect`: plain in its own, in an envelope elsewhere.
    #[must_use]
    pub fn write_in(&self, dialect: Origin) -> String {
        if self.origin == dialect {
            return self.value.clone();
        }
        let letter = match self.origin {
            Origin::Anthropic => "a",
            Origin::Gemini => "g",
            Origin::OpenAi => "o",
            Origin::Bedrock => "b",
            Origin::Nobody => "n",
        };
        format!("{ENVELOPE}{letter}.{}", self.value)
    }

    /// Reads a field of `dialect`.
    #[must_use]
    pub fn read_in(dialect: Origin, text: &str) -> Self {
        let opened = text.strip_prefix(ENVELOPE).and_then(|rest| {
            let (letter, value) = rest.split_once('.')?;
            let origin = match letter {
                "a" => Origin::Anthropic,
                "g" => Origin::Gemini,
                "o" => Origin::OpenAi,
                "b" => Origin::Bedrock,
                "n" => Origin::Nobody,
                _ => return None,
            };
            Some(Self::new(origin, value))
        });
        opened.unwrap_or_else(|| Self::new(dialect, text))
    }

    /// The mark, if it is `origin`'s.
    #[must_use]
    pub fn of(&self, origin: Origin) -> Option<&str> {
        (self.origin == origin).then_some(self.value.as_str())
    }
}

/// Whether a request holds marks in envelopes (or ids that carry or spell them): then a part of its conversation was another
/// vendor's, and a vendor of the client's own dialect would refuse it as it is. One look over the bytes; a prompt that talks
/// about envelopes is found too, which costs a translation and changes nothing else.
#[must_use]
pub fn is_marked(client: Origin, body: &[u8]) -> bool {
    match client {
        Origin::Anthropic => has_envelope(body) || memchr::memmem::find(body, b"__ts__Zmx1eGEu").is_some(),
        // In base64, in a place where it is always written alike.
        Origin::Gemini => memchr::memmem::find(body, b"Zmx1eGEu").is_some(),
        Origin::OpenAi => has_envelope(body) || memchr::memmem::find(body, b"__ts__").is_some(),
        Origin::Bedrock | Origin::Nobody => false,
    }
}

/// A string that begins like an envelope: `"fluxa.g.`.
fn has_envelope(body: &[u8]) -> bool {
    const START: &[u8] = b"\"fluxa.";
    memchr::memmem::find_iter(body, START).any(|at| {
        let rest = body.get(at + START.len()..).unwrap_or_default();
        matches!(rest, [b'a' | b'g' | b'o' | b'b' | b'n', b'.', ..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_others_are_seen_in_a_request() {
        assert!(is_marked(Origin::Anthropic, br#"{"signature":"fluxa.n."}"#));
        assert!(!is_marked(Origin::Anthropic, br#"{"signature":"EqQB","text":"fluxa. is a gateway"}"#));
        let id = crate::neutral::ids::join("toolu_1", Some(&Signature::new(Origin::Gemini, "Ci")));
        assert!(is_marked(Origin::Anthropic, format!("{{\"id\":\"{id}\"}}").as_bytes()));
        assert!(!is_marked(Origin::Anthropic, br#"{"id":"toolu_1","text":"made by __ts__ and not by hand"}"#));
        assert!(is_marked(Origin::Gemini, br#"{"thoughtSignature":"Zmx1eGEubi4="}"#));
        assert!(is_marked(Origin::OpenAi, br#"{"id":"call_1__ts__Zmx1"}"#));
        assert!(!is_marked(Origin::OpenAi, br#"{"id":"call_1"}"#));
    }

    #[test]
    fn a_mark_comes_back_as_it_was_through_every_dialect() {
        let origins = [Origin::Anthropic, Origin::Gemini, Origin::OpenAi, Origin::Bedrock, Origin::Nobody];
        for origin in origins {
            for dialect in origins {
                let mark = Signature::new(origin, "Ci.QB+/=fluxa.");
                assert_eq!(Signature::read_in(dialect, &mark.write_in(dialect)), mark);
            }
        }
        assert_eq!(Signature::new(Origin::Anthropic, "x").write_in(Origin::Anthropic), "x");
        assert_eq!(Signature::read_in(Origin::Gemini, "fluxa.z.x"), Signature::new(Origin::Gemini, "fluxa.z.x"));
        assert_eq!(Signature::new(Origin::Gemini, "x").of(Origin::Anthropic), None);
    }
}
