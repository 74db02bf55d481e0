//! Where a prompt begins, so that calls that begin alike can go where a vendor has that beginning in its cache.
//!
//! A hash and no more: it decides nothing but a preference among targets.

use fluxa_domain::route::choice::fnv;

/// Bytes of the beginning that count: about the 1,024 tokens below which vendors cache nothing, in dense text.
const BYTES: usize = 4_096;
/// Where conversations begin, in every dialect: instructions first, where they stand before the messages.
const STARTS: [&[u8]; 7] =
    [b"\"system\"", b"\"messages\"", b"\"instructions\"", b"\"input\"", b"\"systemInstruction\"", b"\"contents\"", b"\"prompt\""];

/// A hash of the beginning of the prompt in a JSON body.
pub(crate) fn hash(body: &[u8]) -> u64 {
    // What stands before (the model, settings) may differ between calls of one conversation.
    let start = STARTS.iter().filter_map(|start| memchr::memmem::find(body, start)).min().unwrap_or(0);
    let rest = body.get(start..).unwrap_or_default();
    fnv(0xCBF2_9CE4_8422_2325, rest.get(..BYTES).unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_that_grows_keeps_its_beginning() {
        let long = "x".repeat(BYTES);
        let first = format!(r#"{{"model":"m","messages":[{{"role":"system","content":"{long}"}},{{"role":"user","content":"a"}}]}}"#);
        let later =
            format!(r#"{{"stream":true,"messages":[{{"role":"system","content":"{long}"}},{{"role":"user","content":"b"}}],"n":1}}"#);
        assert_eq!(hash(first.as_bytes()), hash(later.as_bytes()));
        assert_ne!(hash(first.as_bytes()), hash(br#"{"messages":[]}"#));
        assert_eq!(hash(b"no json"), hash(b"no json"));
    }
}
