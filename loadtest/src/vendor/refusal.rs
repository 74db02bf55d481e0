//! What a vendor says when it will not: error bodies of all dialects, error events in the middle of a stream, and the
//! answers that are no vendor's at all.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    bedrock::frame,
    config::MockConfig,
    ledger::Dialect,
    script::{Piece, Script},
};

/// An error answer with the dialect's usual body and headers for this status.
pub(super) fn error(id: u64, dialect: Dialect, status: u16, message: Option<&str>, config: &MockConfig) -> Script {
    let message = config.error_message.as_deref().or(message).unwrap_or_else(|| usual(status).2);
    let body = match dialect {
        Dialect::OpenAi => openai(status, message, config),
        Dialect::Anthropic => anthropic(id, status, message, config),
        Dialect::Gemini => gemini(status, message, config),
        Dialect::Bedrock => json!({"message": message}),
    };
    let mut script = Script::json(body.to_string(), 0, 0);
    script.status = status;
    match dialect {
        Dialect::OpenAi => script.headers.push(("x-request-id", format!("req_mock{id:012}"))),
        Dialect::Anthropic => script.headers.push(("request-id", format!("req_mock{id:012}"))),
        Dialect::Gemini => {}
        Dialect::Bedrock => {
            let kind = config.error_code.as_deref().unwrap_or_else(|| exception(status));
            script.headers.push(("x-amzn-errortype", format!("{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/")));
            script.headers.push(("x-amzn-requestid", format!("mock{id:012}")));
        }
    }
    if let Some(seconds) = config.retry_after_s {
        script.headers.push(("retry-after", seconds.to_string()));
    }
    script
}

/// The event that replaces the rest of a stream.
pub(super) fn event(id: u64, dialect: Dialect, config: &MockConfig) -> Piece {
    let message = config.error_message.as_deref().unwrap_or("The server had an error while processing your request.");
    let bytes: Bytes = match dialect {
        Dialect::OpenAi => format!("data: {}\n\n", openai(500, message, config)).into(),
        Dialect::Anthropic => format!("event: error\ndata: {}\n\n", anthropic(id, 529, message, config)).into(),
        Dialect::Gemini => format!("data: {}\r\n\r\n", gemini(503, message, config)).into(),
        Dialect::Bedrock => {
            let kind = config.error_code.as_deref().unwrap_or("modelStreamErrorException");
            frame::exception(kind, &json!({"message": message}).to_string()).into()
        }
    };
    Piece { bytes, ..Piece::default() }
}

/// A page, as from the proxy in front of a vendor that is down.
pub(super) fn html(config: &MockConfig) -> Script {
    const PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
    let script = Script::json(PAGE, 0, 0).of_type("text/html");
    Script { status: config.status, ..script }
}

/// Bytes that are not what the content type says, nor text.
pub(super) fn garbage(config: &MockConfig) -> Script {
    let bytes: Bytes = (0..=255).rev().chain(*b"{\"choices\":[{\"index\":").collect();
    Script { status: config.status, ..Script::json(bytes, 0, 0) }
}

fn openai(status: u16, message: &str, config: &MockConfig) -> Value {
    let (kind, code, _) = usual(status);
    let code = config.error_code.as_deref().or(code);
    let kind = if code == Some("insufficient_quota") { "insufficient_quota" } else { kind };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

fn anthropic(id: u64, status: u16, message: &str, config: &MockConfig) -> Value {
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    let mut error = json!({"type": kind, "message": message});
    if let Some(code) = &config.error_code {
        error["details"] = json!({"error_code": code});
    }
    json!({"type": "error", "error": error, "request_id": format!("req_mock{id:012}")})
}

fn gemini(status: u16, message: &str, config: &MockConfig) -> Value {
    let name = match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 | 529 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "FAILED_PRECONDITION",
    };
    let mut error = json!({"code": status, "message": message, "status": name});
    if let Some(reason) = &config.error_code {
        error["details"] = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}]);
    } else if let Some(seconds) = config.retry_after_s {
        error["details"] = json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")}]);
    }
    json!({"error": error})
}

/// The name of Bedrock's exception.
fn exception(status: u16) -> &'static str {
    match status {
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 | 529 => "ServiceUnavailableException",
        500.. => "InternalServerException",
        _ => "ValidationException",
    }
}

/// OpenAI's type and code for a status, and a message for any dialect.
fn usual(status: u16) -> (&'static str, Option<&'static str>, &'static str) {
    match status {
        401 => ("invalid_request_error", Some("invalid_api_key"), "Incorrect API key provided: sk-mo**ck."),
        403 => ("permission_error", None, "You are not allowed to use this model."),
        404 => ("invalid_request_error", Some("model_not_found"), "The model does not exist or you do not have access to it."),
        413 => ("invalid_request_error", None, "Request exceeds the maximum size."),
        429 => ("requests", Some("rate_limit_exceeded"), "Rate limit reached. Please try again later."),
        503 | 529 => ("server_error", None, "The engine is currently overloaded, please try again later."),
        500.. => ("server_error", None, "The server had an error while processing your request."),
        _ => ("invalid_request_error", None, "The request is not valid."),
    }
}
