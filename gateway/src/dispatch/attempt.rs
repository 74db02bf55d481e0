//! One attempt: the request as this target wants it, the exchange, and the judgement of the answer.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::RefusalKind;
use fluxa_domain::vendors::{Path, Quirk, Style};
use fluxa_wire::address::AddressStyle;
use fluxa_wire::body::edit::{self, Edit};
use fluxa_wire::body::fields::Outline;
use fluxa_wire::facts::Verdict;
use fluxa_wire::relay::{Framing, Relay, RelayPlan};
use fluxa_wire::retry::{retry_after, should_retry};
use fluxa_wire::upstream_error::{ErrorKind, read_error};

use super::failure::{Failure, Next};
use super::{Committed, Errand, Reply, Target};
use crate::call::{Call, Ending};
use crate::head::RequestHead;
use crate::relay::ending;
use crate::snapshot::{Door, ProviderView};
use crate::upstream::{Answer, AnswerBody, AnswerHead, Ask, BodyFault, Fault, Progress, Timers, exchange};
use crate::worker::Worker;

/// Largest answer that is read whole.
const MAX_WHOLE_BYTES: usize = 64 * 1024 * 1024;
/// Largest error answer.
const MAX_ERROR_BYTES: usize = 1024 * 1024;
/// A stream that says nothing but comments for so long is committed to all the same, so that the client sees it live.
const HOLD_AT_MOST: Duration = Duration::from_secs(10);
/// And no more of it is held than this.
const HOLD_BYTES: usize = 64 * 1024;
/// The `api-version` of Azure's classic addresses where the operator names none.
const AZURE_API_VERSION: &str = "2024-10-21";

/// What one call has learned about one target.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// Keys asked with, by index.
    pub(super) keys: Vec<usize>,
    /// It refused our asking for the usage account: it is asked without.
    pub(super) without_usage: bool,
}

/// A connection that breaks this long after it was asked for may have had a vendor at work on it.
const WORKED_ON_IT: Duration = Duration::from_secs(1);

/// Asks one target once.
pub(super) async fn run(
    worker: &Rc<Worker>,
    call: &mut Call,
    errand: &Errand<'_>,
    target: &Target,
    tries: &mut Tries,
) -> Result<Reply, Failure> {
    let provider = &target.provider;
    let door = provider.door_for(call.dialect, call.op).ok_or_else(|| {
        Failure::plain(RefusalKind::NotTranslated, Next::OtherTarget, 0, String::from("the provider does not speak this dialect"))
    })?;
    let weights: Vec<u32> = provider.keys.iter().map(|slot| slot.weight).collect();
    let key_index = provider.state.choose_key(&weights, crate::clock::now(), &tries.keys);
    if let Some(index) = key_index {
        tries.keys.push(index);
    }
    let prepared = prepare(call, errand, target, door, tries.without_usage);
    let head = RequestHead {
        method: &errand.parts.method,
        target: &prepared.target,
        door,
        provider,
        key: key_index.and_then(|index| provider.keys.get(index)),
        client: &errand.parts.headers,
        content_type: errand.content_type,
        body_bytes: prepared.body.len(),
        needs_version: door.style == Style::AnthropicV1,
    }
    .write();
    call.begin().await.map_err(|error| {
        tracing::error!(%error, "cannot journal a call");
        Failure::plain(RefusalKind::BudgetStoreUnavailable, Next::Final, 0, String::from("usage cannot be recorded at the moment"))
    })?;
    let timers = Timers { connect: provider.connect_timeout, first_byte: provider.first_byte_timeout };
    let ask = Ask { origin: &door.origin, head, body: &prepared.body };
    let began = Instant::now();
    let answer = exchange(&worker.connector, &worker.pool, &worker.scratch, ask, timers).await.map_err(|fault| {
        let worked = matches!(fault, Fault::TimedOut) || matches!(fault, Fault::Broken) && began.elapsed() >= WORKED_ON_IT;
        Failure::no_answer(&fault).billed(worked.then(Ending::default))
    })?;
    judge(worker, call, errand, target, key_index, answer, &prepared).await
}

/// A request as a target wants it.
struct Prepared {
    target: String,
    body: Bytes,
    /// We asked for the usage account, the client did not.
    hide_usage: bool,
    /// `stream_options` goes out, and is all ours.
    added_options: bool,
}

fn prepare(call: &Call, errand: &Errand<'_>, target: &Target, door: &Door, without_usage: bool) -> Prepared {
    let provider = &target.provider;
    let outline = errand.outline;
    let (style, deployment, api_version) = address(provider, door, call.op, &target.model);
    let own_path = provider.vendor.path_at(&provider.record, call.op);
    let path = match own_path {
        Some(Path::Below(path) | Path::Origin(path)) => path,
        Some(Path::At(_)) => "",
        None => errand.path,
    };
    let base_path = if matches!(own_path, Some(Path::Origin(_))) { "" } else { door.base_path.as_str() };
    let query = errand.parts.uri.query().map(crate::pass_path::without_key);
    let mut target_path =
        fluxa_wire::address::target(style, base_path, path.trim_start_matches('/'), deployment, query.as_deref(), api_version);
    if path.is_empty() {
        target_path.truncate(target_path.trim_end_matches('/').len());
    }
    let mut edits = Vec::new();
    let model_sent = if style == AddressStyle::ResourceV1 { deployment } else { target.model.as_str() };
    if !model_sent.is_empty() && outline.model_name().is_some_and(|named| named != model_sent) {
        edits.extend(edit::set_model(outline, model_sent));
    }
    let refused = without_usage || provider.state.refuses_stream_options(&target.model, call.entry.at);
    let (hide_usage, added_options) = stream_options(call, provider, outline, refused, &mut edits);
    if let Some(cap) = errand.admitted.output_cap {
        edits.extend(crate::output_bound::cap(call.op, outline, provider.vendor.max_tokens_field(call.op, &target.model), cap));
    }
    // Edits touch different fields, so they cannot clash; if they ever did, the client's own bytes are the safe choice.
    let body = edit::apply(errand.body, edits).unwrap_or_else(|_| errand.body.clone());
    Prepared { target: target_path, body, hide_usage, added_options }
}

fn address<'a>(provider: &'a ProviderView, door: &Door, op: Op, model: &'a str) -> (AddressStyle, &'a str, Option<&'a str>) {
    match door.style {
        Style::AnthropicV1 => (AddressStyle::AnthropicV1, model, None),
        Style::Azure => {
            let deployment = provider.record.deployments.get(model).map_or(model, String::as_str);
            let version = provider.record.api_version.as_deref();
            let unified =
                matches!(version, Some("v1" | "preview" | "latest")) || matches!(op, Op::Responses | Op::Other) || model.is_empty();
            if unified {
                (AddressStyle::ResourceV1, deployment, version.filter(|version| matches!(*version, "v1" | "preview" | "latest")))
            } else {
                (AddressStyle::Deployment, deployment, Some(version.unwrap_or(AZURE_API_VERSION)))
            }
        }
        Style::Plain | Style::Gemini | Style::Bedrock => (AddressStyle::Plain, model, None),
    }
}

/// Asks for the usage account of a stream where the vendor takes that, and takes the field out where it does not.
/// Says whether the account is to be hidden, and whether the whole field is ours.
fn stream_options(call: &Call, provider: &ProviderView, outline: &Outline, refused: bool, edits: &mut Vec<Edit>) -> (bool, bool) {
    let streams_chat = call.dialect == Dialect::OpenAi && matches!(call.op, Op::Chat | Op::Completions) && outline.wants_stream();
    let sent = outline.stream_options.is_some();
    if provider.vendor.has(Quirk::NoStreamOptions) || refused {
        if sent {
            edits.extend(edit::drop_stream_options(outline));
        }
        return (false, false);
    }
    if !streams_chat || outline.wants_usage() || provider.vendor.has(Quirk::UsageUnasked) {
        return (false, false);
    }
    edits.extend(edit::ask_usage(outline));
    (true, !sent)
}

async fn judge(
    worker: &Rc<Worker>,
    call: &mut Call,
    errand: &Errand<'_>,
    target: &Target,
    key: Option<usize>,
    answer: Answer,
    prepared: &Prepared,
) -> Result<Reply, Failure> {
    let Answer { head, mut body } = answer;
    let provider = &target.provider;
    let idle = provider.idle_timeout;
    if (300..400).contains(&head.status) {
        return Err(Failure::plain(
            RefusalKind::UpstreamProtocol,
            Next::OtherTarget,
            head.status,
            String::from("the provider answered with a redirect, which is never followed"),
        ));
    }
    if head.status >= 400 {
        // Errors are not billed.
        call.sent = false;
        let bytes = read_whole(worker, &mut body, idle, MAX_ERROR_BYTES).await.unwrap_or_default();
        return Err(refused(provider, key, head, bytes, prepared));
    }
    let framing = framing(call.op, &head, errand.outline.wants_stream(), body.known_length()).map_err(|Wrong { text, next, worked }| {
        Failure::plain(RefusalKind::UpstreamProtocol, next, head.status, String::from(text)).billed(worked.then(Ending::default))
    })?;
    let plan = RelayPlan { dialect: call.dialect, op: call.op, hide_usage: prepared.hide_usage && framing == Framing::Sse, framing };
    match framing {
        Framing::Json => {
            let bytes = read_whole(worker, &mut body, idle, MAX_WHOLE_BYTES)
                .await
                .map_err(|fault| body_failure(head.status, fault).billed(Some(Ending::default())))?;
            match fluxa_wire::answer::answer(call.dialect, call.op, &bytes) {
                Ok(facts) if facts.error.is_some() && call.op != Op::Other => {
                    let billed = facts.usage.is_some().then(|| ending(&facts));
                    Err(refused(provider, key, head, bytes, prepared).billed(billed))
                }
                Ok(facts) => {
                    Ok(Reply { head, admitted: errand.admitted, body: Committed::Whole(provider.without_keys(bytes), Some(facts)) })
                }
                Err(_) if call.op == Op::Other => {
                    Ok(Reply { head, admitted: errand.admitted, body: Committed::Whole(provider.without_keys(bytes), None) })
                }
                Err(error) => {
                    // Half an answer was worked for; a page or nothing was not.
                    let billed = bytes.trim_ascii_start().starts_with(b"{").then(Ending::default);
                    Err(Failure::plain(RefusalKind::UpstreamProtocol, Next::Retry, head.status, error.to_string()).billed(billed))
                }
            }
        }
        Framing::Opaque => {
            let relay = Box::new(Relay::new(plan));
            Ok(Reply {
                head,
                admitted: errand.admitted,
                body: Committed::Stream { body, relay, framing, held: BytesMut::new(), provider: Arc::clone(provider), complete: false },
            })
        }
        Framing::Sse => {
            let mut relay = Relay::new(plan);
            let mut held = BytesMut::new();
            let complete = match hold(worker, &mut body, &mut relay, &mut held, provider).await {
                Ok(complete) => complete,
                Err(fault) => return Err(body_failure(head.status, fault).billed(begun(&relay))),
            };
            if complete {
                relay.finish(&mut held);
            }
            match relay.verdict() {
                Verdict::Error(_) => {
                    let billed = relay.facts().usage.is_some().then(|| ending(relay.facts()));
                    Err(refused(provider, key, head, held.freeze(), prepared).billed(billed))
                }
                // No content, no finish reason, no end mark: pings and roles alone are no answer.
                Verdict::Undecided if complete => {
                    let text = String::from("the provider's stream is empty or is none");
                    Err(Failure::plain(RefusalKind::UpstreamProtocol, Next::Retry, head.status, text).billed(begun(&relay)))
                }
                Verdict::Undecided | Verdict::Content => {
                    let body = Committed::Stream { body, relay: Box::new(relay), framing, held, provider: Arc::clone(provider), complete };
                    Ok(Reply { head, admitted: errand.admitted, body })
                }
            }
        }
    }
}

/// A good status with what cannot be an answer.
struct Wrong {
    text: &'static str,
    next: Next,
    /// It is an answer all the same, and will be billed.
    worked: bool,
}

/// How an answer with a good status is framed.
fn framing(op: Op, head: &AnswerHead, wants_stream: bool, length: Option<u64>) -> Result<Framing, Wrong> {
    let media = head.media_type();
    let packed = head.get("content-encoding").is_some_and(|value| !value.eq_ignore_ascii_case("identity"));
    if media == "text/html" && op != Op::Other {
        return Err(Wrong { text: "the provider answered with a page", next: Next::Retry, worked: false });
    }
    if packed && matches!(op, Op::Audio | Op::Other) {
        return Ok(Framing::Opaque);
    }
    if packed {
        // It was asked not to. What cannot be read cannot be charged as it should.
        return Err(Wrong {
            text: "the provider's answer is packed, though it was asked not to be",
            next: Next::OtherTarget,
            worked: true,
        });
    }
    if media == "text/event-stream" {
        return Ok(Framing::Sse);
    }
    if media == "application/json" || media.ends_with("+json") {
        return Ok(Framing::Json);
    }
    if op == Op::Audio && length == Some(0) {
        return Err(Wrong { text: "the provider's answer is empty", next: Next::Retry, worked: false });
    }
    Ok(match op {
        Op::Audio | Op::Other => Framing::Opaque,
        Op::Images => Framing::Json,
        _ if wants_stream => Framing::Sse,
        _ => Framing::Json,
    })
}

/// What a stream given up before its first content may be billed for: something, if the model had taken up the work.
fn begun(relay: &Relay) -> Option<Ending> {
    let facts = relay.facts();
    (facts.usage.is_some() || facts.upstream_model.is_some()).then(|| ending(facts))
}

/// Reads a stream until its first content, so that until then another target can take over. True when it is over already.
async fn hold(
    worker: &Rc<Worker>,
    body: &mut AnswerBody,
    relay: &mut Relay,
    held: &mut BytesMut,
    provider: &ProviderView,
) -> Result<bool, Broken> {
    let began = Instant::now();
    loop {
        let waited = began.elapsed();
        if relay.verdict() != Verdict::Undecided || waited >= HOLD_AT_MOST || held.len() >= HOLD_BYTES {
            return Ok(false);
        }
        let mut fault = false;
        let reading = std::future::poll_fn(|cx| body.poll_data(cx, &worker.scratch, |data| fault |= relay.push(data, held).is_err()));
        let limit = provider.idle_timeout.min(HOLD_AT_MOST.saturating_sub(waited));
        match tokio::time::timeout(limit, reading).await {
            Ok(Ok(_)) if fault => return Err(Broken::Fault(BodyFault::Coding)),
            Ok(Ok(Progress::Data)) => {}
            Ok(Ok(Progress::End)) => return Ok(true),
            Ok(Err(fault)) => return Err(Broken::Fault(fault)),
            Err(_) if limit < provider.idle_timeout => return Ok(false),
            Err(_) => return Err(Broken::Silent),
        }
    }
}

/// How reading a body failed.
#[derive(Clone, Copy, Debug)]
enum Broken {
    Fault(BodyFault),
    Silent,
    TooLarge,
}

fn body_failure(status: u16, broken: Broken) -> Failure {
    match broken {
        Broken::Fault(BodyFault::Truncated) => Failure::plain(RefusalKind::Upstream, Next::Retry, status, BodyFault::Truncated.to_string()),
        Broken::Fault(BodyFault::Coding) => {
            Failure::plain(RefusalKind::UpstreamProtocol, Next::Retry, status, BodyFault::Coding.to_string())
        }
        Broken::Silent => Failure::plain(
            RefusalKind::UpstreamTimeout,
            Next::OtherTarget,
            status,
            String::from("the provider fell silent in the middle of its answer"),
        ),
        Broken::TooLarge => {
            Failure::plain(RefusalKind::UpstreamProtocol, Next::OtherTarget, status, String::from("the provider's answer is too large"))
        }
    }
}

async fn read_whole(worker: &Rc<Worker>, body: &mut AnswerBody, idle: Duration, limit: usize) -> Result<Bytes, Broken> {
    let known = body.known_length().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
    if known > limit {
        return Err(Broken::TooLarge);
    }
    let mut all = BytesMut::with_capacity(known.min(1024 * 1024));
    loop {
        // An answer that came with its head, as small ones do, needs no timer.
        let mut first = None;
        let poll_once = std::future::poll_fn(|cx| {
            first = Some(body.poll_data(cx, &worker.scratch, |data| all.extend_from_slice(data)));
            std::task::Poll::Ready(())
        });
        poll_once.await;
        let progress = match first {
            Some(std::task::Poll::Ready(progress)) => progress,
            _ => {
                let reading = std::future::poll_fn(|cx| body.poll_data(cx, &worker.scratch, |data| all.extend_from_slice(data)));
                tokio::time::timeout(idle, reading).await.map_err(|_| Broken::Silent)?
            }
        };
        if all.len() > limit {
            return Err(Broken::TooLarge);
        }
        match progress {
            Ok(Progress::Data) => {}
            Ok(Progress::End) => return Ok(all.freeze()),
            Err(fault) => return Err(Broken::Fault(fault)),
        }
    }
}

/// Judges an error answer and remembers what it says about the provider and its key.
fn refused(provider: &ProviderView, key: Option<usize>, head: AnswerHead, body: Bytes, prepared: &Prepared) -> Failure {
    let error = read_error(head.status, strip_frame(&body));
    if prepared.added_options && matches!(head.status, 400 | 422) && error.mentions_stream_options {
        return Failure::plain(
            RefusalKind::InvalidRequest,
            Next::SameAgain,
            head.status,
            String::from("the provider refuses stream_options: asked again without"),
        );
    }
    let now = crate::clock::now();
    let pause = retry_after(|name| head.get(name), now.0);
    let again = should_retry(|name| head.get(name));
    if let Some(index) = key
        && provider.keys.len() > 1
        && (matches!(error.kind, ErrorKind::Auth | ErrorKind::Quota | ErrorKind::RateLimited) || head.status == 401)
    {
        provider.state.rest_key(index, now, pause.and_then(|pause| u64::try_from(pause.as_millis()).ok()));
    }
    Failure::refused(head, body, &error, provider, pause, again)
}

/// The JSON inside a first event that is an error.
fn strip_frame(body: &[u8]) -> &[u8] {
    let Some(at) = memchr::memmem::find(body, b"data:").filter(|_| body.first() != Some(&b'{')) else { return body };
    let rest = body.get(at + 5..).unwrap_or_default();
    let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default().trim_ascii()
}
