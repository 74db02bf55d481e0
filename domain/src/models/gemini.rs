//! What a Gemini or Gemma model takes. Source: protocol specification §5.1.
//!
//! A Gemini of a generation that is newer than what is known here is taken for the newest. Names that are neither (tuned
//! models, endpoints) are taken for Gemini 2.0: what every model takes and no more.

/// What a Gemini model takes in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gemini {
    /// `systemInstruction`; Gemma has none.
    pub system: bool,
    /// `id` in `functionCall` and `functionResponse`; older models refuse it.
    pub call_ids: bool,
    /// The first call of a step must bring its `thoughtSignature` back.
    pub signed_calls: bool,
    /// Media in `functionResponse.parts`; older models take them beside it.
    pub media_in_results: bool,
    /// `presencePenalty` and `frequencyPenalty`.
    pub penalties: bool,
    /// `temperature`, `topP` and `topK` mean something.
    pub sampling: bool,
    /// `parametersJsonSchema` and `responseJsonSchema`; older models take the subset of OpenAPI only.
    pub json_schemas: bool,
    /// A schema for the answer together with functions.
    pub schema_with_tools: bool,
    /// A search of the web together with functions.
    pub search_with_tools: bool,
    /// `mediaResolution` of a single part; older models take one for the request.
    pub media_resolution: bool,
    /// How it is asked to think.
    pub thinking: GeminiThinking,
}

/// How a Gemini model is asked to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeminiThinking {
    /// Not at all: `thinkingConfig` is refused.
    None,
    /// With a number of tokens (`thinkingBudget`).
    Budget {
        /// The least it takes besides 0.
        least: u64,
        /// The most.
        most: u64,
        /// 0 switches thinking off.
        off: bool,
    },
    /// With a word (`thinkingLevel`); it cannot be switched off.
    Level {
        /// It takes `minimal`.
        minimal: bool,
        /// It takes `medium`.
        medium: bool,
    },
}

impl GeminiThinking {
    /// The budget nearest to the wanted one.
    #[must_use]
    pub fn budget(self, wanted: u64) -> Option<u64> {
        match self {
            Self::Budget { off: true, .. } if wanted == 0 => Some(0),
            Self::Budget { least, most, .. } => Some(wanted.clamp(least, most)),
            Self::None | Self::Level { .. } => None,
        }
    }
}

impl Gemini {
    /// What the model of this name takes. Prefixes (`models/`, `google/`) do not matter.
    #[must_use]
    pub fn of(model: &str) -> Self {
        let name = model.to_ascii_lowercase();
        let name = name.rsplit('/').next().unwrap_or_default();
        if let Some(rest) = name.find("gemini").and_then(|at| name.get(at + 6..)) {
            return Self::generation(version(rest).unwrap_or((u32::MAX, 0)), rest);
        }
        Self { system: !name.contains("gemma"), ..Self::generation((2, 0), "") }
    }

    fn generation(version: (u32, u32), name: &str) -> Self {
        let third = version >= (3, 0);
        let lite = name.contains("lite");
        let pro = name.contains("pro");
        let thinking = match version {
            _ if name.contains("image") || name.contains("tts") => GeminiThinking::None,
            _ if third => GeminiThinking::Level { minimal: !pro, medium: !pro || version >= (3, 1) },
            (2, 5) if pro => GeminiThinking::Budget { least: 128, most: 32_768, off: false },
            (2, 5) if lite => GeminiThinking::Budget { least: 512, most: 24_576, off: true },
            (2, 5..) => GeminiThinking::Budget { least: 1, most: 24_576, off: true },
            _ => GeminiThinking::None,
        };
        Self {
            system: version >= (1, 5),
            call_ids: third,
            signed_calls: third,
            media_in_results: third,
            penalties: !third,
            sampling: version < (3, 5) || version < (3, 6) && !lite,
            json_schemas: version >= (2, 0),
            schema_with_tools: third,
            search_with_tools: third,
            media_resolution: third,
            thinking,
        }
    }
}

/// The generation: the first number of the name and the one after its dot. `pro` alone is 1.0; `flash-latest` has none.
fn version(rest: &str) -> Option<(u32, u32)> {
    if matches!(rest, "-pro" | "-pro-vision") {
        return Some((1, 0));
    }
    let word = rest.split('-').find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let (major, minor) = word.split_once('.').unwrap_or((word, "0"));
    Some((major.parse().ok()?, minor.parse().unwrap_or(0))).filter(|(major, _)| *major < 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_models_take() {
        use GeminiThinking::{Budget, Level, None};
        let check = |name: &str, ids: bool, schemas: bool, sampling: bool, thinking: GeminiThinking| {
            let model = Gemini::of(name);
            assert_eq!((model.call_ids, model.json_schemas, model.sampling, model.thinking), (ids, schemas, sampling, thinking), "{name}");
        };
        let flash = Budget { least: 1, most: 24_576, off: true };
        check("gemini-1.5-pro-001", false, false, true, None);
        check("gemini-pro", false, false, true, None);
        check("models/gemini-2.0-flash", false, true, true, None);
        check("gemini-2.5-flash-preview-04-17", false, true, true, flash);
        check("publishers/google/models/gemini-2.5-pro", false, true, true, Budget { least: 128, most: 32_768, off: false });
        check("gemini-2.5-flash-lite", false, true, true, Budget { least: 512, most: 24_576, off: true });
        check("gemini-2.5-flash-image", false, true, true, None);
        check("google/gemini-3-pro-preview", true, true, true, Level { minimal: false, medium: false });
        check("gemini-3.1-pro-preview", true, true, true, Level { minimal: false, medium: true });
        check("gemini-3.5-flash", true, true, true, Level { minimal: true, medium: true });
        check("gemini-3.5-flash-lite", true, true, false, Level { minimal: true, medium: true });
        check("gemini-3.6-flash", true, true, false, Level { minimal: true, medium: true });
        check("gemini-flash-latest", true, true, false, Level { minimal: true, medium: true });
        check("tunedModels/mine-7", false, true, true, None);
        assert!(!Gemini::of("gemma-3-27b-it").system && Gemini::of("gemini-2.0-flash").system);
    }

    #[test]
    fn budgets_stay_in_their_bounds() {
        let check = |name: &str, wanted: u64, expect: Option<u64>| assert_eq!(Gemini::of(name).thinking.budget(wanted), expect, "{name}");
        check("gemini-2.5-flash", 0, Some(0));
        check("gemini-2.5-flash-lite", 0, Some(0));
        check("gemini-2.5-flash-lite", 1, Some(512));
        check("gemini-2.5-pro", 0, Some(128));
        check("gemini-2.5-pro", 99_999, Some(32_768));
        check("gemini-3-flash", 1_024, None);
    }
}
