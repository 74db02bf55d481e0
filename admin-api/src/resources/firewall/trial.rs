//! `POST /admin/firewall/test`: what a policy, or every rule by itself, would find in texts or in a request, and what would be
//! left. Nothing of it is kept or logged.

use fluxa_domain::firewall::{Direction, PolicyRecord};
use fluxa_firewall::Form;
use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::verdict::{Bench, own_wishes};
use super::{Known, leaves, treatments};
use crate::answer::{self, Answer};
use crate::json::{Fields, Given, Node};
use crate::problem::Problem;
use crate::serve::Errand;

/// Texts of one call.
const MAX_TEXTS: usize = 200;
/// Bytes of all texts of one call.
const MAX_TEXT_BYTES: usize = 512 * 1024;

/// What is tried.
enum Ask {
    Texts(Vec<String>),
    Request(Node),
}

/// What came of it.
#[derive(Serialize)]
struct Tested {
    results: Vec<Outcome>,
}

/// What came of one text, or of the request.
#[derive(Serialize)]
struct Outcome {
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Box<RawValue>>,
    findings: Vec<Map<String, Value>>,
}

/// A policy that is named, or given whole.
pub(super) enum Wanted {
    Named(String),
    Inline(Box<PolicyRecord>),
}

/// POST.
pub(crate) async fn run(errand: Errand) -> Answer {
    let known = Known::load(errand.store()).await?;
    let mut f = errand.fields()?;
    let ask = read_ask(&mut f);
    let wanted = read_policy(&mut f, &errand, &known);
    let way = f.text_as("direction", |text| match text {
        "request" => Ok(Direction::Request),
        "response" => Ok(Direction::Response),
        _ => Err(String::from("must be request or response")),
    });
    f.finish()?;
    let Some(ask) = ask else { return Err(Problem::field("texts", "is required (or text, or request)")) };
    if ask.bytes() > MAX_TEXT_BYTES {
        let detail = format!("the texts are over {MAX_TEXT_BYTES} bytes together");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
    }
    let rules = errand.desk.rules.ready(errand.store()).await?;
    let (ruleset, policy) = match wanted {
        Some(wanted) => (rules.live, resolve(&errand, wanted).await?),
        // Shown what it wishes, also where it only observes so far.
        None => (rules.let_loose.clone(), own_wishes(&rules.let_loose)),
    };
    let only = if policy.direction == Direction::Response { Direction::Response } else { Direction::Request };
    let way = way.value().unwrap_or(only);
    let pepper = errand.desk.admin.pepper;
    // Half a megabyte of a slow build's time: off the threads that serve calls.
    let tried = tokio::task::spawn_blocking(move || ask.tried(&Bench::new(ruleset, &policy, way), pepper)).await;
    answer::ok(&Tested { results: tried.map_err(|e| Problem::internal(&e))? })
}

/// Reads `policy`: a name, or a policy without one.
pub(super) fn read_policy(f: &mut Fields, errand: &Errand, known: &Known) -> Option<Wanted> {
    let item = f.item("policy")?;
    if item.is_text() {
        return item.text_as(Ok).map(Wanted::Named);
    }
    item.object(|f| {
        let mut policy = PolicyRecord { name: f.text("name").value().unwrap_or_default(), ..treatments::blank(errand.now()) };
        treatments::read(f, &mut policy, known);
        Wanted::Inline(Box::new(policy))
    })
}

/// The policy that is meant.
pub(super) async fn resolve(errand: &Errand, wanted: Wanted) -> Result<PolicyRecord, Problem> {
    match wanted {
        Wanted::Inline(policy) => Ok(*policy),
        Wanted::Named(name) => {
            let found = errand.store().firewall_policy(&name).await?;
            found.ok_or_else(|| Problem::field("policy", format!("no firewall policy \"{name}\"")))
        }
    }
}

fn read_ask(f: &mut Fields) -> Option<Ask> {
    let (texts, text) = (f.each("texts", MAX_TEXTS, |item| Some(item.into_node())), f.read("text", whole_text));
    let request = f.read("request", |node| match node {
        Node::Object(_) => Ok(node),
        other => Err(format!("must be an object, not {}", other.kind())),
    });
    let given = [texts.is_given(), text.is_given(), request.is_given()].into_iter().filter(|given| *given).count();
    if given > 1 {
        f.fault("texts", "give one of texts, text and request");
        return None;
    }
    match (texts, text, request) {
        (Given::Value(nodes), ..) => {
            let mut texts = Vec::with_capacity(nodes.len());
            for (at, node) in nodes.into_iter().enumerate() {
                match whole_text(node) {
                    Ok(text) => texts.push(text),
                    Err(message) => f.fault(&format!("texts[{at}]"), message),
                }
            }
            Some(Ask::Texts(texts))
        }
        (_, Given::Value(text), _) => Some(Ask::Texts(vec![text])),
        (_, _, Given::Value(request)) => Some(Ask::Request(request)),
        _ => None,
    }
}

/// A text as long as the body allows: it is tried, not kept.
fn whole_text(node: Node) -> Result<String, String> {
    match node {
        Node::Text(text) => Ok(text),
        other => Err(format!("must be a string, not {}", other.kind())),
    }
}

impl Ask {
    fn bytes(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.iter().map(String::len).sum(),
            Self::Request(request) => {
                let mut text = String::new();
                request.write(&mut text);
                text.len()
            }
        }
    }

    fn tried(self, bench: &Bench, pepper: [u8; 32]) -> Vec<Outcome> {
        match self {
            Self::Texts(texts) => texts.into_iter().map(|text| one(bench, pepper, text)).collect(),
            Self::Request(request) => vec![whole(bench, pepper, request)],
        }
    }
}

fn one(bench: &Bench, pepper: [u8; 32], text: String) -> Outcome {
    let mut trial = bench.trial(pepper);
    let tried = trial.text(&text, Form::Plain);
    Outcome { verdict: trial.verdict(), text: Some(tried.becomes.unwrap_or(text)), request: None, findings: tried.findings }
}

/// A request's texts are those of one call: the same value has the same stand-in in all of them.
fn whole(bench: &Bench, pepper: [u8; 32], mut request: Node) -> Outcome {
    let mut trial = bench.trial(pepper);
    let mut findings = Vec::new();
    leaves::each(&mut request, &mut |leaf| {
        let tried = trial.text(leaf.text, leaf.form);
        findings.extend(tried.findings.into_iter().map(|mut finding| {
            finding.insert(String::from("path"), Value::from(leaf.path));
            if leaf.is_name {
                finding.insert(String::from("in"), Value::from("name"));
            }
            finding
        }));
        tried.becomes
    });
    let mut text = String::new();
    request.write(&mut text);
    Outcome { verdict: trial.verdict(), text: None, request: RawValue::from_string(text).ok(), findings }
}
