//! The bodies that clients get, as types that serialize. Source: `GenerateContentResponse` of the Google Gen AI SDK.

use std::borrow::Cow;

use bytes::{BufMut as _, BytesMut};
use fluxa_domain::usage::Usage;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::mark;
use crate::client::Voice;
use crate::neutral::{Citation, Media, Signature, Source, Stop, ToolCall};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) candidates: Vec<Candidate<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage_metadata: Option<UsageMetadata>,
    pub(super) model_version: &'a str,
    pub(super) create_time: &'a str,
    pub(super) response_id: &'a str,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finish_reason: Option<&'static str>,
    pub(super) index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grounding_metadata: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs_result: Option<Value>,
}

#[derive(Serialize)]
pub(super) struct Content<'a> {
    pub(super) parts: Vec<PartBody<'a>>,
    pub(super) role: &'static str,
}

impl<'a> Content<'a> {
    pub(super) const fn new(parts: Vec<PartBody<'a>>) -> Self {
        Self { parts, role: "model" }
    }
}

/// A part: one of ours, or one that a vendor of this dialect wrote.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum PartBody<'a> {
    Own(OwnPart<'a>),
    Foreign(&'a Value),
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct OwnPart<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inline_data: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<File<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<String>,
}

#[derive(Serialize)]
struct Call<'a> {
    id: Cow<'a, str>,
    name: &'a str,
    args: Box<RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Blob<'a> {
    mime_type: &'a str,
    data: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    file_uri: &'a str,
}

impl<'a> PartBody<'a> {
    pub(super) fn text(text: &'a str, signature: Option<&Signature>) -> Self {
        Self::Own(OwnPart { text: Some(text), thought_signature: signature.and_then(mark::write), ..OwnPart::default() })
    }

    pub(super) fn thought(text: &'a str, signature: Option<&Signature>) -> Self {
        let thought_signature = signature.and_then(mark::write);
        Self::Own(OwnPart { text: Some(text), thought: Some(true), thought_signature, ..OwnPart::default() })
    }

    pub(super) fn redacted(signature: &Signature) -> Self {
        let thought_signature = Some(mark::write_redacted(signature));
        Self::Own(OwnPart { text: Some(""), thought: Some(true), thought_signature, ..OwnPart::default() })
    }

    /// A call; `number` counts the calls of the answer, for ids that the vendor did not give.
    pub(super) fn call(call: &'a ToolCall, number: u32, voice: &Voice) -> Self {
        Self::call_with(call, arguments(call), number, voice)
    }

    /// A call whose arguments were cut off. The dialect has whole ones only: there are none, and the reason to finish says why.
    pub(super) fn cut_call(call: &'a ToolCall, number: u32, voice: &Voice) -> Self {
        let none = serde_json::value::to_raw_value(&serde_json::Map::new()).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self::call_with(call, none, number, voice)
    }

    fn call_with(call: &'a ToolCall, args: Box<RawValue>, number: u32, voice: &Voice) -> Self {
        let id = if call.id.is_empty() {
            let known: String = voice.call.chars().take(24).collect();
            Cow::Owned(format!("call_{known}_{number}"))
        } else {
            Cow::Borrowed(call.id.as_str())
        };
        let function_call = Some(Call { id, name: &call.name, args });
        // Gemini wants a mark back on the first call of a step: one that says whose the call is lets us see a conversation that
        // comes back for another vendor.
        let signature = call.signature.as_ref().and_then(mark::write).or_else(|| (number == 0).then(mark::unsigned));
        Self::Own(OwnPart { function_call, thought_signature: signature, ..OwnPart::default() })
    }

    /// A medium; nothing for one that only another vendor has.
    pub(super) fn media(media: &'a Media) -> Option<Self> {
        let mut part = OwnPart { thought_signature: media.signature.as_ref().and_then(mark::write), ..OwnPart::default() };
        match &media.source {
            Source::Inline { mime, data } => {
                let mime_type = if mime.is_empty() { "application/octet-stream" } else { mime };
                part.inline_data = Some(Blob { mime_type, data });
            }
            Source::Url { mime, url } => part.file_data = Some(File { mime_type: mime.as_deref(), file_uri: url }),
            Source::Text(text) => part.text = Some(text),
            Source::FileId(_) => return None,
        }
        Some(Self::Own(part))
    }
}

/// The arguments as the model wrote them, where they are an object on one line: numbers of any size stay as they are.
fn arguments(call: &ToolCall) -> Box<RawValue> {
    let text = call.arguments.trim();
    let as_written = (text.starts_with('{') && !text.contains(['\n', '\r'])).then(|| RawValue::from_string(text.to_owned()).ok()).flatten();
    let object = || serde_json::value::to_raw_value(&call.object()).ok();
    as_written.or_else(object).unwrap_or_else(|| RawValue::NULL.to_owned())
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsageMetadata {
    prompt_token_count: u64,
    candidates_token_count: u64,
    total_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cached_content_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    thoughts_token_count: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl UsageMetadata {
    pub(super) const fn of(usage: &Usage) -> Self {
        Self {
            prompt_token_count: usage.input_total(),
            candidates_token_count: usage.output.saturating_sub(usage.reasoning),
            total_token_count: usage.total(),
            cached_content_token_count: usage.cache_read,
            thoughts_token_count: usage.reasoning,
        }
    }
}

/// Why generation ended, in Gemini's words. Source: protocol specification §0.
pub(super) const fn finish_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::Done | Stop::Sequence | Stop::Tools | Stop::Pause => "STOP",
        Stop::Length | Stop::Context => "MAX_TOKENS",
        Stop::Filter => "SAFETY",
        Stop::Malformed => "MALFORMED_FUNCTION_CALL",
    }
}

/// `groundingMetadata` of citations; `text` is the answer's. Spans are counted in bytes there, in characters here.
pub(super) fn grounding(citations: &[Citation], text: &str) -> Option<Value> {
    if citations.is_empty() {
        return None;
    }
    let byte = |at: u64| {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte)
    };
    let mut chunks: Vec<(&str, &str)> = Vec::new();
    let mut supports = Vec::new();
    for citation in citations {
        let source = (citation.url.as_str(), citation.title.as_str());
        let at = chunks.iter().position(|known| *known == source).unwrap_or_else(|| {
            chunks.push(source);
            chunks.len() - 1
        });
        if let (Some(start), Some(end)) = (citation.start, citation.end) {
            let (start, end) = (byte(start), byte(end));
            let cited = text.get(start..end).unwrap_or_default();
            let segment = json!({"startIndex": start, "endIndex": end, "text": cited});
            supports.push(json!({"segment": segment, "groundingChunkIndices": [at]}));
        }
    }
    let chunks: Vec<Value> = chunks.into_iter().map(|(uri, title)| json!({"web": {"uri": uri, "title": title}})).collect();
    let mut found = json!({"groundingChunks": chunks});
    if !supports.is_empty() {
        found["groundingSupports"] = Value::Array(supports);
    }
    Some(found)
}

/// `logprobsResult` of OpenAI's `logprobs`.
pub(super) fn logprobs_result(value: &Value) -> Option<Value> {
    let tokens = value.get("content")?.as_array()?;
    let told = |token: &Value| json!({"token": token.get("token"), "logProbability": token.get("logprob")});
    let chosen: Vec<Value> = tokens.iter().map(told).collect();
    let top: Vec<Value> = tokens
        .iter()
        .map(|token| {
            let others = token.get("top_logprobs").and_then(Value::as_array).map(|list| list.iter().map(told).collect::<Vec<_>>());
            json!({"candidates": others.unwrap_or_default()})
        })
        .collect();
    Some(json!({"chosenCandidates": chosen, "topCandidates": top}))
}

/// Appends JSON. What is written here always can be.
pub(super) fn append(out: &mut BytesMut, value: &impl Serialize) {
    let _ = serde_json::to_writer(out.writer(), value);
}
