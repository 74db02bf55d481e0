//! What the vendor was asked: valid in its own dialect, with nothing of another's, and nothing of the client's lost.
//!
//! Start at [`judge`]. What `x-fluxa-dropped` names is excused.

mod lost;

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    compare::Findings,
    dialect::{Client, Upstream},
    json,
    wish::Wish,
};
use crate::conformance::replay::Seen;

/// Fields at the top of a body that belong to other dialects.
const STRANGERS: [(Upstream, &[&str]); 3] = [
    (
        Upstream::Chat,
        &[
            "system",
            "contents",
            "input",
            "instructions",
            "max_output_tokens",
            "generationConfig",
            "systemInstruction",
            "toolConfig",
            "inferenceConfig",
            "anthropic_version",
            "stop_sequences",
            "safetySettings",
            "store_input",
        ],
    ),
    (
        Upstream::Messages,
        &[
            "contents",
            "input",
            "instructions",
            "max_output_tokens",
            "max_completion_tokens",
            "generationConfig",
            "systemInstruction",
            "toolConfig",
            "inferenceConfig",
            "stop",
            "stream_options",
            "n",
            "store",
            "reasoning_effort",
            "response_format",
            "parallel_tool_calls",
        ],
    ),
    (
        Upstream::Gemini,
        &[
            "messages",
            "system",
            "input",
            "instructions",
            "model",
            "stream",
            "stream_options",
            "max_tokens",
            "max_output_tokens",
            "max_completion_tokens",
            "temperature",
            "tool_choice",
            "inferenceConfig",
            "store",
        ],
    ),
];

/// All that Converse knows.
const CONVERSE_FIELDS: [&str; 11] = [
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "guardrailConfig",
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "promptVariables",
    "requestMetadata",
    "performanceConfig",
    "serviceTier",
];

/// Judges the request of a translated pair.
pub fn judge((client, upstream): (Client, Upstream), streams: bool, wish: &Wish, seen: &Seen, dropped: &str, findings: &mut Findings) {
    let Ok(body) = serde_json::from_slice::<Value>(&seen.body) else {
        findings.fail("vendor's side: the request is not JSON");
        return;
    };
    let mut faults = BTreeSet::new();
    path(upstream, streams, &seen.path, &mut faults);
    let strangers = STRANGERS.iter().find(|(of, _)| *of == upstream).map_or(&[][..], |(_, names)| names);
    for name in strangers {
        if body.get(name).is_some() {
            faults.insert(format!("a field {name} of another dialect"));
        }
    }
    match upstream {
        Upstream::Chat => chat(&body, streams, &mut faults),
        Upstream::Messages => messages(&body, streams, &mut faults),
        Upstream::Gemini => gemini(&body, &mut faults),
        Upstream::Converse => converse(&body, &mut faults),
    }
    findings.failures.extend(faults.into_iter().map(|fault| format!("vendor's side: {fault}")));
    lost::judge(client, wish, &body, dropped, findings);
}

fn path(upstream: Upstream, streams: bool, path: &str, faults: &mut BTreeSet<String>) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let right = match upstream {
        Upstream::Chat => path.ends_with("/chat/completions"),
        Upstream::Messages => path.ends_with("/v1/messages"),
        Upstream::Gemini if streams => path.ends_with(":streamGenerateContent") && query.split('&').any(|pair| pair == "alt=sse"),
        Upstream::Gemini => path.ends_with(":generateContent"),
        Upstream::Converse => path.starts_with("/model/") && path.ends_with(if streams { "/converse-stream" } else { "/converse" }),
    };
    if !right {
        faults.insert(format!("asked at {path:?} {query:?}"));
    }
}

fn chat(body: &Value, streams: bool, faults: &mut BTreeSet<String>) {
    let mut must = |holds: bool, what: &str| {
        if !holds {
            faults.insert(what.to_owned());
        }
    };
    must((body.get("stream") == Some(&Value::Bool(true))) == streams, "stream is not what the client asked");
    let messages = json::list(body, "/messages");
    must(!messages.is_empty(), "no messages");
    // Calls that wait for their results.
    let mut waiting: Vec<&str> = Vec::new();
    for message in messages {
        let role = json::text(message, "/role");
        must(matches!(role, "system" | "developer" | "user" | "assistant" | "tool"), "a role that is none");
        if role == "tool" {
            let id = json::text(message, "/tool_call_id");
            let known = waiting.iter().position(|have| *have == id);
            must(known.is_some(), "a tool message that answers no call");
            if let Some(at) = known {
                waiting.remove(at);
            }
            must(json::has(message, "/content"), "a tool message without content");
            continue;
        }
        must(waiting.is_empty(), "a call without its result");
        waiting = json::list(message, "/tool_calls").iter().map(|call| json::text(call, "/id")).collect();
        for call in json::list(message, "/tool_calls") {
            let sound = serde_json::from_str::<Value>(json::text(call, "/function/arguments")).is_ok_and(|json| json.is_object());
            must(sound && !json::text(call, "/function/name").is_empty(), "a call without name or with arguments that are no object");
        }
        must(json::has(message, "/content") || !waiting.is_empty(), "a message with nothing in it");
    }
    must(waiting.is_empty(), "a call without its result");
    for tool in json::list(body, "/tools") {
        must(!json::text(tool, "/function/name").is_empty(), "a tool without name");
        must(tool.pointer("/function/parameters").is_none_or(Value::is_object), "a tool whose parameters are no object");
    }
}

fn messages(body: &Value, streams: bool, faults: &mut BTreeSet<String>) {
    let mut must = |holds: bool, what: &str| {
        if !holds {
            faults.insert(what.to_owned());
        }
    };
    must((body.get("stream") == Some(&Value::Bool(true))) == streams, "stream is not what the client asked");
    must(json::count(body, "/max_tokens").is_some_and(|tokens| tokens > 0), "no max_tokens");
    let turns = json::list(body, "/messages");
    must(turns.first().is_some_and(|turn| json::text(turn, "/role") == "user"), "the first turn is not the user's");
    let mut waiting: Vec<&str> = Vec::new();
    let mut has_calls = false;
    for turn in turns {
        let role = json::text(turn, "/role");
        must(matches!(role, "user" | "assistant"), "a role that is none");
        let blocks = json::list(turn, "/content");
        must(!blocks.is_empty() || !json::text(turn, "/content").is_empty(), "a turn with nothing in it");
        let mut others = false;
        let mut results: Vec<&str> = Vec::new();
        let mut calls: Vec<&str> = Vec::new();
        for block in blocks {
            match json::text(block, "/type") {
                "tool_result" => {
                    must(!others, "a tool_result behind other blocks");
                    results.push(json::text(block, "/tool_use_id"));
                    continue;
                }
                "tool_use" => {
                    calls.push(json::text(block, "/id"));
                    must(block.get("input").is_some_and(Value::is_object), "a tool_use whose input is no object");
                    let sound = json::text(block, "/id").bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
                    must(sound, "a tool_use id with characters that are refused");
                }
                "text" => must(!json::text(block, "/text").trim().is_empty(), "an empty text block"),
                "thinking" => must(!json::text(block, "/signature").is_empty(), "thinking without signature"),
                _ => {}
            }
            others = true;
        }
        waiting.sort_unstable();
        results.sort_unstable();
        must(waiting == results, "results are not those of the calls of the turn before");
        has_calls |= !calls.is_empty();
        waiting = calls;
    }
    must(waiting.is_empty(), "a call without its result");
    must(!has_calls || !json::list(body, "/tools").is_empty(), "calls in the history, but no tools");
    for tool in json::list(body, "/tools") {
        let name = json::text(tool, "/name");
        must(
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')),
            "a tool's name that is refused",
        );
        must(json::text(tool, "/input_schema/type") == "object", "a tool whose input_schema is no object");
    }
}

fn gemini(body: &Value, faults: &mut BTreeSet<String>) {
    let mut must = |holds: bool, what: &str| {
        if !holds {
            faults.insert(what.to_owned());
        }
    };
    let contents = json::list(body, "/contents");
    must(!contents.is_empty(), "no contents");
    must(contents.first().is_some_and(|content| json::text(content, "/role") == "user"), "the first content is not the user's");
    let mut waiting: Vec<&str> = Vec::new();
    let mut last = "";
    for content in contents {
        let role = json::text(content, "/role");
        must(matches!(role, "user" | "model"), "a role that is none");
        must(role != last, "two contents of one role in a row");
        last = role;
        let parts = json::list(content, "/parts");
        must(!parts.is_empty(), "a content without parts");
        let mut results: Vec<&str> = Vec::new();
        let mut calls: Vec<&str> = Vec::new();
        for part in parts {
            if let Some(result) = part.get("functionResponse") {
                must(result.get("response").is_some_and(Value::is_object), "a functionResponse whose response is no object");
                results.push(json::text(result, "/name"));
            } else if let Some(call) = part.get("functionCall") {
                must(call.get("args").is_none_or(Value::is_object), "a functionCall whose args are no object");
                calls.push(json::text(call, "/name"));
            } else {
                let held = part.as_object().is_some_and(|part| part.keys().any(|key| key != "thought" && key != "thoughtSignature"));
                must(held, "a part with nothing in it");
            }
        }
        waiting.sort_unstable();
        results.sort_unstable();
        must(waiting == results, "functionResponses are not those of the calls before");
        waiting = calls;
    }
    must(
        json::list(body, "/tools").iter().filter(|tool| json::has(tool, "/functionDeclarations")).count() <= 1,
        "functions in several tools",
    );
}

fn converse(body: &Value, faults: &mut BTreeSet<String>) {
    for name in body.as_object().into_iter().flat_map(|body| body.keys()) {
        if !CONVERSE_FIELDS.contains(&name.as_str()) && name != "outputConfig" {
            faults.insert(format!("a field {name} that Converse does not know"));
        }
    }
    let mut must = |holds: bool, what: &str| {
        if !holds {
            faults.insert(what.to_owned());
        }
    };
    let turns = json::list(body, "/messages");
    must(turns.first().is_some_and(|turn| json::text(turn, "/role") == "user"), "the first turn is not the user's");
    let mut waiting: Vec<&str> = Vec::new();
    let (mut last, mut has_calls) = ("", false);
    for turn in turns {
        let role = json::text(turn, "/role");
        must(matches!(role, "user" | "assistant") && role != last, "roles that are none, or do not alternate");
        last = role;
        let blocks = json::list(turn, "/content");
        must(!blocks.is_empty(), "a turn with nothing in it");
        let mut results: Vec<&str> = Vec::new();
        let mut calls: Vec<&str> = Vec::new();
        for block in blocks {
            must(block.get("text").is_none_or(|text| text.as_str().is_some_and(|text| !text.trim().is_empty())), "a blank text block");
            if let Some(result) = block.get("toolResult") {
                results.push(json::text(result, "/toolUseId"));
                must(!json::list(result, "/content").is_empty(), "a toolResult with nothing in it");
            }
            if let Some(call) = block.get("toolUse") {
                calls.push(json::text(call, "/toolUseId"));
                must(call.get("input").is_some_and(Value::is_object), "a toolUse whose input is no object");
            }
        }
        waiting.sort_unstable();
        results.sort_unstable();
        must(waiting == results, "results are not those of the calls of the turn before");
        has_calls |= !calls.is_empty();
        waiting = calls;
    }
    must(!has_calls || !json::list(body, "/toolConfig/tools").is_empty(), "calls in the history, but no toolConfig");
    for tool in json::list(body, "/toolConfig/tools").iter().filter_map(|tool| tool.get("toolSpec")) {
        must(tool.pointer("/inputSchema/json").is_some_and(Value::is_object), "a tool whose schema is no object");
        must(tool.get("description").is_none_or(|text| text.as_str().is_some_and(|text| !text.is_empty())), "an empty description");
    }
}

#[cfg(test)]
mod tests;
