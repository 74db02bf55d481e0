//! A small HTTP/1.1 client on bare sockets: what it sends is exactly what a story wrote, sane or not.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything in the program waits by design; a story that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An answer as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case, in order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The body came to the end that its framing announced.
    pub(crate) complete: bool,
}

impl Answer {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// `error.code` of the OpenAI shape, else `error.type` (Anthropic's).
    pub(crate) fn code(&self) -> String {
        let error = &self.json()["error"];
        error["code"].as_str().or(error["type"].as_str()).unwrap_or_default().to_owned()
    }

    /// `x-fluxa-id`.
    pub(crate) fn id(&self) -> String {
        self.header("x-fluxa-id").unwrap_or_else(|| panic!("no x-fluxa-id: {self:?}")).to_owned()
    }

    /// The `data:` lines of an event stream.
    pub(crate) fn events(&self) -> Vec<String> {
        self.text().lines().filter_map(|line| line.strip_prefix("data:")).map(|data| data.trim().to_owned()).collect()
    }
}

/// An answer being read. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    raw: Vec<u8>,
    answer: Answer,
    framing: Framing,
    eof: bool,
    shown: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    /// Bytes left of the current chunk, its line break included.
    Chunked(usize),
    UntilClose,
}

impl Stream {
    /// Reads the head; `None` when the connection closed before there was one.
    pub(crate) async fn head_of(mut tcp: TcpStream) -> Option<Self> {
        let mut raw = Vec::new();
        loop {
            if let Some(end) = raw.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&raw[..end]).into_owned();
                raw.drain(..end + 4);
                let answer = read_head(&head)?;
                if (100..200).contains(&answer.status) {
                    continue;
                }
                let framing = framing(&answer);
                return Some(Self { tcp, raw, answer, framing, eof: false, shown: 0 });
            }
            match timeout(PATIENCE, tcp.read_buf(&mut raw)).await {
                Ok(Ok(bytes)) if bytes > 0 => {}
                Ok(_) => return None,
                Err(_) => panic!("no answer within {PATIENCE:?}"),
            }
        }
    }

    pub(crate) fn head(&self) -> &Answer {
        &self.answer
    }

    /// Reads once; false when there is nothing more.
    pub(crate) async fn read_some(&mut self) -> bool {
        self.decode();
        if self.eof || self.answer.complete {
            return false;
        }
        match timeout(PATIENCE, self.tcp.read_buf(&mut self.raw)).await {
            Ok(Ok(bytes)) if bytes > 0 => {}
            Ok(closed) => {
                self.eof = true;
                self.answer.complete |= self.framing == Framing::UntilClose && closed.is_ok();
            }
            Err(_) => panic!("the answer fell silent for {PATIENCE:?}"),
        }
        self.decode();
        true
    }

    /// Reads until the body has at least so many bytes, or ends.
    pub(crate) async fn read_bytes(&mut self, bytes: usize) -> &[u8] {
        while self.answer.body.len() < bytes && self.read_some().await {}
        &self.answer.body
    }

    /// The next whole event (its lines, without the empty one); `None` at the end.
    pub(crate) async fn event(&mut self) -> Option<String> {
        loop {
            let rest = &self.answer.body[self.shown..];
            if let Some(end) = rest.windows(2).position(|two| two == b"\n\n") {
                let event = String::from_utf8_lossy(&rest[..end]).into_owned();
                self.shown += end + 2;
                return Some(event);
            }
            if !self.read_some().await {
                return None;
            }
        }
    }

    /// Reads to the end.
    pub(crate) async fn rest(mut self) -> Answer {
        while self.read_some().await {}
        self.answer
    }

    fn decode(&mut self) {
        if self.answer.complete {
            return;
        }
        let body = &mut self.answer.body;
        match &mut self.framing {
            Framing::UntilClose => body.append(&mut self.raw),
            Framing::Length(length) => {
                body.append(&mut self.raw);
                self.answer.complete = body.len() >= *length;
            }
            Framing::Chunked(left) => loop {
                if *left > 0 {
                    let take = (*left).min(self.raw.len());
                    // The last two bytes of a chunk are its line break.
                    let data = take.min(left.saturating_sub(2));
                    body.extend_from_slice(&self.raw[..data]);
                    self.raw.drain(..take);
                    *left -= take;
                    if *left > 0 {
                        return;
                    }
                }
                let Some(end) = self.raw.windows(2).position(|two| two == b"\r\n") else { return };
                let size = String::from_utf8_lossy(&self.raw[..end]).split(';').next().unwrap_or_default().trim().to_owned();
                let size = usize::from_str_radix(&size, 16).unwrap_or_else(|_| panic!("chunk size {size:?}"));
                self.raw.drain(..end + 2);
                if size == 0 {
                    self.answer.complete = true;
                    return;
                }
                *left = size + 2;
            },
        }
    }
}

fn read_head(head: &str) -> Option<Answer> {
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ").or_else(|| head.strip_prefix("HTTP/1.0 "))?.get(..3)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    Some(Answer { status, headers: headers.collect(), ..Answer::default() })
}

fn framing(answer: &Answer) -> Framing {
    if answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return Framing::Chunked(0);
    }
    match answer.header("content-length").and_then(|length| length.parse().ok()) {
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    }
}

/// The bytes of a request: request line, host, the given headers as they are, `connection: close`, and the body's length.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut out = format!("{method} {target} HTTP/1.1\r\nhost: fluxa.test\r\nconnection: close\r\n");
    for (name, value) in headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
        out.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    out.push_str("\r\n");
    let mut out = out.into_bytes();
    out.extend_from_slice(body);
    out
}

/// Sends bytes and reads the head of the answer, writing on while the answer may already come.
///
/// `None` when the connection was closed without an answer.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Option<Stream> {
    let tcp = TcpStream::connect(address).await.expect("fluxa takes connections");
    let _ = tcp.set_nodelay(true);
    let (mut read, mut write) = tcp.into_split();
    // A server may answer, and close, before it has read all of a request: that is no failure of ours.
    let send = async {
        let _ = write.write_all(bytes).await;
    };
    let peek = async {
        let mut first = [0];
        let _ = timeout(PATIENCE, read.peek(&mut first)).await;
    };
    tokio::join!(send, peek);
    Stream::head_of(read.reunite(write).ok()?).await
}

/// Sends bytes as they are and returns all that comes back until the connection closes, or nothing comes for `silence`.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8], silence: Duration) -> (Vec<u8>, bool) {
    let mut tcp = TcpStream::connect(address).await.expect("fluxa takes connections");
    let _ = tcp.write_all(bytes).await;
    let mut back = Vec::new();
    loop {
        match timeout(silence, tcp.read_buf(&mut back)).await {
            Ok(Ok(bytes)) if bytes > 0 => {}
            Ok(_) => return (back, true),
            Err(_) => return (back, false),
        }
    }
}
