//! The list of models, which a gateway makes of its own routes: its shape is looked at, in the dialect that asked.

use serde_json::Value;

use super::send;
use crate::conformance::{
    ask::{Op, Plan},
    gateway::Gateway,
    http,
};

/// Asks for the gateway's own list; a list in another shape than the client's is told in words.
pub(super) async fn check(gateway: &Gateway, plan: &Plan) -> Result<(), String> {
    let reply = send(gateway.addr(), &plan.with_key(&gateway.key)).await?;
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let shaped = if plan.op == Op::GeminiModels { of_gemini(&body) } else { of_others(plan, &body) };
    if reply.status == 200 && shaped {
        return Ok(());
    }
    let text: String = String::from_utf8_lossy(&reply.body).chars().take(160).collect();
    Err(format!("not a list of models: {} {text}", reply.status))
}

fn of_gemini(body: &Value) -> bool {
    let named = |model: &Value| model.get("name").and_then(Value::as_str).is_some_and(|name| name.starts_with("models/"));
    body.get("models").and_then(Value::as_array).is_some_and(|models| models.iter().all(named))
}

fn of_others(plan: &Plan, body: &Value) -> bool {
    let anthropic = http::find(&plan.request.headers, "anthropic-version").is_some();
    let shaped = |model: &Value| {
        let has_id = model.get("id").is_some_and(Value::is_string);
        let kind = if anthropic { model.get("type") } else { model.get("object") };
        has_id && kind.and_then(Value::as_str) == Some("model")
    };
    let framed = if anthropic { body.get("has_more").is_some() } else { body.get("object").and_then(Value::as_str) == Some("list") };
    framed && body.get("data").and_then(Value::as_array).is_some_and(|models| models.iter().all(shaped))
}
