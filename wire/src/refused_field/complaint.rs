//! The fields that an error complains of because they are there at all. Source: provider notes §2 and §5.
//!
//! A message may echo what a client wrote, so phrases count only where a message begins, never behind a quote.

use serde_json::Value;

/// A field that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// As the upstream calls it.
    pub(super) field: String,
    /// Only the value that it had is refused.
    pub(super) value_only: bool,
    /// The field that the upstream wants in its place.
    pub(super) instead: Option<String>,
}

/// Codes of the errors that are about a field (`error.code` beside `error.param`, OpenAI).
const CODES: [&str; 3] = ["unsupported_parameter", "unknown_parameter", "unsupported_value"];

/// Phrases that the names of fields follow.
const BEFORE: [&str; 15] = [
    "unsupported parameter: ",
    "unsupported parameters: ",
    "unsupported parameter(s): ",
    "unknown parameter: ",
    "unknown parameters: ",
    "unrecognized parameter: ",
    "unrecognized request argument supplied: ",
    "unrecognized request arguments supplied: ",
    "argument not supported on this model: ",
    "does not support parameter ",
    "got an unexpected keyword argument ",
    "unknown field: ",
    "unknown field ",
    "unknown name ",
    "property ",
];

/// In those that a list of names may follow.
const SEVERAL: [&str; 3] = ["parameters", "parameter(s)", "arguments"];

/// Of a field's value.
const BEFORE_VALUE: &str = "unsupported value: ";

/// What follows a name at the start of a message.
const BEHIND: [&str; 6] = [
    ": extra inputs are not permitted",
    ": extra fields not permitted",
    " is not supported with this model",
    " is not supported by this model",
    " is not supported for this model",
    " is not supported on this model",
];

/// Such a phrase may stand behind so many bytes of others (`invalid request: `).
const LEAD_BYTES: usize = 80;

/// The fields that the error names. None when it is about something else, too.
pub(super) fn named(error: &Value) -> Vec<Named> {
    let error = error.get(0).unwrap_or(error);
    let lists = [error.get("detail"), error.pointer("/message/detail"), error.pointer("/error/detail"), error.pointer("/error/message")];
    if let Some(list) = lists.into_iter().flatten().find_map(Value::as_array) {
        return list.iter().map(of_complaint).collect::<Option<Vec<_>>>().unwrap_or_default();
    }
    let inner = error.get("error").filter(|inner| !inner.is_null()).unwrap_or(error);
    let texts = [inner.get("message"), Some(inner), error.get("message"), error.get("detail")];
    let message = texts.into_iter().flatten().find_map(Value::as_str).unwrap_or_default();
    let code = inner.get("code").and_then(Value::as_str).unwrap_or_default();
    if let Some(param) = inner.get("param").and_then(Value::as_str)
        && CODES.contains(&code)
    {
        return one(param.to_owned(), code == "unsupported_value", message);
    }
    of_message(message)
}

fn one(field: String, value_only: bool, message: &str) -> Vec<Named> {
    vec![Named { field, value_only, instead: instead(message) }]
}

/// `{"type":"extra_forbidden","loc":["body","x"],"msg":"Extra inputs are not permitted"}`, as the FastAPI framework writes it.
fn of_complaint(item: &Value) -> Option<Named> {
    let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
    if !matches!(kind, "extra_forbidden" | "value_error.extra") {
        return None;
    }
    match item.get("loc")?.as_array()?.as_slice() {
        [Value::String(body), Value::String(field)] if body == "body" => {
            Some(Named { field: field.clone(), value_only: false, instead: None })
        }
        _ => None,
    }
}

fn of_message(message: &str) -> Vec<Named> {
    let lower = message.to_ascii_lowercase();
    if let Some((name, rest)) = word(message.strip_prefix("body.").unwrap_or(message)) {
        let rest = rest.to_ascii_lowercase();
        if BEHIND.iter().any(|phrase| rest.starts_with(phrase)) {
            return one(name.to_owned(), false, message);
        }
    }
    let lead = lower.find(['\'', '"', '`']).unwrap_or(lower.len()).min(LEAD_BYTES);
    let after = |phrase: &str| {
        let at = lower.find(phrase).filter(|at| *at <= lead)?;
        // Lower case of ASCII leaves every byte where it was.
        message.get(at + phrase.len()..)
    };
    if let Some((name, _)) = after(BEFORE_VALUE).and_then(word) {
        return one(name.to_owned(), true, message);
    }
    let Some((phrase, mut rest)) = BEFORE.iter().find_map(|phrase| Some((*phrase, after(phrase)?))) else { return Vec::new() };
    let mut found = Vec::new();
    while let Some((name, behind)) = word(rest) {
        let fits = match phrase {
            "property " => behind.starts_with(" is unsupported"),
            // Within another object it says where: `Unknown name "x" at 'y': Cannot find field.`
            "unknown name " => behind.starts_with(": Cannot find field"),
            _ => true,
        };
        if !fits {
            return Vec::new();
        }
        found.push(Named { field: name.to_owned(), value_only: false, instead: instead(message) });
        match behind.strip_prefix(", ") {
            Some(more) if SEVERAL.iter().any(|plural| phrase.contains(plural)) => rest = more,
            _ => break,
        }
    }
    found
}

/// The name at the start of `text`, with or without quotes, and what is behind it. None where it is a path to something inside.
fn word(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'));
    let text = text.get(quote.map_or(0, char::len_utf8)..)?;
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-')).unwrap_or(text.len());
    let (name, behind) = text.split_at_checked(end)?;
    let behind = match quote {
        Some(quote) => behind.strip_prefix(quote)?,
        None => behind,
    };
    let is_path = behind.starts_with('[') || behind.strip_prefix('.').is_some_and(|more| more.starts_with(|c: char| c.is_alphanumeric()));
    (!name.is_empty() && !is_path).then_some((name, behind))
}

/// `Use 'x' instead.` and `has moved to 'x'`.
fn instead(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("Use ").filter(|(_, rest)| rest.contains(" instead")).or_else(|| message.split_once("moved to "))?;
    word(rest).map(|(name, _)| name.to_owned())
}
