//! A vendor that says a text in the pieces it is told to: a server on loopback for streams of three dialects.
//!
//! The prompt is the number of the case; the path tells the dialect.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::{JoinSet, yield_now},
};

use super::rows::StreamCase;
use crate::conformance::http;

/// The server. It stops when dropped.
#[derive(Debug)]
pub struct Vendor {
    addr: SocketAddr,
    _tasks: JoinSet<()>,
}

/// What the prompt begins with; the number of the case follows.
pub const PROMPT: &str = "case number ";

impl Vendor {
    /// Serves these cases on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port.
    pub async fn start(cases: Arc<Vec<StreamCase>>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for the vendor")?;
        let addr = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let connections = Mutex::new(JoinSet::new());
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    let cases = Arc::clone(&cases);
                    connections.lock().unwrap_or_else(PoisonError::into_inner).spawn(async move {
                        let _ = stream.set_nodelay(true);
                        let mut stream = BufReader::new(stream);
                        while let Ok(true) = answer(&mut stream, &cases).await {}
                    });
                }
            }
        });
        Ok(Self { addr, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

async fn answer(stream: &mut BufReader<TcpStream>, cases: &[StreamCase]) -> Result<bool> {
    let Some(head) = http::read_head(stream).await? else { return Ok(false) };
    let body = match http::body_size(&head.headers)? {
        Some(size) => http::read_body(stream, size).await?,
        None => Vec::new(),
    };
    let target = head.line.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = String::from_utf8_lossy(&body);
    let number = body.split_once(PROMPT).map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    let case = number.and_then(|digits| cases.get(digits.parse::<usize>().ok()?)).context("no such case")?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    for event in events(&target, &case.chunks) {
        stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
        stream.flush().await?;
        yield_now().await;
    }
    stream.write_all(b"0\r\n\r\n").await?;
    stream.flush().await?;
    Ok(true)
}

/// The pieces as the events of a dialect.
fn events(target: &str, pieces: &[String]) -> Vec<String> {
    let named = |value: Value| format!("event: {}\ndata: {value}\n\n", value.get("type").and_then(Value::as_str).unwrap_or_default());
    if target.contains("/messages") {
        let start = json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "claude", "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 3, "output_tokens": 1}}});
        let open = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
        let delta = |text: &String| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
        let close = json!({"type": "content_block_stop", "index": 0});
        let end =
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 9}});
        let stop = json!({"type": "message_stop"});
        return [start, open].into_iter().chain(pieces.iter().map(delta)).chain([close, end, stop]).map(named).collect();
    }
    if target.contains(":streamGenerateContent") {
        let chunk = |text: &String| {
            format!("data: {}\r\n\r\n", json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}]}))
        };
        let end = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}, "index": 0, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 9, "totalTokenCount": 12}});
        return pieces.iter().map(chunk).chain([format!("data: {end}\r\n\r\n")]).collect();
    }
    let chunk = |delta: Value, finish: Value| {
        format!(
            "data: {}\n\n",
            json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        )
    };
    let first = chunk(json!({"role": "assistant", "content": ""}), Value::Null);
    let said = pieces.iter().map(|text| chunk(json!({"content": text}), Value::Null));
    let last = [chunk(json!({}), json!("stop")), "data: [DONE]\n\n".to_owned()];
    [first].into_iter().chain(said).chain(last).collect()
}
