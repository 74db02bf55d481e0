//! Writes turns as messages. Source: protocol specification §4.1.
//!
//! Results of tools become messages of their own right after the calls; what else the user says comes after them.

use std::collections::HashSet;

use fluxa_domain::vendors::Quirk;
use serde_json::{Value, json};

use crate::neutral::free_text;
use crate::neutral::ids::IdRule;
use crate::neutral::media::{self, Media, MediaKind, Source};
use crate::neutral::signature::Origin;
use crate::neutral::waiting::Waiting;
use crate::neutral::{CacheMark, Chat, Dropped, Part, Role, Text, ToolCall, ToolResult, Turn};
use crate::upstream::{Said, Target, Unsayable};

use super::shape::{Address, Call, CallOf, Content, Custom, File, Function, Message, Picture, Piece, Sound};
use super::tools::name_rule;

/// What most vendors take; OpenAI bounds ids at 40 characters.
const IDS: IdRule = IdRule { chars: 40, least: 1, punctuation: "_-.:" };

/// Nine letters and digits exactly.
const IDS_OF_NINE: IdRule = IdRule { chars: 9, least: 9, punctuation: "" };

/// What an assistant's turn is asked to be gone on with, where a vendor wants the last word to be the user's.
const GO_ON: &str = "Please continue.";

/// What stands where nothing is said at all: no messages are refused, and so is an empty one here and there.
const NO_WORDS: &str = " ";

/// The result of a call that nobody answered; without one the call is refused.
const NO_OUTPUT: &str = "(no output)";

/// Writes the messages of a conversation.
pub(super) struct Messages<'w, 'a> {
    chat: &'a Chat,
    target: &'w Target<'w>,
    said: &'w mut Said,
    dropped: &'w mut Vec<Dropped>,
    list: Vec<Message<'a>>,
    /// Calls without a result so far: the vendor's id, by the client's.
    pending: Waiting<String>,
    /// Names of tools of free text.
    free: HashSet<&'a str>,
    /// What was said between calls and their results.
    deferred: Vec<Message<'a>>,
    calls: u32,
}

impl<'w, 'a> Messages<'w, 'a> {
    pub(super) fn new(chat: &'a Chat, target: &'w Target<'w>, said: &'w mut Said, dropped: &'w mut Vec<Dropped>) -> Self {
        let free = chat.tools.iter().filter(|tool| tool.free_text).map(|tool| tool.name.as_str()).collect();
        Self { chat, target, said, dropped, list: Vec::new(), pending: Waiting::default(), free, deferred: Vec::new(), calls: 0 }
    }

    /// All of them. `instruction` is one of ours, about the form of the answer.
    pub(super) fn write(mut self, instruction: Option<String>) -> Result<Vec<Message<'a>>, Unsayable> {
        self.system(instruction);
        for turn in &self.chat.turns {
            match turn.role {
                Role::System => self.instructions(turn),
                Role::User => self.user(turn)?,
                Role::Assistant => self.assistant(turn),
            }
        }
        self.settle();
        if self.list.is_empty() {
            let content = Some(Content::Text(String::from(NO_WORDS)));
            self.list.push(Message { role: "user", content, ..Message::default() });
        }
        self.arrange();
        Ok(self.list)
    }

    fn system(&mut self, instruction: Option<String>) {
        // What one agent says of itself to its own vendor; it changes with every request and would spoil every cache.
        let told = |text: &&Text| !text.text.is_empty() && !text.text.starts_with("x-anthropic-billing-header:");
        let own: Vec<&Text> = self.chat.system.iter().filter(told).collect();
        let marked = self.target.has(Quirk::CacheMarks) && own.iter().any(|text| text.cache.is_some());
        let content = if marked {
            let mut pieces: Vec<Piece<'_>> = own.iter().map(|text| self.text(text)).collect();
            pieces.extend(instruction.map(|text| Piece::Text { text, cache_control: None }));
            Content::Parts(pieces)
        } else {
            let texts: Vec<&str> = own.iter().map(|text| text.text.as_str()).chain(instruction.as_deref()).collect();
            if texts.is_empty() {
                return;
            }
            Content::Text(texts.join("\n\n"))
        };
        self.list.push(Message { role: "system", content: Some(content), ..Message::default() });
    }

    /// Instructions in the middle: in their place, but never between calls and their results.
    fn instructions(&mut self, turn: &'a Turn) {
        let texts: Vec<&str> =
            turn.parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None }).collect();
        if texts.is_empty() {
            return;
        }
        let first_only = [Quirk::OneSystemMessage, Quirk::AlternatingRoles].into_iter().any(|quirk| self.target.has(quirk));
        let role = if first_only { "user" } else { "system" };
        let message = Message { role, content: Some(Content::Text(texts.join("\n\n"))), name: self.name(turn), ..Message::default() };
        self.put(message);
    }

    fn user(&mut self, turn: &'a Turn) -> Result<(), Unsayable> {
        let mut pieces = Vec::new();
        let mut later = Vec::new();
        for part in &turn.parts {
            if let Part::Result(result) = part {
                self.result(result, &mut later)?;
            }
        }
        if self.pending.is_empty() {
            self.list.append(&mut self.deferred);
        }
        for part in &turn.parts {
            match part {
                Part::Text(text) if !text.text.is_empty() => pieces.push(self.text(text)),
                Part::Media(medium) => pieces.push(self.medium(medium)?),
                Part::Refusal(text) => pieces.push(Piece::Text { text: text.clone(), cache_control: None }),
                Part::Foreign(foreign) => Dropped::note(self.dropped, foreign.kind.clone()),
                Part::Text(_) | Part::Result(_) | Part::Thinking(_) | Part::Redacted(_) | Part::Call(_) => {}
            }
        }
        if !later.is_empty() {
            later.append(&mut pieces);
            pieces = later;
        }
        if !pieces.is_empty() {
            let content = Some(self.content(pieces));
            let name = self.name(turn);
            self.put(Message { role: "user", content, name, ..Message::default() });
        }
        Ok(())
    }

    /// Adds what is said to the model, after the results of calls that still wait for theirs.
    fn put(&mut self, message: Message<'a>) {
        if self.pending.is_empty() { self.list.push(message) } else { self.deferred.push(message) }
    }

    /// No more results come for the calls so far.
    fn settle(&mut self) {
        for id in std::mem::take(&mut self.pending).rest() {
            let content = Some(Content::Text(String::from(NO_OUTPUT)));
            self.list.push(Message { role: "tool", content, tool_call_id: Some(id), ..Message::default() });
        }
        self.list.append(&mut self.deferred);
    }

    /// A result as a message. Messages of tools take text only: pictures come after all of them, in a message of the user. So
    /// does a result that no call waits for, which is refused as one.
    fn result(&mut self, result: &'a ToolResult, later: &mut Vec<Piece<'a>>) -> Result<(), Unsayable> {
        let mut texts = Vec::new();
        for part in &result.content {
            match part {
                Part::Text(text) => texts.push(text.text.clone()),
                Part::Refusal(text) => texts.push(text.clone()),
                Part::Media(Media { source: Source::Text(text), .. }) => texts.push(text.clone()),
                Part::Media(medium) => {
                    texts.push(String::from(if medium.kind == MediaKind::Image { "[image]" } else { "[file]" }));
                    later.push(self.medium(medium)?);
                }
                Part::Foreign(foreign) => Dropped::note(self.dropped, foreign.kind.clone()),
                Part::Thinking(_) | Part::Redacted(_) | Part::Call(_) | Part::Result(_) => {}
            }
        }
        let mut text = texts.join("\n");
        if result.is_error && !text.starts_with("Error") {
            text.insert_str(0, "Error: ");
        }
        let mut id = self.pending.by_id(&result.id);
        // A result without an id answers the first call that waits.
        if id.is_none() && result.id.is_empty() {
            id = self.pending.first();
        }
        if self.target.has(Quirk::NoTools) {
            let content = Some(Content::Text(format!("[tool result] {text}")));
            self.list.push(Message { role: "user", content, ..Message::default() });
        } else if id.is_some() {
            self.list.push(Message { role: "tool", content: Some(Content::Text(text)), tool_call_id: id, ..Message::default() });
        } else if !text.is_empty() {
            later.push(Piece::Text { text, cache_control: None });
        }
        Ok(())
    }

    fn assistant(&mut self, turn: &'a Turn) {
        let says = turn.parts.iter().any(|part| match part {
            Part::Text(Text { text, .. }) | Part::Refusal(text) => !text.is_empty(),
            Part::Call(_) => true,
            _ => false,
        });
        // Turns that follow one another are one while calls of the first wait: the results come after both.
        let goes_on = !self.pending.is_empty() && self.deferred.is_empty() && self.list.last().is_some_and(|last| last.role == "assistant");
        if says && !goes_on {
            self.settle();
        }
        let mut message = Message { role: "assistant", name: self.name(turn), ..Message::default() };
        let mut text = String::new();
        let mut thoughts: Vec<&str> = Vec::new();
        let mut apart = false;
        for part in &turn.parts {
            match part {
                Part::Text(Text { text: words, .. }) | Part::Refusal(words) => {
                    // Neighbouring texts are one text in pieces; across something else they are two.
                    if apart && !text.is_empty() && !words.is_empty() {
                        text.push_str("\n\n");
                    }
                    apart = false;
                    text.push_str(words);
                    continue;
                }
                Part::Thinking(thinking) => thoughts.push(&thinking.text),
                Part::Call(call) if self.target.has(Quirk::NoTools) => {
                    text.push_str(&format!("[tool call] {} {}", call.name, call.arguments));
                }
                Part::Call(call) => {
                    let written = self.call(call);
                    message.tool_calls.push(written);
                }
                Part::Media(_) => Dropped::note(self.dropped, "messages[].images"),
                Part::Foreign(foreign) => Dropped::note(self.dropped, foreign.kind.clone()),
                Part::Redacted(_) | Part::Result(_) => {}
            }
            apart = true;
        }
        if self.target.has(Quirk::ReasoningContentBack) {
            let thoughts: Vec<&str> = thoughts.into_iter().filter(|text| !text.is_empty()).collect();
            // In thinking mode a turn with calls is refused without; a blank is accepted.
            let must = !message.tool_calls.is_empty() && !self.chat.reasoning.is_some_and(|reasoning| reasoning.is_off());
            message.reasoning_content = match thoughts.is_empty() {
                false => Some(thoughts.join("\n\n")),
                true => must.then(|| String::from(" ")),
            };
        }
        if self.target.has(Quirk::ReasoningDetailsBack) {
            message.reasoning_details = details(&turn.parts);
        }
        if text.is_empty() && message.tool_calls.is_empty() {
            return;
        }
        message.content = (!text.is_empty()).then_some(Content::Text(text));
        match self.list.last_mut() {
            Some(last) if goes_on => merge(last, message),
            _ => self.list.push(message),
        }
    }

    fn call(&mut self, call: &'a ToolCall) -> Call<'a> {
        let id = if call.id.is_empty() { format!("call_{}", self.calls) } else { call.id.clone() };
        self.calls += 1;
        let id = self.fit_id(&id);
        self.pending.push(&call.id, &call.name, id.clone());
        let name = self.said.names.fit(&call.name, name_rule());
        let free = self.free.contains(call.name.as_str());
        let of = if free && super::tools::takes_custom(self.target) {
            CallOf::Custom { custom: Custom { name, input: &call.arguments } }
        } else {
            let arguments = match call.arguments.trim() {
                "" => String::from("{}"),
                _ if free => wrapped(&call.arguments),
                _ => call.arguments.clone(),
            };
            CallOf::Function { function: Function { name, arguments } }
        };
        Call { id, of }
    }

    fn fit_id(&self, id: &str) -> String {
        if self.target.has(Quirk::ToolIdsOfNine) { IDS_OF_NINE.fit(id) } else { IDS.fit(id) }
    }

    fn name(&mut self, turn: &'a Turn) -> Option<&'a str> {
        let name = turn.name.as_deref()?;
        if self.target.has(Quirk::NoMessageName) {
            Dropped::note(self.dropped, "messages[].name");
            return None;
        }
        Some(name)
    }

    fn mark(&self, mark: Option<CacheMark>) -> Option<Value> {
        let mark = mark.filter(|_| self.target.has(Quirk::CacheMarks))?;
        Some(if mark.one_hour { json!({"type": "ephemeral", "ttl": "1h"}) } else { json!({"type": "ephemeral"}) })
    }

    fn text(&self, text: &Text) -> Piece<'a> {
        Piece::Text { text: text.text.clone(), cache_control: self.mark(text.cache) }
    }

    /// Content in its plainest form: one text is a string; where lists are refused, all texts are one.
    fn content(&self, pieces: Vec<Piece<'a>>) -> Content<'a> {
        let plain = |piece: &Piece<'_>| matches!(piece, Piece::Text { cache_control: None, .. });
        let joined = self.target.has(Quirk::StringContentOnly) || pieces.len() == 1;
        if !joined || !pieces.iter().all(plain) {
            return Content::Parts(pieces);
        }
        Content::Text(texts(pieces).join("\n\n"))
    }

    fn medium(&mut self, medium: &'a Media) -> Result<Piece<'a>, Unsayable> {
        let unsayable = |what: &str| Err(Unsayable { what: what.to_owned(), param: Some("messages") });
        let cache_control = self.mark(medium.cache);
        match (medium.kind, &medium.source) {
            (MediaKind::Image, source) => {
                let url = match source {
                    Source::Inline { mime, data } => Address::Data { mime: if mime.is_empty() { "image/png" } else { mime }, data },
                    Source::Url { url, .. } => Address::Url(url),
                    Source::FileId(_) | Source::Text(_) => return unsayable("this provider takes no pictures by the id of a file"),
                };
                Ok(Piece::ImageUrl { image_url: Picture { url, detail: medium.detail.as_deref() }, cache_control })
            }
            (MediaKind::Video, source) if self.target.has(Quirk::VideoParts) => {
                let url = match source {
                    Source::Inline { mime, data } => Address::Data { mime: if mime.is_empty() { "video/mp4" } else { mime }, data },
                    Source::Url { url, .. } => Address::Url(url),
                    Source::FileId(_) | Source::Text(_) => return unsayable("this provider takes no films by the id of a file"),
                };
                Ok(Piece::VideoUrl { video_url: Picture { url, detail: None } })
            }
            (MediaKind::Video, _) => unsayable("this provider takes no films"),
            (MediaKind::Audio, Source::Inline { mime, data }) => {
                let format = match mime.rsplit('/').next().unwrap_or_default() {
                    "mpeg" | "mp3" | "mpga" => "mp3",
                    "" | "x-wav" | "wave" | "vnd.wave" => "wav",
                    other => other,
                };
                Ok(Piece::InputAudio { input_audio: Sound { data, format } })
            }
            (MediaKind::Audio, _) => unsayable("this provider takes sounds only in the request itself"),
            (MediaKind::Document, source) => self.document(medium, source),
        }
    }

    fn document(&mut self, medium: &'a Media, source: &'a Source) -> Result<Piece<'a>, Unsayable> {
        let unsayable = |what: &str| Err(Unsayable { what: what.to_owned(), param: Some("messages") });
        if medium.citations {
            Dropped::note(self.dropped, "messages[].content[].citations");
        }
        let titled = |text: &str| {
            let heads = [medium.name.as_deref(), medium.context.as_deref()];
            let lines: Vec<&str> = heads.into_iter().flatten().chain([text]).collect();
            Piece::Text { text: lines.join("\n\n"), cache_control: self.mark(medium.cache) }
        };
        let file = |file_data, file_id| Piece::File { file: File { filename: medium.name.as_deref(), file_data, file_id } };
        match source {
            Source::Text(text) => Ok(titled(text)),
            Source::Inline { mime, data } if mime.starts_with("text/") => {
                match media::decode_base64(data).and_then(|bytes| String::from_utf8(bytes).ok()) {
                    Some(text) => Ok(titled(&text)),
                    None => unsayable("a document of text that is not readable as text"),
                }
            }
            Source::Inline { mime, data } => {
                let mime = if mime.is_empty() { "application/pdf" } else { mime.as_str() };
                let piece = File {
                    filename: Some(medium.name.as_deref().unwrap_or("document.pdf")),
                    file_data: Some(Address::Data { mime, data }),
                    file_id: None,
                };
                Ok(Piece::File { file: piece })
            }
            // Ids of OpenAI's own files look like this; anyone else's mean nothing here.
            Source::FileId(id) if id.starts_with("file-") => Ok(file(None, Some(id.as_str()))),
            Source::FileId(_) => unsayable("this provider does not know files of another"),
            Source::Url { .. } => unsayable("this provider takes documents only in the request itself"),
        }
    }

    /// Puts the messages into the order that the vendor wants.
    fn arrange(&mut self) {
        if self.target.has(Quirk::AlternatingRoles) {
            let mut merged: Vec<Message<'a>> = Vec::with_capacity(self.list.len());
            for message in self.list.drain(..) {
                match merged.last_mut() {
                    Some(last) if last.role == message.role && matches!(message.role, "user" | "assistant") => merge(last, message),
                    _ => merged.push(message),
                }
            }
            self.list = merged;
        }
        let Some(last) = self.list.last_mut().filter(|last| last.role == "assistant" && last.tool_calls.is_empty()) else { return };
        if self.target.has(Quirk::AssistantPrefix) {
            last.prefix = Some(true);
        } else if self.target.has(Quirk::LastMessageFromUser) {
            let content = Some(Content::Text(String::from(GO_ON)));
            self.list.push(Message { role: "user", content, ..Message::default() });
        }
    }
}

/// Joins a message to the one before it, of the same role.
fn merge<'a>(into: &mut Message<'a>, mut from: Message<'a>) {
    into.tool_calls.append(&mut from.tool_calls);
    into.reasoning_details.append(&mut from.reasoning_details);
    into.reasoning_content = into.reasoning_content.take().or(from.reasoning_content);
    into.content = match (into.content.take(), from.content) {
        (Some(Content::Text(mut one)), Some(Content::Text(other))) => {
            one.push_str("\n\n");
            one.push_str(&other);
            Some(Content::Text(one))
        }
        (Some(one), Some(other)) => {
            let mut pieces = pieces(one);
            pieces.extend(self::pieces(other));
            Some(Content::Parts(pieces))
        }
        (one, other) => one.or(other),
    };
}

fn pieces(content: Content<'_>) -> Vec<Piece<'_>> {
    match content {
        Content::Text(text) => vec![Piece::Text { text, cache_control: None }],
        Content::Parts(pieces) => pieces,
    }
}

fn texts(pieces: Vec<Piece<'_>>) -> Vec<String> {
    pieces.into_iter().filter_map(|piece| if let Piece::Text { text, .. } = piece { Some(text) } else { None }).collect()
}

/// The text of a tool of free text, as arguments; text that was wrapped already stays.
fn wrapped(text: &str) -> String {
    if free_text::is_wrapped(text) { text.to_owned() } else { json!({ "input": text }).to_string() }
}

/// Thoughts with their marks, as aggregators of vendors take them back.
fn details(parts: &[Part]) -> Vec<Value> {
    let mut list = Vec::new();
    for part in parts {
        let index = list.len();
        let format = |origin| match origin {
            Origin::Anthropic => "anthropic-claude-v1",
            Origin::Gemini => "google-gemini-v1",
            Origin::OpenAi => "openai-responses-v1",
            Origin::Bedrock | Origin::Nobody => "unknown",
        };
        match part {
            Part::Thinking(thinking) => {
                let mark = thinking.signature.as_ref().filter(|mark| !matches!(mark.origin, Origin::Nobody | Origin::Bedrock));
                let mut detail = json!({"type": "reasoning.text", "text": thinking.text, "format": mark.map_or("unknown", |mark| format(mark.origin)), "index": index});
                if let (Some(mark), Some(map)) = (mark, detail.as_object_mut()) {
                    map.insert(String::from("signature"), Value::from(mark.value.clone()));
                }
                list.push(detail);
            }
            Part::Redacted(mark) if !matches!(mark.origin, Origin::Nobody | Origin::Bedrock) => {
                list.push(json!({"type": "reasoning.encrypted", "data": mark.value, "format": format(mark.origin), "index": index}));
            }
            _ => {}
        }
    }
    list
}

#[cfg(test)]
mod tests;
