//! OpenAI's Responses API, whole and streamed: every event has its `event:` line and a `sequence_number`, the last one
//! carries the whole response, and there is no `[DONE]`.

use bytes::BufMut;
use serde_json::{Value, json};

use crate::vendor::{
    ask::Ask,
    config::MockConfig,
    openai::arguments,
    script::{Events, Script, Text, Usage, created},
};

/// `POST …/responses`.
pub(in crate::vendor) fn responses(id: u64, ask: &Ask<'_>, config: &MockConfig) -> Script {
    let reply = Reply::new(id, ask, config);
    if ask.stream() { reply.stream(config) } else { reply.whole(config) }
}

/// The answer in parts that both forms use.
struct Reply {
    id: u64,
    model: String,
    created: u64,
    text: Text,
    tool: Option<String>,
    usage: Usage,
}

/// Numbers the events of one stream.
struct Numbered {
    events: Events,
    next: u64,
}

impl Reply {
    fn new(id: u64, ask: &Ask<'_>, config: &MockConfig) -> Self {
        let text = Text::of(ask, config);
        let tool = ask.tool(config);
        let tokens = if tool.is_some() { arguments(config).count() as u64 } else { text.count() };
        let usage = Usage::of(ask, config, tokens);
        Self { id, model: ask.model().to_owned(), created: created(), text, tool, usage }
    }

    fn whole(&self, config: &MockConfig) -> Script {
        let tokens = if self.tool.is_some() { arguments(config).count() as u64 } else { self.text.count() };
        Script::json(self.completed(config).to_string(), self.usage.prompt, tokens)
    }

    fn stream(&self, config: &MockConfig) -> Script {
        let mut out = Numbered { events: Events::default(), next: 0 };
        let open = self.response("in_progress", Value::Array(Vec::new()), false);
        out.push("response.created", 0, false, json!({"response": open}));
        out.push("response.in_progress", 0, false, json!({"response": open}));
        let item = self.item(config, false);
        let item_id = item["id"].clone();
        out.push("response.output_item.added", 0, false, json!({"output_index": 0, "item": item}));
        if self.tool.is_some() {
            let at = json!({"item_id": item_id, "output_index": 0});
            for part in arguments(config) {
                out.push("response.function_call_arguments.delta", 1, false, with(&at, "delta", json!(part)));
            }
            let whole = with(&at, "arguments", json!(config.tool_arguments));
            out.push("response.function_call_arguments.done", 0, false, whole);
        } else {
            let at = json!({"item_id": item_id, "output_index": 0, "content_index": 0});
            let empty = json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
            out.push("response.content_part.added", 0, false, with(&at, "part", empty));
            for token in self.text.tokens() {
                let delta = with(&with(&at, "delta", json!(token)), "logprobs", json!([]));
                out.push("response.output_text.delta", 1, self.text.stamped, delta);
            }
            let text = with(&with(&at, "text", json!(self.text.whole())), "logprobs", json!([]));
            out.push("response.output_text.done", 0, false, text);
            out.push("response.content_part.done", 0, false, with(&at, "part", self.part()));
        }
        let item = self.item(config, true);
        out.push("response.output_item.done", 0, false, json!({"output_index": 0, "item": item}));
        let last = if self.cut() { "response.incomplete" } else { "response.completed" };
        out.push(last, 0, false, json!({"response": self.completed(config)}));
        Script::stream(out.events, self.usage.prompt)
    }

    fn completed(&self, config: &MockConfig) -> Value {
        let status = if self.cut() { "incomplete" } else { "completed" };
        self.response(status, json!([self.item(config, true)]), config.usage)
    }

    fn cut(&self) -> bool {
        self.tool.is_none() && self.text.cut
    }

    fn response(&self, status: &str, output: Value, usage: bool) -> Value {
        let Usage { prompt, completion, cached, reasoning, .. } = self.usage;
        let incomplete = if status == "incomplete" { json!({"reason": "max_output_tokens"}) } else { Value::Null };
        let usage = if usage {
            json!({"input_tokens": prompt, "input_tokens_details": {"cached_tokens": cached},
                "output_tokens": completion, "output_tokens_details": {"reasoning_tokens": reasoning},
                "total_tokens": prompt + completion})
        } else {
            Value::Null
        };
        json!({
            "id": format!("resp_mock{:012}", self.id), "object": "response", "created_at": self.created,
            "status": status, "error": null, "incomplete_details": incomplete, "instructions": null,
            "model": self.model, "output": output, "parallel_tool_calls": true, "tool_choice": "auto", "tools": [],
            "usage": usage, "metadata": {}
        })
    }

    fn item(&self, config: &MockConfig, done: bool) -> Value {
        let status = match (done, self.cut()) {
            (false, _) => "in_progress",
            (true, true) => "incomplete",
            (true, false) => "completed",
        };
        match &self.tool {
            Some(name) => json!({
                "id": format!("fc_mock{:012}", self.id), "type": "function_call", "status": status,
                "call_id": format!("call_mock{}", self.id), "name": name,
                "arguments": if done { config.tool_arguments.as_str() } else { "" }
            }),
            None => json!({
                "id": format!("msg_mock{:012}", self.id), "type": "message", "status": status, "role": "assistant",
                "content": if done { json!([self.part()]) } else { json!([]) }
            }),
        }
    }

    fn part(&self) -> Value {
        json!({"type": "output_text", "text": self.text.whole(), "annotations": [], "logprobs": []})
    }
}

impl Numbered {
    fn push(&mut self, kind: &str, tokens: u64, stamped: bool, fields: Value) {
        let mut event = json!({"type": kind, "sequence_number": self.next});
        self.next += 1;
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        self.events.push(tokens, stamped, |out| out.put_slice(format!("event: {kind}\ndata: {event}\n\n").as_bytes()));
    }
}

fn with(fields: &Value, name: &str, value: Value) -> Value {
    let mut fields = fields.clone();
    fields[name] = value;
    fields
}
