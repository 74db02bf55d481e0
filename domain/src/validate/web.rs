//! Addresses and headers of providers.

use std::collections::BTreeMap;

use super::FieldError;

/// Longest base address in bytes.
const MAX_URL_BYTES: usize = 2_048;
/// Most extra headers of one provider.
const MAX_HEADERS: usize = 32;
/// Longest header value in bytes.
const MAX_HEADER_BYTES: usize = 4_096;
/// Longest timeout: a day.
const MAX_TIMEOUT_MS: u64 = 86_400_000;

/// Headers that a provider's configuration may not set: credentials have their own fields, the rest is the
/// connection's, or opens cloud metadata services.
const FORBIDDEN: &[&str] = &[
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "metadata",
    "metadata-flavor",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
];
/// Beginnings of such headers.
const FORBIDDEN_PREFIXES: &[&str] = &["proxy-", "sec-", "x-forwarded-", "x-aws-ec2-metadata-", "x-fluxa-", "x-amz-"];

/// Checks the base address of a provider: `http` or `https`, a host, no user, query or fragment.
///
/// Where it leads is judged when connecting ([`crate::net::egress_allowed`]), not here.
///
/// # Errors
/// What is wrong with it.
pub fn base_url(field: &str, text: &str) -> Result<(), FieldError> {
    let wrong = |message: &str| Err(FieldError::new(field, message));
    if text.len() > MAX_URL_BYTES {
        return wrong("is too long");
    }
    let Some((scheme, rest)) = text.split_once("://") else { return wrong("must begin with http:// or https://") };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return wrong("must begin with http:// or https://");
    }
    if text.bytes().any(|b| b <= b' ' || b >= 127 || matches!(b, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')) {
        return wrong("must be plain ASCII without spaces, quotes or braces");
    }
    if text.contains(['?', '#']) {
        return wrong("must not have a query or a fragment");
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return wrong("must not hold a user or a password");
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return wrong("must not have . or .. in its path");
    }
    match split_port(authority) {
        None => wrong("has no valid host"),
        Some((host, _)) if !is_host(host) => wrong("has no valid host"),
        Some((_, Some(port))) if !is_port(port) => wrong("has no valid port"),
        Some(_) => Ok(()),
    }
}

/// Host and, where there is a colon behind it, port.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if !authority.starts_with('[') {
        return Some(authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))));
    }
    let (host, rest) = authority.split_at_checked(authority.find(']')? + 1)?;
    if rest.is_empty() { Some((host, None)) } else { rest.strip_prefix(':').map(|port| (host, Some(port))) }
}

/// An IPv6 address in brackets, or labels with dots between them and perhaps one at the end.
fn is_host(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return v6.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let is_label =
        |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(is_label)
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// A cloud region, `us-east-1`: it becomes a part of a host name.
///
/// # Errors
/// When it is anything but up to 64 letters, digits and hyphens.
pub fn region(field: &str, text: &str) -> Result<(), FieldError> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if fits { Ok(()) } else { Err(FieldError::new(field, "must be like us-east-1")) }
}

/// Checks one extra header of a provider.
///
/// # Errors
/// No token as a name, a forbidden name, or a value with control characters.
pub fn header(field: &str, name: &str, value: &str) -> Result<(), FieldError> {
    let field = format!("{field}.{name}");
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || name.len() > 128 || !name.bytes().all(is_token) {
        return Err(FieldError::new(field, "is no header name"));
    }
    // Some servers read an underscore as a dash.
    let lower = name.to_ascii_lowercase().replace('_', "-");
    if FORBIDDEN.contains(&lower.as_str()) || FORBIDDEN_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(FieldError::new(field, "must not be set by hand"));
    }
    if value.len() > MAX_HEADER_BYTES || value.trim() != value || !value.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
        return Err(FieldError::new(field, "must have a value of printable ASCII characters, at most 4096"));
    }
    Ok(())
}

/// Checks all extra headers of a provider.
///
/// # Errors
/// The first that is not allowed, or too many.
pub fn headers(field: &str, headers: &BTreeMap<String, String>) -> Result<(), FieldError> {
    if headers.len() > MAX_HEADERS {
        return Err(FieldError::new(field, format!("must have at most {MAX_HEADERS} entries")));
    }
    headers.iter().try_for_each(|(name, value)| header(field, name, value))
}

/// Checks a timeout in milliseconds: 1 to a day.
///
/// # Errors
/// Zero or absurd.
pub fn timeout_ms(field: &str, ms: u64) -> Result<(), FieldError> {
    if (1..=MAX_TIMEOUT_MS).contains(&ms) {
        return Ok(());
    }
    Err(FieldError::new(field, format!("must be 1 to {MAX_TIMEOUT_MS} milliseconds")))
}
