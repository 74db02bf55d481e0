//! The mock's signatures of thoughts and calls. They need no memory: a signature is right if making it again gives it.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::openai::media::base64;

/// As long as real ones are at least: 96 bytes, 128 characters of base64, with all of its alphabet.
const ROUNDS: u8 = 3;

/// What asks Google's validator to look away.
pub(super) const SENTINEL: &str = "skip_thought_signature_validator";

/// The signature of a thought.
pub(super) fn thought(text: &str) -> String {
    seal("thought", text)
}

/// The signature of a call; the order of its arguments does not matter.
pub(super) fn call(name: &str, arguments: &Value) -> String {
    seal("call", &format!("{name}\n{}", sorted(arguments)))
}

fn seal(what: &str, text: &str) -> String {
    let bytes: Vec<u8> = (0..ROUNDS).flat_map(|round| Sha256::digest(format!("mock {what} {round}\n{text}"))).collect();
    base64(&bytes)
}

fn sorted(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name:?}:{}", sorted(value))).collect();
            fields.sort();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        // A translator may well write 1 for 1.0.
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_signature_is_of_its_text_and_of_nothing_else() {
        assert_eq!(thought("a"), thought("a"));
        assert_ne!(thought("a"), thought("b"));
        assert_eq!(thought("a").len(), 128);
        assert_eq!(call("f", &json!({"a": 1, "b": {"c": 2, "d": "x"}})), call("f", &json!({"b": {"d": "x", "c": 2.0}, "a": 1})));
        assert_ne!(call("f", &json!({"a": 1})), call("f", &json!({"a": 2})));
        assert_ne!(call("f", &json!({})), call("g", &json!({})));
    }
}
