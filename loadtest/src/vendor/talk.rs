//! What a conversation says, whatever its dialect, and whether the real vendor would take it.
//!
//! Each dialect's `read` gives a [`Talk`], or the reason for a 400 in words like the vendor's.

pub(super) mod anthropic;
pub(super) mod bedrock;
pub(super) mod gemini;
pub(super) mod openai;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

/// A request as an agent needs it.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// How many turns with calls there were.
    pub(super) steps: usize,
    /// The text of each result, in order.
    pub(super) results: Vec<String>,
    /// The tools on offer.
    pub(super) tools: Vec<Offer>,
    /// Thoughts are wanted.
    pub(super) thinks: bool,
}

/// One tool on offer.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) name: String,
    pub(super) schema: Value,
}

impl Offer {
    pub(super) fn properties(&self) -> Option<&Map<String, Value>> {
        self.schema["properties"].as_object()
    }

    pub(super) fn takes_nothing(&self) -> bool {
        self.properties().is_none_or(Map::is_empty)
    }
}

/// The items of a field; none if it is no list.
fn items<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn has(value: &Value, field: &str) -> bool {
    value.get(field).is_some_and(|value| !value.is_null())
}

/// ASCII letters, digits and these signs, at least one and at most so many.
fn is_name(name: &str, signs: &str, most: usize) -> bool {
    !name.is_empty() && name.len() <= most && name.chars().all(|c| c.is_ascii_alphanumeric() || signs.contains(c))
}

/// The first field that is not among these names, separated by spaces.
fn stranger<'a>(value: &'a Value, known: &str) -> Option<&'a str> {
    let fields = value.as_object()?;
    fields.keys().map(String::as_str).find(|field| !known.split_ascii_whitespace().any(|name| name == *field))
}

/// What is said in a content: a string, or the texts of its parts.
fn said(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    }
}
