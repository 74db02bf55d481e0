//! Reads a whole answer of Converse. Source: protocol specification §6.2, and recorded answers.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::answer::NotProtocol;
use crate::neutral::free_text;
use crate::neutral::media::decode_base64;
use crate::neutral::part::Citation;
use crate::neutral::{ChatAnswer, Choice, Foreign, Media, MediaKind, Origin, Part, Signature, Source, Stop, Text, Thinking, ToolCall};
use crate::upstream::Said;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    output: Option<Output>,
    stop_reason: Option<String>,
    additional_model_response_fields: Option<Value>,
    service_tier: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Output {
    message: Option<Message>,
}

#[derive(Debug, Deserialize)]
struct Message {
    content: Option<Vec<Map<String, Value>>>,
}

/// Reads a whole answer.
pub(super) fn read(body: &[u8], said: &Said) -> Result<ChatAnswer, NotProtocol> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| NotProtocol { what: "no converse answer" })?;
    if answer.output.is_none() && answer.stop_reason.is_none() {
        return Err(NotProtocol { what: "json without an answer" });
    }
    let blocks = answer.output.and_then(|output| output.message).and_then(|message| message.content).unwrap_or_default();
    let mut parts = Vec::with_capacity(blocks.len());
    let mut chars = 0;
    for block in blocks {
        for (kind, value) in block {
            part(&kind, value, said, &mut chars, &mut parts);
        }
    }
    if let Some(name) = &said.json_tool {
        unwrap_json(name, &mut parts);
    }
    let stop = answer.stop_reason.as_deref().map_or(Stop::Done, stop);
    let sequence = answer.additional_model_response_fields.as_ref().and_then(stop_sequence);
    let service_tier = answer.service_tier.and_then(|tier| Some(tier.get("type")?.as_str()?.to_owned()));
    Ok(ChatAnswer { choices: vec![Choice { parts, stop, sequence, logprobs: None }], service_tier, ..ChatAnswer::default() })
}

/// One block of content. `chars` counts the characters of text so far: citations are told by their place.
fn part(kind: &str, value: Value, said: &Said, chars: &mut u64, parts: &mut Vec<Part>) {
    match (kind, value) {
        ("text", Value::String(text)) => {
            if !text.is_empty() {
                *chars += text.chars().count() as u64;
                parts.push(Part::text(text));
            }
        }
        ("toolUse", Value::Object(call)) => {
            if call.get("type").and_then(Value::as_str).is_some_and(is_vendors) {
                parts.push(Part::Foreign(foreign("server_tool_use", "toolUse", Value::Object(call))));
            } else {
                parts.push(Part::Call(tool_call(call, said)));
            }
        }
        ("reasoningContent", Value::Object(reasoning)) => thoughts(&reasoning, parts),
        ("citationsContent", Value::Object(cited)) => cited_text(&cited, chars, parts),
        ("image", Value::Object(image)) => parts.extend(picture(&image).map(Part::Media)),
        ("toolResult", value) => parts.push(Part::Foreign(foreign("tool_result", "toolResult", value))),
        (kind, value) => parts.push(Part::Foreign(foreign(kind, kind, value))),
    }
}

/// The vendor runs this tool itself; the client must not.
pub(super) fn is_vendors(kind: &str) -> bool {
    kind == "server_tool_use"
}

/// A block that only Converse knows, as it was.
pub(super) fn foreign(kind: &str, member: &str, value: Value) -> Foreign {
    let value = Value::Object(Map::from_iter([(member.to_owned(), value)]));
    Foreign { origin: Origin::Bedrock, kind: kind.to_owned(), value }
}

fn tool_call(mut call: Map<String, Value>, said: &Said) -> ToolCall {
    let mut take = |key| if let Some(Value::String(text)) = call.remove(key) { text } else { String::new() };
    let id = take("toolUseId");
    let name = said.names.back(&take("name")).to_owned();
    let input = call.remove("input").filter(|input| !input.is_null());
    let arguments = input.map_or_else(|| String::from("{}"), |input| input.to_string());
    let arguments = if said.free_text_tools.contains(&name) { free_text::unwrapped(arguments) } else { arguments };
    ToolCall { id, name, arguments, ..ToolCall::default() }
}

/// The mark of thoughts that only the vendor can read: its bytes are the text that Anthropic's own dialect carries.
pub(super) fn redacted(blob: &str) -> Signature {
    match decode_base64(blob).and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(data) => Signature::new(Origin::Anthropic, data),
        None => Signature::new(Origin::Bedrock, blob),
    }
}

fn thoughts(reasoning: &Map<String, Value>, parts: &mut Vec<Part>) {
    if let Some(text) = reasoning.get("reasoningText") {
        let member = |key| text.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let signature = member("signature").map(|mark| Signature::new(Origin::Anthropic, mark));
        let words = member("text").unwrap_or_default().to_owned();
        if signature.is_some() || !words.is_empty() {
            parts.push(Part::Thinking(Thinking { text: words, signature }));
        }
    }
    if let Some(blob) = reasoning.get("redactedContent").and_then(Value::as_str) {
        parts.push(Part::Redacted(redacted(blob)));
    }
}

fn cited_text(cited: &Map<String, Value>, chars: &mut u64, parts: &mut Vec<Part>) {
    let text: String = texts(cited.get("content")).collect();
    let start = *chars;
    *chars += text.chars().count() as u64;
    let citations = cited.get("citations").and_then(Value::as_array).into_iter().flatten();
    let place = |raw: &Value| Citation { start: Some(start), end: Some(*chars), ..citation(raw.clone()) };
    let citations: Vec<Citation> = citations.map(place).collect();
    if !text.is_empty() || !citations.is_empty() {
        parts.push(Part::Text(Text { citations, ..Text::new(text) }));
    }
}

fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(|item| item.get("text")?.as_str())
}

/// A citation, without its place in the answer.
pub(super) fn citation(raw: Value) -> Citation {
    let word = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let source = word(raw.get("source"));
    let url = word(raw.pointer("/location/web/url"));
    let url = if url.is_empty() && (source.starts_with("https://") || source.starts_with("http://")) { source } else { url };
    let quote = texts(raw.get("sourceContent")).collect();
    Citation { url, title: word(raw.get("title")), quote, start: None, end: None, raw: Some((Origin::Bedrock, raw)) }
}

/// A generated picture.
pub(super) fn picture(image: &Map<String, Value>) -> Option<Media> {
    let data = image.get("source")?.get("bytes")?.as_str()?.to_owned();
    let format = image.get("format").and_then(Value::as_str).unwrap_or("png");
    Some(Media::new(MediaKind::Image, Source::Inline { mime: format!("image/{format}"), data }))
}

/// The reason in Converse's word.
pub(super) fn stop(reason: &str) -> Stop {
    match reason {
        "stop_sequence" => Stop::Sequence,
        "max_tokens" => Stop::Length,
        "model_context_window_exceeded" => Stop::Context,
        "tool_use" => Stop::Tools,
        "guardrail_intervened" | "content_filtered" => Stop::Filter,
        "malformed_model_output" | "malformed_tool_use" => Stop::Malformed,
        // `end_turn`, and what is not known.
        _ => Stop::Done,
    }
}

/// The stop sequence that was met, among the model's own fields.
pub(super) fn stop_sequence(fields: &Value) -> Option<String> {
    let found = fields.get("stop_sequence").or_else(|| fields.pointer("/delta/stop_sequence"))?;
    Some(found.as_str()?.to_owned())
}

/// The answer was asked for as a call: its arguments are the text, and words around it are none of it.
fn unwrap_json(name: &str, parts: &mut Vec<Part>) {
    if !parts.iter().any(|part| matches!(part, Part::Call(call) if call.name == name)) {
        return;
    }
    parts.retain(|part| !matches!(part, Part::Text(_)));
    for part in parts {
        if let Part::Call(call) = part
            && call.name == name
        {
            *part = Part::text(std::mem::take(&mut call.arguments));
        }
    }
}
