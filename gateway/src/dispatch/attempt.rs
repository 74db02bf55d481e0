//! One attempt: the request as this target wants it, the exchange, and the judgement of the answer.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::RefusalKind;
use fluxa_domain::vendors::Style;
use fluxa_wire::client::{ClientDialect, Voice};
use fluxa_wire::facts::Verdict;
use fluxa_wire::refused_field::{self, Mend};
use fluxa_wire::relay::{Framing, Relay, RelayPlan};
use fluxa_wire::retry::{retry_after, should_retry};
use fluxa_wire::sigv4;
use fluxa_wire::translate::{self, Cut, Translation};
use fluxa_wire::upstream::Unsayable;
use fluxa_wire::upstream_error::{ErrorKind, read_error_named};

use super::failure::{Failure, Next};
use super::request::{Prepared, Spoken, fetches_nothing, prepare};
use super::{Committed, Errand, Reply, Target, Translated};
use crate::aws::AwsCredentials;
use crate::call::{Call, Ending};
use crate::conversations::Keeping;
use crate::dialects;
use crate::guard::{self, Guard};
use crate::head::RequestHead;
use crate::health::KeyChoice;
use crate::relay::{Course, ending};
use crate::snapshot::{Door, ProviderView, Way};
use crate::upstream::{Answer, AnswerBody, AnswerHead, Ask, BodyFault, Fault, Progress, Timers, exchange};
use crate::worker::Worker;

/// Largest answer that is read whole.
const MAX_WHOLE_BYTES: usize = 64 * 1024 * 1024;
/// Largest text without a dialect that a firewall reads: a transcription takes kilobytes, a file of results some megabytes.
const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;
/// Largest error answer.
const MAX_ERROR_BYTES: usize = 1024 * 1024;
/// A stream that says nothing but comments for so long is committed to all the same, so that the client sees it live.
const HOLD_AT_MOST: Duration = Duration::from_secs(10);
/// And no more of it is held than this.
const HOLD_BYTES: usize = 64 * 1024;

const JSON: &str = "application/json";
/// The media type of binary event streams.
const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

/// What one call has learned about one target.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// Keys asked with, by index.
    pub(super) keys: Vec<usize>,
    /// It refused our asking for the usage account: it is asked without.
    pub(super) without_usage: bool,
    /// It refused fields of the request: it is asked without.
    pub(super) mends: Vec<Mend>,
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
    let door = provider.door_on(target.way, call.dialect, call.op).ok_or_else(|| {
        Failure::plain(RefusalKind::NotTranslated, Next::OtherTarget, 0, String::from("the provider does not speak this dialect"))
    })?;
    let weights: Vec<u32> = provider.keys.iter().map(|slot| slot.weight).collect();
    let choice = KeyChoice { weights: &weights, model: &target.model, tried: &tries.keys, prefix: errand.prefix };
    let key_index = provider.state.choose_key(choice, crate::clock::now());
    if let Some(index) = key_index {
        tries.keys.push(index);
    }
    // Counting is free for the client, so nothing is fetched for it: what stays an address is estimated.
    if target.way == Way::Translated && call.op != Op::CountTokens && fetches_nothing(door.dialect) {
        Box::pin(fetch_media(worker, errand)).await?;
    }
    let prepared = prepare(call, errand, target, door, tries.without_usage).map_err(|unsayable| Failure::unsayable(&unsayable))?;
    let mut prepared = Box::new(prepared);
    prepared.mend(&tries.mends);
    if door.is_signed() && key_index.is_none() {
        let signed = Box::pin(sign(worker, errand, provider, door, &prepared)).await?;
        prepared.headers.extend(signed);
    }
    door.dialect.name().clone_into(&mut call.entry.dialect_out);
    let head = RequestHead {
        method: &errand.parts.method,
        target: &prepared.target,
        door,
        provider,
        key: key_index.and_then(|index| provider.keys.get(index)),
        client: &errand.parts.headers,
        content_type: if target.way == Way::Translated { JSON } else { errand.content_type },
        body_bytes: prepared.body.len(),
        needs_version: door.style == Style::AnthropicV1,
        more: &prepared.headers,
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
    judge(worker, call, errand, target, key_index, answer, prepared).await
}

/// Puts what the conversation names by address into it, once for all targets that need it.
async fn fetch_media(worker: &Worker, errand: &Errand<'_>) -> Result<(), Failure> {
    let Some(heard) = errand.heard.as_ref().filter(|heard| crate::media::is_needed(&heard.chat)) else { return Ok(()) };
    if errand.inlined.get().is_none() {
        let mut chat = heard.chat.clone();
        let failed = |what| Failure::unsayable(&Unsayable { what, param: None });
        crate::media::inline(&worker.fetcher, &mut chat).await.map_err(failed)?;
        let _ = errand.inlined.set(Box::new(chat));
    }
    Ok(())
}

/// The header lines that prove to AWS who asks.
async fn sign(
    worker: &Worker,
    errand: &Errand<'_>,
    provider: &ProviderView,
    door: &Door,
    prepared: &Prepared,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let now = crate::clock::now();
    let credentials = match &provider.aws {
        Some(own) => Arc::clone(own),
        None => worker.settings().aws.credentials(provider.region(), now).await.map_err(|error| {
            tracing::warn!(provider = %provider.record.name, %error, "no credentials to sign calls with");
            Failure::no_credentials(&provider.record.name)
        })?,
    };
    let Some(signer) = credentials.signer(provider.region()) else {
        let bearer = if let AwsCredentials::Bearer(token) = &*credentials { token.expose().as_str() } else { "" };
        return Ok(vec![("authorization", format!("Bearer {bearer}"))]);
    };
    let (path, query) = prepared.target.split_once('?').unwrap_or((&prepared.target, ""));
    let request = sigv4::Request {
        method: errand.parts.method.as_str(),
        authority: &door.origin.authority,
        path,
        query,
        headers: &[("content-type", JSON)],
        body: &prepared.body,
    };
    Ok(signer.sign(&request, sigv4::Options::default(), now))
}

async fn judge(
    worker: &Rc<Worker>,
    call: &mut Call,
    errand: &Errand<'_>,
    target: &Target,
    key: Option<usize>,
    mut answer: Answer,
    prepared: Box<Prepared>,
) -> Result<Reply, Failure> {
    // What goes through unread may stay packed.
    let looked_at = call.guard.as_deref().is_some_and(Guard::watches_answers);
    if answer.head.status >= 400 || looked_at || !matches!(call.op, Op::Audio | Op::Other) {
        answer.unpack();
    }
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
    let asked = Asked {
        model: target.model.clone(),
        body: prepared.body.clone(),
        mends: prepared.mends.clone(),
        added_options: prepared.added_options,
        shown_in: prepared.spoken.is_none().then_some(call.dialect),
    };
    let judge_error = |head, bytes| refused(provider, key, head, bytes, &asked);
    if head.status >= 400 {
        // Errors are not billed.
        call.sent = false;
        let bytes = read_whole(worker, &mut body, idle, MAX_ERROR_BYTES).await.unwrap_or_default();
        return Err(judge_error(head, bytes));
    }
    let tongue = tongue(call, target, &prepared);
    let framing =
        framing(tongue.op, &head, errand.outline.wants_stream(), body.known_length()).map_err(|Wrong { text, next, worked }| {
            Failure::plain(RefusalKind::UpstreamProtocol, next, head.status, String::from(text)).billed(worked.then(Ending::default))
        })?;
    match framing {
        Framing::Json => {
            let bytes = read_whole(worker, &mut body, idle, MAX_WHOLE_BYTES)
                .await
                .map_err(|fault| body_failure(head.status, fault).billed(Some(Ending::default())))?;
            let not_protocol = |error: fluxa_wire::answer::NotProtocol| {
                // Half an answer was worked for; a page or nothing was not.
                let billed = bytes.trim_ascii_start().starts_with(b"{").then(Ending::default);
                Failure::plain(RefusalKind::UpstreamProtocol, Next::Retry, head.status, error.to_string()).billed(billed)
            };
            let facts = match fluxa_wire::answer::answer(tongue.dialect, tongue.op, &bytes) {
                Ok(facts) if facts.error.is_some() && call.op != Op::Other => {
                    let billed = facts.usage.is_some().then(|| ending(&facts));
                    return Err(judge_error(head, bytes).billed(billed));
                }
                Ok(facts) => Some(facts),
                Err(_) if call.op == Op::Other => None,
                Err(error) => return Err(not_protocol(error)),
            };
            let bytes = provider.without_keys(bytes.clone());
            let (bytes, translated) = match (&prepared.spoken, tongue.client, &facts) {
                (Some(_), _, _) if call.op == Op::CountTokens => {
                    let tokens = fluxa_wire::count_tokens::read(tongue.dialect, &bytes)
                        .ok_or_else(|| not_protocol(fluxa_wire::answer::NotProtocol { what: "no number of tokens" }))?;
                    let translated = Translated { content_type: JSON, dropped: Vec::new() };
                    (fluxa_wire::count_tokens::write(call.dialect, tokens), Some(translated))
                }
                (Some(spoken), Some(client), Some(facts)) => {
                    let upstream = dialects::upstream(tongue.dialect);
                    let voice = voice(call, errand, target);
                    let stream = errand.outline.wants_stream();
                    let content_type = content_type(stream, voice.array);
                    let said = if stream {
                        translate::whole_as_stream(upstream, &spoken.said, &bytes, facts, client, voice)
                    } else {
                        translate::whole(upstream, &spoken.said, &bytes, facts, client, &voice)
                    };
                    // It is whole and will be billed as it says; asked again, the vendor would say the like, and be paid twice.
                    let said = said.map_err(|error| {
                        Failure::plain(RefusalKind::UpstreamProtocol, Next::OtherTarget, head.status, error.to_string())
                            .billed(Some(ending(facts)))
                    });
                    // Once more: a key in JSON escapes is only one after it was read.
                    (provider.without_keys(said?), Some(Translated { content_type, dropped: spoken.dropped.clone() }))
                }
                _ => (bytes, None),
            };
            let keeping = keeping(call, errand, target);
            Ok(Reply {
                head,
                admitted: errand.admitted,
                body: Committed::Whole(bytes, facts),
                translated,
                mended: Vec::new(),
                keeping,
                degraded: None,
            })
        }
        Framing::Opaque if looked_at && guard::is_text(call.op, head.media_type().as_str()) => {
            opaque_text(worker, call, errand, provider, head, body).await
        }
        Framing::Opaque => {
            let plan = RelayPlan { dialect: call.dialect, op: call.op, hide_usage: false, framing };
            let relay = Box::new(Course::Same(Relay::new(plan)));
            Ok(Reply {
                head,
                admitted: errand.admitted,
                body: Committed::Stream { body, relay, framing, held: BytesMut::new(), provider: Arc::clone(provider), complete: false },
                translated: None,
                mended: Vec::new(),
                keeping: None,
                degraded: None,
            })
        }
        Framing::Sse | Framing::JsonArray => {
            let mut relay = Box::new(course(call, errand, target, &prepared, &tongue, &head, framing));
            let mut held = BytesMut::new();
            let complete = match hold(worker, &mut body, &mut relay, &mut held, provider).await {
                Ok(complete) => complete,
                Err(fault) => return Err(body_failure(head.status, fault).billed(begun(&relay))),
            };
            if complete {
                relay.finish(&mut held);
            }
            match relay.verdict() {
                Verdict::Error(error) => {
                    let billed = relay.facts().usage.is_some().then(|| ending(relay.facts()));
                    let failure = match prepared.spoken {
                        // What is held is in the client's dialect; what the vendor said is in the verdict.
                        Some(_) => Failure::refused(head, Bytes::new(), &error, provider, None, None, None),
                        None => judge_error(head, held.freeze()),
                    };
                    Err(failure.billed(billed))
                }
                // No content, no finish reason, no end mark: pings and roles alone are no answer.
                Verdict::Undecided if complete => {
                    let text = String::from("the provider's stream is empty or is none");
                    Err(Failure::plain(RefusalKind::UpstreamProtocol, Next::Retry, head.status, text).billed(begun(&relay)))
                }
                Verdict::Undecided | Verdict::Content => {
                    let translated = prepared
                        .spoken
                        .map(|spoken| Translated { content_type: content_type(true, errand.array()), dropped: spoken.dropped });
                    let body = Committed::Stream { body, relay, framing, held, provider: Arc::clone(provider), complete };
                    let keeping = keeping(call, errand, target);
                    Ok(Reply { head, admitted: errand.admitted, body, translated, mended: Vec::new(), keeping, degraded: None })
                }
            }
        }
    }
}

/// A text without a dialect, for a call whose answers are looked at: it is read whole. One that is too long, or packed in an unknown
/// way, is refused where that may be, and else goes through unread.
async fn opaque_text(
    worker: &Rc<Worker>,
    call: &Call,
    errand: &Errand<'_>,
    provider: &Arc<ProviderView>,
    head: AnswerHead,
    mut body: AnswerBody,
) -> Result<Reply, Failure> {
    let packed = head.get("content-encoding").is_some_and(|value| !value.eq_ignore_ascii_case("identity"));
    let mut held = BytesMut::new();
    let whole = !packed
        && read_text(worker, &mut body, provider.idle_timeout, &mut held)
            .await
            .map_err(|fault| body_failure(head.status, fault).billed(Some(Ending::default())))?;
    let body = if whole {
        Committed::Whole(held.freeze(), None)
    } else if call.guard.as_deref().is_some_and(Guard::enforces_answers) {
        return Err(Failure::unread(head.status).billed(Some(Ending::default())));
    } else {
        let plan = RelayPlan { dialect: call.dialect, op: call.op, hide_usage: false, framing: Framing::Opaque };
        let relay = Box::new(Course::Same(Relay::new(plan)));
        Committed::Stream { body, relay, framing: Framing::Opaque, held, provider: Arc::clone(provider), complete: false }
    };
    Ok(Reply { head, admitted: errand.admitted, body, translated: None, mended: Vec::new(), keeping: None, degraded: None })
}

/// Reads until the end, or until it is too much: then false.
async fn read_text(worker: &Rc<Worker>, body: &mut AnswerBody, idle: Duration, all: &mut BytesMut) -> Result<bool, Broken> {
    if body.known_length().is_some_and(|bytes| bytes > MAX_TEXT_BYTES as u64) {
        return Ok(false);
    }
    loop {
        let reading = std::future::poll_fn(|cx| body.poll_data(cx, &worker.scratch, |data| all.extend_from_slice(data)));
        match tokio::time::timeout(idle, reading).await.map_err(|_| Broken::Silent)? {
            Ok(Progress::Data) if all.len() > MAX_TEXT_BYTES => return Ok(false),
            Ok(Progress::Data) => {}
            Ok(Progress::End) => return Ok(true),
            Err(fault) => return Err(Broken::Fault(fault)),
        }
    }
}

/// What is spoken on the vendor's side of this attempt.
struct Tongue {
    dialect: Dialect,
    op: Op,
    /// Who speaks to the client, where that is another.
    client: Option<&'static dyn ClientDialect>,
}

fn tongue(call: &Call, target: &Target, prepared: &Prepared) -> Tongue {
    if prepared.spoken.is_none() {
        return Tongue { dialect: call.dialect, op: call.op, client: None };
    }
    let dialect = target.provider.vendor.dialect;
    let op = if call.op == Op::CountTokens { Op::CountTokens } else { dialects::translated_op(dialect) };
    Tongue { dialect, op, client: dialects::client(call.dialect, call.op) }
}

fn course(
    call: &Call,
    errand: &Errand<'_>,
    target: &Target,
    prepared: &Prepared,
    tongue: &Tongue,
    head: &AnswerHead,
    framing: Framing,
) -> Course {
    match (&prepared.spoken, tongue.client) {
        (Some(Spoken { said, .. }), Some(client)) => {
            let cut = if head.media_type() == EVENT_STREAM { Cut::EventStream } else { Cut::Sse };
            let upstream = dialects::upstream(tongue.dialect);
            let voice = voice(call, errand, target);
            Course::Translated(Translation::new((tongue.dialect, tongue.op), cut, upstream, said, client, voice))
        }
        _ => {
            let hide_usage = prepared.hide_usage && framing == Framing::Sse;
            Course::Same(Relay::new(RelayPlan { dialect: call.dialect, op: call.op, hide_usage, framing }))
        }
    }
}

fn voice(call: &Call, errand: &Errand<'_>, target: &Target) -> Voice {
    Voice {
        call: call.entry.id.to_string().replace('-', ""),
        created_s: u64::try_from(call.entry.at.0 / 1_000_000).unwrap_or(0),
        model: target.model.clone(),
        include_usage: errand.outline.wants_usage(),
        input_estimate: call.input_likely,
        array: errand.array(),
        repeat: errand.heard.as_ref().map(|heard| heard.repeat.clone()).unwrap_or_default(),
    }
}

/// What is kept of the conversation: only where the vendor, which is not asked for responses, keeps nothing.
fn keeping(call: &Call, errand: &Errand<'_>, target: &Target) -> Option<Keeping> {
    if !errand.keeps || target.way != Way::Translated {
        return None;
    }
    let conversations = &call.worker.gateway.conversations;
    // Stand-ins live as long as the call.
    let given_back = call.guard.as_deref().and_then(|guard| guard.given_back(errand.body));
    conversations.keeping(&call.entry.key_id, errand.outline, given_back.as_ref().unwrap_or(errand.body), call.entry.at)
}

const fn content_type(stream: bool, array: bool) -> &'static str {
    if stream && !array { "text/event-stream" } else { JSON }
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
    if media == "text/event-stream" || media == EVENT_STREAM {
        return Ok(Framing::Sse);
    }
    if op == Op::GenerateContent && wants_stream && media == "application/json" {
        return Ok(Framing::JsonArray);
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
fn begun(relay: &Course) -> Option<Ending> {
    let facts = relay.facts();
    (facts.usage.is_some() || facts.upstream_model.is_some()).then(|| ending(facts))
}

/// Reads a stream until its first content, so that until then another target can take over. True when it is over already.
async fn hold(
    worker: &Rc<Worker>,
    body: &mut AnswerBody,
    relay: &mut Course,
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

/// What an error is an answer to.
struct Asked {
    /// The model that was asked.
    model: String,
    body: Bytes,
    /// What the vendor refused before.
    mends: Vec<Mend>,
    added_options: bool,
    /// The client's dialect, where errors in it may be shown as they came.
    shown_in: Option<Dialect>,
}

/// Judges an error answer and remembers what it says about the provider and its key.
fn refused(provider: &ProviderView, key: Option<usize>, head: AnswerHead, body: Bytes, asked: &Asked) -> Failure {
    let error = read_error_named(head.status, head.get("x-amzn-errortype"), strip_frame(&body));
    if asked.added_options && matches!(head.status, 400 | 422) && error.mentions_stream_options {
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
        let only_for = matches!(error.kind, ErrorKind::RateLimited).then_some(asked.model.as_str());
        provider.state.rest_key(index, only_for, now, pause.and_then(|pause| u64::try_from(pause.as_millis()).ok()));
    }
    let asked_wrongly = matches!(head.status, 400 | 422) && error.kind == ErrorKind::BadRequest;
    let mends = if asked_wrongly { refused_field::read(strip_frame(&body), &asked.body, &asked.mends) } else { Vec::new() };
    Failure::refused(head, body, &error, provider, pause, again, asked.shown_in).mended(mends)
}

/// The JSON inside a first event that is an error.
fn strip_frame(body: &[u8]) -> &[u8] {
    let Some(at) = memchr::memmem::find(body, b"data:").filter(|_| body.first() != Some(&b'{')) else { return body };
    let rest = body.get(at + 5..).unwrap_or_default();
    let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default().trim_ascii()
}
