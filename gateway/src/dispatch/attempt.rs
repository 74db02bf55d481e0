//! One attempt: the request as this target wants it, the exchange, and the judgement of the answer.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::RefusalKind;
use fluxa_domain::vendors::{MaxTokensField, Path, Quirk, Style};
use fluxa_wire::address::AddressStyle;
use fluxa_wire::body::edit::{self, Edit};
use fluxa_wire::body::fields::{MaxField, Outline};
use fluxa_wire::facts::Verdict;
use fluxa_wire::relay::{Framing, Relay, RelayPlan};
use fluxa_wire::retry::{retry_after, should_retry};
use fluxa_wire::upstream_error::{ErrorKind, read_error};

use super::failure::{Failure, Next};
use super::{Committed, Errand, Reply, Target};
use crate::call::Call;
use crate::head::RequestHead;
use crate::snapshot::{Door, ProviderView};
use crate::upstream::{Answer, AnswerBody, Ask, BodyFault, Progress, Timers, exchange};
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

/// Asks one target once.
pub(super) async fn run(worker: &Rc<Worker>, call: &mut Call, errand: &Errand<'_>, target: &Target, tried_keys: &mut Vec<usize>) -> Result<Reply, Failure> {
    let provider = &target.provider;
    let door = provider
        .door_for(call.dialect, call.op)
        .ok_or_else(|| Failure::plain(RefusalKind::NotTranslated, Next::OtherTarget, 0, String::from("the provider does not speak this dialect")))?;
    let weights: Vec<u32> = provider.keys.iter().map(|slot| slot.weight).collect();
    let key_index = provider.state.choose_key(&weights, crate::clock::now(), tried_keys);
    if let Some(index) = key_index {
        tried_keys.push(index);
    }
    let prepared = prepare(call, errand, target, door);
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
    begin(worker, call)?;
    let timers = Timers { connect: provider.connect_timeout, first_byte: provider.first_byte_timeout };
    let ask = Ask { origin: &door.origin, head, body: &prepared.body };
    let answer = exchange(&worker.connector, &worker.pool, &worker.scratch, ask, timers).await.map_err(|fault| Failure::no_answer(&fault))?;
    call.entry.dialect_out.clear();
    call.entry.dialect_out.push_str(call.dialect.name());
    judge(worker, call, errand, target, key_index, answer, &prepared).await
}

/// Journals the call before a vendor can charge for it.
fn begin(worker: &Worker, call: &mut Call) -> Result<(), Failure> {
    call.sent = true;
    if call.begun {
        return Ok(());
    }
    // The row that is written if the process dies: the prompt was sent, and nothing is known of the answer.
    call.estimate();
    match worker.desk.begin(&call.entry) {
        Ok(()) => {
            call.begun = true;
            Ok(())
        }
        Err(error) => {
            tracing::error!(%error, "cannot journal a call");
            call.sent = false;
            let text = String::from("usage cannot be recorded at the moment");
            Err(Failure::plain(RefusalKind::BudgetStoreUnavailable, Next::Final, 0, text))
        }
    }
}

/// A request as a target wants it.
struct Prepared {
    target: String,
    body: Bytes,
    /// We asked for the usage account, the client did not.
    hide_usage: bool,
    /// `stream_options` goes out.
    has_stream_options: bool,
}

fn prepare(call: &Call, errand: &Errand<'_>, target: &Target, door: &Door) -> Prepared {
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
    let mut target_path = fluxa_wire::address::target(style, base_path, path.trim_start_matches('/'), deployment, errand.parts.uri.query(), api_version);
    if path.is_empty() {
        target_path.truncate(target_path.trim_end_matches('/').len());
    }
    let mut edits = Vec::new();
    let model_sent = if style == AddressStyle::ResourceV1 { deployment } else { target.model.as_str() };
    if !model_sent.is_empty() && outline.model_name().is_some_and(|named| named != model_sent) {
        edits.extend(edit::set_model(outline, model_sent));
    }
    let (hide_usage, has_stream_options) = stream_options(call, provider, outline, &mut edits);
    if let Some(cap) = errand.admitted.output_cap {
        edits.extend(edit::set_max(outline, max_field(provider, call.op, &target.model, outline), cap));
    }
    // Edits touch different fields, so they cannot clash; if they ever did, the client's own bytes are the safe choice.
    let body = edit::apply(errand.body, edits).unwrap_or_else(|_| errand.body.clone());
    Prepared { target: target_path, body, hide_usage, has_stream_options }
}

fn address<'a>(provider: &'a ProviderView, door: &Door, op: Op, model: &'a str) -> (AddressStyle, &'a str, Option<&'a str>) {
    match door.style {
        Style::AnthropicV1 => (AddressStyle::AnthropicV1, model, None),
        Style::Azure => {
            let deployment = provider.record.deployments.get(model).map_or(model, String::as_str);
            let version = provider.record.api_version.as_deref();
            let unified = matches!(version, Some("v1" | "preview" | "latest")) || matches!(op, Op::Responses | Op::Other) || model.is_empty();
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
fn stream_options(call: &Call, provider: &ProviderView, outline: &Outline, edits: &mut Vec<Edit>) -> (bool, bool) {
    let streams_chat = call.dialect == Dialect::OpenAi && matches!(call.op, Op::Chat | Op::Completions) && outline.wants_stream();
    let sent = outline.stream_options.is_some();
    if provider.vendor.has(Quirk::NoStreamOptions) || provider.state.refuses_stream_options() {
        if sent {
            edits.extend(edit::drop_stream_options(outline));
        }
        return (false, false);
    }
    if !streams_chat || outline.wants_usage() || provider.vendor.has(Quirk::UsageUnasked) {
        return (false, sent);
    }
    edits.extend(edit::ask_usage(outline));
    (true, true)
}

fn max_field(provider: &ProviderView, op: Op, model: &str, outline: &Outline) -> MaxField {
    if let Some((field, _)) = outline.max.iter().next() {
        return field;
    }
    match provider.vendor.max_tokens_field(op, model) {
        MaxTokensField::MaxCompletionTokens => MaxField::CompletionTokens,
        MaxTokensField::MaxOutputTokens => MaxField::OutputTokens,
        MaxTokensField::MaxTokens | MaxTokensField::GenerationConfig | MaxTokensField::InferenceConfig => MaxField::Tokens,
    }
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
        let bytes = read_whole(worker, &mut body, idle, MAX_ERROR_BYTES).await.unwrap_or_default();
        return Err(refused(provider, key, head, bytes, prepared));
    }
    let media = head.media_type();
    let is_json = media == "application/json" || media.ends_with("+json");
    let packed = head.get("content-encoding").is_some_and(|value| !value.eq_ignore_ascii_case("identity"));
    let framing = if media == "text/event-stream" && !packed {
        Framing::Sse
    } else if is_json && !packed {
        Framing::Json
    } else if packed || matches!(call.op, Op::Audio | Op::Images | Op::Other) {
        Framing::Opaque
    } else if errand.outline.wants_stream() && media != "text/html" {
        Framing::Sse
    } else {
        Framing::Json
    };
    let plan = RelayPlan { dialect: call.dialect, op: call.op, hide_usage: prepared.hide_usage && framing == Framing::Sse, framing };
    match framing {
        Framing::Json => {
            let bytes = read_whole(worker, &mut body, idle, MAX_WHOLE_BYTES).await.map_err(|fault| body_failure(head.status, fault))?;
            match fluxa_wire::answer::answer(call.dialect, call.op, &bytes) {
                Ok(facts) if facts.error.is_some() && call.op != Op::Other => Err(refused(provider, key, head, bytes, prepared)),
                Ok(facts) => Ok(Reply { head, admitted: errand.admitted, body: Committed::Whole(bytes, Some(facts)) }),
                Err(_) if matches!(call.op, Op::Other | Op::Audio) => Ok(Reply { head, admitted: errand.admitted, body: Committed::Whole(bytes, None) }),
                Err(error) => Err(Failure::plain(RefusalKind::UpstreamProtocol, Next::Retry, head.status, error.to_string())),
            }
        }
        Framing::Opaque => {
            let relay = Box::new(Relay::new(plan));
            Ok(Reply { head, admitted: errand.admitted, body: Committed::Stream { body, relay, framing, held: BytesMut::new(), idle, complete: false } })
        }
        Framing::Sse => {
            let mut relay = Relay::new(plan);
            let mut held = BytesMut::new();
            let complete = hold(worker, &mut body, &mut relay, &mut held, provider).await.map_err(|fault| body_failure(head.status, fault))?;
            match relay.verdict() {
                Verdict::Error(_) => Err(refused(provider, key, head, held.freeze(), prepared)),
                Verdict::Undecided if complete && relay.facts().events == 0 => {
                    let text = String::from("the provider's stream is empty or is none");
                    Err(Failure::plain(RefusalKind::UpstreamProtocol, Next::Retry, head.status, text))
                }
                Verdict::Undecided | Verdict::Content => {
                    let body = Committed::Stream { body, relay: Box::new(relay), framing, held, idle, complete };
                    Ok(Reply { head, admitted: errand.admitted, body })
                }
            }
        }
    }
}

/// Reads a stream until its first content, so that until then another target can take over. True when it is over already.
async fn hold(worker: &Rc<Worker>, body: &mut AnswerBody, relay: &mut Relay, held: &mut BytesMut, provider: &ProviderView) -> Result<bool, Broken> {
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
        Broken::Fault(BodyFault::Coding) => Failure::plain(RefusalKind::UpstreamProtocol, Next::Retry, status, BodyFault::Coding.to_string()),
        Broken::Silent => Failure::plain(RefusalKind::UpstreamTimeout, Next::OtherTarget, status, String::from("the provider fell silent in the middle of its answer")),
        Broken::TooLarge => Failure::plain(RefusalKind::UpstreamProtocol, Next::OtherTarget, status, String::from("the provider's answer is too large")),
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
fn refused(provider: &ProviderView, key: Option<usize>, head: crate::upstream::AnswerHead, body: Bytes, prepared: &Prepared) -> Failure {
    let error = read_error(head.status, strip_frame(&body));
    if prepared.has_stream_options && prepared.hide_usage && matches!(head.status, 400 | 422) && error.mentions_stream_options {
        provider.state.learn_no_stream_options();
        return Failure::plain(RefusalKind::InvalidRequest, Next::SameAgain, head.status, String::from("the provider refuses stream_options: asked again without"));
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
