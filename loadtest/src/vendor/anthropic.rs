//! Anthropic's messages, whole and streamed, with its token count and model list. Start at [`messages`].
//!
//! `message_start`, one content block with a ping after its start, `message_delta` with the cumulative output tokens,
//! `message_stop`.

mod agent;

use bytes::BufMut;
use serde_json::{Value, json};

use super::{
    ask::Ask,
    config::MockConfig,
    openai::arguments,
    script::{Events, Script, Text, Usage, escaped},
};

pub(super) use agent::agent;

/// `POST …/messages`.
pub(super) fn messages(id: u64, ask: &Ask<'_>, config: &MockConfig) -> Script {
    let text = Text::of(ask, config);
    let tool = ask.tool(config);
    let tokens = if tool.is_some() { arguments(config).count() as u64 } else { text.count() };
    let usage = Usage::of(ask, config, tokens);
    let script = if ask.stream() {
        Script::stream(stream(id, ask, config, &text, tool.as_deref(), &usage), usage.prompt)
    } else {
        let body = whole(id, ask, config, &text, tool.as_deref(), &usage);
        Script::json(body, usage.prompt, tokens)
    };
    Script { headers: [script.headers, vec![("request-id", format!("req_mock{id:012}"))]].concat(), ..script }
}

/// `POST …/messages/count_tokens`.
pub(super) fn count_tokens(ask: &Ask<'_>, config: &MockConfig) -> Script {
    let tokens = ask.prompt_tokens(config);
    Script::json(json!({"input_tokens": tokens}).to_string(), 0, 0)
}

/// `GET …/models` with an `anthropic-version`.
pub(super) fn models(config: &MockConfig) -> Script {
    let data: Vec<Value> = config
        .models
        .iter()
        .map(|id| json!({"type": "model", "id": id, "display_name": id, "created_at": "2025-01-01T00:00:00Z"}))
        .collect();
    let body = json!({
        "data": data, "has_more": false, "first_id": config.models.first(), "last_id": config.models.last()
    });
    Script::json(body.to_string(), 0, 0)
}

/// What a real endpoint insists on: a reason why it would refuse, or none.
pub(super) fn complaint(ask: &Ask<'_>, version: bool) -> Option<&'static str> {
    if !version {
        return Some("anthropic-version: header is required");
    }
    if ask.max_tokens().is_none() {
        return Some("max_tokens: Field required");
    }
    None
}

fn whole(id: u64, ask: &Ask<'_>, config: &MockConfig, text: &Text, tool: Option<&str>, usage: &Usage) -> String {
    let content = match tool {
        Some(name) => {
            format!(r#"{{"type":"tool_use","id":"toolu_mock{id}","name":"{}","input":{}}}"#, escaped(name), config.tool_arguments)
        }
        None if text.count() == 0 => String::new(),
        None => format!(r#"{{"type":"text","text":"{}"}}"#, escaped(text.whole())),
    };
    let reason = stop_reason(text, tool);
    let usage = if config.usage { format!(r#","usage":{{{},"output_tokens":{}}}"#, input(usage), usage.completion) } else { String::new() };
    format!(
        r#"{{"id":"msg_mock{id:012}","type":"message","role":"assistant","model":"{}","content":[{content}],"stop_reason":"{reason}","stop_sequence":null{usage}}}"#,
        escaped(ask.model())
    )
}

fn stream(id: u64, ask: &Ask<'_>, config: &MockConfig, text: &Text, tool: Option<&str>, usage: &Usage) -> Events {
    let mut events = Events::with_capacity(text.count() as usize + 6, 256);
    let mut push = |tokens: u64, kind: &str, stamped: bool, fields: &str| {
        events.push(tokens, stamped, |out| {
            for part in ["event: ", kind, "\ndata: {\"type\":\"", kind, "\"", fields, "}\n\n"] {
                out.put_slice(part.as_bytes());
            }
        });
    };
    let input = input(usage);
    let start_usage = if config.usage { format!(r#","usage":{{{input},"output_tokens":1}}"#) } else { String::new() };
    let message = format!(
        r#","message":{{"id":"msg_mock{id:012}","type":"message","role":"assistant","model":"{}","content":[],"stop_reason":null,"stop_sequence":null{start_usage}}}"#,
        escaped(ask.model())
    );
    push(0, "message_start", false, &message);
    let block = match tool {
        Some(name) => format!(r#"{{"type":"tool_use","id":"toolu_mock{id}","name":"{}","input":{{}}}}"#, escaped(name)),
        None => r#"{"type":"text","text":""}"#.to_owned(),
    };
    push(0, "content_block_start", false, &format!(r#","index":0,"content_block":{block}"#));
    push(0, "ping", false, "");
    if tool.is_some() {
        push(0, "content_block_delta", false, r#","index":0,"delta":{"type":"input_json_delta","partial_json":""}"#);
        for part in arguments(config) {
            let fields = format!(r#","index":0,"delta":{{"type":"input_json_delta","partial_json":"{}"}}"#, escaped(part));
            push(1, "content_block_delta", false, &fields);
        }
    } else {
        for token in text.tokens() {
            let fields = format!(r#","index":0,"delta":{{"type":"text_delta","text":"{}"}}"#, escaped(token));
            push(1, "content_block_delta", text.stamped, &fields);
        }
    }
    push(0, "content_block_stop", false, r#","index":0"#);
    let end_usage = if config.usage { format!(r#","usage":{{"output_tokens":{}}}"#, usage.completion) } else { String::new() };
    let reason = stop_reason(text, tool);
    push(0, "message_delta", false, &format!(r#","delta":{{"stop_reason":"{reason}","stop_sequence":null}}{end_usage}"#));
    push(0, "message_stop", false, "");
    events
}

/// Anthropic counts the cache apart from the input.
fn input(usage: &Usage) -> String {
    let Usage { prompt, cached, cache_write, .. } = usage;
    let fresh = prompt.saturating_sub(cached + cache_write);
    format!(r#""input_tokens":{fresh},"cache_creation_input_tokens":{cache_write},"cache_read_input_tokens":{cached}"#)
}

fn stop_reason(text: &Text, tool: Option<&str>) -> &'static str {
    match (tool, text.cut) {
        (Some(_), _) => "tool_use",
        (None, true) => "max_tokens",
        (None, false) => "end_turn",
    }
}
