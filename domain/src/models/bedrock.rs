//! What a model on Bedrock takes through Converse, which checks requests model by model and refuses what a model does not know.
//!
//! Source: protocol specification §6.1 and the tables of supported features in Bedrock's user guide. Ids may carry the prefix of
//! a region (`us.`, `global.`) or be ARNs. A model that is not known, or that an ARN hides, is taken for one that can do what
//! most can: its own refusal says more than a guess would.

use super::claude::Claude;

/// What a model on Bedrock takes in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bedrock {
    /// It is a Claude, and what that takes.
    pub claude: Option<Claude>,
    /// Instructions of the system.
    pub system: bool,
    /// Tools.
    pub tools: bool,
    /// `toolChoice.any` and `toolChoice.tool`; without them only `auto`.
    pub forced_tools: bool,
    /// `toolResult.status`.
    pub result_status: bool,
    /// Words may stand in one turn with calls or with results.
    pub mixed_turns: bool,
    /// Ids of calls are nine letters and digits.
    pub nine_ids: bool,
    /// `inferenceConfig.stopSequences`.
    pub stop_sequences: bool,
    /// `inferenceConfig.temperature` and `topP`.
    pub sampling: bool,
    /// Where `top_k` goes.
    pub top_k: TopK,
    /// `outputConfig.textFormat` with a JSON schema, and `toolSpec.strict`.
    pub schemas: bool,
    /// Cache points in system and messages.
    pub cache_points: bool,
    /// Cache points between tools.
    pub tool_cache_points: bool,
    /// Cache points that last an hour.
    pub one_hour_cache: bool,
    /// How it is asked to think.
    pub reasoning: ReasoningForm,
    /// Pictures.
    pub images: bool,
    /// Films.
    pub videos: bool,
    /// Documents.
    pub documents: bool,
    /// The least bound on the output in tokens.
    pub least_output: u64,
}

/// Where `top_k` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopK {
    /// Nowhere.
    None,
    /// `additionalModelRequestFields.top_k`
    Plain,
    /// `additionalModelRequestFields.inferenceConfig.topK`
    InInferenceConfig,
}

/// How a model is asked to think, in `additionalModelRequestFields`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasoningForm {
    /// Not at all: it thinks or does not.
    None,
    /// `thinking` and `output_config.effort`, see [`Claude`].
    Claude,
    /// `reasoningConfig: {type, maxReasoningEffort}` with low, medium, high.
    ReasoningConfig,
    /// `reasoning_effort` with low, medium, high.
    ReasoningEffort,
    /// `reasoning: {effort}` with all of OpenAI's words.
    ReasoningObject,
}

impl Bedrock {
    /// What the model of this id takes.
    #[must_use]
    pub fn of(model: &str) -> Self {
        let name = model.to_ascii_lowercase();
        // The resource of an ARN stands after its last slash.
        let name = name.rsplit('/').next().unwrap_or(&name);
        let has = |word: &str| name.contains(word);
        if let Some(claude) = Claude::of(name) {
            return Self::claude(name, claude);
        }
        if has("nova-") {
            return Self::nova(name);
        }
        let known = Self { videos: false, mixed_turns: false, ..Self::UNKNOWN };
        let text_only = Self { images: false, ..known };
        if has("titan-") {
            return Self { system: false, tools: false, forced_tools: false, ..text_only };
        }
        if has("llama") {
            let sees = has("llama4") || has("llama3-2-11b") || has("llama3-2-90b");
            return Self { images: sees, stop_sequences: false, forced_tools: false, ..known };
        }
        if has("mistral") || has("mixtral") || has("ministral") || has("pixtral") || has("magistral") || has("voxtral") {
            let first = has("mistral-7b") || has("mixtral");
            let newest = has("mistral-large-3") || has("ministral") || has("magistral") || has("voxtral");
            let sees = newest || has("pixtral");
            return Self { system: !first, tools: !first, images: sees, nine_ids: true, schemas: newest, ..known };
        }
        if has("gpt-oss") {
            let reasoning = ReasoningForm::ReasoningEffort;
            return Self { schemas: true, forced_tools: false, stop_sequences: false, reasoning, least_output: 16, ..text_only };
        }
        if has("openai.") {
            let reasoning = ReasoningForm::ReasoningObject;
            return Self { schemas: true, stop_sequences: false, sampling: false, reasoning, least_output: 16, ..known };
        }
        if has("deepseek") {
            let first = has("r1");
            let reasoning = if first { ReasoningForm::None } else { ReasoningForm::ReasoningEffort };
            return Self { tools: !first, forced_tools: false, schemas: !first, reasoning, ..text_only };
        }
        if has("command-r") || has("jamba") || has("palmyra") {
            return Self { forced_tools: false, ..text_only };
        }
        let schemas = has("qwen3") || has("gemma-3") || has("minimax-m2") || has("kimi-k2") || has("nemotron-nano");
        // A name without a maker's is that of a profile: any model may stand behind it.
        Self { schemas, stop_sequences: !has("qwen3"), mixed_turns: !name.contains('.'), ..Self::UNKNOWN }
    }

    const UNKNOWN: Self = Self {
        claude: None,
        system: true,
        tools: true,
        forced_tools: true,
        result_status: false,
        mixed_turns: true,
        nine_ids: false,
        stop_sequences: true,
        sampling: true,
        top_k: TopK::None,
        schemas: false,
        cache_points: false,
        tool_cache_points: false,
        one_hour_cache: false,
        reasoning: ReasoningForm::None,
        images: true,
        videos: true,
        documents: true,
        least_output: 1,
    };

    fn claude(name: &str, claude: Claude) -> Self {
        let old = name.contains("claude-v2") || name.contains("claude-instant");
        let thinks = claude.thinking != super::claude::ClaudeThinking::None;
        let caches = !old && (thinks || name.contains("3-5-haiku") || name.contains("3-5-sonnet-20241022"));
        Self {
            claude: Some(claude),
            tools: !old,
            forced_tools: !old,
            result_status: true,
            sampling: old || claude.sampling,
            top_k: if old || claude.sampling { TopK::Plain } else { TopK::None },
            schemas: !old && claude.schemas,
            cache_points: caches,
            tool_cache_points: caches,
            // The longer time came with the same generation as the schemas.
            one_hour_cache: caches && claude.schemas,
            reasoning: if !old && thinks { ReasoningForm::Claude } else { ReasoningForm::None },
            images: !old,
            videos: false,
            ..Self::UNKNOWN
        }
    }

    fn nova(name: &str) -> Self {
        let sees = !name.contains("micro");
        Self {
            result_status: true,
            top_k: TopK::InInferenceConfig,
            cache_points: true,
            reasoning: if name.contains("nova-2") { ReasoningForm::ReasoningConfig } else { ReasoningForm::None },
            images: sees,
            videos: sees,
            documents: sees,
            ..Self::UNKNOWN
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_with_regions_and_arns_are_known() {
        let check = |id: &str, claude: bool, reasoning: ReasoningForm, cache: bool, schemas: bool| {
            let model = Bedrock::of(id);
            assert_eq!(
                (model.claude.is_some(), model.reasoning, model.cache_points, model.schemas),
                (claude, reasoning, cache, schemas),
                "{id}"
            );
        };
        use ReasoningForm::{Claude, None, ReasoningConfig, ReasoningEffort, ReasoningObject};
        check("anthropic.claude-3-haiku-20240307-v1:0", true, None, false, false);
        check("anthropic.claude-3-5-sonnet-20241022-v2:0", true, None, true, false);
        check("anthropic.claude-v2:1", true, None, false, false);
        check("us.anthropic.claude-3-7-sonnet-20250219-v1:0", true, Claude, true, false);
        check("global.anthropic.claude-haiku-4-5-20251001-v1:0", true, Claude, true, true);
        let arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-6";
        check(arn, true, Claude, true, true);
        check("us.amazon.nova-lite-v1:0", false, None, true, false);
        check("us.amazon.nova-2-lite-v1:0", false, ReasoningConfig, true, false);
        check("openai.gpt-oss-120b-1:0", false, ReasoningEffort, false, true);
        check("openai.gpt-5.6", false, ReasoningObject, false, true);
        check("us.deepseek.r1-v1:0", false, None, false, false);
        check("deepseek.v3-v1:0", false, ReasoningEffort, false, true);
        check("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123", false, None, false, false);
    }

    #[test]
    fn families_differ() {
        let check = |id: &str, forced: bool, status: bool, stops: bool, nine: bool, system: bool, images: bool| {
            let model = Bedrock::of(id);
            let is = (model.forced_tools, model.result_status, model.stop_sequences, model.nine_ids, model.system, model.images);
            assert_eq!(is, (forced, status, stops, nine, system, images), "{id}");
        };
        check("us.meta.llama3-3-70b-instruct-v1:0", false, false, false, false, true, false);
        check("us.meta.llama4-scout-17b-instruct-v1:0", false, false, false, false, true, true);
        check("mistral.mistral-large-2407-v1:0", true, false, true, true, true, false);
        check("mistral.mistral-7b-instruct-v0:2", true, false, true, true, false, false);
        check("cohere.command-r-plus-v1:0", false, false, true, false, true, false);
        check("amazon.titan-text-express-v1", false, false, true, false, false, false);
        check("amazon.nova-micro-v1:0", true, true, true, false, true, false);
        check("anthropic.claude-sonnet-4-5-20250929-v1:0", true, true, true, false, true, true);
        check("qwen.qwen3-235b-a22b-2507-v1:0", true, false, false, false, true, true);
        let mixed = |id: &str| Bedrock::of(id).mixed_turns;
        assert!(mixed("us.amazon.nova-lite-v1:0") && mixed("anthropic.claude-3-haiku-20240307-v1:0") && mixed("abc123"));
        assert!(!mixed("us.meta.llama4-maverick-17b-instruct-v1:0") && !mixed("qwen.qwen3-32b-v1:0"));
        assert_eq!(Bedrock::of("openai.gpt-6").least_output, 16);
        assert!(!Bedrock::of("us.anthropic.claude-opus-4-8").sampling && Bedrock::of("us.anthropic.claude-opus-4-6-v1").sampling);
    }
}
