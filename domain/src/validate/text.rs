//! Names, patterns, labels.

use std::collections::BTreeMap;

use super::FieldError;

/// Longest name in characters; names appear in log rows, metrics and headers.
pub const MAX_NAME_CHARS: usize = 128;
/// Most patterns of one key; they are tried one after the other.
pub const MAX_PATTERNS: usize = 200;
/// Most tags of one key; each log row carries them.
pub const MAX_TAGS: usize = 32;
/// Longest tag value and note in characters.
pub const MAX_NOTE_CHARS: usize = 256;

/// Checks the name of a provider, key, team or model: 1 to 128 of `A-Z a-z 0-9 . _ : / @ -` and inner spaces.
///
/// # Errors
/// Empty, too long, or a character outside the set.
pub fn name(field: &str, text: &str) -> Result<(), FieldError> {
    let count = text.chars().count();
    if count == 0 || count > MAX_NAME_CHARS {
        return Err(FieldError::new(field, format!("must have 1 to {MAX_NAME_CHARS} characters")));
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err(FieldError::new(field, "must not begin or end with a space"));
    }
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || "._:/@ -".contains(*c))) {
        Some(c) => Err(FieldError::new(field, format!("must not contain {c:?}; letters, digits and . _ : / @ - are allowed"))),
        None => Ok(()),
    }
}

/// Checks the models that a key may use: names in which `*` is allowed.
///
/// # Errors
/// The first that is none, or too many.
pub fn model_patterns(field: &str, patterns: &[String]) -> Result<(), FieldError> {
    if patterns.len() > MAX_PATTERNS {
        return Err(FieldError::new(field, format!("must have at most {MAX_PATTERNS} entries")));
    }
    patterns.iter().enumerate().try_for_each(|(at, pattern)| {
        // A star stands for characters that a name may have.
        name(&format!("{field}[{at}]"), &pattern.replace('*', "x"))
    })
}

/// Checks a text for people: no control characters, at most 256 characters.
///
/// # Errors
/// Too long, or a control character.
pub fn note(field: &str, text: &str) -> Result<(), FieldError> {
    if text.chars().count() > MAX_NOTE_CHARS {
        return Err(FieldError::new(field, format!("must have at most {MAX_NOTE_CHARS} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(FieldError::new(field, "must not contain control characters"));
    }
    Ok(())
}

/// Checks the labels of a key: at most 32, names as [`name`], values as [`note`].
///
/// # Errors
/// The first that is not allowed.
pub fn tags(field: &str, tags: &BTreeMap<String, String>) -> Result<(), FieldError> {
    if tags.len() > MAX_TAGS {
        return Err(FieldError::new(field, format!("must have at most {MAX_TAGS} entries")));
    }
    tags.iter().try_for_each(|(key, value)| {
        name(field, key)?;
        note(&format!("{field}.{key}"), value)
    })
}

/// Checks an IANA time zone name.
///
/// # Errors
/// Unknown to the time zone data of this program.
pub fn time_zone(field: &str, text: &str) -> Result<(), FieldError> {
    if crate::budget::is_time_zone(text) {
        return Ok(());
    }
    Err(FieldError::new(field, format!("{text:?} is no time zone like Europe/Berlin")))
}
