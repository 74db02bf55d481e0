//! Writes a request. Source: protocol specification §4.1; what vendors refuse: provider notes, §2.

use bytes::Bytes;
use fluxa_domain::vendors::{Quirk, is_openai_reasoning};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::neutral::names::NameMap;
use crate::neutral::signature::Origin;
use crate::neutral::{Chat, Dropped, Effort, Format};
use crate::upstream::{Said, Target, Unsayable, Written};

use super::messages::Messages;
use super::shape::Message;
use super::{reasoning, strict, tools};

/// The least temperature that is told to vendors who refuse 0.
const LEAST_TEMPERATURE: f64 = 0.01;

/// Stop sequences at most. Source: protocol specification §1.1.
const STOPS: usize = 4;

/// Characters of `user` at most, on the vendors that bound it; longer ones are told by their digest.
const USER_CHARS: usize = 64;

/// Fields of the dialect that have no place in the neutral form and may be written back.
const OWN_FIELDS: &[&str] =
    &["logit_bias", "prediction", "modalities", "audio", "store", "moderation", "prompt_cache_options", "prompt_cache_retention"];

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Writes a request.
pub(super) fn write(chat: &Chat, target: &Target<'_>) -> Result<Written, Unsayable> {
    let mut dropped = Vec::new();
    let mut said = Said { think_tags: target.has(Quirk::ThinkTags), ..Said::default() };
    let mut rest = Map::new();
    tools::write(chat, target, &mut rest, &mut said, &mut dropped)?;
    let instruction = format(chat, target, &mut rest, &mut dropped);
    let messages = Messages::new(chat, target, &mut said, &mut dropped).write(instruction)?;
    bounds(chat, target, &mut rest, &mut dropped)?;
    sampling(chat, target, &mut rest, &mut dropped);
    reasoning::write(chat, target, &mut rest, &mut dropped);
    about(chat, target, &mut rest, &mut dropped);
    extras(chat, target, &mut rest, &mut dropped)?;
    if chat.stream {
        rest.insert(String::from("stream"), Value::Bool(true));
        if target.ask_usage && !target.has(Quirk::NoStreamOptions) {
            rest.insert(String::from("stream_options"), json!({"include_usage": true}));
        }
    }
    let body = serde_json::to_vec(&Body { model: target.model, messages, rest }).unwrap_or_default();
    Ok(Written { body: Bytes::from(body), dropped, said, headers: Vec::new() })
}

/// How much, how often, until where.
fn bounds(chat: &Chat, target: &Target<'_>, out: &mut Map<String, Value>, dropped: &mut Vec<Dropped>) -> Result<(), Unsayable> {
    if let Some(asked) = chat.max_output {
        let bound = target.max_output.map_or(asked, |most| asked.min(most));
        let field = if target.has(Quirk::OnlyMaxTokens) { "max_tokens" } else { target.max_tokens_field.name() };
        out.insert(field.to_owned(), Value::from(bound));
    }
    if let Some(answers) = chat.answers {
        if answers > 1 && target.has(Quirk::OneChoice) {
            return Err(Unsayable { what: String::from("this provider gives one answer at a time"), param: Some("n") });
        }
        if answers > 1 || !target.has(Quirk::OneChoice) && !target.has(Quirk::StrictFields) {
            out.insert(String::from("n"), Value::from(answers));
        }
    }
    let refused = target.has(Quirk::NoStop) || thinks(target);
    let most = match () {
        () if refused => 0,
        () if target.has(Quirk::OneStop) => 1,
        () => STOPS,
    };
    if chat.stop.len() > most {
        Dropped::note(dropped, "stop");
    }
    let stops: Vec<&String> = chat.stop.iter().take(most).collect();
    if !stops.is_empty() {
        out.insert(String::from("stop"), json!(stops));
    }
    Ok(())
}

/// OpenAI's reasoning models, which refuse what steers how tokens are drawn.
fn thinks(target: &Target<'_>) -> bool {
    target.has(Quirk::WholeDialect) && is_openai_reasoning(target.model)
}

/// How tokens are drawn.
fn sampling(chat: &Chat, target: &Target<'_>, out: &mut Map<String, Value>, dropped: &mut Vec<Dropped>) {
    let asked = &chat.sampling;
    let off = chat.reasoning.is_some_and(|reasoning| reasoning.meant() == Some(Effort::None));
    // They take them again where they are told not to think.
    let fixed = thinks(target) && !(off && reasoning::takes_none(target.model));
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    if let Some(temperature) = asked.temperature {
        if fixed || target.has(Quirk::OneTemperature) {
            // The one they have is 1.
            if (temperature - 1.0).abs() > f64::EPSILON {
                Dropped::note(dropped, "temperature");
            }
        } else {
            let most = if target.has(Quirk::TemperatureUpToOne) { 1.0 } else { 2.0 };
            let least = if target.has(Quirk::NoZeroTemperature) { LEAST_TEMPERATURE } else { 0.0 };
            if temperature > most {
                Dropped::note(dropped, "temperature");
            }
            put("temperature", json!(temperature.clamp(least, most)));
        }
    }
    if let Some(top_p) = asked.top_p {
        if fixed || target.has(Quirk::OneTemperature) {
            if top_p < 1.0 {
                Dropped::note(dropped, "top_p");
            }
        } else {
            put("top_p", json!(top_p));
        }
    }
    if let Some(top_k) = asked.top_k {
        if target.has(Quirk::TopK) {
            put("top_k", Value::from(top_k));
        } else {
            Dropped::note(dropped, "top_k");
        }
    }
    for (name, penalty) in [("presence_penalty", asked.presence_penalty), ("frequency_penalty", asked.frequency_penalty)] {
        let Some(penalty) = penalty else { continue };
        let narrow = target.has(Quirk::PenaltiesUpToOne);
        if target.has(Quirk::NoPenalties) || thinks(target) || narrow && !(0.0..=1.0).contains(&penalty) {
            if penalty != 0.0 {
                Dropped::note(dropped, name);
            }
        } else {
            put(name, json!(penalty));
        }
    }
    if let Some(seed) = asked.seed {
        if target.has(Quirk::NoSeed) {
            Dropped::note(dropped, "seed");
        } else {
            put(if target.has(Quirk::RandomSeed) { "random_seed" } else { "seed" }, Value::from(seed));
        }
    }
    if let Some(alternatives) = chat.logprobs {
        if target.has(Quirk::NoLogprobs) || fixed {
            Dropped::note(dropped, "logprobs");
        } else {
            put("logprobs", Value::Bool(true));
            if alternatives > 0 {
                put("top_logprobs", Value::from(alternatives));
            }
        }
    }
}

/// The form of the answer. What the vendor cannot be told in a field is told as an instruction, which is given back.
fn format(chat: &Chat, target: &Target<'_>, out: &mut Map<String, Value>, dropped: &mut Vec<Dropped>) -> Option<String> {
    let format = chat.format.as_ref()?;
    let none = target.has(Quirk::NoResponseFormat) || target.has(Quirk::ToolsExcludeResponseFormat) && out.contains_key("tools");
    let mut put = |value: Value| {
        out.insert(String::from("response_format"), value);
    };
    match format {
        Format::Json if none => {
            Dropped::note(dropped, "response_format");
            Some(String::from("Answer with a JSON object and nothing else."))
        }
        Format::Json => {
            put(json!({"type": "json_object"}));
            None
        }
        Format::Schema { schema, .. } if none || target.has(Quirk::NoJsonSchema) => {
            Dropped::note(dropped, "response_format.json_schema");
            if !none {
                put(json!({"type": "json_object"}));
            }
            Some(format!("Answer with a JSON object that obeys this JSON schema, and nothing else:\n{schema}"))
        }
        Format::Schema { name, description, schema, strict } => {
            let (mut schema, mut strict) = (schema.clone(), *strict);
            if target.has(Quirk::NoSchemaMeta) {
                strict::without_meta(&mut schema);
            }
            // Clients whose dialect knows neither a schema's name nor looseness count on it to be obeyed.
            let counted_on = name.is_none() && strict.is_none() && !target.has(Quirk::NoStrictTools);
            if let Some(closed) = counted_on.then(|| strict::exact(&schema)).flatten() {
                (schema, strict) = (closed, Some(true));
            } else if strict == Some(true) && !strict::make(&mut schema) {
                Dropped::note(dropped, "response_format.json_schema.strict");
                strict = Some(false);
            }
            let mut of = Map::new();
            let name = NameMap::default().fit(name.as_deref().unwrap_or("structured_output"), tools::name_rule());
            of.insert(String::from("name"), Value::from(name));
            of.extend(description.clone().map(|text| (String::from("description"), Value::from(text))));
            of.insert(String::from("schema"), schema);
            of.extend(strict.map(|strict| (String::from("strict"), Value::Bool(strict))));
            put(json!({"type": "json_schema", "json_schema": of}));
            None
        }
    }
}

/// What is said about the call rather than to the model.
fn about(chat: &Chat, target: &Target<'_>, out: &mut Map<String, Value>, dropped: &mut Vec<Dropped>) {
    let whole = target.has(Quirk::WholeDialect);
    let user = chat.user.as_ref().filter(|user| !user.is_empty());
    if let Some(user) = user.filter(|_| !target.has(Quirk::NoUser)) {
        let told = if user.chars().count() > USER_CHARS { digest(user) } else { user.clone() };
        out.insert(String::from("user"), Value::from(told));
    }
    // They cost nothing and save money at most: no need to tell where they are unknown.
    if whole {
        out.extend(chat.cache_key.clone().map(|key| (String::from("prompt_cache_key"), Value::from(key))));
        if !chat.metadata.is_empty() {
            out.insert(String::from("metadata"), Value::Object(chat.metadata.clone()));
        }
    }
    for (name, value) in [("verbosity", &chat.verbosity), ("service_tier", &chat.service_tier)] {
        match value {
            Some(value) if whole => {
                out.insert(name.to_owned(), Value::from(value.clone()));
            }
            // What everybody gets anyway.
            Some(value) if matches!(value.as_str(), "auto" | "default" | "medium") => {}
            Some(_) => Dropped::note(dropped, name),
            None => {}
        }
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn extras(chat: &Chat, target: &Target<'_>, out: &mut Map<String, Value>, dropped: &mut Vec<Dropped>) -> Result<(), Unsayable> {
    for extra in &chat.extras {
        let field = extra.field.as_str();
        let own = extra.origin == Origin::OpenAi && OWN_FIELDS.contains(&field);
        let sound = field == "modalities" && extra.value.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "audio"));
        let taken = match field {
            "logit_bias" => {
                !(thinks(target) || [Quirk::NoLogprobs, Quirk::NoLogitBias, Quirk::StrictFields].iter().any(|q| target.has(*q)))
            }
            _ => target.has(Quirk::WholeDialect),
        };
        if own && taken {
            out.insert(field.to_owned(), extra.value.clone());
        } else if sound {
            return Err(Unsayable { what: String::from("this provider gives no sound"), param: Some("modalities") });
        } else if !matches!(field, "usage" | "store" | "prompt_cache_options" | "prompt_cache_retention") {
            Dropped::note(dropped, field.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
