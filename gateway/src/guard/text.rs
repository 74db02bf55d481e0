//! The texts of a body, whatever it is: JSON, a form, lines of JSON, or text.

use bytes::Bytes;
use fluxa_firewall::Form;
use fluxa_wire::leaf::{self, Edited, Fate, Leaf, LeafKind};

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
    if media == "multipart/form-data" || media == "application/x-www-form-urlencoded" {
        return leaf::form(content_type, body, see).map_err(|_| Unreadable);
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

/// Whether these bytes are one JSON object or list. A bare word or number is text.
fn is_json(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii();
    matches!(bytes.first(), Some(b'{' | b'[')) && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}
