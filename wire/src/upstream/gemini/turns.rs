//! Turns as `contents`: roles merged so that they alternate, results right after their calls, signatures where they belong.

use std::borrow::Cow;
use std::collections::HashMap;

use fluxa_domain::models::gemini::{Gemini as Model, GeminiThinking};
use serde_json::{Map, Value};

use super::answered;
use super::body::{Blob, Call, Content, File, Instruction, Part, Piece, Resolution, Response, arguments, object};
use crate::client::gemini::mark::SKIP_VALIDATION;
use crate::neutral::media::{decode_base64, mime_of_name};
use crate::neutral::names::NameRule;
use crate::neutral::{self, Chat, Dropped, Media, MediaKind, NameMap, Origin, Role, Signature, Source, ToolCall, ToolResult};
use crate::upstream::Unsayable;

/// Source: `FunctionDeclaration.name` of the API reference.
pub(super) const NAMES: NameRule = NameRule { chars: 64, punctuation: "_.:-", starts_with_letter: true };

/// What stands where a turn of the user must but the client gave none.
const NOTHING: &str = " ";

/// Writes the turns of one conversation.
pub(super) struct Writer<'a, 'w> {
    pub(super) model: Model,
    pub(super) names: &'w mut NameMap,
    pub(super) dropped: &'w mut Vec<Dropped>,
    /// Tools that take free text, by the client's names.
    pub(super) free_text: &'w [String],
    /// The names of calls by their ids; the last one of an id counts.
    pub(super) called: HashMap<&'a str, &'a str>,
    /// The resolution of all media, for models that take none for each.
    pub(super) resolution: Option<&'static str>,
}

impl<'a> Writer<'a, '_> {
    /// The instructions and the contents.
    pub(super) fn write(&mut self, chat: &'a Chat) -> Result<(Option<Instruction<'a>>, Vec<Content<'a>>), Unsayable> {
        let mut contents: Vec<Content<'a>> = Vec::new();
        let system: Vec<Part<'a>> = chat.system.iter().filter(|text| !text.text.is_empty()).map(|text| Part::text(&*text.text)).collect();
        let mut instruction = None;
        if self.model.system {
            instruction = Some(Instruction { parts: system }).filter(|instruction| !instruction.parts.is_empty());
        } else if !system.is_empty() {
            contents.push(Content { role: "user", parts: system.into_iter().map(Piece::Own).collect() });
        }
        for turn in &chat.turns {
            let role = if turn.role == Role::Assistant { "model" } else { "user" };
            if turn.name.is_some() {
                Dropped::note(self.dropped, "messages[].name");
            }
            let mut parts = Vec::with_capacity(turn.parts.len());
            for part in &turn.parts {
                self.part(part, &mut parts)?;
            }
            if parts.is_empty() {
                continue;
            }
            if contents.is_empty() && role == "model" {
                contents.push(Content { role: "user", parts: vec![Piece::Own(Part::text(NOTHING))] });
            }
            match contents.last_mut() {
                Some(last) if last.role == role => last.parts.append(&mut parts),
                _ => contents.push(Content { role, parts }),
            }
        }
        if contents.is_empty() {
            contents.push(Content { role: "user", parts: vec![Piece::Own(Part::text(NOTHING))] });
        }
        if self.model.signed_calls {
            contents.iter_mut().filter(|content| content.role == "model").for_each(sign);
        }
        Ok((instruction, answered::settle(contents)))
    }

    fn part(&mut self, part: &'a neutral::Part, out: &mut Vec<Piece<'a>>) -> Result<(), Unsayable> {
        match part {
            neutral::Part::Text(text) => {
                let thought_signature = own(text.signature.as_ref());
                if !text.text.is_empty() {
                    out.push(Piece::Own(Part { thought_signature, ..Part::text(&*text.text) }));
                }
            }
            neutral::Part::Refusal(text) if !text.is_empty() => out.push(Piece::Own(Part::text(&**text))),
            neutral::Part::Thinking(thinking) => {
                let thought_signature = own(thinking.signature.as_ref());
                let others = thinking.signature.as_ref().is_some_and(|mark| !matches!(mark.origin, Origin::Gemini | Origin::Nobody));
                let thinks = self.model.thinking != GeminiThinking::None;
                if !others && thinks && (thought_signature.is_some() || !thinking.text.is_empty()) {
                    out.push(Piece::Own(Part { thought: Some(true), thought_signature, ..Part::text(&*thinking.text) }));
                }
            }
            neutral::Part::Call(call) => out.push(Piece::Own(self.call(call))),
            neutral::Part::Result(result) => self.result(result, out)?,
            neutral::Part::Media(media) => {
                // Only what is given as text loses its title: a file is told from others by itself.
                let title = media.name.as_deref().filter(|_| matches!(media.source, Source::Text(_)));
                let heads = [title, media.context.as_deref()].into_iter().flatten().filter(|head| !head.is_empty());
                out.extend(heads.map(|head| Piece::Own(Part::text(head))));
                out.push(Piece::Own(self.media(media)?));
            }
            neutral::Part::Foreign(foreign) if foreign.origin == Origin::Gemini => out.push(Piece::Foreign(&foreign.value)),
            neutral::Part::Foreign(foreign) => Dropped::note(self.dropped, foreign.kind.clone()),
            // Others' thoughts say nothing here.
            neutral::Part::Redacted(_) | neutral::Part::Refusal(_) => {}
        }
        Ok(())
    }

    fn call(&mut self, call: &'a ToolCall) -> Part<'a> {
        let id = Some(call.id.as_str()).filter(|id| self.model.call_ids && !id.is_empty());
        let args = if self.free_text.contains(&call.name) {
            let mut input = Map::new();
            input.insert(String::from("input"), Value::String(call.arguments.clone()));
            let written = call.object();
            Cow::Owned(object(if written.contains_key("input") { &written } else { &input }))
        } else {
            arguments(call)
        };
        let function_call = Some(Call { own_id: &call.id, id, name: self.names.fit(&call.name, NAMES), args });
        Part { function_call, thought_signature: own(call.signature.as_ref()), ..Part::default() }
    }

    fn result(&mut self, result: &'a ToolResult, out: &mut Vec<Piece<'a>>) -> Result<(), Unsayable> {
        let mut parts = Vec::new();
        for part in &result.content {
            match part {
                neutral::Part::Media(media) => parts.push(self.media(media)?),
                neutral::Part::Foreign(foreign) => Dropped::note(self.dropped, foreign.kind.clone()),
                _ => {}
            }
        }
        let name = result.name.as_deref().or_else(|| self.called.get(result.id.as_str()).copied()).unwrap_or("tool");
        let id = Some(result.id.as_str()).filter(|id| self.model.call_ids && !id.is_empty());
        let beside = if self.model.media_in_results { Vec::new() } else { std::mem::take(&mut parts) };
        let name = self.names.fit(name, NAMES);
        let function_response = Some(Response { own: Some(result), id, name, response: response(result), parts });
        out.push(Piece::Own(Part { function_response, ..Part::default() }));
        out.extend(beside.into_iter().map(Piece::Own));
        Ok(())
    }

    fn media(&mut self, media: &'a Media) -> Result<Part<'a>, Unsayable> {
        let mut part = Part { thought_signature: own(media.signature.as_ref()), ..Part::default() };
        if media.citations {
            Dropped::note(self.dropped, "citations");
        }
        match &media.source {
            Source::Text(text) => return Ok(Part::text(&**text)),
            Source::Inline { mime, data } => {
                let named = || media.name.as_deref().and_then(mime_of_name);
                let mime_type = if mime.is_empty() { named().unwrap_or_else(|| usual(media.kind)) } else { mime };
                if is_text(mime_type)
                    && let Some(text) = decode_base64(data).and_then(|bytes| String::from_utf8(bytes).ok())
                {
                    return Ok(Part::text(text));
                }
                part.inline_data = Some(Blob { mime_type, data, display_name: None });
            }
            Source::Url { mime, url } => {
                let known = mime.as_deref().or_else(|| mime_of_name(url));
                let mime_type = if is_file(url) { mime.as_deref() } else { known.or_else(|| Some(usual(media.kind))) };
                part.file_data = Some(File { mime_type, file_uri: url });
            }
            Source::FileId(id) if is_file(id) => part.file_data = Some(File { mime_type: None, file_uri: id }),
            Source::FileId(_) => {
                return Err(Unsayable {
                    what: String::from("this provider cannot read a file that was given to another one"),
                    param: None,
                });
            }
        }
        let level = match media.detail.as_deref() {
            Some("low") => Some("MEDIA_RESOLUTION_LOW"),
            Some("high") => Some("MEDIA_RESOLUTION_HIGH"),
            Some("original") if self.model.media_resolution => Some("MEDIA_RESOLUTION_ULTRA_HIGH"),
            Some("original") => Some("MEDIA_RESOLUTION_HIGH"),
            _ => None,
        };
        if self.model.media_resolution {
            part.media_resolution = level.map(|level| Resolution { level });
        } else {
            self.resolution = self.resolution.max(level);
        }
        Ok(part)
    }
}

/// A mark of this dialect; anyone else's would be refused.
fn own(signature: Option<&Signature>) -> Option<&str> {
    signature.and_then(|mark| mark.of(Origin::Gemini))
}

/// Models that want signed calls look at the first call of a step; where its mark is lost they are told not to.
fn sign(content: &mut Content<'_>) {
    let first = content.parts.iter_mut().find_map(|piece| match piece {
        Piece::Own(part) if part.function_call.is_some() => Some(part),
        _ => None,
    });
    if let Some(part) = first
        && part.thought_signature.is_none()
    {
        part.thought_signature = Some(SKIP_VALIDATION);
    }
}

/// A tool's answer as an object: as it is where it is one, else in `output` or `error`.
fn response(result: &ToolResult) -> Box<serde_json::value::RawValue> {
    let text = result.text();
    let trimmed = text.trim();
    if !result.is_error
        && trimmed.starts_with('{')
        && let Ok(raw) = serde_json::from_str::<&serde_json::value::RawValue>(trimmed)
    {
        return raw.to_owned();
    }
    let mut map = Map::new();
    map.insert(String::from(if result.is_error { "error" } else { "output" }), Value::String(text));
    object(&map)
}

/// Documents that are texts but not among the types that are taken inline.
fn is_text(mime: &str) -> bool {
    matches!(
        mime.split(';').next().unwrap_or_default(),
        "application/json" | "application/xml" | "application/yaml" | "application/x-yaml" | "application/javascript" | "application/toml"
    )
}

/// A file of the vendor's own file store, whose type it knows.
fn is_file(uri: &str) -> bool {
    uri.starts_with("files/") || uri.starts_with("https://generativelanguage.googleapis.com/")
}

/// The type where nobody said one.
const fn usual(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image/jpeg",
        MediaKind::Audio => "audio/mp3",
        MediaKind::Video => "video/mp4",
        MediaKind::Document => "application/pdf",
    }
}
