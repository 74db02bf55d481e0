//! One case through the gateway: make a provider and a route for it, send the recorded request, compare what came back,
//! what the vendor was asked, and what the ledger says.
//!
//! A stream is sent more than once: an event at a time, in pieces of 1 to 9 bytes, and as a client that does not ask for
//! the usage chunk. Start at [`Bench::check`].

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{sync::Mutex as AsyncMutex, time::sleep};

use super::{
    ask::{Op, Plan},
    corpus::Case,
    ending::{self, Ending},
    expect::{self, Expectation},
    gateway::{Gateway, segment},
    http::{self, Reply},
    replay::{self, Replay, Seen},
    tokens::{self, Counts, Oracle},
};

mod models;

/// The key the gateway has for its vendors.
const VENDOR_KEY: &str = "sk-conformance-vendor-0123456789abcdef";

/// A new route is in force within 1 s.
const ROUTE_PATIENCE: Duration = Duration::from_secs(1);

/// The address style that needs a version.
const AZURE_API_VERSION: &str = "2024-10-21";

/// What all cases share.
#[derive(Debug)]
pub struct Bench {
    replay: Replay,
    /// `None` to ask the replay itself.
    gateway: Option<Gateway>,
    /// One at a time for each model: they all use its route.
    models: Mutex<HashMap<String, Arc<AsyncMutex<()>>>>,
}

/// How a case went.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Each way of sending came back as it should.
    pub identical: bool,
    /// The row says what it should; `None` where it is not looked at.
    pub usage_equal: Option<bool>,
    /// The rules by which it was not simply the recording.
    pub rules: Vec<&'static str>,
    /// What was wrong.
    pub failures: Vec<String>,
}

/// One way of sending a case.
struct Pass {
    name: &'static str,
    options: String,
    plan: Plan,
    /// The vendor breaks off after this many bytes.
    broken: Option<usize>,
}

impl Bench {
    /// A bench on a running replay, with a gateway in front of it or without one.
    pub fn new(replay: Replay, gateway: Option<Gateway>) -> Self {
        Self { replay, gateway, models: Mutex::default() }
    }

    /// Sends a case in every way and compares.
    pub async fn check(&self, number: usize, case: &Case, plan: &Plan) -> Verdict {
        let mut verdict = Verdict { identical: true, ..Verdict::default() };
        if plan.op.is_models()
            && let Some(gateway) = &self.gateway
        {
            verdict.rules.push("a gateway lists its own models");
            verdict.usage_equal = None;
            if let Err(why) = models::check(gateway, plan).await {
                verdict.identical = false;
                verdict.failures.push(why);
            }
            return verdict;
        }
        for (at, pass) in passes(case, plan).into_iter().enumerate() {
            let name = pass.name;
            let outcome = match &self.gateway {
                Some(gateway) => self.through(gateway, &format!("case{number}-{at}"), case, &pass, &mut verdict).await,
                None => self.direct(case, &pass).await,
            };
            if let Err(why) = outcome {
                verdict.identical = false;
                verdict.failures.push(if name.is_empty() { why } else { format!("{name}: {why}") });
            }
        }
        verdict
    }

    /// Without a gateway: every byte must be the recorded one.
    async fn direct(&self, case: &Case, pass: &Pass) -> Result<(), String> {
        if pass.broken.is_some() {
            return Ok(());
        }
        let spec = Replay::spec(case, &pass.options);
        let mut request = pass.plan.request.clone();
        request.target = format!("/case/{spec}{}", case.request.path);
        let reply = http::send(self.replay.addr(), &request).await.map_err(|error| format!("{error:#}"))?;
        self.replay.take(&spec);
        if reply.status != case.response.status || reply.body != case.response.body {
            return Err(format!("the replay is not the recording: {} with {} bytes", reply.status, reply.body.len()));
        }
        Ok(())
    }

    async fn through(&self, gateway: &Gateway, provider: &str, case: &Case, pass: &Pass, verdict: &mut Verdict) -> Result<(), String> {
        let plan = &pass.plan;
        let spec = Replay::spec(case, &pass.options);
        let base_url = format!("http://{}/case/{spec}{}", self.replay.addr(), plan.base);
        let headers = json!({replay::HEADER: spec});
        let mut body = json!({"name": provider, "kind": plan.kind, "base_url": base_url, "api_key": VENDOR_KEY, "headers": headers});
        if plan.kind == "azure" {
            body["api_version"] = json!(AZURE_API_VERSION);
        }
        let told = |error: anyhow::Error| format!("{error:#}");
        gateway.admin("POST", "/admin/providers", Some(&body)).await.map_err(told)?;
        let (reply, seen) = {
            let lock = self.lock_of(&plan.model);
            let _one_at_a_time = lock.lock().await;
            let route = json!({"targets": [{"provider": provider, "model": plan.model}], "retries": 0});
            let path = format!("/admin/routes/{}", segment(&plan.model));
            gateway.admin("PUT", &path, Some(&route)).await.map_err(told)?;
            let asked = self.ask(gateway, plan, &spec).await;
            // A thousand leftovers would slow down the rest.
            gateway.admin("DELETE", &path, None).await.map_err(told)?;
            gateway.admin("DELETE", &format!("/admin/providers/{provider}"), None).await.map_err(told)?;
            asked?
        };
        let hides = !plan.asked_usage && seen.first().is_some_and(|seen| expect::asks_usage(&seen.body));
        let expectation = match pass.broken {
            Some(bytes) => Expectation::of_broken(&case.response.body[..bytes]),
            None => Expectation::of(case, plan.op, hides),
        };
        if let Some(rule) = expectation.rule
            && !verdict.rules.contains(&rule)
        {
            verdict.rules.push(rule);
        }
        expectation.check(case, plan.op, &reply)?;
        upstream(case, plan, seen.first().ok_or("the vendor was not asked")?, &gateway.key)?;
        if seen.len() > 1 {
            let requests: Vec<&[u8]> = seen.iter().map(|seen| seen.body.as_slice()).collect();
            expect::check_repeats(case, &reply, &requests)?;
            if !verdict.rules.contains(&expect::REPEATED) {
                verdict.rules.push(expect::REPEATED);
            }
        }
        if pass.broken.is_some() {
            // The numbers of its end have not come.
            return Ok(());
        }
        if let Some(rule) = tokens::expected(case, plan.op).rule()
            && !verdict.rules.contains(&rule)
        {
            verdict.rules.push(rule);
        }
        let equal = ledger(gateway, case, plan, &reply).await;
        if !matches!(equal, Ok(None)) {
            verdict.usage_equal = Some(verdict.usage_equal != Some(false) && equal.is_ok());
        }
        equal.map(|_| ())
    }

    /// Asks until the new route is in force, which the replay can tell.
    async fn ask(&self, gateway: &Gateway, plan: &Plan, spec: &str) -> Result<(Reply, Vec<Seen>), String> {
        let request = plan.with_key(&gateway.key);
        let start = Instant::now();
        loop {
            let reply = send(gateway.addr(), &request).await?;
            let seen = self.replay.take(spec);
            if !seen.is_empty() || start.elapsed() > ROUTE_PATIENCE {
                return Ok((reply, seen));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn lock_of(&self, model: &str) -> Arc<AsyncMutex<()>> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(models.entry(model.to_owned()).or_default())
    }
}

impl Pass {
    fn new(name: &'static str, options: &str, plan: Plan) -> Self {
        Self { name, options: options.to_owned(), plan, broken: None }
    }
}

fn passes(case: &Case, plan: &Plan) -> Vec<Pass> {
    // Gemini's streams are cut up even where they are JSON arrays.
    let gemini_stream = plan.op == Op::StreamGenerate && case.response.status == 200;
    if !case.streams() && !gemini_stream {
        return vec![Pass::new("", "", plan.clone())];
    }
    let mut passes = vec![Pass::new("by events", "split=event", plan.clone())];
    if case.capture == "raw" || gemini_stream {
        passes.push(Pass::new("in pieces of 1 to 9 bytes", "split=1-9;seed=7", plan.clone()));
    }
    if let Some(plan) = plan.without_asking(case) {
        passes.push(Pass::new("without asking for usage", "split=1-9;seed=11", plan));
    }
    if gemini_stream && let Some(half) = ending::half(&case.response.body, plan.op) {
        let options = format!("split=1-9;seed=5;abort={half}");
        passes.push(Pass { name: "broken off", options, plan: plan.clone(), broken: Some(half) });
    }
    passes
}

async fn send(to: SocketAddr, request: &http::Request) -> Result<Reply, String> {
    http::send(to, request).await.map_err(|error| format!("{error:#}"))
}

/// The request at the vendor: the right path, our key and not the client's, and the client's own bytes.
fn upstream(case: &Case, plan: &Plan, seen: &Seen, client_key: &str) -> Result<(), String> {
    let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
    // Some vendors have their reranker at another word.
    let rightly = match plan.vendor_path(case) {
        Some(wanted) => path == wanted,
        None => path.ends_with(plan.op.tail()) || plan.op == Op::Rerank && path.ends_with("/reranks"),
    };
    if !rightly {
        return Err(format!("the vendor was asked at {path:?}"));
    }
    let wanted = plan.request.target.split_once('?').map_or("", |(_, query)| query);
    if (plan.op.is_anthropic() || plan.op.is_gemini()) && query != wanted {
        return Err(format!("the vendor got the query {query:?}, not {wanted:?}"));
    }
    if let Some((name, _)) = seen.headers.iter().find(|(_, value)| value.contains(client_key)) {
        return Err(format!("the client's key went to the vendor in {name}"));
    }
    if !seen.headers.iter().any(|(_, value)| value.contains(VENDOR_KEY)) {
        return Err("the vendor did not get its key".to_owned());
    }
    for name in ["anthropic-version", "anthropic-beta", "content-type"] {
        let (sent, got) = (http::find(&plan.request.headers, name), http::find(&seen.headers, name));
        if sent.is_some() && sent != got {
            return Err(format!("the vendor got {name}: {got:?}, not {sent:?}"));
        }
    }
    expect::check_request(plan, &seen.body)
}

/// The row of the call; `Ok(None)` where its usage is not looked at.
async fn ledger(gateway: &Gateway, case: &Case, plan: &Plan, reply: &Reply) -> Result<Option<()>, String> {
    let id = reply.header("x-fluxa-id").ok_or("the answer has no x-fluxa-id")?;
    let row = gateway.row(id).await.map_err(|error| format!("{error:#}"))?;
    if row.get("status").and_then(Value::as_u64) != Some(reply.status.into()) {
        return Err(format!("the row has status {}, the client got {}", row["status"], reply.status));
    }
    let state = row.get("usage_state").and_then(Value::as_str).unwrap_or_default();
    let counts: Counts = serde_json::from_value(row["usage"].clone()).map_err(|error| format!("the row's usage is malformed: {error}"))?;
    let oracle = tokens::expected(case, plan.op);
    // What a broken stream said of its usage was said before its end; more may have been used.
    let broken = (case.streams() || plan.op == Op::StreamGenerate) && Ending::of(&case.response.body, plan.op) != Ending::Whole;
    // What was told as an error has used nothing.
    if oracle == Oracle::Free || reply.status >= 400 {
        return Ok(None);
    }
    match oracle {
        Oracle::Exactly(wanted) if state == "reported" && counts == wanted => Ok(Some(())),
        Oracle::Exactly(wanted) if broken && state == "estimated" && counts.output >= wanted.output => Ok(Some(())),
        Oracle::Exactly(wanted) => Err(format!("usage {state} {counts:?}, recorded {wanted:?}")),
        Oracle::Contradictory(any) if state == "estimated" || any.contains(&counts) => Ok(Some(())),
        Oracle::Contradictory(any) => Err(format!("usage {state} {counts:?} is none of {any:?}")),
        Oracle::Estimated if state == "estimated" => Ok(Some(())),
        Oracle::Estimated => Err(format!("usage {state} {counts:?}, but the vendor reported none")),
        Oracle::Free => Ok(None),
    }
}
