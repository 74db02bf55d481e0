//! Reads a request: its members, and the turns of the conversation.

use serde_json::Value;

use super::fields::{Fields, list, unreadable};
use super::parts::Turns;
use super::{config, tools};
use crate::client::{Heard, Unreadable};
use crate::neutral::chat::Extra;
use crate::neutral::{Chat, Dropped, Origin, Part, Role, Turn};

pub(super) fn read(body: Value, stream: bool) -> Result<Heard, Unreadable> {
    let mut body = Fields::want(body, "body")?;
    let mut heard = Heard { chat: Chat { stream, ..Chat::default() }, ..Heard::default() };
    let contents = body.take("contents").ok_or_else(|| Unreadable { param: Some("contents"), ..unreadable("contents", "is missing") })?;
    if contents.as_array().is_some_and(Vec::is_empty) {
        return Err(Unreadable { param: Some("contents"), ..unreadable("contents", "is empty") });
    }
    if let Some(system) = body.take("systemInstruction") {
        read_system(system, &mut heard)?;
    }
    heard.chat.turns = read_contents(contents, &mut heard.dropped)?;
    // Instructions may also stand at the head of the contents.
    let leading = heard.chat.turns.iter().take_while(|turn| turn.role == Role::System).count();
    for turn in heard.chat.turns.drain(..leading) {
        heard.chat.system.extend(turn.parts.into_iter().filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None }));
    }
    if let Some(found) = body.take("tools") {
        tools::read(list(found), &mut heard)?;
    }
    if let Some(found) = body.inner("toolConfig") {
        tools::read_choice(found, &mut heard.chat);
    }
    if let Some(found) = body.inner("generationConfig") {
        config::read(found, &mut heard.chat);
    }
    if let Some(Value::Object(labels)) = body.take("labels") {
        heard.chat.metadata = labels;
    }
    heard.chat.service_tier = body.text("serviceTier").and_then(|tier| match tier.to_ascii_lowercase().as_str() {
        "unspecified" => None,
        "standard" => Some(String::from("default")),
        other => Some(other.to_owned()),
    });
    // The model is in the path.
    body.take("model");
    let rest = body.rest().map(|(field, value)| Extra { origin: Origin::Gemini, field, value });
    heard.chat.extras.extend(rest);
    Ok(heard)
}

fn read_system(system: Value, heard: &mut Heard) -> Result<(), Unreadable> {
    for turn in read_turns(system, "systemInstruction", &mut heard.dropped)? {
        for part in turn.parts {
            match part {
                Part::Text(text) => heard.chat.system.push(text),
                _ => Dropped::note(&mut heard.dropped, "systemInstruction.parts"),
            }
        }
    }
    Ok(())
}

fn read_contents(contents: Value, dropped: &mut Vec<Dropped>) -> Result<Vec<Turn>, Unreadable> {
    read_turns(contents, "contents", dropped)
}

/// Contents as SDKs and people write them: a list of contents, one content, a list of parts or texts, a text.
fn read_turns(contents: Value, at: &str, dropped: &mut Vec<Dropped>) -> Result<Vec<Turn>, Unreadable> {
    let mut turns = Turns::new(dropped);
    for (index, content) in list(contents).into_iter().enumerate() {
        let at = format!("{at}[{index}]");
        let mut content = match content {
            Value::String(text) => {
                turns.begin(Role::User);
                turns.text(text);
                continue;
            }
            other => Fields::want(other, &at)?,
        };
        let role = match content.take("role") {
            None => Role::User,
            Some(role) => match role.as_str().map(str::to_ascii_lowercase).as_deref() {
                Some("user" | "function" | "tool" | "") => Role::User,
                Some("model" | "assistant") => Role::Assistant,
                Some("system") => Role::System,
                _ => return Err(unreadable(&format!("{at}.role"), "must be user or model")),
            },
        };
        turns.begin(role);
        match content.take("parts") {
            Some(parts) => {
                for (number, part) in list(parts).into_iter().enumerate() {
                    turns.part(part, &format!("{at}.parts[{number}]"))?;
                }
            }
            // A bare part in place of a content.
            None => turns.part(Value::Object(content.rest().collect()), &at)?,
        }
    }
    Ok(turns.done())
}
