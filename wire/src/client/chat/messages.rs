//! Reads messages into turns.
//!
//! The leading `system` and `developer` messages are the instructions; later ones stay where they are. Messages of tools are
//! results in turns of the user, those that follow one another in one turn.

use serde_json::Value;

use crate::client::Unreadable;
use crate::neutral::media::{self, Media, MediaKind, Source};
use crate::neutral::signature::{Origin, Signature};
use crate::neutral::waiting::Waiting;
use crate::neutral::{Chat, Dropped, Foreign, Part, Role, Text, Thinking, ToolCall, ToolResult, Turn, ids};

use super::request::cache_mark;
use super::unreadable;

/// Reads all messages.
pub(super) fn read(list: Vec<Value>, chat: &mut Chat, dropped: &mut Vec<Dropped>) -> Result<(), Unreadable> {
    let mut functions = 0_u32;
    // The last calls without a result so far, and whether the last turn is one of results.
    let (mut open, mut results) = (Waiting::default(), false);
    for (at, mut message) in list.into_iter().enumerate() {
        if !message.is_object() {
            return Err(unreadable(format!("messages[{at}]"), "expected an object", "messages"));
        }
        let mut place = Place { at, dropped: &mut *dropped };
        let role = message.get("role").and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = message.get("name").and_then(Value::as_str).map(str::to_owned);
        let content = message.get_mut("content").map(Value::take).unwrap_or_default();
        let cache = cache_mark(message.get("cache_control"));
        match role.as_str() {
            "system" | "developer" => {
                let mut parts = place.parts(content)?;
                mark_last(&mut parts, cache);
                if chat.turns.is_empty() {
                    chat.system.extend(parts.into_iter().filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None }));
                } else {
                    chat.turns.push(Turn { role: Role::System, parts, name });
                }
            }
            "user" => {
                let mut parts = place.parts(content)?;
                mark_last(&mut parts, cache);
                chat.turns.push(Turn { role: Role::User, parts, name });
            }
            "assistant" => {
                let mut parts = place.assistant(&mut message, content, &mut functions)?;
                open = Waiting::default();
                for part in &parts {
                    if let Part::Call(call) = part {
                        open.push(&call.id, &call.name, call.id.clone());
                    }
                }
                mark_last(&mut parts, cache);
                chat.turns.push(Turn { role: Role::Assistant, parts, name });
            }
            "tool" | "function" => {
                let id = message.get("tool_call_id").and_then(Value::as_str).map(|id| ids::split(id).0.into_owned());
                let id = match (id, role.as_str()) {
                    (Some(id), _) => {
                        open.by_id(&id);
                        id
                    }
                    (None, "function") => function_id(functions.saturating_sub(1)),
                    // Some clients leave it out: then it answers the first call that waits.
                    (None, _) => open.first().ok_or_else(|| unreadable(format!("messages[{at}].tool_call_id"), "missing", "messages"))?,
                };
                let content = place.parts(content)?;
                let result = Part::Result(ToolResult { id, name, content, is_error: false, cache });
                match chat.turns.last_mut() {
                    Some(last) if results => last.parts.push(result),
                    _ => chat.turns.push(Turn::new(Role::User, vec![result])),
                }
            }
            "" => return Err(unreadable(format!("messages[{at}].role"), "missing", "messages")),
            _ => return Err(unreadable(format!("messages[{at}].role"), "unknown role", "messages")),
        }
        results = matches!(role.as_str(), "tool" | "function");
    }
    Ok(())
}

/// The id of a call of the old form, which has none.
fn function_id(number: u32) -> String {
    format!("call_function_{number}")
}

fn mark_last(parts: &mut [Part], mark: Option<crate::neutral::CacheMark>) {
    let Some(mark) = mark else { return };
    match parts.last_mut() {
        Some(Part::Text(text)) => text.cache = text.cache.or(Some(mark)),
        Some(Part::Media(media)) => media.cache = media.cache.or(Some(mark)),
        Some(Part::Call(call)) => call.cache = call.cache.or(Some(mark)),
        _ => {}
    }
}

/// Where a message stands.
struct Place<'d> {
    at: usize,
    dropped: &'d mut Vec<Dropped>,
}

impl Place<'_> {
    fn wrong(&self, place: &str, what: &str) -> Unreadable {
        unreadable(format!("messages[{}].{place}", self.at), what, "messages")
    }

    /// Content: text, a list of parts, or nothing.
    fn parts(&mut self, content: Value) -> Result<Vec<Part>, Unreadable> {
        match content {
            Value::Null => Ok(Vec::new()),
            Value::String(text) if text.is_empty() => Ok(Vec::new()),
            Value::String(text) => Ok(vec![Part::text(text)]),
            Value::Array(list) => {
                let mut parts = Vec::with_capacity(list.len());
                for (number, part) in list.into_iter().enumerate() {
                    parts.extend(self.part(number, part)?);
                }
                Ok(parts)
            }
            _ => Err(self.wrong("content", "expected a string or a list")),
        }
    }

    fn part(&mut self, number: usize, mut part: Value) -> Result<Option<Part>, Unreadable> {
        let wrong = |what: &str| Err(unreadable(format!("messages[{}].content[{number}]", self.at), what, "messages"));
        if let Value::String(text) = part {
            return Ok(Some(Part::text(text)));
        }
        let kind = part.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let cache = cache_mark(part.get("cache_control"));
        let mut inner = |key: &str| part.get_mut(key).map(Value::take).unwrap_or_default();
        let read = match kind.as_str() {
            "text" | "input_text" | "output_text" => match inner("text") {
                Value::String(text) if text.is_empty() => return Ok(None),
                Value::String(text) => Part::Text(Text { text, cache, ..Text::default() }),
                _ => return wrong("a text part without text"),
            },
            "refusal" => match inner("refusal") {
                Value::String(text) => Part::Refusal(text),
                _ => return wrong("a refusal without text"),
            },
            "image_url" | "video_url" => {
                let mut address = inner(&kind);
                let detail = address.get("detail").and_then(Value::as_str).map(str::to_owned);
                let url = if address.is_string() { address } else { address.get_mut("url").map(Value::take).unwrap_or_default() };
                let Value::String(url) = url else { return wrong("an image without an address") };
                let Some(source) = source_of(url) else { return wrong("an unreadable data address") };
                let medium = if kind == "video_url" { MediaKind::Video } else { MediaKind::Image };
                Part::Media(Media { detail, cache, ..Media::new(medium, source) })
            }
            "input_audio" => {
                let mut audio = inner("input_audio");
                let mime = match audio.get("format").and_then(Value::as_str) {
                    Some("mp3" | "mpeg") => String::from("audio/mp3"),
                    Some(format) => format!("audio/{format}"),
                    None => String::from("audio/wav"),
                };
                let Value::String(data) = audio.get_mut("data").map(Value::take).unwrap_or(audio) else {
                    return wrong("sound without data");
                };
                let source = match media::read_data_url(&data) {
                    Some((mime, data)) => Source::Inline { mime, data },
                    None => Source::Inline { mime, data },
                };
                Part::Media(Media { cache, ..Media::new(MediaKind::Audio, source) })
            }
            "file" => {
                let mut file = inner("file");
                let name = file.get("filename").and_then(Value::as_str).map(str::to_owned);
                let mut text = |key: &str| match file.get_mut(key).map(Value::take) {
                    Some(Value::String(text)) => Some(text),
                    _ => None,
                };
                let source = match (text("file_data"), text("file_id"), text("file_url")) {
                    (Some(data), _, _) => file_source(data, name.as_deref()),
                    (None, Some(id), _) => Some(Source::FileId(id)),
                    (None, None, Some(url)) => source_of(url),
                    (None, None, None) => return wrong("a file without data or id"),
                };
                let Some(source) = source else { return wrong("an unreadable data address") };
                Part::Media(Media { name, cache, ..Media::new(MediaKind::Document, source) })
            }
            // Marks of thoughts in a list are read with the message.
            "thinking" => match inner("thinking") {
                Value::String(text) => {
                    let mark = part.get("signature").and_then(Value::as_str).filter(|mark| !mark.is_empty());
                    Part::Thinking(Thinking { text, signature: mark.map(|mark| Signature::read_in(Origin::Anthropic, mark)) })
                }
                Value::Array(list) => {
                    let text = list.iter().filter_map(|item| item.get("text").and_then(Value::as_str)).collect();
                    Part::Thinking(Thinking { text, signature: None })
                }
                _ => return wrong("thoughts without text"),
            },
            "" => return wrong("a part without a type"),
            _ => {
                Dropped::note(self.dropped, format!("messages[].content[].{kind}"));
                Part::Foreign(Foreign { origin: Origin::OpenAi, kind, value: part })
            }
        };
        Ok(Some(read))
    }

    /// A message of the assistant: thoughts first, then words, then calls.
    fn assistant(&mut self, message: &mut Value, content: Value, functions: &mut u32) -> Result<Vec<Part>, Unreadable> {
        let mut parts = thoughts(message);
        let mut said = self.parts(content)?;
        if let Some(mark) = message.get("extra_content").and_then(google_mark)
            && let Some(Part::Text(text)) = said.iter_mut().rev().find(|part| matches!(part, Part::Text(_)))
        {
            text.signature = Some(mark);
        }
        parts.append(&mut said);
        if let Some(Value::String(words)) = message.get_mut("refusal").map(Value::take)
            && !words.is_empty()
        {
            parts.push(Part::Refusal(words));
        }
        if message.get("audio").is_some_and(|audio| !audio.is_null()) {
            Dropped::note(self.dropped, "messages[].audio");
        }
        match message.get_mut("tool_calls").map(Value::take) {
            None | Some(Value::Null) => {}
            Some(Value::Array(calls)) => {
                for (number, call) in calls.into_iter().enumerate() {
                    let read = tool_call(call).ok_or_else(|| self.wrong(&format!("tool_calls[{number}]"), "a call without a name"))?;
                    parts.push(Part::Call(read));
                }
            }
            Some(_) => return Err(self.wrong("tool_calls", "expected a list")),
        }
        if let Some(mut call) = message.get_mut("function_call").map(Value::take).filter(|call| !call.is_null()) {
            let name = call.get("name").and_then(Value::as_str).ok_or_else(|| self.wrong("function_call.name", "missing"))?.to_owned();
            let arguments = arguments_of(call.get_mut("arguments").map(Value::take));
            parts.push(Part::Call(ToolCall { id: function_id(*functions), name, arguments, ..ToolCall::default() }));
            *functions += 1;
        }
        Ok(parts)
    }
}

fn tool_call(mut call: Value) -> Option<ToolCall> {
    let (id, in_id) = ids::split(call.get("id").and_then(Value::as_str).unwrap_or_default());
    let id = id.into_owned();
    let id = id.to_owned();
    let signature = call.get("extra_content").and_then(google_mark).or(in_id);
    let cache = cache_mark(call.get("cache_control"));
    let custom = call.get("type").and_then(Value::as_str) == Some("custom");
    let (of, input) = if custom { ("custom", "input") } else { ("function", "arguments") };
    let of = call.get_mut(of)?;
    let name = of.get("name").and_then(Value::as_str)?.to_owned();
    let arguments = arguments_of(of.get_mut(input).map(Value::take));
    Some(ToolCall { id, name, arguments, signature, cache })
}

/// Arguments are text in this dialect, but objects come too.
fn arguments_of(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        None | Some(Value::Null) => String::new(),
        Some(value) => value.to_string(),
    }
}

/// Gemini's mark where its own server of this dialect writes it.
fn google_mark(extra: &Value) -> Option<Signature> {
    let mark = extra.get("google")?.get("thought_signature")?.as_str().filter(|mark| !mark.is_empty())?;
    Some(Signature::read_in(Origin::Gemini, mark))
}

/// Thoughts that a client sends back, in any of the forms that answers have. Signed blocks count most, because only they can be
/// given back to a vendor that signs; the plain text is the same thoughts again.
fn thoughts(message: &mut Value) -> Vec<Part> {
    let mut text = |key: &str| match message.get_mut(key).map(Value::take) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let (content, field) = (text("reasoning_content"), text("reasoning"));
    let plain = content.or(field);
    let mut parts = Vec::new();
    for key in ["thinking_blocks", "reasoning_details"] {
        let Some(Value::Array(list)) = message.get_mut(key).map(Value::take) else { continue };
        if parts.is_empty() {
            parts = list.into_iter().filter_map(thought).collect();
        }
    }
    let told = parts.iter().any(|part| matches!(part, Part::Thinking(thinking) if !thinking.text.is_empty()));
    let Some(plain) = plain.filter(|_| !told) else { return parts };
    // A signature that came alone belongs to the text beside it.
    match parts.iter_mut().find_map(|part| if let Part::Thinking(thinking) = part { Some(thinking) } else { None }) {
        Some(thinking) => thinking.text = plain,
        None => parts.insert(0, Part::Thinking(Thinking { text: plain, signature: None })),
    }
    parts
}

fn thought(detail: Value) -> Option<Part> {
    let string = |key: &str| detail.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let origin = match string("format") {
        Some(format) if format.starts_with("google") => Origin::Gemini,
        Some(format) if !format.starts_with("anthropic") => Origin::OpenAi,
        _ => Origin::Anthropic,
    };
    if let Some(data) = string("data") {
        return Some(Part::Redacted(Signature::read_in(origin, data)));
    }
    let text = string("thinking").or_else(|| string("text")).or_else(|| string("summary")).unwrap_or_default().to_owned();
    let signature = string("signature").map(|mark| Signature::read_in(origin, mark));
    (!text.is_empty() || signature.is_some()).then_some(Part::Thinking(Thinking { text, signature }))
}

/// An address, or the bytes in it.
fn source_of(url: String) -> Option<Source> {
    if url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return media::read_data_url(&url).map(|(mime, data)| Source::Inline { mime, data });
    }
    (!url.is_empty()).then_some(Source::Url { mime: None, url })
}

/// `file_data`: a `data:` address, an address, or bare base64 whose kind its name tells.
fn file_source(data: String, name: Option<&str>) -> Option<Source> {
    let begins = |scheme: &str| data.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    if begins("data:") || begins("https://") || begins("http://") {
        return source_of(data);
    }
    let mime = name.and_then(media::mime_of_name).unwrap_or("application/pdf").to_owned();
    Some(Source::Inline { mime, data })
}
