//! Tools and whether they must be used: `tools` and `toolConfig`.

use fluxa_domain::models::gemini::Gemini as Model;
use serde_json::{Map, Value, json};

use super::schema;
use super::turns::NAMES;
use crate::neutral::chat::{Format, HostedTool, Tool, ToolChoice};
use crate::neutral::{Chat, Dropped, Origin, schema as json_schema};
use crate::upstream::Said;

/// The name of the tool that stands for an answer of a given form.
const JSON_TOOL: &str = "json_tool_call";

/// What was written.
#[derive(Default)]
pub(super) struct Told {
    pub(super) tools: Vec<Value>,
    pub(super) config: Map<String, Value>,
}

pub(super) fn write(chat: &Chat, model: Model, said: &mut Said, dropped: &mut Vec<Dropped>) -> Told {
    let mut told = Told::default();
    let mut functions: Vec<Value> = chat.tools.iter().map(|tool| function(tool, model, said, dropped)).collect();
    // Older models take no schema for the answer beside functions: there the answer is one more function to be called.
    if let Some(Format::Schema { schema, description, .. }) = &chat.format
        && !functions.is_empty()
        && !model.schema_with_tools
    {
        let name = if chat.tools.iter().any(|tool| tool.name == JSON_TOOL) { "json_tool_call_" } else { JSON_TOOL };
        let description = description.as_deref().unwrap_or("Give the final answer by calling this function.");
        functions.push(declaration(name, Some(description), Some(schema), model));
        said.json_tool = Some(name.to_owned());
    }
    let has_functions = !functions.is_empty();
    let mut mixed = false;
    for hosted in &chat.hosted_tools {
        match hosted {
            HostedTool::WebSearch { .. } if has_functions && !model.search_with_tools => Dropped::note(dropped, "web_search"),
            HostedTool::WebSearch { max_uses } => {
                if max_uses.is_some() {
                    Dropped::note(dropped, "max_uses");
                }
                mixed |= has_functions;
                told.tools.push(json!({"googleSearch": {}}));
            }
            HostedTool::Other { origin: Origin::Gemini, value, .. } => told.tools.push(value.clone()),
            HostedTool::Other { kind, .. } => Dropped::note(dropped, kind.clone()),
        }
    }
    if has_functions {
        told.tools.push(json!({"functionDeclarations": functions}));
        if let Some(calling) = choice(chat, model, said) {
            told.config.insert(String::from("functionCallingConfig"), calling);
        }
        if chat.parallel_tools == Some(false) {
            Dropped::note(dropped, "parallel_tool_calls");
        }
    }
    if mixed {
        // Without it a search beside functions is refused.
        told.config.insert(String::from("includeServerSideToolInvocations"), Value::Bool(true));
    }
    told
}

fn function(tool: &Tool, model: Model, said: &mut Said, dropped: &mut Vec<Dropped>) -> Value {
    let name = said.names.fit(&tool.name, NAMES);
    let free_text = json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
    let schema = if tool.free_text {
        said.free_text_tools.push(tool.name.clone());
        Some(&free_text)
    } else {
        tool.schema.as_ref()
    };
    let mut written = declaration(&name, tool.description.as_deref(), schema, model);
    // Newer models are told to keep to the schemas of all tools.
    if tool.strict == Some(true) && !model.signed_calls && !tool.free_text {
        Dropped::note(dropped, "tools[].strict");
    }
    for extra in &tool.extras {
        if extra.origin == Origin::Gemini {
            written[extra.field.as_str()] = extra.value.clone();
        } else {
            Dropped::note(dropped, format!("tools[].{}", extra.field));
        }
    }
    written
}

fn declaration(name: &str, description: Option<&str>, schema: Option<&Value>, model: Model) -> Value {
    let mut written = json!({"name": name});
    if let Some(description) = description {
        written["description"] = Value::from(description);
    }
    match schema {
        Some(schema) if model.json_schemas => written["parametersJsonSchema"] = json_schema::object(Some(schema)),
        Some(schema) => {
            if let Some(parameters) = schema::parameters(schema) {
                written["parameters"] = parameters;
            }
        }
        None => {}
    }
    written
}

/// `functionCallingConfig`; nothing where the client left it open.
fn choice(chat: &Chat, model: Model, said: &mut Said) -> Option<Value> {
    let strict = model.signed_calls && chat.tools.iter().any(|tool| tool.strict == Some(true));
    let open = if strict { "VALIDATED" } else { "AUTO" };
    let (mode, names): (&str, &[String]) = match &chat.tool_choice {
        // A forced answer: one of the tools, or the one that is the answer.
        None | Some(ToolChoice::Auto | ToolChoice::None) if said.json_tool.is_some() => {
            let none = chat.tool_choice == Some(ToolChoice::None);
            let names = if none { said.json_tool.iter().cloned().collect::<Vec<_>>() } else { Vec::new() };
            return Some(if none { json!({"mode": "ANY", "allowedFunctionNames": names}) } else { json!({"mode": "ANY"}) });
        }
        None if strict => (open, &[]),
        None => return None,
        Some(ToolChoice::Auto) => (open, &[]),
        Some(ToolChoice::None) => ("NONE", &[]),
        Some(ToolChoice::Required) => ("ANY", &[]),
        Some(ToolChoice::Named(name)) => ("ANY", std::slice::from_ref(name)),
        Some(ToolChoice::Allowed { names, required: true }) => ("ANY", names),
        // Only these two modes take names; the second lets the model answer in words as well.
        Some(ToolChoice::Allowed { names, required: false }) => ("VALIDATED", names),
    };
    if names.is_empty() {
        return Some(json!({"mode": mode}));
    }
    let names: Vec<String> = names.iter().map(|name| said.names.fit(name, NAMES)).collect();
    Some(json!({"mode": mode, "allowedFunctionNames": names}))
}
