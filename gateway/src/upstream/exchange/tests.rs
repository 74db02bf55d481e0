//! Over loopback sockets: what vendors, and what stands between them and us, have been seen to do.

use std::sync::Arc;

use fluxa_domain::net::EgressPolicy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::upstream::body::{BodyFault, Progress};
use crate::upstream::tls::TlsSetup;

const POST: &str = "POST /v1/x HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n";
const GET: &str = "GET /v1/x HTTP/1.1\r\nhost: h\r\n\r\n";
const HEAD: &str = "HEAD /v1/x HTTP/1.1\r\nhost: h\r\n\r\n";
/// A test that hangs has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// One thread's client, and the socket of its vendor.
struct Rig {
    connector: Connector,
    pool: Rc<Pool>,
    scratch: Scratch,
    listener: TcpListener,
    origin: Origin,
}

impl Rig {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (origin, _) = Origin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let egress = EgressPolicy { allow_loopback: true, ..EgressPolicy::default() };
        let connector = Connector { egress, tls: Arc::new(TlsSetup::default()) };
        Self { connector, pool: Rc::new(Pool::default()), scratch: Scratch::new(), listener, origin }
    }

    async fn accept(&self) -> TcpStream {
        let (stream, _) = self.listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    async fn ask(&self, head: &str, body: &[u8]) -> Result<Answer, Fault> {
        let timers = Timers { connect: PATIENCE, first_byte: PATIENCE };
        let ask = Ask { origin: &self.origin, head: head.as_bytes().to_vec(), body };
        exchange(&self.connector, &self.pool, &self.scratch, ask, timers).await
    }

    async fn body(&self, mut answer: Answer) -> Result<(u16, String), BodyFault> {
        let mut all = Vec::new();
        loop {
            let read = std::future::poll_fn(|cx| answer.body.poll_data(cx, &self.scratch, |data| all.extend_from_slice(data)));
            if read.await? == Progress::End {
                return Ok((answer.head.status, String::from_utf8(all).unwrap()));
            }
        }
    }

    /// Asks and reads to the end.
    async fn get(&self, head: &str) -> (u16, String) {
        let body: &[u8] = if head.starts_with("POST") { b"{}" } else { b"" };
        let answer = self.ask(head, body).await.unwrap();
        self.body(answer).await.unwrap()
    }

    /// A new connection answers the next request: none was kept.
    async fn serves_on_a_new_connection(&self) {
        let mut stream = self.accept().await;
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nnew").await.unwrap();
    }
}

/// Runs vendor and client side by side.
async fn both<A, B>(vendor: impl Future<Output = A>, client: impl Future<Output = B>) -> (A, B) {
    tokio::time::timeout(PATIENCE, async { tokio::join!(vendor, client) }).await.unwrap()
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&all);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && (!head.starts_with("POST") || body.len() >= 2)
        {
            return text.into_owned();
        }
        assert_ne!(stream.read_buf(&mut all).await.unwrap(), 0, "the client closed");
    }
}

/// Writes so that the client reads in between.
async fn write_apart(stream: &mut TcpStream, pieces: [&[u8]; 2]) {
    for piece in pieces {
        stream.write_all(piece).await.unwrap();
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn wherever_an_answer_is_cut_it_reads_the_same_on_one_connection() {
    let answers = [
        ("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "hello"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;sig=abc\r\nhello\r\n1;a=\"b\"\r\n!\r\n0\r\nx-sum: 1\r\nx-t: 2\r\n\r\n",
            "hello!",
        ),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", ""),
    ];
    for (wire, text) in answers {
        let rig = Rig::new().await;
        let vendor = async {
            let mut stream = rig.accept().await;
            for cut in 1..wire.len() {
                read_request(&mut stream).await;
                let (a, b) = wire.as_bytes().split_at(cut);
                write_apart(&mut stream, [a, b]).await;
            }
            stream
        };
        let client = async {
            for cut in 1..wire.len() {
                assert_eq!(rig.get(POST).await.1, text, "cut {cut}");
            }
        };
        both(vendor, client).await;
    }
}

#[tokio::test]
async fn a_chunked_answer_that_ends_anywhere_but_at_its_end_is_truncated() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let wire = format!("{head}5;x=1\r\nhello\r\n0\r\nt: 1\r\n\r\n");
    let rig = Rig::new().await;
    for cut in 0..=wire.len() {
        let vendor = async {
            let mut stream = rig.accept().await;
            read_request(&mut stream).await;
            stream.write_all(&wire.as_bytes()[..cut]).await.unwrap();
        };
        let client = async {
            match rig.ask(POST, b"{}").await {
                Err(fault) => {
                    assert!(matches!(fault, Fault::Broken), "cut {cut}: {fault}");
                    assert!(cut < head.len(), "cut {cut}");
                }
                Ok(answer) => {
                    let read = rig.body(answer).await;
                    let whole = (200, String::from("hello"));
                    assert_eq!(read, if cut == wire.len() { Ok(whole) } else { Err(BodyFault::Truncated) }, "cut {cut}");
                    assert!(cut >= head.len());
                }
            }
        };
        both(vendor, client).await;
        // The last connection is in the pool and closed by now: it must not be what the next round gets.
        assert!(rig.pool.take(&rig.origin.pool_key).is_none_or(|_| cut == wire.len()));
    }
}

#[tokio::test]
async fn a_length_that_is_not_reached_is_truncated_and_a_body_until_close_is_whole() {
    let rig = Rig::new().await;
    for (wire, expect) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", Err(BodyFault::Truncated)),
        ("HTTP/1.1 200 OK\r\n\r\nhello", Ok((200, String::from("hello")))),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", Err(BodyFault::Coding)),
    ] {
        let vendor = async {
            let mut stream = rig.accept().await;
            read_request(&mut stream).await;
            stream.write_all(wire.as_bytes()).await.unwrap();
        };
        let client = async { rig.body(rig.ask(POST, b"{}").await.unwrap()).await };
        let ((), read) = both(vendor, client).await;
        assert_eq!(read, expect, "{wire:?}");
    }
}

#[tokio::test]
async fn a_connection_with_something_left_on_it_is_not_used_again() {
    for (method, wire) in [
        (POST, "HTTP/1.1 204 No Content\r\n\r\nleft over"),
        (POST, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nleft over"),
        (POST, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n"),
        (POST, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nleft over"),
        (POST, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n"),
        (POST, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
        (HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody"),
    ] {
        let rig = Rig::new().await;
        let vendor = async {
            let mut stream = rig.accept().await;
            read_request(&mut stream).await;
            stream.write_all(wire.as_bytes()).await.unwrap();
            rig.serves_on_a_new_connection().await;
            stream
        };
        let client = async {
            rig.get(method).await;
            assert_eq!(rig.get(POST).await.1, "new", "{wire:?}");
        };
        both(vendor, client).await;
    }
}

#[tokio::test]
async fn an_answer_to_head_has_no_body_and_leaves_the_connection_usable() {
    let rig = Rig::new().await;
    let vendor = async {
        let mut stream = rig.accept().await;
        for wire in ["content-length: 1000", "transfer-encoding: chunked", "x: y"] {
            read_request(&mut stream).await;
            stream.write_all(format!("HTTP/1.1 200 OK\r\n{wire}\r\n\r\n").as_bytes()).await.unwrap();
        }
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nsame").await.unwrap();
        stream
    };
    let client = async {
        for _ in 0..3 {
            assert_eq!(rig.get(HEAD).await, (200, String::new()));
        }
        assert_eq!(rig.get(GET).await.1, "same");
    };
    both(vendor, client).await;
}

#[tokio::test]
async fn a_request_that_met_a_closing_connection_is_sent_again_on_a_new_one() {
    for (sees_it, body) in [(true, 2), (false, 2), (true, 4 * 1024 * 1024)] {
        let rig = Rig::new().await;
        let head = format!("POST /v1/x HTTP/1.1\r\nhost: h\r\ncontent-length: {body}\r\n\r\n");
        let vendor = async {
            let mut stream = rig.accept().await;
            read_request(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold").await.unwrap();
            if sees_it {
                // It is open when the client takes it, and closes without a word.
                read_request(&mut stream).await;
            }
            drop(stream);
            let mut stream = rig.accept().await;
            let mut left = head.len() + body;
            let mut room = vec![0; 64 * 1024];
            while left > 0 {
                left -= stream.read(&mut room).await.unwrap();
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nnew").await.unwrap();
        };
        let client = async {
            assert_eq!(rig.get(POST).await.1, "old");
            let answer = rig.ask(&head, &vec![b'x'; body]).await.unwrap();
            assert_eq!(rig.body(answer).await.unwrap().1, "new");
        };
        both(vendor, client).await;
    }
}

#[tokio::test]
async fn a_request_that_was_answered_in_part_is_not_sent_again() {
    let rig = Rig::new().await;
    let vendor = async {
        let mut stream = rig.accept().await;
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold").await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 2").await.unwrap();
        drop(stream);
    };
    let client = async {
        rig.get(POST).await;
        assert!(matches!(rig.ask(POST, b"{}").await, Err(Fault::Broken)));
    };
    both(vendor, client).await;
}

#[test]
fn a_vendor_may_be_at_work_on_what_it_has_had_for_a_second() {
    let (post, get) = (Method { is_head: false, is_safe: false }, Method { is_head: false, is_safe: true });
    let now = Instant::now();
    let long_ago = SendState::Written(now.checked_sub(REPLAY_WITHIN * 2).unwrap());
    assert!(cannot_be_at_work(SendState::Written(now), post));
    assert!(!cannot_be_at_work(long_ago, post));
    assert!(cannot_be_at_work(long_ago, get));
    assert!(cannot_be_at_work(SendState::Open, post));
    assert!(cannot_be_at_work(SendState::Failed, post));
}

#[tokio::test]
async fn an_early_answer_to_a_large_body_is_read_while_the_vendor_reads_no_more() {
    let rig = Rig::new().await;
    let body = vec![b'x'; 32 * 1024 * 1024];
    let head = format!("POST /v1/x HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n", body.len());
    let vendor = async {
        let mut stream = rig.accept().await;
        read_request(&mut stream).await;
        // An interim answer does not mean that it has stopped reading.
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        let mut room = vec![0; 1024 * 1024];
        stream.read_exact(&mut room).await.unwrap();
        stream.write_all(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 9\r\n\r\ntoo large").await.unwrap();
        rig.serves_on_a_new_connection().await;
        stream
    };
    let client = async {
        let answer = rig.ask(&head, &body).await.unwrap();
        assert_eq!(rig.body(answer).await.unwrap(), (413, String::from("too large")));
        // Half a request is on the other connection.
        assert_eq!(rig.get(POST).await.1, "new");
    };
    both(vendor, client).await;
}

#[tokio::test]
async fn a_large_body_arrives_whole_at_a_slow_reader() {
    let rig = Rig::new().await;
    let body: Vec<u8> = (0..8 * 1024 * 1024_u32).map(|n| (n % 251) as u8).collect();
    let vendor = async {
        let mut stream = rig.accept().await;
        let mut all = vec![0; GET.len() + body.len()];
        for piece in all.chunks_mut(100_000) {
            stream.read_exact(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(&all[GET.len()..], &body[..]);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    };
    let client = async {
        let answer = rig.ask(GET, &body).await.unwrap();
        assert_eq!(rig.body(answer).await.unwrap().1, "ok");
    };
    both(vendor, client).await;
}

#[tokio::test]
async fn nonsense_is_not_http() {
    for wire in
        ["<html>hello</html>\r\n\r\n".to_owned(), "HTTP/1.1 100 Continue\r\n\r\n".repeat(9), "HTTP/1.1 101 Switching\r\n\r\n".to_owned()]
    {
        let rig = Rig::new().await;
        let vendor = async {
            let mut stream = rig.accept().await;
            read_request(&mut stream).await;
            stream.write_all(wire.as_bytes()).await.unwrap();
            stream
        };
        let (_, asked) = both(vendor, rig.ask(POST, b"{}")).await;
        assert!(matches!(asked, Err(Fault::NotHttp)), "{wire:?}");
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packer, text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

#[tokio::test]
async fn a_packed_answer_reads_as_if_it_were_not_and_keeps_its_connection() {
    let rig = Rig::new().await;
    let packed = gzip("hello hello hello");
    let known = format!("HTTP/1.1 200 OK\r\nContent-Encoding: GZip\r\ncontent-length: {}\r\n\r\n", packed.len());
    let wire = [known.as_bytes(), &packed].concat();
    let vendor = async {
        let mut stream = rig.accept().await;
        for cut in 1..wire.len() {
            read_request(&mut stream).await;
            write_apart(&mut stream, [&wire[..cut], &wire[cut..]]).await;
        }
        stream
    };
    let client = async {
        for cut in 1..wire.len() {
            let mut answer = rig.ask(POST, b"{}").await.unwrap();
            answer.unpack();
            assert_eq!((answer.head.get("content-encoding"), answer.body.known_length()), (None, None));
            assert_eq!(rig.body(answer).await, Ok((200, String::from("hello hello hello"))), "cut {cut}");
        }
    };
    both(vendor, client).await;
}

#[tokio::test]
async fn a_packed_answer_that_its_framing_ends_too_early_is_truncated() {
    let packed = gzip("hello hello hello");
    for cut in 1..packed.len() {
        let rig = Rig::new().await;
        let vendor = async {
            let mut stream = rig.accept().await;
            read_request(&mut stream).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {cut}\r\n\r\n");
            write_apart(&mut stream, [head.as_bytes(), &packed[..cut]]).await;
            stream
        };
        let client = async {
            let mut answer = rig.ask(POST, b"{}").await.unwrap();
            answer.unpack();
            assert_eq!(rig.body(answer).await, Err(BodyFault::Truncated), "cut {cut}");
        };
        both(vendor, client).await;
    }
}

#[tokio::test]
async fn other_codings_are_left_as_they_are() {
    for coding in ["br", "gzip, br", "zstd"] {
        let rig = Rig::new().await;
        let vendor = async {
            let mut stream = rig.accept().await;
            read_request(&mut stream).await;
            let wire = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: 2\r\n\r\nab");
            stream.write_all(wire.as_bytes()).await.unwrap();
            stream
        };
        let client = async {
            let mut answer = rig.ask(POST, b"{}").await.unwrap();
            answer.unpack();
            assert_eq!((answer.head.get("content-encoding"), answer.body.known_length()), (Some(coding), Some(2)));
            assert_eq!(rig.body(answer).await, Ok((200, String::from("ab"))));
        };
        both(vendor, client).await;
    }
}
