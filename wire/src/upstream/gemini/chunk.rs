//! A chunk of a stream, and a whole answer: the same object. Source: `GenerateContentResponse` of the API reference.
//!
//! Texts are borrowed from the chunk where they hold no escapes; what is rare stays unparsed.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::neutral::Stop;

/// A text that may lie in the chunk.
#[derive(Deserialize, Debug)]
pub(super) struct Str<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(super) candidates: Option<Vec<Candidate<'a>>>,
    pub(super) prompt_feedback: Option<Feedback>,
    pub(super) usage_metadata: Option<serde::de::IgnoredAny>,
    #[serde(borrow)]
    pub(super) model_version: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) response_id: Option<Str<'a>>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Feedback {
    pub(super) block_reason: Option<Word>,
    pub(super) block_reason_message: Option<String>,
}

/// A name of an enumeration: as a word, or as its number (`$alt=json;enum-encoding=int`).
#[derive(Deserialize, Debug)]
#[serde(untagged)]
pub(super) enum Word {
    Number(i64),
    Name(String),
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    #[serde(borrow)]
    pub(super) content: Option<Content<'a>>,
    pub(super) finish_reason: Option<Word>,
    pub(super) index: Option<u32>,
    #[serde(borrow)]
    pub(super) grounding_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) citation_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) logprobs_result: Option<&'a RawValue>,
}

#[derive(Deserialize, Debug)]
pub(super) struct Content<'a> {
    #[serde(borrow)]
    pub(super) parts: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Str<'a>>,
    pub(super) thought: Option<bool>,
    #[serde(borrow)]
    pub(super) thought_signature: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) function_call: Option<Call<'a>>,
    pub(super) inline_data: Option<Blob>,
    pub(super) file_data: Option<File>,
    pub(super) executable_code: Option<Code>,
    pub(super) code_execution_result: Option<Outcome>,
    pub(super) tool_call: Option<Value>,
    pub(super) tool_response: Option<Value>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Call<'a> {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    #[serde(borrow)]
    pub(super) args: Option<&'a RawValue>,
    pub(super) partial_args: Option<Vec<Piece>>,
    pub(super) will_continue: Option<bool>,
}

/// One value of a call's arguments, or a piece of one. Source: `PartialArg` of the SDK.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Piece {
    pub(super) json_path: Option<String>,
    pub(super) string_value: Option<String>,
    pub(super) number_value: Option<Value>,
    pub(super) bool_value: Option<bool>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob {
    pub(super) mime_type: Option<String>,
    pub(super) data: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    pub(super) mime_type: Option<String>,
    pub(super) file_uri: Option<String>,
}

#[derive(Deserialize, Debug)]
pub(super) struct Code {
    pub(super) language: Option<String>,
    pub(super) code: Option<String>,
}

#[derive(Deserialize, Debug)]
pub(super) struct Outcome {
    pub(super) output: Option<String>,
}

impl Word {
    /// The reason of a finish. Source: protocol specification §0; the numbers are those of the enumeration's definition.
    pub(super) fn stop(&self) -> Stop {
        match self {
            Self::Number(1) => Stop::Done,
            Self::Number(2) => Stop::Length,
            Self::Number(9 | 10) => Stop::Malformed,
            Self::Number(0) => Stop::Done,
            Self::Number(_) => Stop::Filter,
            Self::Name(name) => match name.as_str() {
                "STOP" | "FINISH_REASON_UNSPECIFIED" => Stop::Done,
                "MAX_TOKENS" | "CONTINUATION" => Stop::Length,
                "MALFORMED_FUNCTION_CALL"
                | "MALFORMED_RESPONSE"
                | "UNEXPECTED_TOOL_CALL"
                | "TOO_MANY_TOOL_CALLS"
                | "MISSING_THOUGHT_SIGNATURE" => Stop::Malformed,
                _ => Stop::Filter,
            },
        }
    }

    /// Nothing was said: the empty name.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Name(name) if name.is_empty())
    }
}
