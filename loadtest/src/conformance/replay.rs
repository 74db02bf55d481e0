//! The recorded vendors as one HTTP/1.1 server: `/case/<id>[;option=value…]/any/path` answers with the recording. Where
//! a gateway makes the path itself, the header `x-replay-case: <id>[;option=value…]` says the same.
//!
//! Status, headers (but hop-by-hop ones) and body are the recorded ones; streams are chunked and cut as the options say.
//! It remembers what it was asked, for the caller to look at.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::{JoinSet, yield_now},
};

use super::{corpus::Case, http, pieces::Cut};

/// Names the case where the path does not.
pub const HEADER: &str = "x-replay-case";

/// Headers that belong to the recorded connection, not to the answer.
const HOP_BY_HOP: [&str; 9] =
    ["content-length", "transfer-encoding", "connection", "content-encoding", "keep-alive", "date", "server", "vary", "content-type"];

/// The server. It stops when dropped.
#[derive(Debug)]
pub struct Replay {
    addr: SocketAddr,
    book: Arc<Book>,
    // Dropping the set ends its tasks.
    _tasks: JoinSet<()>,
}

/// One request as the vendor saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Path and query after `/case/<id>…`.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

#[derive(Debug)]
struct Book {
    cases: HashMap<String, Arc<Case>>,
    /// By the part of the path that names case and options.
    seen: Mutex<HashMap<String, Vec<Seen>>>,
}

impl Replay {
    /// Starts serving on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port.
    pub async fn start(cases: impl IntoIterator<Item = Arc<Case>>) -> Result<Self> {
        Self::start_named(cases.into_iter().map(|case| (case.id.clone(), case))).await
    }

    /// The same, each case under a name of the caller's: ids are long.
    ///
    /// # Errors
    /// No port.
    pub async fn start_named(cases: impl IntoIterator<Item = (String, Arc<Case>)>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for the replay")?;
        let addr = listener.local_addr()?;
        let cases = cases.into_iter().collect();
        let book = Arc::new(Book { cases, seen: Mutex::default() });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&book)));
        Ok(Self { addr, book, _tasks: tasks })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The path under which a case is served with these options.
    pub fn spec(case: &Case, options: &str) -> String {
        if options.is_empty() { case.id.clone() } else { format!("{};{options}", case.id) }
    }

    /// What was asked of `spec` since the last look.
    pub fn take(&self, spec: &str) -> Vec<Seen> {
        self.book.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(spec).unwrap_or_default()
    }
}

async fn accept(listener: TcpListener, book: Arc<Book>) {
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream, Arc::clone(&book)));
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, book: Arc<Book>) {
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    // A client that goes away, or talks nonsense, ends its own connection only.
    while let Ok(true) = answer(&mut stream, &book).await {}
}

/// Answers one request; false when the connection is over.
async fn answer(stream: &mut BufReader<TcpStream>, book: &Book) -> Result<bool> {
    let Some(head) = http::read_head(stream).await? else { return Ok(false) };
    if http::find(&head.headers, "expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let body = match http::body_size(&head.headers)? {
        Some(size) => http::read_body(stream, size).await?,
        None => Vec::new(),
    };
    let target = head.line.split(' ').nth(1).unwrap_or_default();
    let by_path = target.strip_prefix("/case/").map(|rest| rest.split_at(rest.find('/').unwrap_or(rest.len())));
    let Some((spec, path)) = by_path.or_else(|| Some((http::find(&head.headers, HEADER)?, target))) else {
        return refuse(stream, "no case in the path").await;
    };
    let spec = spec.replace("%3B", ";").replace("%3b", ";").replace("%3D", "=").replace("%3d", "=");
    let (id, options) = spec.split_once(';').unwrap_or((&spec, ""));
    let (Some(case), Some(cut)) = (book.cases.get(id), Cut::read(options)) else {
        return refuse(stream, "no such case or option").await;
    };
    let seen = Seen { path: path.to_owned(), headers: head.headers.clone(), body };
    book.seen.lock().unwrap_or_else(PoisonError::into_inner).entry(spec.clone()).or_default().push(seen);
    play(stream, case, cut).await?;
    Ok(true)
}

async fn play(stream: &mut BufReader<TcpStream>, case: &Case, cut: Cut) -> Result<()> {
    let answer = &case.response;
    let mut head = format!("HTTP/1.1 {} Recorded\r\ncontent-type: {}\r\n", answer.status, answer.content_type());
    for (name, value) in &answer.headers {
        if !HOP_BY_HOP.contains(&name.as_str()) && value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    // Gemini's arrays are streams as well.
    let array = answer.status == 200 && case.request.path.contains(":streamGenerateContent");
    let chunked = case.streams() || array || answer.content_type().contains("vnd.amazon.eventstream");
    if chunked {
        head.push_str("transfer-encoding: chunked\r\n\r\n");
    } else {
        head.push_str(&format!("content-length: {}\r\n\r\n", answer.body.len()));
    }
    stream.write_all(head.as_bytes()).await?;
    for piece in cut.pieces(case) {
        if chunked {
            let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
            stream.write_all(&chunk).await?;
        } else {
            stream.write_all(piece).await?;
        }
        yield_now().await;
    }
    if cut.breaks() {
        stream.flush().await?;
        anyhow::bail!("broken off, as told");
    }
    if chunked {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    stream.flush().await?;
    Ok(())
}

async fn refuse(stream: &mut BufReader<TcpStream>, why: &str) -> Result<bool> {
    let answer = format!("HTTP/1.1 421 Unknown\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{why}", why.len());
    stream.write_all(answer.as_bytes()).await?;
    Ok(true)
}
