//! What a turn is made of.

use serde_json::Value;

use super::media::Media;
use super::signature::{Origin, Signature};

/// One piece of a turn, in the order in which it stands there.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Words.
    Text(Text),
    /// A picture, a sound, a document.
    Media(Media),
    /// Thoughts of the model.
    Thinking(Thinking),
    /// Thoughts that only their vendor can read (Anthropic's `redacted_thinking`, encrypted reasoning).
    Redacted(Signature),
    /// The model asks for a tool.
    Call(ToolCall),
    /// What a tool gave. Only in turns of the user.
    Result(ToolResult),
    /// The model declines, in words of its own (OpenAI's `refusal`).
    Refusal(String),
    /// Something that only its own dialect knows (a vendor-run tool's call or result).
    Foreign(Foreign),
}

/// Words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// The words.
    pub text: String,
    /// Where they come from.
    pub citations: Vec<Citation>,
    /// A cache mark after them.
    pub cache: Option<CacheMark>,
    /// A vendor's mark on them that should come back (Gemini's `thoughtSignature` of a text).
    pub signature: Option<Signature>,
}

impl Text {
    /// Words and nothing else.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl Part {
    /// A part of words and nothing else.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Text::new(text))
    }
}

/// "Cache the prompt up to here." Source: `cache_control` of Anthropic, `cachePoint` of Bedrock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheMark {
    /// For an hour instead of the usual minutes.
    pub one_hour: bool,
}

/// Where some words come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Citation {
    /// The address of the source; empty where it is a document of the request.
    pub url: String,
    /// The title of the source.
    pub title: String,
    /// The words cited from the source.
    pub quote: String,
    /// First character of the citing words within the answer's text (in characters), where known.
    pub start: Option<u64>,
    /// One past the last.
    pub end: Option<u64>,
    /// As the vendor wrote it, for clients of the same dialect.
    pub raw: Option<(Origin, Value)>,
}

/// Thoughts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thinking {
    /// The thoughts (or their summary); may be empty where the vendor hides them but signs.
    pub text: String,
    /// The vendor's signature, which must come back with them unchanged.
    pub signature: Option<Signature>,
}

/// A call for a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// Its id, without any signature in it (see [`super::ids`]); empty where a dialect has none (then writers make one).
    pub id: String,
    /// The tool's name as the client knows it.
    pub name: String,
    /// The arguments as JSON text, as the model wrote them: nearly always an object; `{}` for none; may be cut off.
    /// Of a tool that takes free text ([`super::chat::Tool::free_text`]), the text itself.
    pub arguments: String,
    /// A vendor's mark on the call that must come back (Gemini's `thoughtSignature`).
    pub signature: Option<Signature>,
    /// A cache mark after it.
    pub cache: Option<CacheMark>,
}

impl ToolCall {
    /// The arguments are JSON from beginning to end. Nothing at all is none: it may be all that came of them.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        serde_json::from_str::<serde::de::IgnoredAny>(&self.arguments).is_ok()
    }

    /// The arguments as an object. Nothing at all is `{}`; what is no JSON object becomes `{"_raw": "..."}`, so that it is
    /// not lost on dialects that take objects only.
    #[must_use]
    pub fn object(&self) -> serde_json::Map<String, Value> {
        let text = self.arguments.trim();
        if text.is_empty() {
            return serde_json::Map::new();
        }
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(object)) => object,
            Ok(Value::Null) => serde_json::Map::new(),
            _ => {
                let mut object = serde_json::Map::new();
                object.insert(String::from("_raw"), Value::String(self.arguments.clone()));
                object
            }
        }
    }
}

/// What a tool gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolResult {
    /// The id of the call, without any signature in it.
    pub id: String,
    /// The tool's name, where the dialect says it; [`super::chat::Chat::name_results`] fills it in from the calls.
    pub name: Option<String>,
    /// [`Part::Text`] and [`Part::Media`], now and then [`Part::Foreign`].
    pub content: Vec<Part>,
    /// The tool failed.
    pub is_error: bool,
    /// A cache mark after it.
    pub cache: Option<CacheMark>,
}

impl ToolResult {
    /// Its texts, joined by line feeds.
    #[must_use]
    pub fn text(&self) -> String {
        let texts = self.content.iter().filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None });
        texts.collect::<Vec<_>>().join("\n")
    }
}

/// Something that only its own dialect knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    /// Whose it is.
    pub origin: Origin,
    /// Its type there, for `x-fluxa-dropped`: `server_tool_use`.
    pub kind: String,
    /// As it was written.
    pub value: Value,
}
