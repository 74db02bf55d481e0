//! Errors as RFC 9457 `application/problem+json`. Never a secret, never a stack, never a body's value.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use tracing::error;

/// The media type of every error here.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// One field at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FieldFault {
    /// Where it is, `targets[0].provider`; empty for the body as a whole.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) message: String,
}

/// What a client is told when the answer is no.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    word: &'static str,
    detail: String,
    errors: Vec<FieldFault>,
    retry_after_s: Option<u64>,
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[FieldFault]>::is_empty")]
    errors: &'a [FieldFault],
}

impl Problem {
    /// A problem of `status`; `word` ends its type, `urn:fluxa:problem:<word>`.
    pub(crate) fn new(status: StatusCode, word: &'static str, detail: impl Into<String>) -> Self {
        Self { status, word, detail: detail.into(), errors: Vec::new(), retry_after_s: None }
    }

    /// 422 naming every field at fault.
    pub(crate) fn fields(errors: Vec<FieldFault>) -> Self {
        let detail = errors
            .iter()
            .map(|e| if e.field.is_empty() { e.message.clone() } else { format!("{}: {}", e.field, e.message) })
            .collect::<Vec<_>>()
            .join("; ");
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_fields", detail) }
    }

    /// 422 naming one field.
    pub(crate) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldFault { field: field.into(), message: message.into() }])
    }

    /// 404 for a thing that does not exist.
    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", what)
    }

    /// 500 with the cause in the log only: it may hold paths and statements.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        error!(cause = %cause, "admin request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "something failed on our side; the server's log says what")
    }

    /// Says when to come back, in seconds.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

impl From<fluxa_store::StoreError> for Problem {
    fn from(error: fluxa_store::StoreError) -> Self {
        match error {
            fluxa_store::StoreError::BadCursor => Self::field("cursor", "is not a cursor of this list"),
            error => Self::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let written = Written {
            kind: format!("urn:fluxa:problem:{}", self.word),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        let body = serde_json::to_vec(&written).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"fluxa admin\""));
        }
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
