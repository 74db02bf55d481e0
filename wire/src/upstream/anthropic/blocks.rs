//! The shapes of a request, which borrow from the conversation: media are written once and copied nowhere.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::neutral::{CacheMark, ToolCall};

/// A block of content.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        text: Cow<'a, str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        citations: Vec<&'a Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Mark>,
    },
    Image {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Mark>,
    },
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        context: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        citations: Option<Citations>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Mark>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    ToolUse {
        id: String,
        name: String,
        input: Input<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Mark>,
    },
    ToolResult {
        tool_use_id: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Mark>,
    },
    /// A block of this dialect, as it was.
    #[serde(untagged)]
    Own(&'a Value),
}

impl<'a> Block<'a> {
    /// Words and nothing else.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text { text: text.into(), citations: Vec::new(), cache_control: None }
    }

    pub(super) const fn is_thinking(&self) -> bool {
        matches!(self, Self::Thinking { .. } | Self::RedactedThinking { .. })
    }
}

/// `cache_control`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Mark {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

impl Mark {
    pub(super) fn of(mark: CacheMark) -> Self {
        Self { kind: "ephemeral", ttl: mark.one_hour.then_some("1h") }
    }
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Citations {
    pub(super) enabled: bool,
}

/// Where the bytes of a picture or document are.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Url { url: &'a str },
    File { file_id: &'a str },
    Text { media_type: &'static str, data: Cow<'a, str> },
}

/// The arguments of a call: an object, always.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Input<'a> {
    /// As the model wrote them.
    Raw(&'a RawValue),
    /// Made from what is no object.
    Made(Map<String, Value>),
}

impl<'a> Input<'a> {
    /// `free_text`: the tool takes text, and the vendor was told of an object with one member.
    pub(super) fn of(call: &'a ToolCall, free_text: bool) -> Self {
        let text = call.arguments.trim();
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) if text.starts_with('{') && (!free_text || crate::neutral::free_text::is_wrapped(text)) => Self::Raw(raw),
            _ if free_text => {
                let mut object = Map::new();
                object.insert(String::from("input"), json!(call.arguments));
                Self::Made(object)
            }
            _ => Self::Made(call.object()),
        }
    }
}
