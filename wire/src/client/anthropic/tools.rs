//! `tools` and `tool_choice`. Source: protocol specification §2.1 and §4.1.

use serde_json::Value;

use super::fields::{At, Fields, Read};
use super::typed_tools;
use crate::neutral::{Chat, Dropped, Extra, HostedTool, Origin, Tool, ToolChoice};

pub(super) fn tools(list: Vec<Value>, at: &At<'_>, chat: &mut Chat, dropped: &mut Vec<Dropped>) -> Read<()> {
    for (index, value) in list.into_iter().enumerate() {
        let at = at.item(index);
        let mut fields = Fields::of(value, &at)?;
        let kind = fields.word("type").unwrap_or("custom").to_owned();
        if kind == "custom" {
            chat.tools.push(custom(fields)?);
        } else if kind.starts_with("web_search_") {
            let max_uses = fields.count("max_uses")?;
            chat.hosted_tools.push(HostedTool::WebSearch { max_uses });
            for name in ["allowed_domains", "blocked_domains", "user_location"] {
                if fields.any(name).is_some() {
                    Dropped::note(dropped, format!("tools[].{name}"));
                }
            }
        } else if let Some(tool) = typed_tools::as_function(&kind) {
            let name = fields.string("name")?.unwrap_or(tool.name);
            chat.tools.push(Tool { name, cache: fields.cache()?, ..tool });
        } else {
            chat.hosted_tools.push(HostedTool::Other { origin: Origin::Anthropic, kind, value: Value::Object(fields.rest()) });
        }
    }
    Ok(())
}

fn custom(mut fields: Fields<'_>) -> Read<Tool> {
    let at = fields.at();
    let name = fields.string("name")?.ok_or_else(|| at.field("name").wrong("missing"))?;
    fields.any("type");
    let description = fields.string("description")?;
    let schema = fields.any("input_schema");
    let strict = fields.flag("strict")?;
    let cache = fields.cache()?;
    let extras = fields.rest().into_iter().filter(|(_, value)| !value.is_null());
    let extras = extras.map(|(field, value)| Extra { origin: Origin::Anthropic, field, value }).collect();
    Ok(Tool { name, description, schema, strict, cache, free_text: false, extras })
}

pub(super) fn choice(value: Option<Value>, chat: &mut Chat) -> Read<()> {
    let Some(value) = value else { return Ok(()) };
    let at = At::ROOT.field("tool_choice");
    let mut fields = Fields::of(value, &at)?;
    let kind = fields.string("type")?.unwrap_or_default();
    chat.tool_choice = Some(match kind.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(fields.string("name")?.ok_or_else(|| at.field("name").wrong("missing"))?),
        _ => return Err(at.field("type").wrong("unknown type of choice")),
    });
    // False is how it is without; other dialects need not be told.
    if fields.flag("disable_parallel_tool_use")? == Some(true) {
        chat.parallel_tools = Some(false);
    }
    Ok(())
}
