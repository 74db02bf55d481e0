//! Where a call goes: base, path and query joined into one URL. People paste bases in every state; they are mended here.

use crate::percent::encode_label;

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
    /// `{base}/models/{model}:{method}`; a base below `/projects/` (Vertex) gets `/publishers/google` before it. The path is the method.
    Gemini,
    /// `{base}/model/{model}/{method}`. The path is the method.
    Bedrock,
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
            url.push_str(&encode_label(deployment));
            push(&mut url, path);
            version = api_version.or_else(|| parameter(pasted_query?, "api-version"));
        }
        AddressStyle::ResourceV1 => {
            url.push_str(resource(base));
            url.push_str("/openai/v1");
            push(&mut url, path);
            version = api_version;
        }
        AddressStyle::Gemini => {
            url.push_str(base);
            gemini_model(&mut url, base, deployment);
            url.push(':');
            url.push_str(path.trim_start_matches(':'));
        }
        AddressStyle::Bedrock => {
            url.push_str(base);
            url.push_str("/model/");
            url.push_str(&encode_label(deployment));
            push(&mut url, path);
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

/// The path of a model: `models/x`, `tunedModels/x` and longer names keep their folders, a bare name is one of the vendor's models.
fn gemini_model(url: &mut String, base: &str, model: &str) {
    let model = model.trim_matches('/');
    let bare = model.strip_prefix("models/").unwrap_or(model);
    if base.contains("/projects/") {
        let (publisher, name) = match bare.split_once('/') {
            // A tuned model or any other served at an endpoint of its own.
            Some(("endpoints", _)) => (None, bare),
            Some(("publishers", _)) => (None, bare),
            // `meta/llama-4`: a publisher and its model.
            Some((publisher, name)) => (Some(publisher), name),
            None => (Some("google"), bare),
        };
        match publisher {
            Some(_) if base.ends_with("/models") => {}
            Some(_) if base.contains("/publishers/") => url.push_str("/models"),
            Some(publisher) => {
                url.push_str("/publishers/");
                url.push_str(&encode_label(publisher));
                url.push_str("/models");
            }
            None => {}
        }
        encode_path(url, name);
        return;
    }
    if !base.ends_with("/models") && !bare.starts_with("tunedModels/") {
        url.push_str("/models");
    }
    encode_path(url, bare);
}

/// Each step of a path, percent-encoded; steps that lead up are left out, they would reach another path.
fn encode_path(url: &mut String, path: &str) {
    for step in path.split('/').filter(|step| !matches!(*step, "" | "." | "..")) {
        url.push('/');
        url.push_str(&encode_label(step));
    }
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
    fn models_in_the_path() {
        let check = |style, base: &str, model: &str, query: Option<&str>, expect: &str| {
            let method = if style == AddressStyle::Bedrock { "converse-stream" } else { "streamGenerateContent" };
            assert_eq!(target(style, base, method, model, query, None), expect, "{base} {model}");
        };
        use AddressStyle::{Bedrock, Gemini};
        let google = "https://g.test/v1beta";
        for model in ["m-2.5", "models/m-2.5", "/models/m-2.5"] {
            check(Gemini, google, model, Some("alt=sse"), "https://g.test/v1beta/models/m-2.5:streamGenerateContent?alt=sse");
        }
        check(Gemini, "https://g.test/v1beta/models/", "m", None, "https://g.test/v1beta/models/m:streamGenerateContent");
        check(Gemini, google, "tunedModels/a b", None, "https://g.test/v1beta/tunedModels/a%20b:streamGenerateContent");
        check(Gemini, google, "m?x#y", None, "https://g.test/v1beta/models/m%3Fx%23y:streamGenerateContent");
        check(Gemini, google, "../m", None, "https://g.test/v1beta/models/m:streamGenerateContent");
        let vertex = "https://eu-aiplatform.test/v1/projects/p/locations/eu";
        let called = "/publishers/google/models/m:streamGenerateContent";
        for base in
            [vertex.to_owned(), format!("{vertex}/"), format!("{vertex}/publishers/google"), format!("{vertex}/publishers/google/models")]
        {
            check(Gemini, &base, "m", None, &format!("{vertex}{called}"));
        }
        check(Gemini, vertex, "publishers/a/models/m", None, &format!("{vertex}/publishers/a/models/m:streamGenerateContent"));
        check(Gemini, vertex, "a/m", None, &format!("{vertex}/publishers/a/models/m:streamGenerateContent"));
        check(Gemini, vertex, "endpoints/7", None, &format!("{vertex}/endpoints/7:streamGenerateContent"));
        check(Bedrock, "https://b.test/", "us.a.m-v1:0", None, "https://b.test/model/us.a.m-v1%3A0/converse-stream");
        check(Bedrock, "https://b.test", "arn:aws:x/y", None, "https://b.test/model/arn%3Aaws%3Ax%2Fy/converse-stream");
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
