//! What an outline holds: the few top-level fields the gateway must know, with the places of their values.

use std::ops::Range;

use crate::count::TextCount;

/// A value and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<T> {
    /// The bytes of the value (a JSON string with its quotes, a form field without any).
    pub span: Range<usize>,
    /// The value.
    pub value: T,
}

/// A limit on generated tokens, by the name it has on the wire.
///
/// Source: request fields of chat completions, completions, responses and messages (OpenAI and Anthropic SDKs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaxField {
    /// `max_tokens`
    Tokens,
    /// `max_completion_tokens`
    CompletionTokens,
    /// `max_output_tokens`
    OutputTokens,
    /// `max_tokens_to_sample`
    TokensToSample,
}

impl MaxField {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Tokens, Self::CompletionTokens, Self::OutputTokens, Self::TokensToSample];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tokens => "max_tokens",
            Self::CompletionTokens => "max_completion_tokens",
            Self::OutputTokens => "max_output_tokens",
            Self::TokensToSample => "max_tokens_to_sample",
        }
    }
}

/// The limits a body names. `null` is a field with no value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaxFields {
    fields: [Option<Field<Option<u64>>>; 4],
}

impl MaxFields {
    /// The field, if the body has it.
    #[must_use]
    pub fn get(&self, field: MaxField) -> Option<&Field<Option<u64>>> {
        let [a, b, c, d] = &self.fields;
        match field {
            MaxField::Tokens => a.as_ref(),
            MaxField::CompletionTokens => b.as_ref(),
            MaxField::OutputTokens => c.as_ref(),
            MaxField::TokensToSample => d.as_ref(),
        }
    }

    pub(crate) const fn slot(&mut self, field: MaxField) -> &mut Option<Field<Option<u64>>> {
        let [a, b, c, d] = &mut self.fields;
        match field {
            MaxField::Tokens => a,
            MaxField::CompletionTokens => b,
            MaxField::OutputTokens => c,
            MaxField::TokensToSample => d,
        }
    }

    /// The largest limit named: what an upstream could at most generate, whichever field it obeys.
    #[must_use]
    pub fn largest(&self) -> Option<u64> {
        self.fields.iter().flatten().filter_map(|f| f.value).max()
    }

    /// The fields that are there.
    pub fn iter(&self) -> impl Iterator<Item = (MaxField, &Field<Option<u64>>)> {
        MaxField::ALL.into_iter().filter_map(|f| Some((f, self.get(f)?)))
    }
}

/// `stream_options` as the client sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// The value.
    pub span: Range<usize>,
    /// Key, value and one comma: what must go for the field to be gone.
    pub cut: Range<usize>,
    /// The offset after `{`, or nothing where the value is `null`.
    pub open: Option<usize>,
    /// The object has no member.
    pub empty: bool,
    /// `include_usage` (`null` counts as false), with its value's place.
    pub include_usage: Option<Field<bool>>,
}

/// `generationConfig` as a Gemini client sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GenerationConfig {
    /// The offset after `{`; nothing where the value is `null`.
    pub open: Option<usize>,
    /// The place of a `null`.
    pub null: Option<Range<usize>>,
    /// The object has no member.
    pub empty: bool,
    /// `maxOutputTokens`.
    pub max: Option<Field<Option<u64>>>,
    /// `candidateCount`.
    pub answers: Option<u64>,
}

/// How the body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// A JSON object.
    #[default]
    Json,
    /// A multipart form.
    Form,
}

/// What one pass over a body found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// JSON or a form.
    pub shape: Shape,
    /// `model`.
    pub model: Option<Field<String>>,
    /// `stream` (`null` counts as absent).
    pub stream: Option<Field<bool>>,
    /// `stream_options`.
    pub stream_options: Option<StreamOptions>,
    /// Limits on the output.
    pub max: MaxFields,
    /// `generationConfig`: bounds of Gemini's clients.
    pub generation: Option<GenerationConfig>,
    /// `n`: how many answers.
    pub n: Option<u64>,
    /// `best_of`: how many tries, on completions.
    pub best_of: Option<u64>,
    /// `service_tier`.
    pub service_tier: Option<String>,
    /// The place of `metadata`, whatever it is.
    pub metadata: Option<Range<usize>>,
    /// The place of `user`, whatever it is.
    pub user: Option<Range<usize>>,
    /// `store`.
    pub store: Option<bool>,
    /// `background`.
    pub background: Option<bool>,
    /// `previous_response_id`, `conversation` or a stored `prompt` is there and not `null`: text that the body does not hold.
    pub previous_response: bool,
    /// All text of the body, media excluded; in tool schemas the keys too.
    pub text: TextCount,
    /// Images, sounds and files.
    pub media: u32,
    /// Those of them that are no images: they may hold any amount of text or sound.
    pub documents: u32,
    /// Those of them that the body holds; the others are named by an id or an address.
    pub inlined: u32,
    /// Bytes of inlined media.
    pub media_bytes: u64,
    /// Files that Gemini's clients name by address: they may hold any amount of text, sound or film.
    pub file_uris: u32,
    /// Addresses of media that lead to films or to files that a vendor keeps, which may be as large.
    pub films: u32,
    /// Numbers in `input` and `prompt`: texts sent as token ids.
    pub token_ids: u64,
    /// Elements of `messages` (or of an `input` that is an array).
    pub messages: u32,
    /// Elements of `tools`.
    pub tools: u32,
    /// The offset after the first `{`, where members can be put in.
    pub top_open: usize,
    /// The object has no member.
    pub empty: bool,
}

impl Outline {
    /// The model asked for.
    #[must_use]
    pub fn model_name(&self) -> Option<&str> {
        self.model.as_ref().map(|f| f.value.as_str())
    }

    /// The client asks for a stream.
    #[must_use]
    pub fn wants_stream(&self) -> bool {
        self.stream.as_ref().is_some_and(|f| f.value)
    }

    /// The client asks for usage at the end of its stream.
    #[must_use]
    pub fn wants_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|o| o.include_usage.as_ref()).is_some_and(|f| f.value)
    }
}
