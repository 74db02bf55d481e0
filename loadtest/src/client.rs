//! A client as cheap as can be: one socket, a request rendered once, and an answer read no further than is needed to
//! know where it ends. Its cost is part of what is measured, so it parses nothing it does not count.

pub mod reply;

use std::{cell::RefCell, future::poll_fn, net::SocketAddr, pin::Pin, rc::Rc};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};

use reply::{BadReply, Progress, Reply};

/// One read takes at most this much; it is shared by all connections of a thread.
const READ_BYTES: usize = 64 * 1024;

/// A plain-text address: where to connect, and what to ask for there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Address of the server.
    pub addr: SocketAddr,
    /// `Host` header.
    pub host: String,
    /// Path and query, beginning with `/`.
    pub path: String,
}

/// Why an exchange failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// No connection.
    Connect,
    /// The connection broke while the request was written.
    Write,
    /// The connection ended before the answer did.
    Closed,
    /// The answer took longer than allowed.
    Timeout,
    /// The answer is not HTTP.
    BadReply,
    /// A status of 429.
    Status429,
    /// Another status from 400 to 499, or a redirect.
    Status4xx,
    /// A status from 500.
    Status5xx,
    /// A stream whose events were lost, doubled, out of order or without an end mark.
    Broken,
}

/// The buffer that all connections of a thread read through.
#[derive(Debug, Clone)]
pub struct Buffer(Rc<RefCell<Vec<u8>>>);

/// A connection, kept open between requests.
#[derive(Debug)]
pub struct Connection {
    addr: SocketAddr,
    buffer: Buffer,
    stream: Option<TcpStream>,
}

impl Target {
    /// Reads `http://host:port/path`; there is no TLS here, since all traffic is on loopback.
    pub fn parse(url: &str) -> Result<Self> {
        let rest = url.strip_prefix("http://").with_context(|| format!("{url:?} is not an http:// address"))?;
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let named = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let addr = std::net::ToSocketAddrs::to_socket_addrs(&named)
            .with_context(|| format!("no address for {named:?}"))?
            .find(SocketAddr::is_ipv4)
            .with_context(|| format!("no IPv4 address for {named:?}"))?;
        Ok(Self { addr, host: host.to_owned(), path: path.to_owned() })
    }

    /// A request with a JSON body, as bytes; `headers` come besides the usual ones.
    pub fn post(&self, headers: &[(String, String)], body: &str) -> Vec<u8> {
        let mut head = format!("POST {} HTTP/1.1\r\nhost: {}\r\n", self.path, self.host);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
        head.into_bytes()
    }

    /// A `GET` of another path of the same server, as bytes.
    pub fn get(&self, path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host).into_bytes()
    }
}

impl Failure {
    /// A short name for tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Write => "write",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::BadReply => "bad_reply",
            Self::Status429 => "status_429",
            Self::Status4xx => "status_4xx",
            Self::Status5xx => "status_5xx",
            Self::Broken => "broken_stream",
        }
    }

    /// The failure that a status is, if it is one.
    pub fn of_status(status: u16) -> Option<Self> {
        match status {
            200..300 => None,
            429 => Some(Self::Status429),
            500.. => Some(Self::Status5xx),
            _ => Some(Self::Status4xx),
        }
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(vec![0; READ_BYTES])))
    }
}

impl Connection {
    /// Not yet open; it opens with the first exchange.
    pub fn new(addr: SocketAddr, buffer: Buffer) -> Self {
        Self { addr, buffer, stream: None }
    }

    /// Opens it now, so that the first exchange does not pay for it.
    pub async fn open(&mut self) -> Result<(), Failure> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.addr).await.map_err(|_| Failure::Connect)?;
            stream.set_nodelay(true).map_err(|_| Failure::Connect)?;
            self.stream = Some(stream);
        }
        Ok(())
    }

    /// Sends a request and hands each part of the answer's body to `body` as it arrives, with the status. After a
    /// failure the connection is closed. A connection found closed by the server while idle is opened again, once.
    pub async fn exchange(&mut self, request: &[u8], mut body: impl FnMut(u16, &[u8])) -> Result<u16, Failure> {
        let reused = self.stream.is_some();
        let first = self.attempt(request, &mut body).await;
        match first {
            Err((Failure::Write | Failure::Closed, false)) if reused => {
                self.attempt(request, &mut body).await.map_err(|(failure, _)| failure)
            }
            other => other.map_err(|(failure, _)| failure),
        }
    }

    /// The flag of a failure says whether any byte of an answer had come.
    async fn attempt(&mut self, request: &[u8], body: &mut impl FnMut(u16, &[u8])) -> Result<u16, (Failure, bool)> {
        self.open().await.map_err(|failure| (failure, false))?;
        // Taken out, so that a dropped or failed exchange leaves no half-read connection behind.
        let Some(mut stream) = self.stream.take() else { return Err((Failure::Connect, false)) };
        stream.write_all(request).await.map_err(|_| (Failure::Write, false))?;
        let mut reply = Reply::default();
        let mut answered = false;
        loop {
            // `poll_read` and not `try_read`: after a short read it knows without a system call that there is no more.
            let read = poll_fn(|cx| {
                let mut buffer = self.buffer.0.borrow_mut();
                let mut space = ReadBuf::new(&mut buffer);
                Pin::new(&mut stream).poll_read(cx, &mut space).map_ok(|()| space.filled().len())
            });
            let size = match read.await {
                Ok(0) if reply.ends_with_connection() => return Ok(reply.status()),
                Ok(0) | Err(_) => return Err((Failure::Closed, answered)),
                Ok(size) => size,
            };
            answered = true;
            let fed = reply.feed(&self.buffer.0.borrow()[..size], body);
            match fed {
                Ok(Progress::More) => {}
                Ok(Progress::Done) => break,
                Err(BadReply) => return Err((Failure::BadReply, true)),
            }
        }
        if reply.keeps_alive() {
            self.stream = Some(stream);
        }
        Ok(reply.status())
    }
}

/// One request on a connection of its own; the status and the whole body.
pub async fn fetch(addr: SocketAddr, request: &[u8]) -> Result<(u16, Vec<u8>)> {
    let mut whole = Vec::new();
    let exchanged = Connection::new(addr, Buffer::default()).exchange(request, |_, part| whole.extend_from_slice(part)).await;
    match exchanged {
        Ok(status) => Ok((status, whole)),
        Err(failure) => bail!("request to {addr} failed: {}", failure.name()),
    }
}
