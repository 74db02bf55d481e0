//! The response object. Source: `types/responses/response.py` and `response_usage.py` of the OpenAI SDK.

use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::usage::Usage;
use serde::Serialize;
use serde_json::{Map, Value};

use super::repeat;
use crate::client::Voice;
use crate::neutral::Stop;

/// What stays the same from the first to the last time a response is told.
#[derive(Debug)]
pub(super) struct Head {
    id: String,
    created_s: u64,
    model: String,
    repeat: Map<String, Value>,
}

/// How a response stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing<'a> {
    /// It goes on.
    InProgress,
    /// It ended for this reason; it failed where nothing came of it.
    Stopped(Stop),
    /// It broke.
    Failed(&'a Refusal),
}

#[derive(Serialize)]
struct Response<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: &'static str,
    error: Option<Failure<'a>>,
    incomplete_details: Option<Incomplete>,
    model: &'a str,
    output: &'a [Value],
    usage: Option<Tokens>,
    #[serde(flatten)]
    repeat: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct Failure<'a> {
    code: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct Incomplete {
    reason: &'static str,
}

#[derive(Serialize)]
struct Tokens {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Serialize)]
struct InputDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

impl Head {
    /// With the vendor's id, if that is one of a response, and the vendor's model.
    pub(super) fn new(voice: &mut Voice, id: Option<&str>, model: Option<&str>) -> Self {
        let mut repeat = repeat::of(std::mem::take(&mut voice.repeat));
        repeat.shift_remove("include");
        let id = id.filter(|id| id.starts_with("resp_")).map_or_else(|| format!("resp_{}", voice.call), str::to_owned);
        let model = model.map_or_else(|| std::mem::take(&mut voice.model), str::to_owned);
        Self { id, created_s: voice.created_s, model, repeat }
    }

    /// Says which service tier was used: the vendor's word where OpenAI's clients know it, else the one that was asked for.
    pub(super) fn settle_tier(&mut self, used: Option<&str>) {
        let known = used.filter(|tier| matches!(*tier, "default" | "flex" | "scale" | "priority" | "fast"));
        let tier = match (known, self.repeat.get("service_tier").and_then(Value::as_str)) {
            (Some(tier), _) => tier,
            (None, Some(asked)) if used.is_none() && asked != "auto" => return,
            _ => "default",
        };
        let tier = Value::from(tier);
        self.repeat.insert(String::from("service_tier"), tier);
    }

    /// The object.
    pub(super) fn response<'a>(&'a self, standing: Standing<'a>, output: &'a [Value], usage: Option<Usage>) -> impl Serialize + 'a {
        let (status, reason, error) = match standing {
            Standing::InProgress => ("in_progress", None, None),
            Standing::Stopped(Stop::Length | Stop::Context) => ("incomplete", Some("max_output_tokens"), None),
            Standing::Stopped(Stop::Filter) => ("incomplete", Some("content_filter"), None),
            Standing::Stopped(Stop::Malformed) if output.is_empty() => {
                ("failed", None, Some(Failure { code: "server_error", message: "the model's output was malformed" }))
            }
            Standing::Stopped(_) => ("completed", None, None),
            Standing::Failed(refusal) => ("failed", None, Some(Failure { code: code(refusal.kind), message: &refusal.message })),
        };
        Response {
            id: &self.id,
            object: "response",
            created_at: self.created_s,
            status,
            error,
            incomplete_details: reason.map(|reason| Incomplete { reason }),
            model: &self.model,
            output,
            usage: usage.map(tokens),
            repeat: &self.repeat,
        }
    }

    /// The event that tells this standing.
    pub(super) const fn event(standing: Standing<'_>, output: &[Value]) -> &'static str {
        match standing {
            Standing::InProgress => "response.in_progress",
            Standing::Stopped(Stop::Length | Stop::Context | Stop::Filter) => "response.incomplete",
            Standing::Stopped(Stop::Malformed) if output.is_empty() => "response.failed",
            Standing::Stopped(_) => "response.completed",
            Standing::Failed(_) => "response.failed",
        }
    }
}

const fn tokens(usage: Usage) -> Tokens {
    Tokens {
        input_tokens: usage.input_total(),
        input_tokens_details: InputDetails {
            cached_tokens: usage.cache_read,
            cache_write_tokens: usage.cache_write_5m.saturating_add(usage.cache_write_1h),
        },
        output_tokens: usage.output,
        output_tokens_details: OutputDetails { reasoning_tokens: usage.reasoning },
        total_tokens: usage.total(),
    }
}

/// `response.error.code`: the words of `response_error.py` that fit.
const fn code(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::RateLimited => "rate_limit_exceeded",
        RefusalKind::InvalidRequest | RefusalKind::TooLarge | RefusalKind::ContentBlocked => "invalid_prompt",
        _ => "server_error",
    }
}
