//! How much a model is asked to think.

/// What a client asks for, in the words it used; nothing where it left it to the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// On or off, where that was said apart from the amount (`thinking.type`).
    pub enabled: Option<bool>,
    /// The model decides how much (`thinking.type: adaptive`, Gemini's budget of -1).
    pub adaptive: bool,
    /// An amount in words.
    pub effort: Option<Effort>,
    /// An amount in tokens.
    pub budget: Option<u64>,
    /// Whether the thoughts are to be shown (`includeThoughts`, `reasoning.summary`, `display`).
    pub show: Option<bool>,
}

/// Amounts of thinking in words, from least to most. Source: `reasoning_effort` of the OpenAI SDK, `output_config.effort` of Anthropic's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effort {
    /// None at all.
    None,
    /// The least there is.
    Minimal,
    /// Little.
    Low,
    /// The usual.
    Medium,
    /// Much.
    High,
    /// More.
    XHigh,
    /// The most there is.
    Max,
}

impl Effort {
    /// The word, as OpenAI and Anthropic spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The effort of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Some(match word {
            "none" => Self::None,
            "minimal" => Self::Minimal,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "xhigh" => Self::XHigh,
            "max" => Self::Max,
            _ => return None,
        })
    }

    /// Tokens of thinking for models that are told a number. Source: protocol specification §3.1.
    #[must_use]
    pub const fn budget(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal | Self::Low => 1_024,
            Self::Medium => 2_048,
            Self::High => 4_096,
            Self::XHigh => 8_192,
            Self::Max => 16_384,
        }
    }

    /// The word for a number of tokens; the inverse of [`Effort::budget`] on its values.
    #[must_use]
    pub const fn of_budget(tokens: u64) -> Self {
        match tokens {
            0 => Self::None,
            1..2_048 => Self::Low,
            2_048..4_096 => Self::Medium,
            4_096..8_192 => Self::High,
            8_192..16_384 => Self::XHigh,
            _ => Self::Max,
        }
    }
}

impl Reasoning {
    /// The effort that was meant, from a word or a number; nothing where thinking was only switched on or left open.
    #[must_use]
    pub fn meant(&self) -> Option<Effort> {
        if self.enabled == Some(false) {
            return Some(Effort::None);
        }
        self.effort.or_else(|| self.budget.map(Effort::of_budget))
    }

    /// Whether the client wants no thinking at all.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.enabled == Some(false) || self.effort == Some(Effort::None) || self.budget == Some(0)
    }
}
