//! Texts in base64 and in `data:` URLs: which are media and which are text, and text read and written again.
//!
//! What a declared type says is only believed when it says text: otherwise the contents decide, because a type is easily wrong.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::charset::Charset;
use super::skip::is_run;
use crate::percent;

/// Runs from here on are media if they are not text; shorter ones are shown as they are written, unless they begin like a picture.
const MEDIA_BYTES: usize = 512;
/// Shorter runs are ordinary words.
pub(super) const WORD_BYTES: usize = 16;
/// How much of a run is decoded to see what it is; a whole number of groups of four.
const SAMPLE_BYTES: usize = 1024;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// What a media type says about contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Declared {
    /// There is none, or it says nothing about text.
    Nothing,
    /// They are text.
    Text,
    /// They are one JSON document.
    Json,
}

impl Declared {
    pub(super) fn of(media_type: &str) -> Self {
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let subtype = essence.split_once('/').map_or("", |(_, subtype)| subtype);
        if subtype == "json" || subtype.ends_with("+json") {
            return Self::Json;
        }
        let text = essence.starts_with("text/")
            || subtype.ends_with("xml")
            || matches!(
                subtype,
                "jsonl"
                    | "x-ndjson"
                    | "ndjson"
                    | "jsonlines"
                    | "yaml"
                    | "x-yaml"
                    | "toml"
                    | "csv"
                    | "javascript"
                    | "x-sh"
                    | "sql"
                    | "rtf"
                    | "markdown"
                    | "typescript"
                    | "x-python"
                    | "x-subrip"
            );
        if text { Self::Text } else { Self::Nothing }
    }
}

/// What a string of base64 is.
pub(super) struct Reading {
    /// It is to be shown as it is written.
    pub(super) raw: bool,
    /// The text that it stands for, if it does.
    pub(super) text: Option<String>,
}

const PLAIN: Reading = Reading { raw: true, text: None };

/// Reads what stands in a field for media.
pub(super) fn read(written: &str, declared: Declared) -> Reading {
    if written.len() < WORD_BYTES && declared == Declared::Nothing {
        return PLAIN;
    }
    let run = unwrapped(written);
    if !is_run(&run) {
        return PLAIN;
    }
    let engine = engine(&run);
    let sample = engine.decode(run.as_bytes().get(..SAMPLE_BYTES).unwrap_or(run.as_bytes())).unwrap_or_default();
    let long = written.len() >= MEDIA_BYTES && matches!(run, Cow::Borrowed(_));
    let is_text = || looks_like_text(&sample) || !sample.starts_with(b"\xff\xd8") && Charset::of(&sample).is_some();
    if declared == Declared::Nothing && (is_media(&sample) || !is_text()) {
        return Reading { raw: !(long || is_media(&sample)), text: None };
    }
    let Ok(decoded) = engine.decode(run.as_bytes()) else { return PLAIN };
    match String::from_utf8(decoded) {
        Ok(text) if !text.contains('\0') => Reading { raw: !long, text: Some(text) },
        // Of another encoding: it is read as what it seems to be, and both are shown. What replaces it is UTF-8.
        decoded => {
            let bytes = decoded.map_or_else(|fault| fault.into_bytes(), String::into_bytes);
            let text = Charset::of(&bytes).map_or_else(|| String::from_utf8_lossy(&bytes).into_owned(), |charset| charset.read(&bytes));
            Reading { raw: true, text: Some(text) }
        }
    }
}

/// Reads what stands in a URL with percent signs.
pub(super) fn read_percent(written: &str) -> Reading {
    let text = written.contains('%').then(|| String::from_utf8_lossy(&percent::decode(written)).into_owned());
    Reading { raw: true, text }
}

/// A text as base64, in the alphabet and with the padding of what stood there.
pub(super) fn write(text: &str, like: &str) -> String {
    let run = unwrapped(like);
    let written = engine(&run).encode(text);
    // Whoever left the padding out shows it, if there was any to leave out.
    if run.len().is_multiple_of(4) { written } else { written.trim_end_matches('=').to_owned() }
}

/// A `data:` URL in its two halves: the type with its parameters (without the comma), and the contents.
pub(super) struct DataUrl<'a> {
    pub(super) head: &'a str,
    pub(super) contents: &'a str,
    pub(super) base64: bool,
    pub(super) declared: Declared,
}

impl<'a> DataUrl<'a> {
    pub(super) fn of(text: &'a str) -> Option<Self> {
        /// Longer heads are prose that begins with this word.
        const HEAD_BYTES: usize = 256;
        let comma = memchr::memchr(b',', text.as_bytes().get(..HEAD_BYTES).unwrap_or(text.as_bytes()))?;
        let (head, contents) = (text.get(..comma)?, text.get(comma + 1..)?);
        let described = head.get(.."data:".len()).filter(|scheme| scheme.eq_ignore_ascii_case("data:")).and(head.get("data:".len()..))?;
        let bare = described.get(..described.len().saturating_sub(";base64".len())).unwrap_or_default();
        let base64 = described.get(bare.len()..).is_some_and(|end| end.eq_ignore_ascii_case(";base64"));
        let media_type = if base64 { bare } else { described };
        // RFC 2397: without a type it is text.
        let declared = if media_type.is_empty() || media_type.starts_with(';') { Declared::Text } else { Declared::of(media_type) };
        Some(Self { head, contents, base64, declared })
    }

    /// Whether the head is nothing but a type and the word `base64`, in small letters.
    pub(super) fn has_plain_head(&self) -> bool {
        const HEAD_BYTES: usize = 48;
        self.head.len() <= HEAD_BYTES
            && self.head.strip_suffix("base64").unwrap_or(self.head).bytes().all(|b| b.is_ascii_lowercase() || b"/:;.+-".contains(&b))
    }
}

fn engine(run: &str) -> &'static GeneralPurpose {
    if memchr::memchr2(b'-', b'_', run.as_bytes()).is_some() { &URL_SAFE } else { &STANDARD }
}

/// Base64 without the line breaks that mail puts in.
fn unwrapped(written: &str) -> Cow<'_, str> {
    if memchr::memchr2(b'\n', b' ', written.as_bytes()).is_none() {
        return Cow::Borrowed(written);
    }
    Cow::Owned(written.split_ascii_whitespace().collect())
}

/// How known kinds of media begin.
fn is_media(sample: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 10] =
        [b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"RIFF", b"%PDF-", b"OggS", b"ID3", b"fLaC", b"PK\x03\x04"];
    BEGINNINGS.iter().any(|beginning| sample.starts_with(beginning)) || sample.get(4..8) == Some(b"ftyp")
}

/// Whether nearly all of it is text: compressed bytes, sound and vectors hold a control byte or broken UTF-8 every few bytes.
pub(super) fn looks_like_text(sample: &[u8]) -> bool {
    let (mut rest, mut broken) = (sample, 0usize);
    let mut control = 0usize;
    loop {
        let (text, bad) = match std::str::from_utf8(rest) {
            Ok(text) => (text, None),
            Err(fault) => {
                let (valid, _) = rest.split_at(fault.valid_up_to());
                // The sample may end inside of a character.
                (std::str::from_utf8(valid).unwrap_or_default(), fault.error_len().map(|length| fault.valid_up_to() + length))
            }
        };
        control += text.bytes().filter(|&b| (b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x1b)) || b == 0x7f).count();
        let Some(next) = bad else { break };
        broken += 1;
        rest = rest.get(next..).unwrap_or_default();
    }
    !sample.is_empty() && (control + broken) * 16 <= sample.len()
}

#[cfg(test)]
mod tests;
