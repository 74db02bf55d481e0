//! Paths and queries of clients that are brought to a vendor as they are: what they must not hold.
//!
//! A vendor (or the proxy before it) may decode and tidy a path once more, so what could lead out of the
//! operation's own place is refused, not mended.

use std::borrow::Cow;

/// Names under which clients send a key in the query. It would be our virtual key: it is of no use to a vendor.
const KEY_NAMES: [&str; 4] = ["key", "api_key", "api-key", "access_token"];

/// Whether a path below `/v1/` means to everyone who reads it what it says.
pub(crate) fn is_sound(below: &str) -> bool {
    below.split('/').all(|segment| {
        let Some(decoded) = decode_strictly(segment) else { return false };
        // `..;x` is `..` to some servers.
        let name = decoded.split(|&b| b == b';').next().unwrap_or_default();
        let odd = |&b: &u8| b.is_ascii_control() || matches!(b, b'/' | b'\\' | b'%');
        !name.is_empty() && name != b"." && name != b".." && !decoded.iter().any(odd)
    })
}

/// The query without a key in it.
pub(crate) fn without_key(query: &str) -> Cow<'_, str> {
    let is_key = |pair: &&str| {
        let name = decode(pair.split('=').next().unwrap_or_default());
        KEY_NAMES.iter().any(|key| name.eq_ignore_ascii_case(key))
    };
    if !query.split('&').any(|pair| is_key(&pair)) {
        return Cow::Borrowed(query);
    }
    Cow::Owned(query.split('&').filter(|pair| !is_key(pair)).collect::<Vec<_>>().join("&"))
}

/// Takes percent signs out; what is not encoded well stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let value = if byte == b'%' { encoded(after) } else { None };
        out.push(value.unwrap_or(byte));
        rest = if value.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

fn decode_strictly(text: &str) -> Option<Cow<'_, [u8]>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        out.push(if byte == b'%' { encoded(after)? } else { byte });
        rest = if byte == b'%' { after.get(2..)? } else { after };
    }
    Some(Cow::Owned(out))
}

fn encoded(after: &[u8]) -> Option<u8> {
    let digit = |at: usize| after.get(at).and_then(|&b| char::from(b).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(0)? * 16 + digit(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_elsewhere_are_known() {
        for path in ["files", "files/file-1", "a/b.c/..d", "vector_stores/vs_1:x/files", "a/%41", "fine-tuning/é"] {
            assert!(is_sound(path), "{path}");
        }
        for path in [
            "",
            ".",
            "..",
            "a/../b",
            "a//b",
            "/a",
            "a/%2e%2E/b",
            "a/.%2e",
            "a%2fb",
            "a%5cb",
            "a\\b",
            "a/%00",
            "a/%0d%0a",
            "a/%",
            "a/%zz",
            "a/%252e",
            "a/..;x/b",
        ] {
            assert!(!is_sound(path), "{path}");
        }
    }

    #[test]
    fn keys_leave_the_query() {
        let check = |query: &str, expect: &str| assert_eq!(without_key(query), expect);
        check("limit=2&after=x", "limit=2&after=x");
        check("key=vk-1", "");
        check("a=1&key=vk-1&b=2", "a=1&b=2");
        check("%6bey=vk-1&keys=2", "keys=2");
    }

    #[test]
    fn model_ids_are_decoded() {
        assert_eq!(decode("openai%2Fgpt-4o"), "openai/gpt-4o");
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz"), "%zz");
    }
}
