//! The short list of what is not shown, and what names of members say about their values.
//!
//! A name alone never hides a string: its contents must be what the name says (one run of base64, a word of the dialect). Sources of the
//! names: the requests and answers in the SDKs of OpenAI, Anthropic and Google, and Bedrock's service model.

use crate::json::text::is_base64;

/// What a member's name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Nothing.
    Plain,
    /// A name of the dialects whose strings are shown like all others: it needs no look itself.
    Known,
    /// A word of a dialect: `role`, `type`.
    Word,
    /// What media are sent as.
    MediaType,
    /// Media in base64.
    Media,
    /// A blob that only its vendor can read, which must come back unchanged.
    Sealed,
    /// A JSON document in a string; inside of an object, what a tool is given.
    Arguments,
    /// What clients choose names and numbers in.
    Data,
    /// The same, if it is an object.
    DataObject,
}

impl Class {
    #[inline]
    pub(super) const fn of(name: &[u8]) -> Self {
        match name {
            b"role" | b"type" | b"object" | b"stop_reason" | b"stopReason" | b"finish_reason" | b"status" | b"detail" => Self::Word,
            b"content" | b"text" | b"parts" | b"messages" | b"name" | b"description" | b"properties" | b"required" | b"id"
            | b"function" | b"tools" | b"tool_calls" | b"tool_call_id" | b"tool_use_id" | b"parameters" | b"input_schema" | b"items" => {
                Self::Known
            }
            b"media_type" | b"mediaType" | b"mime_type" | b"mimeType" => Self::MediaType,
            b"data"
            | b"file_data"
            | b"fileData"
            | b"b64_json"
            | b"bytes"
            | b"embedding"
            | b"url"
            | b"image_url"
            | b"video_url"
            | b"image"
            | b"audio"
            | b"result"
            | b"mask"
            | b"imageBytes"
            | b"videoBytes"
            | b"audioBytes"
            | b"bytesBase64Encoded" => Self::Media,
            b"signature" | b"thoughtSignature" | b"thought_signature" | b"encrypted_content" | b"encryptedContent" | b"redactedContent"
            | b"encrypted_index" | b"encrypted_stdout" => Self::Sealed,
            b"arguments" => Self::Arguments,
            b"metadata"
            | b"requestMetadata"
            | b"request_metadata"
            | b"args"
            | b"functionCall"
            | b"functionResponse"
            | b"function_response"
            | b"json"
            | b"tags"
            | b"labels"
            | b"input_examples"
            | b"examples"
            | b"example"
            | b"structuredContent"
            | b"structured_content"
            | b"variables"
            | b"attributes"
            | b"default"
            | b"const"
            | b"enum" => Self::Data,
            b"input" | b"output" => Self::DataObject,
            _ => Self::Plain,
        }
    }

    /// Whether what is in its object or array is of the client's choosing.
    pub(super) const fn holds_data(self, object: bool) -> bool {
        match self {
            Self::Data => true,
            Self::Arguments | Self::DataObject => object,
            _ => false,
        }
    }
}

/// A name that a dialect may have chosen: letters, and too short for prose. Others are shown: addresses, numbers and keys are among them.
#[inline]
pub(crate) fn is_plain_name(name: &[u8]) -> bool {
    /// The longest names of the dialects have about 40 letters (`system_instruction`, `cache_creation_input_tokens`).
    const NAME_BYTES: usize = 48;
    name.len() <= NAME_BYTES
        && name.iter().fold(true, |plain, &b| plain & (b.is_ascii_alphabetic() | matches!(b, b'_' | b'-' | b'$' | b'.')))
}

/// Words that the dialects themselves put into `type`, `role` and their like. Only these are passed over: a secret is none of them.
#[inline]
pub(super) const fn is_word(text: &[u8]) -> bool {
    matches!(
        text,
        b"user"
            | b"assistant"
            | b"system"
            | b"developer"
            | b"tool"
            | b"function"
            | b"model"
            | b"USER"
            | b"text"
            | b"input_text"
            | b"output_text"
            | b"image_url"
            | b"input_image"
            | b"image"
            | b"input_audio"
            | b"file"
            | b"input_file"
            | b"document"
            | b"refusal"
            | b"tool_use"
            | b"tool_result"
            | b"thinking"
            | b"redacted_thinking"
            | b"reasoning"
            | b"summary_text"
            | b"function_call"
            | b"function_call_output"
            | b"message"
            | b"string"
            | b"number"
            | b"integer"
            | b"boolean"
            | b"array"
            | b"object"
            | b"null"
            | b"STRING"
            | b"NUMBER"
            | b"INTEGER"
            | b"BOOLEAN"
            | b"ARRAY"
            | b"OBJECT"
            | b"ephemeral"
            | b"base64"
            | b"url"
            | b"custom"
            | b"list"
            | b"embedding"
            | b"json_schema"
            | b"json_object"
            | b"chat.completion"
            | b"response"
            | b"stop"
            | b"length"
            | b"tool_calls"
            | b"content_filter"
            | b"end_turn"
            | b"max_tokens"
            | b"stop_sequence"
            | b"completed"
            | b"in_progress"
            | b"incomplete"
            | b"auto"
            | b"low"
            | b"high"
            | b"enabled"
            | b"adaptive"
            | b"disabled"
            | b"search_result"
            | b"text_completion"
            | b"web_search"
            | b"server_tool_use"
    )
}

/// Whether a text is a blob that only a vendor can read: one long run of base64 that looks like no key of a known form. Keys of 64 bytes
/// and more exist: most have a prefix of small letters (`sk-…`, `github_pat_…`) or are hexadecimal.
pub(super) fn is_sealed(text: &str) -> bool {
    /// Signatures have more than 100 bytes; the shortest sealed texts some 80.
    const SEALED_BYTES: usize = 64;
    /// Where prefixes of keys end.
    const PREFIX_BYTES: usize = 14;
    let bytes = text.as_bytes();
    let head = bytes.get(..PREFIX_BYTES).unwrap_or_default();
    let separator = head.iter().position(|b| matches!(b, b'-' | b'_'));
    let prefixed = separator.is_some_and(|end| head.iter().take(end).all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    let has = |of: fn(&u8) -> bool| bytes.iter().any(of);
    bytes.len() >= SEALED_BYTES
        && !prefixed
        && is_run(text)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
}

/// Whether a text is one run of base64 of either alphabet, padding only at its end.
pub(super) fn is_run(text: &str) -> bool {
    let bytes = text.as_bytes();
    let bare = bytes.strip_suffix(b"=").unwrap_or(bytes);
    let bare = bare.strip_suffix(b"=").unwrap_or(bare);
    !bare.is_empty() && bare.len() % 4 != 1 && is_base64(bare) && memchr::memchr(b'=', bare).is_none()
}
