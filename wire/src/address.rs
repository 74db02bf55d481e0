//! Where a call goes: base, path and query joined into one URL. People paste bases in every state; they are mended here.

/// How paths are laid out at an upstream. Source: provider notes §1; protocol specification §7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressStyle {
    /// `{base}/{path}`: the base has its version in it, or none at all.
    Plain,
    /// `{base}/v1/{path}`; a base that already ends with `/v1` is taken as well.
    AnthropicV1,
    /// `{base}/openai/deployments/{deployment}/{path}?api-version=…`
    Deployment,
    /// `{base}/openai/v1/{path}`
    ResourceV1,
}

/// Paths that are pasted with a base, longest first.
const PASTED: [&str; 6] = ["/chat/completions", "/messages/count_tokens", "/messages", "/responses", "/embeddings", "/completions"];

/// The URL of an operation. `op_path` is the path below `/v1`, such as `chat/completions`; `query` is the
/// client's own and is kept; `api_version` becomes `api-version` where the style has one.
#[must_use]
pub fn target(style: AddressStyle, base: &str, op_path: &str, deployment: &str, query: Option<&str>, api_version: Option<&str>) -> String {
    let (base, pasted_query) = tidy(base);
    let path = op_path.trim_start_matches('/');
    let mut url = String::with_capacity(base.len() + path.len() + deployment.len() + 64);
    let mut version = None;
    match style {
        AddressStyle::Plain => {
            url.push_str(base);
            // A path that brings its version does not double the base's.
            let path = if base.ends_with("/v1") { path.strip_prefix("v1/").unwrap_or(path) } else { path };
            push(&mut url, path);
        }
        AddressStyle::AnthropicV1 => {
            url.push_str(base.strip_suffix("/v1").unwrap_or(base).trim_end_matches('/'));
            url.push_str("/v1");
            push(&mut url, path.strip_prefix("v1/").unwrap_or(path));
        }
        AddressStyle::Deployment => {
            url.push_str(resource(base));
            url.push_str("/openai/deployments/");
            encode(&mut url, deployment);
            push(&mut url, path);
            version = api_version.or_else(|| parameter(pasted_query?, "api-version"));
        }
        AddressStyle::ResourceV1 => {
            url.push_str(resource(base));
            url.push_str("/openai/v1");
            push(&mut url, path);
            version = api_version;
        }
    }
    let mut join = '?';
    let mut add = |part: std::fmt::Arguments<'_>| {
        url.push(join);
        url.push_str(&part.to_string());
        join = '&';
    };
    if let Some(version) = version {
        add(format_args!("api-version={version}"));
    }
    for part in query.unwrap_or_default().split('&').filter(|p| !p.is_empty()) {
        // Ours is the one that the operator chose.
        if version.is_none() || !part.starts_with("api-version=") {
            add(format_args!("{part}"));
        }
    }
    url
}

/// A base without blanks, query, trailing slashes and a pasted operation.
fn tidy(base: &str) -> (&str, Option<&str>) {
    let base = base.trim();
    let (base, query) = base.split_once('?').map_or((base, None), |(base, query)| (base, Some(query)));
    let base = base.trim_end_matches('/');
    let base = PASTED.iter().find_map(|tail| base.strip_suffix(tail)).unwrap_or(base);
    (base.trim_end_matches('/'), query)
}

/// The part of a pasted base before `/openai`.
fn resource(base: &str) -> &str {
    let start = base.find("://").map_or(0, |at| at + 3);
    let path = base.get(start..).and_then(|rest| rest.find("/openai/").or_else(|| rest.ends_with("/openai").then(|| rest.len() - 7)));
    path.and_then(|at| base.get(..start + at)).unwrap_or(base).trim_end_matches('/')
}

fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

fn push(url: &mut String, path: &str) {
    url.push('/');
    url.push_str(path);
}

/// Percent-encodes all but the unreserved characters (RFC 3986 §2.3).
fn encode(url: &mut String, text: &str) {
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            url.push(char::from(b));
        } else {
            url.push('%');
            for digit in [b >> 4, b & 15] {
                url.push(char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_in_every_state() {
        let check = |style, base: &str, path: &str, expect: &str| {
            assert_eq!(target(style, base, path, "my dep/1", None, Some("2024-10-21")), expect, "{base}");
        };
        use AddressStyle::{AnthropicV1, Deployment, Plain, ResourceV1};
        for base in
            ["https://a.test/v1", "https://a.test/v1/", " https://a.test/v1/chat/completions ", "https://a.test/v1/chat/completions/"]
        {
            check(Plain, base, "chat/completions", "https://a.test/v1/chat/completions");
        }
        check(Plain, "https://a.test", "chat/completions", "https://a.test/chat/completions");
        check(Plain, "https://a.test/v1", "v1/embeddings", "https://a.test/v1/embeddings");
        for base in ["https://a.test", "https://a.test/", "https://a.test/v1", "https://a.test/v1/messages"] {
            check(AnthropicV1, base, "messages", "https://a.test/v1/messages");
        }
        check(AnthropicV1, "https://a.test/anthropic/", "messages/count_tokens", "https://a.test/anthropic/v1/messages/count_tokens");
        for base in [
            "https://r.test",
            "https://r.test/openai",
            "https://r.test/openai/v1/",
            "https://r.test/openai/deployments/x/chat/completions?api-version=1",
        ] {
            check(
                Deployment,
                base,
                "chat/completions",
                "https://r.test/openai/deployments/my%20dep%2F1/chat/completions?api-version=2024-10-21",
            );
            check(ResourceV1, base, "responses", "https://r.test/openai/v1/responses?api-version=2024-10-21");
        }
    }

    #[test]
    fn the_clients_query_is_kept() {
        assert_eq!(
            target(AddressStyle::AnthropicV1, "https://a.test", "messages", "", Some("beta=true"), None),
            "https://a.test/v1/messages?beta=true"
        );
        let url = target(AddressStyle::Deployment, "https://r.test", "embeddings", "d", Some("api-version=9&x=1"), Some("2"));
        assert_eq!(url, "https://r.test/openai/deployments/d/embeddings?api-version=2&x=1");
    }
}
