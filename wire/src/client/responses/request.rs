//! Reads a request. What chat completions know goes into the neutral form; what only responses know is dropped by name where
//! it would change the answer.

use serde_json::{Map, Value};

use super::{input, repeat, tools, under, wrong};
use crate::client::{Asked, Heard, Unreadable};
use crate::neutral::{Chat, Dropped, Effort, Extra, Format, Origin, Reasoning, Text};

/// Fields that chat completions have too, in the same form.
const SHARED: [&str; 3] = ["moderation", "prompt_cache_options", "prompt_cache_retention"];

/// Fields that change nothing in the answer: where it is kept, how a stream is padded.
const SILENT: [&str; 4] = ["model", "store", "stream", "stream_options"];

/// Reads the body.
pub(super) fn read(asked: Asked<'_>) -> Result<Heard, Unreadable> {
    let request: Value = serde_json::from_slice(asked.body).map_err(|_| wrong("body", "is not json"))?;
    let Value::Object(mut request) = request else { return Err(wrong("body", "must be an object")) };
    let repeat = repeat::of_request(&request);
    let mut heard = Heard { repeat, ..Heard::default() };
    heard.chat.stream = asked.stream;
    for param in REFUSED {
        if let Some(complaint) = refuse(param, request.shift_remove(param)) {
            return Err(Unreadable { param: Some(param), ..complaint });
        }
    }
    for (param, field) in FIELDS {
        if let Some(value) = request.shift_remove(*param).filter(|value| !value.is_null()) {
            field(&mut heard, value).map_err(|complaint| Unreadable { param: Some(param), ..complaint })?;
        }
    }
    logprobs(&mut heard, &mut request)?;
    let said = request.shift_remove("input").unwrap_or_default();
    input::read(said, &mut heard.chat).map_err(|complaint| Unreadable { param: Some("input"), ..complaint })?;
    heard.chat.name_results();
    for (field, value) in request {
        if value.is_null() || SILENT.contains(&field.as_str()) {
            continue;
        }
        if SHARED.contains(&field.as_str()) {
            heard.chat.extras.push(Extra { origin: Origin::OpenAi, field, value });
        } else {
            Dropped::note(&mut heard.dropped, field);
        }
    }
    Ok(heard)
}

/// What asks for something that is kept at OpenAI.
const REFUSED: [&str; 4] = ["previous_response_id", "conversation", "prompt", "background"];

fn refuse(field: &str, value: Option<Value>) -> Option<Unreadable> {
    let value = value.filter(|value| !value.is_null() && *value != false)?;
    Some(match (field, value) {
        ("previous_response_id", Value::String(id)) => wrong(field, &format!("no such response: \"{}\"", short(&id))),
        ("previous_response_id", _) => wrong(field, "must be a string"),
        ("background", _) => wrong(field, "responses in the background are not supported for this model"),
        ("conversation", _) => wrong(field, "conversations are not kept here: give the items in input"),
        _ => wrong(field, "stored prompts are not kept here: give instructions and input"),
    })
}

/// As much of an id as a message has to show.
fn short(id: &str) -> String {
    id.chars().take(80).collect()
}

type Field = fn(&mut Heard, Value) -> Result<(), Unreadable>;

/// The fields with a place of their own.
const FIELDS: &[(&str, Field)] = &[
    ("instructions", |heard, value| {
        heard.chat.system.push(Text::new(string("instructions", value)?));
        Ok(())
    }),
    ("tools", |heard, value| tools::read(value, &mut heard.chat, &mut heard.dropped)),
    ("tool_choice", |heard, value| {
        heard.chat.tool_choice = tools::choice(value, &mut heard.dropped)?;
        Ok(())
    }),
    ("parallel_tool_calls", |heard, value| {
        heard.chat.parallel_tools = Some(value.as_bool().ok_or_else(|| wrong("parallel_tool_calls", "must be true or false"))?);
        Ok(())
    }),
    ("max_output_tokens", |heard, value| {
        heard.chat.max_output = Some(count("max_output_tokens", &value)?);
        Ok(())
    }),
    ("temperature", |heard, value| {
        heard.chat.sampling.temperature = Some(number("temperature", &value)?);
        Ok(())
    }),
    ("top_p", |heard, value| {
        heard.chat.sampling.top_p = Some(number("top_p", &value)?);
        Ok(())
    }),
    ("reasoning", |heard, value| reasoning(&mut heard.chat, value)),
    ("text", |heard, value| text(&mut heard.chat, value)),
    ("metadata", |heard, value| match value {
        Value::Object(pairs) => {
            heard.chat.metadata = pairs;
            Ok(())
        }
        _ => Err(wrong("metadata", "must be an object")),
    }),
    ("user", |heard, value| {
        heard.chat.user = Some(string("user", value)?);
        Ok(())
    }),
    ("safety_identifier", |heard, value| {
        heard.chat.user = Some(string("safety_identifier", value)?);
        Ok(())
    }),
    ("prompt_cache_key", |heard, value| {
        heard.chat.cache_key = Some(string("prompt_cache_key", value)?);
        Ok(())
    }),
    ("service_tier", |heard, value| {
        heard.chat.service_tier = Some(string("service_tier", value)?);
        Ok(())
    }),
    ("truncation", |heard, value| match value.as_str() {
        Some("disabled") => Ok(()),
        Some(_) => {
            Dropped::note(&mut heard.dropped, "truncation");
            Ok(())
        }
        None => Err(wrong("truncation", "must be auto or disabled")),
    }),
];

/// `include` and `top_logprobs`. Of what can be included only log-probabilities have to be asked for: encrypted reasoning is
/// always given, and the rest is about hosted tools.
fn logprobs(heard: &mut Heard, request: &mut Map<String, Value>) -> Result<(), Unreadable> {
    let wanted = repeat::wants_logprobs(request);
    if let Some(Value::Array(names)) = request.shift_remove("include") {
        let served = |name: &Value| name == repeat::LOGPROBS || name == "reasoning.encrypted_content";
        if !names.iter().all(served) {
            Dropped::note(&mut heard.dropped, "include");
        }
    }
    let top = match request.shift_remove("top_logprobs").filter(|value| !value.is_null()) {
        None => None,
        Some(value) => {
            let complaint = |complaint| Unreadable { param: Some("top_logprobs"), ..complaint };
            Some(count("top_logprobs", &value).map_err(complaint)?)
        }
    };
    if wanted || top.is_some_and(|top| top > 0) {
        heard.chat.logprobs = Some(u32::try_from(top.unwrap_or(0)).unwrap_or(u32::MAX));
    }
    Ok(())
}

fn reasoning(chat: &mut Chat, value: Value) -> Result<(), Unreadable> {
    let Value::Object(asked) = value else { return Err(wrong("reasoning", "must be an object")) };
    let effort = match asked.get("effort") {
        None | Some(Value::Null) => None,
        Some(word) => match word.as_str().and_then(Effort::of) {
            Some(effort) => Some(effort),
            None => return Err(wrong("reasoning.effort", "must be none, minimal, low, medium, high, xhigh or max")),
        },
    };
    // `generate_summary` is the older name.
    let summary = ["summary", "generate_summary"].iter().filter_map(|name| asked.get(*name)).find(|value| !value.is_null());
    let show = summary.map(|word| word != "none");
    if effort.is_some() || show.is_some() {
        chat.reasoning = Some(Reasoning { effort, show, ..Reasoning::default() });
    }
    Ok(())
}

fn text(chat: &mut Chat, value: Value) -> Result<(), Unreadable> {
    let Value::Object(mut asked) = value else { return Err(wrong("text", "must be an object")) };
    chat.verbosity = match asked.remove("verbosity").filter(|value| !value.is_null()) {
        None => None,
        Some(word) => Some(string("text.verbosity", word)?),
    };
    let Some(format) = asked.remove("format").filter(|value| !value.is_null()) else { return Ok(()) };
    chat.format = self::format(format).map_err(|complaint| under("text.format", complaint))?;
    Ok(())
}

fn format(value: Value) -> Result<Option<Format>, Unreadable> {
    let Value::Object(mut format) = value else { return Err(wrong("", "must be an object")) };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(Format::Json)),
        Some("json_schema") => {
            let Some(schema) = format.remove("schema").filter(Value::is_object) else { return Err(wrong("schema", "must be an object")) };
            let mut word =
                |name: &str| format.remove(name).and_then(|value| if let Value::String(word) = value { Some(word) } else { None });
            let (name, description) = (word("name"), word("description"));
            Ok(Some(Format::Schema { name, description, schema, strict: format.get("strict").and_then(Value::as_bool) }))
        }
        Some(_) => Err(wrong("type", "must be text, json_object or json_schema")),
        None => Err(wrong("type", "must be a string")),
    }
}

fn string(at: &str, value: Value) -> Result<String, Unreadable> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(wrong(at, "must be a string")),
    }
}

fn number(at: &str, value: &Value) -> Result<f64, Unreadable> {
    value.as_f64().ok_or_else(|| wrong(at, "must be a number"))
}

fn count(at: &str, value: &Value) -> Result<u64, Unreadable> {
    value.as_u64().ok_or_else(|| wrong(at, "must be a whole number, not negative"))
}

#[cfg(test)]
mod tests;
