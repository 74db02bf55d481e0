//! The four dialects of clients and the four of vendors, and which kind of provider a pair needs.

use std::fmt;

use crate::conformance::{ask::Op, corpus::Case};

/// A dialect that clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
    /// Google's generateContent.
    Gemini,
}

/// A dialect that vendors speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Upstream {
    /// OpenAI's chat completions.
    Chat,
    /// Anthropic's Messages.
    Messages,
    /// Google's generateContent.
    Gemini,
    /// Amazon's Converse.
    Converse,
}

/// Vendors whose kind of provider has a native Anthropic endpoint (`anthropic_base_url` in the contract's providers): an
/// Anthropic client would be passed through to it, and the recorded chat answer would be no answer there.
const NATIVE_MESSAGES: [&str; 11] =
    ["deepseek", "qwen", "moonshot", "zhipu", "doubao", "minimax", "stepfun", "fireworks", "siliconflow", "openrouter", "ollama"];

/// Vendors whose kind offers Responses: a Responses client would be passed through.
const NATIVE_RESPONSES: [&str; 12] =
    ["openai", "qwen", "doubao", "xai", "perplexity", "minimax", "stepfun", "azure", "groq", "fireworks", "openrouter", "ollama"];

/// A kind with chat only: what an OpenAI-like vendor is to a client whose dialect its own kind would pass through.
const CHAT_ONLY: &str = "zero-one";

/// Vendors that have a kind and speak chat, nothing else known about them here.
const CHAT_KINDS: [&str; 23] = [
    "openai",
    "deepseek",
    "qwen",
    "ollama",
    "moonshot",
    "zhipu",
    "ernie",
    "doubao",
    "azure",
    "mistral",
    "groq",
    "xai",
    "perplexity",
    "together",
    "fireworks",
    "openrouter",
    "cohere",
    "nvidia",
    "siliconflow",
    "minimax",
    "baichuan",
    "stepfun",
    "spark",
];

impl Client {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Chat, Self::Responses, Self::Messages, Self::Gemini];

    /// Its word in arguments and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.name() == name)
    }

    /// Whether a vendor of this dialect is passed through.
    pub fn is_native(self, upstream: Upstream) -> bool {
        matches!((self, upstream), (Self::Chat, Upstream::Chat) | (Self::Messages, Upstream::Messages) | (Self::Gemini, Upstream::Gemini))
    }
}

impl Upstream {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Chat, Self::Messages, Self::Gemini, Self::Converse];

    /// Its word in arguments and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
            Self::Converse => "converse",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|upstream| upstream.name() == name)
    }

    /// The dialect of a recording; `None` for calls that are not conversations.
    pub fn of(case: &Case) -> Option<Self> {
        match case.endpoint.as_str() {
            "chat" => Some(Self::Chat),
            "messages" => Some(Self::Messages),
            "generateContent" => Some(Self::Gemini),
            "converse" | "converse-stream" => Some(Self::Converse),
            _ => None,
        }
    }

    /// The operation whose usage oracle fits, where there is one.
    pub fn op(self) -> Option<Op> {
        match self {
            Self::Chat => Some(Op::Chat),
            Self::Messages => Some(Op::Messages),
            Self::Gemini | Self::Converse => None,
        }
    }

    /// The kind of provider for a case and a client, so that the recorded dialect is the one that is asked.
    pub fn kind(self, case: &Case, client: Client) -> &'static str {
        let vendor = match case.vendor.as_str() {
            "zai" => "zhipu",
            other => other,
        };
        match self {
            Self::Messages => "anthropic",
            Self::Gemini => "gemini",
            Self::Converse => "bedrock",
            Self::Chat => {
                let own = CHAT_KINDS.into_iter().find(|kind| *kind == vendor).unwrap_or("openai");
                match client {
                    Client::Messages if NATIVE_MESSAGES.contains(&own) => "openai",
                    Client::Responses if NATIVE_RESPONSES.contains(&own) => CHAT_ONLY,
                    _ => own,
                }
            }
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
