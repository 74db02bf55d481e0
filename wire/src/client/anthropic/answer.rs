//! A whole answer. Source: protocol specification §2.2 and §4.2.

use bytes::Bytes;

use super::frames::{Block, Counts, Details, Input, Message, citation, message_id, stop_reason, tool_id};
use crate::client::Voice;
use crate::neutral::media::data_url;
use crate::neutral::{ChatAnswer, Choice, Media, MediaKind, Origin, Part, Signature, Source, Stop, ids};

pub(super) fn write(answer: &ChatAnswer, voice: &Voice) -> Bytes {
    let none = Choice::default();
    // Clients of this dialect cannot ask for several.
    let choice = answer.choices.first().unwrap_or(&none);
    let strings = Strings::of(choice, voice);
    let id = message_id(answer.id.as_deref(), &voice.call);
    let usage = Counts::of(&answer.usage.unwrap_or_default(), answer.service_tier.as_deref());
    let mut message = Message::new(&id, answer.model.as_deref().unwrap_or(&voice.model), usage);
    message.content = blocks(choice, &strings);
    let refused = choice.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let stop = if refused && choice.stop == Stop::Done { Stop::Filter } else { choice.stop };
    let reason = stop_reason(stop);
    message.stop_reason = Some(reason);
    message.stop_sequence = choice.sequence.as_deref();
    message.stop_details = Details::of(reason);
    // Writing this shape into memory cannot fail.
    Bytes::from(serde_json::to_vec(&message).unwrap_or_default())
}

/// What had to be made for the parts, each at its part's place: ids, signatures, texts.
struct Strings(Vec<String>);

impl Strings {
    fn of(choice: &Choice, voice: &Voice) -> Self {
        let mut calls = 0;
        let made = choice.parts.iter().map(|part| match part {
            Part::Call(call) => {
                calls += 1;
                let made = if call.id.is_empty() { tool_id(&voice.call, calls - 1) } else { call.id.clone() };
                ids::join_plain(&made, call.signature.as_ref())
            }
            Part::Thinking(thinking) => signature(thinking.signature.as_ref()),
            Part::Redacted(mark) => mark.write_in(Origin::Anthropic),
            Part::Media(media) => picture(media),
            _ => String::new(),
        });
        Self(made.collect())
    }
}

fn blocks<'a>(choice: &'a Choice, strings: &'a Strings) -> Vec<Block<'a>> {
    let mut blocks = Vec::with_capacity(choice.parts.len().max(1));
    let cut = choice.cut_call();
    for (at, (part, made)) in choice.parts.iter().zip(&strings.0).enumerate() {
        blocks.push(match part {
            // Nothing can be said of arguments that were cut off: an object is wanted.
            Part::Call(call) if cut == Some(at) => Block::ToolUse { id: made, name: &call.name, input: Input::none() },
            Part::Text(text) if !text.text.is_empty() => {
                Block::Text { text: &text.text, citations: text.citations.iter().map(citation).collect() }
            }
            Part::Refusal(text) if !text.is_empty() => Block::Text { text, citations: Vec::new() },
            Part::Media(_) => Block::Text { text: made, citations: Vec::new() },
            Part::Thinking(thinking) => Block::Thinking { thinking: &thinking.text, signature: made },
            Part::Redacted(_) => Block::RedactedThinking { data: made },
            Part::Call(call) => Block::ToolUse { id: made, name: &call.name, input: Input::of(call) },
            Part::Foreign(foreign) if foreign.origin == Origin::Anthropic => Block::Own(&foreign.value),
            Part::Text(_) | Part::Refusal(_) | Part::Result(_) | Part::Foreign(_) => continue,
        });
    }
    if blocks.is_empty() {
        blocks.push(Block::Text { text: "", citations: Vec::new() });
    }
    blocks
}

/// The signature of thoughts: never empty, because clients want one.
pub(super) fn signature(mark: Option<&Signature>) -> String {
    mark.filter(|mark| !mark.value.is_empty())
        .map_or_else(|| Signature::nobodys().write_in(Origin::Anthropic), |mark| mark.write_in(Origin::Anthropic))
}

/// A generated picture or sound. There is no block for it: it becomes Markdown, which clients show.
pub(super) fn picture(media: &Media) -> String {
    let mark = if media.kind == MediaKind::Image { "!" } else { "" };
    let name = media.name.as_deref().unwrap_or(if media.kind == MediaKind::Image { "image" } else { "file" });
    match &media.source {
        Source::Inline { mime, data } => format!("{mark}[{name}]({})", data_url(mime, data)),
        Source::Url { url, .. } => format!("{mark}[{name}]({url})"),
        Source::FileId(id) => format!("[{name}]({id})"),
        Source::Text(text) => text.clone(),
    }
}
