//! What an upstream's error means, in any of the shapes it may have. Start at [`read_error`].
//!
//! The only place where a tree is built of a body: errors are rare, small (bounded) and of many shapes.

mod classify;
pub mod redact;
mod shapes;

pub use redact::{redact, redact_body};

use crate::limits::{ERROR_BODY_BYTES, ERROR_MESSAGE_BYTES};

/// The kinds of upstream errors that differ in what the gateway does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is at fault; another try gives the same.
    BadRequest,
    /// Our credentials are refused.
    Auth,
    /// Our credentials do not allow this.
    Forbidden,
    /// No such model or path there.
    NotFound,
    /// Too many requests or tokens now.
    RateLimited,
    /// No credit or quota left: waiting does not help.
    Quota,
    /// No capacity at the moment.
    Overloaded,
    /// The upstream failed.
    Server,
    /// The request is too large.
    TooLarge,
    /// None of these.
    Other,
}

/// An upstream's error. The message is bounded and has no control characters, but must be redacted before it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError {
    /// The status it came with (200 inside a stream or a good answer).
    pub status: u16,
    /// What it means.
    pub kind: ErrorKind,
    /// The upstream's words.
    pub message: String,
    /// The upstream's code or type.
    pub code: Option<String>,
    /// Another try, here or elsewhere, may give another answer.
    pub retryable: bool,
    /// The message or the param names `stream_options`: send none and try once more. What else the body echoes does not count.
    pub mentions_stream_options: bool,
    /// A wait named in the body (`retryDelay` of `google.rpc.RetryInfo`), in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl UpstreamError {
    /// A generation that ended with a finish reason that means failure.
    pub(crate) fn generation_failed(finish: &str) -> Self {
        Self {
            status: 200,
            kind: ErrorKind::Server,
            message: clean("generation failed"),
            code: Some(clean(finish)),
            retryable: true,
            mentions_stream_options: false,
            retry_after_ms: None,
        }
    }
}

/// Reads an error body. Never fails: what cannot be read gets a general message.
#[must_use]
pub fn read_error(status: u16, body: &[u8]) -> UpstreamError {
    read_error_named(status, None, body)
}

/// Reads an error whose name stands outside its body: `error_type` is the text of the header `x-amzn-errortype`, or the name of
/// an exception in a binary stream. Never fails.
#[must_use]
pub fn read_error_named(status: u16, error_type: Option<&str>, body: &[u8]) -> UpstreamError {
    let mut found = shapes::read(if body.len() > ERROR_BODY_BYTES { b"" } else { body });
    let message = if found.message.is_empty() { general(status, body) } else { clean(&found.message) };
    let name = error_type.map(classify::exception_name).filter(|name| !name.is_empty());
    // Only a word that says so is the name of an exception: others use `type` for other words.
    let inside = || found.kind.as_deref().map(classify::exception_name).filter(|name| name.ends_with("Exception"));
    let known = name.or_else(inside).and_then(classify::by_exception);
    let kind = known.unwrap_or_else(|| classify::kind(status, &found, &message));
    if let Some(name) = name {
        found.code = Some(name.to_owned());
    }
    let names_options = |text: &str| text.contains("stream_options");
    UpstreamError {
        status,
        kind,
        message,
        retryable: classify::retryable(status, kind),
        mentions_stream_options: names_options(&found.message) || found.param.as_deref().is_some_and(names_options),
        retry_after_ms: found.retry_after_ms,
        code: found.code.or(found.kind).map(|code| clean(&code)),
    }
}

fn general(status: u16, body: &[u8]) -> String {
    let text = body.trim_ascii();
    let what = match text.first() {
        None => "an empty body",
        Some(b'<') => "a page",
        Some(_) => "an unreadable body",
    };
    format!("the upstream answered {status} with {what}")
}

/// Bounds a text and takes control characters out.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(ERROR_MESSAGE_BYTES));
    for c in text.trim().chars() {
        let room = ERROR_MESSAGE_BYTES.saturating_sub(out.len());
        if c.is_control() {
            let escaped = c.escape_default().to_string();
            if escaped.len() > room {
                break;
            }
            out.push_str(&escaped);
        } else {
            if c.len_utf8() > room {
                break;
            }
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests;
