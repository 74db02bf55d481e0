//! Pictures, sounds and documents in a conversation.

use std::borrow::Cow;

use super::part::CacheMark;
use super::signature::Signature;
use crate::percent;

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A sound.
    Audio,
    /// A film.
    Video,
    /// A PDF, a text file and their kin.
    Document,
}

/// Where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Here: standard base64 (RFC 4648 §4), as the client sent it.
    Inline {
        /// `image/png`; empty where nobody said.
        mime: String,
        /// The base64 text.
        data: String,
    },
    /// At an address.
    Url {
        /// `image/png`, where somebody said.
        mime: Option<String>,
        /// The address: http(s), gs and others; never a `data:` address (those are [`Source::Inline`]).
        url: String,
    },
    /// With a vendor, under an id that only this vendor knows.
    FileId(String),
    /// Plain text of a document.
    Text(String),
}

/// One medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// What it is.
    pub kind: MediaKind,
    /// Where it is.
    pub source: Source,
    /// Its file name or title.
    pub name: Option<String>,
    /// OpenAI's `detail`, Gemini's `mediaResolution`, in OpenAI's words (`low`, `high`, `auto`, `original`).
    pub detail: Option<String>,
    /// A remark about a document (Anthropic's `context`).
    pub context: Option<String>,
    /// Whether the model is to cite it (Anthropic's `citations.enabled`).
    pub citations: bool,
    /// A cache mark after it.
    pub cache: Option<CacheMark>,
    /// A vendor's mark on it that must come back (Gemini's `thoughtSignature` of a picture).
    pub signature: Option<Signature>,
}

impl Media {
    /// A medium with nothing but its bytes.
    #[must_use]
    pub const fn new(kind: MediaKind, source: Source) -> Self {
        Self { kind, source, name: None, detail: None, context: None, citations: false, cache: None, signature: None }
    }
}

/// Reads a `data:` address (RFC 2397): its media type and standard base64. Percent-encoded text is turned into base64.
#[must_use]
pub fn read_data_url(url: &str) -> Option<(String, String)> {
    let rest = url.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:")).and_then(|_| url.get(5..))?;
    let (head, data) = rest.split_once(',')?;
    let mut fields = head.split(';');
    let mime = fields.next().unwrap_or_default().trim();
    let is_base64 = fields.any(|field| field.trim().eq_ignore_ascii_case("base64"));
    let mime = if mime.is_empty() { "text/plain" } else { mime };
    let data = if is_base64 { standard_base64(data).into_owned() } else { encode_base64(&percent::decode(data)) };
    Some((mime.to_ascii_lowercase(), data))
}

/// The `data:` address of base64 text.
#[must_use]
pub fn data_url(mime: &str, data: &str) -> String {
    let mime = if mime.is_empty() { "application/octet-stream" } else { mime };
    let mut url = String::with_capacity(mime.len() + data.len() + 13);
    for part in ["data:", mime, ";base64,", data] {
        url.push_str(part);
    }
    url
}

/// Base64 with the standard alphabet and padding, from what clients send: the URL-safe alphabet, line ends, no padding.
#[must_use]
pub fn standard_base64(data: &str) -> Cow<'_, str> {
    let odd = |b: u8| matches!(b, b'-' | b'_') || b.is_ascii_whitespace();
    if data.len().is_multiple_of(4) && !data.bytes().any(odd) {
        return Cow::Borrowed(data);
    }
    let mut out = String::with_capacity(data.len() + 3);
    for c in data.chars().filter(|c| !c.is_ascii_whitespace()) {
        out.push(match c {
            '-' => '+',
            '_' => '/',
            c => c,
        });
    }
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    Cow::Owned(out)
}

/// Standard base64 of bytes.
#[must_use]
pub fn encode_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Bytes of base64 text in either alphabet, padded or not; nothing where it is none.
#[must_use]
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(standard_base64(text).as_bytes()).ok()
}

/// The media type of a file name or address by its ending; nothing for endings that are not known.
#[must_use]
pub fn mime_of_name(name: &str) -> Option<&'static str> {
    let path = name.split(['?', '#']).next().unwrap_or(name);
    let ending = path.rsplit('/').next().and_then(|file| file.rsplit_once('.')).map(|(_, ending)| ending.to_ascii_lowercase())?;
    Some(match ending.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "svg" => "image/svg+xml",
        "pdf" => "application/pdf",
        "txt" | "text" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "json" => "application/json",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "wav" => "audio/wav",
        "mp3" => "audio/mp3",
        "flac" => "audio/flac",
        "ogg" => "audio/ogg",
        "aac" => "audio/aac",
        "aiff" => "audio/aiff",
        "m4a" => "audio/mp4",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        _ => return None,
    })
}

/// What a media type is.
#[must_use]
pub fn kind_of_mime(mime: &str) -> MediaKind {
    match mime.split('/').next().unwrap_or_default() {
        "image" => MediaKind::Image,
        "audio" => MediaKind::Audio,
        "video" => MediaKind::Video,
        _ => MediaKind::Document,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_become_standard_base64() {
        let check = |url: &str, expect: Option<(&str, &str)>| {
            assert_eq!(read_data_url(url), expect.map(|(mime, data)| (mime.to_owned(), data.to_owned())), "{url}");
        };
        check("data:image/png;base64,AAAA", Some(("image/png", "AAAA")));
        check("DATA:image/PNG;charset=x;base64,-_8", Some(("image/png", "+/8=")));
        check("data:,hi%20there", Some(("text/plain", "aGkgdGhlcmU=")));
        check("data:text/csv,a%2Cb", Some(("text/csv", "YSxi")));
        check("https://a.example/b.png", None);
        check("data:image/png;base64", None);
        check("dät", None);
    }

    #[test]
    fn endings_tell_media_types() {
        let check = |name: &str, expect: Option<&str>| assert_eq!(mime_of_name(name), expect, "{name}");
        check("https://a.example/x/photo.JPG?size=1.png", Some("image/jpeg"));
        check("report.pdf", Some("application/pdf"));
        check("https://a.example/photo", None);
        assert_eq!(kind_of_mime("audio/wav"), MediaKind::Audio);
        assert_eq!(kind_of_mime("application/pdf"), MediaKind::Document);
    }
}
