//! One pass over a JSON text: every rule of RFC 8259 is checked, every string is read once and shown, no tree is built.
//!
//! The invariant: what was not shown was looked at by `skip.rs`. Never recursive; never fills in what a flawed text may have meant.

use super::encoded::{self, DataUrl, Declared};
use super::plain::utf8;
use super::skip::{self, Class};
use super::{Copy, Halt, LeafKind, See, ask};
use crate::json::skip::Scanner;
use crate::json::text::{self, Flaw, What};
use crate::json::walk;
use crate::limits::{BODY_DEPTH, NUMBER_DIGITS};
use crate::percent;

/// Shows every text of `body`; the answer is the changed body, if it was changed.
pub(super) fn edited(body: &[u8], see: &mut See<'_>) -> Result<Option<Vec<u8>>, Halt> {
    let text = utf8(body)?;
    let mut pass = Pass {
        text,
        at: Scanner::new(body),
        top: Frame::OUTERMOST,
        below: Vec::with_capacity(16),
        buffer: String::new(),
        names: String::new(),
        copy: Copy::default(),
        see,
    };
    pass.document()?;
    let changed = pass.copy.finish(body);
    debug_assert!(changed.as_deref().is_none_or(|changed| crate::json::skip::check(changed).is_ok()), "what comes out is json");
    Ok(changed)
}

/// Where the name of a member is.
#[derive(Clone, Copy, Default)]
struct Name {
    start: usize,
    end: usize,
    /// It is written with escapes, and read in `Pass::names`.
    escaped: bool,
}

/// An object or array that is open, and the member of it that is read.
#[derive(Clone, Copy)]
struct Frame {
    object: bool,
    /// Names and numbers in it are of the client's choosing.
    data: bool,
    /// What the member's name says; in an array, what the name of the array says.
    class: Class,
    /// The member's name; in an array, the name of the array.
    field: Name,
    /// The name of the object itself.
    outer: Name,
    /// What the object says about its media.
    declared: Option<Declared>,
    /// It is a block that its vendor sealed.
    sealed: bool,
}

impl Frame {
    const OUTERMOST: Self = Self {
        object: false,
        data: false,
        class: Class::Plain,
        field: Name { start: 0, end: 0, escaped: false },
        outer: Name { start: 0, end: 0, escaped: false },
        declared: None,
        sealed: false,
    };
}

struct Pass<'a, 's, 'f> {
    text: &'a str,
    at: Scanner<'a>,
    top: Frame,
    below: Vec<Frame>,
    /// Strings with escapes are read into it.
    buffer: String,
    /// Names that were written with escapes.
    names: String,
    copy: Copy,
    see: &'s mut See<'f>,
}

impl<'a> Pass<'a, '_, '_> {
    fn document(&mut self) -> Result<(), Halt> {
        'value: loop {
            self.at.blanks();
            match self.at.peek() {
                Some(b'"') => self.string()?,
                Some(b'{') => {
                    self.open(true)?;
                    if self.at.peek() != Some(b'}') {
                        self.name()?;
                        continue 'value;
                    }
                }
                Some(b'[') => {
                    self.open(false)?;
                    if self.at.peek() != Some(b']') {
                        continue 'value;
                    }
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.at.word(b"true")?,
                Some(b'f') => self.at.word(b"false")?,
                Some(b'n') => self.at.word(b"null")?,
                Some(_) => return Err(self.at.flaw("expected a value").into()),
                None => return Err(self.at.flaw("unfinished document").into()),
            }
            loop {
                self.at.blanks();
                if self.below.is_empty() {
                    return Ok(self.at.end()?);
                }
                match self.at.peek() {
                    Some(b',') => {
                        self.at.at += 1;
                        if self.top.object {
                            self.at.blanks();
                            self.name()?;
                        }
                        continue 'value;
                    }
                    Some(b'}') if self.top.object => {}
                    Some(b']') if !self.top.object => {}
                    Some(_) => return Err(self.at.flaw("expected `,` or a closing bracket").into()),
                    None => return Err(self.at.flaw("unfinished document").into()),
                }
                self.at.at += 1;
                self.top = self.below.pop().unwrap_or(Frame::OUTERMOST);
            }
        }
    }

    fn open(&mut self, object: bool) -> Result<(), Halt> {
        if self.below.len() >= BODY_DEPTH as usize {
            return Err(Flaw { at: self.at.at, what: What::TooDeep }.into());
        }
        let Frame { data, class, field, .. } = self.top;
        self.below.push(self.top);
        self.top = Frame { object, data: data || class.holds_data(object), class, field, outer: field, declared: None, sealed: false };
        self.at.at += 1;
        self.at.blanks();
        Ok(())
    }

    /// A name with its colon.
    fn name(&mut self) -> Result<(), Halt> {
        if self.at.peek() != Some(b'"') {
            return Err(self.at.flaw("expected a key").into());
        }
        let start = self.at.at;
        let mut buffer = std::mem::take(&mut self.buffer);
        let plain = self.read(&mut buffer)?;
        let end = self.at.at;
        let name = plain.unwrap_or(&buffer);
        self.top.class = Class::of(name.as_bytes());
        self.top.field = if plain.is_some() {
            Name { start: start + 1, end: end - 1, escaped: false }
        } else {
            let from = self.names.len();
            self.names.push_str(name);
            Name { start: from, end: self.names.len(), escaped: true }
        };
        if self.top.data || (self.top.class == Class::Plain && !skip::is_plain_name(name.as_bytes())) {
            let field = self.top.outer.of(self.text, &self.names);
            if let Some(with) = ask(self.see, name, LeafKind::Name, field)? {
                put(self.copy.replace(self.text.as_bytes(), start, end), &with);
            }
        }
        self.buffer = buffer;
        self.at.blanks();
        if self.at.peek() != Some(b':') {
            return Err(self.at.flaw("expected `:`").into());
        }
        self.at.at += 1;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Halt> {
        let start = self.at.at;
        self.at.number()?;
        let data = self.top.data || self.top.class == Class::Data;
        if !data || self.at.at - start < NUMBER_DIGITS {
            return Ok(());
        }
        let number = self.text.get(start..self.at.at).unwrap_or_default();
        if number.bytes().filter(u8::is_ascii_digit).count() >= NUMBER_DIGITS {
            let field = self.top.field.of(self.text, &self.names);
            if let Some(with) = ask(self.see, number, LeafKind::Number, field)? {
                put(self.copy.replace(self.text.as_bytes(), start, self.at.at), &with);
            }
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Halt> {
        let start = self.at.at;
        let mut buffer = std::mem::take(&mut self.buffer);
        let text = self.read(&mut buffer)?.unwrap_or(&buffer);
        let kind = match self.top.class {
            Class::Word if skip::is_word(text.as_bytes()) => {
                self.top.sealed |= text == SEALED_TYPE;
                None
            }
            Class::Sealed if skip::is_sealed(text) => None,
            Class::Arguments => Some(LeafKind::Arguments),
            Class::MediaType => {
                self.top.declared = Some(Declared::of(text));
                Some(LeafKind::Text)
            }
            _ => Some(LeafKind::Text),
        };
        if let Some(kind) = kind {
            let with = if self.top.class == Class::Media || is_data_url(text) {
                self.media(text)?
            } else {
                ask(self.see, text, kind, self.top.field.of(self.text, &self.names))?
            };
            if let Some(with) = with {
                put(self.copy.replace(self.text.as_bytes(), start, self.at.at), &with);
            }
        }
        self.buffer = buffer;
        Ok(())
    }

    /// A string that may be media: a `data:` URL, or what stands in a field for them.
    fn media(&mut self, text: &str) -> Result<Option<String>, Halt> {
        if let Some(url) = DataUrl::of(text) {
            return self.data_url(text, &url);
        }
        if self.top.class != Class::Media || text.len() < encoded::WORD_BYTES {
            return self.shown(text, LeafKind::Text);
        }
        let declared = self.declared();
        if self.top.sealed && skip::is_sealed(text) {
            return Ok(None);
        }
        let reading = encoded::read(text, declared);
        if reading.raw
            && let Some(with) = self.shown(text, LeafKind::Text)?
        {
            return Ok(Some(with));
        }
        let Some(decoded) = reading.text else { return Ok(None) };
        Ok(self.shown(&decoded, kind_of(declared, &decoded))?.map(|with| encoded::write(&with, text)))
    }

    fn data_url(&mut self, text: &str, url: &DataUrl<'_>) -> Result<Option<String>, Halt> {
        let DataUrl { head, contents, base64, declared } = *url;
        let reading = if base64 { encoded::read(contents, declared) } else { encoded::read_percent(contents) };
        if reading.raw
            && let Some(with) = self.shown(text, LeafKind::Text)?
        {
            return Ok(Some(with));
        }
        let new_head = if reading.raw || url.has_plain_head() { None } else { self.shown(head, LeafKind::Text)? };
        let new_contents = match reading.text {
            None => None,
            Some(decoded) => self.shown(&decoded, kind_of(declared, &decoded))?.map(|with| match base64 {
                true => encoded::write(&with, contents),
                false => percent::encode(with.as_bytes(), ""),
            }),
        };
        if new_head.is_none() && new_contents.is_none() {
            return Ok(None);
        }
        Ok(Some(format!("{},{}", new_head.as_deref().unwrap_or(head), new_contents.as_deref().unwrap_or(contents))))
    }

    fn shown(&mut self, text: &str, kind: LeafKind) -> Result<Option<String>, Halt> {
        ask(self.see, text, kind, self.top.field.of(self.text, &self.names))
    }

    /// What the object that is read says about its media, if need be further down.
    fn declared(&mut self) -> Declared {
        if let Some(declared) = self.top.declared {
            return declared;
        }
        // Once for each object, so that many fields for media do not look at the same bytes again and again.
        let declared = if self.top.object { self.look_ahead() } else { Declared::Nothing };
        self.top.declared = Some(declared);
        declared
    }

    /// Looks over the members that follow, up to the first object or array.
    fn look_ahead(&mut self) -> Declared {
        let (bytes, mut at) = (self.at.bytes, self.at.at);
        let mut declared = Declared::Nothing;
        loop {
            at = walk::blanks(bytes, at);
            if bytes.get(at) != Some(&b',') {
                return declared;
            }
            at = walk::blanks(bytes, at + 1);
            let (Some(b'"'), Some(end)) = (bytes.get(at), text::close(bytes, at + 1)) else { return declared };
            let class = Class::of(bytes.get(at + 1..end).unwrap_or_default());
            at = walk::blanks(bytes, end + 1);
            if bytes.get(at) != Some(&b':') {
                return declared;
            }
            at = walk::blanks(bytes, at + 1);
            if matches!(bytes.get(at), Some(b'{' | b'[')) {
                return declared;
            }
            let Some(end) = walk::past(bytes, at) else { return declared };
            let value = walk::contents(bytes.get(at..end).unwrap_or_default());
            match class {
                Class::MediaType => declared = std::str::from_utf8(value).map_or(declared, Declared::of),
                Class::Word => self.top.sealed |= value == SEALED_TYPE.as_bytes(),
                _ => {}
            }
            at = end;
        }
    }

    /// Reads the string at hand: what it says, if it has no escapes; else that is in `buffer`.
    #[inline]
    fn read(&mut self, buffer: &mut String) -> Result<Option<&'a str>, Flaw> {
        let bytes = self.at.bytes;
        let start = self.at.at + 1;
        let (stop, _) = text::run(bytes, start);
        let slice = |from: usize, to: usize| self.text.get(from..to).ok_or(Flaw { at: from, what: What::Utf8 });
        if bytes.get(stop) == Some(&b'"') {
            self.at.at = stop + 1;
            return Ok(Some(slice(start, stop)?));
        }
        buffer.clear();
        let (mut from, mut stop) = (start, stop);
        loop {
            buffer.push_str(slice(from, stop)?);
            match bytes.get(stop) {
                Some(b'"') => break,
                Some(b'\\') => from = escape(bytes, stop, buffer)?,
                Some(_) => return Err(Flaw::syntax(stop, "control character in a string")),
                None => return Err(Flaw::syntax(bytes.len(), "unfinished string")),
            }
            (stop, _) = text::run(bytes, from);
        }
        self.at.at = stop + 1;
        Ok(None)
    }
}

impl Name {
    fn of<'n>(&self, text: &'n str, names: &'n str) -> &'n str {
        let of = if self.escaped { names } else { text };
        of.get(self.start..self.end).unwrap_or_default()
    }
}

/// The `type` of a block that its vendor sealed; its `data` is no media.
const SEALED_TYPE: &str = "redacted_thinking";

fn is_data_url(text: &str) -> bool {
    text.as_bytes().first_chunk::<5>().is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"data:"))
}

fn kind_of(declared: Declared, text: &str) -> LeafKind {
    let json = declared == Declared::Json && crate::json::skip::check(text.as_bytes()).is_ok();
    if json { LeafKind::Arguments } else { LeafKind::Text }
}

/// Puts a text as a string of JSON.
fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(crate::json::quote(text).as_bytes());
}

/// Reads the escape at `at`; the answer is where it ends.
fn escape(bytes: &[u8], at: usize, buffer: &mut String) -> Result<usize, Flaw> {
    let read = match bytes.get(at + 1) {
        Some(b'n') => '\n',
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unicode_escape(bytes, at, buffer),
        Some(_) => return Err(Flaw::syntax(at, "unknown escape")),
        None => return Err(Flaw::syntax(bytes.len(), "unfinished escape")),
    };
    buffer.push(read);
    Ok(at + 2)
}

fn unicode_escape(bytes: &[u8], at: usize, buffer: &mut String) -> Result<usize, Flaw> {
    let half = Flaw::syntax(at, "half of a pair of escapes");
    let first = unit(bytes, at)?;
    if !(0xD800..0xDC00).contains(&first) {
        buffer.push(char::from_u32(first).ok_or(half)?);
        return Ok(at + 6);
    }
    if bytes.get(at + 6..at + 8) != Some(b"\\u") {
        return Err(half);
    }
    let second = unit(bytes, at + 6)?.checked_sub(0xDC00).filter(|low| *low < 0x400).ok_or(half)?;
    buffer.push(char::from_u32(0x10000 + ((first - 0xD800) << 10) + second).ok_or(half)?);
    Ok(at + 12)
}

/// The four digits of the escape at `at`.
fn unit(bytes: &[u8], at: usize) -> Result<u32, Flaw> {
    let digits = bytes.get(at + 2..at + 6).ok_or(Flaw::syntax(bytes.len(), "unfinished escape"))?;
    digits.iter().try_fold(0, |unit, &digit| {
        let value = char::from(digit).to_digit(16).ok_or(Flaw::syntax(at, "bad \\u escape"))?;
        Ok(unit << 4 | value)
    })
}

#[cfg(test)]
mod tests;
