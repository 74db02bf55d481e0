//! The fields of a multipart form (sound transcription, image edits) without copying its files. Start at [`outline`].
//!
//! Source: RFC 7578 (forms) and RFC 2046 §5.1.1 (boundaries). The answer is the same outline that JSON bodies give.

use memchr::memmem::{self, Finder};

use super::fields::{Field, Outline, Shape};
use super::malformed::Malformed;
use crate::count::TextCount;
use crate::limits::{FORM_BOUNDARY_BYTES, FORM_FIELD_BYTES, FORM_HEADER_BYTES, FORM_PARTS};

/// Outlines a form, given its content type.
///
/// # Errors
///
/// When the content type names no sound boundary, the parts do not follow it, or `model` or `stream` is there twice.
pub fn outline(content_type: &str, body: &[u8]) -> Result<Outline, Malformed> {
    let boundary = boundary(content_type).ok_or(Malformed::Form { at: 0, what: "no usable boundary" })?;
    let delimiter = format!("\r\n--{boundary}");
    let finder = Finder::new(delimiter.as_bytes());
    let mut o = Outline { shape: Shape::Form, ..Outline::default() };
    // The first delimiter has no line break before it when there is no preamble.
    let opening = delimiter.as_bytes().get(2..).unwrap_or_default();
    let mut at = if body.starts_with(opening) {
        opening.len()
    } else {
        finder.find(body).ok_or(Malformed::Form { at: 0, what: "no first part" })? + delimiter.len()
    };
    for _ in 0..FORM_PARTS {
        let rest = body.get(at..).unwrap_or_default();
        if rest.starts_with(b"--") {
            return Ok(o);
        }
        let padding = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        at += padding;
        if body.get(at..at + 2) != Some(b"\r\n") {
            return Err(Malformed::Form { at, what: "expected a line break after the boundary" });
        }
        at += 2;
        at = part(body, at, &finder, &mut o)? + delimiter.len();
    }
    Err(Malformed::Form { at, what: "too many parts" })
}

/// Reads the part that starts at `start`; the answer is where its closing delimiter starts.
fn part(body: &[u8], start: usize, finder: &Finder<'_>, o: &mut Outline) -> Result<usize, Malformed> {
    let window = body.get(start..(start + FORM_HEADER_BYTES).min(body.len())).unwrap_or_default();
    let (headers, value_start) = if window.starts_with(b"\r\n") {
        (&[][..], start + 2)
    } else {
        let end = memmem::find(window, b"\r\n\r\n").ok_or(Malformed::Form { at: start, what: "part without a header end" })?;
        (window.get(..end).unwrap_or_default(), start + end + 4)
    };
    // The value may be empty: then its last header's line break begins the delimiter.
    let from = value_start - 2;
    let found = finder.find(body.get(from..).unwrap_or_default());
    let delimiter = from + found.ok_or(Malformed::Form { at: value_start, what: "unfinished part" })?;
    let end = delimiter.max(value_start);
    let value = body.get(value_start..end).unwrap_or_default();
    let disposition = Disposition::of(headers);
    if disposition.file {
        o.media += 1;
        o.documents += 1;
        o.inlined += 1;
        o.media_bytes += value.len() as u64;
        return Ok(delimiter);
    }
    if delimiter < value_start && matches!(disposition.name.as_deref(), Some("model" | "stream")) {
        // Headers and no body at all: legal, but then there is no place to write a value to.
        return Err(Malformed::Form { at: value_start, what: "field without a value" });
    }
    match disposition.name.as_deref() {
        Some("model") => {
            let wrong = Malformed::WrongType { field: "model", expected: "a short text", at: value_start };
            if o.model.is_some() {
                return Err(Malformed::Duplicate { field: "model", at: start });
            }
            if value.len() > FORM_FIELD_BYTES {
                return Err(wrong);
            }
            let text = std::str::from_utf8(value).map_err(|_| wrong)?;
            o.model = Some(Field { span: value_start..end, value: text.to_owned() });
        }
        Some("stream") => {
            if o.stream.is_some() {
                return Err(Malformed::Duplicate { field: "stream", at: start });
            }
            let on = value.eq_ignore_ascii_case(b"true") || value == b"1";
            o.stream = Some(Field { span: value_start..end, value: on });
        }
        _ => o.text.add(TextCount::of(value)),
    }
    Ok(delimiter)
}

/// What `content-disposition` says.
#[derive(Default)]
struct Disposition {
    name: Option<String>,
    file: bool,
}

impl Disposition {
    fn of(headers: &[u8]) -> Self {
        let mut found = Self::default();
        for line in String::from_utf8_lossy(headers).split("\r\n") {
            let Some((key, value)) = line.split_once(':') else { continue };
            if !key.trim().eq_ignore_ascii_case("content-disposition") {
                continue;
            }
            for (key, value) in parameters(value) {
                match key.to_ascii_lowercase().as_str() {
                    "name" => found.name = Some(value),
                    "filename" | "filename*" => found.file = true,
                    _ => {}
                }
            }
        }
        found
    }
}

/// The boundary of a content type, if it is one that RFC 2046 allows.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let (_, value) = parameters(&format!(";{rest}")).into_iter().find(|(key, _)| key.eq_ignore_ascii_case("boundary"))?;
    let sound = !value.is_empty()
        && value.len() <= FORM_BOUNDARY_BYTES
        && !value.ends_with(' ')
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b));
    sound.then_some(value)
}

/// The `; key=value` pairs of a header value; values may be quoted.
fn parameters(value: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some((_, after)) = rest.split_once(';') {
        let Some((key, tail)) = after.split_once('=') else { break };
        if key.contains(';') {
            rest = after;
            continue;
        }
        let tail = tail.trim_start();
        if let Some(quoted) = tail.strip_prefix('"') {
            let mut text = String::new();
            let mut chars = quoted.char_indices();
            let mut end = quoted.len();
            while let Some((i, c)) = chars.next() {
                match c {
                    '"' => {
                        end = i + 1;
                        break;
                    }
                    '\\' => text.extend(chars.next().map(|(_, c)| c)),
                    c => text.push(c),
                }
            }
            found.push((key.trim().to_owned(), text));
            rest = quoted.get(end..).unwrap_or_default();
        } else {
            let end = tail.find(';').unwrap_or(tail.len());
            let (plain, after) = tail.split_at(end);
            found.push((key.trim().to_owned(), plain.trim_end().to_owned()));
            rest = after;
        }
    }
    found
}

#[cfg(test)]
mod tests;
