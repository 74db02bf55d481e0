//! A whole answer from its events: neighbouring words are one part.

use crate::neutral::answer::Choice;
use crate::neutral::{ChatAnswer, Event, Part, Text, Thinking, ToolCall};

/// The answer that the events of one body come to.
pub(super) fn answer(events: Vec<Event>) -> ChatAnswer {
    let mut answer = ChatAnswer::default();
    let mut choices: Vec<(u32, Choice)> = Vec::new();
    let mut at = |index: u32, change: &mut dyn FnMut(&mut Choice)| {
        let known = choices.iter().position(|(known, _)| *known == index).unwrap_or_else(|| {
            choices.push((index, Choice::default()));
            choices.len() - 1
        });
        if let Some((_, choice)) = choices.get_mut(known) {
            change(choice);
        }
    };
    for event in events {
        match event {
            Event::Begin { id, model } => (answer.id, answer.model) = (id, model),
            Event::Text { choice, text } => at(choice, &mut |choice| match choice.parts.last_mut() {
                Some(Part::Text(last)) if last.signature.is_none() => last.text.push_str(&text),
                _ => choice.parts.push(Part::text(text.as_str())),
            }),
            Event::TextSigned { choice, signature } => at(choice, &mut |choice| {
                if let Some(Part::Text(last)) = choice.parts.last_mut() {
                    last.signature = Some(signature.clone());
                }
            }),
            Event::Cited { choice, citation } => at(choice, &mut |choice| {
                let words = choice.parts.iter_mut().rev().find_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
                match words {
                    Some(text) => text.citations.push(citation.clone()),
                    None => choice.parts.push(Part::Text(Text { citations: vec![citation.clone()], ..Text::default() })),
                }
            }),
            Event::Thinking { choice, text } => at(choice, &mut |choice| match choice.parts.last_mut() {
                Some(Part::Thinking(last)) if last.signature.is_none() => last.text.push_str(&text),
                _ => choice.parts.push(Part::Thinking(Thinking { text: text.clone(), signature: None })),
            }),
            Event::ThinkingSigned { choice, signature } => at(choice, &mut |choice| {
                if let Some(Part::Thinking(last)) = choice.parts.last_mut() {
                    last.signature = Some(signature.clone());
                }
            }),
            Event::Refusal { choice, text } => at(choice, &mut |choice| choice.parts.push(Part::Refusal(text.clone()))),
            Event::CallBegin { choice, id, name, signature, .. } => at(choice, &mut |choice| {
                let (id, name, signature) = (id.clone(), name.clone(), signature.clone());
                choice.parts.push(Part::Call(ToolCall { id, name, signature, ..ToolCall::default() }));
            }),
            Event::CallArguments { choice, fragment, .. } => at(choice, &mut |choice| {
                if let Some(Part::Call(last)) = choice.parts.last_mut() {
                    last.arguments.push_str(&fragment);
                }
            }),
            Event::Media { choice, mut media } => at(choice, &mut |choice| {
                let empty = crate::neutral::Source::Text(String::new());
                let moved = crate::neutral::Media { source: std::mem::replace(&mut media.source, empty), ..media.clone() };
                choice.parts.push(Part::Media(moved));
            }),
            Event::Foreign { choice, part } => at(choice, &mut |choice| choice.parts.push(Part::Foreign(part.clone()))),
            Event::Logprobs { choice, value } => at(choice, &mut |choice| choice.logprobs = Some(value.clone())),
            Event::Stop { choice, reason, .. } => at(choice, &mut |choice| choice.stop = reason),
            // Not given by this dialect's reader, or of no meaning in a whole answer.
            Event::Redacted { .. } | Event::CallEnd { .. } | Event::Usage(_) | Event::Ping | Event::End => {}
        }
    }
    choices.sort_by_key(|(index, _)| *index);
    answer.choices = choices.into_iter().map(|(_, choice)| choice).collect();
    answer
}
