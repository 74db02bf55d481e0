//! How a stream that has begun tells that it broke: each dialect's own last event.
//!
//! Source: protocol specification §1.3 (an `error` line, no `[DONE]`), §2.3 (`event: error`), §8 (`error` with a sequence number).

use bytes::Bytes;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::Refusal;
use serde::Serialize;

use crate::refuse;

/// The last event of a broken stream. `sequence` is the number a response stream goes on with.
#[must_use]
pub fn error_event(dialect: Dialect, op: Op, refusal: &Refusal, sequence: u64) -> Bytes {
    let dialect = match op {
        Op::Messages => Dialect::Anthropic,
        _ => dialect,
    };
    let mut out = Vec::new();
    if dialect == Dialect::Anthropic || op == Op::Responses {
        out.extend_from_slice(b"event: error\n");
    }
    out.extend_from_slice(b"data: ");
    if op == Op::Responses {
        let event = ResponseError {
            kind: "error",
            sequence_number: sequence,
            code: refusal.code(),
            message: &refusal.message,
            param: refusal.param,
            error: refuse::openai_error(refusal),
        };
        out.extend_from_slice(&serde_json::to_vec(&event).unwrap_or_default());
    } else {
        out.extend_from_slice(&refuse::body_without_id(dialect, refusal));
    }
    out.extend_from_slice(b"\n\n");
    Bytes::from(out)
}

#[derive(Serialize)]
struct ResponseError<'a, E> {
    #[serde(rename = "type")]
    kind: &'static str,
    sequence_number: u64,
    code: &'a str,
    message: &'a str,
    param: Option<&'static str>,
    /// The same again as OpenAI itself sends it: the official SDKs raise on an event with an `error` in it, and on no other.
    error: E,
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluxa_domain::refusal::RefusalKind;

    #[test]
    fn each_dialect_ends_in_its_own_way() {
        let refusal = Refusal::new(RefusalKind::Upstream, "upstream broke");
        let check = |dialect, op, expect: &str| {
            assert_eq!(String::from_utf8_lossy(&error_event(dialect, op, &refusal, 7)), expect);
        };
        check(
            Dialect::OpenAi,
            Op::Chat,
            "data: {\"error\":{\"message\":\"upstream broke\",\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_error\"}}\n\n",
        );
        check(
            Dialect::Anthropic,
            Op::Messages,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"upstream broke\"}}\n\n",
        );
        check(
            Dialect::OpenAi,
            Op::Responses,
            "event: error\ndata: {\"type\":\"error\",\"sequence_number\":7,\"code\":\"upstream_error\",\"message\":\"upstream broke\",\"param\":null,\"error\":{\"message\":\"upstream broke\",\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_error\"}}\n\n",
        );
        check(
            Dialect::Gemini,
            Op::GenerateContent,
            "data: {\"error\":{\"code\":502,\"message\":\"upstream broke\",\"status\":\"UNAVAILABLE\"}}\n\n",
        );
    }
}
