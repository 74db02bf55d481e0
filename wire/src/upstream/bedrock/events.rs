//! Reads the events of a `ConverseStream`. Source: protocol specification §6.3, and recorded streams.
//!
//! The name of an event is its type, its data the payload; a member `p` in it is padding. Blocks of text and thoughts begin with
//! their first delta; only calls (and pictures) have a start. Usage comes in `metadata`, after `messageStop`, and is the end.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::answer::NotProtocol;
use crate::neutral::free_text;
use crate::neutral::media::{decode_base64, encode_base64};
use crate::neutral::{Event, NameMap, Origin, Signature};
use crate::upstream::{EventReader, Frame, Said};

use super::answer;

/// Blocks that are open at once; Converse sends one after the other.
const OPEN_BLOCKS: usize = 64;

/// Reads one stream.
#[derive(Debug)]
pub(super) struct Reader {
    names: NameMap,
    json_tool: Option<String>,
    free_text_tools: Vec<String>,
    blocks: Vec<(u64, Block)>,
    calls: u32,
    stopped: bool,
    metadata: bool,
    ended: bool,
}

/// A block that must be remembered until its end.
#[derive(Debug)]
enum Block {
    /// A call whose arguments are passed on as they come.
    Call(u32),
    /// A call whose argument is text: it is known when it is whole.
    FreeText(u32, String),
    /// A call that is the answer's text.
    Json { any: bool },
    /// Thoughts that only the vendor can read, as the base64 texts of their deltas.
    Redacted(Vec<String>),
    /// What the vendor does itself: its member, the object of its start, and the texts or values of its deltas.
    Vendors { member: &'static str, start: Map<String, Value>, input: String, results: Vec<Value> },
    /// A picture.
    Image(Map<String, Value>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    #[serde(default)]
    content_block_index: u64,
    start: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeltaEvent {
    #[serde(default)]
    content_block_index: u64,
    delta: Option<Delta>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delta {
    text: Option<String>,
    tool_use: Option<ToolUse>,
    reasoning_content: Option<Reasoning>,
    citation: Option<Value>,
    tool_result: Option<Value>,
    image: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
struct ToolUse {
    input: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning {
    text: Option<String>,
    signature: Option<String>,
    redacted_content: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStop {
    #[serde(default)]
    content_block_index: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageStop {
    stop_reason: Option<String>,
    additional_model_response_fields: Option<Value>,
}

impl Reader {
    pub(super) fn new(said: &Said) -> Self {
        Self {
            names: said.names.clone(),
            json_tool: said.json_tool.clone(),
            free_text_tools: said.free_text_tools.clone(),
            blocks: Vec::new(),
            calls: 0,
            stopped: false,
            metadata: false,
            ended: false,
        }
    }

    fn block(&mut self, index: u64) -> Option<&mut Block> {
        self.blocks.iter_mut().find(|(of, _)| *of == index).map(|(_, block)| block)
    }

    fn open(&mut self, index: u64, block: Block) {
        if self.blocks.len() < OPEN_BLOCKS {
            self.blocks.push((index, block));
        }
    }

    fn start(&mut self, event: Start, out: &mut Vec<Event>) {
        let index = event.content_block_index;
        for (kind, value) in event.start.unwrap_or_default() {
            let Value::Object(object) = value else { continue };
            match kind.as_str() {
                "toolUse" => self.start_call(index, object, out),
                "toolResult" => {
                    self.open(index, Block::Vendors { member: "toolResult", start: object, input: String::new(), results: Vec::new() });
                }
                "image" => self.open(index, Block::Image(object)),
                _ => {}
            }
        }
    }

    fn start_call(&mut self, index: u64, call: Map<String, Value>, out: &mut Vec<Event>) {
        let word = |key| call.get(key).and_then(Value::as_str).unwrap_or_default();
        if answer::is_vendors(word("type")) {
            self.open(index, Block::Vendors { member: "toolUse", start: call, input: String::new(), results: Vec::new() });
            return;
        }
        let name = self.names.back(word("name")).to_owned();
        if self.json_tool.as_deref() == Some(name.as_str()) {
            self.open(index, Block::Json { any: false });
            return;
        }
        let number = self.calls;
        self.calls += 1;
        let free = self.free_text_tools.contains(&name);
        out.push(Event::CallBegin { choice: 0, call: number, id: word("toolUseId").to_owned(), name, signature: None });
        self.open(index, if free { Block::FreeText(number, String::new()) } else { Block::Call(number) });
    }

    fn delta(&mut self, event: DeltaEvent, out: &mut Vec<Event>) {
        let Some(delta) = event.delta else { return };
        let index = event.content_block_index;
        if let Some(text) = delta.text.filter(|text| !text.is_empty()) {
            out.push(Event::Text { choice: 0, text });
        }
        if let Some(fragment) = delta.tool_use.and_then(|call| call.input).filter(|input| !input.is_empty()) {
            self.input(index, fragment, out);
        }
        if let Some(reasoning) = delta.reasoning_content {
            if let Some(text) = reasoning.text.filter(|text| !text.is_empty()) {
                out.push(Event::Thinking { choice: 0, text });
            }
            if let Some(mark) = reasoning.signature.filter(|mark| !mark.is_empty()) {
                out.push(Event::ThinkingSigned { choice: 0, signature: Signature::new(Origin::Anthropic, mark) });
            }
            if let Some(blob) = reasoning.redacted_content {
                match self.block(index) {
                    Some(Block::Redacted(blobs)) => blobs.push(blob),
                    _ => self.open(index, Block::Redacted(vec![blob])),
                }
            }
        }
        if let Some(raw) = delta.citation {
            out.push(Event::Cited { choice: 0, citation: answer::citation(raw) });
        }
        if let (Some(value), Some(Block::Vendors { results, .. })) = (delta.tool_result, self.block(index)) {
            match value {
                Value::Array(list) => results.extend(list),
                value => results.push(value),
            }
        }
        if let Some(more) = delta.image {
            match self.block(index) {
                Some(Block::Image(image)) => image.extend(more),
                _ => self.open(index, Block::Image(more)),
            }
        }
    }

    fn input(&mut self, index: u64, fragment: String, out: &mut Vec<Event>) {
        match self.block(index) {
            Some(Block::Call(call)) => out.push(Event::CallArguments { choice: 0, call: *call, fragment }),
            Some(Block::FreeText(_, gathered) | Block::Vendors { input: gathered, .. }) => gathered.push_str(&fragment),
            Some(Block::Json { any }) => {
                *any = true;
                out.push(Event::Text { choice: 0, text: fragment });
            }
            _ => {}
        }
    }

    /// The end of a block.
    fn close(&mut self, block: Block, out: &mut Vec<Event>) {
        match block {
            Block::Call(call) => out.push(Event::CallEnd { choice: 0, call }),
            Block::FreeText(call, gathered) => {
                let fragment = free_text::unwrapped(gathered);
                if !fragment.is_empty() {
                    out.push(Event::CallArguments { choice: 0, call, fragment });
                }
                out.push(Event::CallEnd { choice: 0, call });
            }
            Block::Json { any: false } => out.push(Event::Text { choice: 0, text: String::from("{}") }),
            Block::Json { any: true } => {}
            Block::Redacted(blobs) => out.push(Event::Redacted { choice: 0, signature: answer::redacted(&joined(blobs)) }),
            Block::Vendors { member, mut start, input, results } => {
                let kind = if member == "toolUse" {
                    start.insert(String::from("input"), serde_json::from_str(&input).unwrap_or(Value::String(input)));
                    "server_tool_use"
                } else {
                    start.insert(String::from("content"), Value::Array(results));
                    "tool_result"
                };
                out.push(Event::Foreign { choice: 0, part: answer::foreign(kind, member, Value::Object(start)) });
            }
            Block::Image(image) => out.extend(answer::picture(&image).map(|media| Event::Media { choice: 0, media })),
        }
    }

    fn message_stop(&mut self, event: MessageStop, out: &mut Vec<Event>) {
        let reason = event.stop_reason.as_deref().map_or(crate::neutral::Stop::Done, answer::stop);
        for (_, block) in std::mem::take(&mut self.blocks) {
            // A call that has no end of its own is told whole by `untangle`, which knows when none may be made up.
            if !matches!(block, Block::Call(_)) {
                self.close(block, out);
            }
        }
        let sequence = event.additional_model_response_fields.as_ref().and_then(answer::stop_sequence);
        out.push(Event::Stop { choice: 0, reason, sequence });
        self.stopped = true;
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        if self.stopped && !self.ended {
            self.ended = true;
            out.push(Event::End);
        }
    }
}

/// The base64 of all bytes together.
fn joined(blobs: Vec<String>) -> String {
    match <[String; 1]>::try_from(blobs) {
        Ok([one]) => one,
        Err(many) => {
            let bytes: Vec<u8> = many.iter().filter_map(|blob| decode_base64(blob)).flatten().collect();
            encode_base64(&bytes)
        }
    }
}

impl EventReader for Reader {
    fn read(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), NotProtocol> {
        if self.ended {
            return Ok(());
        }
        match frame.name {
            b"messageStart" => out.push(Event::Begin { id: None, model: None }),
            b"contentBlockStart" => self.start(parse(frame.data)?, out),
            b"contentBlockDelta" => self.delta(parse(frame.data)?, out),
            b"contentBlockStop" => {
                let BlockStop { content_block_index: index } = parse(frame.data)?;
                if let Some(at) = self.blocks.iter().position(|(of, _)| *of == index) {
                    let (_, block) = self.blocks.remove(at);
                    self.close(block, out);
                }
            }
            b"messageStop" => {
                self.message_stop(parse(frame.data)?, out);
                if self.metadata {
                    self.finish(out);
                }
            }
            b"metadata" => {
                self.metadata = true;
                self.finish(out);
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.finish(out);
    }
}

fn parse<'d, T: Deserialize<'d>>(data: &'d [u8]) -> Result<T, NotProtocol> {
    serde_json::from_slice(data).map_err(|_| NotProtocol { what: "an event that is no converse event" })
}
