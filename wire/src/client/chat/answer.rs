//! Writes a whole answer. Source: protocol specification §1.2 and §3.2.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::client::Voice;
use crate::neutral::signature::Origin;
use crate::neutral::{ChatAnswer, Choice, Part, Stop, ToolCall};

use super::account::{Account, Annotation, Audio, Block, ExtraContent, Image, answer_id, call_id, finish, is_custom};

#[derive(Serialize)]
struct Answer<'a> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Said<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Account>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_fingerprint: Option<&'a str>,
}

#[derive(Serialize)]
struct Said<'a> {
    index: usize,
    message: Message<'a>,
    logprobs: Option<&'a Value>,
    finish_reason: &'static str,
}

#[derive(Default, Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<String>,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    thinking_blocks: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<Image<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<Audio<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<ExtraContent<'a>>,
}

#[derive(Serialize)]
struct Call<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<Function<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<Custom<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<ExtraContent<'a>>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Custom<'a> {
    name: &'a str,
    input: &'a str,
}

/// Writes an answer.
pub(super) fn write(answer: &ChatAnswer, voice: &Voice) -> Bytes {
    let rendered = Answer {
        id: answer_id(answer.id.as_deref(), voice),
        object: "chat.completion",
        created: voice.created_s,
        model: answer.model.as_deref().filter(|model| !model.is_empty()).unwrap_or(&voice.model),
        choices: answer
            .choices
            .iter()
            .enumerate()
            .map(|(index, choice)| Said {
                index,
                message: message(choice, voice),
                logprobs: choice.logprobs.as_ref(),
                finish_reason: finish(choice.stop),
            })
            .collect(),
        usage: answer.usage.as_ref().map(Account::of),
        service_tier: answer.service_tier.as_deref(),
        system_fingerprint: answer.fingerprint.as_deref(),
    };
    Bytes::from(serde_json::to_vec(&rendered).unwrap_or_default())
}

fn message<'a>(choice: &'a Choice, voice: &Voice) -> Message<'a> {
    let mut message = Message { role: "assistant", ..Message::default() };
    for part in &choice.parts {
        match part {
            Part::Text(text) => {
                append(&mut message.content, &text.text);
                message.annotations.extend(text.citations.iter().filter_map(|citation| Annotation::of(None, citation)));
                if let Some(mark) = ExtraContent::of(text.signature.as_ref()) {
                    message.extra_content = Some(mark);
                }
            }
            Part::Thinking(thinking) => {
                append(&mut message.reasoning_content, &thinking.text);
                // Nobody's mark is for dialects that want one in any case.
                let mark = thinking.signature.as_ref().filter(|mark| mark.origin != Origin::Nobody);
                message.thinking_blocks.extend(mark.map(|mark| Block::thinking(None, &thinking.text, mark)));
            }
            Part::Redacted(mark) => message.thinking_blocks.push(Block::redacted(None, mark)),
            Part::Call(call) => {
                let number = message.tool_calls.len();
                message.tool_calls.push(written(call, number, choice.stop, voice));
            }
            Part::Refusal(text) => append(&mut message.refusal, text),
            Part::Media(media) => {
                message.images.extend(Image::of(None, media));
                message.audio = message.audio.or_else(|| Audio::of(media, voice));
            }
            // No part of an answer of this dialect.
            Part::Result(_) | Part::Foreign(_) => {}
        }
    }
    // Null only where something else stands for the words; an empty answer is an empty text.
    let silent = !message.tool_calls.is_empty() || message.refusal.is_some() || message.audio.is_some();
    if message.content.is_none() && !silent {
        message.content = Some(String::new());
    }
    message
}

fn append(to: &mut Option<String>, text: &str) {
    if !text.is_empty() {
        to.get_or_insert_default().push_str(text);
    }
}

fn written<'a>(call: &'a ToolCall, number: usize, stop: Stop, voice: &Voice) -> Call<'a> {
    let id = call_id(&call.id, number, call.signature.as_ref(), voice);
    let extra_content = ExtraContent::of(call.signature.as_ref());
    if is_custom(&call.name, voice) {
        let custom = Some(Custom { name: &call.name, input: &call.arguments });
        return Call { id, kind: "custom", function: None, custom, extra_content };
    }
    // Where the bound cut a call off before its arguments, none are made up: a client would run it.
    let cut = matches!(stop, Stop::Length | Stop::Context | Stop::Filter);
    let arguments = if call.arguments.trim().is_empty() && !cut { "{}" } else { &call.arguments };
    Call { id, kind: "function", function: Some(Function { name: &call.name, arguments }), custom: None, extra_content }
}

#[cfg(test)]
mod tests;
