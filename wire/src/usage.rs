//! Usage objects of every dialect, read into the canonical vector. Shapes, never vendors: what a shape
//! means does not depend on who sends it. Source: protocol specification §0.

pub mod anthropic;
pub mod bedrock;
pub mod gemini;
mod number;
pub mod openai;

use fluxa_domain::usage::Usage;

/// What a usage object came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The usage; nothing where no known count was there, or one of them was nonsense.
    pub usage: Option<Usage>,
    /// A known count was negative, fractional, no number, or beyond [`crate::limits::USAGE_TOKENS`].
    pub absurd: bool,
    /// Length of transcribed sound, where the vendor counts in time instead of tokens.
    pub audio_ms: Option<u64>,
}

impl Reading {
    const fn of(usage: Option<Usage>, absurd: bool) -> Self {
        Self { usage: if absurd { None } else { usage }, absurd, audio_ms: None }
    }
}
