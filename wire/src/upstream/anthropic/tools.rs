//! `tools` and `tool_choice`. Source: protocol specification §2.1 and §3.1.

use std::collections::{BTreeMap, HashSet};

use fluxa_domain::models::claude::Claude;
use serde::Serialize;
use serde_json::{Value, json};

use super::blocks::Mark;
use super::schema;
use crate::neutral::names::NameRule;
use crate::neutral::{Chat, Dropped, Format, HostedTool, NameMap, Origin, Part, Tool, ToolChoice};
use crate::upstream::Said;

/// Names of tools. Source: protocol specification §2.1.
pub(super) const NAMES: NameRule = NameRule { chars: 128, punctuation: "_-", starts_with_letter: false };

/// The tool whose forced call is the answer's form, unless the client has one of that name.
const FORM: &str = "json";

/// Headers that vendor-run tools need, by the beginning of their type. Source: `beta` types of the Anthropic SDK.
const BETAS: &[(&str, &str)] = &[
    ("computer_20251124", "computer-use-2025-11-24"),
    ("computer_20250124", "computer-use-2025-01-24"),
    ("code_execution_20250522", "code-execution-2025-05-22"),
    ("code_execution_20250825", "code-execution-2025-08-25"),
    ("web_fetch_20250910", "web-fetch-2025-09-10"),
];

/// A tool as it is told.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ToolSpec<'a> {
    /// The client runs it.
    Own {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        input_schema: Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Mark>,
        #[serde(flatten)]
        extras: BTreeMap<&'a str, &'a Value>,
    },
    /// The vendor runs it.
    WebSearch {
        #[serde(rename = "type")]
        kind: &'static str,
        name: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        max_uses: Option<u64>,
    },
    /// Any other of this dialect, as it was.
    Hosted(&'a Value),
}

impl ToolSpec<'_> {
    /// The place of its cache mark.
    pub(super) const fn mark(&mut self) -> Option<&mut Option<Mark>> {
        match self {
            Self::Own { cache_control, .. } => Some(cache_control),
            Self::WebSearch { .. } | Self::Hosted(_) => None,
        }
    }

    fn bare(name: String, description: Option<&'static str>, input_schema: Value) -> Self {
        Self::Own { name, description, input_schema, strict: None, cache_control: None, extras: BTreeMap::new() }
    }
}

/// `tool_choice`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Choice {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_parallel_tool_use: bool,
}

/// The tools, and what the reader of the answer must know of them.
pub(super) fn tools<'a>(
    chat: &'a Chat,
    claude: &Claude,
    said: &mut Said,
    dropped: &mut Vec<Dropped>,
    betas: &mut Vec<&'static str>,
) -> Vec<ToolSpec<'a>> {
    let among: Option<HashSet<&String>> = match &chat.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => Some(names.iter().collect()),
        _ => None,
    };
    let allowed = |tool: &&Tool| among.as_ref().is_none_or(|names| names.contains(&tool.name));
    let mut specs = Vec::new();
    for tool in chat.tools.iter().filter(allowed) {
        specs.push(own(tool, claude, said, dropped));
    }
    for tool in &chat.hosted_tools {
        match tool {
            HostedTool::WebSearch { max_uses } => {
                specs.push(ToolSpec::WebSearch { kind: "web_search_20250305", name: "web_search", max_uses: *max_uses });
            }
            HostedTool::Other { origin: Origin::Anthropic, kind, value } => {
                betas.extend(BETAS.iter().filter(|(start, _)| kind.starts_with(start)).map(|(_, beta)| *beta));
                specs.push(ToolSpec::Hosted(value));
            }
            HostedTool::Other { kind, .. } => Dropped::note(dropped, format!("tools[].{kind}")),
        }
    }
    // A conversation with calls in it is refused where no tool is named.
    if specs.is_empty() {
        specs.extend(called(chat).into_iter().map(|name| ToolSpec::bare(said.names.fit(name, NAMES), None, schema::arguments(None))));
    }
    if let (Some(Format::Schema { schema, .. }), false) = (&chat.format, claude.schemas) {
        let mut name = String::from(FORM);
        while chat.tools.iter().any(|tool| tool.name == name) {
            name.push('_');
        }
        specs.push(ToolSpec::bare(name.clone(), Some("Give the answer by calling this tool."), schema::arguments(Some(schema))));
        said.json_tool = Some(name);
    }
    specs
}

fn own<'a>(tool: &'a Tool, claude: &Claude, said: &mut Said, dropped: &mut Vec<Dropped>) -> ToolSpec<'a> {
    let strict = tool.strict.filter(|strict| *strict && claude.schemas && !tool.free_text);
    let input_schema = if tool.free_text {
        said.free_text_tools.push(tool.name.clone());
        json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]})
    } else if strict.is_some() {
        schema::exact(&schema::arguments(tool.schema.as_ref()))
    } else {
        schema::arguments(tool.schema.as_ref())
    };
    let mut extras = BTreeMap::new();
    for extra in &tool.extras {
        if extra.origin == Origin::Anthropic {
            extras.insert(extra.field.as_str(), &extra.value);
        } else {
            Dropped::note(dropped, format!("tools[].{}", extra.field));
        }
    }
    ToolSpec::Own {
        name: said.names.fit(&tool.name, NAMES),
        description: tool.description.as_deref().filter(|text| !text.is_empty()),
        input_schema,
        strict,
        cache_control: tool.cache.map(Mark::of),
        extras,
    }
}

/// Names of the tools that were called, each once.
fn called(chat: &Chat) -> Vec<&str> {
    let (mut names, mut seen): (Vec<&str>, HashSet<&str>) = Default::default();
    for part in chat.turns.iter().flat_map(|turn| &turn.parts) {
        if let Part::Call(call) = part
            && seen.insert(&call.name)
        {
            names.push(&call.name);
        }
    }
    names
}

/// Which tool must be called. With thinking on none can be forced.
pub(super) fn choice(chat: &Chat, said: &Said, has_tools: bool, thinks: bool, dropped: &mut Vec<Dropped>) -> Option<Choice> {
    if !has_tools {
        return None;
    }
    let of = |kind| Choice { kind, name: None, disable_parallel_tool_use: chat.parallel_tools == Some(false) && kind != "none" };
    let named = |names: &NameMap, name: &str| Choice { name: Some(names.clone().fit(name, NAMES)), ..of("tool") };
    let own_tools = !(chat.tools.is_empty() && chat.hosted_tools.is_empty());
    if let Some(form) = &said.json_tool {
        let choice = match &chat.tool_choice {
            Some(ToolChoice::Named(name)) => named(&said.names, name),
            Some(ToolChoice::None) => Choice { name: Some(form.clone()), ..of("tool") },
            _ if own_tools => of("any"),
            _ => Choice { name: Some(form.clone()), ..of("tool") },
        };
        // Two answers would be one too many.
        return Some(Choice { disable_parallel_tool_use: true, ..choice });
    }
    if !own_tools {
        // Only named for the sake of the conversation.
        return Some(of("none"));
    }
    let choice = match &chat.tool_choice {
        None if chat.parallel_tools == Some(false) => of("auto"),
        None => return None,
        Some(ToolChoice::Auto | ToolChoice::Allowed { required: false, .. }) => of("auto"),
        Some(ToolChoice::None) => of("none"),
        Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => of("any"),
        Some(ToolChoice::Named(name)) => named(&said.names, name),
    };
    if thinks && matches!(choice.kind, "any" | "tool") {
        Dropped::note(dropped, "tool_choice");
        return Some(of("auto"));
    }
    Some(choice)
}
