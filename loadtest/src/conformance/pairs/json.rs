//! Short ways to look into JSON: what is absent is empty.

use serde_json::Value;

/// The string at a pointer, or "".
pub fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a pointer, or nothing.
pub fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The count at a pointer.
pub fn count(value: &Value, path: &str) -> Option<u64> {
    value.pointer(path).and_then(Value::as_u64)
}

/// Whether there is something other than null at a pointer.
pub fn has(value: &Value, path: &str) -> bool {
    value.pointer(path).is_some_and(|found| !found.is_null())
}

/// A string for a message: not the whole of it.
pub fn clip(text: &str) -> String {
    const SHOWN: usize = 100;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Where two texts part, with a little of each.
pub fn parting(got: &str, wanted: &str) -> String {
    let at = got.chars().zip(wanted.chars()).take_while(|(a, b)| a == b).count();
    let from = at.saturating_sub(12);
    let shown = |text: &str| text.chars().skip(from).take(60).collect::<String>();
    format!(
        "at character {at} {:?} instead of {:?} ({} characters, not {})",
        shown(got),
        shown(wanted),
        got.chars().count(),
        wanted.chars().count()
    )
}
