//! The parts of a message's content and of a tool's output. Source: `types/responses/response_input_content.py` and
//! `response_output_message.py` of the OpenAI SDK.

use serde_json::{Map, Value};

use super::{under, wrong};
use crate::client::Unreadable;
use crate::neutral::media::{kind_of_mime, mime_of_name, read_data_url, standard_base64};
use crate::neutral::{CacheMark, Citation, Media, MediaKind, Origin, Part, Source, Text};

/// Reads a content: a string, or a list of parts. `at` is its name where it stands.
pub(super) fn read(at: &str, content: Value) -> Result<Vec<Part>, Unreadable> {
    match content {
        Value::String(text) => Ok(vec![Part::text(text)]),
        Value::Array(parts) => {
            let mut read = Vec::with_capacity(parts.len());
            for (index, value) in parts.into_iter().enumerate() {
                read.push(part(value).map_err(|complaint| under(&format!("{at}[{index}]"), complaint))?);
            }
            Ok(read)
        }
        _ => Err(wrong(at, "must be a string or a list of parts")),
    }
}

fn part(value: Value) -> Result<Part, Unreadable> {
    let Value::Object(mut part) = value else { return Err(wrong("", "must be an object")) };
    let cache = part.get("prompt_cache_breakpoint").filter(|mark| mark.is_object()).map(|mark| CacheMark {
        // Half an hour is nearer to the usual five minutes than to an hour in price.
        one_hour: mark.get("ttl").is_some_and(|ttl| ttl == "12h"),
    });
    match part.get("type").and_then(Value::as_str) {
        Some("input_text" | "output_text" | "text") => {
            let text = take(&mut part, "text")?.ok_or_else(|| wrong("text", "must be a string"))?;
            Ok(Part::Text(Text { text, citations: citations(part.remove("annotations")), cache, signature: None }))
        }
        Some("refusal") => Ok(Part::Refusal(take(&mut part, "refusal")?.ok_or_else(|| wrong("refusal", "must be a string"))?)),
        Some("input_image" | "computer_screenshot") => {
            let source = match (take(&mut part, "image_url")?, take(&mut part, "file_id")?) {
                (Some(url), _) => of_url(url, "image_url")?,
                (None, Some(id)) => Source::FileId(id),
                (None, None) => return Err(wrong("image_url", "must be a string where there is no file_id")),
            };
            Ok(Part::Media(Media { detail: take(&mut part, "detail")?, cache, ..Media::new(MediaKind::Image, source) }))
        }
        Some("input_file") => file(&mut part, cache),
        Some("input_audio") => {
            let Some(Value::Object(mut audio)) = part.remove("input_audio") else { return Err(wrong("input_audio", "must be an object")) };
            let (Some(data), Some(format)) = (take(&mut audio, "data")?, take(&mut audio, "format")?) else {
                return Err(wrong("input_audio", "must have data and format"));
            };
            let source = Source::Inline { mime: format!("audio/{format}"), data: standard(data) };
            Ok(Part::Media(Media { cache, ..Media::new(MediaKind::Audio, source) }))
        }
        Some(_) => Err(wrong("type", "unknown part type")),
        None => Err(wrong("type", "must be a string")),
    }
}

fn file(part: &mut Map<String, Value>, cache: Option<CacheMark>) -> Result<Part, Unreadable> {
    let name = take(part, "filename")?.filter(|name| !name.is_empty());
    let source = match (take(part, "file_data")?, take(part, "file_url")?, take(part, "file_id")?) {
        (Some(data), ..) if is_data_url(&data) => of_url(data, "file_data")?,
        (Some(data), ..) => {
            let mime = name.as_deref().and_then(mime_of_name).unwrap_or_default().to_owned();
            Source::Inline { mime, data: standard(data) }
        }
        (None, Some(url), _) => of_url(url, "file_url")?,
        (None, None, Some(id)) => Source::FileId(id),
        (None, None, None) => return Err(wrong("", "a file must have file_data, file_url or file_id")),
    };
    let kind = match &source {
        Source::Inline { mime, .. } | Source::Url { mime: Some(mime), .. } => kind_of_mime(mime),
        _ => MediaKind::Document,
    };
    Ok(Part::Media(Media { name, detail: take(part, "detail")?, cache, ..Media::new(kind, source) }))
}

fn is_data_url(text: &str) -> bool {
    text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// The source at an address, which may hold the bytes itself.
fn of_url(url: String, at: &str) -> Result<Source, Unreadable> {
    if !is_data_url(&url) {
        return Ok(Source::Url { mime: mime_of_name(&url).map(str::to_owned), url });
    }
    let (mime, data) = read_data_url(&url).ok_or_else(|| wrong(at, "is not a data url"))?;
    Ok(Source::Inline { mime, data })
}

/// Standard base64, without a copy where it is already.
fn standard(data: String) -> String {
    match standard_base64(&data) {
        std::borrow::Cow::Borrowed(_) => data,
        std::borrow::Cow::Owned(changed) => changed,
    }
}

fn citations(annotations: Option<Value>) -> Vec<Citation> {
    let Some(Value::Array(annotations)) = annotations else { return Vec::new() };
    let url_citation = |annotation: Value| {
        let word = |name: &str| annotation.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| annotation.get(name).and_then(Value::as_u64);
        (word("type") == "url_citation").then(|| Citation {
            url: word("url"),
            title: word("title"),
            start: number("start_index"),
            end: number("end_index"),
            ..Citation::default()
        })
    };
    annotations.into_iter().filter_map(url_citation).collect()
}

/// Moves a string out of an object. Null is as good as nothing.
pub(super) fn take(object: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Unreadable> {
    match object.get_mut(name).map(Value::take) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(name, "must be a string")),
    }
}

/// The mark in a field of this dialect, which may be another's in an envelope.
pub(super) fn mark(text: &str) -> crate::neutral::Signature {
    crate::neutral::Signature::read_in(Origin::OpenAi, text)
}
