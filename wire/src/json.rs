//! Two ways through a JSON text without building a tree: `skip` checks every rule and counts,
//! `walk` believes the text and only visits members. Never a place for dialect knowledge.

pub(crate) mod skip;
pub(crate) mod text;
pub(crate) mod walk;

/// `text` as a JSON string, quotes included.
pub(crate) fn quote(text: &str) -> String {
    // A string cannot fail to serialise; the empty string is the harmless answer to the impossible.
    serde_json::to_string(text).unwrap_or_else(|_| String::from("\"\""))
}

/// The text that a JSON string token (with its quotes) stands for.
pub(crate) fn unquote(token: &[u8]) -> Option<String> {
    serde_json::from_slice::<String>(token).ok()
}
