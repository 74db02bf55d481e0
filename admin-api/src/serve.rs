//! The entrance: mounts every row of the list behind [`Authorized`], reads body and query as the row
//! says, and puts the same headers on every answer.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawPathParams, Request, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use bytes::{Bytes, BytesMut};
use fluxa_domain::change::{Actor, Change, Revision};
use fluxa_domain::price::PriceRow;
use fluxa_domain::time::Micros;
use fluxa_store::CommitError;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tokio::sync::Mutex;

use crate::admin::Admin;
use crate::apply::{ApplyError, apply};
use crate::auth::{Authorized, Throttle};
use crate::endpoints::{Endpoint, Takes, Verb, endpoints};
use crate::json::{Fields, JsonFault, Node};
use crate::problem::Problem;
use crate::query::Query;
use crate::resources::firewall::Rules;

/// A body must be complete within this time, however it dribbles.
const BODY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// Bodies of ordinary requests: the largest is a provider with headers and keys, a few kB.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Lists of words (100,000 of them) and texts to be tried (512 kB, which escapes make longer).
const MAX_LARGE_BYTES: usize = 4 * 1024 * 1024;
/// A price import: LiteLLM's file is about 3 MB and grows.
const MAX_IMPORT_BYTES: usize = 16 * 1024 * 1024;

/// Headers of every answer: nothing here may be cached, sniffed, framed or referred from.
const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Everything under `/admin`.
pub fn router(admin: Arc<Admin>) -> Router {
    let desk = Arc::new(Desk {
        admin,
        throttle: Throttle::default(),
        writes: Mutex::new(()),
        builtin_prices: fluxa_domain::prices::builtin(),
        rules: Rules::default(),
    });
    let mut router: Router<Arc<Desk>> = Router::new();
    for endpoint in endpoints() {
        let entrance = move |state, authorized, params, request| enter(endpoint, state, authorized, params, request);
        router = router.route(endpoint.path, on(filter(endpoint.verb), entrance));
    }
    router.fallback(unknown_path).method_not_allowed_fallback(unknown_method).layer(middleware::map_response(secure)).with_state(desk)
}

/// What handlers work at: the admin's parts and the state of this API alone.
pub(crate) struct Desk {
    pub(crate) admin: Arc<Admin>,
    pub(crate) throttle: Throttle,
    /// Held from reading a record to committing its successor, so that two patches do not undo each other.
    pub(crate) writes: Mutex<()>,
    pub(crate) builtin_prices: Vec<PriceRow>,
    /// The firewall's rules, made ready.
    pub(crate) rules: Rules,
}

/// One request that passed the entrance. Only `enter` makes one, so no handler runs without an actor.
pub(crate) struct Errand {
    pub(crate) desk: Arc<Desk>,
    pub(crate) query: Query,
    actor: Actor,
    params: Vec<(String, String)>,
    body: Bytes,
}

impl Desk {
    /// The moment.
    pub(crate) fn now(&self) -> Micros {
        (self.admin.clock)()
    }
}

impl Errand {
    /// The moment.
    pub(crate) fn now(&self) -> Micros {
        self.desk.now()
    }

    /// The store.
    pub(crate) fn store(&self) -> &fluxa_store::Store {
        &self.desk.admin.store
    }

    /// A part of the path, percent-decoded; empty if the route has no such part.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(param, _)| param == name).map_or("", |(_, value)| value.as_str())
    }

    /// The body's fields; an absent body is an empty object.
    pub(crate) fn fields(&self) -> Result<Fields, Problem> {
        if self.body.is_empty() {
            return Fields::of(Node::Object(Vec::new()));
        }
        let node = Node::read(&self.body).map_err(|fault| match fault {
            JsonFault::Malformed(why) => Problem::new(StatusCode::BAD_REQUEST, "malformed_json", format!("the body is not JSON: {why}")),
            JsonFault::Twice(name) => Problem::field(name, "appears twice"),
            JsonFault::TooDeep => Problem::new(StatusCode::BAD_REQUEST, "malformed_json", "the body nests too deep"),
        })?;
        Fields::of(node)
    }

    /// The body as it came.
    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    /// Makes a change through the one door.
    pub(crate) async fn apply(&self, change: Change) -> Result<Revision, Problem> {
        apply(&self.desk.admin, &self.actor, change).await.map_err(|error| match error {
            ApplyError::Forbidden { .. } => Problem::new(StatusCode::FORBIDDEN, "forbidden", error.to_string()),
            ApplyError::Commit(CommitError::NameTaken(_)) => Problem::new(StatusCode::CONFLICT, "name_taken", error.to_string()),
            ApplyError::Commit(CommitError::NotFound(_)) => Problem::not_found(error.to_string()),
            ApplyError::Commit(CommitError::InUse(_)) => Problem::new(StatusCode::CONFLICT, "in_use", error.to_string()),
            ApplyError::Commit(CommitError::Store(error)) => error.into(),
        })
    }
}

async fn enter(
    endpoint: Endpoint,
    State(desk): State<Arc<Desk>>,
    Authorized(actor): Authorized,
    params: Result<RawPathParams, axum::extract::rejection::RawPathParamsRejection>,
    request: Request,
) -> Response {
    let answer = async {
        let params =
            params.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "malformed_path", "the path is not percent-encoded UTF-8"))?;
        let params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (parts, body) = request.into_parts();
        let query = Query::read(&parts.uri, endpoint.query)?;
        let body = match endpoint.takes {
            Takes::Nothing => Bytes::new(),
            Takes::Maybe(_) => read_body(&parts.headers, body, MAX_BODY_BYTES, true).await?,
            Takes::Json(_) => read_body(&parts.headers, body, MAX_BODY_BYTES, false).await?,
            Takes::Large(_) => read_body(&parts.headers, body, MAX_LARGE_BYTES, false).await?,
            Takes::Import(_) => read_body(&parts.headers, body, MAX_IMPORT_BYTES, false).await?,
        };
        (endpoint.run)(Errand { desk, query, actor, params, body }).await
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

async fn read_body(headers: &HeaderMap, body: Body, max_bytes: usize, optional: bool) -> Result<Bytes, Problem> {
    let json = is_json(headers);
    if !json && !optional {
        return Err(unsupported());
    }
    let whole = tokio::time::timeout(BODY_TIMEOUT, collect(body, max_bytes))
        .await
        .map_err(|_| Problem::new(StatusCode::REQUEST_TIMEOUT, "slow_body", "the body did not arrive within 30 seconds"))??;
    if !json && !whole.is_empty() {
        return Err(unsupported());
    }
    if whole.is_empty() && !optional {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "malformed_json", "the body is empty; a JSON object is expected"));
    }
    Ok(whole.freeze())
}

async fn collect(body: Body, max_bytes: usize) -> Result<BytesMut, Problem> {
    let mut stream = body.into_data_stream();
    let mut whole = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "broken_body", "the body ended early"))?;
        if whole.len() + chunk.len() > max_bytes {
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("the body is over {max_bytes} bytes")));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}

fn unsupported() -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "send application/json, without content-encoding")
}

fn is_json(headers: &HeaderMap) -> bool {
    let plain = headers.get(header::CONTENT_ENCODING).is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    plain && (essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")))
}

async fn unknown_path() -> Problem {
    Problem::not_found("there is no such path under /admin")
}

async fn unknown_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take this method")
}

async fn secure(mut response: Response) -> Response {
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

const fn filter(verb: Verb) -> MethodFilter {
    match verb {
        Verb::Get => MethodFilter::GET,
        Verb::Post => MethodFilter::POST,
        Verb::Put => MethodFilter::PUT,
        Verb::Patch => MethodFilter::PATCH,
        Verb::Delete => MethodFilter::DELETE,
    }
}
