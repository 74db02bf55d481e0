//! The texts of a body, whatever it is: JSON, a form, lines of JSON, or text.

use bytes::Bytes;
use fluxa_firewall::Form;
use fluxa_wire::leaf::{self, Edited, Fate, Leaf, LeafKind};

use crate::pass_path;

/// A body whose texts cannot be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// What a media type says, without its parameters.
pub(super) fn media(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// How a text is to be looked at.
pub(super) const fn form(kind: LeafKind) -> Form {
    match kind {
        LeafKind::Arguments => Form::Json,
        LeafKind::Text | LeafKind::Number | LeafKind::Name => Form::Plain,
    }
}

/// Shows every text of `body`.
///
/// # Errors
/// When it is neither JSON, nor a form, nor text: then not all of it was shown.
pub(super) fn each(content_type: &str, body: &Bytes, see: &mut dyn FnMut(Leaf<'_>) -> Fate) -> Result<Edited, Unreadable> {
    if body.is_empty() {
        return Ok(Edited::Same);
    }
    let media = media(content_type);
    if media == "application/x-www-form-urlencoded" {
        return std::str::from_utf8(body).map(|pairs| pairs_of(pairs, see)).map_err(|_| Unreadable);
    }
    if media == "multipart/form-data" {
        return leaf::form(content_type, body, see).map_err(|_| Unreadable);
    }
    // Its parts may be encoded, which only a form's may not.
    if media.starts_with("multipart/") {
        return Err(Unreadable);
    }
    if media.is_empty() || media == "application/json" || media.ends_with("+json") {
        return leaf::json(body, see).map_err(|_| Unreadable);
    }
    // Whatever it is called, a vendor may read it as JSON.
    if is_json(body) {
        return leaf::json(body, see).map_err(|_| Unreadable);
    }
    let text = std::str::from_utf8(body).map_err(|_| Unreadable)?;
    if text.contains('\0') {
        return Err(Unreadable);
    }
    // Where lines are not JSON one by one, what is looked for may go over several of them.
    let is_lines = text.lines().all(|line| line.trim().is_empty() || is_json(line.as_bytes()));
    let shown = if is_lines { leaf::lines(body, see) } else { leaf::text(body, see) };
    shown.map_err(|_| Unreadable)
}

/// Shows the names and values of `a=b&c=d`. What is not changed keeps its bytes.
fn pairs_of(pairs: &str, see: &mut dyn FnMut(Leaf<'_>) -> Fate) -> Edited {
    let mut out = String::with_capacity(pairs.len());
    let mut same = true;
    let mut field = String::new();
    for (at, pair) in pairs.split('&').enumerate() {
        out.push_str(if at == 0 { "" } else { "&" });
        for (side, part) in pair.splitn(2, '=').enumerate() {
            out.push_str(if side == 0 { "" } else { "=" });
            let text = pass_path::decode(&part.replace('+', " "));
            let kind = if side == 0 { LeafKind::Name } else { LeafKind::Text };
            match see(Leaf { text: &text, kind, field: if side == 0 { "" } else { &field } }) {
                Fate::Keep => out.push_str(part),
                Fate::Replace(with) => {
                    out.push_str(&encoded(&with));
                    same = false;
                }
                Fate::Stop => return Edited::Stopped,
            }
            if side == 0 {
                field = text;
            }
        }
    }
    if same { Edited::Same } else { Edited::Changed(out.into()) }
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Whether these bytes are one JSON object or list. A bare word or number is text.
fn is_json(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii();
    matches!(bytes.first(), Some(b'{' | b'[')) && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(content_type: &str, body: &str) -> Result<String, Unreadable> {
        let mut see =
            |leaf: Leaf<'_>| if leaf.text.contains("secret") { Fate::Replace(leaf.text.replace("secret", "[X]")) } else { Fate::Keep };
        Ok(match each(content_type, &Bytes::copy_from_slice(body.as_bytes()), &mut see)? {
            Edited::Same => body.to_owned(),
            Edited::Changed(body) => String::from_utf8(body.to_vec()).unwrap(),
            Edited::Stopped => String::from("stopped"),
        })
    }

    #[test]
    fn bodies_are_read_as_what_they_are_whatever_they_are_called() {
        let check =
            |content_type: &str, body: &str, expect: &str| assert_eq!(masked(content_type, body).unwrap(), expect, "{content_type}");
        check("application/json; charset=utf-8", r#"{"a": "secret"}"#, r#"{"a": "[X]"}"#);
        check("", r#"{"a":"s\u0065cret"}"#, r#"{"a":"[X]"}"#);
        check("text/plain", r#"{"a":"s\u0065cret"}"#, r#"{"a":"[X]"}"#);
        check("application/jsonl", "{\"a\":\"secret\"}\n\n{\"a\":1}\n", "{\"a\":\"[X]\"}\n\n{\"a\":1}\n");
        check("text/plain", "a secret\nand {", "a [X]\nand {");
        check("application/x-www-form-urlencoded", "a=%73ecret+b&secret&c=d%20e", "a=%5BX%5D%20b&%5BX%5D&c=d%20e");
        assert_eq!(masked("application/json", "{"), Err(Unreadable));
        assert_eq!(masked("text/plain", "a\0b"), Err(Unreadable));
        assert_eq!(masked("multipart/related; boundary=x", "--x\r\n\r\nsecret\r\n--x--\r\n"), Err(Unreadable));
        let mut keep = |_: Leaf<'_>| Fate::Keep;
        assert_eq!(each("text/plain", &Bytes::from_static(b"\xff"), &mut keep), Err(Unreadable));
    }
}
