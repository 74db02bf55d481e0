//! Tools and whether they must be used. Source: protocol specification §6.1.

use std::borrow::Cow;
use std::collections::HashSet;

use fluxa_domain::models::bedrock::Bedrock as Model;
use serde_json::{Value, json};

use crate::neutral::names::NameRule;
use crate::neutral::{Chat, Dropped, HostedTool, NameMap, Origin, Part, ToolChoice, schema};

use super::shape::{Choice, InputSchema, Tool, ToolConfig, ToolSpec};
use super::turns::cache_point;

/// Names of tools that Converse takes.
pub(super) const NAMES: NameRule = NameRule { chars: 64, punctuation: "_-", starts_with_letter: false };

/// An answer in JSON, asked for as a call of a tool.
#[derive(Debug)]
pub(super) struct JsonTool<'a> {
    pub(super) name: String,
    pub(super) description: Option<&'a str>,
    pub(super) schema: Value,
}

/// What the tools of a request come to.
#[derive(Debug, Default)]
pub(super) struct Tools<'a> {
    pub(super) config: Option<ToolConfig<'a>>,
    /// One call at most at a time: `tool_choice` in the model's own fields.
    pub(super) one_at_a_time: bool,
}

/// Names of the tools that take free text.
pub(super) fn free_text(chat: &Chat) -> HashSet<&str> {
    chat.tools.iter().filter(|tool| tool.free_text).map(|tool| tool.name.as_str()).collect()
}

/// Writes `toolConfig`. `may_force` is false where the model thinks: then it cannot be made to call.
pub(super) fn write<'a>(
    chat: &'a Chat,
    model: Model,
    json_tool: Option<JsonTool<'a>>,
    may_force: bool,
    names: &mut NameMap,
    dropped: &mut Vec<Dropped>,
) -> Tools<'a> {
    let mut tools = Vec::new();
    let (allowed, forbidden) = match &chat.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => (Some(names.iter().collect::<HashSet<_>>()), false),
        Some(ToolChoice::None) => (None, true),
        _ => (None, false),
    };
    let history = chat.has_tool_history();
    if !model.tools && (!chat.tools.is_empty() || history) {
        Dropped::note(dropped, "tools");
    }
    // There is no "none": without tools nothing can be called, but a history of calls wants the tools.
    if !forbidden || history {
        let offered = chat.tools.iter().filter(|tool| allowed.as_ref().is_none_or(|allowed| allowed.contains(&tool.name)));
        for tool in offered {
            tools.push(spec(tool, model, names));
            if tool.strict == Some(true) && !model.schemas && !tool.free_text {
                Dropped::note(dropped, "tools[].strict");
            }
            for extra in &tool.extras {
                Dropped::note(dropped, format!("tools[].{}", extra.field));
            }
            if let Some(point) = cache_point(model, tool.cache).filter(|_| model.tool_cache_points) {
                tools.push(Tool::CachePoint(point));
            }
        }
    }
    for hosted in &chat.hosted_tools {
        match hosted {
            HostedTool::Other { origin: Origin::Bedrock, value, .. } if !forbidden => tools.push(Tool::Other(value)),
            HostedTool::Other { kind, .. } => Dropped::note(dropped, format!("tools[].{kind}")),
            HostedTool::WebSearch { .. } => Dropped::note(dropped, "tools[].web_search"),
        }
    }
    let own = !tools.is_empty();
    let mut choice = if own { choice(chat, model, may_force, names, dropped) } else { None };
    if let Some(tool) = json_tool {
        choice = match choice {
            _ if !may_force || !model.forced_tools => None,
            // Another tool must be called first; its result brings the client back.
            Some(Choice::Tool { name }) => Some(Choice::Tool { name }),
            _ if own && !forbidden => Some(Choice::Any {}),
            _ => Some(Choice::Tool { name: tool.name.clone() }),
        };
        let description = tool.description.unwrap_or("Gives the answer. Call it once, with the whole answer.");
        tools.push(Tool::ToolSpec(ToolSpec {
            name: tool.name,
            description: Some(Cow::Borrowed(description)),
            input_schema: InputSchema { json: tool.schema },
            strict: None,
        }));
    }
    if tools.is_empty() && history {
        tools = of_history(chat, names);
    }
    if tools.is_empty() || !model.tools {
        return Tools::default();
    }
    let one_at_a_time = chat.parallel_tools == Some(false) && own && !forbidden;
    if one_at_a_time && model.claude.is_none() {
        Dropped::note(dropped, "parallel_tool_calls");
    }
    let one_at_a_time = one_at_a_time && model.claude.is_some();
    if one_at_a_time {
        choice.get_or_insert(Choice::Auto {});
    }
    Tools { config: Some(ToolConfig { tools, tool_choice: choice }), one_at_a_time }
}

fn spec<'a>(tool: &'a crate::neutral::Tool, model: Model, names: &mut NameMap) -> Tool<'a> {
    let json = if tool.free_text {
        json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]})
    } else {
        schema::object(tool.schema.as_ref())
    };
    let description = tool.description.as_deref().filter(|text| !text.trim().is_empty()).map(Cow::Borrowed);
    let strict = (tool.strict == Some(true) && model.schemas && !tool.free_text).then_some(true);
    Tool::ToolSpec(ToolSpec { name: names.fit(&tool.name, NAMES), description, input_schema: InputSchema { json }, strict })
}

fn choice(chat: &Chat, model: Model, may_force: bool, names: &mut NameMap, dropped: &mut Vec<Dropped>) -> Option<Choice> {
    let forced = match chat.tool_choice.as_ref()? {
        ToolChoice::Auto | ToolChoice::Allowed { required: false, .. } => return Some(Choice::Auto {}),
        ToolChoice::None => {
            // The history holds calls, so the tools must stay: the model may still call them.
            Dropped::note(dropped, "tool_choice");
            return None;
        }
        ToolChoice::Required => Choice::Any {},
        ToolChoice::Named(name) => Choice::Tool { name: names.fit(name, NAMES) },
        ToolChoice::Allowed { names: allowed, required: true } => match allowed.as_slice() {
            [name] => Choice::Tool { name: names.fit(name, NAMES) },
            _ => Choice::Any {},
        },
    };
    if model.forced_tools && may_force {
        return Some(forced);
    }
    Dropped::note(dropped, "tool_choice");
    Some(Choice::Auto {})
}

/// A history of calls is refused without tools: each that was called is made up again, as far as is known.
fn of_history<'a>(chat: &Chat, names: &mut NameMap) -> Vec<Tool<'a>> {
    let (mut known, mut seen): (Vec<&str>, HashSet<&str>) = Default::default();
    for part in chat.turns.iter().flat_map(|turn| &turn.parts) {
        match part {
            Part::Call(call) if seen.insert(&call.name) => known.push(&call.name),
            _ => {}
        }
    }
    let made = known.into_iter().map(|name| {
        let json = schema::no_arguments();
        Tool::ToolSpec(ToolSpec { name: names.fit(name, NAMES), description: None, input_schema: InputSchema { json }, strict: None })
    });
    made.collect()
}
