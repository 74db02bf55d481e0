//! One request, from its head to its script: reading, refusing, delaying, and handing over to the reel.
//!
//! The mock's own paths (`/__bill`, `/__log`, `/__config`, `/__clear`) are answered here too and appear in no bill.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;

use super::{
    State, anthropic,
    ask::{Ask, Endpoint, unescaped},
    bedrock::{self, sigv4},
    config::MockConfig,
    gemini,
    ledger::{Dialect, Record},
    openai::{self, media, responses},
    reel::Reel,
    refusal,
    reply::Reply,
    script::{Pieces, Script},
    talk::{self, Talk},
};

/// More than any vendor takes; a bound, because this listens on a socket.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

type Answer = Response<Either<Full<Bytes>, Reel>>;

pub(super) async fn serve(state: Arc<State>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "body too large or cut short")),
    };
    if let Some(own) = head.uri.path().strip_prefix("/__") {
        return Ok(control(&state, own, head.uri.query(), &head.method, &body));
    }
    let mut config = state.config();
    if let Some(change) = head.headers.get("x-mock") {
        let mut changed = MockConfig::clone(&config);
        let applied = change.to_str().map_err(|e| e.to_string()).and_then(|text| changed.apply(text).map_err(|e| e.to_string()));
        if let Err(reason) = applied {
            return Ok(plain(StatusCode::BAD_REQUEST, &reason));
        }
        config = Arc::new(changed);
    }
    Ok(answer(&state, &head, body, &config).await)
}

async fn answer(state: &State, head: &http::request::Parts, body: Bytes, config: &MockConfig) -> Answer {
    let endpoint = Endpoint::of(&head.method, head.uri.path());
    if endpoint == Endpoint::Root {
        return plain(StatusCode::OK, "fluxa mock vendor");
    }
    let dialect = endpoint.dialect(head.uri.path(), &head.headers);
    let (ask, readable) = match endpoint.takes_json().then(|| Ask::read(&body)) {
        Some(Ok(ask)) => (ask, true),
        Some(Err(_)) => (Ask::default(), false),
        None => (Ask::of_form(&body), true),
    };
    let ask = ask.at(endpoint, dialect, head.uri.path());
    let id = state.ledger.next_id();
    let record = config.record.then(|| record(id, dialect, head, &body, &ask, config));
    let line = state.ledger.open(id, record, config.keep_records);
    let turn = state.next_turn();

    if config.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(config.delay_ms)).await;
    }
    if config.stall_headers {
        std::future::pending::<()>().await;
    }

    let failing = if config.fail_first > 0 { turn < config.fail_first } else { config.status >= 400 };
    let script = if failing {
        let status = if config.status >= 400 { config.status } else { 500 };
        refuse(id, dialect, status, config)
    } else if config.html {
        refusal::html(config)
    } else if config.garbage {
        refusal::garbage(config)
    } else if !readable {
        let message = "We could not parse the JSON body of your request.";
        refusal::error(id, dialect, 400, Some(message), config)
    } else {
        script(id, endpoint, dialect, &ask, head, &body, config)
    };
    let script = match script.body {
        // Who wants a list gets one, with the error in it.
        Pieces::Whole { bytes, tokens } if endpoint == Endpoint::StreamGenerateContent && script.status >= 400 && !is_sse(head) => {
            let bytes = [b"[", &bytes[..], b"]"].concat().into();
            Script { body: Pieces::Whole { bytes, tokens }, ..script }
        }
        body => Script { body, ..script },
    };
    let error = config.error_after_events.map(|_| refusal::event(id, dialect, config));
    line.answered(
        script.status,
        script.prompt_tokens,
        if script.status < 400 { config.cached_tokens.min(script.prompt_tokens) } else { 0 },
    );
    respond(script, |body, billed| Reel::new(line, body, billed, error, config), config)
}

/// A failing vendor may also fail with a page.
fn refuse(id: u64, dialect: Dialect, status: u16, config: &MockConfig) -> Script {
    if config.html {
        return Script { status, ..refusal::html(config) };
    }
    refusal::error(id, dialect, status, None, config)
}

fn script(
    id: u64,
    endpoint: Endpoint,
    dialect: Dialect,
    ask: &Ask<'_>,
    head: &http::request::Parts,
    body: &[u8],
    config: &MockConfig,
) -> Script {
    if let Some(refused) = unknown_caller(id, dialect, head, body, config) {
        return refused;
    }
    if matches!(endpoint, Endpoint::Chat | Endpoint::Messages) && !ask.has_messages() {
        return refusal::error(id, dialect, 400, Some("messages: at least one message is required"), config);
    }
    let script = match endpoint {
        Endpoint::Chat | Endpoint::Messages if config.strict || config.agent > 0 => strict(id, dialect, ask, head, body, config),
        Endpoint::Chat => openai::chat(id, ask, config),
        Endpoint::Completions => openai::completions(id, ask, config),
        Endpoint::Responses => responses::responses(id, ask, config),
        Endpoint::Embeddings => media::embeddings(ask, config),
        Endpoint::Images => media::images(ask, config),
        Endpoint::Speech => media::speech(ask, config),
        Endpoint::Transcriptions => media::transcriptions(config),
        Endpoint::Moderations => media::moderations(id, ask),
        Endpoint::Rerank => media::rerank(id, ask, config),
        Endpoint::Models => match dialect {
            Dialect::OpenAi => media::models(config),
            Dialect::Anthropic => anthropic::models(config),
            Dialect::Gemini => gemini::models(config),
            Dialect::Bedrock => bedrock::models(config),
        },
        Endpoint::CountTokens => match dialect {
            Dialect::Gemini => gemini::count_tokens(ask, config),
            Dialect::Bedrock => bedrock::count_tokens(ask, config),
            Dialect::Anthropic | Dialect::OpenAi => anthropic::count_tokens(ask, config),
        },
        Endpoint::GenerateContent | Endpoint::StreamGenerateContent | Endpoint::Converse | Endpoint::ConverseStream => {
            strict(id, dialect, ask, head, body, config)
        }
        Endpoint::Messages => match anthropic::complaint(ask, head.headers.contains_key("anthropic-version")) {
            Some(message) => refusal::error(id, dialect, 400, Some(message), config),
            None => anthropic::messages(id, ask, config),
        },
        Endpoint::Root | Endpoint::Unknown => {
            refusal::error(id, dialect, 404, Some("Unknown request URL. Please check the URL for typos."), config)
        }
    };
    let talks = matches!(
        endpoint,
        Endpoint::Chat
            | Endpoint::Completions
            | Endpoint::Responses
            | Endpoint::Messages
            | Endpoint::GenerateContent
            | Endpoint::StreamGenerateContent
            | Endpoint::Converse
            | Endpoint::ConverseStream
    );
    Script { billed: config.completion_tokens.filter(|_| talks && script.status < 400), ..script }
}

/// Reads the conversation as strictly as the real vendor, and takes the turn that follows.
fn strict(id: u64, dialect: Dialect, ask: &Ask<'_>, head: &http::request::Parts, body: &[u8], config: &MockConfig) -> Script {
    let value = serde_json::from_slice(body).unwrap_or_default();
    let talk: Result<Talk, String> = match dialect {
        Dialect::OpenAi => talk::openai::read(&value, config),
        Dialect::Anthropic => match anthropic::complaint(ask, head.headers.contains_key("anthropic-version")) {
            Some(message) => Err(message.to_owned()),
            None => talk::anthropic::read(&value, config),
        },
        Dialect::Gemini => talk::gemini::read(ask, &value, config),
        Dialect::Bedrock => talk::bedrock::read(&value),
    };
    let talk = match talk {
        Ok(talk) => talk,
        Err(message) => return refusal::error(id, dialect, 400, Some(&message), config),
    };
    let reply = || Reply::of(&talk, ask, config);
    match (dialect, ask.stream()) {
        (Dialect::OpenAi, _) if config.agent == 0 => openai::chat(id, ask, config),
        (Dialect::Anthropic, _) if config.agent == 0 => anthropic::messages(id, ask, config),
        (Dialect::OpenAi, _) => openai::agent(id, ask, &reply(), config),
        (Dialect::Anthropic, _) => anthropic::agent(id, ask, &reply(), config),
        (Dialect::Gemini, true) => gemini::stream(id, ask, &reply(), is_sse(head), config),
        (Dialect::Gemini, false) => gemini::whole(id, ask, &reply(), config),
        (Dialect::Bedrock, true) => bedrock::stream(id, &reply(), config),
        (Dialect::Bedrock, false) => bedrock::converse(id, &reply(), config),
    }
}

/// Whether Google is asked for events and not for a list.
fn is_sse(head: &http::request::Parts) -> bool {
    head.uri.query().is_some_and(|query| query.split('&').any(|part| part == "alt=sse"))
}

/// Google wants a key and AWS a signature; any key will do elsewhere.
fn unknown_caller(id: u64, dialect: Dialect, head: &http::request::Parts, body: &[u8], config: &MockConfig) -> Option<Script> {
    let mut config = MockConfig::clone(config);
    let message = match dialect {
        Dialect::OpenAi | Dialect::Anthropic => return None,
        Dialect::Gemini => {
            let keyed = head.headers.contains_key("x-goog-api-key") || head.uri.query().is_some_and(|query| query.contains("key="));
            if keyed {
                return None;
            }
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.".to_owned()
        }
        Dialect::Bedrock => {
            let (kind, message) = sigv4::check(head, body).err()?;
            config.error_code = Some(kind.to_owned());
            message
        }
    };
    Some(refusal::error(id, dialect, 403, Some(&message), &config))
}

fn respond(script: Script, reel: impl FnOnce(Pieces, Option<u64>) -> Reel, config: &MockConfig) -> Answer {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(header::CONTENT_TYPE, script.content_type);
    for (name, value) in script.headers {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    if let (Pieces::Whole { bytes, .. }, Some(_)) = (&script.body, config.abort_after_bytes) {
        // The length is promised in full, so that the client can tell that it got less.
        headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    }
    let mut response = Response::new(Either::Right(reel(script.body, script.billed)));
    *response.status_mut() = StatusCode::from_u16(script.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

fn record(id: u64, dialect: Dialect, head: &http::request::Parts, body: &Bytes, ask: &Ask<'_>, config: &MockConfig) -> Record {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let auth = ["authorization", "x-api-key", "api-key", "x-goog-api-key"].iter().find_map(|name| head.headers.get(*name)).map(text);
    Record {
        id,
        dialect,
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        model: ask.model().to_owned(),
        auth,
        headers: head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: body.slice(..body.len().min(config.keep_body_bytes)),
        body_bytes: body.len(),
        stream: ask.stream(),
        status: 0,
        prompt_tokens: 0,
        completion_tokens: 0,
        cached_tokens: 0,
        finished: false,
        client_gone: false,
    }
}

/// `GET /__log?model=NAME` gives only what asked for this model.
fn control(state: &State, path: &str, query: Option<&str>, method: &Method, body: &[u8]) -> Answer {
    match (method.as_str(), path) {
        ("GET", "bill") => json(serde_json::to_string(&state.ledger.bill())),
        ("GET", "log") => {
            let model = query.and_then(|query| query.strip_prefix("model=")).map(unescaped);
            let wanted = |record: &Record| model.as_ref().is_none_or(|model| record.model == *model);
            json(serde_json::to_string(&state.ledger.requests_where(wanted)))
        }
        ("POST", "clear") => {
            state.clear();
            plain(StatusCode::OK, "cleared")
        }
        ("POST", "config") => {
            let mut config = MockConfig::clone(&state.config());
            match config.apply(&String::from_utf8_lossy(body)) {
                Ok(()) => {
                    state.replace(config);
                    plain(StatusCode::OK, "changed")
                }
                Err(reason) => plain(StatusCode::BAD_REQUEST, &reason.to_string()),
            }
        }
        _ => plain(StatusCode::NOT_FOUND, "GET /__bill, GET /__log, POST /__config, POST /__clear"),
    }
}

fn json(text: Result<String, serde_json::Error>) -> Answer {
    match text {
        Ok(text) => {
            let mut answer = plain(StatusCode::OK, &text);
            answer.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
            answer
        }
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn plain(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(Bytes::copy_from_slice(text.as_bytes()))));
    *answer.status_mut() = status;
    answer
}
