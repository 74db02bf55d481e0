//! Reads the parts of a conversation, gives calls without an id one, and finds the call that a result answers.

use serde_json::Value;

use super::fields::{Fields, list, unreadable};
use super::mark::{self, Mark};
use crate::client::Unreadable;
use crate::neutral::media::{kind_of_mime, mime_of_name, standard_base64};
use crate::neutral::waiting::Waiting;
use crate::neutral::{Dropped, Foreign, Media, Origin, Part, Role, Signature, Source, Text, Thinking, ToolCall, ToolResult, Turn};

/// The turns read so far.
pub(super) struct Turns<'d> {
    turns: Vec<Turn>,
    dropped: &'d mut Vec<Dropped>,
    /// Ids of calls without a result so far.
    open: Waiting<String>,
    /// Calls in the present turn.
    calls: usize,
    /// Results without any call, in the present turn.
    strays: usize,
    /// The content goes on with the turn of the one before it: SDKs keep each chunk of a stream as a content of its own.
    goes_on: bool,
}

impl<'d> Turns<'d> {
    pub(super) fn new(dropped: &'d mut Vec<Dropped>) -> Self {
        Self { turns: Vec::new(), dropped, open: Waiting::default(), calls: 0, strays: 0, goes_on: false }
    }

    pub(super) fn done(self) -> Vec<Turn> {
        self.turns.into_iter().filter(|turn| !turn.parts.is_empty()).collect()
    }

    /// Begins a content.
    pub(super) fn begin(&mut self, role: Role) {
        self.goes_on = role == Role::Assistant && self.turns.last().is_some_and(|turn| turn.role == role);
        if !self.goes_on {
            self.turns.push(Turn::new(role, Vec::new()));
            (self.calls, self.strays) = (0, 0);
        }
    }

    pub(super) fn text(&mut self, text: String) {
        if !text.is_empty() {
            self.push(Part::text(text));
        }
    }

    fn push(&mut self, part: Part) {
        if let Some(turn) = self.turns.last_mut() {
            turn.parts.push(part);
        }
    }

    fn last(&mut self) -> Option<&mut Part> {
        self.turns.last_mut()?.parts.last_mut()
    }

    /// Reads one part.
    pub(super) fn part(&mut self, part: Value, at: &str) -> Result<(), Unreadable> {
        let mut part = match part {
            Value::String(text) => {
                self.text(text);
                return Ok(());
            }
            other => Fields::want(other, at)?,
        };
        let signature = part.text("thoughtSignature").filter(|mark| !mark.is_empty()).map(|text| mark::read(&text));
        let thought = part.flag("thought") == Some(true);
        if let Some(text) = part.take("text") {
            let Value::String(text) = text else { return Err(unreadable(&format!("{at}.text"), "must be a text")) };
            self.words(text, thought, signature);
            return Ok(());
        }
        let signed = match signature {
            Some(Mark::Signed(signature)) => Some(signature),
            _ => None,
        };
        if let Some(call) = part.take("functionCall") {
            let signed = signed.filter(|signature| signature.origin != Origin::Nobody);
            return self.call(Fields::want(call, at)?, signed, at);
        }
        if let Some(result) = part.take("functionResponse") {
            return self.result(Fields::want(result, at)?, at);
        }
        if let Some(media) = read_media(&mut part, at)? {
            if part.take("videoMetadata").is_some() {
                Dropped::note(self.dropped, "contents[].parts[].videoMetadata");
            }
            self.push(Part::Media(Media { signature: signed, ..media }));
            return Ok(());
        }
        self.foreign(part, signed, at)
    }

    fn words(&mut self, text: String, thought: bool, mark: Option<Mark>) {
        let signature = match mark {
            Some(Mark::Redacted(signature)) => return self.push(Part::Redacted(signature)),
            Some(Mark::Signed(signature)) => Some(signature),
            None => None,
        };
        let goes_on = self.goes_on;
        match self.last() {
            // A mark by itself belongs to what is before it.
            Some(Part::Thinking(last)) if text.is_empty() && last.signature.is_none() => last.signature = signature,
            Some(Part::Text(last)) if text.is_empty() && !thought && last.signature.is_none() => last.signature = signature,
            // A client that keeps the chunks of a stream has thoughts in pieces, and their mark on the last.
            Some(Part::Thinking(last)) if thought && last.signature.is_none() => {
                last.text.push_str(&text);
                last.signature = signature;
            }
            Some(Part::Text(last)) if goes_on && !thought && last.signature.is_none() => {
                last.text.push_str(&text);
                last.signature = signature;
            }
            _ if thought && (!text.is_empty() || signature.is_some()) => self.push(Part::Thinking(Thinking { text, signature })),
            _ if !text.is_empty() => self.push(Part::Text(Text { text, signature, ..Text::default() })),
            // Empty words, perhaps with a mark that has nothing to stand on: it need not come back.
            _ => {}
        }
    }

    fn call(&mut self, mut call: Fields, signature: Option<Signature>, at: &str) -> Result<(), Unreadable> {
        let name = call.text("name").ok_or_else(|| unreadable(&format!("{at}.functionCall.name"), "is missing"))?;
        let arguments = call.take("args").map_or_else(|| String::from("{}"), |args| args.to_string());
        let id = call.text("id").filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| format!("call_{}_{}", self.turns.len() - 1, self.calls));
        self.calls += 1;
        self.open.push(&id, &name, id.clone());
        self.push(Part::Call(ToolCall { id, name, arguments, signature, cache: None }));
        Ok(())
    }

    fn result(&mut self, mut result: Fields, at: &str) -> Result<(), Unreadable> {
        let name = result.text("name");
        let given = result.text("id").filter(|id| !id.is_empty());
        let mut content = Vec::new();
        let mut is_error = false;
        if let Some(response) = result.take("response") {
            let (text, failed) = read_response(response);
            is_error = failed;
            if !text.is_empty() {
                content.push(Part::text(text));
            }
        }
        for (number, part) in result.take("parts").map(list).unwrap_or_default().into_iter().enumerate() {
            let at = format!("{at}.functionResponse.parts[{number}]");
            let mut part = Fields::want(part, &at)?;
            match read_media(&mut part, &at)? {
                Some(media) => content.push(Part::Media(media)),
                None => content.extend(part.text("text").map(Part::text)),
            }
        }
        let id = self.answered(given, name.as_deref());
        self.push(Part::Result(ToolResult { id, name, content, is_error, cache: None }));
        Ok(())
    }

    /// The id of the call that a result answers: the one it names, else the first open call of its name.
    fn answered(&mut self, given: Option<String>, name: Option<&str>) -> String {
        let by_id = given.as_deref().and_then(|id| self.open.by_id(id));
        let found = match name {
            Some(name) => by_id.or_else(|| self.open.by_name(name)),
            None => by_id.or_else(|| self.open.first()),
        };
        if let Some(id) = found {
            return id;
        }
        given.unwrap_or_else(|| {
            self.strays += 1;
            format!("call_{}_r{}", self.turns.len().saturating_sub(1), self.strays - 1)
        })
    }

    /// What only this dialect knows, kept as it was.
    fn foreign(&mut self, part: Fields, signature: Option<Signature>, at: &str) -> Result<(), Unreadable> {
        if part.is_empty() {
            return Ok(());
        }
        let mut value: serde_json::Map<String, Value> = part.rest().collect();
        let known = ["executableCode", "codeExecutionResult", "toolCall", "toolResponse"];
        let Some(kind) = known.into_iter().find(|kind| value.contains_key(*kind)) else {
            return Err(unreadable(at, "holds nothing that is known"));
        };
        if let Some(signature) = signature.and_then(|signature| mark::write(&signature)) {
            value.insert(String::from("thoughtSignature"), Value::String(signature));
        }
        self.push(Part::Foreign(Foreign { origin: Origin::Gemini, kind: kind.to_owned(), value: Value::Object(value) }));
        Ok(())
    }
}

/// The text of a tool's answer, and whether it failed. Source: `FunctionResponse` of the SDK: "output" holds the answer,
/// "error" what went wrong, and without either the whole object is the answer.
fn read_response(response: Value) -> (String, bool) {
    match response {
        Value::String(text) => (text, false),
        Value::Object(mut map) if map.len() == 1 => {
            for (name, failed) in [("output", false), ("result", false), ("error", true)] {
                match map.shift_remove(name) {
                    Some(Value::String(text)) => return (text, failed),
                    Some(other) => {
                        map.insert(name.to_owned(), other);
                        return (Value::Object(map).to_string(), failed);
                    }
                    None => {}
                }
            }
            (Value::Object(map).to_string(), false)
        }
        other => (other.to_string(), false),
    }
}

fn read_media(part: &mut Fields, at: &str) -> Result<Option<Media>, Unreadable> {
    let (mut blob, inline) = match part.take("inlineData") {
        Some(blob) => (Fields::want(blob, at)?, true),
        None => match part.take("fileData") {
            Some(file) => (Fields::want(file, at)?, false),
            None => return Ok(None),
        },
    };
    let mime = blob.text("mimeType").filter(|mime| !mime.is_empty());
    let source = if inline {
        let data = blob.text("data").ok_or_else(|| unreadable(&format!("{at}.inlineData.data"), "must be base64"))?;
        let data = match standard_base64(&data) {
            std::borrow::Cow::Borrowed(_) => data,
            std::borrow::Cow::Owned(mended) => mended,
        };
        Source::Inline { mime: mime.clone().unwrap_or_default(), data }
    } else {
        let url = blob.text("fileUri").ok_or_else(|| unreadable(&format!("{at}.fileData.fileUri"), "is missing"))?;
        Source::Url { mime: mime.clone(), url }
    };
    let named = if let Source::Url { url, .. } = &source { mime_of_name(url) } else { None };
    let kind = kind_of_mime(mime.as_deref().or(named).unwrap_or_default());
    let detail = part.inner("mediaResolution").and_then(|mut resolution| resolution.text("level")).and_then(|level| detail(&level));
    Ok(Some(Media { name: blob.text("displayName"), detail, ..Media::new(kind, source) }))
}

/// A part's resolution in OpenAI's words.
fn detail(level: &str) -> Option<String> {
    let word = match level.trim_start_matches("MEDIA_RESOLUTION_") {
        "LOW" => "low",
        "MEDIUM" => "auto",
        "HIGH" => "high",
        "ULTRA_HIGH" => "original",
        _ => return None,
    };
    Some(word.to_owned())
}
