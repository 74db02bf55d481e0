//! The rows: 28 vendors and the demo's echo.
//!
//! The order is one of preference among those that list the same model: vendors of their own models first.

use super::{Auth, Path, Quirk, Style, Vendor};
use crate::dialect::{Dialect, Op};

/// All vendors, in the order of preference among those that list the same model.
pub const VENDORS: &[Vendor] = &[
    // Also the kind for any server that speaks like OpenAI, by its own base address.
    Vendor {
        kind: "openai",
        ops: &[Op::Chat, Op::Completions, Op::Embeddings, Op::Responses, Op::Images, Op::Audio, Op::Moderations, Op::Rerank],
        quirks: &[Quirk::ReasoningModelsRefuseMaxTokens, Quirk::WholeDialect],
        ..row("OpenAI", "OPENAI_API_KEY", "https://api.openai.com/v1")
    },
    Vendor {
        kind: "anthropic",
        dialect: Dialect::Anthropic,
        style: Style::AnthropicV1,
        auth: Auth::Header("x-api-key"),
        ops: &[Op::Messages, Op::CountTokens],
        ..row("Anthropic", "ANTHROPIC_API_KEY", "https://api.anthropic.com")
    },
    // Completions (fill in the middle) are in beta.
    Vendor {
        kind: "deepseek",
        anthropic_base_url: Some("https://api.deepseek.com/anthropic"),
        anthropic_auth: Auth::Header("x-api-key"),
        ops: &[Op::Chat, Op::Completions],
        paths: &[(Op::Completions, Path::Below("/beta/completions"))],
        quirks: &[
            Quirk::CacheHitTokens,
            Quirk::StringContentOnly,
            Quirk::ReasoningContent,
            Quirk::ReasoningContentBack,
            Quirk::KeepAliveComments,
            Quirk::NoJsonSchema,
            Quirk::ThinkingObjectAndEffort,
        ],
        ..row("DeepSeek", "DEEPSEEK_API_KEY", "https://api.deepseek.com")
    },
    // Mainland; `dashscope-intl.aliyuncs.com` is the international host, with keys of its own.
    Vendor {
        kind: "qwen",
        anthropic_base_url: Some("https://dashscope.aliyuncs.com/apps/anthropic"),
        ops: &[Op::Chat, Op::Completions, Op::Embeddings, Op::Responses, Op::Rerank],
        paths: &[(Op::Rerank, Path::Origin("/compatible-api/v1/reranks"))],
        quirks: &[
            Quirk::ReasoningContent,
            Quirk::EnableThinking,
            Quirk::OpenModelsThinkInStreams,
            Quirk::TopK,
            Quirk::CacheMarks,
            Quirk::VideoParts,
            Quirk::EnableSearch,
        ],
        ..row("Qwen (Alibaba Cloud)", "QWEN_API_KEY", "https://dashscope.aliyuncs.com/compatible-mode/v1")
    },
    // Mainland; `api.moonshot.ai` is the global host, with keys of its own.
    Vendor {
        kind: "moonshot",
        anthropic_base_url: Some("https://api.moonshot.cn/anthropic"),
        ops: &[Op::Chat],
        quirks: &[
            Quirk::UsageInFinishChunk,
            Quirk::UsageInChoice,
            Quirk::CachedTokensOnTop,
            Quirk::TemperatureUpToOne,
            Quirk::NoRequiredToolChoice,
            Quirk::ReasoningContent,
            Quirk::ReasoningContentBack,
            Quirk::OneTemperature,
            Quirk::ThinkingObject,
            Quirk::VideoParts,
        ],
        ..row("Moonshot (Kimi)", "MOONSHOT_API_KEY", "https://api.moonshot.cn/v1")
    },
    // Mainland; `api.z.ai` is the global host.
    Vendor {
        kind: "zhipu",
        anthropic_base_url: Some("https://open.bigmodel.cn/api/anthropic"),
        ops: &[Op::Chat, Op::Embeddings, Op::Images, Op::Audio, Op::Rerank],
        quirks: &[
            Quirk::UsageUnasked,
            Quirk::UsageInFinishChunk,
            Quirk::ToolChoiceAutoOnly,
            Quirk::NoZeroTemperature,
            Quirk::TemperatureUpToOne,
            Quirk::ReasoningContent,
            Quirk::OneStop,
            Quirk::NoJsonSchema,
            Quirk::ThinkingObject,
            Quirk::VideoParts,
            Quirk::CacheMarks,
            Quirk::ReasoningContentBack,
        ],
        ..row("Zhipu (GLM)", "ZHIPU_API_KEY", "https://open.bigmodel.cn/api/paas/v4")
    },
    Vendor {
        kind: "ernie",
        ops: &[Op::Chat, Op::Embeddings, Op::Images, Op::Rerank],
        quirks: &[
            Quirk::UsageInFinishChunk,
            Quirk::NoZeroTemperature,
            Quirk::TemperatureUpToOne,
            Quirk::ReasoningContent,
            Quirk::EnableThinking,
        ],
        ..row("Baidu Qianfan (ERNIE)", "ERNIE_API_KEY", "https://qianfan.baidubce.com/v2")
    },
    // The native endpoint is reported, not documented.
    Vendor {
        kind: "doubao",
        anthropic_base_url: Some("https://ark.cn-beijing.volces.com/api/compatible"),
        ops: &[Op::Chat, Op::Embeddings, Op::Responses, Op::Images],
        quirks: &[Quirk::ModelIsDeployment, Quirk::ReasoningContent, Quirk::ThinkingObjectAndEffort, Quirk::VideoParts],
        ..row("Volcengine Ark (Doubao)", "DOUBAO_API_KEY", "https://ark.cn-beijing.volces.com/api/v3")
    },
    Vendor {
        kind: "gemini",
        dialect: Dialect::Gemini,
        style: Style::Gemini,
        auth: Auth::Header("x-goog-api-key"),
        ops: &[Op::GenerateContent, Op::Embeddings],
        quirks: &[Quirk::UsageInEveryChunk],
        ..row("Google Gemini", "GEMINI_API_KEY", "https://generativelanguage.googleapis.com/v1beta")
    },
    Vendor {
        kind: "mistral",
        ops: &[Op::Chat, Op::Embeddings, Op::Audio, Op::Moderations],
        quirks: &[
            Quirk::NoStreamOptions,
            Quirk::UsageInFinishChunk,
            Quirk::OnlyMaxTokens,
            Quirk::StrictFields,
            Quirk::ToolIdsOfNine,
            Quirk::LastMessageFromUser,
            Quirk::ThinkingParts,
            Quirk::NoToolCallIndex,
            Quirk::RandomSeed,
            Quirk::NoLogprobs,
            Quirk::NoUser,
            Quirk::NoMessageName,
            Quirk::NoStrictTools,
            Quirk::NoSchemaMeta,
            Quirk::AssistantPrefix,
            Quirk::EffortHighOrNone,
        ],
        ..row("Mistral", "MISTRAL_API_KEY", "https://api.mistral.ai/v1")
    },
    // Its native Messages endpoint is deprecated and left out.
    Vendor {
        kind: "xai",
        ops: &[Op::Chat, Op::Responses, Op::Images, Op::Audio],
        quirks: &[
            Quirk::MaxCompletionTokens,
            Quirk::ReasoningNotInOutput,
            Quirk::NoMessageName,
            Quirk::BadKeyIs400,
            Quirk::EmptyFinishReason,
            Quirk::ReasoningContent,
            Quirk::NoStop,
            Quirk::NoPenalties,
            Quirk::NoStrictTools,
            Quirk::ThreeEfforts,
        ],
        ..row("xAI (Grok)", "XAI_API_KEY", "https://api.x.ai/v1")
    },
    // Chat has no `/v1`, the rest has.
    Vendor {
        kind: "perplexity",
        ops: &[Op::Chat, Op::Embeddings, Op::Responses],
        paths: &[(Op::Embeddings, Path::Below("/v1/embeddings")), (Op::Responses, Path::Below("/v1/responses"))],
        quirks: &[
            Quirk::UsageUnasked,
            Quirk::UsageInEveryChunk,
            Quirk::AlternatingRoles,
            Quirk::LastMessageFromUser,
            Quirk::NoTools,
            Quirk::ThinkTags,
            Quirk::NoStop,
            Quirk::NoSeed,
            Quirk::NoLogprobs,
            Quirk::TopK,
            Quirk::ThreeEfforts,
            Quirk::SearchesUnasked,
        ],
        ..row("Perplexity", "PERPLEXITY_API_KEY", "https://api.perplexity.ai")
    },
    // The compatibility endpoint; rerank exists at the native one only.
    Vendor {
        kind: "cohere",
        ops: &[Op::Chat, Op::Embeddings, Op::Rerank],
        paths: &[(Op::Rerank, Path::At("https://api.cohere.com/v2/rerank"))],
        quirks: &[
            Quirk::NoStreamOptions,
            Quirk::UsageInFinishChunk,
            Quirk::OneChoice,
            Quirk::NoLogitBias,
            Quirk::NoUser,
            Quirk::NoParallelToolCalls,
            Quirk::ToolChoiceRequiredOrNone,
            Quirk::PenaltiesUpToOne,
            Quirk::EffortHighOrNone,
        ],
        ..row("Cohere", "COHERE_API_KEY", "https://api.cohere.ai/compatibility/v1")
    },
    // Mainland; `api.minimax.io` is the global host.
    Vendor {
        kind: "minimax",
        anthropic_base_url: Some("https://api.minimaxi.com/anthropic"),
        ops: &[Op::Chat, Op::Responses, Op::Images],
        paths: &[(Op::Images, Path::Below("/image_generation"))],
        quirks: &[
            Quirk::UsageInFinishChunk,
            Quirk::OneSystemMessage,
            Quirk::NoZeroTemperature,
            Quirk::TemperatureUpToOne,
            Quirk::BaseRespInOk,
            Quirk::LastEventRepeatsMessage,
            Quirk::ThinkTags,
            Quirk::CacheMarks,
            Quirk::VideoParts,
            Quirk::NoReasoningControl,
        ],
        ..row("MiniMax", "MINIMAX_API_KEY", "https://api.minimaxi.com/v1")
    },
    Vendor {
        kind: "baichuan",
        ops: &[Op::Chat, Op::Embeddings],
        quirks: &[
            Quirk::NoStreamOptions,
            Quirk::UsageInFinishChunk,
            Quirk::OnlyMaxTokens,
            Quirk::StringContentOnly,
            Quirk::TemperatureUpToOne,
            Quirk::EmptyFinishReason,
            Quirk::TopK,
            Quirk::NoResponseFormat,
            Quirk::NoReasoningControl,
        ],
        ..row("Baichuan", "BAICHUAN_API_KEY", "https://api.baichuan-ai.com/v1")
    },
    Vendor {
        kind: "stepfun",
        anthropic_base_url: Some("https://api.stepfun.com"),
        ops: &[Op::Chat, Op::Responses, Op::Images, Op::Audio],
        quirks: &[
            Quirk::UsageUnasked,
            Quirk::UsageInEveryChunk,
            Quirk::EmptyFinishReason,
            Quirk::ReasoningField,
            Quirk::VideoParts,
            Quirk::ThreeEfforts,
        ],
        ..row("StepFun", "STEPFUN_API_KEY", "https://api.stepfun.com/v1")
    },
    // The key is the `APIPassword`; X1 lives at `/v2`.
    Vendor {
        kind: "spark",
        ops: &[Op::Chat],
        quirks: &[
            Quirk::UsageUnasked,
            Quirk::UsageInFinishChunk,
            Quirk::StringContentOnly,
            Quirk::NoZeroTemperature,
            Quirk::TemperatureUpToOne,
            Quirk::CodeInOk,
            Quirk::ToolCallsMayBeObject,
            Quirk::ReasoningContent,
            Quirk::TopK,
            Quirk::NoJsonSchema,
            Quirk::NoReasoningControl,
        ],
        ..row("iFlytek Spark", "SPARK_API_KEY", "https://spark-api-open.xf-yun.com/v1")
    },
    Vendor {
        kind: "zero-one",
        ops: &[Op::Chat],
        quirks: &[Quirk::NoStreamOptions, Quirk::UsageInFinishChunk, Quirk::NoJsonSchema, Quirk::NoReasoningControl],
        ..row("01.AI (Yi)", "ZERO_ONE_API_KEY", "https://api.lingyiwanwu.com/v1")
    },
    // TokenHub, which also sells others' models, is another host.
    Vendor {
        kind: "tencent",
        ops: &[Op::Chat, Op::Embeddings],
        quirks: &[
            Quirk::UsageUnasked,
            Quirk::UsageInEveryChunk,
            Quirk::AlternatingRoles,
            Quirk::LastMessageFromUser,
            Quirk::OneSystemMessage,
            Quirk::ReasoningContent,
            Quirk::EnableThinking,
        ],
        ..row("Tencent Hunyuan", "TENCENT_API_KEY", "https://api.hunyuan.cloud.tencent.com/v1")
    },
    // The resource is part of the host, so there is no default address.
    Vendor {
        kind: "azure",
        style: Style::Azure,
        auth: Auth::Header("api-key"),
        ops: &[Op::Chat, Op::Completions, Op::Embeddings, Op::Responses, Op::Images, Op::Audio],
        quirks: &[Quirk::ReasoningModelsRefuseMaxTokens, Quirk::ModelIsDeployment, Quirk::EmptyFirstChunk, Quirk::WholeDialect],
        resells: true,
        ..row("Azure OpenAI", "AZURE_API_KEY", "")
    },
    // `{region}` is filled in from the provider; requests are signed or carry a bearer key.
    Vendor {
        kind: "bedrock",
        dialect: Dialect::Bedrock,
        style: Style::Bedrock,
        auth: Auth::Signed,
        ops: &[Op::Chat],
        resells: true,
        ..row("AWS Bedrock", "BEDROCK_API_KEY", "https://bedrock-runtime.{region}.amazonaws.com")
    },
    Vendor {
        kind: "groq",
        ops: &[Op::Chat, Op::Embeddings, Op::Responses, Op::Audio],
        quirks: &[
            Quirk::UsageUnasked,
            Quirk::UsageInFinishChunk,
            Quirk::UsageInXGroq,
            Quirk::MaxCompletionTokens,
            Quirk::ToolsExcludeResponseFormat,
            Quirk::NoMessageName,
            Quirk::OneChoice,
            Quirk::ReasoningField,
            Quirk::NoLogprobs,
            Quirk::ThreeEfforts,
            Quirk::ReasoningFormatParsed,
        ],
        resells: true,
        ..row("Groq", "GROQ_API_KEY", "https://api.groq.com/openai/v1")
    },
    Vendor {
        kind: "fireworks",
        anthropic_base_url: Some("https://api.fireworks.ai/inference"),
        ops: &[Op::Chat, Op::Completions, Op::Embeddings, Op::Responses, Op::Rerank],
        quirks: &[
            Quirk::UsageUnasked,
            Quirk::UsageInFinishChunk,
            Quirk::ToolsExcludeResponseFormat,
            Quirk::ReasoningContent,
            Quirk::TopK,
            Quirk::ThreeEfforts,
        ],
        resells: true,
        ..row("Fireworks", "FIREWORKS_API_KEY", "https://api.fireworks.ai/inference/v1")
    },
    Vendor {
        kind: "together",
        ops: &[Op::Chat, Op::Completions, Op::Embeddings, Op::Images, Op::Audio, Op::Rerank],
        quirks: &[Quirk::UsageInFinishChunk, Quirk::ReasoningField, Quirk::BareModelList, Quirk::TopK],
        resells: true,
        ..row("Together", "TOGETHER_API_KEY", "https://api.together.xyz/v1")
    },
    Vendor {
        kind: "siliconflow",
        anthropic_base_url: Some("https://api.siliconflow.cn"),
        ops: &[Op::Chat, Op::Embeddings, Op::Images, Op::Audio, Op::Rerank],
        quirks: &[Quirk::UsageInEveryChunk, Quirk::ReasoningContent, Quirk::EnableThinking, Quirk::TopK, Quirk::VideoParts],
        resells: true,
        ..row("SiliconFlow", "SILICONFLOW_API_KEY", "https://api.siliconflow.cn/v1")
    },
    Vendor {
        kind: "nvidia",
        ops: &[Op::Chat, Op::Completions, Op::Embeddings],
        quirks: &[Quirk::StreamOptionsSometimesRefused, Quirk::StrictFields, Quirk::ReasoningContent],
        resells: true,
        ..row("NVIDIA NIM", "NVIDIA_API_KEY", "https://integrate.api.nvidia.com/v1")
    },
    Vendor {
        kind: "openrouter",
        anthropic_base_url: Some("https://openrouter.ai/api"),
        ops: &[Op::Chat, Op::Completions, Op::Embeddings, Op::Responses],
        quirks: &[
            Quirk::UsageUnasked,
            Quirk::CostInUsage,
            Quirk::ErrorInOk,
            Quirk::KeepAliveComments,
            Quirk::ReasoningField,
            Quirk::TopK,
            Quirk::CacheMarks,
            Quirk::VideoParts,
            Quirk::ReasoningObject,
            Quirk::ReasoningDetailsBack,
            Quirk::WebPlugin,
        ],
        resells: true,
        ..row("OpenRouter", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1")
    },
    // Local; the cloud service at `https://ollama.com/v1` needs a key.
    Vendor {
        kind: "ollama",
        anthropic_base_url: Some("http://localhost:11434"),
        ops: &[Op::Chat, Op::Completions, Op::Embeddings, Op::Responses],
        quirks: &[Quirk::ReasoningField, Quirk::ThinkTags, Quirk::SlowFirstToken, Quirk::SilentTruncation],
        key_optional: true,
        resells: true,
        ..row("Ollama", "OLLAMA_API_KEY", "http://localhost:11434/v1")
    },
    // Answers with what it was asked; the demo fills in its address.
    Vendor {
        kind: "echo",
        anthropic_base_url: Some(""),
        anthropic_auth: Auth::Header("x-api-key"),
        ops: &[Op::Chat, Op::Completions, Op::Embeddings],
        key_optional: true,
        resells: true,
        ..row("Echo (demo)", "ECHO_API_KEY", "")
    },
];

/// What most rows have in common: OpenAI's dialect with a bearer key.
const fn row(name: &'static str, env: &'static str, base_url: &'static str) -> Vendor {
    Vendor {
        kind: "",
        name,
        env,
        base_url,
        dialect: Dialect::OpenAi,
        anthropic_base_url: None,
        style: Style::Plain,
        auth: Auth::Bearer,
        anthropic_auth: Auth::Bearer,
        ops: &[],
        paths: &[],
        quirks: &[],
        key_optional: false,
        resells: false,
    }
}
