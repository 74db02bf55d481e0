//! Writes tools and what is said about their use. Source: protocol specification §4.1.

use std::collections::HashSet;

use fluxa_domain::vendors::{Quirk, is_openai_reasoning};
use serde_json::{Map, Value, json};

use crate::neutral::names::NameRule;
use crate::neutral::signature::Origin;
use crate::neutral::{Chat, Dropped, HostedTool, Tool, ToolChoice, schema};
use crate::upstream::{Said, Target, Unsayable};

use super::strict;

/// `^[a-zA-Z0-9_-]{1,64}$`. Source: protocol specification §1.1.
pub(super) const fn name_rule() -> NameRule {
    NameRule { chars: 64, punctuation: "_-", starts_with_letter: false }
}

/// Whether tools of free text can be said as they are: the newest models take them.
pub(super) fn takes_custom(target: &Target<'_>) -> bool {
    target.has(Quirk::WholeDialect) && is_openai_reasoning(target.model)
}

/// Writes `tools`, `tool_choice` and `parallel_tool_calls`, and asks for searches.
pub(super) fn write(
    chat: &Chat,
    target: &Target<'_>,
    out: &mut Map<String, Value>,
    said: &mut Said,
    dropped: &mut Vec<Dropped>,
) -> Result<(), Unsayable> {
    for tool in &chat.hosted_tools {
        hosted(tool, target, out, dropped);
    }
    if chat.tools.is_empty() {
        return Ok(());
    }
    let forced = matches!(chat.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Allowed { required: true, .. }));
    if target.has(Quirk::NoTools) {
        if forced {
            return Err(Unsayable { what: String::from("this provider takes no tools"), param: Some("tool_choice") });
        }
        Dropped::note(dropped, "tools");
        return Ok(());
    }
    let mut choice = chat.tool_choice.clone();
    let mut wanted: Vec<&Tool> = chat.tools.iter().collect();
    // Where only some may be used and that cannot be said, the others are not offered.
    if let Some(ToolChoice::Allowed { names, required }) = &choice
        && !target.has(Quirk::WholeDialect)
    {
        let names: HashSet<&String> = names.iter().collect();
        wanted.retain(|tool| names.contains(&tool.name));
        choice = Some(if *required { ToolChoice::Required } else { ToolChoice::Auto });
    }
    if choice == Some(ToolChoice::None) && target.has(Quirk::ToolChoiceAutoOnly) {
        return Ok(());
    }
    if target.has(Quirk::ToolChoiceRequiredOrNone) {
        match &choice {
            Some(ToolChoice::Named(name)) => {
                wanted.retain(|tool| tool.name == *name);
                choice = Some(ToolChoice::Required);
            }
            Some(ToolChoice::Auto) => choice = None,
            _ => {}
        }
    }
    let refused = match &choice {
        Some(ToolChoice::Required) => target.has(Quirk::ToolChoiceAutoOnly) || target.has(Quirk::NoRequiredToolChoice),
        Some(ToolChoice::Named(_)) => target.has(Quirk::ToolChoiceAutoOnly),
        _ => false,
    };
    if refused {
        Dropped::note(dropped, "tool_choice");
        choice = Some(ToolChoice::Auto);
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let tools: Vec<Value> = wanted.into_iter().map(|tool| written(tool, target, said, dropped)).collect();
    out.insert(String::from("tools"), Value::Array(tools));
    if let Some(choice) = choice {
        out.insert(String::from("tool_choice"), chosen(&choice, chat, target, said));
    }
    parallel(chat, target, out, dropped);
    Ok(())
}

fn parallel(chat: &Chat, target: &Target<'_>, out: &mut Map<String, Value>, dropped: &mut Vec<Dropped>) {
    let Some(parallel) = chat.parallel_tools else { return };
    // The o models call one tool at a time and refuse to be told.
    let serial = target.has(Quirk::WholeDialect)
        && is_openai_reasoning(target.model)
        && target.model.rsplit('/').next().is_some_and(|m| m.starts_with('o'));
    if target.has(Quirk::NoParallelToolCalls) || serial {
        if !parallel && !serial {
            Dropped::note(dropped, "parallel_tool_calls");
        }
        return;
    }
    out.insert(String::from("parallel_tool_calls"), Value::Bool(parallel));
}

fn written(tool: &Tool, target: &Target<'_>, said: &mut Said, dropped: &mut Vec<Dropped>) -> Value {
    let name = said.names.fit(&tool.name, name_rule());
    let extra = |field: &str| tool.extras.iter().find(|extra| extra.origin == Origin::OpenAi && extra.field == field);
    for extra in tool.extras.iter().filter(|extra| extra.origin != Origin::OpenAi || extra.field != "format") {
        Dropped::note(dropped, format!("tools[].{}", extra.field));
    }
    if tool.free_text {
        if takes_custom(target) {
            let mut of = Map::new();
            of.insert(String::from("name"), Value::from(name));
            of.extend(tool.description.clone().map(|text| (String::from("description"), Value::from(text))));
            of.extend(extra("format").map(|extra| (extra.field.clone(), extra.value.clone())));
            return json!({"type": "custom", "custom": of});
        }
        if extra("format").is_some_and(|extra| extra.value.get("type").and_then(Value::as_str) == Some("grammar")) {
            Dropped::note(dropped, "tools[].custom.format");
        }
        said.free_text_tools.push(tool.name.clone());
    }
    let mut of = Map::new();
    of.insert(String::from("name"), Value::from(name));
    of.extend(tool.description.clone().filter(|text| !text.is_empty()).map(|text| (String::from("description"), Value::from(text))));
    let mut parameters = if tool.free_text {
        Some(json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}))
    } else {
        tool.schema.as_ref().map(|own| schema::object(Some(own)))
    };
    let mut obey = tool.strict;
    if let Some(schema) = &mut parameters {
        if target.has(Quirk::NoSchemaMeta) {
            strict::without_meta(schema);
        }
        if obey == Some(true) && !target.has(Quirk::NoStrictTools) && !strict::make(schema) {
            Dropped::note(dropped, "tools[].strict");
            obey = Some(false);
        }
    }
    of.extend(parameters.map(|schema| (String::from("parameters"), schema)));
    match obey {
        Some(true) if target.has(Quirk::NoStrictTools) => Dropped::note(dropped, "tools[].strict"),
        Some(obey) if !target.has(Quirk::NoStrictTools) => {
            of.insert(String::from("strict"), Value::Bool(obey));
        }
        _ => {}
    }
    let mut tool_object = Map::new();
    tool_object.insert(String::from("type"), Value::from("function"));
    tool_object.insert(String::from("function"), Value::Object(of));
    if tool.cache.is_some() && target.has(Quirk::CacheMarks) {
        tool_object.insert(String::from("cache_control"), json!({"type": "ephemeral"}));
    }
    Value::Object(tool_object)
}

fn chosen(choice: &ToolChoice, chat: &Chat, target: &Target<'_>, said: &mut Said) -> Value {
    let mut named = |name: &str| {
        let custom = chat.tools.iter().any(|tool| tool.free_text && tool.name == name) && takes_custom(target);
        let kind = if custom { "custom" } else { "function" };
        let sent = said.names.fit(name, name_rule());
        json!({"type": kind, kind: {"name": sent}})
    };
    match choice {
        ToolChoice::Auto => Value::from("auto"),
        ToolChoice::None => Value::from("none"),
        ToolChoice::Required => Value::from("required"),
        ToolChoice::Named(name) => named(name),
        ToolChoice::Allowed { names, required } => {
            let tools: Vec<Value> = names.iter().map(|name| named(name)).collect();
            json!({"type": "allowed_tools", "allowed_tools": {"mode": if *required { "required" } else { "auto" }, "tools": tools}})
        }
    }
}

fn hosted(tool: &HostedTool, target: &Target<'_>, out: &mut Map<String, Value>, dropped: &mut Vec<Dropped>) {
    let max_uses = match tool {
        HostedTool::WebSearch { max_uses } => *max_uses,
        HostedTool::Other { kind, .. } => {
            Dropped::note(dropped, kind.clone());
            return;
        }
    };
    if target.has(Quirk::SearchesUnasked) {
    } else if target.has(Quirk::EnableSearch) {
        out.insert(String::from("enable_search"), Value::Bool(true));
    } else if target.has(Quirk::WebPlugin) {
        out.insert(String::from("plugins"), json!([{"id": "web"}]));
    } else if target.has(Quirk::WholeDialect) && target.model.contains("search") {
        // The other models refuse it.
        out.insert(String::from("web_search_options"), json!({}));
    } else {
        Dropped::note(dropped, "web_search");
        return;
    }
    if max_uses.is_some() {
        Dropped::note(dropped, "web_search.max_uses");
    }
}
