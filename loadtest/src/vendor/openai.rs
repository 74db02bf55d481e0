//! OpenAI's chat and text completions, whole and streamed. Start at [`chat`].
//!
//! Event order and usage rules are those of the API: a role event, text events, a finish event, a usage event with no
//! choices only if asked for, `[DONE]`.

mod agent;
pub(super) mod media;
pub(super) mod responses;

use std::fmt::Write as _;

use bytes::{BufMut, BytesMut};

use super::{
    ask::Ask,
    config::MockConfig,
    script::{Events, Script, Text, Usage, created, escaped},
};

pub(super) use agent::agent;

const DONE: &[u8] = b"data: [DONE]\n\n";

/// How many bytes of a tool call's arguments go into one event.
const ARGUMENT_BYTES: usize = 6;

/// `POST …/chat/completions`.
pub(super) fn chat(id: u64, ask: &Ask<'_>, config: &MockConfig) -> Script {
    match (ask.tool(config), ask.stream()) {
        (Some(tool), true) => tool_stream(id, &tool, ask, config),
        (Some(tool), false) => tool_whole(id, &tool, ask, config),
        (None, true) => chat_stream(id, ask, config),
        (None, false) => chat_whole(id, ask, config),
    }
}

/// `POST …/completions`.
pub(super) fn completions(id: u64, ask: &Ask<'_>, config: &MockConfig) -> Script {
    let text = Text::of(ask, config);
    let usage = Usage::of(ask, config, text.count());
    let reason = finish_reason(&text);
    if !ask.stream() {
        let body = format!(
            r#"{{{}"choices":[{{"text":"{}","index":0,"logprobs":null,"finish_reason":"{reason}"}}]{}}}"#,
            head("cmpl", "text_completion", id, ask),
            escaped(text.whole()),
            usage_field(&usage, config.usage),
        );
        return Script::json(body, usage.prompt, text.count());
    }
    let frame = Frame::new("cmpl", "text_completion", id, ask, config);
    let mut events = Events::with_capacity(text.count() as usize + 4, 0);
    for token in text.tokens() {
        let choice = format!(r#"{{"text":"{}","index":0,"logprobs":null,"finish_reason":null}}"#, escaped(token));
        events.push(1, text.stamped, |out| frame.write(out, &choice));
    }
    let finish = format!(r#"{{"text":"","index":0,"logprobs":null,"finish_reason":"{reason}"}}"#);
    events.push(0, false, |out| frame.write(out, &finish));
    frame.end(&mut events, &usage);
    Script::stream(events, usage.prompt)
}

fn chat_whole(id: u64, ask: &Ask<'_>, config: &MockConfig) -> Script {
    let text = Text::of(ask, config);
    let usage = Usage::of(ask, config, text.count());
    let body = format!(
        r#"{{{}"choices":[{{"index":0,"message":{{"role":"assistant","content":"{}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"{}"}}]{}}}"#,
        head("chatcmpl", "chat.completion", id, ask),
        escaped(text.whole()),
        finish_reason(&text),
        usage_field(&usage, config.usage),
    );
    Script::json(body, usage.prompt, text.count())
}

fn chat_stream(id: u64, ask: &Ask<'_>, config: &MockConfig) -> Script {
    let text = Text::of(ask, config);
    let usage = Usage::of(ask, config, text.count());
    let frame = Frame::new("chatcmpl", "chat.completion.chunk", id, ask, config);
    let mut events = Events::with_capacity(text.count() as usize + 4, frame.start.len() + 96);
    events.push(0, false, |out| frame.delta(out, r#""role":"assistant","content":"","refusal":null"#, "null"));
    for token in text.tokens() {
        let delta = format!(r#""content":"{}""#, escaped(token));
        events.push(1, text.stamped, |out| frame.delta(out, &delta, "null"));
    }
    let reason = format!(r#""{}""#, finish_reason(&text));
    events.push(0, false, |out| frame.delta(out, "", &reason));
    frame.end(&mut events, &usage);
    Script::stream(events, usage.prompt)
}

fn tool_whole(id: u64, tool: &str, ask: &Ask<'_>, config: &MockConfig) -> Script {
    let tokens = arguments(config).count() as u64;
    let usage = Usage::of(ask, config, tokens);
    let body = format!(
        r#"{{{}"choices":[{{"index":0,"message":{{"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":[{{"id":"call_mock{id}","type":"function","function":{{"name":"{}","arguments":"{}"}}}}]}},"logprobs":null,"finish_reason":"tool_calls"}}]{}}}"#,
        head("chatcmpl", "chat.completion", id, ask),
        escaped(tool),
        escaped(&config.tool_arguments),
        usage_field(&usage, config.usage),
    );
    Script::json(body, usage.prompt, tokens)
}

fn tool_stream(id: u64, tool: &str, ask: &Ask<'_>, config: &MockConfig) -> Script {
    let frame = Frame::new("chatcmpl", "chat.completion.chunk", id, ask, config);
    let mut events = Events::default();
    let start = format!(
        r#""role":"assistant","content":null,"tool_calls":[{{"index":0,"id":"call_mock{id}","type":"function","function":{{"name":"{}","arguments":""}}}}],"refusal":null"#,
        escaped(tool)
    );
    events.push(0, false, |out| frame.delta(out, &start, "null"));
    let mut tokens = 0;
    for part in arguments(config) {
        let delta = format!(r#""tool_calls":[{{"index":0,"function":{{"arguments":"{}"}}}}]"#, escaped(part));
        events.push(1, false, |out| frame.delta(out, &delta, "null"));
        tokens += 1;
    }
    events.push(0, false, |out| frame.delta(out, "", r#""tool_calls""#));
    let usage = Usage::of(ask, config, tokens);
    frame.end(&mut events, &usage);
    Script::stream(events, usage.prompt)
}

/// What all events of one stream share.
struct Frame {
    start: String,
    end: &'static str,
    usage: bool,
}

impl Frame {
    fn new(prefix: &str, object: &str, id: u64, ask: &Ask<'_>, config: &MockConfig) -> Self {
        let asked = ask.include_usage();
        let end = if asked { "],\"usage\":null}\n\n" } else { "]}\n\n" };
        let start = format!(r#"data: {{{}"choices":["#, head(prefix, object, id, ask));
        Self { start, end, usage: config.usage && (asked || config.usage_unasked) }
    }

    fn write(&self, out: &mut BytesMut, choice: &str) {
        out.reserve(self.start.len() + choice.len() + self.end.len());
        out.put_slice(self.start.as_bytes());
        out.put_slice(choice.as_bytes());
        out.put_slice(self.end.as_bytes());
    }

    fn delta(&self, out: &mut BytesMut, delta: &str, reason: &str) {
        let choice = format!(r#"{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":{reason}}}"#);
        self.write(out, &choice);
    }

    fn end(&self, events: &mut Events, usage: &Usage) {
        if self.usage {
            let body = format!("{}]{}}}\n\n", self.start, usage_field(usage, true));
            events.push(0, false, |out| out.put_slice(body.as_bytes()));
        }
        events.push(0, false, |out| out.put_slice(DONE));
    }
}

/// The pieces of the configured tool arguments, cut at characters.
pub(super) fn arguments(config: &MockConfig) -> impl Iterator<Item = &str> {
    fragments(&config.tool_arguments)
}

/// JSON text in fragments, cut at characters.
pub(super) fn fragments(arguments: &str) -> impl Iterator<Item = &str> {
    let mut rest = arguments;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, after) = rest.split_at(rest.ceil_char_boundary(ARGUMENT_BYTES));
        rest = after;
        Some(part)
    })
}

fn head(prefix: &str, object: &str, id: u64, ask: &Ask<'_>) -> String {
    let created = created();
    let model = escaped(ask.model());
    let mut head = String::with_capacity(224);
    // Writing to a String cannot fail.
    let _ = write!(
        head,
        r#""id":"{prefix}-mock{id:012}","object":"{object}","created":{created},"model":"{model}","service_tier":"default","system_fingerprint":"fp_mock","#
    );
    head
}

fn usage_field(usage: &Usage, on: bool) -> String {
    if !on {
        return String::new();
    }
    let Usage { prompt, completion, cached, reasoning, .. } = usage;
    let total = prompt + completion;
    format!(
        r#","usage":{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{cached},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{reasoning},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#
    )
}

fn finish_reason(text: &Text) -> &'static str {
    if text.cut { "length" } else { "stop" }
}
