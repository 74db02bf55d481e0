//! Writes an answer in chunks. Source: protocol specification §1.3: the role first, then deltas, why it ended, the account of tokens
//! if it was asked for, `[DONE]`.

use bytes::{BufMut as _, BytesMut};
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::Refusal;
use fluxa_domain::usage::Usage;
use serde::Serialize;
use serde_json::Value;

use crate::client::{EventWriter, Voice};
use crate::neutral::signature::{Origin, Signature};
use crate::neutral::{Event, Stop};
use crate::stream_end::error_event;

use super::account::{Account, Annotation, Audio, Block, ExtraContent, Image, answer_id, call_id, finish, is_custom};

/// Writes one stream.
#[derive(Debug)]
pub(super) struct Writer {
    voice: Voice,
    /// What every chunk begins with, up to its choices.
    head: Vec<u8>,
    choices: Vec<State>,
    usage: Option<Usage>,
}

#[derive(Debug, Default)]
struct State {
    choice: u32,
    /// The calls' numbers in the reader's count, and whether they take free text; their places are their indexes here.
    calls: Vec<(u32, bool)>,
    /// The thoughts since the last mark: a mark goes out with the thoughts that it signs.
    unsigned: String,
    blocks: usize,
    citations: usize,
    images: usize,
    stop: Option<Stop>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_blocks: Option<[Block<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Call<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<[Annotation<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<[Image<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<Audio<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<ExtraContent<'a>>,
}

#[derive(Default, Serialize)]
struct Call<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<Function<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<Custom<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<ExtraContent<'a>>,
}

#[derive(Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Custom<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    input: &'a str,
}

#[derive(Serialize)]
struct Head<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: &'a Delta<'a>,
    logprobs: Option<&'a Value>,
    finish_reason: Option<&'static str>,
}

impl Writer {
    pub(super) fn new(voice: Voice) -> Self {
        Self { voice, head: Vec::new(), choices: Vec::new(), usage: None }
    }

    fn begin(&mut self, id: Option<&str>, model: Option<&str>) {
        let id = answer_id(id, &self.voice);
        let model = model.filter(|model| !model.is_empty()).unwrap_or(&self.voice.model);
        let head = Head { id: &id, object: "chat.completion.chunk", created: self.voice.created_s, model };
        self.head = serde_json::to_vec(&head).unwrap_or_default();
        // The object goes on with its choices.
        self.head.pop();
        self.head.extend_from_slice(b",\"choices\":[");
    }

    /// Where the state of a choice is; one that was not heard of begins with its role.
    fn at(&mut self, choice: u32, out: &mut BytesMut) -> usize {
        if let Some(at) = self.choices.iter().position(|state| state.choice == choice) {
            return at;
        }
        self.choices.push(State { choice, ..State::default() });
        let role = Delta { role: Some("assistant"), content: Some(""), refusal: Some(None), ..Delta::default() };
        self.chunk(choice, &role, None, None, out);
        self.choices.len() - 1
    }

    fn chunk(&self, index: u32, delta: &Delta<'_>, logprobs: Option<&Value>, finish_reason: Option<&'static str>, out: &mut BytesMut) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&self.head);
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(out.writer(), &Choice { index, delta, logprobs, finish_reason });
        out.extend_from_slice(if self.voice.include_usage { b"],\"usage\":null}\n\n" as &[u8] } else { b"]}\n\n" });
    }

    fn delta(&mut self, choice: u32, delta: &Delta<'_>, out: &mut BytesMut) {
        self.at(choice, out);
        self.chunk(choice, delta, None, None, out);
    }

    fn state(&mut self, choice: u32, out: &mut BytesMut) -> Option<&mut State> {
        let at = self.at(choice, out);
        self.choices.get_mut(at)
    }

    fn call_begin(&mut self, choice: u32, call: u32, id: &str, name: &str, signature: Option<&Signature>, out: &mut BytesMut) {
        let custom = is_custom(name, &self.voice);
        let Some(state) = self.state(choice, out) else { return };
        let index = state.calls.len();
        state.calls.push((call, custom));
        let id = Some(call_id(id, index, signature, &self.voice));
        let begun = Call {
            index,
            id,
            kind: Some(if custom { "custom" } else { "function" }),
            function: (!custom).then_some(Function { name: Some(name), arguments: "" }),
            custom: custom.then_some(Custom { name: Some(name), input: "" }),
            extra_content: ExtraContent::of(signature),
        };
        self.chunk(choice, &Delta { tool_calls: Some([begun]), ..Delta::default() }, None, None, out);
    }

    fn call_arguments(&mut self, choice: u32, call: u32, fragment: &str, out: &mut BytesMut) {
        let Some(state) = self.state(choice, out) else { return };
        // The numbers ascend.
        let Ok(index) = state.calls.binary_search_by_key(&call, |(of, _)| *of) else { return };
        let Some(&(_, custom)) = state.calls.get(index) else { return };
        let more = Call {
            index,
            function: (!custom).then_some(Function { name: None, arguments: fragment }),
            custom: custom.then_some(Custom { name: None, input: fragment }),
            ..Call::default()
        };
        self.chunk(choice, &Delta { tool_calls: Some([more]), ..Delta::default() }, None, None, out);
    }

    fn thinking_signed(&mut self, choice: u32, signature: &Signature, out: &mut BytesMut) {
        let Some(state) = self.state(choice, out) else { return };
        let text = std::mem::take(&mut state.unsigned);
        // Nobody's mark is for dialects that want one in any case.
        if signature.origin == Origin::Nobody {
            return;
        }
        let index = Some(state.blocks);
        state.blocks += 1;
        let block = Block::thinking(index, &text, signature);
        self.chunk(choice, &Delta { thinking_blocks: Some([block]), ..Delta::default() }, None, None, out);
    }

    fn end(&mut self, out: &mut BytesMut) {
        if self.choices.is_empty() {
            self.at(0, out);
        }
        for state in &self.choices {
            let reason = finish(state.stop.unwrap_or_default());
            self.chunk(state.choice, &Delta::default(), None, Some(reason), out);
        }
        if self.voice.include_usage {
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"],\"usage\":");
            let _ = serde_json::to_writer(out.writer(), &Account::of(&self.usage.unwrap_or_default()));
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

impl EventWriter for Writer {
    fn write(&mut self, event: Event, out: &mut BytesMut) {
        if self.head.is_empty() && !matches!(event, Event::Begin { .. }) {
            self.begin(None, None);
        }
        match event {
            Event::Begin { id, model } => {
                self.begin(id.as_deref(), model.as_deref());
                self.at(0, out);
            }
            Event::Text { choice, text } => self.delta(choice, &Delta { content: Some(&text), ..Delta::default() }, out),
            Event::Refusal { choice, text } => self.delta(choice, &Delta { refusal: Some(Some(&text)), ..Delta::default() }, out),
            Event::Thinking { choice, text } => {
                self.delta(choice, &Delta { reasoning_content: Some(&text), ..Delta::default() }, out);
                if let Some(state) = self.state(choice, out) {
                    state.unsigned.push_str(&text);
                }
            }
            Event::ThinkingSigned { choice, signature } => self.thinking_signed(choice, &signature, out),
            Event::Redacted { choice, signature } => {
                let Some(state) = self.state(choice, out) else { return };
                let index = Some(state.blocks);
                state.blocks += 1;
                let block = Block::redacted(index, &signature);
                self.chunk(choice, &Delta { thinking_blocks: Some([block]), ..Delta::default() }, None, None, out);
            }
            Event::TextSigned { choice, signature } => {
                if let Some(mark) = ExtraContent::of(Some(&signature)) {
                    self.delta(choice, &Delta { extra_content: Some(mark), ..Delta::default() }, out);
                }
            }
            Event::Cited { choice, citation } => {
                let Some(state) = self.state(choice, out) else { return };
                let index = state.citations;
                if let Some(annotation) = Annotation::of(Some(index), &citation) {
                    state.citations += 1;
                    self.chunk(choice, &Delta { annotations: Some([annotation]), ..Delta::default() }, None, None, out);
                }
            }
            Event::CallBegin { choice, call, id, name, signature } => self.call_begin(choice, call, &id, &name, signature.as_ref(), out),
            Event::CallArguments { choice, call, fragment } => self.call_arguments(choice, call, &fragment, out),
            Event::Media { choice, media } => {
                let Some(state) = self.state(choice, out) else { return };
                let index = state.images;
                let image = Image::of(Some(index), &media);
                state.images += usize::from(image.is_some());
                let audio = Audio::of(&media, &self.voice);
                if image.is_some() || audio.is_some() {
                    self.chunk(choice, &Delta { images: image.map(|image| [image]), audio, ..Delta::default() }, None, None, out);
                }
            }
            Event::Logprobs { choice, value } => {
                self.at(choice, out);
                self.chunk(choice, &Delta { content: Some(""), ..Delta::default() }, Some(&value), None, out);
            }
            Event::Stop { choice, reason, .. } => {
                if let Some(state) = self.state(choice, out) {
                    state.stop = Some(reason);
                }
            }
            Event::Usage(usage) => self.usage = Some(usage),
            Event::End => self.end(out),
            Event::CallEnd { .. } | Event::Foreign { .. } | Event::Ping => {}
        }
    }

    fn keep_alive(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(b": keep-alive\n\n");
    }

    fn break_off(&mut self, refusal: &Refusal, out: &mut BytesMut) {
        out.extend_from_slice(&error_event(Dialect::OpenAi, Op::Chat, refusal, 0));
    }
}

#[cfg(test)]
mod tests;
