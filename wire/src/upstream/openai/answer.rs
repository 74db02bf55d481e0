//! Reads a whole answer: one chunk with everything in it, gathered again.

use std::collections::HashMap;

use serde::Deserialize as _;
use serde_json::Value;

use crate::answer::NotProtocol;
use crate::neutral::{ChatAnswer, Choice, Event, Part, Text, Thinking, ToolCall};
use crate::upstream::Said;

use super::delta::Chunk;
use super::stream::Reader;

/// Reads a whole answer.
pub(super) fn read(body: &[u8], said: &Said) -> Result<ChatAnswer, NotProtocol> {
    match serde_json::from_slice::<Chunk<'_>>(body) {
        Ok(chunk) => gather(chunk, said),
        Err(_) => {
            // Members said twice, or of quite another shape.
            let value: Value = serde_json::from_slice(body).map_err(|_| NotProtocol { what: "broken json" })?;
            gather(Chunk::deserialize(&value).map_err(|_| NotProtocol { what: "json without an answer" })?, said)
        }
    }
}

fn gather(mut chunk: Chunk<'_>, said: &Said) -> Result<ChatAnswer, NotProtocol> {
    let Some(choices) = &mut chunk.choices else { return Err(NotProtocol { what: "json without an answer" }) };
    // Half an answer with an error in it is none: it looks complete to whoever does not know where to look.
    if choices.0.iter().any(|choice| choice.error.is_some()) {
        return Err(NotProtocol { what: "the generation broke off" });
    }
    for (at, choice) in choices.0.iter_mut().enumerate() {
        // Their places are their numbers: some servers number none, or leave gaps.
        choice.index.0 = u32::try_from(at).ok();
        // In a whole answer the message counts, whatever stands beside it.
        if choice.message.is_some() {
            choice.delta = None;
        }
    }
    let mut answer = ChatAnswer {
        id: chunk.id.text().map(str::to_owned),
        model: chunk.model.text().map(str::to_owned),
        service_tier: chunk.service_tier.text().map(str::to_owned),
        fingerprint: chunk.system_fingerprint.text().map(str::to_owned),
        ..ChatAnswer::default()
    };
    let (mut reader, mut events) = (Reader::new(said), Vec::new());
    reader.chunk(chunk, &mut events);
    reader.finish(&mut events);
    let mut calls = HashMap::new();
    for event in events {
        put(event, &mut answer, &mut calls);
    }
    Ok(answer)
}

/// Puts an event where it belongs. `calls` says where in its choice each call stands.
fn put(event: Event, answer: &mut ChatAnswer, calls: &mut HashMap<(u32, u32), usize>) {
    match event {
        Event::Text { choice, text } => match parts(answer, choice).last_mut() {
            Some(Part::Text(last)) => last.text.push_str(&text),
            _ => parts(answer, choice).push(Part::Text(Text::new(text))),
        },
        Event::TextSigned { choice, signature } => match last_text(answer, choice) {
            Some(text) => text.signature = Some(signature),
            None => parts(answer, choice).push(Part::Text(Text { signature: Some(signature), ..Text::default() })),
        },
        Event::Cited { choice, citation } => match last_text(answer, choice) {
            Some(text) => text.citations.push(citation),
            None => parts(answer, choice).push(Part::Text(Text { citations: vec![citation], ..Text::default() })),
        },
        Event::Thinking { choice, text } => match parts(answer, choice).last_mut() {
            Some(Part::Thinking(last)) if last.signature.is_none() => last.text.push_str(&text),
            _ => parts(answer, choice).push(Part::Thinking(Thinking { text, signature: None })),
        },
        Event::ThinkingSigned { choice, signature } => match parts(answer, choice).last_mut() {
            Some(Part::Thinking(last)) if last.signature.is_none() => last.signature = Some(signature),
            _ => parts(answer, choice).push(Part::Thinking(Thinking { text: String::new(), signature: Some(signature) })),
        },
        Event::Redacted { choice, signature } => parts(answer, choice).push(Part::Redacted(signature)),
        Event::Refusal { choice, text } => parts(answer, choice).push(Part::Refusal(text)),
        Event::CallBegin { choice, call, id, name, signature } => {
            let list = parts(answer, choice);
            calls.entry((choice, call)).or_insert(list.len());
            list.push(Part::Call(ToolCall { id, name, signature, ..ToolCall::default() }));
        }
        Event::CallArguments { choice, call, fragment } => {
            let at = calls.get(&(choice, call));
            if let Some(Part::Call(call)) = at.and_then(|at| parts(answer, choice).get_mut(*at)) {
                call.arguments.push_str(&fragment);
            }
        }
        Event::Media { choice, media } => parts(answer, choice).push(Part::Media(media)),
        Event::Foreign { choice, part } => parts(answer, choice).push(Part::Foreign(part)),
        Event::Logprobs { choice, value } => of(answer, choice).logprobs = Some(value),
        Event::Stop { choice, reason, sequence } => {
            let choice = of(answer, choice);
            choice.stop = reason;
            choice.sequence = sequence;
        }
        Event::Begin { .. } | Event::CallEnd { .. } | Event::Usage(_) | Event::Ping | Event::End => {}
    }
}

/// The choice of a number; they come in order, without gaps.
fn of(answer: &mut ChatAnswer, choice: u32) -> &mut Choice {
    // The reader tells one choice after the other and bounds their number; the numbers are theirs.
    let at = usize::try_from(choice).unwrap_or(usize::MAX).min(answer.choices.len());
    if at == answer.choices.len() {
        answer.choices.push(Choice::default());
    }
    let last = answer.choices.len() - 1;
    #[expect(clippy::indexing_slicing, reason = "the list was just made longer than this")]
    &mut answer.choices[at.min(last)]
}

fn parts(answer: &mut ChatAnswer, choice: u32) -> &mut Vec<Part> {
    &mut of(answer, choice).parts
}

fn last_text(answer: &mut ChatAnswer, choice: u32) -> Option<&mut Text> {
    parts(answer, choice).iter_mut().rev().find_map(|part| if let Part::Text(text) = part { Some(text) } else { None })
}

#[cfg(test)]
mod tests;
