//! Calls in Gemini's dialect: the model and the method stand in the path, and the base is what is before them.

use serde_json::json;

use super::{Later, NO_MODEL, Op, Plan, headers};
use crate::conformance::{corpus::Case, gateway::segment, http::Request};

/// Where the models stand, at Vertex and at Gemini itself: a gateway makes the path from here on.
const MODELS: [&str; 2] = ["/publishers/google/models/", "/models/"];

/// How to ask for a case of this operation, recorded at this path and with this query.
pub(super) fn plan(case: &Case, op: Op, path: &str, query: &str) -> Result<Plan, Later> {
    let plan = |base: &str, model: &str, request| Plan {
        op,
        kind: "gemini",
        base: base.to_owned(),
        model: model.to_owned(),
        request,
        asked_usage: false,
    };
    if op == Op::GeminiModels {
        let request = Request { method: "GET".to_owned(), target: op.tail().to_owned(), headers: headers(case, op), body: Vec::new() };
        return Ok(plan("", NO_MODEL, request));
    }
    let (base, call) = halves(path).ok_or(Later::OwnProtocol)?;
    let model = call.rsplit('/').next().and_then(|name| name.strip_suffix(op.tail()));
    let model = model.filter(|model| !model.is_empty()).ok_or(Later::NoModel)?;
    let body = case.request.body.clone().unwrap_or_else(|| minimal_body(model, op));
    // The key is the client's own and goes in a header.
    let mut query: Vec<&str> = query.split('&').filter(|part| !part.is_empty() && !part.starts_with("key=")).collect();
    // A recording without its query was a stream of events all the same.
    if op == Op::StreamGenerate && case.streams() && !query.contains(&"alt=sse") {
        query.push("alt=sse");
    }
    let mut target = format!("/v1beta/models/{model}{}", op.tail());
    if !query.is_empty() {
        target = format!("{target}?{}", query.join("&"));
    }
    let request = Request { method: "POST".to_owned(), target, headers: headers(case, op), body };
    Ok(plan(&base, model, request))
}

/// A recorded path at its models: the base, and what a gateway makes. What a base URL may not have is percent-encoded:
/// placeholders stand in brackets where names were taken out.
pub(super) fn halves(path: &str) -> Option<(String, &str)> {
    let (base, call) = path.split_at(MODELS.into_iter().find_map(|models| path.find(models))?);
    Some((base.split('/').map(segment).collect::<Vec<_>>().join("/"), call))
}

/// A request that could have had this answer.
fn minimal_body(model: &str, op: Op) -> Vec<u8> {
    let content = json!({"role": "user", "parts": [{"text": "Hello"}]});
    let body = match op {
        Op::EmbedContent => json!({"content": content}),
        Op::BatchEmbedContents => json!({"requests": [{"model": format!("models/{model}"), "content": content}]}),
        _ => json!({"contents": [content]}),
    };
    body.to_string().into_bytes()
}
