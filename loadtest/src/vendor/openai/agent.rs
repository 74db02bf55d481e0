//! A chat of an agent: reasoning, text and several calls, whole and streamed.

use serde_json::{Value, json};

use super::{Frame, escaped, fragments, head, usage_field};
use crate::vendor::{
    ask::Ask,
    config::MockConfig,
    reply::{Call, Reply},
    script::{Events, Script, Text},
};

/// `POST …/chat/completions` of an agent.
pub(in crate::vendor) fn agent(id: u64, ask: &Ask<'_>, reply: &Reply, config: &MockConfig) -> Script {
    if ask.stream() { stream(id, ask, reply, config) } else { whole(id, ask, reply, config) }
}

fn whole(id: u64, ask: &Ask<'_>, reply: &Reply, config: &MockConfig) -> Script {
    let mut message = json!({"role": "assistant", "content": null, "refusal": null});
    if reply.text.count() > 0 {
        message["content"] = json!(reply.text.whole());
    }
    if let Some(thought) = &reply.thought {
        message["reasoning_content"] = json!(thought.whole());
    }
    if !reply.calls.is_empty() {
        let call = |call: &Call| json!({"id": call.id("call_", id), "type": "function", "function": {"name": call.name, "arguments": call.text()}});
        message["tool_calls"] = reply.calls.iter().map(call).collect();
    }
    let body = format!(
        r#"{{{}"choices":[{{"index":0,"message":{message},"logprobs":null,"finish_reason":"{}"}}]{}}}"#,
        head("chatcmpl", "chat.completion", id, ask),
        reason(reply),
        usage_field(&reply.usage, config.usage),
    );
    Script::json(body, reply.usage.prompt, reply.tokens())
}

fn stream(id: u64, ask: &Ask<'_>, reply: &Reply, config: &MockConfig) -> Script {
    let frame = Frame::new("chatcmpl", "chat.completion.chunk", id, ask, config);
    let mut events = Events::default();
    events.push(0, false, |out| frame.delta(out, r#""role":"assistant","content":"","refusal":null"#, "null"));
    for token in reply.thought.iter().flat_map(Text::tokens) {
        let delta = format!(r#""reasoning_content":"{}""#, escaped(token));
        events.push(1, false, |out| frame.delta(out, &delta, "null"));
    }
    for token in reply.text.tokens() {
        let delta = format!(r#""content":"{}""#, escaped(token));
        events.push(1, false, |out| frame.delta(out, &delta, "null"));
    }
    for (tokens, entry) in deltas(id, reply, config.tangled) {
        let delta = format!(r#""tool_calls":[{entry}]"#);
        events.push(tokens, false, |out| frame.delta(out, &delta, "null"));
    }
    events.push(0, false, |out| frame.delta(out, "", &format!(r#""{}""#, reason(reply))));
    frame.end(&mut events, &reply.usage);
    Script::stream(events, reply.usage.prompt)
}

/// The beginnings and fragments of all calls with their tokens: one call after the other, or in turns.
fn deltas(id: u64, reply: &Reply, tangled: bool) -> Vec<(u64, Value)> {
    let mut each: Vec<Vec<(u64, Value)>> = reply.calls.iter().map(|call| call_deltas(id, call)).collect();
    if !tangled {
        return each.into_iter().flatten().collect();
    }
    let longest = each.iter().map(Vec::len).max().unwrap_or(0);
    each.iter_mut().for_each(|deltas| deltas.reverse());
    (0..longest).flat_map(|_| each.iter_mut().filter_map(Vec::pop).collect::<Vec<_>>()).collect()
}

fn call_deltas(id: u64, call: &Call) -> Vec<(u64, Value)> {
    let index = call.index;
    let start = json!({"index": index, "id": call.id("call_", id), "type": "function", "function": {"name": call.name, "arguments": ""}});
    let text = call.text();
    // The braces of a call without arguments are no token of their own.
    let tokens = u64::from(!call.is_empty());
    let rest = fragments(&text).map(|part| (tokens, json!({"index": index, "function": {"arguments": part}})));
    std::iter::once((1, start)).chain(rest).collect()
}

fn reason(reply: &Reply) -> &'static str {
    match (reply.calls.is_empty(), reply.cut()) {
        (false, _) => "tool_calls",
        (true, true) => "length",
        (true, false) => "stop",
    }
}
