//! The calls to vendors: targets in order, keys in turn, retries with pauses, until one answer is committed to.

mod attempt;
mod failure;
mod request;
mod retry_budget;
mod target;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fluxa_domain::refusal::Refusal;
use fluxa_domain::route::backoff_ms;
use fluxa_wire::body::fields::Outline;
use fluxa_wire::client::Heard;
use fluxa_wire::facts::Facts;
use fluxa_wire::neutral::Dropped;
use fluxa_wire::relay::Framing;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

pub(crate) use retry_budget::RetryBudget;
pub(crate) use target::{Chance, Target, plan};

use crate::admission::{Admitted, Priced};
use crate::call::{Call, Ending};
use crate::conversations::Keeping;
use crate::guard::{Guard, Shape};
use crate::health::Blame;
use crate::kept_answers::{Found, KeptAnswer};
use crate::pipeline::Stop;
use crate::relay::{Course, RelayBody, ending};
use crate::reply::{self, ReplyBody, put, put_number};
use crate::snapshot::ProviderView;
use crate::upstream::{AnswerBody, AnswerHead};
use crate::worker::Worker;
use attempt::Tries;
use failure::{Failure, Next};

/// A vendor that asks for a longer pause than this is left alone: the client is told instead of kept waiting.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Headers of an answer, with some to spare.
const REPLY_HEADERS: usize = 24;
/// Attempts of one call, whatever routes and keys allow.
const MAX_ATTEMPTS: u64 = 12;

/// What is to be sent, whoever it goes to.
pub(crate) struct Errand<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) path: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a Bytes,
    pub(crate) outline: &'a Outline,
    /// What was asked in the neutral form, where a target needs it.
    pub(crate) heard: Option<Box<Heard>>,
    /// The same with what it names by address put into it, once a target has needed that.
    pub(crate) inlined: std::cell::OnceCell<Box<fluxa_wire::neutral::Chat>>,
    /// A hash of the prompt's beginning, where the route wants calls that begin alike to meet the same key.
    pub(crate) prefix: Option<u64>,
    /// The conversation is kept with its answer.
    pub(crate) keeps: bool,
    pub(crate) admitted: Admitted,
}

impl Errand<'_> {
    /// A stream that is wanted as one JSON array: Gemini's, without `alt=sse`.
    fn array(&self) -> bool {
        let by_path = self.path.ends_with(":streamGenerateContent");
        by_path && !self.parts.uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"))
    }
}

/// An answer that was committed to.
pub(crate) struct Reply {
    head: AnswerHead,
    admitted: Admitted,
    body: Committed,
    /// Set where the answer was translated.
    translated: Option<Translated>,
    /// Fields that the vendor refused and was asked without.
    mended: Vec<String>,
    /// The conversation to be kept with this answer.
    keeping: Option<Keeping>,
    /// What was done less well than it could be.
    degraded: Option<&'static str>,
}

/// What the head of a translated answer says.
struct Translated {
    content_type: &'static str,
    dropped: Vec<Dropped>,
}

/// Its body.
enum Committed {
    /// Read whole; what it told, where it was understood.
    Whole(Bytes, Option<Facts>),
    /// To be relayed.
    Stream { body: AnswerBody, relay: Box<Course>, framing: Framing, held: BytesMut, provider: Arc<ProviderView>, complete: bool },
}

/// Tries the targets until one answers.
pub(crate) async fn first_answer(
    worker: &Rc<Worker>,
    call: &mut Call,
    errand: &Errand<'_>,
    plan: &[Target],
    prices: &[Priced],
) -> Result<Reply, Stop> {
    worker.retries.call();
    let mut last: Option<Failure> = None;
    for (index, (target, priced)) in plan.iter().zip(prices).enumerate() {
        let more = index + 1 < plan.len();
        let state = &target.provider.state;
        if more && !state.allows(crate::clock::now(), &target.model, target.provider.keys.len()) {
            note(call, target, 0, 0, failure::SKIPPED);
            continue;
        }
        let Some(busy) = state.enter(target.provider.record.max_concurrency) else {
            note(call, target, 0, 0, failure::FULL);
            last = Some(last.unwrap_or_else(|| Failure::full(&target.provider.record.name)));
            continue;
        };
        call.busy = Some(busy);
        call.price.clone_from(&priced.price);
        call.aim(&target.provider.record.name, &target.model);
        let mut tries = Tries::default();
        let mut retries = 0;
        while call.tried < MAX_ATTEMPTS {
            let before = call.elapsed_ms();
            call.tried += 1;
            match attempt::run(worker, call, errand, target, &mut tries).await {
                Ok(mut reply) => {
                    reply.mended = tries.mends.iter().filter_map(|mend| mend.dropped().map(str::to_owned)).collect();
                    state.succeeded(&target.model, tries.keys.last().copied(), call.elapsed_ms() - before);
                    if tries.without_usage {
                        state.learn_no_stream_options(&target.model, crate::clock::now());
                    }
                    note(call, target, reply.head.status, call.elapsed_ms() - before, "");
                    return Ok(reply);
                }
                Err(mut failure) => {
                    let mends = std::mem::take(&mut failure.mends);
                    note(call, target, failure.upstream_status, call.elapsed_ms() - before, &failure.why);
                    call.failed_attempt(failure.billed.as_deref());
                    if failure.blames_provider() {
                        let key = tries.keys.last().copied();
                        let blame =
                            if failure.upstream_status == 0 { Blame::Provider } else { Blame::Target { model: &target.model, key } };
                        state.failed(blame, crate::clock::now(), worker.roll(), &failure.why);
                    }
                    let (next, pause, status) = (failure.next, failure.pause_ms, failure.upstream_status);
                    last = Some(failure);
                    match next {
                        Next::OtherKey if may_change_key(worker, target, &tries, status) => {}
                        // The same key again: there may be no other.
                        Next::SameAgain if !mends.is_empty() => {
                            tries.mends.extend(mends);
                            tries.keys.pop();
                        }
                        Next::SameAgain if !tries.without_usage => {
                            tries.without_usage = true;
                            tries.keys.pop();
                        }
                        Next::Retry if retries < target.retries => {
                            let wait = Duration::from_millis(backoff_ms(retries, pause, worker.roll()));
                            if wait > LONGEST_PAUSE || !worker.retries.allows() {
                                break;
                            }
                            retries += 1;
                            tries.keys.clear();
                            tokio::time::sleep(wait).await;
                        }
                        Next::Final => {
                            return last.map_or_else(|| Err(failure::nothing_tried()), |failure| failure.into_reply(call, errand));
                        }
                        Next::OtherKey | Next::SameAgain | Next::Retry | Next::OtherTarget => break,
                    }
                }
            }
        }
    }
    last.map_or_else(|| Err(failure::nothing_tried()), |failure| failure.into_reply(call, errand))
}

/// Whether the same target is asked with another key: one that does not rest. After a 429 that is a retry like any other,
/// or a vendor in trouble would be asked once a key by every call.
fn may_change_key(worker: &Worker, target: &Target, tries: &Tries, status: u16) -> bool {
    let provider = &target.provider;
    provider.state.has_another_key(provider.keys.len(), &target.model, crate::clock::now(), &tries.keys)
        && (status != 429 || worker.retries.allows())
}

/// Names for a header, which takes visible ASCII only; clients and proxies refuse long ones.
fn listed(names: &[String]) -> String {
    const MOST_BYTES: usize = 1_024;
    let mut text = String::new();
    for name in names {
        if text.len() + name.len() > MOST_BYTES {
            text.push_str(", ...");
            break;
        }
        text.push_str(if text.is_empty() { "" } else { ", " });
        text.extend(name.chars().map(|c| if c.is_ascii_graphic() && c != ',' { c } else { '?' }));
    }
    text
}

fn note(call: &mut Call, target: &Target, status: u16, ms: u64, why: &str) {
    call.entry.attempts.push(fluxa_domain::entry::AttemptRow {
        provider: target.provider.record.name.clone(),
        model: target.model.clone(),
        status,
        ms,
        why: why.to_owned(),
    });
}

impl Reply {
    /// An estimate of ours for a client that asked how long its prompt is, of a model that nobody can be asked about.
    pub(crate) fn estimated_count(call: &mut Call, admitted: Admitted, tokens: u64) -> Self {
        (call.sent, call.tried) = (false, 0);
        let body = Committed::Whole(fluxa_wire::count_tokens::write(call.dialect, tokens), None);
        let translated = Some(Translated { content_type: "application/json", dropped: Vec::new() });
        Self {
            head: AnswerHead::ours(200),
            admitted,
            body,
            translated,
            mended: Vec::new(),
            keeping: None,
            degraded: Some("token_count_estimated"),
        }
    }

    /// An answer that was given before: it costs nothing, and nobody is asked.
    pub(crate) fn given_again(call: &mut Call, admitted: Admitted, kept: KeptAnswer) -> Self {
        let KeptAnswer { content_type, provider, upstream_model, dialect_out, finish, body } = kept;
        (call.sent, call.tried) = (false, 0);
        call.found = Some(Found::Hit);
        let entry = &mut call.entry;
        (entry.provider, entry.upstream_model, entry.dialect_out, entry.finish) = (provider, upstream_model, dialect_out, finish.clone());
        entry.cached = true;
        let content_type = if content_type.starts_with("text/event-stream") { "text/event-stream" } else { "application/json" };
        let facts = Facts { finish: (!finish.is_empty()).then_some(finish), ..Facts::default() };
        Self {
            head: AnswerHead::ours(200),
            admitted,
            body: Committed::Whole(body, Some(facts)),
            translated: Some(Translated { content_type, dropped: Vec::new() }),
            mended: Vec::new(),
            keeping: None,
            degraded: None,
        }
    }

    /// An answer of a vendor that is passed on though it is an error.
    fn whole(head: AnswerHead, admitted: Admitted, body: Bytes) -> Self {
        Self { head, admitted, body: Committed::Whole(body, None), translated: None, mended: Vec::new(), keeping: None, degraded: None }
    }

    /// The HTTP answer. A whole answer is settled here, a stream when it ends.
    pub(crate) fn into_response(self, mut call: Call) -> Response<ReplyBody> {
        let Self { head, admitted, body, translated, mended, keeping, degraded } = self;
        let mut response = Response::new(ReplyBody::Full(None));
        *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let headers = response.headers_mut();
        // Room for all that follows at once: growing a map means hashing its names again.
        *headers = HeaderMap::with_capacity(REPLY_HEADERS);
        crate::head::pass_back(&head, headers);
        if let Some(guard) = call.guard.as_deref_mut() {
            guard.headers(headers);
        }
        let mut dropped = mended;
        let is_translated = translated.as_ref().map(|translated| translated.content_type);
        if let Some(translated) = translated {
            headers.insert(hyper::header::CONTENT_TYPE, HeaderValue::from_static(translated.content_type));
            dropped.splice(0..0, translated.dropped.iter().map(ToString::to_string));
        }
        if !dropped.is_empty() {
            put(headers, reply::X_FLUXA_DROPPED, &listed(&dropped));
        }
        crate::head::standing(&admitted.standing, headers);
        put(headers, reply::X_FLUXA_PROVIDER, &call.entry.provider);
        put(headers, reply::X_FLUXA_MODEL, &call.entry.upstream_model);
        put_number(headers, reply::X_FLUXA_ATTEMPTS, call.tried);
        if admitted.output_cap.is_some() {
            headers.append(reply::X_FLUXA_DEGRADED, HeaderValue::from_static("output_capped_by_budget"));
        }
        if let Some(degraded) = degraded {
            headers.append(reply::X_FLUXA_DEGRADED, HeaderValue::from_static(degraded));
        }
        if let Some(found) = call.found {
            put(headers, reply::X_FLUXA_CACHE, found.word());
        }
        call.entry.status = head.status;
        call.first_byte();
        let body = match body {
            Committed::Whole(bytes, facts) => {
                let ended = facts.as_ref().map_or_else(|| Ending { complete: true, ..Ending::default() }, ending);
                let content_type = is_translated.unwrap_or_else(|| head.get("content-type").unwrap_or_default());
                let (bytes, stored) = match pass(&mut call, content_type, is_translated.is_some(), bytes) {
                    Ok(passed) => passed,
                    Err(refusal) => return blocked(call, &refusal, &admitted, ended),
                };
                if call.worker.settings().store_content {
                    call.entry.response_body = Some(String::from_utf8_lossy(&stored).into_owned());
                }
                match keeping {
                    // A whole answer that the client wanted as a stream.
                    Some(keeping) if call.entry.stream => drop(keeping.keep_stream(&call.worker, &bytes)),
                    Some(keeping) => keeping.keep(&call.worker, &bytes),
                    None => {}
                }
                let failed = head.status >= 400;
                let facts_are_whole = facts.as_ref().is_some_and(|facts| facts.error.is_none());
                let error = if failed { fluxa_domain::refusal::RefusalKind::Upstream.code() } else { "" };
                if let Some(mut keep) = call.keep_answer.take().filter(|_| head.status == 200 && facts_are_whole) {
                    keep.push(&bytes);
                    let content_type = headers.get(hyper::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
                    keep.keep(&call, content_type, ended.finish.as_deref());
                }
                if let Some(found) = call.guard.as_deref().and_then(Guard::header) {
                    put(headers, reply::X_FLUXA_FIREWALL, &found);
                }
                let charged = call.finish(Ending { error, ..ended });
                put(headers, reply::X_FLUXA_COST, &charged.cost.to_decimal_usd());
                put(headers, reply::X_FLUXA_COST_STATE, charged.state.name());
                ReplyBody::full(bytes)
            }
            Committed::Stream { body, relay, framing, held, provider, complete } => {
                if let Some(found) = call.guard.as_deref().and_then(Guard::header) {
                    put(headers, reply::X_FLUXA_FIREWALL, &found);
                }
                // What is translated is framed as the client's dialect has it.
                let shown = if is_translated == Some("application/json") { Framing::JsonArray } else { framing };
                let relayed = RelayBody::new(call, body, *relay, (framing, shown), held, provider, complete, keeping);
                ReplyBody::Relay(Box::new(relayed))
            }
        };
        *response.body_mut() = body;
        response
    }
}

/// A whole answer through the call's guard: what goes to the client, and what is written down of it.
fn pass(call: &mut Call, content_type: &str, translated: bool, bytes: Bytes) -> Result<(Bytes, Bytes), Refusal> {
    // What was kept was looked at when it was.
    let cached = call.entry.cached;
    let Some(guard) = call.guard.as_deref_mut().filter(|_| !cached) else { return Ok((bytes.clone(), bytes)) };
    let shape = match (translated && call.entry.stream, content_type) {
        (true, "application/json") => Shape::Stream(call.dialect, call.op, Framing::JsonArray),
        (true, _) => Shape::Stream(call.dialect, call.op, Framing::Sse),
        (false, content_type) => Shape::Document(content_type),
    };
    guard.answer(shape, bytes, call.worker.gateway.settings.store_content)
}

/// The refusal in place of an answer that may not be passed on. The vendor has worked for it, so it is charged.
fn blocked(mut call: Call, refusal: &Refusal, admitted: &Admitted, ended: Ending) -> Response<ReplyBody> {
    let status = fluxa_wire::refuse::status(call.dialect, refusal);
    let (request_id, own) = (call.entry.request_id.clone(), call.entry.id.to_string());
    let mut response = crate::http::refuse(call.dialect, refusal, &request_id, &own, call.tried);
    let headers = response.headers_mut();
    crate::head::standing(&admitted.standing, headers);
    put(headers, reply::X_FLUXA_PROVIDER, &call.entry.provider);
    put(headers, reply::X_FLUXA_MODEL, &call.entry.upstream_model);
    if let Some(found) = call.guard.as_deref().and_then(Guard::header) {
        put(headers, reply::X_FLUXA_FIREWALL, &found);
    }
    let charged = call.finish(Ending { status, error: refusal.kind.code(), ..ended });
    put(headers, reply::X_FLUXA_COST, &charged.cost.to_decimal_usd());
    put(headers, reply::X_FLUXA_COST_STATE, charged.state.name());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_names_fit_into_a_header() {
        let names = |list: &[&str]| listed(&list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(names(&["logit_bias", "tools[].strict"]), "logit_bias, tools[].strict");
        assert_eq!(names(&["a\r\nb", "né,x"]), "a??b, n??x");
        let many = listed(&vec![String::from("field"); 1_000]);
        assert!(many.len() < 1_100 && many.ends_with(", ..."), "{}", many.len());
    }
}
