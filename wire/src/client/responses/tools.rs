//! Tools and the choice among them. Flat, unlike those of chat completions. Source: `types/responses/tool.py` of the OpenAI SDK.

use serde_json::{Map, Value, json};

use super::toolbox::flat;
use super::{under, wrong};
use crate::client::Unreadable;
use crate::neutral::{Chat, Dropped, Extra, HostedTool, Origin, Tool, ToolChoice};

/// Reads `tools`.
pub(super) fn read(tools: Value, chat: &mut Chat, dropped: &mut Vec<Dropped>) -> Result<(), Unreadable> {
    let Value::Array(tools) = tools else { return Err(wrong("tools", "must be a list")) };
    for (index, tool) in tools.into_iter().enumerate() {
        tool_of(tool, None, chat, dropped).map_err(|complaint| under(&format!("tools[{index}]"), complaint))?;
    }
    Ok(())
}

fn tool_of(tool: Value, namespace: Option<&str>, chat: &mut Chat, dropped: &mut Vec<Dropped>) -> Result<(), Unreadable> {
    let Value::Object(mut tool) = tool else { return Err(wrong("", "must be an object")) };
    let kind = match tool.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        _ => return Err(wrong("type", "must be a string")),
    };
    match kind.as_str() {
        "function" => {
            let schema = tool.remove("parameters").filter(|schema| !schema.is_null());
            let strict = tool.get("strict").and_then(Value::as_bool);
            chat.tools.push(Tool { schema, strict, ..named(&mut tool, namespace)? });
        }
        "custom" => {
            let format = tool.remove("format").filter(|format| format.get("type").is_some_and(|kind| kind == "grammar"));
            let extras = format.map(nested_grammar).into_iter().collect();
            chat.tools.push(Tool { free_text: true, extras, ..named(&mut tool, namespace)? });
        }
        "namespace" if namespace.is_none() => {
            let (Some(Value::String(name)), Some(Value::Array(tools))) = (tool.remove("name"), tool.remove("tools")) else {
                return Err(wrong("", "a namespace must have a name and a list of tools"));
            };
            for (index, inner) in tools.into_iter().enumerate() {
                tool_of(inner, Some(&name), chat, dropped).map_err(|complaint| under(&format!("tools[{index}]"), complaint))?;
            }
        }
        kind if is_web_search(kind) => {
            for option in ["filters", "user_location"] {
                if tool.get(option).is_some_and(|value| !value.is_null()) {
                    Dropped::note(dropped, format!("tools[].{option}"));
                }
            }
            chat.hosted_tools.push(HostedTool::WebSearch { max_uses: None });
        }
        _ => chat.hosted_tools.push(HostedTool::Other { origin: Origin::OpenAi, kind, value: Value::Object(tool) }),
    }
    Ok(())
}

/// A tool with its name and what it is for.
fn named(tool: &mut Map<String, Value>, namespace: Option<&str>) -> Result<Tool, Unreadable> {
    let Some(Value::String(name)) = tool.remove("name") else { return Err(wrong("name", "must be a string")) };
    let description = match tool.remove("description") {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    Ok(Tool { name: flat(namespace, &name), description, ..Tool::default() })
}

/// The format of a custom tool as chat completions write it: the grammar in an object of its own.
fn nested_grammar(format: Value) -> Extra {
    let mut grammar = match format {
        Value::Object(format) => format,
        _ => Map::new(),
    };
    grammar.shift_remove("type");
    Extra { origin: Origin::OpenAi, field: String::from("format"), value: json!({"type": "grammar", "grammar": grammar}) }
}

/// `web_search`, `web_search_preview` and both with a date.
fn is_web_search(kind: &str) -> bool {
    kind.starts_with("web_search")
}

/// Reads `tool_choice`. A hosted tool cannot be forced elsewhere.
pub(super) fn choice(choice: Value, dropped: &mut Vec<Dropped>) -> Result<Option<ToolChoice>, Unreadable> {
    match choice {
        Value::String(word) => match word.as_str() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" => Ok(Some(ToolChoice::Required)),
            _ => Err(wrong("tool_choice", "must be auto, none, required or an object")),
        },
        Value::Object(choice) => match choice.get("type").and_then(Value::as_str) {
            Some("function" | "custom") => match name_of(&choice) {
                Some(name) => Ok(Some(ToolChoice::Named(name))),
                None => Err(wrong("tool_choice.name", "must be a string")),
            },
            Some("allowed_tools") => {
                let Some(Value::Array(tools)) = choice.get("tools") else {
                    return Err(wrong("tool_choice.tools", "must be a list"));
                };
                let mut names = Vec::new();
                for tool in tools {
                    match tool.as_object().and_then(name_of) {
                        Some(name) => names.push(name),
                        // A hosted tool among the allowed ones.
                        None => Dropped::note(dropped, "tool_choice.tools"),
                    }
                }
                let required = choice.get("mode").is_some_and(|mode| mode == "required");
                Ok(Some(ToolChoice::Allowed { names, required }))
            }
            Some(_) => {
                Dropped::note(dropped, "tool_choice");
                Ok(None)
            }
            None => Err(wrong("tool_choice.type", "must be a string")),
        },
        _ => Err(wrong("tool_choice", "must be auto, none, required or an object")),
    }
}

fn name_of(tool: &Map<String, Value>) -> Option<String> {
    let name = tool.get("name").and_then(Value::as_str)?;
    Some(flat(tool.get("namespace").and_then(Value::as_str), name))
}
