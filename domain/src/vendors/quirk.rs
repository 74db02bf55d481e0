//! Peculiarities of vendors, each a behaviour with a name.
//!
//! From the vendors' own documents and from recordings; see the provider notes for how sure each is.
//! The safety net under all of them: on a 400 or 422 that names a field, drop the field and ask once more.

/// What a vendor does differently. Code asks for the behaviour, never for the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quirk {
    // What a stream says about usage.
    /// Refuses `stream_options` (or is not known to take it): it is never added, and taken out when a client sends it.
    NoStreamOptions,
    /// Some models refuse `stream_options`: sent, and on a refusal dropped and remembered.
    StreamOptionsSometimesRefused,
    /// Sends usage in streams without being asked: `stream_options` is never added, a client's own passes.
    UsageUnasked,
    /// Sends usage in every chunk of a stream, cumulative: the last one counts, they are never added up.
    UsageInEveryChunk,
    /// Sends usage in the chunk that carries `finish_reason`, not in an extra chunk with empty `choices`.
    UsageInFinishChunk,
    /// May send usage as `choices[0].usage` only.
    UsageInChoice,
    /// May send usage as `x_groq.usage` only.
    UsageInXGroq,
    /// `completion_tokens` leaves out the reasoning: output is both together.
    ReasoningNotInOutput,
    /// Counts cached prompt tokens as `usage.cached_tokens`, without details.
    CachedTokensOnTop,
    /// Counts cached prompt tokens as `prompt_cache_hit_tokens`.
    CacheHitTokens,
    /// Sends its own price of the call as `usage.cost` in dollars, as the model's price depends on who ran it.
    CostInUsage,

    // What a request may hold.
    /// Bounds chat output by `max_completion_tokens`; `max_tokens` is old.
    MaxCompletionTokens,
    /// Refuses `max_tokens` for its reasoning models only.
    ReasoningModelsRefuseMaxTokens,
    /// Refuses `max_completion_tokens`.
    OnlyMaxTokens,
    /// Refuses every field it does not know.
    StrictFields,
    /// Takes tool call ids of exactly nine letters and digits only.
    ToolIdsOfNine,
    /// Takes `content` as a string only, not as a list of parts.
    StringContentOnly,
    /// Wants user and assistant to take turns: neighbours of the same role are joined.
    AlternatingRoles,
    /// Wants the last message to be the user's (or a tool's).
    LastMessageFromUser,
    /// Takes one system message, as the first.
    OneSystemMessage,
    /// Takes no tools.
    NoTools,
    /// Takes `tool_choice: "auto"` only.
    ToolChoiceAutoOnly,
    /// Refuses `tool_choice: "required"`.
    NoRequiredToolChoice,
    /// Refuses tools together with `response_format`.
    ToolsExcludeResponseFormat,
    /// Refuses `name` in messages.
    NoMessageName,
    /// Refuses `n` above 1.
    OneChoice,
    /// Refuses a temperature of 0: the least it takes is sent.
    NoZeroTemperature,
    /// Refuses temperatures above 1.
    TemperatureUpToOne,
    /// Wants the assistant's `reasoning_content` back in later turns.
    ReasoningContentBack,
    /// `model` may be the id of a deployment: prices go by the configured model.
    ModelIsDeployment,
    /// Takes all of OpenAI's dialect, the newest fields too: custom tools, `allowed_tools`, `verbosity`, `service_tier`,
    /// `metadata`, `prompt_cache_key`, `prediction`. Others refuse some of them or do not know them.
    WholeDialect,
    /// Takes one temperature only (which one depends on whether the model thinks): none is sent, nor `top_p`.
    OneTemperature,
    /// Takes `top_k`.
    TopK,
    /// Takes penalties from 0 to 1.
    PenaltiesUpToOne,
    /// Refuses `presence_penalty` and `frequency_penalty`.
    NoPenalties,
    /// Refuses `stop`.
    NoStop,
    /// Takes one stop sequence.
    OneStop,
    /// Refuses `seed`.
    NoSeed,
    /// Its field for the seed is `random_seed`.
    RandomSeed,
    /// Refuses `logprobs`, `top_logprobs` and `logit_bias`.
    NoLogprobs,
    /// Refuses `logit_bias`.
    NoLogitBias,
    /// Refuses `user`.
    NoUser,
    /// Refuses `parallel_tool_calls`.
    NoParallelToolCalls,
    /// Takes `tool_choice: "required"` and `"none"` only.
    ToolChoiceRequiredOrNone,
    /// Refuses `strict` in tools.
    NoStrictTools,
    /// Refuses the keywords `$schema` and `$id` in schemas.
    NoSchemaMeta,
    /// Knows `response_format: json_object`, but not `json_schema`: the schema is put into the instructions.
    NoJsonSchema,
    /// Knows no `response_format`: the form of the answer is put into the instructions.
    NoResponseFormat,
    /// A last message of the assistant, to be gone on with, is marked `prefix: true`.
    AssistantPrefix,
    /// Uses `cache_control` marks on parts of the content.
    CacheMarks,
    /// Takes films as parts `video_url`.
    VideoParts,
    /// Wants the assistant's `reasoning_details` back in later turns.
    ReasoningDetailsBack,

    // How thinking is asked for; `reasoning_effort` where none of these is said.
    /// By `thinking: {type: enabled | disabled}`.
    ThinkingObject,
    /// By `thinking: {type}` and `reasoning_effort` beside it.
    ThinkingObjectAndEffort,
    /// By `enable_thinking` and `thinking_budget`.
    EnableThinking,
    /// Its models with open weights (their size is in their names: `-32b`) think in streams only, and refuse to answer at once
    /// unless they are told not to think.
    OpenModelsThinkInStreams,
    /// By `reasoning: {effort | max_tokens | enabled}`.
    ReasoningObject,
    /// By `reasoning_effort: low | medium | high`, nothing else.
    ThreeEfforts,
    /// By `reasoning_effort: none | high`, nothing else.
    EffortHighOrNone,
    /// Not at all: there is no field for it.
    NoReasoningControl,
    /// Shows its thoughts apart from the text only with `reasoning_format: "parsed"`.
    ReasoningFormatParsed,

    // How a search of the web is asked for.
    /// By `enable_search: true`.
    EnableSearch,
    /// By a plugin: `plugins: [{id: web}]`.
    WebPlugin,
    /// Not at all: it always searches.
    SearchesUnasked,

    // What an answer holds.
    /// Reports errors as `base_resp.status_code` in a 200.
    BaseRespInOk,
    /// Reports errors as a top-level `code` other than 0 in a 200.
    CodeInOk,
    /// Reports errors as `error` in a 200 or in mid-stream.
    ErrorInOk,
    /// Answers 400 to a bad key and quotes parts of it.
    BadKeyIs400,
    /// Sends `finish_reason: ""` where others send null.
    EmptyFinishReason,
    /// Sends comments while a stream waits in its queue, for minutes.
    KeepAliveComments,
    /// Reasoning comes as `reasoning_content`.
    ReasoningContent,
    /// Reasoning comes as `reasoning`.
    ReasoningField,
    /// Reasoning comes inside the content, between `<think>` and `</think>`.
    ThinkTags,
    /// Reasoning comes as parts of type `thinking` in a content list.
    ThinkingParts,
    /// Tool calls in a stream have no `index`.
    NoToolCallIndex,
    /// Tool calls may be an object instead of a list.
    ToolCallsMayBeObject,
    /// Older models repeat the whole message in the last event.
    LastEventRepeatsMessage,
    /// The first chunk of a stream has no choices.
    EmptyFirstChunk,
    /// `GET /models` answers a list without an object around it.
    BareModelList,
    /// The first token may take minutes, while a model is loaded.
    SlowFirstToken,
    /// Cuts prompts that are too long without saying so.
    SilentTruncation,
}
