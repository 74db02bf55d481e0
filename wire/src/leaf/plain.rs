//! Bodies that are neither JSON nor a form: one text, or lines of JSON. Never guesses an encoding: it is UTF-8 or refused.

use super::{Copy, Halt, LeafKind, See, ask, json};
use crate::body::malformed::Malformed;
use crate::json::skip;

/// The text of bytes.
pub(super) fn utf8(body: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(body).map_err(|fault| Malformed::Utf8 { at: fault.valid_up_to() })
}

/// A whole body as one text.
pub(super) fn edited(body: &[u8], see: &mut See<'_>) -> Result<Option<Vec<u8>>, Halt> {
    Ok(ask(see, utf8(body)?, LeafKind::Text, "")?.map(String::into_bytes))
}

/// A body line by line. Line ends stay as they are.
pub(super) fn edited_lines(body: &[u8], see: &mut See<'_>) -> Result<Option<Vec<u8>>, Halt> {
    utf8(body)?;
    let mut copy = Copy::default();
    let mut start = 0;
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        let contents = line.strip_suffix(b"\n").unwrap_or(line);
        let contents = contents.strip_suffix(b"\r").unwrap_or(contents);
        if let Some(with) = edited_line(contents, see)? {
            copy.replace(body, start, start + contents.len()).extend_from_slice(&with);
        }
        start += line.len();
    }
    Ok(copy.finish(body))
}

fn edited_line(line: &[u8], see: &mut See<'_>) -> Result<Option<Vec<u8>>, Halt> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    // Checked before it is shown: a line that breaks in the middle would be shown twice.
    if skip::check(line).is_ok() {
        match json::edited(line, see) {
            // Half of a pair, which the grammar allows and text does not.
            Err(Halt::Malformed(_)) => {}
            done => return done,
        }
    }
    match edited(line, see)? {
        // A replacement must not become a line of its own.
        Some(with) if with.contains(&b'\n') => Err(Malformed::Syntax { at: 0, what: "a replacement would break a line" }.into()),
        with => Ok(with),
    }
}

#[cfg(test)]
mod tests;
