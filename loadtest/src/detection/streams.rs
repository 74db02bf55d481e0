//! Streams through the gateway: nothing forbidden comes out, and what comes out is what the whole text would have become.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    rows::StreamCase,
    vendor::{PROMPT, Vendor},
};
use crate::conformance::{
    gateway::Gateway,
    http::{self, Request},
    sse,
};

/// The dialects: vendor kind, path of the call.
const DIALECTS: [(&str, &str); 3] =
    [("openai", "/v1/chat/completions"), ("anthropic", "/v1/messages"), ("gemini", "/v1beta/models/NAME:streamGenerateContent?alt=sse")];

/// What became of the streams.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Streams {
    /// Streams read.
    pub streams: usize,
    /// Streams in which something forbidden came out that is masked in the whole text, by dialect and id.
    pub leaks: Vec<String>,
    /// Streams in which it came out because it is not recognized in the whole text either.
    pub unrecognized: usize,
    /// Streams that are not what the whole text becomes.
    pub different: Vec<String>,
}

/// Reads every case in every dialect, under a policy that masks everything.
///
/// # Errors
/// The gateway refuses what it should take.
pub async fn run(fluxa: &Path, cases: Vec<StreamCase>, progress: &indicatif::ProgressBar) -> Result<Streams> {
    let cases = Arc::new(cases);
    let vendor = Vendor::start(Arc::clone(&cases)).await?;
    let gateway = Gateway::start(fluxa).await?;
    let policy = json!({"name": "everything", "direction": "both", "default": "mask"});
    gateway.admin("POST", "/admin/firewall/policies", Some(&policy)).await?;
    let key = gateway.admin("POST", "/admin/keys", Some(&json!({"name": "masked", "firewall_policy": "everything"}))).await?;
    let key = key.get("key").and_then(Value::as_str).context("no key")?.to_owned();
    for (kind, _) in DIALECTS {
        let version = if kind == "gemini" { "v1beta" } else { "v1" };
        let provider =
            json!({"name": kind, "kind": kind, "base_url": format!("http://{}/{version}", vendor.addr()), "api_key": "k-0123456789"});
        gateway.admin("POST", "/admin/providers", Some(&provider)).await?;
        gateway.admin("PUT", &format!("/admin/routes/{kind}-model"), Some(&json!({"provider": kind}))).await?;
    }
    let mut streams = Streams::default();
    for (number, case) in cases.iter().enumerate() {
        let text = case.chunks.concat();
        let asked = json!({"texts": [text], "policy": "everything", "direction": "response"});
        let tested = gateway.admin("POST", "/admin/firewall/test", Some(&asked)).await?;
        let expected = tested.pointer("/results/0/text").and_then(Value::as_str).context("no text in the answer of the test")?;
        for (kind, path) in DIALECTS {
            let said = said(&gateway, &key, kind, path, number).await.with_context(|| format!("{kind} {}", case.id))?;
            streams.streams += 1;
            let holds = |text: &str| case.forbidden.iter().any(|forbidden| text.contains(forbidden.as_str()));
            streams.unrecognized += usize::from(holds(expected));
            if holds(&said) && !holds(expected) {
                streams.leaks.push(format!("{kind} {} {}", case.kind, case.id));
            } else if said != expected {
                streams.different.push(format!("{kind} {} {}", case.kind, case.id));
            }
        }
        progress.inc(1);
    }
    Ok(streams)
}

/// What the client of one stream reads.
async fn said(gateway: &Gateway, key: &str, kind: &str, path: &str, number: usize) -> Result<String> {
    let (model, prompt) = (format!("{kind}-model"), format!("{PROMPT}{number}."));
    let body = match kind {
        "gemini" => json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]}),
        _ => json!({"model": model, "stream": true, "max_tokens": 100, "messages": [{"role": "user", "content": prompt}]}),
    };
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let credential = match kind {
        "gemini" => header("x-goog-api-key", key),
        "anthropic" => header("x-api-key", key),
        _ => header("authorization", &format!("Bearer {key}")),
    };
    let request = Request {
        method: "POST".to_owned(),
        target: path.replace("NAME", &model),
        headers: vec![credential, header("content-type", "application/json"), header("anthropic-version", "2023-06-01")],
        body: body.to_string().into_bytes(),
    };
    let reply = http::send(gateway.addr(), &request).await?;
    anyhow::ensure!(reply.status == 200, "{} {}", reply.status, String::from_utf8_lossy(&reply.body));
    let texts = sse::events(&reply.body).into_iter().filter_map(sse::json).filter_map(|event| {
        let text = match kind {
            "gemini" => event.pointer("/candidates/0/content/parts/0/text"),
            "anthropic" => event.pointer("/delta/text"),
            _ => event.pointer("/choices/0/delta/content"),
        };
        text.and_then(Value::as_str).map(str::to_owned)
    });
    Ok(texts.collect())
}
