//! What the echo understands of a request, whatever its dialect, and what it says.

use serde_json::{Map, Value};

/// A request, understood.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The model that was named.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether an OpenAI stream is to end with its usage.
    pub include_usage: bool,
    /// The answer, word by word: one word counts as one token.
    pub words: Vec<String>,
    /// Whether the answer was cut at the bound of the request.
    pub cut: bool,
    /// Tokens of the request: a quarter of its characters, and four a message.
    pub input_tokens: u64,
}

/// Words of the question that are repeated; a longer one is cut off with an ellipsis.
const MOST_WORDS: usize = 400;

impl Ask {
    /// Reads a body of any dialect that the echo speaks.
    #[must_use]
    pub fn read(body: &Map<String, Value>) -> Self {
        let messages = body.get("messages").or_else(|| body.get("input")).and_then(Value::as_array);
        let question = match messages.and_then(|list| list.iter().rev().find(|m| m.get("role").and_then(Value::as_str) == Some("user"))) {
            Some(message) => text_of(message.get("content").unwrap_or(&Value::Null)),
            None => text_of(body.get("prompt").or_else(|| body.get("input")).unwrap_or(&Value::Null)),
        };
        let mut words = say(&question);
        let bound =
            ["max_completion_tokens", "max_output_tokens", "max_tokens"].iter().find_map(|name| body.get(*name).and_then(Value::as_u64));
        let bound = bound.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
        let cut = words.len() > bound;
        words.truncate(bound);
        let chars: usize = ["messages", "system", "input", "prompt", "instructions", "tools"]
            .iter()
            .filter_map(|name| body.get(*name))
            .map(chars_of)
            .sum();
        let count = messages.map_or(1, Vec::len);
        Self {
            model: body.get("model").and_then(Value::as_str).unwrap_or("echo").to_owned(),
            stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
            include_usage: body.get("stream_options").and_then(|o| o.get("include_usage")).and_then(Value::as_bool).unwrap_or(false),
            words,
            cut,
            input_tokens: u64::try_from(chars.div_ceil(4) + 4 * count).unwrap_or(u64::MAX),
        }
    }

    /// The whole answer.
    #[must_use]
    pub fn text(&self) -> String {
        self.words.concat()
    }

    /// Tokens of the answer.
    #[must_use]
    pub fn output_tokens(&self) -> u64 {
        u64::try_from(self.words.len()).unwrap_or(u64::MAX)
    }

    /// An id that two different requests hardly share; nobody relies on it.
    #[must_use]
    pub fn id(&self, prefix: &str) -> String {
        let mut state = 0xcbf2_9ce4_8422_2325_u64 ^ self.input_tokens;
        for byte in self.words.iter().flat_map(|word| word.bytes()) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        format!("{prefix}{state:016x}")
    }
}

fn say(question: &str) -> Vec<String> {
    let question = question.trim();
    let answer = if question.is_empty() {
        String::from("This is the echo of fluxa's demo. Say something and it comes back.")
    } else {
        format!("You said: {question}")
    };
    let mut words: Vec<String> = answer.split_inclusive(char::is_whitespace).map(str::to_owned).collect();
    if words.len() > MOST_WORDS {
        words.truncate(MOST_WORDS);
        words.push(String::from("…"));
    }
    words
}

/// The text of a content: a string, or parts with a `text`.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> =
                parts.iter().filter_map(|part| part.as_str().or_else(|| part.get("text").and_then(Value::as_str))).collect();
            texts.join(" ")
        }
        _ => String::new(),
    }
}

/// Characters of all strings below a value; names of fields do not count.
fn chars_of(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(chars_of).sum(),
        Value::Object(fields) => fields.values().map(chars_of).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}
