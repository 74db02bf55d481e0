//! From an HTTP request to an operation, and from a refusal to an HTTP answer in the asker's dialect.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use bytes::Bytes;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::net::client_ip;
use fluxa_domain::refusal::{Refusal, RefusalKind};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use crate::call::{Call, Ending};
use crate::pipeline;
use crate::reply::{self, ReplyBody, put, put_number};
use crate::worker::Worker;

/// Longest `x-request-id` that is taken over from a client.
const MAX_REQUEST_ID_BYTES: usize = 128;
/// Longest path and query.
const MAX_URI_BYTES: usize = 8 * 1024;

/// A request that is the data plane's business.
pub(crate) struct Inbound {
    pub(crate) parts: Parts,
    pub(crate) body: Incoming,
    pub(crate) dialect: Dialect,
    pub(crate) op: Op,
    /// The path below `/v1/`, as sent.
    pub(crate) path: String,
    /// The client's address, behind trusted proxies too.
    pub(crate) ip: IpAddr,
}

/// What a path stands for.
enum Route {
    Home,
    Alive,
    Ready,
    Models(Dialect, Option<String>),
    Call(Dialect, Op, String),
    Elsewhere,
}

fn route(method: &Method, path: &str, headers: &HeaderMap) -> Route {
    match path {
        "/healthz" => return Route::Alive,
        "/readyz" => return Route::Ready,
        "/" if matches!(*method, Method::GET | Method::HEAD) => return Route::Home,
        _ => {}
    }
    if path.starts_with("/v1beta/") {
        return Route::Call(Dialect::Gemini, Op::GenerateContent, path.trim_start_matches("/v1beta/").to_owned());
    }
    let Some(below) = path.strip_prefix("/v1/") else { return Route::Elsewhere };
    let asks_anthropic = headers.contains_key("anthropic-version");
    let by_header = if asks_anthropic { Dialect::Anthropic } else { Dialect::OpenAi };
    let post = *method == Method::POST;
    let (dialect, op) = match below.trim_end_matches('/') {
        "chat/completions" if post => (Dialect::OpenAi, Op::Chat),
        "completions" if post => (Dialect::OpenAi, Op::Completions),
        "embeddings" if post => (Dialect::OpenAi, Op::Embeddings),
        "responses" if post => (Dialect::OpenAi, Op::Responses),
        "moderations" if post => (Dialect::OpenAi, Op::Moderations),
        "rerank" if post => (Dialect::OpenAi, Op::Rerank),
        "messages" if post => (Dialect::Anthropic, Op::Messages),
        "messages/count_tokens" if post => (Dialect::Anthropic, Op::CountTokens),
        "models" if matches!(*method, Method::GET | Method::HEAD) => return Route::Models(by_header, None),
        rest if rest.starts_with("images/") && post => (Dialect::OpenAi, Op::Images),
        rest if rest.starts_with("audio/") && post => (Dialect::OpenAi, Op::Audio),
        rest if rest.starts_with("models/") && matches!(*method, Method::GET | Method::HEAD) => {
            let id = rest.trim_start_matches("models/");
            return Route::Models(by_header, Some(percent_decode(id)));
        }
        rest if rest == "messages" || rest.starts_with("messages/") => (Dialect::Anthropic, Op::Other),
        _ => (by_header, Op::Other),
    };
    Route::Call(dialect, op, below.trim_end_matches('/').to_owned())
}

/// Answers one request, whatever it is.
pub(crate) async fn answer(worker: Rc<Worker>, request: Request<Incoming>, peer: SocketAddr) -> Response<ReplyBody> {
    let uri = request.uri();
    if uri.path().len() + uri.query().map_or(0, str::len) > MAX_URI_BYTES {
        return status_only(StatusCode::URI_TOO_LONG);
    }
    match route(request.method(), uri.path(), request.headers()) {
        Route::Alive => text(StatusCode::OK, "ok\n"),
        Route::Ready => match worker.gateway.unready() {
            None => text(StatusCode::OK, "ready\n"),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, why),
        },
        Route::Home => json(StatusCode::OK, Bytes::from_static(b"{\"service\":\"fluxa\",\"docs\":\"OpenAI dialect at /v1, Anthropic dialect at /v1/messages\"}\n")),
        Route::Elsewhere => elsewhere(&worker, request, peer).await,
        Route::Models(dialect, id) => {
            let at = crate::clock::now();
            let (parts, _) = request.into_parts();
            let ip = caller_ip(&worker, &parts.headers, peer);
            let request_id = request_id(&parts.headers);
            match crate::models::answer(&worker, &parts, dialect, id.as_deref(), ip, at).await {
                Ok(body) => {
                    let mut response = json(StatusCode::OK, body);
                    let id = worker.call_id(at).to_string();
                    stamp(response.headers_mut(), dialect, request_id.as_deref().unwrap_or(&id), &id);
                    response
                }
                Err(refusal) => {
                    let id = worker.call_id(at).to_string();
                    refuse(dialect, &refusal, request_id.as_deref().unwrap_or(&id), &id, 0)
                }
            }
        }
        Route::Call(dialect, op, path) => {
            let (parts, body) = request.into_parts();
            let ip = caller_ip(&worker, &parts.headers, peer);
            call(&worker, Inbound { parts, body, dialect, op, path, ip }).await
        }
    }
}

/// One call through the pipeline; a refusal is rendered and gets its row here, in one place.
async fn call(worker: &Rc<Worker>, inbound: Inbound) -> Response<ReplyBody> {
    let at = crate::clock::now();
    let id = worker.call_id(at);
    let own = id.to_string();
    let request_id = request_id(&inbound.parts.headers).unwrap_or_else(|| own.clone());
    let (dialect, op) = (inbound.dialect, inbound.op);
    let mut call = Call::new(worker, at, id, request_id.clone(), dialect, op);
    match Box::pin(pipeline::handle(worker, &mut call, inbound)).await {
        Ok(reply) => {
            let mut response = reply.into_response(call);
            stamp(response.headers_mut(), dialect, &request_id, &own);
            response
        }
        Err(stop) => {
            let attempts = call.entry.attempts.len() as u64;
            let status = fluxa_wire::refuse::status(dialect, &stop.refusal);
            // A stranger's refusals get no rows of their own: made-up keys must not fill the ledger.
            call.keep_row = !call.entry.key_id.is_empty();
            call.release();
            call.sent = false;
            let (provider, model) = (call.entry.provider.clone(), call.entry.upstream_model.clone());
            call.finish(Ending { status, error: stop.refusal.kind.code(), complete: true, ..Ending::default() });
            let mut response = refuse(dialect, &stop.refusal, &request_id, &own, attempts);
            if !provider.is_empty() {
                put(response.headers_mut(), reply::X_FLUXA_PROVIDER, &provider);
                put(response.headers_mut(), reply::X_FLUXA_MODEL, &model);
            }
            for (name, value) in stop.headers {
                put(response.headers_mut(), name, &value);
            }
            response
        }
    }
}

async fn elsewhere(worker: &Rc<Worker>, request: Request<Incoming>, peer: SocketAddr) -> Response<ReplyBody> {
    if let Some(mount) = &worker.gateway.mount {
        let ip = caller_ip(worker, request.headers(), peer);
        return mount.call(request, ip).await.map(ReplyBody::Mounted);
    }
    let id = worker.call_id(crate::clock::now()).to_string();
    refuse(Dialect::OpenAi, &Refusal::new(RefusalKind::NotFound, "no such path"), &id, &id, 0)
}

fn caller_ip(worker: &Worker, headers: &HeaderMap, peer: SocketAddr) -> IpAddr {
    let trusted = &worker.settings().trusted_proxies;
    if trusted.is_empty() {
        return peer.ip();
    }
    client_ip(peer.ip(), headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes), trusted)
}

/// The virtual key, as each dialect's clients send it.
pub(crate) fn token<'a>(headers: &'a HeaderMap, query: Option<&'a str>, dialect: Dialect) -> Option<&'a str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).filter(|value| !value.is_empty());
    let bearer = || {
        let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, rest) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim()).filter(|rest| !rest.is_empty())
    };
    bearer()
        .or_else(|| header("x-api-key"))
        .or_else(|| header("api-key"))
        .or_else(|| header("x-goog-api-key"))
        .or_else(|| if dialect == Dialect::Gemini { query?.split('&').find_map(|pair| pair.strip_prefix("key=")) } else { None })
}

/// The client's id for this request, if it can go into logs and headers as it is.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(&reply::X_REQUEST_ID)?.to_str().ok()?;
    let sane = !text.is_empty()
        && text.len() <= MAX_REQUEST_ID_BYTES
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/' | b'='));
    sane.then(|| text.to_owned())
}

/// The headers that every answer of the data plane carries.
fn stamp(headers: &mut HeaderMap, dialect: Dialect, request_id: &str, own: &str) {
    put(headers, reply::X_REQUEST_ID, request_id);
    put(headers, reply::X_FLUXA_ID, own);
    if dialect == Dialect::Anthropic {
        put(headers, reply::REQUEST_ID, request_id);
    }
}

/// Renders a refusal.
pub(crate) fn refuse(dialect: Dialect, refusal: &Refusal, request_id: &str, own: &str, attempts: u64) -> Response<ReplyBody> {
    let status = fluxa_wire::refuse::status(dialect, refusal);
    let mut response = json(
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        fluxa_wire::refuse::refuse(dialect, refusal, request_id),
    );
    let headers = response.headers_mut();
    stamp(headers, dialect, request_id, own);
    put_number(headers, reply::X_FLUXA_ATTEMPTS, attempts);
    if let Some(seconds) = refusal.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    match refusal.kind.should_retry() {
        Some(true) => put(headers, reply::X_SHOULD_RETRY, "true"),
        Some(false) => put(headers, reply::X_SHOULD_RETRY, "false"),
        None => {}
    }
    response
}

pub(crate) fn json(status: StatusCode, body: Bytes) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text(status: StatusCode, body: &'static str) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::full(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn status_only(status: StatusCode) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::full(Bytes::new()));
    *response.status_mut() = status;
    response
}

fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let pair = if byte == b'%' { after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok()) } else { None };
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(value) => {
                out.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_where_each_dialect_sends_them() {
        let check = |lines: &[(&'static str, &'static str)], query: Option<&'static str>, dialect: Dialect, expect: Option<&str>| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(token(&headers, query, dialect), expect, "{lines:?}");
        };
        check(&[("authorization", "Bearer vk-1")], None, Dialect::OpenAi, Some("vk-1"));
        check(&[("authorization", "bearer  vk-1 ")], None, Dialect::OpenAi, Some("vk-1"));
        check(&[("authorization", "Basic abc"), ("x-api-key", "vk-2")], None, Dialect::Anthropic, Some("vk-2"));
        check(&[("x-goog-api-key", "vk-3")], None, Dialect::Gemini, Some("vk-3"));
        check(&[], Some("alt=sse&key=vk-4"), Dialect::Gemini, Some("vk-4"));
        check(&[], Some("key=vk-4"), Dialect::OpenAi, None);
        check(&[("authorization", "Bearer ")], None, Dialect::OpenAi, None);
    }

    #[test]
    fn model_ids_are_decoded() {
        assert_eq!(percent_decode("openai%2Fgpt-4o"), "openai/gpt-4o");
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%zz"), "%zz");
    }
}
