//! A checking scanner: every rule of RFC 8259, no recursion, counts of text on the way.

use super::text::{self, Flaw, Scanned, What};
use crate::count::TextCount;
use crate::json::unquote;
use crate::limits::{BLOB_BYTES, BODY_DEPTH};

/// What was met while stepping over values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Text of string values (and of keys while `with_keys`).
    pub(crate) text: TextCount,
    /// Numbers.
    pub(crate) numbers: u64,
    /// Parts whose `type` says that they are an image, a sound or a file.
    pub(crate) media_parts: u32,
    /// Those of them that are no images.
    pub(crate) documents: u32,
    /// Strings that are media: `data:` URLs and long base64, under a key that media are sent under. Elsewhere a model reads them
    /// as text, so they are counted as text.
    pub(crate) blobs: u32,
    /// Bytes of those strings.
    pub(crate) blob_bytes: u64,
    /// Files that Gemini's clients name by address (`fileUri`).
    pub(crate) file_uris: u32,
    /// Addresses of media that lead to films and uploaded files, which a vendor reads itself: they may be of any length.
    pub(crate) films: u32,
}

/// A position in a text that is being checked.
pub(crate) struct Scanner<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
    pub(crate) tally: Tally,
    /// Keys are text too (schemas of tools are).
    pub(crate) with_keys: bool,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            tally: Tally {
                text: TextCount { ascii_bytes: 0, non_ascii_chars: 0, bytes: 0 },
                numbers: 0,
                media_parts: 0,
                documents: 0,
                blobs: 0,
                blob_bytes: 0,
                file_uris: 0,
                films: 0,
            },
            with_keys: false,
        }
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    pub(crate) fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    pub(crate) const fn flaw(&self, what: &'static str) -> Flaw {
        Flaw::syntax(self.at, what)
    }

    /// A key with its colon.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Scanned, Flaw> {
        if self.peek() != Some(b'"') {
            return Err(self.flaw("expected a key"));
        }
        let key = text::scan(self.bytes, self.at + 1)?;
        self.at = key.end + 1;
        self.blanks();
        if self.peek() != Some(b':') {
            return Err(self.flaw("expected `:`"));
        }
        self.at += 1;
        if self.with_keys {
            self.tally.text.add(key.count(self.bytes));
        }
        Ok(key)
    }

    /// A string, without counting it.
    pub(crate) fn string(&mut self) -> Result<Scanned, Flaw> {
        let scanned = text::scan(self.bytes, self.at + 1)?;
        self.at = scanned.end + 1;
        Ok(scanned)
    }

    /// Nothing but blanks may follow.
    pub(crate) fn end(&mut self) -> Result<(), Flaw> {
        self.blanks();
        if self.at < self.bytes.len() { Err(self.flaw("something follows the document")) } else { Ok(()) }
    }

    /// Steps over one value that lies `depth` levels deep, and says how many elements it has if it is an array.
    pub(crate) fn value(&mut self, depth: u32) -> Result<u32, Flaw> {
        let mut kinds = 0u64; // one bit a level, 1 = object
        let mut open = 0u32;
        let mut elements = 0u32;
        let mut role = Role::Other;
        'value: loop {
            self.blanks();
            match self.peek() {
                Some(b'"') => self.counted(role)?,
                Some(first @ (b'{' | b'[')) => {
                    if depth + open >= BODY_DEPTH {
                        return Err(Flaw { at: self.at, what: What::TooDeep });
                    }
                    self.at += 1;
                    self.blanks();
                    open += 1;
                    if first == b'{' {
                        kinds = kinds << 1 | 1;
                        if self.peek() != Some(b'}') {
                            role = self.role()?;
                            continue 'value;
                        }
                    } else {
                        kinds <<= 1;
                        if self.peek() != Some(b']') {
                            elements += u32::from(open == 1);
                            role = Role::Other;
                            continue 'value;
                        }
                    }
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                Some(_) => return Err(self.flaw("expected a value")),
                None => return Err(self.flaw("unfinished document")),
            }
            while open > 0 {
                self.blanks();
                let object = kinds & 1 == 1;
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if object {
                            self.blanks();
                            role = self.role()?;
                        } else {
                            elements += u32::from(open == 1);
                            role = Role::Other;
                        }
                        continue 'value;
                    }
                    Some(b'}') if object => self.at += 1,
                    Some(b']') if !object => self.at += 1,
                    Some(_) => return Err(self.flaw("expected `,` or a closing bracket")),
                    None => return Err(self.flaw("unfinished document")),
                }
                kinds >>= 1;
                open -= 1;
            }
            return Ok(elements);
        }
    }

    #[inline]
    fn role(&mut self) -> Result<Role, Flaw> {
        let key = self.key()?;
        let raw = self.bytes.get(key.start..key.end).unwrap_or_default();
        if key.escaped {
            // A vendor reads the name without its escapes.
            let name = self.bytes.get(key.start - 1..=key.end).and_then(unquote);
            return Ok(name.map_or(Role::Other, |name| Role::of(name.as_bytes())));
        }
        Ok(Role::of(raw))
    }

    #[inline]
    fn counted(&mut self, role: Role) -> Result<(), Flaw> {
        let scanned = self.string()?;
        let contents = self.bytes.get(scanned.start..scanned.end).unwrap_or_default();
        if role == Role::Type {
            let (media, document) = kind_of_part(contents);
            self.tally.media_parts += u32::from(media);
            self.tally.documents += u32::from(document);
        }
        let is_film = || contents.len() <= BLOB_BYTES && FILM_PLACES.iter().any(|place| memchr::memmem::find(contents, place).is_some());
        self.tally.file_uris += u32::from(role == Role::File);
        self.tally.films += u32::from(role == Role::Media && is_film());
        let long = || contents.len() > BLOB_BYTES && !scanned.high && !scanned.escaped;
        if role == Role::Media && (contents.starts_with(b"data:") || (long() && text::is_base64(contents))) {
            self.tally.blobs += 1;
            self.tally.blob_bytes += contents.len() as u64;
        } else {
            self.tally.text.add(scanned.count(self.bytes));
        }
        Ok(())
    }

    /// A number by RFC 8259 §6.
    pub(crate) fn number(&mut self) -> Result<(), Flaw> {
        self.tally.numbers += 1;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.flaw("expected a digit")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(())
    }

    fn some_digits(&mut self) -> Result<(), Flaw> {
        match self.peek() {
            Some(b'0'..=b'9') => {
                self.digits();
                Ok(())
            }
            _ => Err(self.flaw("expected a digit")),
        }
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    pub(crate) fn word(&mut self, word: &'static [u8]) -> Result<(), Flaw> {
        if self.bytes.get(self.at..self.at + word.len()) == Some(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.flaw("expected a value"))
        }
    }
}

/// What the key before a string says about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Type,
    Media,
    File,
    Other,
}

impl Role {
    #[inline]
    const fn of(key: &[u8]) -> Self {
        match key {
            b"type" => Self::Type,
            b"url" | b"data" | b"image_url" | b"file_data" | b"video_url" | b"b64_json" => Self::Media,
            b"fileUri" | b"file_uri" => Self::File,
            _ => Self::Other,
        }
    }
}

/// In an address: what is there is read by a vendor itself, and may be hours long. Source: `fileData` in Google's documentation.
const FILM_PLACES: [&[u8]; 4] = [b"youtube.com/", b"youtu.be/", b"generativelanguage.googleapis.com/", b"gs://"];

/// Whether a part is not text, and whether it is no image either. Source: the `type` of content parts in the OpenAI and Anthropic SDKs.
fn kind_of_part(value: &[u8]) -> (bool, bool) {
    match value {
        b"image_url" | b"input_image" | b"image" => (true, false),
        b"input_audio" | b"document" | b"file" | b"input_file" | b"video_url" => (true, true),
        _ => (false, false),
    }
}

/// Checks a whole document of any type.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Flaw> {
    let mut scanner = Scanner::new(bytes);
    scanner.value(0)?;
    scanner.end()
}

#[cfg(test)]
mod tests {
    use super::check;
    use proptest::prelude::*;

    #[test]
    fn the_grammar_is_that_of_serde() {
        for text in [
            "{}",
            "[]",
            "[1,2]",
            "[1,]",
            "{\"a\":1,}",
            "{,}",
            "01",
            "-",
            "-0",
            "1.",
            "1.5e+3",
            "1e",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u1234\"",
            "nul",
            "null",
            "true false",
            " [ ] ",
            "[[[[]]]]",
            "{\"a\" : { \"b\" : [ ] } }",
            "\"a\nb\"",
            "{1:2}",
            "{\"a\"}",
            "[}",
            "{]",
            "",
            " ",
            "\u{feff}{}",
            "+1",
            ".5",
            "\"",
        ] {
            let ours = check(text.as_bytes()).is_ok();
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            assert_eq!(ours, theirs, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn mutated_documents_are_judged_as_serde_judges_them(at in 0usize..120, byte in any::<u8>()) {
            let mut text = br#"{"a":[1,-2.5e3,"x\n\u00e9",{"b":null,"c":true}],"d":"\ud83d\ude00","e":{"f":[[],{}]},"g":"h i j"} "#.to_vec();
            if let Some(place) = text.get_mut(at) { *place = byte; }
            let theirs = serde_json::from_slice::<serde_json::Value>(&text);
            let ours = check(&text);
            // serde also refuses lone halves of pairs and numbers out of range when it builds values; the grammar allows both.
            match theirs {
                Ok(_) => prop_assert!(ours.is_ok()),
                Err(e) if e.to_string().contains("surrogate") || e.to_string().contains("hex escape") || e.to_string().contains("out of range") => {}
                Err(e) => prop_assert!(ours.is_err(), "{}", e),
            }
        }
    }
}
