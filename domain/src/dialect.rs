//! What is spoken (dialect) and what is asked (operation).

use serde::{Deserialize, Serialize};

/// The shape of bodies and frames on a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// OpenAI's: chat completions, responses, embeddings and their kin.
    OpenAi,
    /// Anthropic's Messages.
    Anthropic,
    /// Gemini's `generateContent`.
    Gemini,
    /// Bedrock's Converse.
    Bedrock,
}

impl Dialect {
    /// The word used in logs and log rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
        }
    }
}

/// What a call asks for. The dialect of a call follows from its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/images/*`
    Images,
    /// `POST /v1/audio/*`
    Audio,
    /// `POST /v1/moderations`
    Moderations,
    /// `POST /v1/rerank`
    Rerank,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/messages/count_tokens`: never billed, no rate limit
    CountTokens,
    /// `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`
    GenerateContent,
    /// Any other path below `/v1/`: a metered pass-through
    Other,
}

impl Op {
    /// The word used in logs, metrics and log rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Moderations => "moderations",
            Self::Rerank => "rerank",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::GenerateContent => "generate_content",
            Self::Other => "other",
        }
    }

    /// True where the answer is text generated token by token, so that an output bound makes sense.
    #[must_use]
    pub const fn generates_text(self) -> bool {
        matches!(self, Self::Chat | Self::Completions | Self::Responses | Self::Messages | Self::GenerateContent)
    }
}
