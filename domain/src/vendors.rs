//! Vendors: one row each, with their peculiarities as named behaviours.
//!
//! Nothing anywhere asks for a vendor by name: code asks a row for a [`Quirk`], an address or a field.
//! Never done here: addresses of single calls (`wire`). Start reading at [`Vendor`].

use crate::dialect::{Dialect, Op};
use crate::provider::ProviderRecord;

mod endpoint;
mod quirk;
mod rows;

pub use endpoint::{DEFAULT_REGION, Endpoint};
pub use quirk::Quirk;
pub use rows::VENDORS;

/// How a vendor is told who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `NAME: KEY`, the name in lower case.
    Header(&'static str),
    /// Not at all.
    None,
    /// By signing the request (AWS Signature Version 4); with an API key, `Authorization: Bearer KEY`.
    Signed,
}

/// How the address of a call is made from the base address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// base + path.
    Plain,
    /// base + `/v1` + path, with `anthropic-version`.
    AnthropicV1,
    /// base + `/openai/deployments/NAME` + path + `?api-version=…`.
    Azure,
    /// base + `/models/NAME:method`.
    Gemini,
    /// base + `/model/NAME/method`.
    Bedrock,
}

/// The request field that bounds the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxTokensField {
    /// `max_tokens`
    MaxTokens,
    /// `max_completion_tokens`
    MaxCompletionTokens,
    /// `max_output_tokens` (Responses)
    MaxOutputTokens,
    /// `generationConfig.maxOutputTokens` (Gemini)
    GenerationConfig,
    /// `inferenceConfig.maxTokens` (Bedrock)
    InferenceConfig,
}

impl MaxTokensField {
    /// The field's name, without the object around it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxTokens | Self::InferenceConfig => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxOutputTokens => "max_output_tokens",
            Self::GenerationConfig => "maxOutputTokens",
        }
    }
}

/// Where one operation lives when it is not at its usual path below the base address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Another path below the base address.
    Below(&'static str),
    /// A path below the scheme and host of the base address.
    Origin(&'static str),
    /// An address of its own. Only for a provider that keeps the vendor's base address: see [`Vendor::path_at`].
    At(&'static str),
}

/// A vendor: what is known of it before anybody configures anything.
#[derive(Clone, Copy, Debug)]
pub struct Vendor {
    /// The word in configurations: `openai`.
    pub kind: &'static str,
    /// The name for people: `OpenAI`.
    pub name: &'static str,
    /// What it speaks at `base_url`.
    pub dialect: Dialect,
    /// Its address, without a slash at the end; empty where there is no default.
    pub base_url: &'static str,
    /// Base of its native Anthropic endpoint ([`Style::AnthropicV1`]: `/v1/messages` is appended), where it has one.
    pub anthropic_base_url: Option<&'static str>,
    /// How addresses are made at `base_url`.
    pub style: Style,
    /// How keys are sent at `base_url`.
    pub auth: Auth,
    /// How keys are sent at `anthropic_base_url`.
    pub anthropic_auth: Auth,
    /// The environment variable that makes a provider of this kind: `OPENAI_API_KEY`.
    pub env: &'static str,
    /// The operations it is known to serve at `base_url`.
    pub ops: &'static [Op],
    /// Operations that live elsewhere than at the usual path.
    pub paths: &'static [(Op, Path)],
    /// Its peculiarities.
    pub quirks: &'static [Quirk],
    /// Works without a key: it runs locally.
    pub key_optional: bool,
    /// Sells mostly other vendors' models, so it is asked for a model by name only after their owners.
    pub resells: bool,
}

/// Where a dialect is served as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// What is spoken there.
    pub dialect: Dialect,
    /// The base address, unless the provider overrides it.
    pub base: &'static str,
    /// How addresses are made.
    pub style: Style,
    /// How keys are sent.
    pub auth: Auth,
}

/// The vendor of `kind`.
#[must_use]
pub fn vendor(kind: &str) -> Option<&'static Vendor> {
    VENDORS.iter().find(|vendor| vendor.kind == kind)
}

impl Vendor {
    /// Whether it has this peculiarity.
    #[must_use]
    pub fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// What it speaks at its own address.
    #[must_use]
    pub const fn own(&self) -> Served {
        Served { dialect: self.dialect, base: self.base_url, style: self.style, auth: self.auth }
    }

    /// Where a client that speaks `client` is served without translation; `None` where it needs one.
    #[must_use]
    pub fn serves(&self, client: Dialect) -> Option<Served> {
        match (client, self.dialect) {
            (client, own) if client == own => Some(self.own()),
            (Dialect::Anthropic, _) => {
                self.anthropic_base_url.map(|base| Served { dialect: client, base, style: Style::AnthropicV1, auth: self.anthropic_auth })
            }
            _ => None,
        }
    }

    /// Whether `op` is known to exist there; what is not listed may still work and is the vendor's to refuse.
    #[must_use]
    pub fn offers(&self, op: Op) -> bool {
        self.ops.contains(&op) || self.anthropic_base_url.is_some() && matches!(op, Op::Messages | Op::CountTokens)
    }

    /// Where `op` lives, when not at its usual path.
    #[must_use]
    pub fn path(&self, op: Op) -> Option<Path> {
        self.paths.iter().find(|(of, _)| *of == op).map(|(_, path)| *path)
    }

    /// Like [`Vendor::path`] for a configured provider: an address of its own counts only while `record` keeps the
    /// vendor's base address, so that a key for another host never goes to the vendor.
    #[must_use]
    pub fn path_at(&self, record: &ProviderRecord, op: Op) -> Option<Path> {
        self.path(op).filter(|path| record.base_url.is_none() || !matches!(path, Path::At(_)))
    }

    /// The field that bounds the output of `op` by `model`.
    #[must_use]
    pub fn max_tokens_field(&self, op: Op, model: &str) -> MaxTokensField {
        match (op, self.dialect) {
            (Op::Responses, _) => MaxTokensField::MaxOutputTokens,
            (Op::GenerateContent, _) => MaxTokensField::GenerationConfig,
            (Op::Chat, Dialect::OpenAi) if self.has(Quirk::MaxCompletionTokens) => MaxTokensField::MaxCompletionTokens,
            (Op::Chat, Dialect::OpenAi) if self.has(Quirk::ReasoningModelsRefuseMaxTokens) && is_openai_reasoning(model) => {
                MaxTokensField::MaxCompletionTokens
            }
            (_, Dialect::Bedrock) => MaxTokensField::InferenceConfig,
            (_, Dialect::Gemini) => MaxTokensField::GenerationConfig,
            _ => MaxTokensField::MaxTokens,
        }
    }
}

/// OpenAI's reasoning models (o1, o3, o4-mini, gpt-5 and later), which refuse `max_tokens`.
#[must_use]
pub fn is_openai_reasoning(model: &str) -> bool {
    let model = model.rsplit('/').next().unwrap_or(model);
    let number = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).fold(0_u32, |n, b| n.saturating_mul(10) + u32::from(b - b'0'));
    match (model.strip_prefix("gpt-"), model.strip_prefix('o')) {
        (Some(rest), _) => number(rest) >= 5,
        (None, Some(rest)) => number(rest) >= 1,
        (None, None) => model.starts_with("chat-latest") || model.starts_with("codex-"),
    }
}

#[cfg(test)]
mod tests;
