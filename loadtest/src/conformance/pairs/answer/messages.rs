//! The grammar of Anthropic's Messages, whole and as events (§2.2 and §2.3 of the protocols).

use serde_json::Value;

use super::{Data, Event, Heard, told};
use crate::conformance::pairs::{
    json,
    said::{Call, Stop, Used},
};

const REASONS: [&str; 7] =
    ["end_turn", "stop_sequence", "max_tokens", "model_context_window_exceeded", "tool_use", "refusal", "pause_turn"];

/// One JSON answer.
pub fn whole(answer: &Value) -> Heard {
    let mut heard = Heard::default();
    if json::text(answer, "/type") == "error" {
        heard.said.error = Some(told(&answer["error"]));
        return heard;
    }
    head(&mut heard, answer);
    let blocks = json::list(answer, "/content");
    heard.must(answer.get("content").is_some_and(Value::is_array), "no list of content");
    for block in blocks {
        let mut block = Block::new(block);
        block.thinking.clone_from(&block.started_thinking);
        block.text.clone_from(&block.started_text);
        if block.kind == "tool_use" {
            heard.must(block.input.is_object(), "a tool_use's input is no object");
            block.json = block.input.to_string();
        }
        block.close(&mut heard, blocks.len() == 1);
    }
    finish(&mut heard, answer);
    heard.must(heard.said.stop.is_some(), "no stop_reason");
    heard.said.usage = used(&mut heard, &answer["usage"]);
    heard.said.complete = true;
    heard
}

/// A stream of events.
pub fn stream(events: &[Event]) -> Heard {
    let mut heard = Heard::default();
    let mut open: Option<Block> = None;
    let mut closed: Vec<Block> = Vec::new();
    let (mut started, mut ending, mut stopped) = (false, false, false);
    for event in events {
        let Data::Json(json) = &event.data else {
            heard.fault("data that is not JSON");
            continue;
        };
        let kind = json::text(json, "/type");
        heard.must(event.name.as_deref() == Some(kind), format!("event: {:?} for type {kind:?}", event.name));
        heard.must(!stopped, "something after message_stop");
        heard.must(heard.said.error.is_none(), "something after the error");
        heard.must(started || matches!(kind, "message_start" | "ping" | "error"), format!("{kind} before message_start"));
        heard.must(!ending || matches!(kind, "message_stop" | "ping" | "error"), format!("{kind} after message_delta"));
        match kind {
            "message_start" => {
                heard.must(!started, "a second message_start");
                started = true;
                head(&mut heard, &json["message"]);
                heard.must(json::list(json, "/message/content").is_empty(), "message_start has content");
                heard.must(!json::has(json, "/message/stop_reason"), "message_start has a stop_reason");
                heard.said.usage = used(&mut heard, &json["message"]["usage"]);
            }
            "content_block_start" => {
                let index = json::count(json, "/index");
                heard.must(open.is_none(), "blocks overlap");
                heard.must(index == Some(closed.len() as u64), format!("block {index:?} comes when there are {}", closed.len()));
                let block = Block::new(&json["content_block"]);
                heard.must(block.started_text.is_empty() && block.started_thinking.is_empty(), "a block starts with content in it");
                heard.must(
                    block.kind != "tool_use" || block.input == serde_json::json!({}),
                    "a tool_use does not start with an empty input",
                );
                open = Some(block);
            }
            "content_block_delta" => {
                let index = json::count(json, "/index");
                match open.as_mut().filter(|_| index == Some(closed.len() as u64)) {
                    Some(block) => block.add(&mut heard, &json["delta"]),
                    None => heard.fault(format!("a delta for block {index:?}, which is not open")),
                }
            }
            "content_block_stop" => {
                let index = json::count(json, "/index");
                match open.take().filter(|_| index == Some(closed.len() as u64)) {
                    Some(block) => closed.push(block),
                    None => heard.fault(format!("block {index:?} is stopped and not open")),
                }
            }
            "message_delta" => {
                heard.must(open.is_none(), "message_delta within a block");
                ending = true;
                finish(&mut heard, &json["delta"]);
                merge(&mut heard, &json["usage"]);
            }
            "message_stop" => {
                heard.must(ending, "message_stop without message_delta");
                stopped = true;
            }
            "error" => {
                heard.must(!json::text(json, "/error/type").is_empty(), "the error has no type");
                heard.said.error = Some(told(&json["error"]));
            }
            "ping" => {}
            other => heard.fault(format!("an event {other:?}")),
        }
    }
    let broken = heard.said.error.is_some();
    heard.must(started || broken, "no message_start");
    heard.must(
        stopped != broken,
        if broken { "message_stop after an error" } else { "the stream ends without message_stop and without an error" },
    );
    let alone = closed.len() == 1;
    // What an error cut off is still said, but no longer judged.
    if let Some(mut block) = open {
        block.cut = true;
        closed.push(block);
    }
    for block in closed {
        block.close(&mut heard, alone || broken);
    }
    heard.said.complete = stopped;
    heard
}

/// A block of content in the making.
#[derive(Default)]
struct Block {
    kind: String,
    id: String,
    name: String,
    input: Value,
    started_text: String,
    started_thinking: String,
    text: String,
    thinking: String,
    signature: String,
    json: String,
    cut: bool,
}

impl Block {
    fn new(start: &Value) -> Self {
        let text = |path| json::text(start, path).to_owned();
        Self {
            kind: text("/type"),
            id: text("/id"),
            name: text("/name"),
            input: start.get("input").cloned().unwrap_or_default(),
            started_text: text("/text"),
            started_thinking: text("/thinking"),
            signature: text("/signature"),
            ..Self::default()
        }
    }

    fn add(&mut self, heard: &mut Heard, delta: &Value) {
        let kind = json::text(delta, "/type");
        match (self.kind.as_str(), kind) {
            ("text", "text_delta") => self.text.push_str(json::text(delta, "/text")),
            ("thinking", "thinking_delta") => {
                heard.must(self.signature.is_empty(), "thinking after its signature");
                self.thinking.push_str(json::text(delta, "/thinking"));
            }
            ("thinking", "signature_delta") => {
                heard.must(self.signature.is_empty(), "a second signature");
                self.signature.push_str(json::text(delta, "/signature"));
            }
            ("tool_use", "input_json_delta") => match delta.get("partial_json") {
                Some(Value::String(part)) => self.json.push_str(part),
                other => heard.fault(format!("partial_json is {other:?}")),
            },
            ("text", "citations_delta") => {}
            (block, delta) => heard.fault(format!("{delta:?} in a {block:?} block")),
        }
    }

    fn close(self, heard: &mut Heard, alone: bool) {
        match self.kind.as_str() {
            "text" => {
                heard.must(!self.text.is_empty() || alone || self.cut, "an empty text block among others");
                heard.said.text.push_str(&self.text);
            }
            "thinking" => {
                heard.must(!self.signature.is_empty() || self.cut, "a thinking block without signature");
                heard.said.reasoning.push_str(&self.thinking);
            }
            "redacted_thinking" => {}
            "tool_use" => {
                let sound =
                    |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
                heard.must(sound(&self.id), format!("a tool_use id {:?}", self.id));
                heard.must(!self.name.is_empty(), "a tool_use without name");
                heard.said.calls.push(Call { id: self.id, name: self.name, arguments: self.json });
            }
            other => heard.fault(format!("a block of type {other:?}")),
        }
    }
}

fn head(heard: &mut Heard, message: &Value) {
    heard.must(!json::text(message, "/id").is_empty(), "no id");
    heard.must(json::text(message, "/type") == "message", "type is not message");
    heard.must(json::text(message, "/role") == "assistant", "role is not assistant");
    heard.must(!json::text(message, "/model").is_empty(), "no model");
    heard.must(message.get("stop_sequence").is_some(), "no stop_sequence");
}

fn finish(heard: &mut Heard, message: &Value) {
    let word = json::text(message, "/stop_reason");
    heard.must(REASONS.contains(&word), format!("stop_reason {} is not Anthropic's", message["stop_reason"]));
    word.clone_into(&mut heard.said.finish);
    heard.said.stop = Some(match word {
        "end_turn" => Stop::Done,
        "stop_sequence" => Stop::Sequence,
        "max_tokens" => Stop::Length,
        "model_context_window_exceeded" => Stop::Context,
        "tool_use" => Stop::Tools,
        "refusal" => Stop::Filter,
        "pause_turn" => Stop::Pause,
        _ => Stop::Other,
    });
}

fn used(heard: &mut Heard, usage: &Value) -> Option<Used> {
    let number = |path: &str| json::count(usage, path);
    let (Some(input), Some(output)) = (number("/input_tokens"), number("/output_tokens")) else {
        heard.fault(format!("usage without its counts: {usage}"));
        return None;
    };
    let caches = ["/cache_read_input_tokens", "/cache_creation_input_tokens"].map(number);
    heard.must(caches.iter().all(Option::is_some), "usage without its cache fields");
    let [read, written] = caches.map(|count| count.unwrap_or(0));
    Some(Used {
        input: input + read + written,
        cache_read: read,
        output,
        reasoning: number("/output_tokens_details/thinking_tokens").unwrap_or(0),
    })
}

/// The usage of `message_delta` over that of `message_start`: what is there counts.
fn merge(heard: &mut Heard, usage: &Value) {
    let Some(output) = json::count(usage, "/output_tokens") else { return heard.fault("message_delta without output_tokens") };
    if json::count(usage, "/input_tokens").is_some() {
        let read = json::count(usage, "/cache_read_input_tokens").unwrap_or(0);
        let written = json::count(usage, "/cache_creation_input_tokens").unwrap_or(0);
        let input = json::count(usage, "/input_tokens").unwrap_or(0) + read + written;
        heard.said.usage = Some(Used { input, cache_read: read, ..heard.said.usage.unwrap_or_default() });
    }
    let reasoning = json::count(usage, "/output_tokens_details/thinking_tokens").unwrap_or(0);
    heard.said.usage = Some(Used { output, reasoning, ..heard.said.usage.unwrap_or_default() });
}
