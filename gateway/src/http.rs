//! From an HTTP request to an operation, and from a refusal to an HTTP answer in the asker's dialect.

use std::cell::Cell;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::net::client_ip;
use fluxa_domain::refusal::{Refusal, RefusalKind};
use hyper::body::Incoming;
use hyper::header::{ALLOW, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Version};

use crate::call::{Call, Ending};
use crate::metrics::Metrics;
use crate::pass_path;
use crate::pipeline::{self, Stop};
use crate::reply::{self, ReplyBody, put, put_number};
use crate::worker::Worker;

/// Longest `x-request-id` that is taken over from a client.
const MAX_REQUEST_ID_BYTES: usize = 128;
/// Longest path and query.
const MAX_URI_BYTES: usize = 8 * 1024;
/// Methods that the data plane takes; what others mean to a vendor (TRACE, CONNECT, a word of one's own) is nothing to find out.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";

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
    /// Not asked of any vendor.
    Refused(Dialect, Refusal),
    Elsewhere,
}

fn takes(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE)
}

fn not_taken() -> Refusal {
    Refusal::new(RefusalKind::MethodNotAllowed, format!("this method is not taken here: use one of {METHODS}"))
}

fn route(method: &Method, path: &str, headers: &HeaderMap) -> Route {
    match path {
        "/healthz" => return Route::Alive,
        "/readyz" => return Route::Ready,
        "/" if matches!(*method, Method::GET | Method::HEAD) => return Route::Home,
        _ => {}
    }
    if *method == Method::CONNECT {
        return Route::Refused(Dialect::OpenAi, not_taken());
    }
    if path.starts_with("/v1beta/") {
        if !takes(method) {
            return Route::Refused(Dialect::Gemini, not_taken());
        }
        return gemini(method, path.trim_start_matches("/v1beta/"));
    }
    let Some(below) = path.strip_prefix("/v1/") else { return Route::Elsewhere };
    // Google's newer clients ask for the same below `/v1`.
    if takes(method) && is_gemini(&pass_path::decode(below)) {
        return gemini(method, below);
    }
    let asks_anthropic = headers.contains_key("anthropic-version");
    let asks_gemini = headers.contains_key("x-goog-api-key") && !headers.contains_key(AUTHORIZATION);
    let by_header = match (asks_anthropic, asks_gemini) {
        (true, _) => Dialect::Anthropic,
        (false, true) if below == "models" || below.starts_with("models/") => Dialect::Gemini,
        _ => Dialect::OpenAi,
    };
    if !takes(method) {
        let named = if below.starts_with("messages") { Dialect::Anthropic } else { by_header };
        return Route::Refused(named, not_taken());
    }
    let post = *method == Method::POST;
    let below = below.strip_suffix('/').unwrap_or(below);
    // `%63hat/completions` is `chat/completions` to a vendor, so it is to us: else it would be passed on unmetered.
    let meant = pass_path::decode(below);
    let (dialect, op) = match meant.as_str() {
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
            return Route::Models(by_header, Some(id.to_owned()));
        }
        rest if rest == "messages" || rest.starts_with("messages/") => (Dialect::Anthropic, Op::Other),
        _ => (by_header, Op::Other),
    };
    // The other operations have their one path; these bring the client's own to the vendor.
    if matches!(op, Op::Images | Op::Audio | Op::Other) && !pass_path::is_sound(below) {
        let text = "this path is not passed on: it has empty or dotted parts, or encoded separators";
        return Route::Refused(dialect, Refusal::new(RefusalKind::InvalidRequest, text));
    }
    let known = !matches!(op, Op::Images | Op::Audio | Op::Other);
    let path = if known { meant } else { below.to_owned() };
    Route::Call(dialect, op, path)
}

/// Whether a path below `/v1/` is a call of Gemini's: `models/NAME:method`.
fn is_gemini(below: &str) -> bool {
    const METHODS: [&str; 5] = ["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"];
    below.strip_prefix("models/").and_then(|rest| rest.rsplit_once(':')).is_some_and(|(_, method)| METHODS.contains(&method))
}

/// Below `/v1beta/`: Gemini's own paths.
fn gemini(method: &Method, below: &str) -> Route {
    let below = below.strip_suffix('/').unwrap_or(below);
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if below == "models" && reads {
        return Route::Models(Dialect::Gemini, None);
    }
    if let Some(id) = below.strip_prefix("models/").filter(|id| reads && !id.contains(':')) {
        return Route::Models(Dialect::Gemini, Some(pass_path::decode(id)));
    }
    // `x:%67enerateContent` and `x%3AgenerateContent` are what they say to a vendor, so they are to us: else they would be passed on
    // unmetered.
    let meant = pass_path::decode(below);
    let op = match meant.rsplit_once(':').map(|(_, method)| method) {
        Some("generateContent" | "streamGenerateContent") if *method == Method::POST => Op::GenerateContent,
        Some("countTokens") if *method == Method::POST => Op::CountTokens,
        Some("embedContent" | "batchEmbedContents") if *method == Method::POST => Op::Embeddings,
        _ => Op::Other,
    };
    if !pass_path::is_sound(below) {
        let text = "this path is not passed on: it has empty or dotted parts, or encoded separators";
        return Route::Refused(Dialect::Gemini, Refusal::new(RefusalKind::InvalidRequest, text));
    }
    let path = if op == Op::Other { below.to_owned() } else { meant };
    Route::Call(Dialect::Gemini, op, path)
}

/// What a path of Gemini's says: `models/NAME:method`.
pub(crate) struct GeminiCall {
    /// The model, decoded.
    pub(crate) model: String,
    /// The answer is to be streamed.
    pub(crate) stream: bool,
}

/// Reads the model and the method out of a path of Gemini's clients.
pub(crate) fn gemini_call(dialect: Dialect, path: &str) -> Option<GeminiCall> {
    if dialect != Dialect::Gemini {
        return None;
    }
    let (model, method) = path.rsplit_once(':')?;
    let model = model.strip_prefix("models/").unwrap_or(model);
    Some(GeminiCall { model: pass_path::decode(model), stream: method == "streamGenerateContent" })
}

/// Answers one request, whatever it is.
pub(crate) async fn answer(worker: Rc<Worker>, request: Request<Incoming>, peer: SocketAddr) -> Response<ReplyBody> {
    let uri = request.uri();
    if uri.path().len() + uri.query().map_or(0, str::len) > MAX_URI_BYTES {
        let refusal =
            Refusal::new(RefusalKind::InvalidRequest, format!("the address is longer than {MAX_URI_BYTES} bytes")).with_status(414);
        return refuse_early(&worker, request.headers(), Dialect::OpenAi, &refusal);
    }
    if let Some(what) = ambiguous(&request) {
        let mut response = refuse_early(&worker, request.headers(), Dialect::OpenAi, &Refusal::new(RefusalKind::InvalidRequest, what));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    match route(request.method(), uri.path(), request.headers()) {
        Route::Alive => text(StatusCode::OK, "ok\n"),
        Route::Ready => match worker.gateway.unready() {
            None => text(StatusCode::OK, ready_text(&worker.gateway.degraded())),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, why),
        },
        Route::Home => json(
            StatusCode::OK,
            Bytes::from_static(b"{\"service\":\"fluxa\",\"docs\":\"OpenAI dialect at /v1, Anthropic dialect at /v1/messages, Gemini dialect at /v1beta\"}\n"),
        ),
        Route::Elsewhere => elsewhere(&worker, request, peer).await,
        Route::Refused(dialect, refusal) => {
            let mut response = refuse_early(&worker, request.headers(), dialect, &refusal);
            if refusal.kind == RefusalKind::MethodNotAllowed {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static(METHODS));
            }
            response
        }
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
            if op == Op::Other
                && let Some(id) = path.strip_prefix("responses/")
                && let Some(kept) = kept_response(&worker, &parts, ip, id).await
            {
                return kept;
            }
            call(&worker, Inbound { parts, body, dialect, op, path, ip }).await
        }
    }
}

/// Shows or forgets a response that is kept here; nothing where it is not, or something else is asked of it: then it is a vendor's.
async fn kept_response(worker: &Rc<Worker>, parts: &Parts, ip: IpAddr, id: &str) -> Option<Response<ReplyBody>> {
    if !matches!(parts.method, Method::GET | Method::DELETE) || id.contains('/') {
        return None;
    }
    let at = crate::clock::now();
    let own = worker.call_id(at).to_string();
    let request_id = request_id(&parts.headers).unwrap_or_else(|| own.clone());
    let gateway = &worker.gateway;
    let found = async {
        let (access, _) = gateway.keys.identify(&gateway.store, token(&parts.headers, parts.uri.query(), Dialect::OpenAi), at).await?;
        access.key.may_enter(ip, at)?;
        let key = access.key.id.as_str();
        if parts.method == Method::GET {
            return gateway.conversations.response(&gateway.store, key, id, at).await;
        }
        let gone = gateway.conversations.forget(&gateway.store, key, id).await?;
        Ok(gone.then(|| serde_json::json!({"id": id, "object": "response.deleted", "deleted": true})))
    };
    match found.await {
        Ok(found) => {
            let mut response = json(StatusCode::OK, Bytes::from(found?.to_string()));
            stamp(response.headers_mut(), Dialect::OpenAi, &request_id, &own);
            Some(response)
        }
        Err(refusal) => Some(refuse(Dialect::OpenAi, &refusal, &request_id, &own, 0)),
    }
}

/// What another server might read differently: such a request is refused and its connection closed (RFC 9112 §3.2 and §6.1).
fn ambiguous<B>(request: &Request<B>) -> Option<&'static str> {
    let headers = request.headers();
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_authority(host.as_bytes()) => {}
        (None, _) if request.version() < Version::HTTP_11 => {}
        _ => return Some("the request needs exactly one valid host header"),
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => None,
        (Some(coding), None) if coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => None,
        _ => Some("the only transfer-encoding here is a single chunked"),
    }
}

/// `host`, `host:port` or `[v6]:port`; no user, no list, no blank.
fn is_authority(host: &[u8]) -> bool {
    let sound = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'~' | b'%');
    !host.is_empty() && host.iter().all(sound)
}

/// A refusal before there is a call: with ids, without a row.
fn refuse_early(worker: &Worker, headers: &HeaderMap, dialect: Dialect, refusal: &Refusal) -> Response<ReplyBody> {
    let own = worker.call_id(crate::clock::now()).to_string();
    refuse(dialect, refusal, request_id(headers).as_deref().unwrap_or(&own), &own, 0)
}

/// One call through the pipeline; a refusal is rendered and gets its row here, in one place.
async fn call(worker: &Rc<Worker>, inbound: Inbound) -> Response<ReplyBody> {
    let at = crate::clock::now();
    let id = worker.call_id(at);
    let own = id.to_string();
    let request_id = request_id(&inbound.parts.headers).unwrap_or_else(|| own.clone());
    let (dialect, op) = (inbound.dialect, inbound.op);
    let mut call = Call::new(worker, at, id, request_id.clone(), dialect, op);
    let handled = guarded(&worker.cut, &worker.gateway.metrics, pipeline::handle(worker, &mut call, inbound)).await;
    match handled {
        Ok(reply) => {
            let mut response = reply.into_response(call);
            stamp(response.headers_mut(), dialect, &request_id, &own);
            if matches!(response.body(), ReplyBody::Full(_)) {
                // What a client has been told is written: its call cannot become an estimate any more.
                worker.desk.written().await;
            }
            response
        }
        Err(mut stop) => {
            let asked_someone = call.tried > 0;
            let guard = call.guard.as_deref_mut();
            let found = guard.and_then(|guard| {
                if asked_someone {
                    guard.words(&mut stop.refusal);
                }
                guard.header()
            });
            let status = fluxa_wire::refuse::status(dialect, &stop.refusal);
            // An attempt that was cut off in the middle.
            call.give_up_attempt(stop.refusal.kind == RefusalKind::UpstreamTimeout);
            if !call.owes() {
                call.release();
            }
            let attempts = call.tried;
            let (provider, model) = (call.entry.provider.clone(), call.entry.upstream_model.clone());
            call.finish(Ending { status, error: stop.refusal.kind.code(), complete: true, ..Ending::default() });
            let mut response = refuse(dialect, &stop.refusal, &request_id, &own, attempts);
            if !provider.is_empty() {
                put(response.headers_mut(), reply::X_FLUXA_PROVIDER, &provider);
                put(response.headers_mut(), reply::X_FLUXA_MODEL, &model);
            }
            if let Some(found) = found {
                put(response.headers_mut(), reply::X_FLUXA_FIREWALL, &found);
            }
            for (name, value) in stop.headers {
                put(response.headers_mut(), name, &value);
            }
            response
        }
    }
}

/// Runs the pipeline of one call: a panic in it, and the end of the drain, end this call and nothing else.
async fn guarded<T>(cut: &Cell<bool>, metrics: &Metrics, handling: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let mut handling = pin!(handling);
    std::future::poll_fn(|cx| {
        if cut.get() {
            return Poll::Ready(Err(Refusal::new(RefusalKind::ShuttingDown, "the gateway is stopping").retry_after(1).into()));
        }
        std::panic::catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx))).unwrap_or_else(|_| {
            metrics.panicked();
            Poll::Ready(Err(Refusal::new(RefusalKind::Internal, "the gateway failed at this call").into()))
        })
    })
    .await
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

/// The query in which a key may stand: Google's clients put it there, below `/v1beta` and nowhere else.
pub(crate) fn key_query(uri: &hyper::Uri) -> Option<&str> {
    uri.query().filter(|_| uri.path().starts_with("/v1beta/"))
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

/// What `/readyz` says where traffic is welcome.
fn ready_text(degraded: &[&str]) -> String {
    if degraded.is_empty() { String::from("ready\n") } else { format!("ready; degraded: {}\n", degraded.join(", ")) }
}

fn text(status: StatusCode, body: impl Into<String>) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::full(Bytes::from(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
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

    #[tokio::test]
    async fn a_panic_ends_one_call_and_so_does_the_end_of_the_drain() {
        let (cut, metrics) = (Cell::new(false), Metrics::default());
        let kind = |ended: Result<(), Stop>| ended.err().map(|stop| stop.refusal.kind);
        let fine = guarded(&cut, &metrics, async { Ok(()) }).await;
        assert_eq!(kind(fine), None);
        let broken = guarded(&cut, &metrics, async { if cut.get() { Ok(()) } else { panic!("a bug") } }).await;
        assert_eq!(kind(broken), Some(RefusalKind::Internal));
        assert!(metrics.render(crate::metrics::Gauges::default()).contains("fluxa_panics_total 1"));
        cut.set(true);
        let late = guarded(&cut, &metrics, std::future::pending()).await;
        assert_eq!(kind(late), Some(RefusalKind::ShuttingDown));
    }

    #[test]
    fn a_path_in_disguise_is_what_it_decodes_to() {
        let check = |path: &str, op: Op, sent: &str| match route(&Method::POST, path, &HeaderMap::new()) {
            Route::Call(_, found, below) => assert_eq!((found, below.as_str()), (op, sent), "{path}"),
            _ => panic!("{path} is no call"),
        };
        check("/v1/%63hat/completions", Op::Chat, "chat/completions");
        check("/v1/chat/%63ompletions/", Op::Chat, "chat/completions");
        check("/v1/%72esponses", Op::Responses, "responses");
        check("/v1/m%65ssages", Op::Messages, "messages");
        check("/v1beta/models/x:%67enerateContent", Op::GenerateContent, "models/x:generateContent");
        check("/v1/models/x:%67enerateContent", Op::GenerateContent, "models/x:generateContent");
        check("/v1beta/models/x%3AgenerateContent", Op::GenerateContent, "models/x:generateContent");
        check("/v1beta/models/x:stream%47enerateContent", Op::GenerateContent, "models/x:streamGenerateContent");
        check("/v1/%69mages/generations", Op::Images, "%69mages/generations");
        check("/v1/files/a%20b", Op::Other, "files/a%20b");
        let model = gemini_call(Dialect::Gemini, "models/x:streamGenerateContent").map(|call| (call.model, call.stream));
        assert_eq!(model, Some((String::from("x"), true)));
    }

    #[test]
    fn googles_clients_are_known_below_both_versions() {
        let dialect = |path: &str, header: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header, HeaderValue::from_static("x"));
            match route(if path.contains(':') { &Method::POST } else { &Method::GET }, path, &headers) {
                Route::Call(dialect, op, _) => (dialect, op.name()),
                Route::Models(dialect, _) => (dialect, "models"),
                _ => panic!("{path}"),
            }
        };
        for version in ["/v1", "/v1beta"] {
            assert_eq!(dialect(&format!("{version}/models/a/b:generateContent"), "x-goog-api-key"), (Dialect::Gemini, "generate_content"));
            assert_eq!(dialect(&format!("{version}/models/m:countTokens"), "x-goog-api-key"), (Dialect::Gemini, "count_tokens"));
            assert_eq!(dialect(&format!("{version}/models"), "x-goog-api-key"), (Dialect::Gemini, "models"));
        }
        assert_eq!(dialect("/v1/models", "authorization"), (Dialect::OpenAi, "models"));
        assert_eq!(dialect("/v1/models", "anthropic-version"), (Dialect::Anthropic, "models"));
        assert_eq!(dialect("/v1/models/ft:gpt-4o:x", "authorization"), (Dialect::OpenAi, "other"));
    }

    #[test]
    fn odd_methods_and_paths_reach_no_vendor() {
        let refused = |method: &str, path: &str| match route(&method.parse().unwrap(), path, &HeaderMap::new()) {
            Route::Refused(_, refusal) => Some(refusal.status()),
            _ => None,
        };
        for method in ["TRACE", "OPTIONS", "BREW", "CONNECT", "get"] {
            assert_eq!(refused(method, "/v1/chat/completions"), Some(405), "{method}");
            assert_eq!(refused(method, "/v1/files"), Some(405), "{method}");
        }
        assert_eq!(refused("TRACE", "/v1beta/models/x:generateContent"), Some(405));
        for path in ["/v1/../admin", "/v1/files/%2e%2e/x", "/v1//files", "/v1/files//", "/v1/images/..", "/v1/"] {
            assert_eq!(refused("POST", path), Some(400), "{path}");
        }
        for path in ["/v1/chat/completions", "/v1/chat/completions/", "/v1/files/file-1/content", "/v1/images/edits"] {
            assert_eq!(refused("POST", path), None, "{path}");
        }
    }
}
