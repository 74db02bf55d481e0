//! Pictures and documents. Source: protocol specification §2.1 and §3.1.

use std::borrow::Cow;

use super::blocks::{Block, Citations, Mark, Source};
use crate::neutral::media::decode_base64;
use crate::neutral::{Media, MediaKind, Source as From};
use crate::upstream::Unsayable;

/// What a request needs to name a file that lies with the vendor. Source: `beta/files.py` of the Anthropic SDK.
pub(super) const FILES_BETA: &str = "files-api-2025-04-14";

/// Where files lie that were given to Gemini; nobody else can read them.
const GEMINI_FILES: &str = "https://generativelanguage.googleapis.com/";

/// The block of a medium.
pub(super) fn block(media: &Media) -> Result<Block<'_>, Unsayable> {
    let cache_control = media.cache.map(Mark::of);
    match media.kind {
        MediaKind::Image => Ok(Block::Image { source: image(media)?, cache_control }),
        MediaKind::Document => Ok(Block::Document {
            source: document(media)?,
            title: media.name.as_deref().filter(|name| !name.is_empty()),
            context: media.context.as_deref().filter(|context| !context.is_empty()),
            citations: media.citations.then_some(Citations { enabled: true }),
            cache_control,
        }),
        MediaKind::Audio => Err(no("this provider takes no audio")),
        MediaKind::Video => Err(no("this provider takes no video")),
    }
}

/// A file with the vendor is named.
pub(super) fn is_file(media: &Media) -> bool {
    matches!(media.source, From::FileId(_))
}

fn image(media: &Media) -> Result<Source<'_>, Unsayable> {
    match &media.source {
        From::Inline { mime, data } => {
            let media_type = image_type(mime)
                .or_else(|| sniffed(data))
                .ok_or_else(|| no("this provider takes pictures as jpeg, png, gif or webp only"))?;
            Ok(Source::Base64 { media_type, data })
        }
        other => elsewhere(other),
    }
}

fn document(media: &Media) -> Result<Source<'_>, Unsayable> {
    match &media.source {
        From::Inline { mime, data } if mime == "application/pdf" || data.starts_with("JVBERi") => {
            Ok(Source::Base64 { media_type: "application/pdf", data })
        }
        From::Inline { mime, data } if is_text(mime) => {
            let text =
                decode_base64(data).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| no("a text document is not UTF-8"))?;
            Ok(Source::Text { media_type: "text/plain", data: Cow::Owned(text) })
        }
        From::Inline { .. } => Err(no("this provider takes documents as PDF or text only")),
        From::Text(text) => Ok(Source::Text { media_type: "text/plain", data: Cow::Borrowed(text) }),
        other => elsewhere(other),
    }
}

fn elsewhere(source: &From) -> Result<Source<'_>, Unsayable> {
    match source {
        From::Url { url, .. } if url.starts_with(GEMINI_FILES) => Err(no("this provider does not know files of another one")),
        From::Url { url, .. } if url.starts_with("http://") || url.starts_with("https://") => Ok(Source::Url { url }),
        From::Url { .. } => Err(no("this provider fetches from http and https addresses only")),
        // Ids of other vendors look otherwise.
        From::FileId(id) if id.starts_with("file_") => Ok(Source::File { file_id: id }),
        From::FileId(_) => Err(no("this provider does not know files of another one")),
        From::Inline { .. } | From::Text(_) => Err(no("this provider takes no text in place of a picture")),
    }
}

fn image_type(mime: &str) -> Option<&'static str> {
    Some(match mime {
        "image/jpeg" | "image/jpg" | "image/pjpeg" => "image/jpeg",
        "image/png" | "image/x-png" => "image/png",
        "image/gif" => "image/gif",
        "image/webp" => "image/webp",
        _ => return None,
    })
}

/// The type by the first bytes, where nobody said or what was said is no picture's.
fn sniffed(base64: &str) -> Option<&'static str> {
    let starts = [("/9j/", "image/jpeg"), ("iVBORw0KGgo", "image/png"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp")];
    starts.into_iter().find(|(start, _)| base64.starts_with(start)).map(|(_, mime)| mime)
}

fn is_text(mime: &str) -> bool {
    mime.starts_with("text/") || matches!(mime, "application/json" | "application/xml" | "application/x-yaml" | "application/javascript")
}

fn no(what: &str) -> Unsayable {
    Unsayable { what: what.to_owned(), param: Some("messages") }
}
