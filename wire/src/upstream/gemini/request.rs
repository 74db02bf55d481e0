//! Writes a request.

use std::collections::HashMap;

use bytes::{BufMut as _, BytesMut};
use fluxa_domain::models::gemini::Gemini as Model;
use serde_json::{Map, Value};

use super::body::Body;
use super::{config, tools, turns};
use crate::neutral::{Chat, Dropped, Origin, Part};
use crate::upstream::{Said, Target, Unsayable, Written};

pub(super) fn write(chat: &Chat, target: &Target<'_>, model: Model) -> Result<Written, Unsayable> {
    let mut said = Said::default();
    let mut dropped = Vec::new();
    let told = tools::write(chat, model, &mut said, &mut dropped);
    let called: HashMap<&str, &str> = chat
        .turns
        .iter()
        .flat_map(|turn| &turn.parts)
        .filter_map(|part| if let Part::Call(call) = part { Some((call.id.as_str(), call.name.as_str())) } else { None })
        .collect();
    let mut writer =
        turns::Writer { model, names: &mut said.names, dropped: &mut dropped, free_text: &said.free_text_tools, called, resolution: None };
    let (system_instruction, contents) = writer.write(chat)?;
    let resolution = writer.resolution;
    let mut generation_config = config::write(chat, target, model, said.json_tool.is_some(), &mut dropped);
    if let Some(level) = resolution {
        generation_config.insert(String::from("mediaResolution"), Value::from(level));
    }
    let mut body = Body {
        contents,
        system_instruction,
        tools: told.tools,
        tool_config: told.config,
        generation_config,
        service_tier: service_tier(chat, &mut dropped),
        rest: Map::new(),
    };
    put_back(chat, &mut body, &mut dropped);
    let mut out = BytesMut::new();
    let written = serde_json::to_writer((&mut out).writer(), &body);
    written.map_err(|_| Unsayable { what: String::from("the request cannot be written as json"), param: None })?;
    Ok(Written { body: out.freeze(), dropped, said, headers: Vec::new() })
}

/// What a client of this dialect said beyond the neutral form goes back to its place; of others it is named.
fn put_back(chat: &Chat, body: &mut Body<'_>, dropped: &mut Vec<Dropped>) {
    for extra in &chat.extras {
        if extra.origin != Origin::Gemini {
            Dropped::note(dropped, extra.field.clone());
            continue;
        }
        let (map, name) = match extra.field.split_once('.') {
            Some(("generationConfig", name)) => (&mut body.generation_config, name),
            Some(("toolConfig", name)) => (&mut body.tool_config, name),
            _ => (&mut body.rest, extra.field.as_str()),
        };
        map.insert(name.to_owned(), extra.value.clone());
    }
}

fn service_tier<'a>(chat: &'a Chat, dropped: &mut Vec<Dropped>) -> Option<&'a str> {
    match chat.service_tier.as_deref()? {
        "auto" => None,
        "default" => Some("standard"),
        tier @ ("flex" | "priority") => Some(tier),
        _ => {
            Dropped::note(dropped, "service_tier");
            None
        }
    }
}
