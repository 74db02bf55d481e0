//! A multipart form: fields and files that are text, and what part headers say. Source: RFC 7578, RFC 2046 §5.1.1.
//!
//! Nothing of a form is passed over but files that are no text: what stands before the first part, behind the last one, or is encoded
//! in a way that forms have no more (RFC 7578 §4.7), is refused. Never writes a boundary into a part.

use memchr::memmem::{self, Finder};

use super::charset::Charset;
use super::encoded::Declared;
use super::plain::{self, utf8};
use super::{Copy, Halt, LeafKind, See, ask, json, skip};
use crate::body::malformed::Malformed;
use crate::body::multipart;
use crate::limits::{FORM_HEADER_BYTES, FORM_HEADERS, FORM_PARTS};
use crate::percent;

/// Shows every text of a form; the answer is the changed form, if it was changed.
pub(super) fn edited(content_type: &str, body: &[u8], see: &mut See<'_>) -> Result<Option<Vec<u8>>, Halt> {
    let boundary = multipart::boundary(content_type).ok_or(Malformed::Form { at: 0, what: "no usable boundary" })?;
    let delimiter = format!("\r\n--{boundary}");
    let opening = delimiter.as_bytes().get(2..).unwrap_or_default();
    let mut form = Form { body, delimiter: Finder::new(delimiter.as_bytes()), opening, copy: Copy::default(), see };
    // A line break may come before the first boundary, text may not: nobody would look at it.
    let mut at = if body.starts_with(opening) {
        opening.len()
    } else if body.starts_with(delimiter.as_bytes()) {
        delimiter.len()
    } else {
        return Err(Malformed::Form { at: 0, what: "no first part" }.into());
    };
    for _ in 0..FORM_PARTS {
        let rest = body.get(at..).unwrap_or_default();
        if let Some(end) = rest.strip_prefix(b"--") {
            if !end.trim_ascii().is_empty() {
                return Err(Malformed::Form { at, what: "something follows the form" }.into());
            }
            return Ok(form.copy.finish(body));
        }
        at += rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        if body.get(at..at + 2) != Some(b"\r\n") {
            return Err(Malformed::Form { at, what: "expected a line break after the boundary" }.into());
        }
        at = form.part(at + 2)? + delimiter.len();
    }
    Err(Malformed::Form { at, what: "too many parts" }.into())
}

struct Form<'a, 's, 'f> {
    body: &'a [u8],
    delimiter: Finder<'a>,
    opening: &'a [u8],
    copy: Copy,
    see: &'s mut See<'f>,
}

/// What the headers of a part say.
#[derive(Default)]
struct Part {
    name: String,
    file: Option<String>,
    media_type: Option<String>,
}

impl Form<'_, '_, '_> {
    /// Shows the part that starts at `start`; the answer is where the delimiter behind it starts.
    fn part(&mut self, start: usize) -> Result<usize, Halt> {
        let window = self.body.get(start..(start + FORM_HEADER_BYTES).min(self.body.len())).unwrap_or_default();
        let (headers_end, value_start) = if window.starts_with(b"\r\n") {
            (start, start + 2)
        } else {
            let end = memmem::find(window, b"\r\n\r\n").ok_or(Malformed::Form { at: start, what: "part without a header end" })?;
            (start + end, start + end + 4)
        };
        // The value may be empty: then its last header's line break begins the delimiter.
        let from = value_start - 2;
        let found = self.delimiter.find(self.body.get(from..).unwrap_or_default());
        let delimiter = from + found.ok_or(Malformed::Form { at: value_start, what: "unfinished part" })?;
        let mut part = Part::default();
        self.headers(start, headers_end, &mut part)?;
        let end = delimiter.max(value_start);
        let value = self.body.get(value_start..end).unwrap_or_default();
        let with = if value.is_empty() { None } else { self.value(value, value_start, &part)? };
        if let Some(with) = with {
            self.put(value_start, end, &with)?;
        }
        Ok(delimiter)
    }

    /// Puts bytes in the place of others, if they do not end the part.
    fn put(&mut self, start: usize, end: usize, with: &[u8]) -> Result<(), Halt> {
        // Without the line break before it: one may stand before the value.
        if memmem::find(with, self.opening).is_some() {
            return Err(Malformed::Form { at: start, what: "a replacement would end the part" }.into());
        }
        self.copy.replace(self.body, start, end).extend_from_slice(with);
        Ok(())
    }

    fn value(&mut self, value: &[u8], at: usize, part: &Part) -> Result<Option<Vec<u8>>, Halt> {
        let declared = part.media_type.as_deref().map_or(Declared::Nothing, Declared::of);
        let media = part.media_type.as_deref().is_some_and(|of| {
            ["image/", "audio/", "video/", "application/octet-stream"].iter().any(|kind| of.trim().to_ascii_lowercase().starts_with(kind))
        });
        let text = match std::str::from_utf8(value) {
            Ok(text) if !text.contains('\0') => text,
            // It says that it is text, and holds what no text of UTF-8 has.
            Ok(_) if declared != Declared::Nothing => return Err(Malformed::Utf8 { at }.into()),
            Ok(text) if part.file.is_none() => text,
            Ok(_) => return self.file(value, at, part),
            // A file of another encoding: refused if it says that it is text, else read if it seems to be.
            Err(_) if declared == Declared::Nothing && (part.file.is_some() || media) => return self.file(value, at, part),
            Err(fault) => return Err(Malformed::Utf8 { at: at + fault.valid_up_to() }.into()),
        };
        let ends = |suffixes: &[&str]| {
            part.file.as_deref().is_some_and(|file| suffixes.iter().any(|suffix| file.to_ascii_lowercase().ends_with(suffix)))
        };
        if part.file.is_some() && crate::json::skip::check(value).is_ok() && (declared == Declared::Json || ends(&[".json"])) {
            match json::edited(value, self.see) {
                Err(Halt::Malformed(_)) => {}
                done => return done,
            }
        } else if ends(&[".jsonl", ".ndjson"]) || part.media_type.as_deref().is_some_and(|of| of.contains("jsonl") || of.contains("ndjson"))
        {
            return plain::edited_lines(value, self.see);
        }
        Ok(ask(self.see, text, LeafKind::Text, &part.name)?.map(String::into_bytes))
    }

    /// A file that is not UTF-8: shown where it is text.
    fn file(&mut self, value: &[u8], at: usize, part: &Part) -> Result<Option<Vec<u8>>, Halt> {
        let Some(charset) = Charset::of(value) else { return Ok(None) };
        let Some(with) = ask(self.see, &charset.read(value), LeafKind::Text, &part.name)? else { return Ok(None) };
        charset.write(&with).map(Some).ok_or(Malformed::Utf8 { at }.into())
    }

    fn headers(&mut self, start: usize, end: usize, part: &mut Part) -> Result<(), Halt> {
        let headers = self.body.get(start..end).unwrap_or_default();
        let headers = utf8(headers).map_err(|_| Malformed::Utf8 { at: start })?;
        if headers.is_empty() {
            return Ok(());
        }
        let mut at = start;
        for (index, line) in headers.split("\r\n").enumerate() {
            let (name, value) = line.split_once(':').ok_or(Malformed::Form { at, what: "a header without a colon" })?;
            // A header that goes on in the next line is one that two readers may read differently.
            if index >= FORM_HEADERS || !skip::is_plain_name(name.as_bytes()) || line.contains(['\r', '\n']) {
                return Err(Malformed::Form { at, what: "unusual headers" }.into());
            }
            let from = at + name.len() + 1;
            if name.eq_ignore_ascii_case("content-disposition") {
                self.disposition(value, from, part)?;
            } else {
                if name.eq_ignore_ascii_case("content-transfer-encoding") && !is_identity(value) {
                    return Err(Malformed::Form { at, what: "an encoded part" }.into());
                }
                if name.eq_ignore_ascii_case("content-type") {
                    part.media_type = Some(value.trim().to_owned());
                }
                if let Some(with) = ask(self.see, value.trim(), LeafKind::Text, name)? {
                    self.put(from, from + value.len(), format!(" {}", one_line(&with)).as_bytes())?;
                }
            }
            at += line.len() + 2;
        }
        Ok(())
    }

    /// Shows the parameters of a `content-disposition` that starts at `at`.
    fn disposition(&mut self, value: &str, at: usize, part: &mut Part) -> Result<(), Halt> {
        let unusual = Malformed::Form { at, what: "unusual headers" };
        let end = value.find(';').unwrap_or(value.len());
        let (kind, mut rest) = value.split_at(end);
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return Err(unusual.into());
        }
        for _ in 0..FORM_HEADERS {
            if rest.trim_matches([';', ' ', '\t']).is_empty() {
                return Ok(());
            }
            let (key, tail) = rest.split_once('=').ok_or(unusual.clone())?;
            let key = key.trim_start_matches(';').trim();
            if !key.bytes().all(|b| b.is_ascii_lowercase() || b == b'*') {
                return Err(unusual.into());
            }
            let start = value.len() - tail.len();
            let length = parameter_length(tail).ok_or(unusual.clone())?;
            let (written, after) = tail.split_at(length);
            let read = unquoted(written);
            let extended = key.ends_with('*');
            let text = if extended { extended_text(&read) } else { read };
            let (kind, field) = if key == "name" { (LeafKind::Name, "name") } else { (LeafKind::Text, key.trim_end_matches('*')) };
            let with = if kind == LeafKind::Name && is_field_name(&text) { None } else { ask(self.see, &text, kind, field)? };
            if let Some(with) = with {
                let with = if extended { format!("UTF-8''{}", percent::encode(with.as_bytes(), "")) } else { quoted(&with) };
                self.put(at + start, at + start + length, with.as_bytes())?;
            }
            match key {
                "name" => part.name = text,
                "filename" | "filename*" => part.file = Some(text),
                _ => {}
            }
            rest = after;
        }
        Err(unusual.into())
    }
}

/// Whether an encoding changes nothing.
fn is_identity(value: &str) -> bool {
    ["7bit", "8bit", "binary"].iter().any(|of| value.trim().eq_ignore_ascii_case(of))
}

/// Whether a name is one that the endpoints have (`timestamp_granularities[]`).
fn is_field_name(name: &str) -> bool {
    skip::is_plain_name(name.trim_end_matches("[]").as_bytes())
}

/// How long the parameter's value is that a header goes on with, quotes included.
fn parameter_length(tail: &str) -> Option<usize> {
    if !tail.starts_with('"') {
        return Some(tail.find(';').unwrap_or(tail.len()));
    }
    let mut escaped = false;
    for (index, byte) in tail.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(index + 1),
            _ => {}
        }
    }
    None
}

/// The text of a parameter's value; browsers write quotes and line breaks with percent signs.
fn unquoted(written: &str) -> String {
    let Some(inner) = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return written.trim().to_owned() };
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        // A backslash before anything else is one: paths of Windows are sent bare.
        match c {
            '\\' => match chars.next() {
                Some(quoted @ ('"' | '\\')) => text.push(quoted),
                Some(other) => text.extend(['\\', other]),
                None => text.push('\\'),
            },
            c => text.push(c),
        }
    }
    text.replace("%22", "\"")
}

/// A text as a parameter's value.
fn quoted(text: &str) -> String {
    format!("\"{}\"", one_line(text).replace('"', "%22").replace('\\', "\\\\"))
}

/// The text of a value in the form of RFC 8187: `UTF-8''na%20me`.
fn extended_text(value: &str) -> String {
    let text = value.splitn(3, '\'').nth(2).unwrap_or(value);
    String::from_utf8_lossy(&percent::decode(text)).into_owned()
}

/// A text without line breaks and other control characters, which would end a header.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

#[cfg(test)]
mod tests;
