//! A request in Converse. Source: protocol specification §6.1. Start at [`write()`].

use std::borrow::Cow;

use bytes::Bytes;
use fluxa_domain::models::bedrock::Bedrock as Model;
use serde_json::{Map, Value, json};

use crate::neutral::{Chat, Dropped, Origin};
use crate::upstream::{Said, Target, Unsayable, Written};

use super::options::{self, Against, AnswerForm};
use super::shape::{Block, Request};
use super::{tools, turns};

/// Where a Claude says which stop sequence it met. Places that an answer does not have are passed over.
const STOP_SEQUENCE_PATHS: &[&str] = &["/stop_sequence", "/delta/stop_sequence"];

/// Pairs of `requestMetadata`.
const METADATA_PAIRS: usize = 16;
/// Characters of a key or a value there.
const METADATA_CHARS: usize = 256;

/// Writes a request for the model of `target`.
pub(super) fn write(chat: &Chat, target: &Target<'_>) -> Result<Written, Unsayable> {
    if chat.answers.is_some_and(|answers| answers > 1) {
        return Err(Unsayable { what: String::from("this provider gives one answer at a time"), param: Some("n") });
    }
    let model = Model::of(target.model);
    let mut dropped = Vec::new();
    let mut said = Said::default();
    let free_text = tools::free_text(chat);
    said.free_text_tools = free_text.iter().map(|name| (*name).to_owned()).collect();
    said.free_text_tools.sort();
    // Tools take their names first: what is left over goes to names that only the history knows.
    for tool in &chat.tools {
        said.names.fit(&tool.name, tools::NAMES);
    }

    let mut system = system(chat, model);
    let form = options::answer_form(chat, model, &mut dropped);
    let (mut json_tool, mut output_config) = (None, None);
    match form {
        AnswerForm::Free => {}
        AnswerForm::Native(config) => output_config = Some(config),
        AnswerForm::Instruction(text) => system.push(Block::Text(Cow::Owned(text))),
        AnswerForm::Tool(tool) => {
            said.json_tool = Some(tool.name.clone());
            json_tool = Some(tool);
        }
    }
    let opening = if model.system { Vec::new() } else { std::mem::take(&mut system) };
    let turns = turns::write(chat, model, opening, &mut said.names, &free_text, &mut dropped)?;

    let against = Against { thoughtless_calls: turns.calls_without_thoughts, prefill: turns.prefilled };
    let mut settings = options::Settings::of(chat, target, model, against, &mut dropped);
    let tools = tools::write(chat, model, json_tool, !settings.claude_thinks, &mut said.names, &mut dropped);
    if tools.one_at_a_time {
        // Beside Converse's own `toolChoice` there must be no `type` here.
        settings.fields.insert(String::from("tool_choice"), json!({"disable_parallel_tool_use": true}));
    }
    let extras = extras(chat, model, &mut settings.fields, &mut dropped);
    let stop_paths = if model.claude.is_some() && !settings.inference.stop_sequences.is_empty() { STOP_SEQUENCE_PATHS } else { &[] };
    let request = Request {
        system,
        messages: turns.messages,
        inference_config: settings.inference,
        tool_config: tools.config,
        output_config,
        additional_model_request_fields: settings.fields,
        additional_model_response_field_paths: stop_paths,
        service_tier: service_tier(chat, &mut dropped),
        request_metadata: metadata(chat),
        extras,
    };
    let body = serde_json::to_vec(&request).map_err(|_| Unsayable { what: String::from("the request cannot be written"), param: None })?;
    Ok(Written { body: Bytes::from(body), dropped, said, headers: Vec::new() })
}

fn system(chat: &Chat, model: Model) -> Vec<Block<'_>> {
    let mut blocks = Vec::with_capacity(chat.system.len());
    for text in chat.system.iter().filter(|text| !text.text.trim().is_empty()) {
        blocks.push(Block::Text(Cow::Borrowed(text.text.as_str())));
        blocks.extend(turns::cache_point(model, text.cache).map(Block::CachePoint));
    }
    blocks
}

/// Fields of Converse's own that a client gave; the model's own fields among them are put together with ours.
fn extras(chat: &Chat, model: Model, fields: &mut Map<String, Value>, dropped: &mut Vec<Dropped>) -> Map<String, Value> {
    /// Written above, from the neutral form.
    const OURS: &[&str] = &[
        "system",
        "messages",
        "inferenceConfig",
        "toolConfig",
        "outputConfig",
        "additionalModelResponseFieldPaths",
        "serviceTier",
        "requestMetadata",
    ];
    let mut out = Map::new();
    for extra in &chat.extras {
        match (extra.origin, extra.field.as_str(), &extra.value) {
            (Origin::Bedrock, "additionalModelRequestFields", Value::Object(own)) => {
                for (name, value) in own {
                    fields.entry(name).or_insert_with(|| value.clone());
                }
            }
            (Origin::Bedrock, field, value) if !OURS.contains(&field) => {
                out.insert(field.to_owned(), value.clone());
            }
            (Origin::Anthropic, "anthropic_beta" | "betas", Value::Array(wanted)) if model.claude.is_some() => {
                options::betas(wanted, fields, dropped);
            }
            (_, field, _) => Dropped::note(dropped, field.to_owned()),
        }
    }
    out
}

fn service_tier(chat: &Chat, dropped: &mut Vec<Dropped>) -> Option<Value> {
    let tier = match chat.service_tier.as_deref()? {
        "auto" | "default" => "default",
        tier @ ("priority" | "flex" | "reserved") => tier,
        _ => {
            Dropped::note(dropped, "service_tier");
            return None;
        }
    };
    Some(json!({"type": tier}))
}

/// As many pairs as Converse takes, of those that it takes.
fn metadata(chat: &Chat) -> Map<String, Value> {
    let good = |text: &str| {
        let fits = (1..=METADATA_CHARS).contains(&text.len());
        fits && text.chars().all(|c| c.is_ascii_alphanumeric() || " :_@$#=/+,-.".contains(c))
    };
    let pairs = chat.metadata.iter().filter_map(|(key, value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => return None,
        };
        (good(key) && good(&value)).then(|| (key.clone(), Value::String(value)))
    });
    pairs.take(METADATA_PAIRS).collect()
}
