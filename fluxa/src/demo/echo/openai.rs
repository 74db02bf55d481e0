//! OpenAI's shapes: chat, completions, responses, embeddings, models.

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::ask::Ask;

/// The demo's models do not age: any fixed second will do.
const CREATED: u64 = 1_763_800_000;
/// Numbers in an embedding, unless the request says otherwise.
const DIMENSIONS: usize = 64;
/// The most numbers in an embedding.
const MAX_DIMENSIONS: usize = 4_096;

/// An error.
#[must_use]
pub fn error(message: &str, code: &str) -> Value {
    json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": code } })
}

/// The model's own entry.
#[must_use]
pub fn model() -> Value {
    json!({ "id": "echo", "object": "model", "created": CREATED, "owned_by": "fluxa" })
}

fn usage(ask: &Ask) -> Value {
    json!({ "prompt_tokens": ask.input_tokens, "completion_tokens": ask.output_tokens(), "total_tokens": ask.input_tokens + ask.output_tokens() })
}

const fn finish(ask: &Ask) -> &'static str {
    if ask.cut { "length" } else { "stop" }
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// A chat completion.
#[must_use]
pub fn chat(ask: &Ask) -> Value {
    json!({
        "id": ask.id("chatcmpl-"), "object": "chat.completion", "created": CREATED, "model": ask.model,
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": ask.text(), "refusal": null }, "logprobs": null, "finish_reason": finish(ask) }],
        "usage": usage(ask),
    })
}

/// A chat completion as a stream.
#[must_use]
pub fn chat_events(ask: &Ask) -> Vec<String> {
    let id = ask.id("chatcmpl-");
    let chunk = |choices: Value, usage: Value| {
        let mut body = json!({ "id": id, "object": "chat.completion.chunk", "created": CREATED, "model": ask.model, "choices": choices });
        if let (true, Some(fields)) = (ask.include_usage, body.as_object_mut()) {
            fields.insert(String::from("usage"), usage);
        }
        event(&body)
    };
    let choice = |delta: Value, finish: Value| json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]);
    let mut events = vec![chunk(choice(json!({ "role": "assistant", "content": "", "refusal": null }), Value::Null), Value::Null)];
    events.extend(ask.words.iter().map(|word| chunk(choice(json!({ "content": word }), Value::Null), Value::Null)));
    events.push(chunk(choice(json!({}), finish(ask).into()), Value::Null));
    if ask.include_usage {
        events.push(chunk(json!([]), usage(ask)));
    }
    events.push(String::from("data: [DONE]\n\n"));
    events
}

/// A text completion.
#[must_use]
pub fn completion(ask: &Ask) -> Value {
    json!({
        "id": ask.id("cmpl-"), "object": "text_completion", "created": CREATED, "model": ask.model,
        "choices": [{ "index": 0, "text": ask.text(), "logprobs": null, "finish_reason": finish(ask) }],
        "usage": usage(ask),
    })
}

/// A text completion as a stream.
#[must_use]
pub fn completion_events(ask: &Ask) -> Vec<String> {
    let id = ask.id("cmpl-");
    let chunk =
        |choices: Value| json!({ "id": id, "object": "text_completion", "created": CREATED, "model": ask.model, "choices": choices });
    let choice = |text: &str, finish: Value| json!([{ "index": 0, "text": text, "logprobs": null, "finish_reason": finish }]);
    let mut events: Vec<String> = ask.words.iter().map(|word| event(&chunk(choice(word, Value::Null)))).collect();
    events.push(event(&chunk(choice("", finish(ask).into()))));
    if ask.include_usage {
        let mut last = chunk(json!([]));
        if let Some(fields) = last.as_object_mut() {
            fields.insert(String::from("usage"), usage(ask));
        }
        events.push(event(&last));
    }
    events.push(String::from("data: [DONE]\n\n"));
    events
}

fn output_item(ask: &Ask, status: &str, text: Option<&str>) -> Value {
    let content: Vec<Value> = text.map(|text| json!({ "type": "output_text", "text": text, "annotations": [] })).into_iter().collect();
    json!({ "id": ask.id("msg_"), "type": "message", "status": status, "role": "assistant", "content": content })
}

fn response_with(ask: &Ask, status: &str, output: Value, usage: Value) -> Value {
    let incomplete = if status == "incomplete" { json!({ "reason": "max_output_tokens" }) } else { Value::Null };
    json!({
        "id": ask.id("resp_"), "object": "response", "created_at": CREATED, "status": status, "error": null,
        "incomplete_details": incomplete, "model": ask.model, "output": output, "parallel_tool_calls": true,
        "tool_choice": "auto", "tools": [], "usage": usage,
    })
}

const fn response_status(ask: &Ask) -> &'static str {
    if ask.cut { "incomplete" } else { "completed" }
}

/// An answer of the Responses API.
#[must_use]
pub fn response(ask: &Ask) -> Value {
    let usage = json!({
        "input_tokens": ask.input_tokens, "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": ask.output_tokens(), "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": ask.input_tokens + ask.output_tokens(),
    });
    response_with(ask, response_status(ask), json!([output_item(ask, response_status(ask), Some(&ask.text()))]), usage)
}

/// An answer of the Responses API as a stream.
#[must_use]
pub fn response_events(ask: &Ask) -> Vec<String> {
    let item = ask.id("msg_");
    let text = ask.text();
    let started = response_with(ask, "in_progress", json!([]), Value::Null);
    let mut bodies = vec![
        json!({ "type": "response.created", "response": started }),
        json!({ "type": "response.in_progress", "response": started }),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": output_item(ask, "in_progress", None) }),
        json!({ "type": "response.content_part.added", "item_id": item, "output_index": 0, "content_index": 0, "part": { "type": "output_text", "text": "", "annotations": [] } }),
    ];
    bodies.extend(ask.words.iter().map(
        |word| json!({ "type": "response.output_text.delta", "item_id": item, "output_index": 0, "content_index": 0, "delta": word }),
    ));
    bodies.extend([
        json!({ "type": "response.output_text.done", "item_id": item, "output_index": 0, "content_index": 0, "text": text }),
        json!({ "type": "response.content_part.done", "item_id": item, "output_index": 0, "content_index": 0, "part": { "type": "output_text", "text": text, "annotations": [] } }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": output_item(ask, response_status(ask), Some(&text)) }),
        json!({ "type": format!("response.{}", response_status(ask)), "response": response(ask) }),
    ]);
    bodies
        .into_iter()
        .enumerate()
        .map(|(number, mut body)| {
            let name = body.get("type").and_then(Value::as_str).unwrap_or("error").to_owned();
            if let Some(fields) = body.as_object_mut() {
                fields.insert(String::from("sequence_number"), number.into());
            }
            format!("event: {name}\ndata: {body}\n\n")
        })
        .collect()
}

/// Embeddings: numbers that depend on the text alone, of length one, as floats or base64 (the SDK's default).
#[must_use]
pub fn embeddings(body: &Map<String, Value>, ask: &Ask) -> Value {
    let asked = body.get("dimensions").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let dimensions = asked.unwrap_or(DIMENSIONS).clamp(1, MAX_DIMENSIONS);
    let packed = body.get("encoding_format").and_then(Value::as_str) == Some("base64");
    let inputs: Vec<String> = match body.get("input") {
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(Value::String(text)) => vec![text.clone()],
        other => vec![other.map(Value::to_string).unwrap_or_default()],
    };
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = vector(text, dimensions);
            let embedding = if packed {
                let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                Value::String(base64::engine::general_purpose::STANDARD.encode(bytes))
            } else {
                json!(vector)
            };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    json!({ "object": "list", "data": data, "model": ask.model, "usage": { "prompt_tokens": ask.input_tokens, "total_tokens": ask.input_tokens } })
}

fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let raw: Vec<f32> = (0..dimensions)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f32::from(u16::try_from(state >> 48).unwrap_or(0)) / 32_768.0 - 1.0
        })
        .collect();
    let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    raw.into_iter().map(|x| x / length).collect()
}
