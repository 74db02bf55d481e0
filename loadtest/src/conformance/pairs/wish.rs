//! What a recorded request wants, in no dialect, and the same in each client's: a small translator of the judge's own.
//!
//! Only what all dialects have: system text, turns of text, pictures, tool calls and results, tools and their choice, the
//! token limit and the temperature. Start at [`Wish::of`] and [`Wish::body`].

mod read;
mod write;

use serde_json::{Value, json};

use super::{
    dialect::{Client, Upstream},
    said::Said,
};
use crate::conformance::corpus::Case;

/// A conversation to continue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wish {
    /// System texts.
    pub system: Vec<String>,
    /// The turns, of the user and the model by turns.
    pub turns: Vec<Turn>,
    /// The tools.
    pub tools: Vec<Tool>,
    /// Which of them to call.
    pub choice: Option<Choice>,
    /// The most tokens to generate.
    pub max_tokens: Option<u64>,
    /// The temperature.
    pub temperature: Option<f64>,
}

/// One turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Whether the model speaks.
    pub model: bool,
    /// What is said.
    pub parts: Vec<Part>,
}

/// A piece of a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A text.
    Text(String),
    /// A picture: media type and base64.
    Picture(String, String),
    /// A picture at an address, which the vendor fetches.
    PictureAt(String),
    /// A call by the model.
    Call {
        /// Its id.
        id: String,
        /// The tool.
        name: String,
        /// The arguments, an object.
        arguments: Value,
    },
    /// The result of a call, in the user's turn.
    Result {
        /// The call's id.
        id: String,
        /// The tool.
        name: String,
        /// The result.
        text: String,
    },
}

/// A tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// The schema of its arguments.
    pub schema: Value,
}

/// Which tools to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// As the model likes.
    Auto,
    /// Some tool.
    Any,
    /// No tool.
    None,
    /// This one.
    Named(String),
}

/// What is asked where no request was recorded.
const GENERIC: &str = "What is the weather in Lisbon, and what is 17 times 23?";

/// The limit where the dialect wants one and the recording has none.
const DEFAULT_MAX_TOKENS: u64 = 1024;

/// Responses refuses less.
const LEAST_OUTPUT_TOKENS: u64 = 16;

impl Wish {
    /// The wish of a case, or one that could have had this answer.
    pub fn of(case: &Case, upstream: Upstream, said: &Said) -> Self {
        let recorded = case.request.body.as_deref().and_then(|body| serde_json::from_slice::<Value>(body).ok());
        let mut wish = recorded.map(|body| read::read(upstream, &body)).unwrap_or_default();
        wish.mend();
        if wish.turns.is_empty() {
            wish.turns.push(Turn { model: false, parts: vec![Part::Text(GENERIC.to_owned())] });
        }
        if wish.tools.is_empty() {
            // Only what could be called is called; calls in the history need their tools too.
            let in_history = wish.turns.iter().flat_map(|turn| &turn.parts).filter_map(|part| match part {
                Part::Call { name, .. } => Some(name.clone()),
                _ => None,
            });
            let names: Vec<String> = said.calls.iter().map(|call| call.name.clone()).chain(in_history).collect();
            for name in names {
                if !name.is_empty() && !wish.tools.iter().any(|tool| tool.name == name) {
                    let schema = json!({"type": "object", "properties": {"value": {"type": "string"}}});
                    wish.tools.push(Tool { description: format!("the tool {name}"), name, schema });
                }
            }
        }
        if wish.tools.is_empty() {
            wish.choice = None;
        }
        wish
    }

    /// The request in a client's dialect.
    pub fn body(&self, client: Client, model: &str, streams: bool, asks_usage: bool) -> Value {
        match client {
            Client::Chat => write::chat(self, model, streams, asks_usage),
            Client::Responses => write::responses(self, model, streams),
            Client::Messages => write::messages(self, model, streams),
            Client::Gemini => write::gemini(self),
        }
    }

    /// Every text that must reach the vendor.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let said = self.turns.iter().flat_map(|turn| &turn.parts).filter_map(|part| match part {
            Part::Text(text) | Part::Result { text, .. } => Some(text.as_str()),
            _ => None,
        });
        self.system.iter().map(String::as_str).chain(said)
    }

    /// Puts the turns in the order that every dialect accepts: the user begins and ends, turns alternate, each call has
    /// its result in the next turn and no result stands alone.
    fn mend(&mut self) {
        self.system.retain(|text| !text.trim().is_empty());
        let mut turns: Vec<Turn> = Vec::new();
        for turn in self.turns.drain(..) {
            let parts = turn.parts.into_iter().filter(|part| !matches!(part, Part::Text(text) if text.trim().is_empty()));
            match turns.last_mut() {
                Some(last) if last.model == turn.model => last.parts.extend(parts),
                _ => turns.push(Turn { model: turn.model, parts: parts.collect() }),
            }
        }
        turns.retain(|turn| !turn.parts.is_empty());
        if turns.first().is_some_and(|turn| turn.model) {
            turns.insert(0, Turn { model: false, parts: vec![Part::Text(GENERIC.to_owned())] });
        }
        for at in 0..turns.len() {
            let (before, rest) = turns.split_at_mut(at);
            let Some((turn, after)) = rest.split_first_mut() else { continue };
            if turn.model {
                let results = after.first().map_or(&[][..], |turn| turn.parts.as_slice());
                turn.parts.retain(|part| match part {
                    Part::Call { id, .. } => results.iter().any(|part| matches!(part, Part::Result { id: have, .. } if have == id)),
                    _ => true,
                });
            } else {
                let calls = before.last().map_or(&[][..], |turn| turn.parts.as_slice());
                turn.parts.retain(|part| match part {
                    Part::Result { id, .. } => calls.iter().any(|part| matches!(part, Part::Call { id: have, .. } if have == id)),
                    _ => true,
                });
                // Results come first.
                turn.parts.sort_by_key(|part| !matches!(part, Part::Result { .. }));
            }
        }
        turns.retain(|turn| !turn.parts.is_empty());
        // What is emptied may leave neighbours of one kind.
        turns.dedup_by(|later, earlier| {
            let same = later.model == earlier.model;
            if same {
                earlier.parts.append(&mut later.parts);
            }
            same
        });
        while turns.last().is_some_and(|turn| turn.model) {
            turns.pop();
        }
        self.turns = turns;
        self.tools.dedup_by(|a, b| a.name == b.name);
    }
}

#[cfg(test)]
mod tests;
