//! Turns become messages: neighbours merged, each call answered in the very next message, nothing empty.
//!
//! Source: protocol specification §2.1 (roles, `tool_result` first, one for every call) and §3.1.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use fluxa_domain::models::claude::Claude;
use serde::Serialize;
use serde_json::Value;

use super::blocks::{Block, Input, Mark};
use super::media;
use super::tools::NAMES;
use crate::neutral::ids::IdRule;
use crate::neutral::{Chat, Dropped, Origin, Part, Role, Text, ToolCall, ToolResult};
use crate::upstream::{Said, Unsayable};

/// Ids of calls. Source: protocol specification §2.1; the length is ours, far beyond the vendor's own.
const IDS: IdRule = IdRule { chars: 64, least: 1, punctuation: "_-" };

/// Said by the user where the user must speak and did not: before a conversation that the assistant begins, and after one that
/// it ends where the model does not continue a turn.
const CONTINUE: &str = "Continue.";

/// The result of a call that nobody answered.
const NO_OUTPUT: &str = "(no output)";

/// A message.
#[derive(Debug, Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    #[serde(rename = "content")]
    pub(super) blocks: Vec<Block<'a>>,
    #[serde(skip)]
    calls: Vec<Called<'a>>,
}

#[derive(Debug)]
struct Called<'a> {
    /// The id as the vendor gets it.
    id: String,
    answer: Option<Block<'a>>,
}

/// What came of the turns.
#[derive(Debug, Default)]
pub(super) struct Messages<'a> {
    pub(super) list: Vec<Message<'a>>,
    /// Files with the vendor are named.
    pub(super) files: bool,
    ids: HashSet<String>,
    /// The last number behind an id that came more than once.
    numbers: HashMap<String, u32>,
    by_id: Unanswered<'a>,
    /// Of calls without an id.
    by_name: Unanswered<'a>,
}

/// Calls that wait for their results, by a word of theirs: their message, and their places in it.
#[derive(Debug, Default)]
struct Unanswered<'a>(HashMap<&'a str, Vec<(usize, VecDeque<usize>)>>);

impl<'a> Unanswered<'a> {
    fn push(&mut self, word: &'a str, (message, call): (usize, usize)) {
        let places = self.0.entry(word).or_default();
        match places.last_mut() {
            Some((last, calls)) if *last == message => calls.push_back(call),
            _ => places.push((message, VecDeque::from([call]))),
        }
    }

    /// The first that waits in the last message that has one. Within one turn calls are answered in their order.
    fn find(&mut self, word: &str, waits: impl Fn(usize, usize) -> bool) -> Option<(usize, usize)> {
        let places = self.0.get_mut(word)?;
        while let Some((message, calls)) = places.last_mut() {
            while let Some(&call) = calls.front() {
                if waits(*message, call) {
                    return Some((*message, call));
                }
                calls.pop_front();
            }
            places.pop();
        }
        None
    }
}

impl<'a> Message<'a> {
    const fn new(role: &'static str) -> Self {
        Self { role, blocks: Vec::new(), calls: Vec::new() }
    }
}

/// Writes the turns. Instructions that stand before everything are not here: see [`Chat::system`].
pub(super) fn messages<'a>(
    chat: &'a Chat,
    claude: &Claude,
    said: &mut Said,
    dropped: &mut Vec<Dropped>,
) -> Result<Messages<'a>, Unsayable> {
    let mut messages = Messages::default();
    for turn in &chat.turns {
        match turn.role {
            Role::User => messages.user(&turn.parts, dropped)?,
            Role::Assistant => messages.assistant(&turn.parts, said, dropped),
            Role::System => messages.system(&turn.parts, claude.system_turns, dropped),
        }
    }
    messages.settle(claude);
    Ok(messages)
}

/// A block of words; nothing where they are blank, which is refused.
pub(super) fn text(text: &Text) -> Option<Block<'_>> {
    let citations = text.citations.iter().filter_map(|citation| match &citation.raw {
        Some((Origin::Anthropic, value)) => Some(value),
        _ => None,
    });
    let block = || Block::Text { text: Cow::Borrowed(&text.text), citations: citations.collect(), cache_control: text.cache.map(Mark::of) };
    (!text.text.trim().is_empty()).then(block)
}

impl<'a> Messages<'a> {
    /// Adds to the last message, if it is `role`'s, else to a new one.
    fn add(&mut self, role: &'static str, add: impl FnOnce(&mut Message<'a>)) {
        match self.list.last_mut() {
            Some(last) if last.role == role => add(last),
            _ => {
                let mut message = Message::new(role);
                add(&mut message);
                self.list.push(message);
            }
        }
    }

    fn user(&mut self, parts: &'a [Part], dropped: &mut Vec<Dropped>) -> Result<(), Unsayable> {
        for part in parts {
            let block = match part {
                Part::Result(result) => {
                    self.result(result, dropped)?;
                    continue;
                }
                Part::Text(words) => text(words),
                Part::Media(medium) => {
                    self.files |= media::is_file(medium);
                    Some(media::block(medium)?)
                }
                Part::Refusal(words) if !words.trim().is_empty() => Some(Block::text(words.as_str())),
                Part::Foreign(foreign) => own(foreign.origin, &foreign.kind, &foreign.value, dropped),
                Part::Refusal(_) | Part::Thinking(_) | Part::Redacted(_) | Part::Call(_) => None,
            };
            if let Some(block) = block {
                self.add("user", |message| message.blocks.push(block));
            }
        }
        Ok(())
    }

    fn assistant(&mut self, parts: &'a [Part], said: &mut Said, dropped: &mut Vec<Dropped>) {
        for part in parts {
            let block = match part {
                Part::Text(words) => text(words),
                Part::Refusal(words) if !words.trim().is_empty() => Some(Block::text(words.as_str())),
                // Thoughts of other models are of no use here, and unsigned or foreign ones are refused.
                Part::Thinking(thinking) => thinking
                    .signature
                    .as_ref()
                    .and_then(|mark| mark.of(Origin::Anthropic))
                    .filter(|mark| !mark.is_empty())
                    .map(|signature| Block::Thinking { thinking: &thinking.text, signature }),
                Part::Redacted(mark) => mark.of(Origin::Anthropic).map(|data| Block::RedactedThinking { data }),
                Part::Call(call) => {
                    self.call(call, said);
                    continue;
                }
                Part::Foreign(foreign) => own(foreign.origin, &foreign.kind, &foreign.value, dropped),
                Part::Media(_) => {
                    Dropped::note(dropped, "messages[].content[].media");
                    None
                }
                Part::Refusal(_) | Part::Result(_) => None,
            };
            if let Some(block) = block {
                self.add("assistant", |message| message.blocks.push(block));
            }
        }
    }

    fn system(&mut self, parts: &'a [Part], as_turn: bool, dropped: &mut Vec<Dropped>) {
        let blocks = parts.iter().filter_map(|part| match part {
            Part::Text(words) => text(words),
            Part::Foreign(foreign) if as_turn => own(foreign.origin, &foreign.kind, &foreign.value, dropped),
            Part::Foreign(foreign) => {
                Dropped::note(dropped, format!("messages[].content[].{}", foreign.kind));
                None
            }
            _ => None,
        });
        let blocks: Vec<Block<'a>> = blocks.collect();
        if blocks.is_empty() {
            return;
        }
        self.add(if as_turn { "system" } else { "user" }, |message| message.blocks.extend(blocks));
    }

    fn call(&mut self, call: &'a ToolCall, said: &mut Said) {
        // Some vendors count from 0 in every turn; here an id may be used once.
        let fitted = if call.id.is_empty() { String::from("toolu_0") } else { IDS.fit(&call.id) };
        let mut id = fitted.clone();
        let mut number = self.numbers.get(&fitted).copied().unwrap_or(1);
        while !self.ids.insert(id.clone()) {
            number += 1;
            id = IDS.fit(&format!("{fitted}_{number}"));
        }
        if number > 1 {
            self.numbers.insert(fitted, number);
        }
        let name = said.names.fit(&call.name, NAMES);
        let input = Input::of(call, said.free_text_tools.contains(&call.name));
        let block = Block::ToolUse { id: id.clone(), name, input, cache_control: call.cache.map(Mark::of) };
        self.add("assistant", |message| {
            message.blocks.push(block);
            message.calls.push(Called { id, answer: None });
        });
        let message = self.list.len().saturating_sub(1);
        let place = (message, self.list.last().map_or(0, |last| last.calls.len().saturating_sub(1)));
        self.by_id.push(&call.id, place);
        if call.id.is_empty() {
            self.by_name.push(&call.name, place);
        }
    }

    /// Puts a result to its call: the last one without an answer that it fits. Without any it is kept as words.
    fn result(&mut self, result: &'a ToolResult, dropped: &mut Vec<Dropped>) -> Result<(), Unsayable> {
        let mut content = Vec::with_capacity(result.content.len());
        for part in &result.content {
            content.extend(match part {
                Part::Text(words) => text(words),
                Part::Media(medium) => {
                    self.files |= media::is_file(medium);
                    Some(media::block(medium)?)
                }
                Part::Foreign(foreign) => own(foreign.origin, &foreign.kind, &foreign.value, dropped),
                _ => None,
            });
        }
        let list = &self.list;
        let waits = |message: usize, call: usize| {
            let called = list.get(message).and_then(|message| message.calls.get(call));
            called.is_some_and(|called| called.answer.is_none())
        };
        let found = match &result.name {
            Some(name) if result.id.is_empty() => self.by_name.find(name, waits),
            _ => self.by_id.find(&result.id, waits),
        };
        match found.and_then(|(message, call)| self.list.get_mut(message)?.calls.get_mut(call)) {
            Some(called) => {
                called.answer = Some(Block::ToolResult {
                    tool_use_id: called.id.clone(),
                    content,
                    is_error: result.is_error,
                    cache_control: result.cache.map(Mark::of),
                });
                // The assistant's turn is over.
                if self.list.last().is_some_and(|last| last.role == "assistant") {
                    self.list.push(Message::new("user"));
                }
            }
            None => self.add("user", |message| message.blocks.extend(content)),
        }
        Ok(())
    }

    /// Puts every answer right behind its call (results come before instructions that stood between them), and gives the user the first word and, where it must be, the last.
    fn settle(&mut self, claude: &Claude) {
        let mut list: Vec<Message<'a>> = Vec::with_capacity(self.list.len() + 2);
        let mut answers: Vec<Block<'a>> = Vec::new();
        for mut message in self.list.drain(..) {
            if !answers.is_empty() {
                if message.role != "user" {
                    list.push(Message::new("user"));
                }
                let into = if message.role == "user" { Some(&mut message) } else { list.last_mut() };
                if let Some(into) = into {
                    into.blocks.splice(0..0, answers.drain(..));
                }
            }
            answers.extend(message.calls.drain(..).map(Called::answered));
            thoughts_first(&mut message.blocks);
            match list.last_mut() {
                Some(last) if last.role == message.role => last.blocks.append(&mut message.blocks),
                Some(_) if message.blocks.is_empty() => {}
                _ => list.push(message),
            }
        }
        if !answers.is_empty() {
            list.push(Message { blocks: answers, ..Message::new("user") });
        }
        match list.first_mut() {
            Some(first) if first.role == "user" => {
                if first.blocks.is_empty() {
                    first.blocks.push(Block::text(CONTINUE));
                }
            }
            _ => list.insert(0, Message { blocks: vec![Block::text(CONTINUE)], ..Message::new("user") }),
        }
        if let Some(last) = list.last_mut().filter(|last| last.role == "assistant") {
            match last.blocks.last_mut() {
                // Blank ends are refused in a turn that is continued.
                Some(Block::Text { text, .. }) => {
                    if let Cow::Borrowed(words) = *text {
                        *text = Cow::Borrowed(words.trim_end());
                    }
                    if !claude.prefill {
                        list.push(Message { blocks: vec![Block::text(CONTINUE)], ..Message::new("user") });
                    }
                }
                // A turn that the vendor paused is sent back as it is.
                Some(Block::Own(_)) => {}
                _ => list.push(Message { blocks: vec![Block::text(CONTINUE)], ..Message::new("user") }),
            }
        }
        self.list = list;
    }

    /// The conversation ends with words of the assistant, to be continued.
    pub(super) fn is_prefilled(&self) -> bool {
        self.list.last().is_some_and(|last| last.role == "assistant" && matches!(last.blocks.last(), Some(Block::Text { .. })))
    }

    /// The last turn of the assistant calls tools and does not begin with thoughts.
    pub(super) fn has_thoughtless_calls(&self) -> bool {
        let last = self.list.iter().rev().find(|message| message.role == "assistant");
        last.is_some_and(|message| {
            let calls = message.blocks.iter().any(|block| matches!(block, Block::ToolUse { .. }));
            calls && !message.blocks.first().is_some_and(Block::is_thinking)
        })
    }
}

impl<'a> Called<'a> {
    fn answered(self) -> Block<'a> {
        let id = self.id;
        self.answer.unwrap_or_else(|| Block::ToolResult {
            tool_use_id: id,
            content: vec![Block::text(NO_OUTPUT)],
            is_error: true,
            cache_control: None,
        })
    }
}

/// Thoughts stand first in their turn; where they do already, nothing is moved.
fn thoughts_first(blocks: &mut [Block<'_>]) {
    if blocks.first().is_some_and(|first| !first.is_thinking()) {
        blocks.sort_by_key(|block| !block.is_thinking());
    }
}

fn own<'a>(origin: Origin, kind: &str, value: &'a Value, dropped: &mut Vec<Dropped>) -> Option<Block<'a>> {
    if origin == Origin::Anthropic {
        return Some(Block::Own(value));
    }
    Dropped::note(dropped, format!("messages[].content[].{kind}"));
    None
}
