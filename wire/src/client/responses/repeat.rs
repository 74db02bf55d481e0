//! The members of a response that repeat the request, with what OpenAI says where the request was silent.
//!
//! Source: recorded responses; `types/responses/response.py` of the OpenAI SDK for the members that must be there.

use serde_json::{Map, Value, json};

/// A request's wish for log-probabilities, which a stream's writer must know of; never part of a response.
pub(super) const LOGPROBS: &str = "message.output_text.logprobs";

/// The members in OpenAI's order, and what they are where nothing was said. `service_tier` is told at the end.
fn defaults() -> Value {
    json!({
        "background": false,
        "instructions": null,
        "max_output_tokens": null,
        "max_tool_calls": null,
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "prompt_cache_key": null,
        "reasoning": {"effort": null, "summary": null},
        "safety_identifier": null,
        "service_tier": "auto",
        "store": true,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": null,
        "metadata": {},
    })
}

/// The members as a response gives them: what was said, and the defaults for the rest.
pub(super) fn of(mut said: Map<String, Value>) -> Map<String, Value> {
    let Value::Object(mut repeat) = defaults() else { return said };
    for (name, default) in &mut repeat {
        match (said.remove(name), default) {
            (None | Some(Value::Null), _) => {}
            // Members of members are defaulted too: a client may give `text.verbosity` alone.
            (Some(Value::Object(said)), Value::Object(default)) => default.extend(said),
            (Some(said), default) => *default = said,
        }
    }
    if let Some(Value::Array(tools)) = repeat.get_mut("tools") {
        tools.iter_mut().for_each(complete_tool);
    }
    repeat
}

/// The members for which a request that was read is asked later.
pub(super) fn of_request(request: &Map<String, Value>) -> Map<String, Value> {
    let Value::Object(names) = defaults() else { return Map::new() };
    let said = names.keys().filter_map(|name| request.get_key_value(name)).map(|(name, value)| (name.clone(), value.clone()));
    let mut repeat = of(said.collect());
    if wants_logprobs(request) {
        repeat.insert(String::from("include"), json!([LOGPROBS]));
    }
    repeat
}

/// The request asks for log-probabilities of the text.
pub(super) fn wants_logprobs(members: &Map<String, Value>) -> bool {
    let include = members.get("include").and_then(Value::as_array);
    include.is_some_and(|include| include.iter().any(|name| name == LOGPROBS))
}

/// A function in a response always has these members, if only with null.
fn complete_tool(tool: &mut Value) {
    if let Value::Object(tool) = tool
        && tool.get("type").is_some_and(|kind| kind == "function")
    {
        for name in ["description", "parameters", "strict"] {
            tool.entry(name).or_insert(Value::Null);
        }
    }
}
