//! Reads the fields of a request. Source: protocol specification §1.1.

use serde_json::{Map, Value};

use crate::client::{Asked, Heard, Unreadable};
use crate::neutral::signature::Origin;
use crate::neutral::{CacheMark, Chat, Dropped, Effort, Extra, Format, HostedTool, Reasoning, Sampling};

use super::{CUSTOM_TOOLS, messages, tools, unreadable};

/// Reads a request.
pub(super) fn read(asked: Asked<'_>) -> Result<Heard, Unreadable> {
    let whole = |what: &str| Unreadable { at: String::from("body"), what: what.to_owned(), param: None };
    let value: Value = serde_json::from_slice(asked.body).map_err(|_| whole("broken json"))?;
    let Value::Object(map) = value else { return Err(whole("a request is a json object")) };
    let mut fields = Fields { map };
    let mut heard = Heard::default();
    let mut chat = Chat { stream: asked.stream, ..Chat::default() };

    let list = fields.list("messages")?.ok_or_else(|| unreadable("messages", "missing", "messages"))?;
    messages::read(list, &mut chat, &mut heard.dropped)?;
    tools::read(&mut fields, &mut chat, &mut heard.dropped)?;
    let custom: Vec<Value> = chat.tools.iter().filter(|tool| tool.free_text).map(|tool| Value::from(tool.name.clone())).collect();
    if !custom.is_empty() {
        heard.repeat.insert(String::from(CUSTOM_TOOLS), Value::Array(custom));
    }

    let (new, old) = (fields.count("max_completion_tokens")?, fields.count("max_tokens")?);
    chat.max_output = new.or(old);
    chat.sampling = Sampling {
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.count("top_k")?,
        presence_penalty: fields.number("presence_penalty")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        seed: fields.integer("seed")?,
    };
    chat.stop = fields.texts("stop")?;
    chat.answers = fields.small("n")?;
    let alternatives = fields.small("top_logprobs")?;
    chat.logprobs = match fields.flag("logprobs")? {
        Some(true) => Some(alternatives.unwrap_or(0)),
        _ => None,
    };
    chat.format = format(fields.take("response_format"))?;
    chat.verbosity = fields.text("verbosity")?;
    chat.reasoning = reasoning(&mut fields)?;
    let (user, safety) = (fields.text("user")?, fields.text("safety_identifier")?);
    chat.user = user.or(safety);
    if let Some(Value::Object(pairs)) = fields.take("metadata") {
        chat.metadata = pairs;
    }
    chat.service_tier = fields.text("service_tier")?;
    chat.cache_key = fields.text("prompt_cache_key")?;
    chat.cache = cache_mark(fields.take("cache_control").as_ref());
    if let Some(options) = fields.take("web_search_options") {
        let max_uses = options.get("max_uses").and_then(Value::as_u64);
        chat.hosted_tools.push(HostedTool::WebSearch { max_uses });
        for (name, of) in
            [("search_context_size", "web_search_options.search_context_size"), ("user_location", "web_search_options.user_location")]
        {
            if options.get(name).is_some_and(|value| !value.is_null()) {
                Dropped::note(&mut heard.dropped, of);
            }
        }
    }

    // Said by the request's head, or about the answer's bytes only.
    for known in ["model", "stream", "stream_options"] {
        fields.map.shift_remove(known);
    }
    chat.extras.extend(fields.map.into_iter().filter(|(_, value)| !value.is_null()).map(|(field, value)| Extra {
        origin: Origin::OpenAi,
        field,
        value,
    }));
    chat.name_results();
    heard.chat = chat;
    Ok(heard)
}

/// The fields of a request, taken out one by one. Null is as good as nothing.
pub(super) struct Fields {
    map: Map<String, Value>,
}

impl Fields {
    /// Takes a field out.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.map.shift_remove(name).filter(|value| !value.is_null())
    }

    fn typed<T>(&mut self, name: &'static str, what: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, Unreadable> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => read(&value).map(Some).ok_or_else(|| unreadable(name, format!("expected {what}"), name)),
        }
    }

    /// A list.
    pub(super) fn list(&mut self, name: &'static str) -> Result<Option<Vec<Value>>, Unreadable> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => Err(unreadable(name, "expected a list", name)),
        }
    }

    /// True or false.
    pub(super) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, Unreadable> {
        self.typed(name, "true or false", Value::as_bool)
    }

    fn text(&mut self, name: &'static str) -> Result<Option<String>, Unreadable> {
        self.typed(name, "a string", |value| value.as_str().map(str::to_owned))
    }

    fn number(&mut self, name: &'static str) -> Result<Option<f64>, Unreadable> {
        self.typed(name, "a number", Value::as_f64)
    }

    fn integer(&mut self, name: &'static str) -> Result<Option<i64>, Unreadable> {
        self.typed(name, "an integer", |value| value.as_i64().or_else(|| whole_number(value)))
    }

    fn count(&mut self, name: &'static str) -> Result<Option<u64>, Unreadable> {
        self.typed(name, "an integer from 0 on", |value| {
            value.as_u64().or_else(|| whole_number(value).and_then(|number| u64::try_from(number).ok()))
        })
    }

    fn small(&mut self, name: &'static str) -> Result<Option<u32>, Unreadable> {
        self.typed(name, "a small integer", |value| value.as_u64().and_then(|number| u32::try_from(number).ok()))
    }

    fn texts(&mut self, name: &'static str) -> Result<Vec<String>, Unreadable> {
        let texts = self.typed(name, "a string or a list of strings", |value| match value {
            Value::String(text) => Some(vec![text.clone()]),
            Value::Array(list) => list.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        })?;
        Ok(texts.unwrap_or_default())
    }
}

/// An integer that was written as `8.0`, as some languages do.
#[expect(clippy::cast_possible_truncation, reason = "the range is looked at first")]
fn whole_number(value: &Value) -> Option<i64> {
    value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15).map(|number| number as i64)
}

fn format(value: Option<Value>) -> Result<Option<Format>, Unreadable> {
    const NAME: &str = "response_format";
    let Some(mut value) = value else { return Ok(None) };
    match value.get("type").and_then(Value::as_str) {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(Format::Json)),
        Some("json_schema") => {
            let mut of = value.get_mut("json_schema").map(Value::take).unwrap_or_default();
            let schema = of.get_mut("schema").map(Value::take).filter(|schema| !schema.is_null());
            let schema = schema.ok_or_else(|| unreadable("response_format.json_schema.schema", "missing", NAME))?;
            let string = |key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
            Ok(Some(Format::Schema {
                name: string("name"),
                description: string("description"),
                schema,
                strict: of.get("strict").and_then(Value::as_bool),
            }))
        }
        _ => Err(unreadable("response_format.type", "unknown type", NAME)),
    }
}

/// How much thinking, in OpenAI's words and in those that clients pass to other vendors.
fn reasoning(fields: &mut Fields) -> Result<Option<Reasoning>, Unreadable> {
    let mut found = Reasoning::default();
    if let Some(word) = fields.text("reasoning_effort")? {
        found.effort = effort(&word, "reasoning_effort")?;
    }
    if let Some(value) = fields.take("thinking") {
        let switch = value.get("type").and_then(Value::as_str).or_else(|| value.as_str());
        match switch {
            Some("enabled") => found.enabled = Some(true),
            Some("disabled") => found.enabled = Some(false),
            Some("adaptive" | "auto") => found.adaptive = true,
            _ => {}
        }
        found.budget = value.get("budget_tokens").and_then(Value::as_u64);
        match value.get("display").and_then(Value::as_str) {
            Some("summarized") => found.show = Some(true),
            Some("omitted") => found.show = Some(false),
            _ => {}
        }
    }
    if let Some(value) = fields.take("reasoning") {
        if let Some(word) = value.get("effort").and_then(Value::as_str) {
            found.effort = effort(word, "reasoning")?;
        }
        found.budget = value.get("max_tokens").and_then(Value::as_u64).or(found.budget);
        found.enabled = value.get("enabled").and_then(Value::as_bool).or(found.enabled);
        found.show = value.get("exclude").and_then(Value::as_bool).map(|hidden| !hidden).or(found.show);
    }
    found.enabled = fields.flag("enable_thinking")?.or(found.enabled);
    found.budget = fields.count("thinking_budget")?.or(found.budget);
    found.show = fields.flag("include_reasoning")?.or(found.show);
    Ok((found != Reasoning::default()).then_some(found))
}

fn effort(word: &str, param: &'static str) -> Result<Option<Effort>, Unreadable> {
    match word {
        // The model's own: as if nothing were said.
        "default" | "auto" => Ok(None),
        word => Effort::of(word).map(Some).ok_or_else(|| unreadable(param, "unknown effort", param)),
    }
}

/// `cache_control`, as clients pass it to vendors that know it.
pub(super) fn cache_mark(value: Option<&Value>) -> Option<CacheMark> {
    let mark = value?.as_object()?;
    Some(CacheMark { one_hour: mark.get("ttl").and_then(Value::as_str) == Some("1h") })
}

#[cfg(test)]
mod tests;
