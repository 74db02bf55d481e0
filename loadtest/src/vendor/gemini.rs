//! Gemini's `generateContent`, whole, as an event stream and as a list in pieces, with its token count and model list.
//!
//! Every chunk is a whole answer with the usage so far; calls arrive complete; the first call of a turn is signed.

use bytes::BufMut;
use serde_json::{Value, json};

use super::{
    ask::Ask,
    config::MockConfig,
    reply::{Call, Reply},
    script::{Events, Script, Text},
    seal,
    talk::gemini::takes_ids,
};

/// Between two chunks of a list, as Google writes it.
const COMMA: &[u8] = b"\n,\r\n";

/// `POST …:generateContent`.
pub(super) fn whole(id: u64, ask: &Ask<'_>, reply: &Reply, config: &MockConfig) -> Script {
    let parts: Vec<Value> = chunks(id, ask, reply).into_iter().flat_map(|(_, parts)| parts).collect();
    // The pieces of a text are one part of a whole answer.
    let mut merged: Vec<Value> = Vec::new();
    for part in parts {
        match merged.last_mut() {
            Some(last) if continues(last, &part) => {
                last["text"] = json!([last["text"].as_str(), part["text"].as_str()].map(Option::unwrap_or_default).concat());
            }
            _ => merged.push(part),
        }
    }
    let mut body = answer(id, ask, json!({"role": "model", "parts": merged}));
    body["candidates"][0]["finishReason"] = json!(reason(reply));
    if config.usage {
        body["usageMetadata"] = usage(reply, reply.usage.completion);
    }
    Script::json(body.to_string(), reply.usage.prompt, reply.tokens())
}

/// `POST …:streamGenerateContent`, as events or as one list.
pub(super) fn stream(id: u64, ask: &Ask<'_>, reply: &Reply, sse: bool, config: &MockConfig) -> Script {
    let mut events = Events::default();
    let chunks = chunks(id, ask, reply);
    let last = chunks.len();
    let mut spent = 0;
    let ends = std::iter::once((0, vec![json!({"text": ""})]));
    for (at, (tokens, parts)) in chunks.into_iter().chain(ends).enumerate() {
        spent += tokens;
        let mut chunk = answer(id, ask, json!({"role": "model", "parts": parts}));
        if at == last {
            chunk["candidates"][0]["finishReason"] = json!(reason(reply));
        }
        if config.usage {
            let output = if at == last { reply.usage.completion } else { spent.min(reply.usage.completion) };
            chunk["usageMetadata"] = usage(reply, output);
        }
        events.push(tokens, false, |out| match (sse, at) {
            (true, _) => out.put_slice(format!("data: {chunk}\r\n\r\n").as_bytes()),
            (false, at) => {
                out.put_slice(if at == 0 { b"[" } else { COMMA });
                out.put_slice(chunk.to_string().as_bytes());
                if at == last {
                    out.put_slice(b"\n]\n");
                }
            }
        });
    }
    if sse {
        Script::stream(events, reply.usage.prompt).of_type("text/event-stream")
    } else {
        Script::pieces(events, "application/json", reply.usage.prompt)
    }
}

/// `POST …:countTokens`.
pub(super) fn count_tokens(ask: &Ask<'_>, config: &MockConfig) -> Script {
    let tokens = ask.prompt_tokens(config);
    let body = json!({"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]});
    Script::json(body.to_string(), 0, 0)
}

/// `GET …/models` with Google's key.
pub(super) fn models(config: &MockConfig) -> Script {
    let methods = ["generateContent", "countTokens"];
    let model =
        |id: &String| json!({"name": format!("models/{id}"), "displayName": id, "version": "001", "supportedGenerationMethods": methods});
    Script::json(json!({"models": config.models.iter().map(model).collect::<Vec<_>>()}).to_string(), 0, 0)
}

/// The parts of each chunk, with the tokens in it.
fn chunks(id: u64, ask: &Ask<'_>, reply: &Reply) -> Vec<(u64, Vec<Value>)> {
    let thoughts = reply.thought.iter().flat_map(Text::tokens).map(|token| (1, vec![json!({"text": token, "thought": true})]));
    let texts = reply.text.tokens().map(|token| (1, vec![json!({"text": token})]));
    let mut chunks: Vec<(u64, Vec<Value>)> = thoughts.chain(texts).collect();
    if reply.thought.is_some() && reply.calls.is_empty() {
        chunks.push((0, vec![json!({"text": "", "thoughtSignature": seal::thought(reply.text.whole())})]));
    }
    // Parallel calls come in one chunk.
    if !reply.calls.is_empty() {
        let tokens = reply.calls.iter().map(Call::tokens).sum();
        chunks.push((tokens, reply.calls.iter().map(|call| part(id, ask, call)).collect()));
    }
    chunks
}

fn part(id: u64, ask: &Ask<'_>, call: &Call) -> Value {
    let mut function = json!({"name": call.name});
    if !call.is_empty() {
        function["args"] = call.arguments.clone();
    }
    if takes_ids(ask.model()) {
        function["id"] = json!(call.id("", id));
    }
    let mut part = json!({"functionCall": function});
    if call.index == 0 {
        part["thoughtSignature"] = json!(seal::call(&call.name, &call.arguments));
    }
    part
}

fn continues(last: &Value, part: &Value) -> bool {
    let plain = |part: &Value| part["text"].is_string() && part.get("thoughtSignature").is_none();
    plain(last) && plain(part) && last.get("thought") == part.get("thought")
}

fn answer(id: u64, ask: &Ask<'_>, content: Value) -> Value {
    json!({"candidates": [{"content": content, "index": 0}], "modelVersion": ask.model(), "responseId": format!("mock{id:012}")})
}

/// The prompt includes what came from the cache; thoughts are apart from the candidates' tokens.
fn usage(reply: &Reply, output: u64) -> Value {
    let prompt = reply.usage.prompt;
    let thoughts = reply.usage.reasoning.min(output);
    let mut usage = json!({"promptTokenCount": prompt, "candidatesTokenCount": output - thoughts, "totalTokenCount": prompt + output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}]});
    if thoughts > 0 {
        usage["thoughtsTokenCount"] = json!(thoughts);
    }
    if reply.usage.cached > 0 {
        usage["cachedContentTokenCount"] = json!(reply.usage.cached);
    }
    usage
}

/// Calls end with `STOP` too.
fn reason(reply: &Reply) -> &'static str {
    if reply.cut() { "MAX_TOKENS" } else { "STOP" }
}
