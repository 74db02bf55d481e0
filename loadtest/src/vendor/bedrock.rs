//! Bedrock's Converse, whole and as a binary event stream, with its token count and model list. Signatures of requests are
//! checked in `sigv4`, which shares nothing with the program under test.
//!
//! Text and reasoning begin with their first delta; usage comes after the message has stopped.

pub(super) mod frame;
pub(super) mod sigv4;

use bytes::BufMut;
use serde_json::{Value, json};

use super::{
    ask::Ask,
    config::MockConfig,
    openai::fragments,
    reply::{Call, Reply},
    script::{Events, Script},
    seal,
};

/// `POST /model/{id}/converse`.
pub(super) fn converse(id: u64, reply: &Reply, config: &MockConfig) -> Script {
    let thought = reply.thought.as_ref().map(|thought| {
        let text = thought.whole();
        json!({"reasoningContent": {"reasoningText": {"text": text, "signature": seal::thought(text)}}})
    });
    let text = (reply.text.count() > 0).then(|| json!({"text": reply.text.whole()}));
    let call = |call: &Call| json!({"toolUse": {"toolUseId": call.id("tooluse_", id), "name": call.name, "input": call.arguments}});
    let content: Vec<Value> = thought.into_iter().chain(text).chain(reply.calls.iter().map(call)).collect();
    let mut body =
        json!({"metrics": {"latencyMs": 1}, "output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason(reply)});
    if config.usage {
        body["usage"] = usage(reply);
    }
    with_id(id, Script::json(body.to_string(), reply.usage.prompt, reply.tokens()))
}

/// `POST /model/{id}/converse-stream`.
pub(super) fn stream(id: u64, reply: &Reply, config: &MockConfig) -> Script {
    let mut out = Blocks::default();
    out.push(0, "messageStart", json!({"role": "assistant"}));
    if let Some(thought) = &reply.thought {
        thought.tokens().for_each(|token| out.delta(1, json!({"reasoningContent": {"text": token}})));
        out.delta(0, json!({"reasoningContent": {"signature": seal::thought(thought.whole())}}));
        out.stop();
    }
    if reply.text.count() > 0 {
        reply.text.tokens().for_each(|token| out.delta(1, json!({"text": token})));
        out.stop();
    }
    for call in &reply.calls {
        let start = json!({"toolUse": {"toolUseId": call.id("tooluse_", id), "name": call.name}});
        out.push(1, "contentBlockStart", json!({"contentBlockIndex": out.index, "start": start}));
        if !call.is_empty() {
            fragments(&call.text()).for_each(|part| out.delta(1, json!({"toolUse": {"input": part}})));
        }
        out.stop();
    }
    out.push(0, "messageStop", json!({"stopReason": reason(reply)}));
    if config.usage {
        out.push(0, "metadata", json!({"metrics": {"latencyMs": 1}, "usage": usage(reply)}));
    }
    with_id(id, Script::pieces(out.events, frame::CONTENT_TYPE, reply.usage.prompt))
}

/// `POST /model/{id}/count-tokens`.
pub(super) fn count_tokens(ask: &Ask<'_>, config: &MockConfig) -> Script {
    Script::json(json!({"inputTokens": ask.prompt_tokens(config)}).to_string(), 0, 0)
}

/// `GET /foundation-models`.
pub(super) fn models(config: &MockConfig) -> Script {
    let model = |id: &String| json!({"modelId": id, "modelName": id, "providerName": "Mock", "inferenceTypesSupported": ["ON_DEMAND"]});
    Script::json(json!({"modelSummaries": config.models.iter().map(model).collect::<Vec<_>>()}).to_string(), 0, 0)
}

/// The frames of one stream, with the number of the open block.
#[derive(Default)]
struct Blocks {
    events: Events,
    index: usize,
}

impl Blocks {
    fn push(&mut self, tokens: u64, kind: &str, mut payload: Value) {
        // Real payloads are padded, so that their sizes tell nothing.
        payload["p"] = json!("abcdefghijklmnop"[..kind.len() % 16]);
        self.events.push(tokens, false, |out| out.put_slice(&frame::event(kind, &payload.to_string())));
    }

    fn delta(&mut self, tokens: u64, delta: Value) {
        self.push(tokens, "contentBlockDelta", json!({"contentBlockIndex": self.index, "delta": delta}));
    }

    fn stop(&mut self) {
        self.push(0, "contentBlockStop", json!({"contentBlockIndex": self.index}));
        self.index += 1;
    }
}

fn with_id(id: u64, mut script: Script) -> Script {
    script.headers.push(("x-amzn-requestid", format!("mock{id:012}")));
    script
}

/// What came from the cache and what went there are apart from the input.
fn usage(reply: &Reply) -> Value {
    let usage = reply.usage;
    let fresh = usage.prompt.saturating_sub(usage.cached + usage.cache_write);
    json!({"inputTokens": fresh, "outputTokens": usage.completion, "totalTokens": usage.prompt + usage.completion,
        "cacheReadInputTokens": usage.cached, "cacheWriteInputTokens": usage.cache_write})
}

fn reason(reply: &Reply) -> &'static str {
    match (reply.calls.is_empty(), reply.cut()) {
        (false, _) => "tool_use",
        (true, true) => "max_tokens",
        (true, false) => "end_turn",
    }
}
