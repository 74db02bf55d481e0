//! A request of Anthropic's messages becomes a conversation. Source: protocol specification §2.1 and §4.1.

use serde_json::{Map, Value};

use super::blocks;
use super::fields::{At, Fields, Read};
use super::tools;
use crate::client::{Asked, Heard};
use crate::neutral::{Chat, Dropped, Effort, Extra, Format, Origin, Part, Reasoning, Role, Sampling, Text, Turn};

/// Begins a block of the system prompt by which one client accounts for itself to its own vendor. It changes with every request,
/// so that elsewhere it would only spoil caches. Source: protocol specification §2.6.
const BILLING: &str = "x-anthropic-billing-header:";

pub(super) fn read(asked: Asked<'_>) -> Read<Heard> {
    let at = At::ROOT;
    let body: Value = serde_json::from_slice(asked.body).map_err(|_| at.wrong("is not JSON"))?;
    let mut fields = Fields::of(body, &at)?;
    let mut heard = Heard::default();
    let Heard { chat, dropped, .. } = &mut heard;
    fields.any("model");
    chat.stream = fields.flag("stream")?.unwrap_or(false) || asked.stream;
    chat.max_output = fields.count("max_tokens")?;
    chat.system = system(fields.any("system"))?;
    chat.turns = turns(fields.any("messages"))?;
    tools::tools(fields.list("tools")?, &at.field("tools"), chat, dropped)?;
    tools::choice(fields.any("tool_choice"), chat)?;
    chat.stop = stop(fields.list("stop_sequences")?)?;
    chat.sampling = Sampling {
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.count("top_k")?,
        ..Sampling::default()
    };
    chat.cache = fields.cache()?;
    chat.service_tier = fields.string("service_tier")?.map(|tier| if tier == "standard_only" { String::from("default") } else { tier });
    user(fields.any("metadata"), chat)?;
    thinking(fields.any("thinking"), chat)?;
    output(fields.any("output_config"), chat, dropped)?;
    // The older name of `output_config.format`.
    let at_format = at.field("output_format");
    if let Some(value) = fields.any("output_format") {
        chat.format = format(value, &at_format)?;
    }
    let rest = fields.rest().into_iter().filter(|(_, value)| !value.is_null());
    chat.extras.extend(rest.map(|(field, value)| Extra { origin: Origin::Anthropic, field, value }));
    chat.name_results();
    Ok(heard)
}

fn system(value: Option<Value>) -> Read<Vec<Text>> {
    let at = At::ROOT.field("system");
    let list = match value {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) => {
            return Ok(if text.is_empty() || text.starts_with(BILLING) { Vec::new() } else { vec![Text::new(text)] });
        }
        Some(Value::Array(list)) => list,
        Some(_) => return Err(at.wrong("must be a string or a list of blocks")),
    };
    let mut texts = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        let at = at.item(index);
        let fields = Fields::of(value, &at)?;
        if fields.word("type") != Some("text") {
            return Err(at.field("type").wrong("must be text"));
        }
        texts.extend(blocks::text(fields)?.filter(|text| !text.text.starts_with(BILLING)));
    }
    Ok(texts)
}

fn turns(value: Option<Value>) -> Read<Vec<Turn>> {
    let at = At::ROOT.field("messages");
    let list = match value {
        Some(Value::Array(list)) => list,
        None => return Err(at.wrong("missing")),
        Some(_) => return Err(at.wrong("must be a list")),
    };
    let mut turns = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        let at = at.item(index);
        let mut fields = Fields::of(value, &at)?;
        let role = match fields.word("role") {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("system") => Role::System,
            _ => return Err(at.field("role").wrong("must be user, assistant or system")),
        };
        let parts = blocks::content(fields.any("content"), &at.field("content"))?;
        if role != Role::User && parts.iter().any(|part| matches!(part, Part::Result(_))) {
            return Err(at.field("content").wrong("results of tools belong to the user"));
        }
        turns.push(Turn::new(role, parts));
    }
    Ok(turns)
}

fn stop(list: Vec<Value>) -> Read<Vec<String>> {
    let at = At::ROOT.field("stop_sequences");
    let texts = list.into_iter().enumerate().map(|(index, value)| match value {
        Value::String(text) => Ok(text),
        _ => Err(at.item(index).wrong("must be a string")),
    });
    texts.collect()
}

fn user(value: Option<Value>, chat: &mut Chat) -> Read<()> {
    let at = At::ROOT.field("metadata");
    let Some(value) = value else { return Ok(()) };
    let mut fields = Fields::of(value, &at)?;
    chat.user = fields.string("user_id")?;
    keep(chat, "metadata", fields.rest());
    Ok(())
}

/// `thinking`. Source: `thinking_config_*_param.py` of the Anthropic SDK.
fn thinking(value: Option<Value>, chat: &mut Chat) -> Read<()> {
    let at = At::ROOT.field("thinking");
    let Some(value) = value else { return Ok(()) };
    let mut fields = Fields::of(value, &at)?;
    let mut reasoning = Reasoning::default();
    match fields.word("type") {
        Some("enabled") => {
            reasoning.enabled = Some(true);
            reasoning.budget = fields.count("budget_tokens")?;
        }
        Some("adaptive") => {
            reasoning.enabled = Some(true);
            reasoning.adaptive = true;
        }
        Some("disabled") => reasoning.enabled = Some(false),
        _ => {
            keep(chat, "thinking", fields.rest());
            return Ok(());
        }
    }
    reasoning.show = match fields.string("display")?.as_deref() {
        Some("summarized") => Some(true),
        Some("omitted") => Some(false),
        _ => None,
    };
    chat.reasoning = Some(reasoning);
    Ok(())
}

fn output(value: Option<Value>, chat: &mut Chat, dropped: &mut Vec<Dropped>) -> Read<()> {
    let at = At::ROOT.field("output_config");
    let Some(value) = value else { return Ok(()) };
    let mut fields = Fields::of(value, &at)?;
    if let Some(word) = fields.string("effort")? {
        match Effort::of(&word) {
            Some(effort) => chat.reasoning.get_or_insert_default().effort = Some(effort),
            None => Dropped::note(dropped, "output_config.effort"),
        }
    }
    let at_format = at.field("format");
    if let Some(value) = fields.any("format") {
        chat.format = format(value, &at_format)?;
    }
    keep(chat, "output_config", fields.rest());
    Ok(())
}

fn format(value: Value, at: &At<'_>) -> Read<Option<Format>> {
    let mut fields = Fields::of(value, at)?;
    match fields.word("type") {
        Some("json_schema") => {
            let schema = fields.any("schema").ok_or_else(|| at.field("schema").wrong("missing"))?;
            Ok(Some(Format::Schema { name: None, description: None, schema, strict: None }))
        }
        Some("text") => Ok(None),
        _ => Err(at.field("type").wrong("unknown type of format")),
    }
}

/// Members that have no place of their own.
fn keep(chat: &mut Chat, field: &str, rest: Map<String, Value>) {
    let rest: Map<String, Value> = rest.into_iter().filter(|(_, value)| !value.is_null()).collect();
    if !rest.is_empty() {
        chat.extras.push(Extra { origin: Origin::Anthropic, field: field.to_owned(), value: Value::Object(rest) });
    }
}
