//! What whole and streamed answers say alike: the account of tokens, why it ended, single calls, sources, pictures.

use fluxa_domain::usage::Usage;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::client::Voice;
use crate::neutral::media::{Media, MediaKind, Source, data_url};
use crate::neutral::signature::{Origin, Signature};
use crate::neutral::{Citation, Stop, ids};

use super::CUSTOM_TOOLS;

/// `usage`. Source: protocol specification §0: prompt tokens include what caches read and wrote, completion tokens the reasoning.
#[derive(Debug, Serialize)]
pub(super) struct Account {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Debug, Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    audio_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_tokens: Option<u64>,
}

#[derive(Debug, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
}

impl Account {
    pub(super) fn of(usage: &Usage) -> Self {
        let written = usage.cache_write_5m.saturating_add(usage.cache_write_1h);
        Self {
            prompt_tokens: usage.input_total(),
            completion_tokens: usage.output,
            total_tokens: usage.total(),
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cache_read,
                audio_tokens: usage.input_audio,
                cache_write_tokens: (written > 0).then_some(written),
            },
            completion_tokens_details: CompletionDetails { reasoning_tokens: usage.reasoning, audio_tokens: usage.output_audio },
        }
    }
}

/// `finish_reason`. Source: protocol specification §0, stop reasons.
pub(super) const fn finish(stop: Stop) -> &'static str {
    match stop {
        Stop::Done | Stop::Sequence | Stop::Pause | Stop::Malformed => "stop",
        Stop::Length | Stop::Context => "length",
        Stop::Tools => "tool_calls",
        Stop::Filter => "content_filter",
    }
}

/// The answer's id: the vendor's, else one of the call's.
pub(super) fn answer_id(own: Option<&str>, voice: &Voice) -> String {
    own.filter(|id| !id.is_empty()).map_or_else(|| format!("chatcmpl-{}", voice.call), str::to_owned)
}

/// A call's id: the vendor's, else one of the answer's, with the mark that must come back in it.
pub(super) fn call_id(own: &str, number: usize, signature: Option<&Signature>, voice: &Voice) -> String {
    if own.is_empty() {
        let short = voice.call.get(..24).unwrap_or(&voice.call);
        return ids::join(&format!("call_{short}_{number}"), signature);
    }
    ids::join(own, signature)
}

/// Whether a tool takes free text, as the request said.
pub(super) fn is_custom(name: &str, voice: &Voice) -> bool {
    voice.repeat.get(CUSTOM_TOOLS).and_then(Value::as_array).is_some_and(|names| names.iter().any(|of| of.as_str() == Some(name)))
}

/// Gemini's mark, as its own server of this dialect writes it.
#[derive(Debug, Serialize)]
pub(super) struct ExtraContent<'a> {
    google: Google<'a>,
}

#[derive(Debug, Serialize)]
struct Google<'a> {
    thought_signature: &'a str,
}

impl<'a> ExtraContent<'a> {
    pub(super) fn of(signature: Option<&'a Signature>) -> Option<Self> {
        signature?.of(Origin::Gemini).map(|mark| Self { google: Google { thought_signature: mark } })
    }
}

/// A block of thoughts with its mark; `index` where it stands in a delta (clients gather lists of deltas by it).
#[derive(Debug, Serialize)]
pub(super) struct Block<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) index: Option<usize>,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

impl<'a> Block<'a> {
    /// Thoughts; a client that sends them back sends the mark too.
    pub(super) fn thinking(index: Option<usize>, text: &'a str, mark: &Signature) -> Self {
        Self { index, kind: "thinking", thinking: Some(text), signature: Some(mark.write_in(Origin::Anthropic)), data: None }
    }

    /// Thoughts that only their vendor reads.
    pub(super) fn redacted(index: Option<usize>, mark: &Signature) -> Self {
        Self { index, kind: "redacted_thinking", thinking: None, signature: None, data: Some(mark.write_in(Origin::Anthropic)) }
    }
}

/// An entry of `annotations`.
#[derive(Debug, Serialize)]
pub(super) struct Annotation<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(rename = "type")]
    kind: &'static str,
    url_citation: UrlCitation<'a>,
}

#[derive(Debug, Serialize)]
struct UrlCitation<'a> {
    start_index: u64,
    end_index: u64,
    url: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    content: &'a str,
}

impl<'a> Annotation<'a> {
    /// A source; one without an address (a document of the request) has no form here.
    pub(super) fn of(index: Option<usize>, citation: &'a Citation) -> Option<Self> {
        (!citation.url.is_empty()).then(|| Self {
            index,
            kind: "url_citation",
            url_citation: UrlCitation {
                start_index: citation.start.unwrap_or(0),
                end_index: citation.end.unwrap_or(0),
                url: &citation.url,
                title: &citation.title,
                content: &citation.quote,
            },
        })
    }
}

/// An entry of `images`, as servers of this dialect write generated pictures.
#[derive(Debug, Serialize)]
pub(super) struct Image<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(rename = "type")]
    kind: &'static str,
    image_url: Url<'a>,
}

#[derive(Debug, Serialize)]
struct Url<'a> {
    #[serde(serialize_with = "address")]
    url: &'a Source,
}

fn address<S: Serializer>(source: &&Source, serializer: S) -> Result<S::Ok, S::Error> {
    match source {
        Source::Inline { mime, data } => serializer.serialize_str(&data_url(mime, data)),
        Source::Url { url, .. } => serializer.serialize_str(url),
        Source::FileId(id) => serializer.serialize_str(id),
        Source::Text(text) => serializer.serialize_str(text),
    }
}

impl<'a> Image<'a> {
    pub(super) fn of(index: Option<usize>, media: &'a Media) -> Option<Self> {
        (media.kind == MediaKind::Image).then_some(Self { index, kind: "image_url", image_url: Url { url: &media.source } })
    }
}

/// `audio`: generated sound.
#[derive(Debug, Serialize)]
pub(super) struct Audio<'a> {
    id: String,
    data: &'a str,
    expires_at: u64,
    transcript: &'a str,
}

impl<'a> Audio<'a> {
    pub(super) fn of(media: &'a Media, voice: &Voice) -> Option<Self> {
        match (media.kind, &media.source) {
            (MediaKind::Audio, Source::Inline { data, .. }) => {
                Some(Self { id: format!("audio_{}", voice.call), data, expires_at: voice.created_s, transcript: "" })
            }
            _ => None,
        }
    }
}
