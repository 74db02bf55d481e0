//! Where in a JSON document values stand: what a mask may cover, and what it must not.

use crate::limits::TOKEN_BYTES;

/// A stretch of a document that holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The inside of a string; else a number or a word, which only a string can take the place of.
    pub(crate) string: bool,
    /// The end of the text cuts it off.
    pub(crate) open: bool,
    /// Bytes of it that stand before the text.
    before: usize,
}

/// Where in a document a text begins or ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Within {
    /// Between values.
    #[default]
    Between,
    /// Inside a string.
    String,
    /// Inside a number or a word, so many bytes behind its beginning.
    Bare(usize),
}

impl Segment {
    /// It is so long that it is never waited for.
    pub(crate) fn endless(&self) -> bool {
        !self.string && self.before + self.end - self.start > TOKEN_BYTES
    }
}

/// The values of `text`, which begins there. Returned is where it ends.
pub(crate) fn segments(text: &[u8], within: Within, mut see: impl FnMut(Segment)) -> Within {
    let (mut at, mut start, mut string) = (0, 0, within == Within::String);
    let (mut bare, mut before) = if let Within::Bare(before) = within { (Some(0), before) } else { (None, 0) };
    while let Some(&byte) = text.get(at) {
        if string {
            match byte {
                b'\\' => at += 1,
                b'"' => {
                    see(Segment { start, end: at, string: true, open: false, before: 0 });
                    string = false;
                }
                _ => {}
            }
        } else if matches!(byte, b'"' | b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' | b'\n' | b'\r' | b'\t') {
            if let Some(start) = bare.take() {
                see(Segment { start, end: at, string: false, open: false, before });
                before = 0;
            }
            if byte == b'"' {
                string = true;
                start = at + 1;
            }
        } else if bare.is_none() {
            bare = Some(at);
        }
        at += 1;
    }
    if string {
        see(Segment { start: start.min(text.len()), end: text.len(), string: true, open: true, before: 0 });
        return Within::String;
    }
    let Some(start) = bare else { return Within::Between };
    see(Segment { start, end: text.len(), string: false, open: true, before });
    Within::Bare(before + text.len() - start)
}

/// The beginning of the escape that the place `at` of a string's inside is in, and the end of the one that `end` is in.
pub(crate) fn aligned(text: &[u8], segment: Segment, (start, end): (usize, usize)) -> (usize, usize) {
    let (mut at, mut first, mut last) = (segment.start, start, end);
    // Only what stands directly behind backslashes can be divided wrongly: begin where the backslashes begin.
    let mut from = start.saturating_sub(12).max(segment.start);
    while from > segment.start && from.checked_sub(1).and_then(|at| text.get(at)) == Some(&b'\\') {
        from -= 1;
    }
    at = at.max(from);
    while at < end.min(segment.end) {
        let bytes = match (text.get(at), text.get(at + 1)) {
            (Some(b'\\'), Some(b'u')) if text.get(at + 2..at + 6).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit)) => 6,
            (Some(b'\\'), Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => 2,
            _ => 1,
        };
        if at < start && start < at + bytes {
            first = at;
        }
        if at < end && end < at + bytes {
            last = (at + bytes).min(segment.end);
        }
        at += bytes;
    }
    (first, last)
}

/// A value as it is written inside a string of a document.
pub(crate) fn written(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// What is written inside a string of a document, read once.
pub(crate) fn read(written: &str) -> String {
    let mut out = String::with_capacity(written.len());
    let mut rest = written.chars();
    let unit = |rest: &mut std::str::Chars<'_>| -> Option<u32> {
        let hex = rest.as_str().get(..4)?;
        let code = u32::from_str_radix(hex, 16).ok()?;
        *rest = rest.as_str().get(4..)?.chars();
        Some(code)
    };
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let code = unit(&mut rest);
                let low = code.filter(|code| (0xD800..0xDC00).contains(code)).and_then(|_| {
                    let mut ahead = rest.as_str().strip_prefix("\\u")?.chars();
                    let low = unit(&mut ahead).filter(|low| (0xDC00..0xE000).contains(low))?;
                    rest = ahead;
                    Some(low)
                });
                let code = match (code, low) {
                    (Some(high), Some(low)) => 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00),
                    (code, _) => code.unwrap_or(0xFFFD),
                };
                out.push(char::from_u32(code).unwrap_or('\u{FFFD}'));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}
