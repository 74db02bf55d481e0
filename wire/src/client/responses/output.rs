//! Builds the items of an answer from its events, one after the other, and tells each step in frames.
//!
//! Source: the order of events in recorded streams; `lib/streaming/responses` of the OpenAI SDK, which accumulates them.

use serde_json::{Value, json};

use super::frames::{Body, Frames};
use super::toolbox::Toolbox;
use crate::neutral::{Citation, Event, Foreign, Media, MediaKind, Origin, Signature, Source, Stop, ids};

mod call;
mod message;

use call::Call;
use message::Message;

/// The items of one answer.
#[derive(Debug)]
pub(super) struct Output {
    call: String,
    toolbox: Toolbox,
    /// Words wait for their log-probabilities, which come after them.
    holds: bool,
    done: Vec<Value>,
    open: Option<Open>,
    /// Characters of the answer's text in messages that are done: citations count within the whole text.
    chars: u64,
    /// Citations of words that are still to come.
    early: Vec<Citation>,
    /// A vendor's mark on the words of the open message.
    mark: Option<Signature>,
}

/// The item that is being told.
#[derive(Debug)]
enum Open {
    Reasoning { id: String, text: Option<String> },
    Message(Message),
    Call(Call),
}

impl Output {
    pub(super) const fn new(call: String, toolbox: Toolbox, holds: bool) -> Self {
        Self { call, toolbox, holds, done: Vec::new(), open: None, chars: 0, early: Vec::new(), mark: None }
    }

    /// The items that are done.
    pub(super) fn items(&self) -> &[Value] {
        &self.done
    }

    /// Characters of the answer's text so far.
    pub(super) const fn chars(&self) -> u64 {
        match &self.open {
            Some(Open::Message(message)) => self.chars.saturating_add(message.chars()),
            _ => self.chars,
        }
    }

    /// Takes one event of the answer. Its beginning, usage and end are for others.
    pub(super) fn take(&mut self, event: Event, frames: &mut Frames<'_>) {
        match event {
            Event::Text { choice: 0, text } => self.in_message(frames, |message, frames| message.text(text, frames)),
            Event::Refusal { choice: 0, text } => self.in_message(frames, |message, frames| message.refusal(&text, frames)),
            Event::Logprobs { choice: 0, value } => {
                if let Some(Open::Message(message)) = &mut self.open {
                    message.logprobs(value, frames);
                }
            }
            Event::Cited { choice: 0, citation } => match &mut self.open {
                Some(Open::Message(message)) if message.has_text() => message.cite(&citation, frames),
                _ => self.early.push(citation),
            },
            Event::Thinking { choice: 0, text } => self.think(&text, frames),
            Event::ThinkingSigned { choice: 0, signature } => self.sign(&signature, frames),
            Event::Redacted { choice: 0, signature } => self.hide(&signature, frames),
            Event::TextSigned { choice: 0, signature } => match &self.open {
                Some(Open::Message(_)) => self.mark = Some(signature),
                _ => self.hide(&signature, frames),
            },
            Event::CallBegin { choice: 0, call, id, name, signature } => {
                self.close(false, frames);
                let id = if id.is_empty() { format!("call_{}_{call}", self.call.get(..24).unwrap_or(&self.call)) } else { id };
                let known = self.toolbox.known(&name);
                let item_id = self.id(if known.free_text { "ctc" } else { "fc" });
                let call = Call::begin(call, item_id, ids::join(&id, signature.as_ref()), known);
                call.added(self.done.len(), frames);
                self.open = Some(Open::Call(call));
            }
            Event::CallArguments { choice: 0, call, fragment } => {
                if let Some(Open::Call(open)) = &mut self.open
                    && open.is(call)
                {
                    open.arguments(&fragment, self.done.len(), frames);
                }
            }
            Event::CallEnd { choice: 0, call } => {
                if matches!(&self.open, Some(Open::Call(open)) if open.is(call)) {
                    self.close(false, frames);
                }
            }
            Event::Media { choice: 0, media } => self.media(media, frames),
            Event::Foreign { choice: 0, part } => self.foreign(&part, frames),
            Event::Stop { choice: 0, reason, .. } => self.close(matches!(reason, Stop::Length | Stop::Context | Stop::Filter), frames),
            // Other choices have no place in a response.
            _ => {}
        }
    }

    /// Tells what is held back.
    pub(super) fn flush(&mut self, frames: &mut Frames<'_>) {
        if let Some(Open::Message(message)) = &mut self.open {
            message.flush(frames);
        }
    }

    /// Ends the item that is being told, if any. `cut`: it is not whole.
    pub(super) fn close(&mut self, cut: bool, frames: &mut Frames<'_>) {
        self.close_signed(cut, None, frames);
    }

    fn close_signed(&mut self, cut: bool, signature: Option<&Signature>, frames: &mut Frames<'_>) {
        let at = self.done.len();
        let item = match self.open.take() {
            None => return,
            Some(Open::Reasoning { id, text }) => end_reasoning(id, text, signature, at, frames),
            Some(Open::Message(mut message)) => {
                message.end_piece(frames);
                self.chars = self.chars.saturating_add(message.chars());
                message.item(cut)
            }
            Some(Open::Call(call)) => call.end(at, frames),
        };
        self.push(item, frames);
        if let Some(mark) = self.mark.take() {
            self.hide(&mark, frames);
        }
    }

    /// Something that only its vendor can read: thoughts without words, or the mark on the message before. A client sends it back.
    fn hide(&mut self, signature: &Signature, frames: &mut Frames<'_>) {
        if signature.origin != Origin::Nobody {
            let id = self.begin_reasoning(frames);
            self.open = Some(Open::Reasoning { id, text: None });
            self.close_signed(false, Some(signature), frames);
        }
    }

    fn added(&self, item: &Value, frames: &mut Frames<'_>) {
        frames.put("response.output_item.added", Body { output_index: self.done.len(), item: Some(item), ..Body::default() });
    }

    fn push(&mut self, item: Value, frames: &mut Frames<'_>) {
        frames.put("response.output_item.done", Body { output_index: self.done.len(), item: Some(&item), ..Body::default() });
        self.done.push(item);
    }

    /// An id for the next item: the same for the same call, and unlike any other.
    fn id(&self, prefix: &str) -> String {
        format!("{prefix}_{}{:04x}", self.call, self.done.len())
    }

    /// Says something in the message that is being told, begun if there is none.
    fn in_message(&mut self, frames: &mut Frames<'_>, say: impl FnOnce(&mut Message, &mut Frames<'_>)) {
        if self.mark.is_some() {
            // A mark is on the words before it, not on those that follow.
            self.close(false, frames);
        }
        let mut message = match self.open.take() {
            Some(Open::Message(message)) => message,
            other => {
                self.open = other;
                self.close(false, frames);
                let early = std::mem::take(&mut self.early);
                let message = Message::begin(self.id("msg"), self.done.len(), self.chars, early, self.holds);
                self.added(&message.beginning(), frames);
                message
            }
        };
        say(&mut message, frames);
        self.open = Some(Open::Message(message));
    }

    fn begin_reasoning(&mut self, frames: &mut Frames<'_>) -> String {
        self.close(false, frames);
        let id = self.id("rs");
        self.added(&json!({"id": id, "type": "reasoning", "summary": []}), frames);
        id
    }

    fn think(&mut self, text: &str, frames: &mut Frames<'_>) {
        let output_index = self.done.len();
        if !matches!(self.open, Some(Open::Reasoning { .. })) {
            let id = self.begin_reasoning(frames);
            let part = json!({"type": "summary_text", "text": ""});
            let body = Body { item_id: Some(&id), summary_index: Some(0), part: Some(&part), ..Body::default() };
            frames.put("response.reasoning_summary_part.added", Body { output_index: self.done.len(), ..body });
            self.open = Some(Open::Reasoning { id, text: Some(String::new()) });
            return self.think(text, frames);
        }
        if let Some(Open::Reasoning { id, text: Some(all) }) = &mut self.open
            && !text.is_empty()
        {
            all.push_str(text);
            let body = Body { item_id: Some(id), output_index, summary_index: Some(0), delta: Some(text), ..Body::default() };
            frames.put("response.reasoning_summary_text.delta", body);
        }
    }

    /// Thoughts that were hidden but signed have an empty summary, those that only their vendor can read have none: so they can
    /// be told apart when they come back.
    fn sign(&mut self, signature: &Signature, frames: &mut Frames<'_>) {
        if !matches!(self.open, Some(Open::Reasoning { .. })) {
            self.think("", frames);
        }
        self.close_signed(false, Some(signature), frames);
    }

    fn media(&mut self, media: Media, frames: &mut Frames<'_>) {
        match media.source {
            Source::Inline { mime, data } if media.kind == MediaKind::Image => {
                self.close(false, frames);
                // The picture's mark travels in the id, which clients send back.
                let id = ids::join(&self.id("ig"), media.signature.as_ref());
                self.added(&json!({"id": id, "type": "image_generation_call", "status": "in_progress", "result": null}), frames);
                self.steps(&id, &IMAGE_STEPS, frames);
                let format = mime.strip_prefix("image/").unwrap_or("png");
                let mut item = json!({"id": id, "type": "image_generation_call", "status": "completed", "output_format": format});
                if let Value::Object(item) = &mut item {
                    item.insert(String::from("result"), Value::String(data));
                }
                self.push(item, frames);
            }
            Source::Url { url, .. } => {
                let text = if media.kind == MediaKind::Image { format!("![]({url})") } else { url };
                self.in_message(frames, |message, frames| message.text(text, frames));
            }
            // Responses have no place for sounds and files.
            _ => {}
        }
    }

    /// A search that the vendor ran is one here too; nothing else that vendors run has a counterpart.
    fn foreign(&mut self, part: &Foreign, frames: &mut Frames<'_>) {
        let is_search = part.origin == Origin::Anthropic
            && part.kind == "server_tool_use"
            && part.value.get("name").is_some_and(|name| name == "web_search");
        if !is_search {
            return;
        }
        self.close(false, frames);
        let id = self.id("ws");
        let query = part.value.pointer("/input/query").and_then(Value::as_str).unwrap_or_default();
        let item = |status: &str| json!({"id": id, "type": "web_search_call", "status": status, "action": {"type": "search", "query": query, "queries": [query]}});
        self.added(&item("in_progress"), frames);
        self.steps(&id, &SEARCH_STEPS, frames);
        self.push(item("completed"), frames);
    }

    fn steps(&self, id: &str, steps: &[&'static str], frames: &mut Frames<'_>) {
        for step in steps {
            frames.put(step, Body { item_id: Some(id), output_index: self.done.len(), ..Body::default() });
        }
    }
}

const IMAGE_STEPS: [&str; 3] =
    ["response.image_generation_call.in_progress", "response.image_generation_call.generating", "response.image_generation_call.completed"];

const SEARCH_STEPS: [&str; 3] =
    ["response.web_search_call.in_progress", "response.web_search_call.searching", "response.web_search_call.completed"];

fn end_reasoning(id: String, text: Option<String>, signature: Option<&Signature>, output_index: usize, frames: &mut Frames<'_>) -> Value {
    let mut summary = Vec::new();
    if let Some(text) = text {
        let at = || Body { item_id: Some(&id), output_index, summary_index: Some(0), ..Body::default() };
        frames.put("response.reasoning_summary_text.done", Body { text: Some(&text), ..at() });
        let part = json!({"type": "summary_text", "text": text});
        frames.put("response.reasoning_summary_part.done", Body { part: Some(&part), ..at() });
        summary.push(part);
    }
    let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
    if let (Value::Object(item), Some(signature)) = (&mut item, signature.filter(|mark| mark.origin != Origin::Nobody)) {
        item.insert(String::from("encrypted_content"), Value::String(signature.write_in(Origin::OpenAi)));
    }
    item
}
