//! What an answer says, in no dialect: the common ground on which a recording and a translation are compared.

use serde_json::Value;

/// An answer, or what there is of one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// What the model said.
    pub text: String,
    /// What it thought, as far as it is shown.
    pub reasoning: String,
    /// Why it refused.
    pub refusal: String,
    /// What the vendor says of a refusal beside the answer; a dialect may show it or not.
    pub explanation: String,
    /// Calls of the client's tools, in order.
    pub calls: Vec<Call>,
    /// Why it stopped; `None` where it does not say.
    pub stop: Option<Stop>,
    /// The dialect's own word for it.
    pub finish: String,
    /// What it used.
    pub usage: Option<Used>,
    /// What went wrong.
    pub error: Option<Told>,
    /// The answer has its end.
    pub complete: bool,
    /// Why its text need not be exactly this.
    pub loose: Vec<&'static str>,
}

/// A call of a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// Its id; empty where there is none.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments as text.
    pub arguments: String,
}

/// An error that was told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The status, where it has one.
    pub status: Option<u16>,
    /// The message.
    pub message: String,
    /// The machine-readable code.
    pub code: String,
}

/// Totals of the usage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// The whole prompt, caches included.
    pub input: u64,
    /// What of it was read from a cache.
    pub cache_read: u64,
    /// All generated tokens.
    pub output: u64,
    /// What of them is reasoning.
    pub reasoning: u64,
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It was done.
    Done,
    /// At a stop sequence.
    Sequence,
    /// At the token limit.
    Length,
    /// At the end of its window.
    Context,
    /// To call tools.
    Tools,
    /// By a filter, or it refused.
    Filter,
    /// A pause within a long turn.
    Pause,
    /// It produced something broken.
    Malformed,
    /// A word that no table has.
    Other,
}

impl Said {
    /// Whether anything came from the model.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.reasoning.is_empty() && self.refusal.is_empty() && self.calls.is_empty()
    }

    /// An answer that is an error.
    pub fn failed(message: &str, status: Option<u16>) -> Self {
        Self { error: Some(Told { status, message: message.to_owned(), code: String::new() }), ..Self::default() }
    }
}

impl Call {
    /// The arguments as JSON; nothing is an empty object, broken JSON is `None`.
    pub fn json(&self) -> Option<Value> {
        let text = self.arguments.trim();
        if text.is_empty() || text == "null" {
            return Some(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_str(text).ok()
    }
}
