//! Judges what came of a feature by looking for it in what was written.

use fluxa_wire::client::Asked;
use fluxa_wire::neutral::Dropped;
use serde_json::Value;

use super::dialects::{Client, Upstream, filled};

/// One row: how each client says it, and by what it is known in each vendor's dialect. Empty where a dialect has no word for it.
pub(super) struct Feature {
    pub(super) name: &'static str,
    /// Members that are put into the client's smallest request: chat completions, responses, messages, generateContent.
    pub(super) asks: [&'static str; 4],
    /// What stands somewhere in the vendor's request then: OpenAI, Anthropic, Gemini, Bedrock. `|` parts two forms; `!` means
    /// that it does not stand anywhere; a text that begins with `~` is part of a longer one.
    pub(super) signs: [&'static str; 4],
    /// It is about thinking, so a model that thinks is asked.
    pub(super) thinks: bool,
}

pub(super) const fn row(name: &'static str, asks: [&'static str; 4], signs: [&'static str; 4]) -> Feature {
    Feature { name, asks, signs, thinks: false }
}

pub(super) const fn thought(name: &'static str, asks: [&'static str; 4], signs: [&'static str; 4]) -> Feature {
    Feature { name, asks, signs, thinks: true }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The client's dialect has no word for it.
    Unknown,
    Kept,
    Translated,
    /// It is there, but part of it was named as dropped.
    InPart(Vec<String>),
    Dropped(Vec<String>),
    Refused(String),
    Silent,
}

pub(super) fn judge(feature: &Feature, at: usize, client: &Client, upstream: &Upstream) -> Judgement {
    let Some(ask) = feature.asks.get(at).filter(|ask| !ask.is_empty()) else { return Judgement::Unknown };
    let ask = parsed(&filled(ask, client.tools));
    let mut request = parsed(client.base);
    put(&mut request, &ask);
    let (plain, _) = written(client, upstream, &parsed(client.base), feature.thinks).unwrap();
    let (dropped, body) = match written(client, upstream, &request, feature.thinks) {
        Ok(written) => written,
        Err(refused) => return Judgement::Refused(refused),
    };
    let named: Vec<String> = dropped.iter().filter(|dropped| !plain.contains(dropped)).map(ToString::to_string).collect();
    let sign = feature.signs.get(upstream.signs).copied().unwrap_or_default();
    let said = shows(&filled(sign, client.tools), &body);
    match (said, named.is_empty()) {
        (true, true) if within(&ask, &body) => Judgement::Kept,
        (true, true) => Judgement::Translated,
        (true, false) => Judgement::InPart(named),
        (false, false) => Judgement::Dropped(named),
        (false, true) => Judgement::Silent,
    }
}

fn written(client: &Client, upstream: &Upstream, request: &Value, thinks: bool) -> Result<(Vec<Dropped>, Value), String> {
    let body = request.to_string();
    let stream = request.get("stream").is_some_and(|stream| stream == true);
    let asked = Asked { body: body.as_bytes(), model: "m", stream };
    let heard = client.dialect.read(asked).map_err(|error| error.to_string())?;
    let written = upstream.dialect.write(&heard.chat, &upstream.target(thinks)).map_err(|error| error.to_string())?;
    let dropped = heard.dropped.into_iter().chain(written.dropped).collect();
    Ok((dropped, serde_json::from_slice(&written.body).unwrap()))
}

pub(super) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// Puts members into an object, deep; lists are put in place of those that are there.
pub(super) fn put(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                put(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// A sign stands in a body.
pub(super) fn shows(sign: &str, body: &Value) -> bool {
    sign.split('|').filter(|sign| !sign.is_empty()).any(|sign| match sign.strip_prefix('!') {
        Some(absent) => !somewhere(&parsed(absent), body),
        None => somewhere(&parsed(sign), body),
    })
}

fn somewhere(sign: &Value, body: &Value) -> bool {
    within(sign, body)
        || match body {
            Value::Object(map) => map.values().any(|value| somewhere(sign, value)),
            Value::Array(list) => list.iter().any(|value| somewhere(sign, value)),
            _ => false,
        }
}

/// Everything in `part` stands at its place in `whole`; lists may have more items there.
pub(super) fn within(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|found| within(value, found)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            let mut rest = whole.iter();
            part.iter().all(|item| rest.any(|found| within(item, found)))
        }
        (Value::String(part), Value::String(whole)) => match part.strip_prefix('~') {
            Some(words) => whole.contains(words),
            None => part == whole,
        },
        (Value::Number(part), Value::Number(whole)) => part.as_f64() == whole.as_f64(),
        (part, whole) => part == whole,
    }
}
