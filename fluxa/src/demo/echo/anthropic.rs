//! Anthropic's shapes: messages, whole and streamed.

use serde_json::{Value, json};

use super::ask::Ask;

const fn stop_reason(ask: &Ask) -> &'static str {
    if ask.cut { "max_tokens" } else { "end_turn" }
}

fn usage(ask: &Ask, output_tokens: u64) -> Value {
    json!({ "input_tokens": ask.input_tokens, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": output_tokens })
}

fn with(ask: &Ask, content: Value, stop_reason: Value, usage: Value) -> Value {
    json!({
        "id": ask.id("msg_"), "type": "message", "role": "assistant", "model": ask.model, "content": content,
        "stop_reason": stop_reason, "stop_sequence": null, "usage": usage,
    })
}

/// A message.
#[must_use]
pub fn message(ask: &Ask) -> Value {
    with(ask, json!([{ "type": "text", "text": ask.text() }]), stop_reason(ask).into(), usage(ask, ask.output_tokens()))
}

/// A message as a stream.
#[must_use]
pub fn message_events(ask: &Ask) -> Vec<String> {
    let event = |name: &str, data: Value| format!("event: {name}\ndata: {data}\n\n");
    let mut events = vec![
        event("message_start", json!({ "type": "message_start", "message": with(ask, json!([]), Value::Null, usage(ask, 1)) })),
        event("content_block_start", json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } })),
        event("ping", json!({ "type": "ping" })),
    ];
    events.extend(ask.words.iter().map(|word| {
        event("content_block_delta", json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": word } }))
    }));
    events.extend([
        event("content_block_stop", json!({ "type": "content_block_stop", "index": 0 })),
        event(
            "message_delta",
            json!({ "type": "message_delta", "delta": { "stop_reason": stop_reason(ask), "stop_sequence": null }, "usage": { "output_tokens": ask.output_tokens() } }),
        ),
        event("message_stop", json!({ "type": "message_stop" })),
    ]);
    events
}
