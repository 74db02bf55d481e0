//! From status, code and words to a kind. Source: protocol specification §9; provider notes §4 and §5.

use super::ErrorKind;
use super::shapes::Found;

pub(super) fn kind(status: u16, found: &Found, message: &str) -> ErrorKind {
    let words = [found.code.as_deref(), found.detail.as_deref(), found.kind.as_deref()];
    let words = || words.iter().copied().flatten();
    let lower = message.to_ascii_lowercase();
    if words().any(is_quota) || status == 402 {
        return ErrorKind::Quota;
    }
    // Some answer 400 to a bad key. Their codes and types say so; the message, which may echo the client's own words, is only
    // believed where there is no code that says more than "bad request", and only if it begins with the complaint.
    if matches!(status, 200 | 400)
        && (words().any(is_auth) || lower.starts_with("incorrect api key provided") || words().all(is_general) && bad_key(&lower))
    {
        return ErrorKind::Auth;
    }
    if let Some(kind) = by_status(status) {
        // A full server sometimes answers 429 or 500, and says so.
        return match kind {
            ErrorKind::Server if words().any(|w| by_word(w) == Some(ErrorKind::Overloaded)) => ErrorKind::Overloaded,
            ErrorKind::RateLimited if words().any(|w| w == "overloaded_error") => ErrorKind::Overloaded,
            kind => kind,
        };
    }
    // An error inside a good answer: only its words tell.
    words().find_map(by_word).unwrap_or(if status == 200 { ErrorKind::Server } else { ErrorKind::Other })
}

/// The name of an exception without what is written around it: `ThrottlingException:http://...`, `com.amazon.x#ThrottlingException`.
pub(super) fn exception_name(written: &str) -> &str {
    let name = written.split(':').next().unwrap_or(written);
    name.rsplit('#').next().unwrap_or(name).trim()
}

/// What an exception means, whatever its status. Streams write the first letter small. Source: protocol specification §6.6.
pub(super) fn by_exception(name: &str) -> Option<ErrorKind> {
    let name = name.to_ascii_lowercase();
    Some(match name.strip_suffix("exception").unwrap_or(&name) {
        "throttling" | "toomanyrequests" | "servicequotaexceeded" => ErrorKind::RateLimited,
        "accessdenied"
        | "invalidsignature"
        | "unrecognizedclient"
        | "expiredtoken"
        | "incompletesignature"
        | "missingauthenticationtoken"
        | "invalidclienttokenid" => ErrorKind::Auth,
        "resourcenotfound" => ErrorKind::NotFound,
        "validation" => ErrorKind::BadRequest,
        "serviceunavailable" | "modelnotready" => ErrorKind::Overloaded,
        "internalserver" | "internalservererror" | "internalfailure" | "modelerror" | "modelstreamerror" | "modeltimeout" => {
            ErrorKind::Server
        }
        _ => return None,
    })
}

pub(super) const fn retryable(status: u16, kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::RateLimited | ErrorKind::Overloaded | ErrorKind::Server => true,
        ErrorKind::Other => matches!(status, 408 | 409 | 425),
        ErrorKind::BadRequest | ErrorKind::Auth | ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Quota | ErrorKind::TooLarge => {
            false
        }
    }
}

const fn by_status(status: u16) -> Option<ErrorKind> {
    Some(match status {
        400 | 422 => ErrorKind::BadRequest,
        401 => ErrorKind::Auth,
        402 => ErrorKind::Quota,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        408 | 424 => ErrorKind::Server,
        413 => ErrorKind::TooLarge,
        429 => ErrorKind::RateLimited,
        503 | 529 => ErrorKind::Overloaded,
        500..=599 => ErrorKind::Server,
        _ => return None,
    })
}

/// Codes that mean: no money. Waiting does not help, another account may.
fn is_quota(word: &str) -> bool {
    matches!(
        word,
        "insufficient_quota"
            | "billing_error"
            | "billing_hard_limit_reached"
            | "enforced_spend_limit_reached"
            | "contract_spend_limit_reached"
            | "insufficient_balance"
            | "exceeded_current_quota_error"
            | "Arrearage"
            | "AccountOverdueError"
            | "1008"
            | "1113"
            | "402"
    )
}

fn is_auth(word: &str) -> bool {
    matches!(
        word,
        "invalid_api_key"
            | "API_KEY_INVALID"
            | "API_KEY_EXPIRED"
            | "authentication_error"
            | "UNAUTHENTICATED"
            | "InvalidApiKey"
            | "1004"
            | "401"
    )
}

/// Codes and types that say no more than a status of 400 does.
fn is_general(word: &str) -> bool {
    matches!(
        word,
        "400"
            | "invalid_request_error"
            | "invalid_request"
            | "INVALID_ARGUMENT"
            | "bad_request"
            | "BadRequest"
            | "bad_request_error"
            | "error"
    ) || word == "Client specified an invalid argument"
}

fn bad_key(message: &str) -> bool {
    // "Invalid token in prompt" is about the request, so this one only as the whole message.
    let message = message.trim_matches(|c: char| !c.is_alphanumeric());
    message == "invalid token"
        || ["incorrect api key", "api key not valid", "invalid api key", "api key expired"].iter().any(|words| message.starts_with(words))
}

/// Words and numbers inside a good answer. Source: error types of the OpenAI and Anthropic SDKs, `google.rpc.Code`,
/// and the business codes of servers that answer 200 with `base_resp`.
fn by_word(word: &str) -> Option<ErrorKind> {
    Some(match word {
        "invalid_request_error"
        | "INVALID_ARGUMENT"
        | "FAILED_PRECONDITION"
        | "invalid_prompt"
        | "context_length_exceeded"
        | "1026"
        | "1027"
        | "2013" => ErrorKind::BadRequest,
        "permission_error" | "PERMISSION_DENIED" => ErrorKind::Forbidden,
        "not_found_error" | "NOT_FOUND" | "model_not_found" => ErrorKind::NotFound,
        "rate_limit_error" | "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" | "1002" | "1039" => ErrorKind::RateLimited,
        "overloaded_error" | "overloaded" | "UNAVAILABLE" | "service_unavailable" | "server_is_overloaded" | "slow_down" => {
            ErrorKind::Overloaded
        }
        "api_error" | "server_error" | "INTERNAL" | "timeout_error" | "1000" | "1001" | "1013" => ErrorKind::Server,
        "request_too_large" => ErrorKind::TooLarge,
        _ => return word.parse::<u16>().ok().and_then(by_status),
    })
}
