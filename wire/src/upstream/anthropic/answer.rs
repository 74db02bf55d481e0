//! A whole answer. Source: protocol specification §2.2 and §3.2.

use serde_json::{Map, Value};

use crate::answer::NotProtocol;
use crate::neutral::free_text;
use crate::neutral::{ChatAnswer, Choice, Citation, Foreign, Origin, Part, Signature, Stop, Text, Thinking, ToolCall};
use crate::upstream::Said;

pub(super) fn read(body: &[u8], said: &Said) -> Result<ChatAnswer, NotProtocol> {
    let body: Value = serde_json::from_slice(body).map_err(|_| NotProtocol { what: "broken json" })?;
    let Value::Object(mut message) = body else { return Err(NotProtocol { what: "no json object" }) };
    let content = match message.remove("content") {
        Some(Value::Array(list)) => list,
        Some(Value::Null) => Vec::new(),
        _ => return Err(NotProtocol { what: "a message without content" }),
    };
    let mut place = 0;
    let mut parts: Vec<Part> = content.into_iter().filter_map(|block| part(block, said, &mut place)).collect();
    let word = |name: &str| message.get(name).and_then(Value::as_str);
    let stop = word("stop_reason").map_or(Stop::Done, stop);
    parts.extend(message.get("stop_details").and_then(explanation).map(Part::Refusal));
    let choice = Choice { parts, stop, sequence: word("stop_sequence").map(str::to_owned), logprobs: None };
    let tier = message.get("usage").and_then(|usage| usage.get("service_tier")).and_then(Value::as_str);
    Ok(ChatAnswer {
        id: word("id").map(str::to_owned),
        model: word("model").map(str::to_owned),
        service_tier: tier.map(str::to_owned),
        choices: vec![choice],
        ..ChatAnswer::default()
    })
}

/// What a block is. `place` counts the characters of text so far.
fn part(block: Value, said: &Said, place: &mut u64) -> Option<Part> {
    let Value::Object(mut block) = block else { return None };
    let kind = block.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut take = |name: &str| string(&mut block, name);
    match kind.as_str() {
        "text" => {
            let text = take("text").filter(|text| !text.is_empty())?;
            let start = *place;
            *place += chars(&text);
            let citations = match block.remove("citations") {
                Some(Value::Array(list)) => list.into_iter().map(|raw| citation(raw, start, *place)).collect(),
                _ => Vec::new(),
            };
            Some(Part::Text(Text { text, citations, ..Text::default() }))
        }
        "thinking" => {
            let thinking =
                Thinking { text: take("thinking").unwrap_or_default(), signature: take("signature").and_then(|mark| signature(&mark)) };
            (thinking != Thinking::default()).then_some(Part::Thinking(thinking))
        }
        "redacted_thinking" => take("data").and_then(|mark| signature(&mark)).map(Part::Redacted),
        "tool_use" => {
            let (id, name) = (take("id").unwrap_or_default(), take("name").unwrap_or_default());
            let arguments = match block.remove("input") {
                None | Some(Value::Null) => String::from("{}"),
                Some(input) => input.to_string(),
            };
            Some(match Wanted::of(&name, said) {
                Wanted::Form => Part::text(arguments),
                Wanted::Text => {
                    Part::Call(ToolCall { id, name: back(&name, said), arguments: free_text::unwrapped(arguments), ..ToolCall::default() })
                }
                Wanted::Call => Part::Call(ToolCall { id, name: back(&name, said), arguments, ..ToolCall::default() }),
            })
        }
        _ => Some(Part::Foreign(Foreign { origin: Origin::Anthropic, kind, value: Value::Object(block) })),
    }
}

/// What a call stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A call.
    Call,
    /// A call of a tool that takes free text.
    Text,
    /// The answer's text, in the form that was asked for.
    Form,
}

impl Wanted {
    pub(super) fn of(sent: &str, said: &Said) -> Self {
        if said.json_tool.as_deref() == Some(sent) {
            return Self::Form;
        }
        let name = said.names.back(sent);
        if said.free_text_tools.iter().any(|tool| tool == name) { Self::Text } else { Self::Call }
    }
}

/// The client's name of a tool.
pub(super) fn back(sent: &str, said: &Said) -> String {
    said.names.back(sent).to_owned()
}

/// A signature; nobody's (from a gateway like this one) is none.
pub(super) fn signature(mark: &str) -> Option<Signature> {
    Some(Signature::read_in(Origin::Anthropic, mark)).filter(|mark| mark.origin != Origin::Nobody && !mark.value.is_empty())
}

/// A source of the words from `start` to `end`. Source: `citation_*_location.py` of the Anthropic SDK.
pub(super) fn citation(raw: Value, start: u64, end: u64) -> Citation {
    let word = |names: [&str; 2]| {
        let found = names.iter().filter_map(|name| raw.get(*name).and_then(Value::as_str)).find(|word| !word.is_empty());
        found.unwrap_or_default().to_owned()
    };
    let (url, title, quote) = (word(["url", "source"]), word(["title", "document_title"]), word(["cited_text", "cited_text"]));
    Citation { url, title, quote, start: Some(start), end: Some(end), raw: Some((Origin::Anthropic, raw)) }
}

/// Source: protocol specification §0, stop reasons.
pub(super) fn stop(reason: &str) -> Stop {
    match reason {
        "stop_sequence" => Stop::Sequence,
        "max_tokens" => Stop::Length,
        "model_context_window_exceeded" => Stop::Context,
        "tool_use" => Stop::Tools,
        "refusal" => Stop::Filter,
        "pause_turn" => Stop::Pause,
        _ => Stop::Done,
    }
}

/// What is said of a refusal, in `stop_details`.
pub(super) fn explanation(details: &Value) -> Option<String> {
    details.get("explanation").and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Characters, as citations count them.
pub(super) fn chars(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}

fn string(map: &mut Map<String, Value>, name: &str) -> Option<String> {
    match map.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
