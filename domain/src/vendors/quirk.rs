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
