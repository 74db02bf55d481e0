//! The calls to vendors: targets in order, keys in turn, retries with pauses, until one answer is committed to.

mod attempt;
mod failure;
mod retry_budget;
mod target;

use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fluxa_domain::route::backoff_ms;
use fluxa_wire::body::fields::Outline;
use fluxa_wire::facts::Facts;
use fluxa_wire::relay::{Framing, Relay};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

pub(crate) use retry_budget::RetryBudget;
pub(crate) use target::{Target, plan};

use crate::admission::{Admitted, Priced};
use crate::call::{Call, Ending};
use crate::pipeline::Stop;
use crate::relay::{RelayBody, ending, extend};
use crate::reply::{self, ReplyBody, put, put_number};
use crate::upstream::{AnswerBody, AnswerHead};
use crate::worker::Worker;
use failure::{Failure, Next};

/// A vendor that asks for a longer pause than this is left alone: the client is told instead of kept waiting.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Attempts of one call, whatever routes and keys allow.
const MAX_ATTEMPTS: usize = 12;

/// What is to be sent, whoever it goes to.
pub(crate) struct Errand<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) path: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a Bytes,
    pub(crate) outline: &'a Outline,
    pub(crate) admitted: Admitted,
}

/// An answer that was committed to.
pub(crate) struct Reply {
    head: AnswerHead,
    admitted: Admitted,
    body: Committed,
}

/// Its body.
enum Committed {
    /// Read whole; what it told, where it was understood.
    Whole(Bytes, Option<Facts>),
    /// To be relayed.
    Stream { body: AnswerBody, relay: Box<Relay>, framing: Framing, held: BytesMut, idle: Duration, complete: bool },
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
        if more && !target.provider.state.allows(crate::clock::now()) {
            note(call, target, 0, 0, "not asked: it failed too often a moment ago");
            continue;
        }
        call.price.clone_from(&priced.price);
        let mut tried_keys = Vec::new();
        let mut retries = 0;
        while call.entry.attempts.len() < MAX_ATTEMPTS {
            let before = call.elapsed_ms();
            match attempt::run(worker, call, errand, target, &mut tried_keys).await {
                Ok(reply) => {
                    target.provider.state.succeeded();
                    note(call, target, reply.head.status, call.elapsed_ms() - before, "");
                    return Ok(reply);
                }
                Err(failure) => {
                    note(call, target, failure.upstream_status, call.elapsed_ms() - before, &failure.why);
                    if failure.blames_provider() {
                        target.provider.state.failed(crate::clock::now(), &failure.why);
                    }
                    let next = failure.next;
                    let pause = failure.pause_ms;
                    last = Some(failure);
                    match next {
                        Next::OtherKey if tried_keys.len() < target.provider.keys.len() => {}
                        Next::SameAgain => {}
                        Next::Retry if retries < target.retries && worker.retries.allows() => {
                            let wait = Duration::from_millis(backoff_ms(retries, pause, worker.roll()));
                            if wait > LONGEST_PAUSE {
                                break;
                            }
                            retries += 1;
                            tried_keys.clear();
                            extend(call);
                            tokio::time::sleep(wait).await;
                        }
                        Next::Final => return last.map_or_else(|| Err(failure::nothing_tried()), |failure| failure.into_reply(call, errand)),
                        Next::OtherKey | Next::Retry | Next::OtherTarget => break,
                    }
                }
            }
        }
    }
    last.map_or_else(|| Err(failure::nothing_tried()), |failure| failure.into_reply(call, errand))
}

fn note(call: &mut Call, target: &Target, status: u16, ms: u64, why: &str) {
    target.provider.record.name.clone_into(&mut call.entry.provider);
    target.model.clone_into(&mut call.entry.upstream_model);
    call.entry.attempts.push(fluxa_domain::entry::AttemptRow {
        provider: target.provider.record.name.clone(),
        model: target.model.clone(),
        status,
        ms,
        why: why.to_owned(),
    });
}

impl Reply {
    /// An answer of a vendor that is passed on though it is an error.
    fn whole(head: AnswerHead, admitted: Admitted, body: Bytes) -> Self {
        Self { head, admitted, body: Committed::Whole(body, None) }
    }

    /// The HTTP answer. A whole answer is settled here, a stream when it ends.
    pub(crate) fn into_response(self, mut call: Call) -> Response<ReplyBody> {
        let Self { head, admitted, body } = self;
        let mut response = Response::new(ReplyBody::Full(None));
        *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let headers = response.headers_mut();
        crate::head::pass_back(&head, headers);
        crate::head::standing(&admitted.standing, headers);
        put(headers, reply::X_FLUXA_PROVIDER, &call.entry.provider);
        put(headers, reply::X_FLUXA_MODEL, &call.entry.upstream_model);
        put_number(headers, reply::X_FLUXA_ATTEMPTS, call.entry.attempts.len() as u64);
        if admitted.output_cap.is_some() {
            put(headers, reply::X_FLUXA_DEGRADED, "output_capped_by_budget");
        }
        call.entry.status = head.status;
        call.first_byte();
        let body = match body {
            Committed::Whole(bytes, facts) => {
                if call.worker.settings().store_content {
                    call.entry.response_body = Some(String::from_utf8_lossy(&bytes).into_owned());
                }
                let failed = head.status >= 400;
                if failed {
                    call.sent = false;
                }
                let ended = facts.as_ref().map_or_else(|| Ending { complete: true, ..Ending::default() }, ending);
                let error = if failed { fluxa_domain::refusal::RefusalKind::Upstream.code() } else { "" };
                let charged = call.finish(Ending { error, ..ended });
                put(headers, reply::X_FLUXA_COST, &charged.cost.to_decimal_usd());
                put(headers, reply::X_FLUXA_COST_STATE, charged.state.name());
                ReplyBody::full(bytes)
            }
            Committed::Stream { body, relay, framing, held, idle, complete } => {
                ReplyBody::Relay(Box::new(RelayBody::new(call, body, *relay, framing, held, idle, complete)))
            }
        };
        *response.body_mut() = body;
        response
    }
}
