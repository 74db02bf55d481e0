//! HTTP/1.1 on a plain TCP stream, both ends of it: what a client must see, not what a client library would mend.
//!
//! One request a connection on the client's side. A body that ends before its framing says so is an error here.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

/// Longer than any recording takes to replay, shorter than a reader's patience.
const PATIENCE: Duration = Duration::from_secs(60);

/// A head larger than this is no head.
const MAX_HEAD_BYTES: usize = 256 * 1024;

/// A request to send.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers, names in lower case; `host` and the framing are added.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer, its framing undone.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The first line and the headers of a message.
#[derive(Debug)]
pub struct Head {
    /// The first line.
    pub line: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Reply {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// Sends one request and reads the whole answer.
///
/// # Errors
/// No connection, no answer in time, or broken framing.
pub async fn send(to: SocketAddr, request: &Request) -> Result<Reply> {
    timeout(PATIENCE, exchange(to, request)).await.with_context(|| format!("no answer within {PATIENCE:?}"))?
}

async fn exchange(to: SocketAddr, request: &Request) -> Result<Reply> {
    let stream = TcpStream::connect(to).await.with_context(|| format!("cannot connect to {to}"))?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !request.body.is_empty() || request.method != "GET" {
        head.push_str(&format!("content-length: {}\r\n", request.body.len()));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&request.body);
    // A server may answer and close before it has read everything; then the answer is what counts.
    let written = stream.write_all(&bytes).await;
    let reply = read_reply(&mut stream).await;
    match (written, reply) {
        (Err(error), Err(_)) => Err(error).context("cannot send"),
        (_, reply) => reply,
    }
}

async fn read_reply(stream: &mut BufReader<TcpStream>) -> Result<Reply> {
    loop {
        let head = read_head(stream).await?.context("closed before the answer")?;
        let status: u16 =
            head.line.split(' ').nth(1).and_then(|text| text.parse().ok()).with_context(|| format!("no status in {:?}", head.line))?;
        if (100..200).contains(&status) {
            continue;
        }
        let body = match body_size(&head.headers)? {
            _ if matches!(status, 204 | 304) => Vec::new(),
            Some(size) => read_body(stream, size).await?,
            None => {
                let mut body = Vec::new();
                stream.read_to_end(&mut body).await?;
                body
            }
        };
        return Ok(Reply { status, headers: head.headers, body });
    }
}

/// How long a body is.
#[derive(Debug, Clone, Copy)]
pub enum Size {
    /// So many bytes.
    Known(usize),
    /// Chunks until the empty one.
    Chunked,
}

/// The framing that headers announce; `None` for none.
///
/// # Errors
/// A content length that is no number.
pub fn body_size(headers: &[(String, String)]) -> Result<Option<Size>> {
    if find(headers, "transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked")) {
        return Ok(Some(Size::Chunked));
    }
    let Some(text) = find(headers, "content-length") else { return Ok(None) };
    let size = text.parse().with_context(|| format!("content-length {text:?} is no number"))?;
    Ok(Some(Size::Known(size)))
}

/// Reads a head; `None` at a clean end of the stream.
///
/// # Errors
/// The stream broke, or this is no head.
pub async fn read_head(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Head>> {
    let mut head = Head { line: String::new(), headers: Vec::new() };
    let mut size = 0;
    loop {
        let mut line = Vec::new();
        size += stream.read_until(b'\n', &mut line).await?;
        ensure!(size <= MAX_HEAD_BYTES, "the head is over {MAX_HEAD_BYTES} bytes");
        if line.is_empty() {
            ensure!(head.line.is_empty(), "closed within the head");
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        match (head.line.is_empty(), text) {
            (true, "") => {}
            (true, line) => head.line = line.to_owned(),
            (false, "") => return Ok(Some(head)),
            (false, line) => {
                let (name, value) = line.split_once(':').with_context(|| format!("{line:?} is no header"))?;
                head.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
    }
}

/// Reads a body of this size.
///
/// # Errors
/// The stream ended early, or a chunk is malformed.
pub async fn read_body(stream: &mut (impl AsyncBufRead + Unpin), size: Size) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    match size {
        Size::Known(size) => {
            body.resize(size, 0);
            stream.read_exact(&mut body).await.context("the body was cut")?;
        }
        Size::Chunked => loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            ensure!(line.ends_with('\n'), "the body was cut after {} bytes", body.len());
            let digits = line.trim_end().split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(digits, 16).with_context(|| format!("{line:?} is no chunk size"))?;
            if size == 0 {
                trailers(stream).await?;
                break;
            }
            let start = body.len();
            body.resize(start + size, 0);
            stream.read_exact(&mut body[start..]).await.context("a chunk was cut")?;
            let mut end = [0; 2];
            stream.read_exact(&mut end).await?;
            if end != *b"\r\n" {
                bail!("a chunk of {size} bytes does not end where it says");
            }
        },
    }
    Ok(body)
}

async fn trailers(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<()> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if line.trim_end().is_empty() {
            return Ok(());
        }
    }
}

/// The value of the first header of this name (lower case).
pub fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}
