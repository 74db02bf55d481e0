//! The shapes of success: one thing, a page of things, nothing.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

use crate::problem::Problem;

/// What a handler gives.
pub(crate) type Answer = Result<Response, Problem>;

/// 200 with one thing.
pub(crate) fn ok(body: &impl Serialize) -> Answer {
    with_status(StatusCode::OK, body)
}

/// 201 with the thing made and where it is.
pub(crate) fn created(location: &str, body: &impl Serialize) -> Answer {
    let mut response = with_status(StatusCode::CREATED, body)?;
    if let Ok(location) = location.parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// 200 with a page.
pub(crate) fn page(data: Vec<Value>, next_cursor: Option<String>) -> Answer {
    ok(&json!({ "data": data, "next_cursor": next_cursor }))
}

/// 204.
pub(crate) fn nothing() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn with_status(status: StatusCode, body: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(body).map_err(|e| Problem::internal(&e))?;
    Ok((status, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// A path segment, percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
