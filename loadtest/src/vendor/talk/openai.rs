//! What OpenAI's chat completions refuse.

use serde_json::Value;

use super::{Offer, Talk, has, is_name, items, said, stranger, text};
use crate::vendor::config::MockConfig;

const FIELDS: &str = "model messages stream stream_options max_completion_tokens max_tokens temperature top_p n stop seed presence_penalty \
    frequency_penalty logit_bias logprobs top_logprobs tools tool_choice parallel_tool_calls functions function_call response_format \
    reasoning_effort verbosity prediction modalities audio web_search_options metadata store user safety_identifier prompt_cache_key \
    prompt_cache_options prompt_cache_retention service_tier moderation";

/// The most characters of a function's name.
const NAME: usize = 64;

pub(in crate::vendor) fn read(body: &Value, config: &MockConfig) -> Result<Talk, String> {
    if let Some(field) = stranger(body, FIELDS).filter(|_| config.strict) {
        return Err(format!("Unrecognized request argument supplied: {field}"));
    }
    let mut talk = Talk { tools: tools(body)?, thinks: thinks(body), ..Talk::default() };
    if has(body, "tool_choice") && talk.tools.is_empty() {
        return Err("Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.".to_owned());
    }
    // The ids of the last turn's calls that have no answer yet.
    let mut open: Vec<String> = Vec::new();
    for (at, message) in items(body, "messages").iter().enumerate() {
        let role = text(message, "role");
        if role == "tool" {
            let id = text(message, "tool_call_id");
            let Some(place) = open.iter().position(|open| open == id) else {
                return Err(format!(
                    "messages[{at}]: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                ));
            };
            open.remove(place);
            only_text(at, message)?;
            talk.results.push(said(&message["content"]));
            continue;
        }
        answered(&open)?;
        match role {
            "assistant" => open = calls(at, message, config)?,
            "user" => content(at, &message["content"], &["text", "image_url", "input_audio", "file"])?,
            "system" | "developer" => content(at, &message["content"], &["text"])?,
            _ => {
                return Err(format!(
                    "Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'."
                ));
            }
        }
        talk.steps += usize::from(!open.is_empty());
    }
    answered(&open)?;
    Ok(talk)
}

fn tools(body: &Value) -> Result<Vec<Offer>, String> {
    if body["tools"].as_array().is_some_and(Vec::is_empty) {
        return Err("Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.".to_owned());
    }
    let read = |(at, tool): (usize, &Value)| {
        let function = &tool["function"];
        let name = text(function, "name");
        if text(tool, "type") != "function" || !is_name(name, "_-", NAME) {
            return Err(format!("Invalid 'tools[{at}].function.name': string does not match pattern. Expected '^[a-zA-Z0-9_-]{{1,64}}$'."));
        }
        if let Some(field) = stranger(tool, "type function").or_else(|| stranger(function, "name description parameters strict")) {
            return Err(format!("Unknown parameter: 'tools[{at}].{field}'."));
        }
        Ok(Offer { name: name.to_owned(), schema: function["parameters"].clone() })
    };
    items(body, "tools").iter().enumerate().map(read).collect()
}

/// OpenAI itself, and the ways of its imitators.
fn thinks(body: &Value) -> bool {
    let effort = body["reasoning_effort"].as_str().or_else(|| body["reasoning"]["effort"].as_str());
    effort.is_some_and(|effort| effort != "none") || body["thinking"]["type"] == "enabled" || body["enable_thinking"] == true
}

fn calls(at: usize, message: &Value, config: &MockConfig) -> Result<Vec<String>, String> {
    let calls = items(message, "tool_calls");
    if message["tool_calls"].as_array().is_some_and(Vec::is_empty) {
        return Err(format!("Invalid 'messages[{at}].tool_calls': empty array. Expected an array with minimum length 1."));
    }
    if calls.is_empty() && !has(message, "content") && !has(message, "refusal") {
        return Err(format!("Invalid value for 'content': expected a string, got null. (messages[{at}])"));
    }
    content(at, &message["content"], &["text", "refusal"])?;
    let reasoning = !text(message, "reasoning_content").is_empty();
    match config.reasoning_back {
        Some(true) if !calls.is_empty() && !reasoning => {
            return Err(format!("messages[{at}]: Missing `reasoning_content` field in the assistant message."));
        }
        Some(false) if message.get("reasoning_content").is_some() => {
            return Err(format!("messages[{at}].reasoning_content: Extra inputs are not permitted"));
        }
        _ => {}
    }
    let read = |(index, call): (usize, &Value)| {
        let place = format!("messages[{at}].tool_calls[{index}]");
        if text(call, "id").is_empty() || text(call, "type") != "function" {
            return Err(format!("Missing required parameter: '{place}.id' or type."));
        }
        if !is_name(text(&call["function"], "name"), "_-", NAME) {
            return Err(format!("Invalid '{place}.function.name': string does not match pattern."));
        }
        let Some(arguments) = call["function"]["arguments"].as_str() else {
            return Err(format!("Invalid type for '{place}.function.arguments': expected a string."));
        };
        if !serde_json::from_str::<Value>(arguments).is_ok_and(|arguments| arguments.is_object()) {
            return Err(format!("Invalid '{place}.function.arguments': not a JSON object."));
        }
        Ok(text(call, "id").to_owned())
    };
    calls.iter().enumerate().map(read).collect()
}

fn answered(open: &[String]) -> Result<(), String> {
    if open.is_empty() {
        return Ok(());
    }
    let ids = open.join(", ");
    Err(format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. \
         The following tool_call_ids did not have response messages: {ids}"
    ))
}

fn only_text(at: usize, message: &Value) -> Result<(), String> {
    if !has(message, "content") {
        return Err(format!("Missing required parameter: 'messages[{at}].content'."));
    }
    content(at, &message["content"], &["text"])
}

fn content(at: usize, content: &Value, kinds: &[&str]) -> Result<(), String> {
    match content {
        Value::Null | Value::String(_) => Ok(()),
        Value::Array(parts) if parts.is_empty() => Err(format!("Invalid 'messages[{at}].content': empty array.")),
        Value::Array(parts) => match parts.iter().find(|part| !kinds.contains(&text(part, "type"))) {
            Some(part) => {
                Err(format!("Invalid value: '{}' in messages[{at}].content. Supported values are: {kinds:?}.", text(part, "type")))
            }
            None if parts.iter().any(|part| part["type"] == "image_url" && !part["image_url"]["url"].is_string()) => {
                Err(format!("Invalid type for 'messages[{at}].content.image_url': expected an object with a url."))
            }
            None => Ok(()),
        },
        _ => Err(format!("Invalid type for 'messages[{at}].content'.")),
    }
}
