//! A provider that answers with what it was asked: the demo's upstream, on a free loopback port, in this process.
//!
//! It speaks OpenAI's and Anthropic's wire formats well enough for their SDKs, streams word by word at the pace of a
//! model, and reports usage. It keeps nothing and logs nothing. Start at [`start`]; the bodies are in [`openai`] and
//! [`anthropic`], what is said in [`ask`].

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Sleep;

pub mod anthropic;
pub mod ask;
pub mod openai;

use ask::Ask;

/// The pause before each streamed word: about the pace of a real model.
pub const PACE: Duration = Duration::from_millis(30);
/// Requests larger than this are refused: the gateway's own default limit.
const MAX_BODY_BYTES: usize = 32 << 20;
/// Connections at once; the gateway's pool needs far fewer.
const MAX_CONNECTIONS: usize = 1_024;

/// A running echo; dropping it stops it.
#[derive(Debug)]
pub struct Echo {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Echo {
    /// The address it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Starts the echo on a free loopback port; `pace` is the pause before each streamed word.
///
/// # Errors
/// When no port can be had.
pub async fn start(pace: Duration) -> std::io::Result<Echo> {
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    let address = socket.local_addr()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(accept(socket, pace));
    Ok(Echo { address, _tasks: tasks })
}

async fn accept(socket: TcpListener, pace: Duration) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        let Ok((stream, _)) = socket.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        connections.spawn(async move {
            let service = service_fn(move |request| async move { Ok::<_, Infallible>(answer(request, pace).await) });
            // The gateway closes connections as it likes.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Writes an answer in one piece.
type Plain = fn(&Ask) -> Value;
/// Writes an answer as a stream.
type Events = fn(&Ask) -> Vec<String>;

async fn answer(request: Request<Incoming>, pace: Duration) -> Response<Words> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().trim_start_matches("/v1").to_owned();
    if head.method == Method::GET {
        return match path.strip_prefix("/models") {
            Some("") => whole(StatusCode::OK, &json!({ "object": "list", "data": [openai::model()] })),
            Some("/echo") => whole(StatusCode::OK, &openai::model()),
            _ => whole(StatusCode::NOT_FOUND, &openai::error("no such path", "not_found")),
        };
    }
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        return whole(StatusCode::PAYLOAD_TOO_LARGE, &openai::error("the body is too large", "too_large"));
    };
    let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(&body.to_bytes()) else {
        return whole(StatusCode::BAD_REQUEST, &openai::error("the body is no JSON object", "invalid_json"));
    };
    let ask = Ask::read(&body);
    let (plain, events): (Plain, Events) = match path.as_str() {
        "/chat/completions" => (openai::chat, openai::chat_events),
        "/completions" => (openai::completion, openai::completion_events),
        "/responses" => (openai::response, openai::response_events),
        "/messages" => (anthropic::message, anthropic::message_events),
        "/messages/count_tokens" => return whole(StatusCode::OK, &json!({ "input_tokens": ask.input_tokens })),
        "/embeddings" => return whole(StatusCode::OK, &openai::embeddings(&body, &ask)),
        _ => return whole(StatusCode::NOT_FOUND, &openai::error("no such path", "not_found")),
    };
    if ask.stream { streamed(events(&ask), pace) } else { whole(StatusCode::OK, &plain(&ask)) }
}

fn whole(status: StatusCode, body: &Value) -> Response<Words> {
    let mut response = Response::new(Words::whole(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn streamed(events: Vec<String>, pace: Duration) -> Response<Words> {
    let mut response = Response::new(Words { left: events.into_iter().map(Bytes::from).collect(), pace, pause: None });
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-cache"));
    response
}

/// A body that comes piece by piece, with a pause before each.
#[derive(Debug)]
pub struct Words {
    left: VecDeque<Bytes>,
    pace: Duration,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Words {
    fn whole(text: String) -> Self {
        Self { left: VecDeque::from([Bytes::from(text)]), pace: Duration::ZERO, pause: None }
    }
}

impl Body for Words {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        if !self.pace.is_zero() {
            let pace = self.pace;
            let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(pace)));
            if pause.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.pause = None;
        }
        Poll::Ready(self.left.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self.left.front() {
            // A whole answer gets a content-length, a stream does not.
            Some(only) if self.pace.is_zero() && self.left.len() == 1 => {
                hyper::body::SizeHint::with_exact(u64::try_from(only.len()).unwrap_or(0))
            }
            _ => hyper::body::SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests;
