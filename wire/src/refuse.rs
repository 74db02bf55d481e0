//! A refusal as each dialect's clients expect it. Source: protocol specification §1.4, §2.4, §5 and §9.

use bytes::Bytes;
use fluxa_domain::dialect::Dialect;
use fluxa_domain::refusal::{Refusal, RefusalKind};
use serde::Serialize;

/// The JSON error body.
#[must_use]
pub fn refuse(dialect: Dialect, refusal: &Refusal, request_id: &str) -> Bytes {
    Bytes::from(render(dialect, refusal, Some(request_id)))
}

/// The status to answer: a refusal's own, but for the ones that a dialect names otherwise.
#[must_use]
pub fn status(dialect: Dialect, refusal: &Refusal) -> u16 {
    match (dialect, refusal.status()) {
        (Dialect::Anthropic, _) if refusal.kind == RefusalKind::Overloaded && refusal.status.is_none() => 529,
        (Dialect::Anthropic | Dialect::Bedrock, status) => status,
        (_, 529) => 503,
        // Bedrock's own codes for a failed and a slow model mean nothing to other clients.
        (_, 424) => 502,
        // An upstream's; our own word that the client's body did not come stays.
        (_, 408) if refusal.kind != RefusalKind::InvalidRequest => 504,
        (_, status) => status,
    }
}

/// Whether an error body has the shape that clients of this dialect read.
#[must_use]
pub fn has_shape(dialect: Dialect, body: &[u8]) -> bool {
    if body.len() > crate::limits::ERROR_BODY_BYTES {
        return false;
    }
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else { return false };
    // Without `alt=sse`, errors of Gemini's streams come in a list.
    let outer = if dialect == Dialect::Gemini { body.get(0).unwrap_or(&body) } else { &body };
    let Some(error) = outer.get("error") else { return dialect == Dialect::Bedrock && body.get("message").is_some() };
    let says = error.get("message").is_some_and(serde_json::Value::is_string);
    match dialect {
        Dialect::OpenAi => says,
        Dialect::Anthropic => says && error.get("type").is_some_and(serde_json::Value::is_string),
        Dialect::Gemini => says && error.get("code").is_some_and(serde_json::Value::is_number),
        Dialect::Bedrock => false,
    }
}

/// The body inside a stream, which has its request id in a header already.
pub(crate) fn body_without_id(dialect: Dialect, refusal: &Refusal) -> Vec<u8> {
    render(dialect, refusal, None)
}

/// The error object of OpenAI's shape, for events that have it among other members.
pub(crate) fn openai_error(refusal: &Refusal) -> impl Serialize + '_ {
    let kind = openai_type(refusal.kind, status(Dialect::OpenAi, refusal));
    OpenAiError { message: &refusal.message, kind, param: refusal.param, code: refusal.kind.code() }
}

fn render(dialect: Dialect, refusal: &Refusal, request_id: Option<&str>) -> Vec<u8> {
    let message = &*refusal.message;
    let status = status(dialect, refusal);
    let rendered = match dialect {
        Dialect::OpenAi => serde_json::to_vec(&OpenAi {
            error: OpenAiError { message, kind: openai_type(refusal.kind, status), param: refusal.param, code: refusal.code() },
        }),
        Dialect::Anthropic => serde_json::to_vec(&Anthropic {
            kind: "error",
            error: AnthropicError { kind: anthropic_type(refusal.kind, status), message },
            request_id,
        }),
        Dialect::Gemini => serde_json::to_vec(&Gemini { error: GeminiError { code: status, message, status: gemini_status(status) } }),
        Dialect::Bedrock => serde_json::to_vec(&Bedrock { message }),
    };
    rendered.unwrap_or_default()
}

/// `error.type` of the OpenAI shape.
const fn openai_type(kind: RefusalKind, status: u16) -> &'static str {
    match kind {
        RefusalKind::BudgetExceeded | RefusalKind::ModelUnpriced => "insufficient_quota",
        RefusalKind::IpNotAllowed | RefusalKind::ModelNotAllowed => "permission_error",
        RefusalKind::RateLimited => "rate_limit_error",
        _ => match status {
            402 => "insufficient_quota",
            403 => "permission_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        },
    }
}

/// `error.type` of the Anthropic shape. Source: `types/shared` of the Anthropic SDK.
const fn anthropic_type(kind: RefusalKind, status: u16) -> &'static str {
    match kind {
        RefusalKind::BudgetExceeded | RefusalKind::ModelUnpriced => "billing_error",
        RefusalKind::Overloaded => "overloaded_error",
        RefusalKind::UpstreamTimeout => "timeout_error",
        _ => match status {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            409 => "conflict_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            504 => "timeout_error",
            529 => "overloaded_error",
            _ => "api_error",
        },
    }
}

/// `error.status` of the Gemini shape: the names of `google.rpc.Code`.
const fn gemini_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        402 | 429 => "RESOURCE_EXHAUSTED",
        400..=499 => "INVALID_ARGUMENT",
        501 => "UNIMPLEMENTED",
        502 | 503 | 529 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

#[derive(Serialize)]
struct OpenAi<'a> {
    error: OpenAiError<'a>,
}

#[derive(Serialize)]
struct OpenAiError<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'static str>,
    code: &'a str,
}

#[derive(Serialize)]
struct Anthropic<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: AnthropicError<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct Gemini<'a> {
    error: GeminiError<'a>,
}

#[derive(Serialize)]
struct GeminiError<'a> {
    code: u16,
    message: &'a str,
    status: &'static str,
}

#[derive(Serialize)]
struct Bedrock<'a> {
    message: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_has_its_shape() {
        let no_key = Refusal::new(RefusalKind::InvalidApiKey, "no \"key\"");
        let check = |dialect, refusal: &Refusal, expect: &str| {
            assert_eq!(String::from_utf8_lossy(&refuse(dialect, refusal, "req-1")), expect);
        };
        check(
            Dialect::OpenAi,
            &no_key,
            r#"{"error":{"message":"no \"key\"","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
        );
        check(
            Dialect::Anthropic,
            &no_key,
            r#"{"type":"error","error":{"type":"authentication_error","message":"no \"key\""},"request_id":"req-1"}"#,
        );
        check(Dialect::Gemini, &no_key, r#"{"error":{"code":401,"message":"no \"key\"","status":"UNAUTHENTICATED"}}"#);
        check(Dialect::Bedrock, &no_key, r#"{"message":"no \"key\""}"#);
    }

    #[test]
    fn shapes_are_recognised() {
        let check = |dialect, body: &str, expect: bool| assert_eq!(has_shape(dialect, body.as_bytes()), expect, "{body}");
        for dialect in [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini, Dialect::Bedrock] {
            let own = refuse(dialect, &Refusal::new(RefusalKind::Upstream, "no"), "r");
            check(dialect, std::str::from_utf8(&own).unwrap(), true);
            for other in ["", "<html>", "[]", "\"no\"", r#"{"detail":"no"}"#, r#"{"error":"no"}"#] {
                check(dialect, other, false);
            }
        }
        check(Dialect::OpenAi, r#"{"object":"error","message":"no"}"#, false);
        check(Dialect::Anthropic, r#"{"error":{"message":"no","type":null}}"#, false);
        check(Dialect::Gemini, r#"[{"error":{"code":400,"message":"no","status":"X"}}]"#, true);
    }

    #[test]
    fn kinds_map_to_types_and_statuses() {
        let check = |refusal: Refusal, openai: (u16, &str), anthropic: (u16, &str)| {
            let (o, a) = (status(Dialect::OpenAi, &refusal), status(Dialect::Anthropic, &refusal));
            assert_eq!((o, openai_type(refusal.kind, o)), openai, "{refusal:?}");
            assert_eq!((a, anthropic_type(refusal.kind, a)), anthropic, "{refusal:?}");
        };
        let new = |kind| Refusal::new(kind, "");
        check(new(RefusalKind::BudgetExceeded), (402, "insufficient_quota"), (402, "billing_error"));
        check(new(RefusalKind::RateLimited), (429, "rate_limit_error"), (429, "rate_limit_error"));
        check(new(RefusalKind::ModelNotAllowed), (403, "permission_error"), (403, "permission_error"));
        check(new(RefusalKind::ModelNotFound), (404, "invalid_request_error"), (404, "not_found_error"));
        check(new(RefusalKind::TooLarge), (413, "invalid_request_error"), (413, "request_too_large"));
        check(new(RefusalKind::Overloaded), (503, "server_error"), (529, "overloaded_error"));
        check(new(RefusalKind::Upstream).with_status(529), (503, "server_error"), (529, "overloaded_error"));
        check(new(RefusalKind::Upstream).with_status(429), (429, "rate_limit_error"), (429, "rate_limit_error"));
        check(new(RefusalKind::Upstream).with_status(408), (504, "server_error"), (408, "invalid_request_error"));
        check(new(RefusalKind::InvalidRequest).with_status(408), (408, "invalid_request_error"), (408, "invalid_request_error"));
        check(new(RefusalKind::UpstreamTimeout), (504, "server_error"), (504, "timeout_error"));
    }
}
