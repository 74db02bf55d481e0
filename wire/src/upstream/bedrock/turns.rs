//! The turns of a conversation as Converse wants them: user and assistant alternate, the user begins, nothing is blank, and
//! the results of a turn's calls stand together at the beginning of the next. Source: protocol specification §6.1.

use std::borrow::Cow;
use std::collections::HashSet;

use fluxa_domain::models::bedrock::Bedrock as Model;
use serde_json::value::{RawValue, to_raw_value};

use crate::neutral::ids::IdRule;
use crate::neutral::media::encode_base64;
use crate::neutral::waiting::Waiting;
use crate::neutral::{CacheMark, Chat, Dropped, Media, MediaKind, NameMap, Origin, Part, Role, ToolCall, ToolResult};
use crate::upstream::Unsayable;

use super::documents::Documents;
use super::shape::{Block, CachePoint, Message, ReasoningContent, ToolResult as ResultBlock, ToolUse};
use super::tools::NAMES;

/// Ids of calls that Converse takes, and those of models that want nine letters and digits.
const IDS: IdRule = IdRule { chars: 64, least: 1, punctuation: "_.:-" };
const NINE: IdRule = IdRule { chars: 9, least: 9, punctuation: "" };

/// Said where Converse wants words and there are none.
const NO_WORDS: &str = "(no text)";
/// Said between two turns of one side, where a model takes no words beside calls or results.
const USER_GOES_ON: &str = "Continue.";
const ASSISTANT_GOES_ON: &str = "Understood.";
/// The result of a call that was never answered.
const NO_OUTPUT: &str = "(no output)";

/// The turns, written.
#[derive(Debug)]
pub(super) struct Turns<'a> {
    pub(super) messages: Vec<Message<'a>>,
    /// The last turn of the assistant calls tools and begins without thoughts.
    pub(super) calls_without_thoughts: bool,
    /// The last turn is the assistant's, to be continued.
    pub(super) prefilled: bool,
}

/// A cache point after a mark, where the model knows them.
pub(super) fn cache_point(model: Model, mark: Option<CacheMark>) -> Option<CachePoint> {
    let mark = mark.filter(|_| model.cache_points)?;
    Some(CachePoint { kind: "default", ttl: (mark.one_hour && model.one_hour_cache).then_some("1h") })
}

/// Writes all turns. `opening` is said at the beginning of the first turn (instructions, for models without a system).
pub(super) fn write<'a>(
    chat: &'a Chat,
    model: Model,
    opening: Vec<Block<'a>>,
    names: &mut NameMap,
    free_text: &HashSet<&str>,
    dropped: &mut Vec<Dropped>,
) -> Result<Turns<'a>, Unsayable> {
    let mut writer = Writer {
        model,
        names,
        free_text,
        dropped,
        documents: Documents::new(model),
        drafts: Vec::new(),
        nameless: Waiting::default(),
        made_ids: 0,
    };
    for block in opening {
        writer.draft(Role::User).blocks.push(block);
    }
    for turn in &chat.turns {
        let role = if turn.role == Role::Assistant { Role::Assistant } else { Role::User };
        if turn.name.is_some() {
            Dropped::note(writer.dropped, "messages[].name");
        }
        for part in &turn.parts {
            writer.part(role, part)?;
        }
    }
    if let (Some(point), Some(last)) = (cache_point(model, chat.cache), writer.drafts.last_mut()) {
        last.blocks.push(Block::CachePoint(point));
    }
    Ok(finish(writer.drafts, model))
}

/// A message on its way: results are kept apart, because they go first.
#[derive(Debug)]
struct Draft<'a> {
    role: Role,
    results: Vec<Block<'a>>,
    blocks: Vec<Block<'a>>,
}

#[derive(Debug)]
struct Writer<'a, 'w> {
    model: Model,
    names: &'w mut NameMap,
    free_text: &'w HashSet<&'w str>,
    dropped: &'w mut Vec<Dropped>,
    documents: Documents,
    drafts: Vec<Draft<'a>>,
    /// Calls that came without an id and have no result yet: the tool's name and the id that was made.
    nameless: Waiting<String>,
    made_ids: u64,
}

impl<'a> Writer<'a, '_> {
    /// The message that is being written, if it is of this role; else a new one.
    fn draft(&mut self, role: Role) -> &mut Draft<'a> {
        if self.drafts.last().is_none_or(|last| last.role != role) {
            self.drafts.push(Draft { role, results: Vec::new(), blocks: Vec::new() });
        }
        let at = self.drafts.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "the list was just made to hold one at least")]
        &mut self.drafts[at]
    }

    fn push(&mut self, role: Role, block: Block<'a>, cache: Option<CacheMark>) {
        let point = cache_point(self.model, cache);
        let blocks = &mut self.draft(role).blocks;
        blocks.push(block);
        blocks.extend(point.map(Block::CachePoint));
    }

    fn part(&mut self, role: Role, part: &'a Part) -> Result<(), Unsayable> {
        match part {
            Part::Text(text) if !text.text.trim().is_empty() => {
                self.push(role, Block::Text(Cow::Borrowed(&text.text)), text.cache);
            }
            Part::Refusal(text) if !text.trim().is_empty() => self.push(role, Block::Text(Cow::Borrowed(text)), None),
            Part::Text(_) | Part::Refusal(_) => {}
            Part::Media(media) if role == Role::User => {
                let block = self.documents.block(media)?;
                self.push(role, block, media.cache);
            }
            // The model's own pictures: Converse takes none in its turns.
            Part::Media(_) => Dropped::note(self.dropped, "messages[].content[].image"),
            Part::Thinking(thinking) => {
                let signature = thinking.signature.as_ref().and_then(|mark| mark.of(Origin::Anthropic));
                // Thoughts without their signature are refused.
                if let (Some(signature), Some(_), Role::Assistant) = (signature.filter(|s| !s.is_empty()), self.model.claude, role) {
                    let block = ReasoningContent::ReasoningText { text: &thinking.text, signature };
                    self.push(role, Block::ReasoningContent(block), None);
                }
            }
            Part::Redacted(mark) => {
                if let (Some(data), Some(_), Role::Assistant) = (mark.of(Origin::Anthropic), self.model.claude, role) {
                    // The bytes of this blob are the text that Anthropic's own dialect carries.
                    let block = ReasoningContent::RedactedContent(encode_base64(data.as_bytes()));
                    self.push(role, Block::ReasoningContent(block), None);
                }
            }
            Part::Call(call) => self.call(call),
            Part::Result(result) => self.result(result)?,
            // One member, as every block of Converse has.
            Part::Foreign(foreign)
                if foreign.origin == Origin::Bedrock && foreign.value.as_object().is_some_and(|block| block.len() == 1) =>
            {
                self.push(role, Block::Other(&foreign.value), None);
            }
            Part::Foreign(foreign) => Dropped::note(self.dropped, foreign.kind.clone()),
        }
        Ok(())
    }

    fn fit_id(&self, id: &str) -> String {
        if self.model.nine_ids { NINE.fit(id) } else { IDS.fit(id) }
    }

    fn call(&mut self, call: &'a ToolCall) {
        let id = if call.id.is_empty() {
            let made = self.fit_id(&format!("call_{}", self.made_ids));
            self.made_ids += 1;
            self.nameless.push("", &call.name, made.clone());
            made
        } else {
            self.fit_id(&call.id)
        };
        let text = call.arguments.trim();
        let free = self.free_text.contains(call.name.as_str());
        let input = match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) if text.starts_with('{') && !free => Cow::Borrowed(raw),
            _ => {
                let mut input = call.object();
                if free && !input.contains_key("input") {
                    input = serde_json::Map::from_iter([(String::from("input"), call.arguments.clone().into())]);
                }
                Cow::Owned(to_raw_value(&input).unwrap_or_else(|_| RawValue::NULL.to_owned()))
            }
        };
        let name = self.names.fit(&call.name, NAMES);
        self.push(Role::Assistant, Block::ToolUse(ToolUse { tool_use_id: id, name: Cow::Owned(name), input }), call.cache);
    }

    fn result(&mut self, result: &'a ToolResult) -> Result<(), Unsayable> {
        let id = if result.id.is_empty() { self.id_of_nameless(result.name.as_deref()) } else { self.fit_id(&result.id) };
        let mut content = Vec::new();
        let mut status = None;
        if self.model.result_status {
            status = Some(if result.is_error { "error" } else { "success" });
        } else if result.is_error {
            content.push(Block::Text(Cow::Borrowed("Error:")));
        }
        for part in &result.content {
            match part {
                Part::Text(text) if !text.text.trim().is_empty() => content.push(Block::Text(Cow::Borrowed(&text.text))),
                Part::Media(media) => content.push(self.result_media(media)?),
                Part::Foreign(foreign) => Dropped::note(self.dropped, foreign.kind.clone()),
                _ => {}
            }
        }
        if content.is_empty() {
            content.push(Block::Text(Cow::Borrowed(NO_OUTPUT)));
        }
        let point = cache_point(self.model, result.cache);
        let results = &mut self.draft(Role::User).results;
        results.push(Block::ToolResult(ResultBlock { tool_use_id: id, content, status }));
        results.extend(point.map(Block::CachePoint));
        Ok(())
    }

    fn result_media(&mut self, media: &'a Media) -> Result<Block<'a>, Unsayable> {
        if media.kind == MediaKind::Image && !self.model.images {
            Dropped::note(self.dropped, "messages[].content[].image");
            return Ok(Block::Text(Cow::Borrowed("[image]")));
        }
        self.documents.block(media)
    }

    /// The id of the first call without an id that has this name, or of the first of all.
    fn id_of_nameless(&mut self, name: Option<&str>) -> String {
        let named = name.and_then(|name| self.nameless.by_name(name));
        named.or_else(|| self.nameless.first()).unwrap_or_else(|| self.fit_id(""))
    }
}

/// Puts messages together: results first, every call answered, every result asked for, words beside documents, the user first.
fn finish(drafts: Vec<Draft<'_>>, model: Model) -> Turns<'_> {
    let mut messages: Vec<Message<'_>> = Vec::with_capacity(drafts.len() + 1);
    let mut asked = Waiting::default();
    let mut calls_without_thoughts = false;
    if drafts.first().is_none_or(|first| first.role == Role::Assistant) {
        messages.push(Message { role: "user", content: vec![Block::Text(Cow::Borrowed(NO_WORDS))] });
    }
    for draft in drafts {
        let Draft { role, results, mut blocks } = draft;
        if role == Role::Assistant {
            asked = Waiting::default();
            for id in blocks.iter().filter_map(call_id) {
                asked.push(id, "", id.to_owned());
            }
            calls_without_thoughts = !asked.is_empty() && !matches!(blocks.first(), Some(Block::ReasoningContent(_)));
            messages.push(Message { role: "assistant", content: blocks });
            continue;
        }
        let mut content = answers(&mut asked, results, &mut blocks, model);
        if blocks.iter().any(|block| matches!(block, Block::Document(_))) && !blocks.iter().any(|block| matches!(block, Block::Text(_))) {
            blocks.insert(0, Block::Text(Cow::Borrowed(NO_WORDS)));
        }
        content.append(&mut blocks);
        messages.push(Message { role: "user", content });
    }
    // Calls that end everything get their results, and where a model does not continue its words the user has the last.
    let left = answers(&mut asked, Vec::new(), &mut Vec::new(), model);
    let ends = messages.last().is_some_and(|last| last.role == "assistant");
    if !left.is_empty() {
        messages.push(Message { role: "user", content: left });
    } else if ends && model.claude.is_some_and(|claude| !claude.prefill) {
        messages.push(Message { role: "user", content: vec![Block::Text(Cow::Borrowed(USER_GOES_ON))] });
    }
    if !model.mixed_turns {
        messages = apart(messages);
    }
    // What an assistant's turn ends with is continued; blanks at its end are refused.
    if let Some(Message { role: "assistant", content }) = messages.last_mut()
        && let Some(Block::Text(text)) = content.last_mut()
        && text.ends_with(char::is_whitespace)
    {
        *text = Cow::Owned(text.trim_end().to_owned());
    }
    let prefilled = messages.last().is_some_and(|last| last.role == "assistant");
    Turns { messages, calls_without_thoughts, prefilled }
}

/// Takes words and calls, words and results apart: calls stay right before their results.
fn apart(messages: Vec<Message<'_>>) -> Vec<Message<'_>> {
    let mut out = Vec::with_capacity(messages.len());
    for Message { role, content } in messages {
        let (tools, words): (Vec<_>, Vec<_>) =
            content.into_iter().partition(|block| matches!(block, Block::ToolUse(_) | Block::ToolResult(_)));
        let (first, between, last) = match role {
            "user" => (tools, Message { role: "assistant", content: vec![Block::Text(Cow::Borrowed(ASSISTANT_GOES_ON))] }, words),
            _ => (words, Message { role: "user", content: vec![Block::Text(Cow::Borrowed(USER_GOES_ON))] }, tools),
        };
        let both = !first.is_empty() && !last.is_empty();
        out.extend((!first.is_empty()).then_some(Message { role, content: first }));
        out.extend(both.then_some(between));
        out.extend((!last.is_empty()).then_some(Message { role, content: last }));
    }
    out
}

/// The results of a turn, one for each call before it. A result that nothing asked for becomes words.
fn answers<'a>(asked: &mut Waiting<String>, results: Vec<Block<'a>>, blocks: &mut Vec<Block<'a>>, model: Model) -> Vec<Block<'a>> {
    let mut content = Vec::with_capacity(results.len() + blocks.len());
    let mut orphans = Vec::new();
    for block in results {
        match block {
            Block::ToolResult(result) => match asked.by_id(&result.tool_use_id) {
                Some(_) => content.push(Block::ToolResult(result)),
                None => orphans.extend(result.content),
            },
            block if content.is_empty() => orphans.push(block),
            block => content.push(block),
        }
    }
    for id in std::mem::take(asked).rest() {
        let status = model.result_status.then_some("error");
        let unanswered = vec![Block::Text(Cow::Borrowed(NO_OUTPUT))];
        content.push(Block::ToolResult(ResultBlock { tool_use_id: id, content: unanswered, status }));
    }
    blocks.splice(0..0, orphans);
    content
}

fn call_id<'b>(block: &'b Block<'_>) -> Option<&'b str> {
    if let Block::ToolUse(call) = block { Some(&call.tool_use_id) } else { None }
}
