//! Blocks of a message become parts. Source: protocol specification §2.1 and the `*_block_param.py` of the Anthropic SDK.

use serde_json::Value;

use super::fields::{At, Fields, Read};
use crate::neutral::media::{read_data_url, standard_base64};
use crate::neutral::{Citation, Foreign, Media, MediaKind, Origin, Part, Signature, Source, Text, Thinking, ToolCall, ToolResult, ids};

/// `content`: a string or a list of blocks.
pub(super) fn content(value: Option<Value>, at: &At<'_>) -> Read<Vec<Part>> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::String(text)) if text.is_empty() => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::text(text)]),
        Some(Value::Array(list)) => {
            let mut parts = Vec::with_capacity(list.len());
            for (index, value) in list.into_iter().enumerate() {
                parts.extend(block(value, &at.item(index))?);
            }
            Ok(parts)
        }
        Some(_) => Err(at.wrong("must be a string or a list of blocks")),
    }
}

/// One block; nothing where it says nothing (an empty text).
fn block(value: Value, at: &At<'_>) -> Read<Option<Part>> {
    let mut fields = Fields::of(value, at)?;
    let Some(kind) = fields.word("type").map(str::to_owned) else { return Err(at.field("type").wrong("missing")) };
    Ok(Some(match kind.as_str() {
        "text" => match text(fields)? {
            Some(text) => Part::Text(text),
            None => return Ok(None),
        },
        "image" => Part::Media(image(fields)?),
        "document" => Part::Media(document(fields)?),
        "search_result" => Part::Media(search_result(fields)?),
        "thinking" => {
            let text = fields.string("thinking")?.unwrap_or_default();
            Part::Thinking(Thinking { text, signature: fields.string("signature")?.and_then(|mark| signature(&mark)) })
        }
        "redacted_thinking" => match fields.string("data")?.and_then(|mark| signature(&mark)) {
            Some(mark) => Part::Redacted(mark),
            None => return Ok(None),
        },
        "tool_use" => Part::Call(call(fields)?),
        "tool_result" => Part::Result(result(fields)?),
        _ => Part::Foreign(Foreign { origin: Origin::Anthropic, kind, value: Value::Object(fields.rest()) }),
    }))
}

/// A text block; nothing where it is empty.
pub(super) fn text(mut fields: Fields<'_>) -> Read<Option<Text>> {
    let words = fields.string("text")?.unwrap_or_default();
    let citations = fields.list("citations")?.into_iter().map(citation).collect();
    let cache = fields.cache()?;
    Ok((!words.is_empty()).then_some(Text { text: words, citations, cache, signature: None }))
}

/// Ours for "nobody's" is taken off again.
fn signature(mark: &str) -> Option<Signature> {
    Some(Signature::read_in(Origin::Anthropic, mark)).filter(|mark| mark.origin != Origin::Nobody && !mark.value.is_empty())
}

fn citation(value: Value) -> Citation {
    let word = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let either = |first: &str, second: &str| Some(word(first)).filter(|word| !word.is_empty()).unwrap_or_else(|| word(second));
    Citation {
        url: either("url", "source"),
        title: either("title", "document_title"),
        quote: word("cited_text"),
        start: None,
        end: None,
        raw: Some((Origin::Anthropic, value)),
    }
}

fn call(mut fields: Fields<'_>) -> Read<ToolCall> {
    let at = fields.at();
    let id = fields.string("id")?.unwrap_or_default();
    let (id, signature) = ids::split(&id);
    let name = fields.string("name")?.ok_or_else(|| at.field("name").wrong("missing"))?;
    let arguments = fields.any("input").map_or_else(|| String::from("{}"), |input| input.to_string());
    Ok(ToolCall { id: id.into_owned(), name, arguments, signature, cache: fields.cache()? })
}

fn result(mut fields: Fields<'_>) -> Read<ToolResult> {
    let at = fields.at();
    let id = fields.string("tool_use_id")?.ok_or_else(|| at.field("tool_use_id").wrong("missing"))?;
    let content = content(fields.any("content"), &at.field("content"))?;
    let is_error = fields.flag("is_error")?.unwrap_or(false);
    Ok(ToolResult { id: ids::split(&id).0.into_owned(), name: None, content, is_error, cache: fields.cache()? })
}

fn image(mut fields: Fields<'_>) -> Read<Media> {
    let at = fields.at();
    let source = source(fields.any("source"), None, &at.field("source"))?;
    Ok(Media { cache: fields.cache()?, ..Media::new(MediaKind::Image, source) })
}

fn document(mut fields: Fields<'_>) -> Read<Media> {
    let at = fields.at();
    // An address may only be a PDF's (`url_pdf_source_param.py`).
    let source = source(fields.any("source"), Some("application/pdf"), &at.field("source"))?;
    let name = fields.string("title")?;
    let context = fields.string("context")?;
    let citations = fields.any("citations").is_some_and(|value| value.get("enabled").and_then(Value::as_bool).unwrap_or(false));
    Ok(Media { name, context, citations, cache: fields.cache()?, ..Media::new(MediaKind::Document, source) })
}

/// A search result is a text with a title and an address.
fn search_result(mut fields: Fields<'_>) -> Read<Media> {
    let at = fields.at();
    let text = joined(&content(fields.any("content"), &at.field("content"))?);
    let name = fields.string("title")?;
    let context = fields.string("source")?;
    let citations = fields.any("citations").is_some_and(|value| value.get("enabled").and_then(Value::as_bool).unwrap_or(false));
    Ok(Media { name, context, citations, cache: fields.cache()?, ..Media::new(MediaKind::Document, Source::Text(text)) })
}

fn source(value: Option<Value>, url_mime: Option<&str>, at: &At<'_>) -> Read<Source> {
    let Some(value) = value else { return Err(at.wrong("missing")) };
    let mut fields = Fields::of(value, at)?;
    let kind = fields.string("type")?.unwrap_or_default();
    let need = |name: &'static str, value: Option<String>| value.ok_or_else(|| at.field(name).wrong("missing"));
    match kind.as_str() {
        "base64" => {
            let mime = fields.string("media_type")?.unwrap_or_default().to_ascii_lowercase();
            let data = need("data", fields.string("data")?)?;
            let odd = match standard_base64(&data) {
                std::borrow::Cow::Borrowed(_) => None,
                std::borrow::Cow::Owned(standard) => Some(standard),
            };
            Ok(Source::Inline { mime, data: odd.unwrap_or(data) })
        }
        "url" => {
            let url = need("url", fields.string("url")?)?;
            Ok(match read_data_url(&url) {
                Some((mime, data)) => Source::Inline { mime, data },
                None => Source::Url { mime: url_mime.map(str::to_owned), url },
            })
        }
        "file" => need("file_id", fields.string("file_id")?).map(Source::FileId),
        "text" => need("data", fields.string("data")?).map(Source::Text),
        "content" => Ok(Source::Text(joined(&content(fields.any("content"), &at.field("content"))?))),
        _ => Err(at.field("type").wrong("unknown type of source")),
    }
}

/// Texts of parts, one a line.
fn joined(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None });
    texts.collect::<Vec<_>>().join("\n")
}
