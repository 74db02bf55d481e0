//! A message of an agent: signed thinking, text and several calls, whole and streamed.

use bytes::BufMut;
use serde_json::{Value, json};

use super::input;
use crate::vendor::{
    ask::Ask,
    config::MockConfig,
    openai::fragments,
    reply::{Call, Reply},
    script::{Events, Script},
    seal,
};

/// `POST …/messages` of an agent.
pub(in crate::vendor) fn agent(id: u64, ask: &Ask<'_>, reply: &Reply, config: &MockConfig) -> Script {
    let script = if ask.stream() {
        Script::stream(stream(id, ask, reply, config), reply.usage.prompt)
    } else {
        Script::json(whole(id, ask, reply, config).to_string(), reply.usage.prompt, reply.tokens())
    };
    Script { headers: [script.headers, vec![("request-id", format!("req_mock{id:012}"))]].concat(), ..script }
}

fn whole(id: u64, ask: &Ask<'_>, reply: &Reply, config: &MockConfig) -> Value {
    let thought = reply.thought.as_ref().map(|thought| {
        let text = thought.whole();
        json!({"type": "thinking", "thinking": text, "signature": seal::thought(text)})
    });
    let text = (reply.text.count() > 0).then(|| json!({"type": "text", "text": reply.text.whole()}));
    let call = |call: &Call| json!({"type": "tool_use", "id": call.id("toolu_", id), "name": call.name, "input": call.arguments});
    let content: Vec<Value> = thought.into_iter().chain(text).chain(reply.calls.iter().map(call)).collect();
    let mut message = message(id, ask);
    message["content"] = json!(content);
    message["stop_reason"] = json!(reason(reply));
    if config.usage {
        message["usage"] = usage(reply, reply.usage.completion);
    }
    message
}

fn message(id: u64, ask: &Ask<'_>) -> Value {
    json!({"id": format!("msg_mock{id:012}"), "type": "message", "role": "assistant", "model": ask.model(), "content": [],
        "stop_reason": null, "stop_sequence": null})
}

fn usage(reply: &Reply, output: u64) -> Value {
    let text = format!(r#"{{{},"output_tokens":{output}}}"#, input(&reply.usage));
    serde_json::from_str(&text).unwrap_or_default()
}

/// The events of one stream, with the number of the open block.
#[derive(Default)]
struct Blocks {
    events: Events,
    index: usize,
}

impl Blocks {
    fn push(&mut self, tokens: u64, kind: &str, fields: Value) {
        let mut event = json!({"type": kind});
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        self.events.push(tokens, false, |out| out.put_slice(format!("event: {kind}\ndata: {event}\n\n").as_bytes()));
    }

    fn start(&mut self, tokens: u64, block: Value) {
        self.push(tokens, "content_block_start", json!({"index": self.index, "content_block": block}));
        self.push(0, "ping", json!({}));
    }

    fn delta(&mut self, tokens: u64, delta: Value) {
        self.push(tokens, "content_block_delta", json!({"index": self.index, "delta": delta}));
    }

    fn stop(&mut self) {
        self.push(0, "content_block_stop", json!({"index": self.index}));
        self.index += 1;
    }
}

fn stream(id: u64, ask: &Ask<'_>, reply: &Reply, config: &MockConfig) -> Events {
    let mut out = Blocks::default();
    let mut message = message(id, ask);
    if config.usage {
        message["usage"] = usage(reply, 1);
    }
    out.push(0, "message_start", json!({"message": message}));
    if let Some(thought) = &reply.thought {
        out.start(0, json!({"type": "thinking", "thinking": "", "signature": ""}));
        thought.tokens().for_each(|token| out.delta(1, json!({"type": "thinking_delta", "thinking": token})));
        out.delta(0, json!({"type": "signature_delta", "signature": seal::thought(thought.whole())}));
        out.stop();
    }
    if reply.text.count() > 0 {
        out.start(0, json!({"type": "text", "text": ""}));
        reply.text.tokens().for_each(|token| out.delta(1, json!({"type": "text_delta", "text": token})));
        out.stop();
    }
    for call in &reply.calls {
        out.start(1, json!({"type": "tool_use", "id": call.id("toolu_", id), "name": call.name, "input": {}}));
        out.delta(0, json!({"type": "input_json_delta", "partial_json": ""}));
        if !call.is_empty() {
            fragments(&call.text()).for_each(|part| out.delta(1, json!({"type": "input_json_delta", "partial_json": part})));
        }
        out.stop();
    }
    let mut end = json!({"delta": {"stop_reason": reason(reply), "stop_sequence": null}});
    if config.usage {
        end["usage"] = json!({"output_tokens": reply.usage.completion});
    }
    out.push(0, "message_delta", end);
    out.push(0, "message_stop", json!({}));
    out.events
}

fn reason(reply: &Reply) -> &'static str {
    match (reply.calls.is_empty(), reply.cut()) {
        (false, _) => "tool_use",
        (true, true) => "max_tokens",
        (true, false) => "end_turn",
    }
}
