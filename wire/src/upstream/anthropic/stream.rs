//! A streamed answer. Source: protocol specification §2.3 and §3.3.
//!
//! The end mark is `message_stop`, and nothing else: a stream that stops before it was cut. Sources come before the words they
//! belong to; they are held until their block ends, when it is known which words these were.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::{self, Wanted};
use crate::answer::NotProtocol;
use crate::limits::HELD_BLOCK_BYTES;
use crate::neutral::free_text;
use crate::neutral::{Event, Foreign, Origin, Stop};
use crate::upstream::{EventReader, Frame, Said};

/// Blocks that may be open at once. The vendor never has more than one; imitators may.
const OPEN_BLOCKS: usize = 64;

/// Reads one stream.
#[derive(Debug)]
pub(super) struct Reader {
    said: Said,
    begun: bool,
    ended: bool,
    blocks: Vec<(u64, Block)>,
    calls: u32,
    /// Bytes of events that were held back since no block was open.
    held_bytes: usize,
    /// Characters of text so far.
    place: u64,
    stop: Option<(Stop, Option<String>)>,
}

/// An open block.
#[derive(Debug)]
enum Block {
    Text {
        start: u64,
        sources: Vec<Value>,
    },
    Thinking {
        signature: String,
    },
    /// A call. `begun_with` is an input that came whole; it counts if nothing follows.
    Call {
        call: u32,
        begun_with: Option<String>,
        any: bool,
    },
    /// A call whose arguments must be whole to be understood.
    Gathered {
        call: u32,
        begun_with: Option<String>,
        input: String,
    },
    /// The answer's text in the form of a call.
    Form {
        begun_with: Option<String>,
        any: bool,
    },
    Foreign {
        value: Value,
        input: String,
    },
    Over,
}

/// An event. `null` is the same as nothing.
#[derive(Debug, serde::Deserialize)]
struct Told<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<Start<'a>>,
}

#[derive(Debug, serde::Deserialize)]
struct Start<'a> {
    #[serde(borrow, default)]
    id: Words<'a>,
    #[serde(borrow, default)]
    model: Words<'a>,
}

#[derive(Debug, serde::Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(borrow, default)]
    text: Words<'a>,
    #[serde(borrow, default)]
    thinking: Words<'a>,
    #[serde(borrow, default)]
    signature: Words<'a>,
    #[serde(borrow, default)]
    partial_json: Words<'a>,
    #[serde(default)]
    citation: Option<Value>,
    #[serde(borrow, default)]
    stop_reason: Words<'a>,
    #[serde(borrow, default)]
    stop_sequence: Words<'a>,
    #[serde(default)]
    stop_details: Option<Value>,
}

/// A string, borrowed where nothing in it is escaped. Anything else is none.
#[derive(Debug, Default)]
struct Words<'a>(Cow<'a, str>);

impl Words<'_> {
    fn some(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.to_string())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyWords;
        impl<'de> Visitor<'de> for AnyWords {
            type Value = Words<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Words<'de>, E> {
                Ok(Words(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Words<'de>, E> {
                Ok(Words(Cow::Owned(text.to_owned())))
            }
            fn visit_unit<E>(self) -> Result<Words<'de>, E> {
                Ok(Words::default())
            }
            fn visit_bool<E>(self, _: bool) -> Result<Words<'de>, E> {
                Ok(Words::default())
            }
            fn visit_i64<E>(self, _: i64) -> Result<Words<'de>, E> {
                Ok(Words::default())
            }
            fn visit_u64<E>(self, _: u64) -> Result<Words<'de>, E> {
                Ok(Words::default())
            }
            fn visit_f64<E>(self, _: f64) -> Result<Words<'de>, E> {
                Ok(Words::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words<'de>, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Words::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Words<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Words::default())
            }
        }
        deserializer.deserialize_any(AnyWords)
    }
}

impl Reader {
    pub(super) const fn new(said: Said) -> Self {
        Self { said, begun: false, ended: false, blocks: Vec::new(), calls: 0, held_bytes: 0, place: 0, stop: None }
    }

    fn block(&mut self, index: u64) -> Option<&mut Block> {
        self.blocks.iter_mut().rev().find(|(of, _)| *of == index).map(|(_, block)| block)
    }

    fn text(&mut self, text: &str, out: &mut Vec<Event>) {
        if !text.is_empty() {
            self.place += answer::chars(text);
            out.push(Event::Text { choice: 0, text: text.to_owned() });
        }
    }

    fn start(&mut self, index: u64, raw: &RawValue, out: &mut Vec<Event>) -> Result<(), NotProtocol> {
        let value: Value = serde_json::from_str(raw.get()).map_err(|_| NotProtocol { what: "broken json" })?;
        let word = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let kind = word("type");
        let block = match kind {
            "text" => {
                let start = self.place;
                self.text(word("text"), out);
                let sources = value.get("citations").and_then(Value::as_array).cloned().unwrap_or_default();
                Block::Text { start, sources }
            }
            "thinking" => {
                if !word("thinking").is_empty() {
                    out.push(Event::Thinking { choice: 0, text: word("thinking").to_owned() });
                }
                Block::Thinking { signature: word("signature").to_owned() }
            }
            "redacted_thinking" => {
                if let Some(signature) = answer::signature(word("data")) {
                    out.push(Event::Redacted { choice: 0, signature });
                }
                Block::Over
            }
            "tool_use" => {
                let name = word("name");
                let wanted = Wanted::of(name, &self.said);
                let begun_with =
                    value.get("input").filter(|input| input.as_object().is_some_and(|input| !input.is_empty())).map(Value::to_string);
                if wanted == Wanted::Form {
                    Block::Form { begun_with, any: false }
                } else {
                    let call = self.calls;
                    self.calls += 1;
                    let name = answer::back(name, &self.said);
                    out.push(Event::CallBegin { choice: 0, call, id: word("id").to_owned(), name, signature: None });
                    match wanted {
                        Wanted::Text => Block::Gathered { call, begun_with, input: String::new() },
                        _ => Block::Call { call, begun_with, any: false },
                    }
                }
            }
            _ => Block::Foreign { value, input: String::new() },
        };
        // An index that is begun twice: the first is over.
        self.stop_block(index, out);
        if self.blocks.len() < OPEN_BLOCKS {
            self.blocks.push((index, block));
        }
        Ok(())
    }

    fn delta(&mut self, index: u64, raw: &[u8], delta: Delta<'_>, out: &mut Vec<Event>) -> Result<(), NotProtocol> {
        let told = out.len();
        let text = &delta.text.0;
        match (self.block(index), &*delta.kind.0) {
            (Some(Block::Text { sources, .. }), "citations_delta") => sources.extend(delta.citation),
            (Some(Block::Thinking { .. }) | None, "thinking_delta") if !delta.thinking.0.is_empty() => {
                out.push(Event::Thinking { choice: 0, text: delta.thinking.0.into_owned() });
            }
            (Some(Block::Thinking { signature }), "signature_delta") => signature.push_str(&delta.signature.0),
            (Some(Block::Call { call, any, .. }), "input_json_delta") if !delta.partial_json.0.is_empty() => {
                *any = true;
                let call = *call;
                out.push(Event::CallArguments { choice: 0, call, fragment: delta.partial_json.0.into_owned() });
            }
            (Some(Block::Gathered { input, .. }), "input_json_delta") => input.push_str(&delta.partial_json.0),
            (Some(Block::Form { any, .. }), "input_json_delta") => {
                *any |= !delta.partial_json.0.is_empty();
                self.text(&delta.partial_json.0, out);
            }
            (Some(Block::Foreign { input, .. }), "input_json_delta") => input.push_str(&delta.partial_json.0),
            (Some(Block::Foreign { value, .. }), _) => merge(value, raw),
            (Some(Block::Text { .. }) | None, "text_delta") => self.text(text, out),
            _ => {}
        }
        if out.len() == told {
            self.held_bytes += raw.len();
        }
        if self.held_bytes > HELD_BLOCK_BYTES {
            return Err(NotProtocol { what: "a block without an end" });
        }
        Ok(())
    }

    fn stop_block(&mut self, index: u64, out: &mut Vec<Event>) {
        if let Some(at) = self.blocks.iter().position(|(of, _)| *of == index) {
            let (_, block) = self.blocks.remove(at);
            self.close(block, out);
            if self.blocks.is_empty() {
                self.held_bytes = 0;
            }
        }
    }

    fn close(&mut self, block: Block, out: &mut Vec<Event>) {
        match block {
            Block::Text { start, sources } => {
                let end = self.place;
                out.extend(sources.into_iter().map(|raw| Event::Cited { choice: 0, citation: answer::citation(raw, start, end) }));
            }
            Block::Thinking { signature } => {
                out.extend(answer::signature(&signature).map(|signature| Event::ThinkingSigned { choice: 0, signature }));
            }
            Block::Call { call, begun_with, any } => {
                out.extend(begun_with.filter(|_| !any).map(|fragment| Event::CallArguments { choice: 0, call, fragment }));
                out.push(Event::CallEnd { choice: 0, call });
            }
            Block::Gathered { call, begun_with, input } => {
                let arguments = if input.is_empty() { begun_with.unwrap_or_default() } else { input };
                let fragment = free_text::unwrapped(arguments);
                if !fragment.is_empty() {
                    out.push(Event::CallArguments { choice: 0, call, fragment });
                }
                out.push(Event::CallEnd { choice: 0, call });
            }
            Block::Form { begun_with, any } => {
                if let Some(text) = begun_with.filter(|_| !any) {
                    self.text(&text, out);
                }
            }
            Block::Foreign { mut value, input } => {
                if let (Ok(input), Some(object)) = (serde_json::from_str::<Value>(&input), value.as_object_mut()) {
                    object.insert(String::from("input"), input);
                }
                let kind = value.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
                out.push(Event::Foreign { choice: 0, part: Foreign { origin: Origin::Anthropic, kind, value } });
            }
            Block::Over => {}
        }
    }
}

impl EventReader for Reader {
    fn read(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), NotProtocol> {
        // Imitators end with the mark of another dialect.
        if self.ended || frame.data.is_empty() || frame.data == b"[DONE]" {
            return Ok(());
        }
        let event: Told<'_> = serde_json::from_slice(frame.data).map_err(|_| NotProtocol { what: "broken json" })?;
        let kind = if event.kind.0.is_empty() { frame.name } else { event.kind.0.as_bytes() };
        let index = event.index.unwrap_or(0);
        match kind {
            // Imitators begin twice.
            b"message_start" if !self.begun => {
                self.begun = true;
                let (id, model) = event.message.map_or((None, None), |message| (message.id.some(), message.model.some()));
                out.push(Event::Begin { id, model });
            }
            b"content_block_start" => {
                if let Some(block) = event.content_block {
                    self.start(index, block, out)?;
                }
            }
            b"content_block_delta" => {
                if let Some(delta) = event.delta {
                    self.delta(index, frame.data, delta, out)?;
                }
            }
            b"content_block_stop" => self.stop_block(index, out),
            b"message_delta" => {
                if let Some(delta) = event.delta {
                    if !delta.stop_reason.0.is_empty() {
                        self.stop = Some((answer::stop(&delta.stop_reason.0), delta.stop_sequence.some()));
                    }
                    let text = delta.stop_details.as_ref().and_then(answer::explanation);
                    out.extend(text.map(|text| Event::Refusal { choice: 0, text }));
                }
            }
            b"message_stop" => {
                self.ended = true;
                for (_, block) in std::mem::take(&mut self.blocks) {
                    self.close(block, out);
                }
                let (reason, sequence) = self.stop.take().unwrap_or_default();
                out.push(Event::Stop { choice: 0, reason, sequence });
                out.push(Event::End);
            }
            b"ping" => out.push(Event::Ping),
            _ => {}
        }
        Ok(())
    }

    /// There is an end mark: without it the stream was cut.
    fn end(&mut self, _: &mut Vec<Event>) {}
}

/// Adds what a delta of an unknown kind says to its block: words to words, else in place of what was.
fn merge(block: &mut Value, raw: &[u8]) {
    let Ok(Value::Object(mut event)) = serde_json::from_slice::<Value>(raw) else { return };
    let (Some(Value::Object(delta)), Some(block)) = (event.remove("delta"), block.as_object_mut()) else { return };
    for (name, value) in delta.into_iter().filter(|(name, _)| name != "type") {
        match (block.get_mut(&name), value) {
            (Some(Value::String(known)), Value::String(more)) => known.push_str(&more),
            (_, value) => {
                block.insert(name, value);
            }
        }
    }
}
