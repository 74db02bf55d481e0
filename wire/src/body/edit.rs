//! Changes to a body by spans. What lies outside a span goes out as it came in.

use std::ops::Range;

use bytes::Bytes;

use super::fields::{MaxField, Outline, Shape};
use crate::json::quote;

/// One replacement: the bytes of `span` become `with`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty for an insertion.
    pub span: Range<usize>,
    /// What it becomes.
    pub with: Vec<u8>,
    /// An insertion of a member after an opening brace needs a comma, but for the last one into an empty object.
    member: Option<Empty>,
}

/// Two edits touch the same bytes: a fault of ours, never to be guessed away (one of them may be a mask).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two edits meet at byte {at}")]
pub struct Clash {
    /// Where they meet.
    pub at: usize,
}

/// Whether the object that gets a member had none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Empty(bool);

impl Edit {
    /// A replacement of `span`.
    #[must_use]
    pub fn replace(span: Range<usize>, with: impl Into<Vec<u8>>) -> Self {
        Self { span, with: with.into(), member: None }
    }

    fn insert(at: usize, empty: bool, member: String) -> Self {
        Self { span: at..at, with: member.into_bytes(), member: Some(Empty(empty)) }
    }
}

/// Applies the edits, in any order. No edits: the same bytes, not copied.
///
/// # Errors
///
/// When two edits overlap or one lies outside the body.
pub fn apply(body: &Bytes, mut edits: Vec<Edit>) -> Result<Bytes, Clash> {
    if edits.is_empty() {
        return Ok(body.clone());
    }
    edits.sort_by_key(|e| (e.span.start, e.span.end));
    let grown: usize = edits.iter().map(|e| e.with.len() + 1).sum();
    let mut out = Vec::with_capacity(body.len() + grown);
    let mut at = 0;
    let mut rest = edits.as_slice();
    while let Some((edit, later)) = rest.split_first() {
        let clash = Clash { at: edit.span.start };
        out.extend_from_slice(body.get(at..edit.span.start).ok_or(clash)?);
        if edit.span.end < edit.span.start || edit.span.end > body.len() {
            return Err(clash);
        }
        out.extend_from_slice(&edit.with);
        let more = later.first().is_some_and(|next| next.member.is_some() && next.span == edit.span);
        if edit.member.is_some_and(|Empty(empty)| !empty || more) {
            out.push(b',');
        }
        at = edit.span.end;
        rest = later;
    }
    out.extend_from_slice(body.get(at..).unwrap_or_default());
    Ok(Bytes::from(out))
}

/// Names another model. Nothing if it is named so already, or if a form names none.
#[must_use]
pub fn set_model(outline: &Outline, name: &str) -> Option<Edit> {
    match (outline.shape, &outline.model) {
        (_, Some(field)) if field.value == name => None,
        (Shape::Json, Some(field)) => Some(Edit::replace(field.span.clone(), quote(name))),
        (Shape::Json, None) => Some(Edit::insert(outline.top_open, outline.empty, format!("\"model\":{}", quote(name)))),
        // A line break in a form field could end the part, so such a name is not written.
        (Shape::Form, Some(field)) if !name.contains(['\r', '\n']) => Some(Edit::replace(field.span.clone(), name)),
        (Shape::Form, _) => None,
    }
}

/// Asks for usage at the end of the stream, whatever `stream_options` the client sent.
///
/// Source: `stream_options.include_usage` of chat completions (OpenAI SDK). Nothing if the client asks already.
#[must_use]
pub fn ask_usage(outline: &Outline) -> Option<Edit> {
    if outline.shape == Shape::Form {
        return None;
    }
    let Some(options) = &outline.stream_options else {
        let member = String::from(r#""stream_options":{"include_usage":true}"#);
        return Some(Edit::insert(outline.top_open, outline.empty, member));
    };
    match (&options.include_usage, options.open) {
        (Some(field), _) if field.value => None,
        (Some(field), _) => Some(Edit::replace(field.span.clone(), "true")),
        (None, Some(open)) => Some(Edit::insert(open, options.empty, String::from(r#""include_usage":true"#))),
        (None, None) => Some(Edit::replace(options.span.clone(), r#"{"include_usage":true}"#)),
    }
}

/// Takes `stream_options` out, for upstreams that refuse it. Nothing if the client sent none.
///
/// Where it is the only member of the body, no other member may be put in by the same [`apply`].
#[must_use]
pub fn drop_stream_options(outline: &Outline) -> Option<Edit> {
    outline.stream_options.as_ref().map(|options| Edit::replace(options.cut.clone(), Vec::new()))
}

/// Limits the output to `n` tokens by `field`: puts the limit in, or lowers it. Never raises one.
#[must_use]
pub fn set_max(outline: &Outline, field: MaxField, n: u64) -> Option<Edit> {
    if outline.shape == Shape::Form {
        return None;
    }
    match outline.max.get(field) {
        Some(found) if found.value.is_some_and(|value| value <= n) => None,
        Some(found) => Some(Edit::replace(found.span.clone(), n.to_string())),
        None => Some(Edit::insert(outline.top_open, outline.empty, format!("\"{}\":{n}", field.name()))),
    }
}

/// Limits the output of a Gemini client's body to `n` tokens: puts the limit in, or lowers it. Never raises one.
#[must_use]
pub fn set_generation_max(outline: &Outline, n: u64) -> Option<Edit> {
    let Some(config) = &outline.generation else {
        return Some(Edit::insert(outline.top_open, outline.empty, format!("\"generationConfig\":{{\"maxOutputTokens\":{n}}}")));
    };
    match (&config.max, config.open) {
        (Some(found), _) if found.value.is_some_and(|value| value <= n) => None,
        (Some(found), _) => Some(Edit::replace(found.span.clone(), n.to_string())),
        (None, Some(open)) => Some(Edit::insert(open, config.empty, format!("\"maxOutputTokens\":{n}"))),
        // `null`: there is no place inside, and a second member of the name would be a duplicate.
        (None, None) => config.null.clone().map(|span| Edit::replace(span, format!("{{\"maxOutputTokens\":{n}}}"))),
    }
}

#[cfg(test)]
mod tests;
