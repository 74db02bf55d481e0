//! Marks of other vendors in a field that Gemini's clients take for base64: `thoughtSignature`.
//!
//! Official SDKs decode the field into bytes and send it back as base64 of either alphabet; so must marks of others go.

use crate::neutral::media::{decode_base64, encode_base64, standard_base64};
use crate::neutral::{Origin, Signature};

/// What Google's documentation tells clients to send where they have no signature.
pub(crate) const SKIP_VALIDATION: &str = "skip_thought_signature_validator";

/// Begins the mark of thoughts that only their vendor can read.
const REDACTED: &str = "redacted:";

/// The mark of a part as a client gets it; nothing for a mark that nobody gave.
pub(crate) fn write(signature: &Signature) -> Option<String> {
    match signature.origin {
        Origin::Nobody => None,
        Origin::Gemini => Some(signature.value.clone()),
        _ => Some(encode_base64(signature.write_in(Origin::Gemini).as_bytes())),
    }
}

/// The mark of a call that its vendor did not sign.
pub(crate) fn unsigned() -> String {
    encode_base64(Signature::nobodys().write_in(Origin::Gemini).as_bytes())
}

/// The mark of thoughts that only their vendor can read.
pub(crate) fn write_redacted(signature: &Signature) -> String {
    encode_base64(format!("{REDACTED}{}", signature.write_in(Origin::Nobody)).as_bytes())
}

/// What a client sent.
pub(crate) enum Mark {
    /// The mark of a part.
    Signed(Signature),
    /// Thoughts that only their vendor can read.
    Redacted(Signature),
}

/// Reads a client's field.
pub(crate) fn read(text: &str) -> Mark {
    let own = || if text == SKIP_VALIDATION { text.to_owned() } else { standard_base64(text).into_owned() };
    let opened = decode_base64(text).and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(opened) = opened {
        if let Some(inner) = opened.strip_prefix(REDACTED) {
            return Mark::Redacted(Signature::read_in(Origin::Nobody, inner));
        }
        let mark = Signature::read_in(Origin::Gemini, &opened);
        if mark.origin != Origin::Gemini {
            return Mark::Signed(mark);
        }
    }
    Mark::Signed(Signature::new(Origin::Gemini, own()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back_in_either_alphabet() {
        for mark in [
            Signature::new(Origin::Anthropic, "Er~?>>/+=="),
            Signature::new(Origin::OpenAi, "gAAA"),
            Signature::new(Origin::Gemini, "CiQB+/=="),
        ] {
            let text = write(&mark).unwrap();
            for text in [text.clone(), text.replace('+', "-").replace('/', "_")] {
                assert!(matches!(read(&text), Mark::Signed(found) if found == mark), "{text}");
            }
            let redacted = write_redacted(&mark);
            assert!(matches!(read(&redacted), Mark::Redacted(found) if found == mark), "{redacted}");
        }
        assert_eq!(write(&Signature::nobodys()), None);
        assert!(matches!(read(SKIP_VALIDATION), Mark::Signed(found) if found.value == SKIP_VALIDATION));
    }
}
