//! `generationConfig`.

use fluxa_domain::models::gemini::{Gemini as Model, GeminiThinking};
use serde_json::{Map, Value, json};

use super::schema;
use crate::neutral::chat::Format;
use crate::neutral::{Chat, Dropped, Effort, Reasoning};
use crate::upstream::Target;

/// Stop sequences that are taken. Source: `GenerationConfig.stopSequences` of the API reference.
const STOPS: usize = 5;

pub(super) fn write(chat: &Chat, target: &Target<'_>, model: Model, has_json_tool: bool, dropped: &mut Vec<Dropped>) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    if let Some(bound) = chat.max_output {
        put("maxOutputTokens", Value::from(target.max_output.map_or(bound, |most| bound.min(most))));
    }
    let sampling = &chat.sampling;
    let drawn = [
        ("temperature", "temperature", sampling.temperature.map(Value::from)),
        ("topP", "top_p", sampling.top_p.map(Value::from)),
        ("topK", "top_k", sampling.top_k.map(Value::from)),
    ];
    let penalties = [
        ("presencePenalty", "presence_penalty", sampling.presence_penalty),
        ("frequencyPenalty", "frequency_penalty", sampling.frequency_penalty),
    ];
    let penalties = penalties.map(|(name, told, value)| (name, told, value.map(Value::from)));
    for (known, list) in [(model.sampling, drawn.as_slice()), (model.penalties, penalties.as_slice())] {
        for (name, told, value) in list {
            match value {
                Some(value) if known => put(name, value.clone()),
                Some(_) => Dropped::note(dropped, *told),
                None => {}
            }
        }
    }
    match sampling.seed.map(i32::try_from) {
        Some(Ok(seed)) => put("seed", Value::from(seed)),
        Some(Err(_)) => Dropped::note(dropped, "seed"),
        None => {}
    }
    if !chat.stop.is_empty() {
        if chat.stop.len() > STOPS {
            Dropped::note(dropped, "stop");
        }
        put("stopSequences", json!(chat.stop.iter().take(STOPS).collect::<Vec<_>>()));
    }
    if let Some(answers) = chat.answers.filter(|answers| *answers != 1) {
        put("candidateCount", Value::from(answers));
    }
    if let Some(alternatives) = chat.logprobs {
        put("responseLogprobs", Value::Bool(true));
        if alternatives > 0 {
            put("logprobs", Value::from(alternatives));
        }
    }
    if chat.verbosity.is_some() {
        Dropped::note(dropped, "verbosity");
    }
    match &chat.format {
        None => {}
        Some(_) if has_json_tool => {}
        Some(Format::Json) if !chat.tools.is_empty() && !model.schema_with_tools => Dropped::note(dropped, "response_format"),
        Some(Format::Json) => put("responseMimeType", json!("application/json")),
        Some(Format::Schema { schema, .. }) => {
            put("responseMimeType", json!("application/json"));
            if model.json_schemas {
                put("responseJsonSchema", schema.clone());
            } else {
                put("responseSchema", schema::subset(schema));
            }
        }
    }
    if let Some(thinking) = chat.reasoning.and_then(|reasoning| thinking(reasoning, model.thinking, dropped)) {
        put("thinkingConfig", thinking);
    }
    out
}

fn thinking(asked: Reasoning, known: GeminiThinking, dropped: &mut Vec<Dropped>) -> Option<Value> {
    let off = asked.is_off();
    let show = !off && asked.show != Some(false);
    match known {
        GeminiThinking::None => {
            if !off && asked != Reasoning::default() {
                Dropped::note(dropped, "reasoning");
            }
            None
        }
        GeminiThinking::Budget { least, .. } => {
            let wanted = if off { Some(0) } else { asked.budget.or_else(|| asked.effort.map(|effort| amount(effort, least))) };
            let mut out = json!({"includeThoughts": show});
            match wanted.and_then(|wanted| known.budget(wanted)) {
                Some(budget) => out["thinkingBudget"] = Value::from(budget),
                None if asked.adaptive || asked.enabled == Some(true) => out["thinkingBudget"] = Value::from(-1),
                None => {}
            }
            Some(out)
        }
        GeminiThinking::Level { minimal, medium } => {
            let mut out = json!({"includeThoughts": show});
            let level = match asked.meant() {
                Some(Effort::None | Effort::Minimal) => Some(if minimal { "minimal" } else { "low" }),
                Some(Effort::Low) => Some("low"),
                Some(Effort::Medium) => Some(if medium { "medium" } else { "high" }),
                Some(Effort::High | Effort::XHigh | Effort::Max) => Some("high"),
                None => None,
            };
            if let Some(level) = level {
                out["thinkingLevel"] = Value::from(level);
            }
            Some(out)
        }
    }
}

/// Tokens of an effort; the least is the model's own.
const fn amount(effort: Effort, least: u64) -> u64 {
    match effort {
        Effort::Minimal => least,
        effort => effort.budget(),
    }
}
