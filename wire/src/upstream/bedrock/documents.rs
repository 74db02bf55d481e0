//! Pictures, films and documents: their formats, and the names that documents must have. Source: protocol specification §6.1.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::neutral::media::{encode_base64, mime_of_name, standard_base64};
use crate::neutral::{Media, MediaKind};
use crate::upstream::Unsayable;
use fluxa_domain::models::bedrock::Bedrock as Model;

use super::shape::{Block, Bytes, Citations, Document, Source};

/// The longest name of a document.
const NAME_CHARS: usize = 200;

/// Writes media; remembers the names of documents, which must be unique in a request.
#[derive(Debug)]
pub(super) struct Documents {
    model: Model,
    names: HashSet<String>,
    /// The next number behind a name that came more than once.
    numbers: HashMap<String, u64>,
}

impl Documents {
    pub(super) fn new(model: Model) -> Self {
        Self { model, names: HashSet::new(), numbers: HashMap::new() }
    }

    /// The block of a medium.
    pub(super) fn block<'a>(&mut self, media: &'a Media) -> Result<Block<'a>, Unsayable> {
        let model = self.model;
        match media.kind {
            MediaKind::Image if model.images => {
                let (mime, source) = inline(media)?;
                let sniffed = if let Source::Bytes(data) = &source { sniff_image(data) } else { None };
                let format = sniffed.or_else(|| image_format(&mime));
                let format = format.ok_or_else(|| refuse("this provider takes pictures as png, jpeg, gif or webp only"))?;
                Ok(Block::Image(Bytes { format, source }))
            }
            MediaKind::Video if model.videos => {
                let (mime, source) = inline(media)?;
                let format = video_format(&mime).ok_or_else(|| refuse("this provider does not take films of this type"))?;
                Ok(Block::Video(Bytes { format, source }))
            }
            MediaKind::Document if model.documents => self.document(media),
            MediaKind::Image => Err(refuse("this model takes no pictures")),
            MediaKind::Video => Err(refuse("this model takes no films")),
            MediaKind::Document => Err(refuse("this model takes no documents")),
            MediaKind::Audio => Err(refuse("this provider takes no audio")),
        }
    }

    fn document<'a>(&mut self, media: &'a Media) -> Result<Block<'a>, Unsayable> {
        let cites = self.model.claude.is_some() && media.citations;
        let (format, source) = match &media.source {
            // Only as text can a text be cited by its characters.
            crate::neutral::Source::Text(text) if cites => ("txt", Source::Text(text)),
            crate::neutral::Source::Text(text) => ("txt", Source::Bytes(Cow::Owned(encode_base64(text.as_bytes())))),
            _ => {
                let (mime, source) = inline(media)?;
                let is_pdf = matches!(&source, Source::Bytes(data) if data.starts_with("JVBERi"));
                let format = if is_pdf { Some("pdf") } else { document_format(&mime) };
                (format.ok_or_else(|| refuse("this provider does not take documents of this type"))?, source)
            }
        };
        let name = self.name(media.name.as_deref());
        let citations = cites.then_some(Citations { enabled: true });
        Ok(Block::Document(Document { format, name, source, context: media.context.as_deref(), citations }))
    }

    /// A name as Converse wants it: letters, digits, single blanks, hyphens and brackets; unique in the request.
    fn name(&mut self, wanted: Option<&str>) -> String {
        let stem = wanted.map(|name| name.rsplit_once('.').map_or(name, |(stem, _)| stem)).unwrap_or_default();
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '(' | ')' | '[' | ']');
        let spaced: String = stem.chars().map(|c| if good(c) { c } else { ' ' }).collect();
        let mut name = spaced.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        // Room for a number behind it.
        name.truncate(NAME_CHARS - 8);
        let name = if name.trim().is_empty() { String::from("document") } else { name.trim().to_owned() };
        let mut unique = name.clone();
        let mut number = self.numbers.get(&name).copied().unwrap_or(2);
        while !self.names.insert(unique.clone()) {
            unique = format!("{name} {number}");
            number += 1;
        }
        self.numbers.insert(name, number);
        unique
    }
}

fn refuse(what: &str) -> Unsayable {
    Unsayable { what: what.to_owned(), param: Some("messages") }
}

/// The media type and the bytes, or a place that Bedrock itself can read.
fn inline(media: &Media) -> Result<(Cow<'_, str>, Source<'_>), Unsayable> {
    let named = || media.name.as_deref().and_then(mime_of_name).unwrap_or_default();
    match &media.source {
        crate::neutral::Source::Inline { mime, data } => {
            let mime = if mime.is_empty() || mime == "application/octet-stream" { named() } else { mime.as_str() };
            Ok((Cow::Borrowed(mime), Source::Bytes(standard_base64(data))))
        }
        crate::neutral::Source::Url { mime, url } if url.starts_with("s3://") => {
            let mime = mime.as_deref().or_else(|| mime_of_name(url)).unwrap_or_else(named);
            Ok((Cow::Borrowed(mime), Source::S3Location { uri: url }))
        }
        crate::neutral::Source::Url { .. } => Err(refuse("this provider cannot fetch media from an address")),
        crate::neutral::Source::FileId(_) => Err(refuse("this provider does not know files by their id")),
        crate::neutral::Source::Text(text) => Ok((Cow::Borrowed("text/plain"), Source::Bytes(Cow::Owned(encode_base64(text.as_bytes()))))),
    }
}

/// The format of a picture by its first bytes: a wrong label is refused.
fn sniff_image(base64: &str) -> Option<&'static str> {
    let starts = |with: &str| base64.starts_with(with);
    Some(match () {
        () if starts("iVBORw0KGgo") => "png",
        () if starts("/9j/") => "jpeg",
        () if starts("R0lGOD") => "gif",
        () if starts("UklGR") => "webp",
        () => return None,
    })
}

fn image_format(mime: &str) -> Option<&'static str> {
    Some(match mime {
        "image/png" => "png",
        "image/jpeg" | "image/jpg" | "image/pjpeg" => "jpeg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        _ => return None,
    })
}

fn video_format(mime: &str) -> Option<&'static str> {
    Some(match mime {
        "video/mp4" => "mp4",
        "video/quicktime" | "video/mov" => "mov",
        "video/x-matroska" => "mkv",
        "video/webm" => "webm",
        "video/x-flv" => "flv",
        "video/mpeg" => "mpeg",
        "video/mpg" => "mpg",
        "video/x-ms-wmv" | "video/wmv" => "wmv",
        "video/3gpp" => "three_gp",
        _ => return None,
    })
}

fn document_format(mime: &str) -> Option<&'static str> {
    let mime = mime.split(';').next().unwrap_or_default().trim();
    Some(match mime {
        "application/pdf" => "pdf",
        "text/csv" => "csv",
        "text/html" => "html",
        "text/markdown" => "md",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "application/json" | "application/xml" | "application/yaml" | "application/x-yaml" => "txt",
        mime if mime.starts_with("text/") => "txt",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_documents_are_plain_and_unique() {
        let mut documents = Documents::new(Model::of("anthropic.claude-sonnet-4-5"));
        let mut check = |name: Option<&str>, expect: &str| assert_eq!(documents.name(name), expect);
        check(Some("my report_v2.final.pdf"), "my report v2 final");
        check(Some("my  report/v2 final.pdf"), "my report v2 final 2");
        check(Some("Übersicht (1).pdf"), "bersicht (1)");
        check(None, "document");
        check(Some(".pdf"), "document 2");
        assert_eq!(documents.name(Some(&"x".repeat(300))).len(), 192);
        assert!(documents.name(Some(&"x".repeat(300))).len() <= NAME_CHARS);
    }
}
