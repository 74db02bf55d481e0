//! Reads the tools of a request, and whether they must be used.

use serde_json::{Map, Value};

use super::fields::{Fields, list, unreadable};
use super::schema;
use crate::client::{Heard, Unreadable};
use crate::neutral::chat::{Extra, HostedTool, Tool, ToolChoice};
use crate::neutral::{Chat, Dropped, Origin};

pub(super) fn read(tools: Vec<Value>, heard: &mut Heard) -> Result<(), Unreadable> {
    for (index, tool) in tools.into_iter().enumerate() {
        let at = format!("tools[{index}]");
        let mut tool = Fields::want(tool, &at)?;
        for (number, declared) in tool.take("functionDeclarations").map(list).unwrap_or_default().into_iter().enumerate() {
            heard.chat.tools.push(function(declared, &format!("{at}.functionDeclarations[{number}]"))?);
        }
        for (kind, value) in tool.rest() {
            if matches!(kind.as_str(), "googleSearch" | "googleSearchRetrieval") {
                if value.as_object().is_some_and(|options| !options.is_empty()) {
                    Dropped::note(&mut heard.dropped, format!("tools[].{kind} options"));
                }
                heard.chat.hosted_tools.push(HostedTool::WebSearch { max_uses: None });
            } else {
                let mut whole = Map::new();
                whole.insert(kind.clone(), value);
                heard.chat.hosted_tools.push(HostedTool::Other { origin: Origin::Gemini, kind, value: Value::Object(whole) });
            }
        }
    }
    Ok(())
}

fn function(declared: Value, at: &str) -> Result<Tool, Unreadable> {
    let mut declared = Fields::want(declared, at)?;
    let name = declared.text("name").ok_or_else(|| unreadable(&format!("{at}.name"), "is missing"))?;
    let schema = declared.take("parametersJsonSchema");
    let subset = declared.take("parameters");
    // What the function gives is told to the model by its results.
    for told in ["response", "responseJsonSchema"] {
        declared.take(told);
    }
    let description = declared.text("description");
    let extras = declared.rest().map(|(field, value)| Extra { origin: Origin::Gemini, field, value }).collect();
    Ok(Tool { name, description, schema: schema.or_else(|| subset.map(schema::json_schema)), extras, ..Tool::default() })
}

/// Reads `toolConfig`. `VALIDATED` is `AUTO` that keeps to the schemas: every vendor tries to.
pub(super) fn read_choice(mut found: Fields, chat: &mut Chat) {
    if let Some(mut calling) = found.inner("functionCallingConfig") {
        let names = calling.take("allowedFunctionNames").map(list).unwrap_or_default();
        let mut names: Vec<String> = names.into_iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        let mode = calling.text("mode").map(|mode| mode.to_ascii_uppercase());
        chat.tool_choice = match mode.as_deref() {
            Some("NONE") => Some(ToolChoice::None),
            Some("ANY") if names.len() == 1 => names.pop().map(ToolChoice::Named),
            Some("ANY") if names.is_empty() => Some(ToolChoice::Required),
            Some("ANY") => Some(ToolChoice::Allowed { names, required: true }),
            Some("AUTO" | "VALIDATED") if names.is_empty() => Some(ToolChoice::Auto),
            Some("AUTO" | "VALIDATED") => Some(ToolChoice::Allowed { names, required: false }),
            _ => None,
        };
        // Calls in pieces and whole calls are the same to a client that can read pieces.
        calling.take("streamFunctionCallArguments");
    }
    let rest = found.rest().map(|(name, value)| Extra { origin: Origin::Gemini, field: format!("toolConfig.{name}"), value });
    chat.extras.extend(rest);
}
