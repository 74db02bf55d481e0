//! A message, as an item: pieces of text (with sources and log-probabilities) and of refusal.

use serde_json::{Value, json};

use super::super::frames::{Body, Frames};
use crate::neutral::Citation;

/// A message that is being told.
#[derive(Debug, Default)]
pub(super) struct Message {
    id: String,
    output_index: usize,
    done: Vec<Value>,
    open: Option<Piece>,
    /// Characters of the answer's text before this message.
    base: u64,
    /// Characters of the text of this message.
    chars: u64,
    early: Vec<Citation>,
    holds: bool,
    held: Option<String>,
}

#[derive(Debug)]
enum Piece {
    Text(Words),
    Refusal(String),
}

#[derive(Debug, Default)]
struct Words {
    text: String,
    chars: u64,
    /// Characters of the answer's text before this piece.
    before: u64,
    annotations: Vec<Value>,
    logprobs: Vec<Value>,
    /// The first character since the last citation: where the next one begins if it does not say.
    from: u64,
    cited: bool,
}

impl Message {
    pub(super) fn begin(id: String, output_index: usize, base: u64, early: Vec<Citation>, holds: bool) -> Self {
        Self { id, output_index, base, early, holds, ..Self::default() }
    }

    /// The item when nothing has been said yet.
    pub(super) fn beginning(&self) -> Value {
        json!({"id": self.id, "type": "message", "status": "in_progress", "content": [], "role": "assistant"})
    }

    /// The item when all has been said.
    pub(super) fn item(self, cut: bool) -> Value {
        let status = if cut { "incomplete" } else { "completed" };
        json!({"id": self.id, "type": "message", "status": status, "content": self.done, "role": "assistant"})
    }

    /// Characters of text.
    pub(super) const fn chars(&self) -> u64 {
        self.chars
    }

    pub(super) const fn has_text(&self) -> bool {
        matches!(self.open, Some(Piece::Text(_)))
    }

    pub(super) fn text(&mut self, text: String, frames: &mut Frames<'_>) {
        if !self.has_text() {
            self.end_piece(frames);
            self.open = Some(Piece::Text(Words { before: self.base.saturating_add(self.chars), ..Words::default() }));
            self.part("response.content_part.added", &words_part("", &[], &[]), frames);
        }
        self.flush(frames);
        let Some(Piece::Text(words)) = &mut self.open else { return };
        if std::mem::take(&mut words.cited) {
            words.from = words.chars;
        }
        let chars = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        words.chars = words.chars.saturating_add(chars);
        self.chars = self.chars.saturating_add(chars);
        words.text.push_str(&text);
        if self.holds {
            self.held = Some(text);
        } else {
            self.delta(&text, &[], frames);
        }
        for citation in std::mem::take(&mut self.early) {
            self.cite(&citation, frames);
        }
    }

    /// Tells words that waited for their log-probabilities.
    pub(super) fn flush(&mut self, frames: &mut Frames<'_>) {
        if let Some(text) = self.held.take() {
            self.delta(&text, &[], frames);
        }
    }

    /// Log-probabilities of the words before, in the form of chat completions.
    pub(super) fn logprobs(&mut self, value: Value, frames: &mut Frames<'_>) {
        let tokens = match value {
            Value::Object(mut kinds) => kinds.remove("content"),
            _ => None,
        };
        let Some(Value::Array(mut tokens)) = tokens else { return };
        tokens.iter_mut().for_each(complete_token);
        if let Some(text) = self.held.take() {
            self.delta(&text, &tokens, frames);
        }
        if let Some(Piece::Text(words)) = &mut self.open {
            words.logprobs.append(&mut tokens);
        }
    }

    /// A source of the words before, or of those that it names.
    pub(super) fn cite(&mut self, citation: &Citation, frames: &mut Frames<'_>) {
        self.flush(frames);
        let content_index = self.done.len();
        let Some(Piece::Text(words)) = &mut self.open else { return };
        let within = |at: Option<u64>, otherwise: u64| at.map_or(otherwise, |at| at.saturating_sub(words.before));
        let (start, end) = (within(citation.start, words.from), within(citation.end, words.chars));
        words.cited = true;
        let annotation = if citation.url.is_empty() {
            // A document of the request: it has a title, but no id here.
            json!({"type": "file_citation", "file_id": "", "filename": citation.title, "index": end})
        } else {
            json!({"type": "url_citation", "start_index": start, "end_index": end, "title": citation.title, "url": citation.url})
        };
        let body = Body {
            item_id: Some(&self.id),
            output_index: self.output_index,
            content_index: Some(content_index),
            annotation_index: Some(words.annotations.len()),
            annotation: Some(&annotation),
            ..Body::default()
        };
        frames.put("response.output_text.annotation.added", body);
        words.annotations.push(annotation);
    }

    pub(super) fn refusal(&mut self, text: &str, frames: &mut Frames<'_>) {
        if !matches!(self.open, Some(Piece::Refusal(_))) {
            self.end_piece(frames);
            self.open = Some(Piece::Refusal(String::new()));
            self.part("response.content_part.added", &json!({"type": "refusal", "refusal": ""}), frames);
        }
        if let Some(Piece::Refusal(all)) = &mut self.open {
            all.push_str(text);
        }
        frames.put("response.refusal.delta", Body { delta: Some(text), ..self.at() });
    }

    /// Ends the open piece, if any.
    pub(super) fn end_piece(&mut self, frames: &mut Frames<'_>) {
        self.flush(frames);
        let part = match self.open.take() {
            None => return,
            Some(Piece::Text(words)) => {
                let body = Body { text: Some(&words.text), logprobs: Some(&words.logprobs), ..self.at() };
                frames.put("response.output_text.done", body);
                words_part(&words.text, &words.annotations, &words.logprobs)
            }
            Some(Piece::Refusal(text)) => {
                frames.put("response.refusal.done", Body { refusal: Some(&text), ..self.at() });
                json!({"type": "refusal", "refusal": text})
            }
        };
        self.part("response.content_part.done", &part, frames);
        self.done.push(part);
    }

    fn delta(&self, text: &str, logprobs: &[Value], frames: &mut Frames<'_>) {
        frames.put("response.output_text.delta", Body { delta: Some(text), logprobs: Some(logprobs), ..self.at() });
    }

    fn part(&self, event: &'static str, part: &Value, frames: &mut Frames<'_>) {
        frames.put(event, Body { part: Some(part), ..self.at() });
    }

    fn at(&self) -> Body<'_> {
        Body { item_id: Some(&self.id), output_index: self.output_index, content_index: Some(self.done.len()), ..Body::default() }
    }
}

fn words_part(text: &str, annotations: &[Value], logprobs: &[Value]) -> Value {
    json!({"type": "output_text", "annotations": annotations, "logprobs": logprobs, "text": text})
}

/// Responses want the bytes of each token, and its alternatives, where chat completions may leave them out.
fn complete_token(token: &mut Value) {
    complete_bytes(token);
    let Value::Object(members) = token else { return };
    match members.entry("top_logprobs").or_insert_with(|| json!([])) {
        Value::Array(others) => others.iter_mut().for_each(complete_bytes),
        odd => *odd = json!([]),
    }
}

fn complete_bytes(token: &mut Value) {
    if let Value::Object(members) = token
        && members.get("bytes").is_none_or(Value::is_null)
    {
        let bytes: Vec<u8> = members.get("token").and_then(Value::as_str).unwrap_or_default().bytes().collect();
        members.insert(String::from("bytes"), json!(bytes));
    }
}
