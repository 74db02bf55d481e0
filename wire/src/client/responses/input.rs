//! The input of a request: a string, or the items of a conversation. Source: `types/responses/response_input_item.py` of the
//! OpenAI SDK.

use serde_json::{Map, Value};

use super::parts::{self, mark, take};
use super::toolbox::flat;
use super::{under, wrong};
use crate::client::Unreadable;
use crate::neutral::{Chat, Foreign, Media, MediaKind, Origin, Part, Role, Signature, Source, Thinking, ToolCall, ToolResult, Turn, ids};

/// Reads `input` into the turns of the conversation; leading instructions into its system.
pub(super) fn read(input: Value, chat: &mut Chat) -> Result<(), Unreadable> {
    match input {
        Value::String(text) => chat.turns.push(Turn::new(Role::User, vec![Part::text(text)])),
        Value::Array(items) => {
            for (index, value) in items.into_iter().enumerate() {
                item(value, chat).map_err(|complaint| under(&format!("input[{index}]"), complaint))?;
            }
        }
        Value::Null => return Err(wrong("input", "is missing")),
        _ => return Err(wrong("input", "must be a string or a list of items")),
    }
    Ok(())
}

fn item(value: Value, chat: &mut Chat) -> Result<(), Unreadable> {
    let Value::Object(mut item) = value else { return Err(wrong("", "must be an object")) };
    let kind = match item.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        None | Some(Value::Null) if item.contains_key("role") => String::from("message"),
        None | Some(Value::Null) if item.contains_key("id") => String::from("item_reference"),
        _ => return Err(wrong("type", "must be a string")),
    };
    match kind.as_str() {
        "message" => message(&mut item, chat)?,
        "function_call" => {
            let arguments = take(&mut item, "arguments")?.unwrap_or_default();
            let call = ToolCall { arguments, ..call(&mut item)? };
            assistant(chat, Part::Call(call));
        }
        "custom_tool_call" => {
            let arguments = take(&mut item, "input")?.unwrap_or_default();
            let call = ToolCall { arguments, ..call(&mut item)? };
            assistant(chat, Part::Call(call));
        }
        "function_call_output" | "custom_tool_call_output" => {
            let id = call_id(&mut item)?;
            let content = match item.remove("output") {
                None | Some(Value::Null) => Vec::new(),
                Some(output) => parts::read("output", output)?,
            };
            let result = ToolResult { id: ids::split(&id).0.into_owned(), content, ..ToolResult::default() };
            user(chat, Part::Result(result));
        }
        "reasoning" => match reasoning(&mut item)? {
            Some(Part::Redacted(mark)) if mark.origin == Origin::Gemini => marked(chat, mark),
            Some(part) => assistant(chat, part),
            None => {}
        },
        "image_generation_call" if item.get("result").is_some_and(Value::is_string) => {
            let media = picture(&mut item)?;
            assistant(chat, Part::Media(media));
        }
        "item_reference" => return Err(wrong("", "items are not kept here: give the item itself instead of a reference")),
        // What hosted tools called and gave, and what only their vendor can read.
        _ => {
            let of_client = kind.ends_with("_output") || kind.ends_with("_response");
            let part = Part::Foreign(Foreign { origin: Origin::OpenAi, kind, value: Value::Object(item) });
            if of_client { user(chat, part) } else { assistant(chat, part) }
        }
    }
    Ok(())
}

fn message(item: &mut Map<String, Value>, chat: &mut Chat) -> Result<(), Unreadable> {
    let role = match item.get("role").and_then(Value::as_str) {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system" | "developer") => Role::System,
        Some(_) => return Err(wrong("role", "must be user, assistant, system or developer")),
        None => return Err(wrong("role", "must be a string")),
    };
    let parts = match (item.remove("content"), role) {
        (None | Some(Value::Null), Role::Assistant) => Vec::new(),
        (content, _) => parts::read("content", content.unwrap_or_default())?,
    };
    match role {
        Role::System if chat.turns.is_empty() => {
            for part in parts {
                match part {
                    Part::Text(text) => chat.system.push(text),
                    _ => return Err(wrong("content", "instructions must be text")),
                }
            }
        }
        Role::Assistant => parts.into_iter().for_each(|part| assistant(chat, part)),
        Role::User | Role::System => chat.turns.push(Turn::new(role, parts)),
    }
    Ok(())
}

/// The items of one response are one turn.
fn assistant(chat: &mut Chat, part: Part) {
    match chat.turns.last_mut() {
        Some(turn) if turn.role == Role::Assistant => turn.parts.push(part),
        _ => chat.turns.push(Turn::new(Role::Assistant, vec![part])),
    }
}

/// Gemini hides no thoughts, but marks words: the mark follows them as an item of its own.
fn marked(chat: &mut Chat, mark: Signature) {
    match chat.turns.last_mut().filter(|turn| turn.role == Role::Assistant).and_then(|turn| turn.parts.last_mut()) {
        Some(Part::Text(text)) => text.signature = Some(mark),
        _ => assistant(chat, Part::Redacted(mark)),
    }
}

/// The results of calls that were made at once are one turn.
fn user(chat: &mut Chat, part: Part) {
    let is_result = |part: &Part| matches!(part, Part::Result(_) | Part::Foreign(_));
    match chat.turns.last_mut() {
        Some(turn) if turn.role == Role::User && turn.parts.last().is_none_or(is_result) => turn.parts.push(part),
        _ => chat.turns.push(Turn::new(Role::User, vec![part])),
    }
}

/// A call without its arguments.
fn call(item: &mut Map<String, Value>) -> Result<ToolCall, Unreadable> {
    let id = call_id(item)?;
    let name = take(item, "name")?.ok_or_else(|| wrong("name", "must be a string"))?;
    let namespace = take(item, "namespace")?;
    let (own, signature) = ids::split(&id);
    Ok(ToolCall { id: own.into_owned(), name: flat(namespace.as_deref(), &name), signature, ..ToolCall::default() })
}

fn call_id(item: &mut Map<String, Value>) -> Result<String, Unreadable> {
    take(item, "call_id")?.ok_or_else(|| wrong("call_id", "must be a string"))
}

/// Thoughts: their text (or its summary) and the mark on them. A summary, though empty, is of thoughts that were hidden but
/// signed; a mark without any is of thoughts that only their vendor can read. So `output` writes them.
fn reasoning(item: &mut Map<String, Value>) -> Result<Option<Part>, Unreadable> {
    let signature = take(item, "encrypted_content")?.map(|text| mark(&text));
    let text = match texts(item, "content")? {
        Some(text) => Some(text),
        None => texts(item, "summary")?,
    };
    Ok(match (text, signature) {
        (Some(text), signature) if signature.is_some() || !text.is_empty() => Some(Part::Thinking(Thinking { text, signature })),
        (None, Some(signature)) => Some(Part::Redacted(signature)),
        _ => None,
    })
}

/// The texts of a list of parts, as one; nothing of an empty list.
fn texts(item: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Unreadable> {
    let parts = match item.get_mut(name).map(Value::take) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(parts)) if parts.is_empty() => return Ok(None),
        Some(Value::Array(parts)) => parts,
        Some(_) => return Err(wrong(name, "must be a list")),
    };
    let mut all = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        let text = match part {
            Value::Object(mut part) => take(&mut part, "text").map_err(|complaint| under(&format!("{name}[{index}]"), complaint))?,
            _ => return Err(wrong(&format!("{name}[{index}]"), "must be an object")),
        };
        if index > 0 {
            all.push_str("\n\n");
        }
        all.push_str(&text.unwrap_or_default());
    }
    Ok(Some(all))
}

/// A picture that the model made. Its mark travels in the item's id.
fn picture(item: &mut Map<String, Value>) -> Result<Media, Unreadable> {
    let format = take(item, "output_format")?.unwrap_or_else(|| String::from("png"));
    let data = take(item, "result")?.unwrap_or_default();
    let signature = take(item, "id")?.and_then(|id| ids::split(&id).1);
    Ok(Media { signature, ..Media::new(MediaKind::Image, Source::Inline { mime: format!("image/{format}"), data }) })
}
