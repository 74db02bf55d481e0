//! The shapes that answers and events are written in. Source: protocol specification §2.2 and §2.3, and the types of the Anthropic SDK.

use bytes::{BufMut as _, BytesMut};
use fluxa_domain::usage::Usage;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::neutral::{Citation, Origin, Stop, ToolCall};

/// A message: whole, or empty at the start of a stream.
#[derive(Debug, Serialize)]
pub(super) struct Message<'a> {
    pub(super) id: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) role: &'static str,
    pub(super) model: &'a str,
    pub(super) content: Vec<Block<'a>>,
    pub(super) stop_reason: Option<&'static str>,
    pub(super) stop_sequence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_details: Option<Details>,
    pub(super) usage: Counts,
}

impl<'a> Message<'a> {
    pub(super) const fn new(id: &'a str, model: &'a str, usage: Counts) -> Self {
        Self {
            id,
            kind: "message",
            role: "assistant",
            model,
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            stop_details: None,
            usage,
        }
    }
}

/// A block of content.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        citations: Vec<Value>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Input<'a>,
    },
    /// A block of this dialect, as it was.
    #[serde(untagged)]
    Own(&'a Value),
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
    pub(super) fn none() -> Self {
        Self::Made(Map::new())
    }

    pub(super) fn of(call: &'a ToolCall) -> Self {
        let text = call.arguments.trim();
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) if text.starts_with('{') => Self::Raw(raw),
            _ => Self::Made(call.object()),
        }
    }
}

/// One event of a stream.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Frame<'a> {
    MessageStart { message: Message<'a> },
    Ping {},
    ContentBlockStart { index: u32, content_block: Block<'a> },
    ContentBlockDelta { index: u32, delta: Delta<'a> },
    ContentBlockStop { index: u32 },
    MessageDelta { delta: Ending<'a>, usage: Counts },
    MessageStop {},
}

/// What a block goes on with.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(super) enum Delta<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "citations_delta")]
    Citation { citation: &'a Value },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    Input { partial_json: &'a str },
}

/// Why a streamed message ended.
#[derive(Debug, Serialize)]
pub(super) struct Ending<'a> {
    pub(super) stop_reason: &'static str,
    pub(super) stop_sequence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_details: Option<Details>,
}

/// `stop_details` of a refusal. What the model said about it is in the text.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Details {
    #[serde(rename = "type")]
    kind: &'static str,
    category: Option<&'static str>,
    explanation: Option<&'static str>,
}

impl Details {
    pub(super) fn of(stop_reason: &str) -> Option<Self> {
        (stop_reason == "refusal").then_some(Self { kind: "refusal", category: None, explanation: None })
    }
}

/// `usage`. The cache counts are always there, as numbers: clients add them up.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Counts {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    cache_creation: Creation,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<Thought>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_tool_use: Option<Searches>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Creation {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Thought {
    thinking_tokens: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Searches {
    web_fetch_requests: u64,
    web_search_requests: u64,
}

impl Counts {
    pub(super) fn of(usage: &Usage, service_tier: Option<&str>) -> Self {
        Self {
            input_tokens: usage.input_uncached,
            cache_creation_input_tokens: usage.cache_write_5m.saturating_add(usage.cache_write_1h),
            cache_read_input_tokens: usage.cache_read,
            cache_creation: Creation { ephemeral_5m_input_tokens: usage.cache_write_5m, ephemeral_1h_input_tokens: usage.cache_write_1h },
            output_tokens: usage.output,
            output_tokens_details: (usage.reasoning > 0).then_some(Thought { thinking_tokens: usage.reasoning }),
            server_tool_use: (usage.searches > 0).then_some(Searches { web_fetch_requests: 0, web_search_requests: usage.searches }),
            // The SDK knows these three (`usage.py`).
            service_tier: match service_tier {
                Some("standard" | "default") => Some("standard"),
                Some("priority") => Some("priority"),
                Some("batch") => Some("batch"),
                _ => None,
            },
        }
    }
}

/// `stop_reason`. Source: protocol specification §0.
pub(super) const fn stop_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::Done | Stop::Malformed => "end_turn",
        Stop::Sequence => "stop_sequence",
        Stop::Length => "max_tokens",
        Stop::Context => "model_context_window_exceeded",
        Stop::Tools => "tool_use",
        Stop::Filter => "refusal",
        Stop::Pause => "pause_turn",
    }
}

/// A citation in a shape that the SDK parses: the vendor's own, else a result of a search.
pub(super) fn citation(citation: &Citation) -> Value {
    match &citation.raw {
        Some((Origin::Anthropic, value)) => value.clone(),
        _ => json!({
            "type": "web_search_result_location",
            "cited_text": citation.quote,
            "url": citation.url,
            "title": if citation.title.is_empty() { None } else { Some(&citation.title) },
            "encrypted_index": "",
        }),
    }
}

/// The message's id: the vendor's if it is one of this dialect, else one made from the call's.
pub(super) fn message_id(given: Option<&str>, call: &str) -> String {
    match given {
        Some(id) if id.starts_with("msg_") => id.to_owned(),
        _ => format!("msg_{call}"),
    }
}

/// An id for a call that has none.
pub(super) fn tool_id(call: &str, number: usize) -> String {
    format!("toolu_{}_{number}", call.get(..24).unwrap_or(call))
}

/// Appends an event.
pub(super) fn put(out: &mut BytesMut, frame: &Frame<'_>) {
    let name = match frame {
        Frame::MessageStart { .. } => "message_start",
        Frame::Ping {} => "ping",
        Frame::ContentBlockStart { .. } => "content_block_start",
        Frame::ContentBlockDelta { .. } => "content_block_delta",
        Frame::ContentBlockStop { .. } => "content_block_stop",
        Frame::MessageDelta { .. } => "message_delta",
        Frame::MessageStop {} => "message_stop",
    };
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    // Writing these shapes into memory cannot fail.
    let _ = serde_json::to_writer((&mut *out).writer(), frame);
    out.extend_from_slice(b"\n\n");
}
