//! What Anthropic's messages refuse.

use serde_json::Value;

use super::{Offer, Talk, has, is_name, items, said, stranger, text};
use crate::vendor::{config::MockConfig, seal};

const FIELDS: &str = "model max_tokens messages system tools tool_choice stop_sequences stream thinking output_config metadata service_tier \
    cache_control container context_management mcp_servers temperature top_p top_k inference_geo speed diagnostics";

/// The most characters of a tool's name.
const NAME: usize = 128;

/// The least budget of thinking, in tokens.
const BUDGET: u64 = 1024;

pub(in crate::vendor) fn read(body: &Value, config: &MockConfig) -> Result<Talk, String> {
    if let Some(field) = stranger(body, FIELDS).filter(|_| config.strict) {
        return Err(format!("{field}: Extra inputs are not permitted"));
    }
    let mut talk = Talk { tools: tools(body)?, thinks: thinks(body)?, ..Talk::default() };
    let forced = matches!(text(&body["tool_choice"], "type"), "any" | "tool");
    if forced && talk.thinks {
        return Err("Thinking may not be enabled when tool_choice forces tool use.".to_owned());
    }
    if has(body, "tool_choice") && talk.tools.is_empty() {
        return Err("tool_choice: may only be specified while providing tools".to_owned());
    }
    if blocks_of(&body["system"]).iter().any(is_blank) {
        return Err("system: text content blocks must be non-empty".to_owned());
    }
    // The ids of the last turn's calls that have no result yet.
    let mut open: Vec<String> = Vec::new();
    let mut last = "";
    for (at, message) in items(body, "messages").iter().enumerate() {
        let role = text(message, "role");
        let blocks = blocks_of(&message["content"]);
        if !matches!(role, "user" | "assistant") || role == last || (at == 0 && role != "user") {
            return Err(format!("messages.{at}: roles must alternate between \"user\" and \"assistant\", and begin with \"user\""));
        }
        last = role;
        if blocks.is_empty() && message["content"].as_str().is_none_or(str::is_empty) {
            return Err(format!("messages.{at}: all messages must have non-empty content"));
        }
        if role == "user" {
            results(at, blocks, &mut open, &mut talk)?;
        } else {
            open = calls(at, blocks, talk.thinks)?;
            talk.steps += usize::from(!open.is_empty());
        }
    }
    if !open.is_empty() {
        return Err(missing(&open));
    }
    if talk.steps > 0 && talk.tools.is_empty() {
        return Err("Requests which include `tool_use` or `tool_result` blocks must define tools.".to_owned());
    }
    Ok(talk)
}

fn tools(body: &Value) -> Result<Vec<Offer>, String> {
    let read = |(at, tool): (usize, &Value)| {
        // Tools with a type of their own run at the vendor.
        if !matches!(tool["type"].as_str(), None | Some("custom")) {
            return Ok(None);
        }
        let name = text(tool, "name");
        if !is_name(name, "_-", NAME) {
            return Err(format!("tools.{at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"));
        }
        if tool["input_schema"]["type"] != "object" {
            return Err(format!("tools.{at}.custom.input_schema.type: Input should be 'object'"));
        }
        Ok(Some(Offer { name: name.to_owned(), schema: tool["input_schema"].clone() }))
    };
    items(body, "tools").iter().enumerate().filter_map(|tool| read(tool).transpose()).collect()
}

fn thinks(body: &Value) -> Result<bool, String> {
    let thinking = &body["thinking"];
    match text(thinking, "type") {
        "enabled" => {
            let budget = thinking["budget_tokens"].as_u64().unwrap_or_default();
            if budget < BUDGET {
                return Err(format!("thinking.enabled.budget_tokens: Input should be greater than or equal to {BUDGET}"));
            }
            if body["max_tokens"].as_u64().is_some_and(|most| most <= budget) {
                return Err("`max_tokens` must be greater than `thinking.budget_tokens`.".to_owned());
            }
        }
        "adaptive" | "between_tools" => {}
        "" | "disabled" => return Ok(false),
        other => return Err(format!("thinking: Input tag '{other}' found using 'type' does not match any of the expected tags")),
    }
    if body["temperature"].as_f64().is_some_and(|temperature| temperature < 1.0) || has(body, "top_k") {
        return Err("`temperature` may only be set to 1 when thinking is enabled.".to_owned());
    }
    Ok(true)
}

/// The results of a user's turn: one for each call of the turn before, in front of everything else.
fn results(at: usize, blocks: &[Value], open: &mut Vec<String>, talk: &mut Talk) -> Result<(), String> {
    let mut others = false;
    for (index, block) in blocks.iter().enumerate() {
        let place = format!("messages.{at}.content.{index}");
        match text(block, "type") {
            "tool_result" => {
                let id = text(block, "tool_use_id");
                let Some(found) = open.iter().position(|open| open == id) else {
                    return Err(format!(
                        "{place}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
                    ));
                };
                if others {
                    return Err(format!("{place}: `tool_result` blocks must come first in the content of a message"));
                }
                if items(block, "content").iter().any(is_blank) {
                    return Err(format!("{place}: text content blocks must be non-empty"));
                }
                open.remove(found);
                talk.results.push(said(&block["content"]));
            }
            "text" if is_blank(block) => return Err(format!("{place}: text content blocks must be non-empty")),
            "text" | "image" | "document" | "search_result" => others = true,
            other => return Err(format!("{place}: Input tag '{other}' found using 'type' does not match any of the expected tags")),
        }
    }
    if open.is_empty() { Ok(()) } else { Err(missing(open)) }
}

fn missing(open: &[String]) -> String {
    let ids = open.join(", ");
    format!(
        "`tool_use` ids were found without `tool_result` blocks immediately after: {ids}. Each `tool_use` block must have a \
         corresponding `tool_result` block in the next message."
    )
}

fn calls(at: usize, blocks: &[Value], thinks: bool) -> Result<Vec<String>, String> {
    let mut ids = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let place = format!("messages.{at}.content.{index}");
        match text(block, "type") {
            "thinking" if text(block, "signature") == seal::thought(text(block, "thinking")) => {}
            "thinking" => return Err(format!("{place}: Invalid `signature` in `thinking` block")),
            "text" if is_blank(block) => return Err(format!("{place}: text content blocks must be non-empty")),
            "text" | "redacted_thinking" => {}
            "tool_use" => {
                let id = text(block, "id");
                if !is_name(id, "_-", usize::MAX) {
                    return Err(format!("{place}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"));
                }
                if !is_name(text(block, "name"), "_-", NAME) || !block["input"].is_object() {
                    return Err(format!("{place}.tool_use.input: Input should be a valid dictionary, and the name valid"));
                }
                ids.push(id.to_owned());
            }
            other => return Err(format!("{place}: Input tag '{other}' found using 'type' does not match any of the expected tags")),
        }
    }
    let first = blocks.first().map_or("", |block| text(block, "type"));
    if thinks && !ids.is_empty() && !matches!(first, "thinking" | "redacted_thinking") {
        return Err(format!(
            "messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{first}`. When `thinking` is enabled, \
             a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
        ));
    }
    Ok(ids)
}

fn blocks_of(content: &Value) -> &[Value] {
    content.as_array().map_or(&[], Vec::as_slice)
}

fn is_blank(block: &Value) -> bool {
    block["type"] == "text" && text(block, "text").is_empty()
}
