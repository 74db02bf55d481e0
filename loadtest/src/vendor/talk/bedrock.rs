//! What Bedrock's Converse refuses.

use serde_json::Value;

use super::{Offer, Talk, has, is_name, items, stranger, text};
use crate::vendor::{seal, talk::Map};

const FIELDS: &str = "messages system inferenceConfig toolConfig guardrailConfig additionalModelRequestFields \
    additionalModelResponseFieldPaths promptVariables requestMetadata performanceConfig serviceTier outputConfig";
const INFERENCE: &str = "maxTokens temperature topP stopSequences";
const BLOCK: &str =
    "text image document video audio toolUse toolResult guardContent cachePoint reasoningContent citationsContent searchResult";

/// The most characters of a tool's name, and of the id of a call.
const NAME: usize = 64;

pub(in crate::vendor) fn read(body: &Value) -> Result<Talk, String> {
    if let Some(field) = stranger(body, FIELDS).or_else(|| stranger(&body["inferenceConfig"], INFERENCE)) {
        return Err(format!("The model returned the following errors: #: extraneous key [{field}] is not permitted"));
    }
    if items(body, "system").iter().any(is_blank) {
        return Err(BLANK.to_owned());
    }
    let more = &body["additionalModelRequestFields"];
    let thinks = matches!(text(&more["thinking"], "type"), "enabled" | "adaptive") || more["reasoningConfig"]["type"] == "enabled";
    let mut talk = Talk { tools: tools(body)?, thinks, ..Talk::default() };
    if thinks {
        let budget = more["thinking"]["budget_tokens"].as_u64().unwrap_or_default();
        if body["inferenceConfig"]["maxTokens"].as_u64().is_some_and(|most| most <= budget) {
            return Err("The model returned the following errors: `max_tokens` must be greater than `thinking.budget_tokens`.".to_owned());
        }
        if has(&body["inferenceConfig"], "temperature") && body["inferenceConfig"]["temperature"] != 1 {
            return Err("The model returned the following errors: `temperature` may only be set to 1 when thinking is enabled.".to_owned());
        }
    }
    let mut open: Vec<String> = Vec::new();
    let mut last = "";
    for (at, message) in items(body, "messages").iter().enumerate() {
        let role = text(message, "role");
        if !matches!(role, "user" | "assistant") {
            return Err(format!(
                "Value '{role}' at 'messages.{}.member.role' failed to satisfy constraint: Member must satisfy enum value set: [user, assistant]",
                at + 1
            ));
        }
        if at == 0 && role != "user" {
            return Err(
                "A conversation must start with a user message. Try again with a conversation that starts with a user message.".to_owned()
            );
        }
        if role == last {
            return Err("A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.".to_owned());
        }
        last = role;
        let blocks = items(message, "content");
        if blocks.is_empty() {
            return Err(format!(
                "The content field in the Message object at messages.{at} is empty. Add a ContentBlock object to the content field and try again."
            ));
        }
        blocks.iter().enumerate().try_for_each(|(index, block)| shape(at, index, role, block))?;
        results(at, blocks, std::mem::take(&mut open), &mut talk)?;
        open = calls(at, blocks, thinks)?;
        talk.steps += usize::from(!open.is_empty());
    }
    if last.is_empty() {
        return Err("1 validation error detected: Value at 'messages' failed to satisfy constraint: Member must not be null".to_owned());
    }
    if !open.is_empty() {
        return Err(format!("Expected toolResult blocks at messages for the following Ids: {}", open.join(", ")));
    }
    if (talk.steps > 0 || !talk.results.is_empty()) && talk.tools.is_empty() {
        return Err("The toolConfig field must be defined when using toolUse and toolResult content blocks.".to_owned());
    }
    Ok(talk)
}

const BLANK: &str = "The text field in the ContentBlock object is blank. Add text to the text field, and try again.";

fn tools(body: &Value) -> Result<Vec<Offer>, String> {
    let config = &body["toolConfig"];
    if !has(body, "toolConfig") {
        return Ok(Vec::new());
    }
    let read = |(at, tool): (usize, &Value)| {
        let spec = &tool["toolSpec"];
        if has(tool, "cachePoint") {
            return Ok(None);
        }
        let name = text(spec, "name");
        if !is_name(name, "_-", NAME) {
            return Err(format!(
                "Value '{name}' at 'toolConfig.tools.{}.member.toolSpec.name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+ and length at most 64",
                at + 1
            ));
        }
        if spec.get("description").is_some_and(|description| description.as_str().is_none_or(str::is_empty)) {
            return Err("Value at 'toolSpec.description' failed to satisfy constraint: Member must have length greater than or equal to 1"
                .to_owned());
        }
        let schema = &spec["inputSchema"]["json"];
        if schema["type"] != "object" {
            return Err(format!("The value at toolConfig.tools.{at}.toolSpec.inputSchema.json.type must be one of the following: object."));
        }
        Ok(Some(Offer { name: name.to_owned(), schema: schema.clone() }))
    };
    let offers: Vec<Offer> =
        items(config, "tools").iter().enumerate().filter_map(|tool| read(tool).transpose()).collect::<Result<_, _>>()?;
    if offers.is_empty() {
        return Err(
            "Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1".to_owned()
        );
    }
    let choice = config["toolChoice"]
        .as_object()
        .is_none_or(|choice| choice.len() == 1 && ["auto", "any", "tool"].iter().any(|kind| choice.contains_key(*kind)));
    if choice { Ok(offers) } else { Err("Invalid toolChoice: exactly one of auto, any, tool.".to_owned()) }
}

/// A block is exactly one thing, and some are for one role only.
fn shape(at: usize, index: usize, role: &str, block: &Value) -> Result<(), String> {
    let place = format!("messages.{at}.content.{index}");
    let kinds: Vec<&str> = block.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    let [kind] = kinds.as_slice() else { return Err(format!("{place}: a ContentBlock must have exactly one member set")) };
    if !BLOCK.split_ascii_whitespace().any(|known| known == *kind) {
        return Err(format!("{place}: extraneous key [{kind}] is not permitted"));
    }
    if is_blank(block) {
        return Err(BLANK.to_owned());
    }
    let wrong = match *kind {
        "image" => role != "user" || !is_image(&block["image"]),
        "document" | "video" | "toolResult" => role != "user",
        "toolUse" | "reasoningContent" => role != "assistant",
        _ => false,
    };
    if wrong { Err(format!("{place}: {kind} is not valid here")) } else { Ok(()) }
}

fn is_image(image: &Value) -> bool {
    matches!(text(image, "format"), "png" | "jpeg" | "gif" | "webp")
        && (!text(&image["source"], "bytes").is_empty() || has(&image["source"], "s3Location"))
}

fn results(at: usize, blocks: &[Value], mut open: Vec<String>, talk: &mut Talk) -> Result<(), String> {
    for result in blocks.iter().filter_map(|block| block.get("toolResult")) {
        let id = text(result, "toolUseId");
        let Some(place) = open.iter().position(|open| open == id) else {
            return Err(format!(
                "The toolResult blocks at messages.{at}.content contain an id that has no toolUse in the previous turn: {id}"
            ));
        };
        open.remove(place);
        let contents = items(result, "content");
        if contents.iter().any(|content| content["text"].as_str() == Some("")) {
            return Err(BLANK.to_owned());
        }
        let said = contents.iter().filter_map(|content| match content.get("json") {
            Some(json) => Some(json.to_string()),
            None => content["text"].as_str().map(str::to_owned),
        });
        talk.results.push(said.collect::<Vec<_>>().join(" "));
    }
    if open.is_empty() {
        return Ok(());
    }
    Err(format!("Expected toolResult blocks at messages.{at}.content for the following Ids: {}", open.join(", ")))
}

fn calls(at: usize, blocks: &[Value], thinks: bool) -> Result<Vec<String>, String> {
    let mut ids = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let place = format!("messages.{at}.content.{index}");
        if let Some(thought) = block["reasoningContent"].get("reasoningText")
            && text(thought, "signature") != seal::thought(text(thought, "text"))
        {
            return Err(format!("The model returned the following errors: {place}: Invalid `signature` in `thinking` block"));
        }
        let Some(call) = block.get("toolUse") else { continue };
        let id = text(call, "toolUseId");
        if !is_name(id, "_.:-", NAME) || !is_name(text(call, "name"), "_-", NAME) || !call["input"].is_object() {
            return Err(format!(
                "Value at '{place}.toolUse' failed to satisfy constraint: toolUseId and name at most 64 characters of [a-zA-Z0-9_-], input an object"
            ));
        }
        ids.push(id.to_owned());
    }
    let thought = blocks.first().is_some_and(|block| has(block, "reasoningContent"));
    if thinks && !ids.is_empty() && !thought {
        return Err(format!(
            "The model returned the following errors: messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`."
        ));
    }
    Ok(ids)
}

fn is_blank(block: &Value) -> bool {
    block["text"].as_str().is_some_and(|text| text.trim().is_empty())
}
