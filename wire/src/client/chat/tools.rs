//! Reads tools and what is said about their use.

use serde_json::Value;

use crate::client::Unreadable;
use crate::neutral::signature::Origin;
use crate::neutral::{Chat, Dropped, Extra, HostedTool, Tool, ToolChoice};

use super::request::{Fields, cache_mark};
use super::unreadable;

/// Reads `tools`, `tool_choice`, `parallel_tool_calls` and their predecessors `functions` and `function_call`.
pub(super) fn read(fields: &mut Fields, chat: &mut Chat, dropped: &mut Vec<Dropped>) -> Result<(), Unreadable> {
    for (at, value) in fields.list("tools")?.unwrap_or_default().into_iter().enumerate() {
        tool(at, value, chat, dropped)?;
    }
    for (at, value) in fields.list("functions")?.unwrap_or_default().into_iter().enumerate() {
        let read = function(value).ok_or_else(|| unreadable(format!("functions[{at}].name"), "missing", "functions"))?;
        chat.tools.push(read);
    }
    let (new, old) = (fields.take("tool_choice"), fields.take("function_call"));
    chat.tool_choice = match (new, old) {
        (Some(value), _) => Some(choice(&value)?),
        (None, Some(Value::String(word))) => Some(if word == "none" { ToolChoice::None } else { ToolChoice::Auto }),
        (None, Some(value)) => {
            let name = value.get("name").and_then(Value::as_str);
            Some(ToolChoice::Named(name.ok_or_else(|| unreadable("function_call.name", "missing", "function_call"))?.to_owned()))
        }
        (None, None) => None,
    };
    chat.parallel_tools = fields.flag("parallel_tool_calls")?;
    Ok(())
}

fn tool(at: usize, mut value: Value, chat: &mut Chat, dropped: &mut Vec<Dropped>) -> Result<(), Unreadable> {
    let missing = |what: &str| unreadable(format!("tools[{at}].{what}"), "missing", "tools");
    let kind = value.get("type").and_then(Value::as_str).unwrap_or("function").to_owned();
    let cache = cache_mark(value.get("cache_control"));
    match kind.as_str() {
        "function" => {
            let of = value.get_mut("function").map(Value::take).ok_or_else(|| missing("function"))?;
            let cache = cache.or_else(|| cache_mark(of.get("cache_control")));
            let read = function(of).ok_or_else(|| missing("function.name"))?;
            chat.tools.push(Tool { cache, ..read });
        }
        "custom" => {
            let mut of = value.get_mut("custom").map(Value::take).ok_or_else(|| missing("custom"))?;
            let string = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
            let name = string(&of, "name").ok_or_else(|| missing("custom.name"))?;
            let description = string(&of, "description");
            let format = of.get_mut("format").map(Value::take).filter(|format| !format.is_null());
            let extras = format.map(|value| Extra { origin: Origin::OpenAi, field: String::from("format"), value }).into_iter().collect();
            chat.tools.push(Tool { name, description, cache, free_text: true, extras, ..Tool::default() });
        }
        kind if kind.starts_with("web_search") => {
            let max_uses = value.get("max_uses").and_then(Value::as_u64);
            chat.hosted_tools.push(HostedTool::WebSearch { max_uses });
        }
        kind => {
            if kind.is_empty() {
                Dropped::note(dropped, "tools[].type");
            }
            chat.hosted_tools.push(HostedTool::Other { origin: Origin::OpenAi, kind: kind.to_owned(), value });
        }
    }
    Ok(())
}

fn function(mut value: Value) -> Option<Tool> {
    let name = value.get("name").and_then(Value::as_str)?.to_owned();
    let schema = value.get_mut("parameters").map(Value::take).filter(Value::is_object);
    Some(Tool {
        name,
        description: value.get("description").and_then(Value::as_str).map(str::to_owned),
        schema,
        strict: value.get("strict").and_then(Value::as_bool),
        ..Tool::default()
    })
}

fn choice(value: &Value) -> Result<ToolChoice, Unreadable> {
    let unknown = || unreadable("tool_choice", "unknown choice", "tool_choice");
    let name_in = |value: &Value| {
        let of = value.get("function").or_else(|| value.get("custom")).unwrap_or(value);
        of.get("name").and_then(Value::as_str).map(str::to_owned)
    };
    match value {
        Value::String(word) => match word.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" | "any" => Ok(ToolChoice::Required),
            _ => Err(unknown()),
        },
        Value::Object(map) => match map.get("type").and_then(Value::as_str) {
            Some("function" | "custom" | "tool") | None => name_in(value).map(ToolChoice::Named).ok_or_else(unknown),
            Some("allowed_tools") => {
                let of = map.get("allowed_tools").unwrap_or(value);
                let names = of.get("tools").and_then(Value::as_array).into_iter().flatten().filter_map(name_in).collect();
                let required = of.get("mode").and_then(Value::as_str) == Some("required");
                Ok(ToolChoice::Allowed { names, required })
            }
            Some("auto") => Ok(ToolChoice::Auto),
            Some("none") => Ok(ToolChoice::None),
            Some("any" | "required") => Ok(ToolChoice::Required),
            Some(_) => Err(unknown()),
        },
        _ => Err(unknown()),
    }
}
