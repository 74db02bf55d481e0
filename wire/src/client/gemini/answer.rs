//! Writes a whole answer.

use bytes::{Bytes, BytesMut};

use super::body::{Body, Candidate, Content, PartBody, UsageMetadata, append, finish_reason, grounding, logprobs_result};
use crate::civil::rfc3339;
use crate::client::Voice;
use crate::neutral::answer::Choice;
use crate::neutral::{ChatAnswer, Origin, Part, Stop};

pub(super) fn write(answer: &ChatAnswer, voice: &Voice) -> Bytes {
    let created = rfc3339(i64::try_from(voice.created_s).unwrap_or(0));
    let mut calls = 0;
    let candidates = answer.choices.iter().zip(0..).map(|(choice, index)| candidate(choice, index, &mut calls, voice)).collect();
    let body = Body {
        candidates,
        usage_metadata: answer.usage.as_ref().map(UsageMetadata::of),
        model_version: answer.model.as_deref().unwrap_or(&voice.model),
        create_time: &created,
        response_id: answer.id.as_deref().filter(|id| !id.is_empty()).unwrap_or(&voice.call),
    };
    let mut out = BytesMut::new();
    append(&mut out, &body);
    out.freeze()
}

fn candidate<'a>(choice: &'a Choice, index: u32, calls: &mut u32, voice: &Voice) -> Candidate<'a> {
    let mut parts = Vec::with_capacity(choice.parts.len());
    let (mut text, mut citations) = (String::new(), Vec::new());
    let mut refused = false;
    let cut = choice.cut_call();
    for (at, part) in choice.parts.iter().enumerate() {
        match part {
            // Whatever came of its arguments must not be taken for all of them.
            Part::Call(call) if cut == Some(at) => {
                parts.push(PartBody::cut_call(call, *calls, voice));
                *calls += 1;
            }
            Part::Text(words) => {
                parts.push(PartBody::text(&words.text, words.signature.as_ref()));
                if choice.parts.iter().any(|part| matches!(part, Part::Text(text) if !text.citations.is_empty())) {
                    text.push_str(&words.text);
                    citations.extend(words.citations.iter().cloned());
                }
            }
            Part::Thinking(thinking) => parts.push(PartBody::thought(&thinking.text, thinking.signature.as_ref())),
            Part::Redacted(signature) => parts.push(PartBody::redacted(signature)),
            Part::Call(call) => {
                parts.push(PartBody::call(call, *calls, voice));
                *calls += 1;
            }
            Part::Refusal(words) => {
                refused = true;
                parts.push(PartBody::text(words, None));
            }
            Part::Media(media) => parts.extend(PartBody::media(media)),
            Part::Foreign(foreign) if foreign.origin == Origin::Gemini => parts.push(PartBody::Foreign(&foreign.value)),
            // Answers hold no results, and what another vendor's tools did has no form here.
            Part::Result(_) | Part::Foreign(_) => {}
        }
    }
    let stop = if refused { Stop::Filter } else { choice.stop };
    Candidate {
        content: Some(Content::new(parts)),
        finish_reason: Some(finish_reason(stop)),
        index,
        grounding_metadata: grounding(&citations, &text),
        logprobs_result: choice.logprobs.as_ref().and_then(logprobs_result),
    }
}
