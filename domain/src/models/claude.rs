//! What a Claude model takes. Source: protocol specification §2.1 and §3.1.
//!
//! A name that is newer than what is known here is taken for the newest: later models refuse more, not less.

/// What a Claude model takes in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claude {
    /// `temperature`, `top_p` and `top_k`; models from Opus 4.7 and from the fifth generation refuse them.
    pub sampling: bool,
    /// How it is asked to think.
    pub thinking: ClaudeThinking,
    /// `output_config.effort`.
    pub effort: bool,
    /// `output_config.effort` takes `xhigh`.
    pub xhigh: bool,
    /// It thinks unless told not to.
    pub thinks_by_default: bool,
    /// An assistant's turn at the end is continued.
    pub prefill: bool,
    /// Turns of the system in the middle of a conversation.
    pub system_turns: bool,
    /// `output_config.format` with a JSON schema.
    pub schemas: bool,
    /// Most tokens of output.
    pub max_output: u64,
}

/// How a Claude model is asked to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaudeThinking {
    /// Not at all.
    None,
    /// With a number of tokens (`type: enabled`).
    Budget,
    /// Either with a number or by itself.
    Both,
    /// By itself only (`type: adaptive`); a number is refused.
    Adaptive,
}

impl Claude {
    /// What the model of this name takes; nothing where the name is no Claude's.
    #[must_use]
    pub fn of(model: &str) -> Option<Self> {
        let name = model.to_ascii_lowercase();
        let at = name.find("claude")?;
        let words: Vec<&str> = name.get(at..)?.split(['-', '.', '@', ':', '/', '_']).collect();
        let family =
            words.iter().copied().find(|word| !word.is_empty() && *word != "claude" && word.bytes().all(|b| b.is_ascii_alphabetic()));
        // A version is one or two short numbers; a date has eight digits.
        let mut numbers = words.iter().filter(|word| word.len() <= 2).filter_map(|word| word.parse::<u32>().ok());
        let version = numbers.next().map(|major| (major, numbers.next().unwrap_or(0)));
        Some(Self::with(family.unwrap_or_default(), version))
    }

    /// What is assumed of another model behind an endpoint of this dialect: what the dialect had from its beginning, and thinking
    /// with a number of tokens, which is what imitators took over.
    #[must_use]
    pub const fn imitator() -> Self {
        Self {
            sampling: true,
            thinking: ClaudeThinking::Budget,
            effort: false,
            xhigh: false,
            thinks_by_default: false,
            prefill: true,
            system_turns: false,
            schemas: false,
            max_output: 8_192,
        }
    }

    /// Whether it can think at all.
    #[must_use]
    pub const fn thinks(&self) -> bool {
        !matches!(self.thinking, ClaudeThinking::None)
    }

    fn with(family: &str, version: Option<(u32, u32)>) -> Self {
        let version = version.unwrap_or((u32::MAX, 0));
        let newest = version >= (5, 0) || family == "opus" && version >= (4, 7);
        let four_six = version >= (4, 6);
        let thinking = match version {
            _ if newest => ClaudeThinking::Adaptive,
            _ if four_six => ClaudeThinking::Both,
            (4, _) | (3, 7) => ClaudeThinking::Budget,
            _ => ClaudeThinking::None,
        };
        let max_output = match version {
            _ if four_six => 128_000,
            (4, 5) | (3, 7) => 64_000,
            (4, _) if family == "opus" => 32_000,
            (4, _) => 64_000,
            (3, 5) => 8_192,
            _ => 4_096,
        };
        Self {
            sampling: !newest,
            thinking,
            effort: four_six || family == "opus" && version >= (4, 5),
            xhigh: newest,
            thinks_by_default: version >= (5, 0),
            prefill: !four_six,
            system_turns: version >= (5, 0) || family == "opus" && version >= (4, 8),
            schemas: version >= (4, 5),
            max_output,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_models_take() {
        let check = |name: &str, sampling: bool, thinking: ClaudeThinking, max_output: u64| {
            let claude = Claude::of(name).unwrap();
            assert_eq!((claude.sampling, claude.thinking, claude.max_output), (sampling, thinking, max_output), "{name}");
        };
        use ClaudeThinking::{Adaptive, Both, Budget, None};
        check("claude-3-haiku-20240307", true, None, 4_096);
        check("claude-3-5-sonnet-20240620", true, None, 8_192);
        check("anthropic.claude-3-5-sonnet-20240620-v1:0", true, None, 8_192);
        check("claude-3-7-sonnet-latest", true, Budget, 64_000);
        check("claude-sonnet-4-20250514", true, Budget, 64_000);
        check("claude-opus-4-1-20250805", true, Budget, 32_000);
        check("us.anthropic.claude-opus-4-5-20251101-v1:0", true, Budget, 64_000);
        check("claude-opus-4.6", true, Both, 128_000);
        check("claude-sonnet-4-6", true, Both, 128_000);
        check("anthropic/claude-opus-4-7", false, Adaptive, 128_000);
        check("claude-haiku-4-5@20251001", true, Budget, 64_000);
        check("claude-opus-5-5", false, Adaptive, 128_000);
        check("claude-fable-5-1", false, Adaptive, 128_000);
        check("claude-next", false, Adaptive, 128_000);
        assert_eq!(Claude::of("gpt-4o"), Option::None);
        assert!(Claude::of("claude-opus-4-8").unwrap().system_turns && !Claude::of("claude-opus-4-7").unwrap().system_turns);
        assert!(Claude::imitator().thinks() && !Claude::of("claude-3-opus").unwrap().thinks());
        assert!(!Claude::of("claude-opus-4-6").unwrap().prefill && Claude::of("claude-haiku-4-5").unwrap().prefill);
    }
}
