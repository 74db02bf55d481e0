//! Reads the chunks of an answer, and with the same rules a whole answer. Source: protocol specification §1.3 and §4.3.
//!
//! What ends an answer (its reason, its last words, its sources) is kept until the end mark, because some servers repeat the
//! reason, or send words after it.

use std::borrow::Cow;

use serde::Deserialize as _;
use serde_json::Value;

use crate::answer::NotProtocol;
use crate::neutral::media::{self, Media, MediaKind, Source};
use crate::neutral::signature::{Origin, Signature};
use crate::neutral::{Citation, Event, Stop};
use crate::upstream::{EventReader, Frame, Said};

use super::calls::{Calls, thought_signature};
use super::delta::{ChoiceChunk, Chunk, Delta, Loose};
use super::think::{Bit, ThinkTags};

/// Answers at once that are read; OpenAI allows 128.
const CHOICES: usize = 128;

/// Reads one stream.
#[derive(Debug)]
pub(super) struct Reader {
    said: Said,
    begun: bool,
    ended: bool,
    choices: Vec<State>,
    sources: Vec<Citation>,
}

#[derive(Debug, Default)]
struct State {
    index: u32,
    think: Option<ThinkTags>,
    calls: Calls,
    /// A delta has come: a whole message beside or after it repeats it.
    deltas: bool,
    /// Thoughts came as plain text since the last mark.
    thought: bool,
    /// Sound that comes in pieces of base64.
    audio: String,
    stop: Option<(Stop, Option<String>)>,
}

impl Reader {
    pub(super) fn new(said: &Said) -> Self {
        Self { said: said.clone(), begun: false, ended: false, choices: Vec::new(), sources: Vec::new() }
    }

    /// Takes a chunk, or a whole answer.
    pub(super) fn chunk(&mut self, chunk: Chunk<'_>, out: &mut Vec<Event>) {
        // The first chunk of some servers has neither id nor model nor choices, only remarks about the prompt.
        let choices = chunk.choices.map(|choices| choices.0).unwrap_or_default();
        if !self.begun && (!choices.is_empty() || chunk.id.text().is_some()) {
            self.begun = true;
            out.push(Event::Begin { id: chunk.id.into_text(), model: chunk.model.into_text() });
        }
        if let Some(sources) = sources(chunk.search_results.as_ref(), chunk.citations.as_ref()) {
            self.sources = sources;
        }
        for choice in choices {
            self.choice(choice, out);
        }
    }

    /// The end mark has come, or stands for it: what was kept is told.
    pub(super) fn finish(&mut self, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        for (at, state) in self.choices.iter_mut().enumerate() {
            let sources = if at == 0 { std::mem::take(&mut self.sources) } else { Vec::new() };
            state.finish(sources, out);
        }
    }

    fn choice(&mut self, mut chunk: ChoiceChunk<'_>, out: &mut Vec<Event>) {
        let index = chunk.index.0.unwrap_or(0);
        let at = match self.choices.iter().position(|state| state.index == index) {
            Some(at) => at,
            None if self.choices.len() < CHOICES => {
                let think = self.said.think_tags.then(ThinkTags::default);
                self.choices.push(State { index, think, ..State::default() });
                self.choices.len() - 1
            }
            None => return,
        };
        let Some(state) = self.choices.get_mut(at) else { return };
        let delta = match (chunk.delta.take(), chunk.message.take()) {
            (Some(delta), _) => {
                state.deltas = true;
                Some(delta)
            }
            (None, Some(_)) if state.deltas => None,
            (None, message) => message.map(|message| *message),
        };
        if let Some(delta) = delta {
            state.delta(delta, &self.said, out);
        }
        if let Some(value) =
            chunk.logprobs.filter(|value| ["content", "refusal"].iter().any(|key| value.get(key).is_some_and(Value::is_array)))
        {
            out.push(Event::Logprobs { choice: index, value });
        }
        if let Some(reason) = chunk.finish_reason.text() {
            let stop = stop_of(reason);
            let sequence = chunk.stop_reason.text().filter(|text| stop == Stop::Done && !is_reason(text)).map(str::to_owned);
            let stop = if sequence.is_some() { Stop::Sequence } else { stop };
            state.stop = Some((stop, sequence));
        }
    }
}

impl State {
    fn delta(&mut self, delta: Delta<'_>, said: &Said, out: &mut Vec<Event>) {
        let choice = self.index;
        let details = delta.reasoning_details.or(delta.thinking_blocks);
        self.thoughts(delta.reasoning_content, delta.reasoning, details.as_ref(), out);
        let mark = delta.extra_content.as_ref().and_then(thought_signature);
        match delta.content {
            Loose::None => {}
            Loose::Text(text) => self.text(text, out),
            Loose::Other(Value::Array(parts)) => self.parts(parts, out),
            // Some servers parse an answer in JSON before they send it.
            Loose::Other(value @ Value::Object(_)) => self.text(Cow::Owned(value.to_string()), out),
            Loose::Other(_) => {}
        }
        if let Loose::Text(text) = delta.refusal
            && !text.is_empty()
        {
            out.push(Event::Refusal { choice, text: text.into_owned() });
        }
        for citation in delta.annotations.iter().flat_map(citations) {
            out.push(Event::Cited { choice, citation });
        }
        for media in delta.images.iter().filter_map(Value::as_array).flatten().filter_map(image) {
            out.push(Event::Media { choice, media });
        }
        if let Some(audio) = &delta.audio {
            if let Some(words) = audio.get("transcript").and_then(Value::as_str).filter(|words| !words.is_empty()) {
                out.push(Event::Text { choice, text: words.to_owned() });
            }
            self.audio.push_str(audio.get("data").and_then(Value::as_str).unwrap_or_default());
        }
        let mut calls = delta.tool_calls.map(|calls| calls.0).unwrap_or_default();
        match (mark, calls.first_mut()) {
            (Some(_), Some(first)) if first.extra_content.is_none() => first.extra_content = delta.extra_content,
            (Some(signature), None) => out.push(Event::TextSigned { choice, signature }),
            _ => {}
        }
        if !calls.is_empty() {
            self.flush(out);
            self.calls.take(choice, calls, said, out);
        } else if let Some(function) = delta.function_call {
            self.calls.take_function(choice, function, said, out);
        }
    }

    /// The thoughts of a delta. Many servers say them twice, as text and in detail: then the details count, as their marks belong
    /// to them. A mark that comes after the text of its thoughts may repeat that text.
    fn thoughts(&mut self, content: Loose<'_>, field: Loose<'_>, details: Option<&Value>, out: &mut Vec<Event>) {
        let choice = self.index;
        let details = details.and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
        if !details.iter().any(|detail| detail_words(detail).is_some()) {
            let text = match (content, field) {
                (Loose::Text(text), _) | (_, Loose::Text(text)) if !text.is_empty() => Some(text.into_owned()),
                _ => None,
            };
            self.thought |= text.is_some();
            out.extend(text.map(|text| Event::Thinking { choice, text }));
        }
        for detail in details {
            let mark = detail_string(detail, "signature");
            let repeated = mark.is_some() && self.thought;
            if let Some(text) = detail_words(detail).filter(|_| !repeated) {
                out.push(Event::Thinking { choice, text: text.to_owned() });
            }
            let origin = origin_of(detail_string(detail, "format"));
            if let Some(mark) = mark {
                self.thought = false;
                out.push(Event::ThinkingSigned { choice, signature: Signature::read_in(origin, mark) });
            } else if let Some(mark) = detail_string(detail, "data") {
                out.push(Event::Redacted { choice, signature: Signature::read_in(origin, mark) });
            }
        }
    }

    fn text(&mut self, text: Cow<'_, str>, out: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        let Some(think) = &mut self.think else {
            out.push(Event::Text { choice: self.index, text: text.into_owned() });
            return;
        };
        let mut bits = Vec::new();
        think.feed(&text, &mut bits);
        tell(self.index, bits, out);
    }

    /// What the tags hold back is told before something else.
    fn flush(&mut self, out: &mut Vec<Event>) {
        if let Some(think) = &mut self.think {
            let mut bits = Vec::new();
            think.finish(&mut bits);
            tell(self.index, bits, out);
        }
    }

    fn parts(&mut self, parts: Vec<Value>, out: &mut Vec<Event>) {
        let choice = self.index;
        for part in parts {
            match part.get("type").and_then(Value::as_str).unwrap_or("text") {
                "thinking" => {
                    if let Some(text) = part.get("thinking").map(words).filter(|text| !text.is_empty()) {
                        out.push(Event::Thinking { choice, text });
                    }
                    if let Some(mark) = part.get("signature").and_then(Value::as_str).filter(|mark| !mark.is_empty()) {
                        out.push(Event::ThinkingSigned { choice, signature: Signature::new(Origin::Anthropic, mark) });
                    }
                }
                "image_url" => out.extend(image(&part).map(|media| Event::Media { choice, media })),
                "refusal" => {
                    if let Some(text) = part.get("refusal").and_then(Value::as_str).filter(|text| !text.is_empty()) {
                        out.push(Event::Refusal { choice, text: text.to_owned() });
                    }
                }
                "text" | "output_text" => {
                    let text = part.as_str().map(str::to_owned).or_else(|| part.get("text").map(words)).unwrap_or_default();
                    self.text(Cow::Owned(text), out);
                }
                _ => {}
            }
        }
    }

    fn finish(&mut self, sources: Vec<Citation>, out: &mut Vec<Event>) {
        let choice = self.index;
        self.flush(out);
        out.extend(sources.into_iter().map(|citation| Event::Cited { choice, citation }));
        let data = std::mem::take(&mut self.audio);
        if !data.is_empty() {
            let media = Media::new(MediaKind::Audio, Source::Inline { mime: String::from("audio/wav"), data });
            out.push(Event::Media { choice, media });
        }
        self.calls.finish(choice, out);
        let (reason, sequence) = self.stop.take().unwrap_or_default();
        out.push(Event::Stop { choice, reason, sequence });
    }
}

impl EventReader for Reader {
    fn read(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), NotProtocol> {
        let data = frame.data.trim_ascii();
        if data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            if !self.ended {
                self.finish(out);
                out.push(Event::End);
            }
            return Ok(());
        }
        if let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(data) {
            self.chunk(chunk, out);
            return Ok(());
        }
        // Members said twice, or of quite another shape.
        let value: Value = serde_json::from_slice(data).map_err(|_| NotProtocol { what: "broken json in a stream" })?;
        if let Ok(chunk) = Chunk::deserialize(&value) {
            self.chunk(chunk, out);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        // Without an end mark an answer is complete when the reason why it ended was said.
        if !self.ended && !self.choices.is_empty() && self.choices.iter().all(|state| state.stop.is_some()) {
            self.finish(out);
            out.push(Event::End);
        }
    }
}

fn tell(choice: u32, bits: Vec<Bit>, out: &mut Vec<Event>) {
    out.extend(bits.into_iter().map(|bit| match bit {
        Bit::Text(text) => Event::Text { choice, text },
        Bit::Thinking(text) => Event::Thinking { choice, text },
    }));
}

fn detail_string<'v>(detail: &'v Value, key: &str) -> Option<&'v str> {
    detail.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The thoughts in an entry of `reasoning_details` or `thinking_blocks`.
fn detail_words(detail: &Value) -> Option<&str> {
    ["text", "summary", "thinking"].into_iter().find_map(|key| detail_string(detail, key))
}

/// Whose marks a detail's `format` speaks of: `anthropic-claude-v1`, `google-gemini-v1`, `openai-responses-v1`.
fn origin_of(format: Option<&str>) -> Origin {
    match format {
        Some(format) if format.starts_with("google") => Origin::Gemini,
        Some(format) if format.starts_with("anthropic") => Origin::Anthropic,
        Some(_) => Origin::OpenAi,
        None => Origin::Anthropic,
    }
}

/// Text, or a list of parts of text.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(|part| part.get("text").unwrap_or(part)).filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

fn image(value: &Value) -> Option<Media> {
    let address = value.get("image_url").unwrap_or(value);
    let url = address.as_str().or_else(|| address.get("url").and_then(Value::as_str))?;
    let source = match media::read_data_url(url) {
        Some((mime, data)) => Source::Inline { mime, data },
        None if url.is_empty() => return None,
        None => Source::Url { mime: None, url: url.to_owned() },
    };
    Some(Media::new(MediaKind::Image, source))
}

fn citations(annotations: &Value) -> Vec<Citation> {
    annotations.as_array().into_iter().flatten().filter_map(citation).collect()
}

fn citation(annotation: &Value) -> Option<Citation> {
    if annotation.get("type").and_then(Value::as_str) != Some("url_citation") {
        return None;
    }
    let of = annotation.get("url_citation").unwrap_or(annotation);
    let string = |key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (start, end) = (of.get("start_index").and_then(Value::as_u64), of.get("end_index").and_then(Value::as_u64));
    // Both 0 means that nobody knows.
    let known = end.is_some_and(|end| end > 0);
    Some(Citation {
        url: string("url"),
        title: string("title"),
        quote: string("content"),
        start: start.filter(|_| known),
        end: end.filter(|_| known),
        raw: None,
    })
}

/// Sources beside the choices, with titles or as bare addresses.
fn sources(results: Option<&Value>, addresses: Option<&Value>) -> Option<Vec<Citation>> {
    let results = results.and_then(Value::as_array).filter(|list| !list.is_empty());
    let addresses = addresses.and_then(Value::as_array).filter(|list| !list.is_empty());
    let list = results.or(addresses)?;
    let source = |value: &Value| {
        let string = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let url = value.as_str().map_or_else(|| string("url"), str::to_owned);
        (!url.is_empty()).then(|| Citation { url, title: string("title"), quote: string("snippet"), ..Citation::default() })
    };
    Some(list.iter().filter_map(source).collect())
}

/// Source: protocol specification §0, stop reasons.
fn stop_of(reason: &str) -> Stop {
    match reason {
        "length" | "max_tokens" | "MAX_TOKENS" | "model_length" => Stop::Length,
        "tool_calls" | "function_call" | "tool_use" | "tool_call" => Stop::Tools,
        "content_filter" | "sensitive" | "SAFETY" | "refusal" => Stop::Filter,
        "model_context_window_exceeded" => Stop::Context,
        "stop_sequence" => Stop::Sequence,
        "pause_turn" => Stop::Pause,
        _ => Stop::Done,
    }
}

/// Words of vendors for why generation ended, as against stop sequences.
fn is_reason(text: &str) -> bool {
    matches!(text, "stop" | "eos" | "eos_token" | "COMPLETE" | "end_turn" | "length" | "tool_calls" | "tool_use" | "stop_sequence")
}

#[cfg(test)]
mod tests;
