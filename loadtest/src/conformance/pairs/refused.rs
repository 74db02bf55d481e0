//! Errors before an answer: status, shape and text in each client's dialect (§9 and the contract's table).

use serde_json::Value;

use super::{compare::Findings, dialect::Client, json};
use crate::conformance::http::Reply;

/// What a recorded error must become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The vendor refuses our key: 502 `upstream_auth_failed`, nothing of its text.
    OurKey,
    /// The vendor's error with this status, in the client's dialect.
    Vendor(u16),
    /// An error told with status 200, or no answer at all: any status from 400.
    InOk,
}

/// Statuses and Anthropic's types for them.
const ANTHROPIC_TYPES: [(u16, &str); 12] = [
    (400, "invalid_request_error"),
    (401, "authentication_error"),
    (402, "billing_error"),
    (403, "permission_error"),
    (404, "not_found_error"),
    (409, "conflict_error"),
    (413, "request_too_large"),
    (422, "invalid_request_error"),
    (429, "rate_limit_error"),
    (504, "timeout_error"),
    (503, "overloaded_error"),
    (529, "overloaded_error"),
];

/// Statuses and Google's words for them.
const GEMINI_STATUSES: [(u16, &[&str]); 11] = [
    (400, &["INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"]),
    (401, &["UNAUTHENTICATED"]),
    (402, &["RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"]),
    (403, &["PERMISSION_DENIED"]),
    (404, &["NOT_FOUND"]),
    (409, &["ABORTED", "ALREADY_EXISTS"]),
    (429, &["RESOURCE_EXHAUSTED"]),
    (500, &["INTERNAL", "UNKNOWN"]),
    (501, &["UNIMPLEMENTED"]),
    (503, &["UNAVAILABLE"]),
    (504, &["DEADLINE_EXCEEDED"]),
];

/// Judges an answer with a status from 400.
pub fn judge(client: Client, native: bool, refusal: &Refusal, message: &str, reply: &Reply, findings: &mut Findings) {
    let status = reply.status;
    if !allowed(client, refusal, status) {
        findings.fail(format!("status {status} for {refusal:?}: {}", json::clip(&String::from_utf8_lossy(&reply.body))));
    }
    if native && *refusal != Refusal::OurKey {
        findings.rule("an error in the client's own dialect is passed as it is");
        return;
    }
    let Ok(body) = serde_json::from_slice::<Value>(&reply.body) else {
        findings.fail(format!("the error is not JSON: {}", json::clip(&String::from_utf8_lossy(&reply.body))));
        return;
    };
    shape(client, status, &body, findings);
    let told = json::text(&body, "/error/message");
    if told.is_empty() {
        findings.fail("an error without message");
    }
    match refusal {
        Refusal::OurKey => {
            if message.len() > 12 && told.contains(message) {
                findings.fail("the vendor's own text about our key is shown");
            }
            let code = json::text(&body, "/error/code");
            if matches!(client, Client::Chat | Client::Responses) && code != "upstream_auth_failed" {
                findings.fail(format!("code {code:?} instead of upstream_auth_failed"));
            }
        }
        // What a message quotes of a key is hidden, so a good beginning is enough.
        Refusal::Vendor(_) if !message.is_empty() && !told.contains(beginning(message)) => {
            findings.fail(format!("the vendor's message {:?} is not in {:?}", json::clip(message), json::clip(told)));
        }
        _ => {}
    }
}

fn beginning(message: &str) -> &str {
    const ENOUGH: usize = 24;
    message.char_indices().nth(ENOUGH).map_or(message, |(at, _)| &message[..at]).trim()
}

fn allowed(client: Client, refusal: &Refusal, status: u16) -> bool {
    match refusal {
        Refusal::OurKey => status == 502,
        Refusal::InOk => status >= 400,
        Refusal::Vendor(recorded) => match recorded {
            408 => matches!(status, 504 | 408),
            424 => matches!(status, 502 | 424),
            // A quota that is used up is told as either, whatever the vendor says.
            402 | 429 => matches!(status, 402 | 429),
            529 if client == Client::Messages => status == 529,
            529 => status == 503,
            500.. => status == *recorded || matches!(status, 502..=504) || client == Client::Messages && *recorded == 503 && status == 529,
            _ => status == *recorded,
        },
    }
}

fn shape(client: Client, status: u16, body: &Value, findings: &mut Findings) {
    let error = &body["error"];
    let text_or_null = |name: &str| error.get(name).is_some_and(|value| value.is_string() || value.is_null());
    match client {
        Client::Chat | Client::Responses => {
            if json::text(error, "/type").is_empty() {
                findings.fail(format!("an error without type: {}", json::clip(&body.to_string())));
            }
            if !text_or_null("code") || !text_or_null("param") {
                findings.fail(format!("an error's code or param is neither text nor null: {}", json::clip(&body.to_string())));
            }
        }
        Client::Messages => {
            let kind = json::text(error, "/type");
            let wanted = ANTHROPIC_TYPES.iter().find(|(have, _)| *have == status).map(|(_, kind)| *kind);
            let right = match wanted {
                Some(wanted) => kind == wanted || status == 503 && kind == "api_error",
                None if status >= 500 => kind == "api_error",
                None => kind == "invalid_request_error",
            };
            if json::text(body, "/type") != "error" || !right {
                findings.fail(format!("not Anthropic's error for {status}: {}", json::clip(&body.to_string())));
            }
        }
        Client::Gemini => {
            let word = json::text(error, "/status");
            let wanted = GEMINI_STATUSES.iter().find(|(have, _)| *have == status).map(|(_, words)| *words);
            let right = wanted.map_or(!word.is_empty(), |words| words.contains(&word));
            if json::count(error, "/code") != Some(status.into()) || !right {
                findings.fail(format!("not Google's error for {status}: {}", json::clip(&body.to_string())));
            }
        }
    }
}

/// Vendors that say 400 where others say 401.
pub fn is_bad_key(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    ["incorrect api key", "api_key_invalid", "invalid api key", "api key not valid"].iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests;
