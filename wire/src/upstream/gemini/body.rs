//! The request as types that serialize, borrowing from the conversation: media are written once and never copied before.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::neutral::{ToolCall, ToolResult};

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    pub(super) contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system_instruction: Option<Instruction<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) tool_config: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) generation_config: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_tier: Option<&'a str>,
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

#[derive(Serialize)]
pub(super) struct Instruction<'a> {
    pub(super) parts: Vec<Part<'a>>,
}

#[derive(Serialize)]
pub(super) struct Content<'a> {
    pub(super) role: &'static str,
    pub(super) parts: Vec<Piece<'a>>,
}

/// A part: one of ours, or one that this dialect wrote.
#[derive(Serialize)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "nearly all parts are ours")]
pub(super) enum Piece<'a> {
    Own(Part<'a>),
    Foreign(&'a Value),
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thought: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inline_data: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_data: Option<File<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_call: Option<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_response: Option<Response<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) media_resolution: Option<Resolution>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thought_signature: Option<&'a str>,
}

impl<'a> Part<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    pub(super) mime_type: &'a str,
    pub(super) data: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mime_type: Option<&'a str>,
    pub(super) file_uri: &'a str,
}

#[derive(Serialize)]
pub(super) struct Resolution {
    pub(super) level: &'static str,
}

#[derive(Serialize)]
pub(super) struct Call<'a> {
    /// The client's id, whether the model takes ids or not.
    #[serde(skip)]
    pub(super) own_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) name: String,
    pub(super) args: Cow<'a, RawValue>,
}

#[derive(Serialize)]
pub(super) struct Response<'a> {
    /// As the client gave it; nothing where we made it.
    #[serde(skip)]
    pub(super) own: Option<&'a ToolResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) name: String,
    pub(super) response: Box<RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Part<'a>>,
}

/// The arguments of a call: as they were written where they are an object, so that numbers of any size stay as they are.
pub(super) fn arguments(call: &ToolCall) -> Cow<'_, RawValue> {
    let text = call.arguments.trim();
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) if text.starts_with('{') => Cow::Borrowed(raw),
        _ => Cow::Owned(object(&call.object())),
    }
}

/// An object as it is written.
pub(super) fn object(map: &Map<String, Value>) -> Box<RawValue> {
    serde_json::value::to_raw_value(map).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
