//! Request heads for vendors and answer heads for clients: both are built from lists of what may pass.

use fluxa_domain::dialect::Dialect;
use fluxa_store::shared::{RateStanding, Standing};
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::reply::put_number;
use crate::snapshot::{Door, KeySlot, ProviderView};
use crate::upstream::AnswerHead;

/// Headers of a client that are passed on. Everything else stays here: credentials, cookies, hop-by-hop and
/// forwarding headers, and whatever a vendor or a cloud might one day trust.
const PASSED_ON: [&str; 3] = ["accept", "accept-language", "idempotency-key"];
const ANTHROPIC_VERSION_NAME: &str = "anthropic-version";
/// And, to vendors of its dialect, those that begin with this (`anthropic-beta` and its kin).
const PASSED_ON_PREFIX: &str = "anthropic-";
/// Sent where the client names no version and the vendor wants one.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Headers of an answer that are passed back.
const PASSED_BACK: [&str; 13] = [
    "content-type",
    "content-language",
    "content-disposition",
    "content-encoding",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "openai-processing-ms",
    "openai-version",
    "openai-model",
    "x-generation-id",
    "x-groq-region",
    "cf-ray",
];

/// The headers of a client that a vendor of `dialect` would get.
pub(crate) fn passed_on(client: &HeaderMap, dialect: Dialect) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    client.iter().filter(move |(name, _)| passes(name.as_str(), dialect))
}

/// A beta of one dialect means nothing, or something else, in another.
fn passes(name: &str, dialect: Dialect) -> bool {
    PASSED_ON.contains(&name)
        || dialect == Dialect::Anthropic && (name == ANTHROPIC_VERSION_NAME || name.starts_with(PASSED_ON_PREFIX))
        || dialect == Dialect::OpenAi && name == "openai-beta"
}

/// What a request head is made of.
pub(crate) struct RequestHead<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: &'a str,
    pub(crate) door: &'a Door,
    pub(crate) provider: &'a ProviderView,
    pub(crate) key: Option<&'a KeySlot>,
    pub(crate) client: &'a HeaderMap,
    pub(crate) content_type: &'a str,
    pub(crate) body_bytes: usize,
    pub(crate) needs_version: bool,
    /// Headers that belong to the body.
    pub(crate) more: &'a [(&'static str, String)],
}

impl RequestHead<'_> {
    /// The bytes, with room for a small body behind them.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(768 + self.body_bytes.min(16 * 1024));
        let mut line = |parts: &[&[u8]]| {
            for part in parts {
                out.extend_from_slice(part);
            }
            out.extend_from_slice(b"\r\n");
        };
        line(&[self.method.as_str().as_bytes(), b" ", self.target.as_bytes(), b" HTTP/1.1"]);
        line(&[b"host: ", self.door.origin.authority.as_bytes()]);
        line(&[b"user-agent: fluxa/", env!("CARGO_PKG_VERSION").as_bytes()]);
        // Answers are read for their usage, so they must not come packed.
        line(&[b"accept-encoding: identity"]);
        if self.body_bytes > 0 || !matches!(*self.method, Method::GET | Method::HEAD | Method::DELETE) {
            let mut digits = itoa::Buffer::new();
            line(&[b"content-length: ", digits.format(self.body_bytes).as_bytes()]);
            let content_type = if self.content_type.is_empty() { "application/json" } else { self.content_type };
            line(&[b"content-type: ", content_type.as_bytes()]);
        }
        let mut versioned = false;
        for (name, value) in self.client {
            let name = name.as_str();
            let connection_names_it = || {
                self.client
                    .get_all("connection")
                    .iter()
                    .any(|list| list.as_bytes().split(|&b| b == b',').any(|token| token.trim_ascii().eq_ignore_ascii_case(name.as_bytes())))
            };
            if !passes(name, self.door.dialect) || connection_names_it() {
                continue;
            }
            versioned |= name == "anthropic-version";
            line(&[name.as_bytes(), b": ", value.as_bytes()]);
        }
        if self.needs_version && !versioned {
            line(&[b"anthropic-version: ", ANTHROPIC_VERSION.as_bytes()]);
        }
        for (name, value) in self.more {
            for part in [name, ": ", value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        self.door.auth_line(self.key, &mut out);
        out.extend_from_slice(&self.provider.header_lines);
        out.extend_from_slice(b"\r\n");
        out
    }
}

/// Copies what may pass of a vendor's answer head.
pub(crate) fn pass_back(from: &AnswerHead, to: &mut HeaderMap) {
    for (name, value) in from.lines() {
        let lower = PASSED_BACK.iter().find(|known| known.eq_ignore_ascii_case(name));
        let Some(lower) = lower.copied().or_else(|| anthropic_limit(name)) else { continue };
        let name = if lower.is_empty() { HeaderName::from_bytes(name.as_bytes()).ok() } else { Some(HeaderName::from_static(lower)) };
        if let (Some(name), Ok(value)) = (name, HeaderValue::from_maybe_shared(value)) {
            to.append(name, value);
        }
    }
}

/// Clients of the Anthropic dialect read the vendor's own limits; the empty text stands for "its own name".
fn anthropic_limit(name: &str) -> Option<&'static str> {
    let prefix: Option<&str> = name.get(..20);
    prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case("anthropic-ratelimit-")).then_some("")
}

const LIMIT_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
const REMAINING_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
const RESET_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");
const LIMIT_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-limit-tokens");
const REMAINING_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-tokens");
const RESET_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-reset-tokens");

/// The caller's standing against its rate limits.
pub(crate) fn standing(standing: &Standing, headers: &mut HeaderMap) {
    let mut one = |of: Option<RateStanding>, limit_name: HeaderName, remaining_name: HeaderName, reset_name: HeaderName| {
        let Some(RateStanding { limit, remaining, reset_s }) = of else { return };
        put_number(headers, limit_name, limit);
        put_number(headers, remaining_name, remaining);
        // OpenAI's form of a duration, which its clients read; at most 60 seconds, so nearly always two digits.
        let mut text = [b's'; 24];
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(reset_s).as_bytes();
        let bytes = digits.len() + 1;
        text.iter_mut().zip(digits).for_each(|(slot, digit)| *slot = *digit);
        if let Some(Ok(value)) = text.get(..bytes).map(HeaderValue::from_bytes) {
            headers.insert(reset_name, value);
        }
    };
    one(standing.rpm, LIMIT_REQUESTS, REMAINING_REQUESTS, RESET_REQUESTS);
    one(standing.tpm, LIMIT_TOKENS, REMAINING_TOKENS, RESET_TOKENS);
    if standing.degraded {
        headers.append(crate::reply::X_FLUXA_DEGRADED, HeaderValue::from_static("counters_away"));
    }
}

/// The same as header lines for refusals, which are rendered elsewhere.
pub(crate) fn standing_lines(of: &Standing) -> Vec<(HeaderName, String)> {
    let mut headers = HeaderMap::new();
    standing(of, &mut headers);
    headers.iter().filter_map(|(name, value)| Some((name.clone(), value.to_str().ok()?.to_owned()))).collect()
}
