//! Reads `generationConfig`.

use serde_json::{Value, json};

use super::fields::{Fields, list};
use super::schema;
use crate::neutral::chat::{Extra, Format, Sampling};
use crate::neutral::{Chat, Effort, Origin, Reasoning};

pub(super) fn read(mut found: Fields, chat: &mut Chat) {
    chat.max_output = found.count("maxOutputTokens");
    chat.sampling = Sampling {
        temperature: found.float("temperature"),
        top_p: found.float("topP"),
        top_k: found.count("topK"),
        presence_penalty: found.float("presencePenalty"),
        frequency_penalty: found.float("frequencyPenalty"),
        seed: found.whole("seed"),
    };
    let stops = found.take("stopSequences").map(list).unwrap_or_default();
    chat.stop = stops.into_iter().filter_map(|stop| if let Value::String(stop) = stop { Some(stop) } else { None }).collect();
    chat.answers = found.count("candidateCount").and_then(|n| u32::try_from(n).ok());
    let alternatives = found.count("logprobs").and_then(|n| u32::try_from(n).ok());
    if found.flag("responseLogprobs") == Some(true) {
        chat.logprobs = Some(alternatives.unwrap_or(0));
    }
    read_format(&mut found, chat);
    if let Some(thinking) = found.inner("thinkingConfig") {
        chat.reasoning = read_thinking(thinking);
    }
    // Words are what is answered anyway.
    let modalities = found.take("responseModalities");
    let words_only = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(|kind| kind.as_str() == Some("TEXT")));
    if let Some(value) = modalities.filter(|value| !words_only(value)) {
        chat.extras.push(extra("responseModalities", value));
    }
    chat.extras.extend(found.rest().map(|(name, value)| extra(&name, value)));
}

fn extra(name: &str, value: Value) -> Extra {
    Extra { origin: Origin::Gemini, field: format!("generationConfig.{name}"), value }
}

fn read_format(found: &mut Fields, chat: &mut Chat) {
    let mime = found.text("responseMimeType");
    let schema = found.take("responseJsonSchema").or_else(|| found.take("_responseJsonSchema"));
    let subset = found.take("responseSchema");
    let schema = schema.or_else(|| subset.map(schema::json_schema));
    match (mime.as_deref(), schema) {
        (Some("application/json") | None, Some(schema)) => {
            chat.format = Some(Format::Schema { name: None, description: None, schema, strict: None });
        }
        (Some("application/json"), None) => chat.format = Some(Format::Json),
        (Some("text/plain") | None, None) => {}
        // `text/x.enum`: one of some words, bare.
        (Some(other), schema) => {
            chat.extras.push(extra("responseMimeType", json!(other)));
            chat.extras.extend(schema.map(|schema| extra("responseJsonSchema", schema)));
        }
    }
}

fn read_thinking(mut found: Fields) -> Option<Reasoning> {
    let show = found.flag("includeThoughts");
    let budget = found.whole("thinkingBudget");
    let level = found.text("thinkingLevel").and_then(|level| Effort::of(&level.to_ascii_lowercase()));
    if show.is_none() && budget.is_none() && level.is_none() {
        return None;
    }
    Some(Reasoning {
        enabled: None,
        adaptive: budget.is_some_and(|budget| budget < 0),
        effort: level,
        budget: budget.and_then(|budget| u64::try_from(budget).ok()),
        show,
    })
}
