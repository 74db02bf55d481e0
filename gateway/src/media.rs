//! Pictures and documents that a client names by address, for vendors that do not fetch them themselves.
//!
//! Whoever sends a prompt chooses these addresses, so they lead to public ones only, whatever providers may have: the guard judges
//! the address that is connected to. Start at [`inline`].

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use fluxa_domain::net::{Cidr, EgressPolicy};
use fluxa_wire::neutral::media::{encode_base64, mime_of_name};
use fluxa_wire::neutral::{Chat, Part, Source};

use crate::upstream::{Ask, Connector, Origin, Pool, Progress, Scratch, Timers, TlsSetup, exchange};

/// Media of one call; more is no conversation.
const MAX_ITEMS: usize = 20;
/// Bytes of one medium; what vendors take inline is smaller.
const MAX_BYTES: usize = 20 * 1024 * 1024;
/// And of all media of one call together: an address is short, and what it leads to must not fill the memory.
const MAX_TOTAL_BYTES: usize = 32 * 1024 * 1024;
/// Redirects that are followed, each judged like the first address.
const MAX_REDIRECTS: usize = 3;
/// All media of one call together.
const WITHIN: Duration = Duration::from_secs(20);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// What fetching needs.
pub(crate) struct Fetcher {
    connector: Connector,
    scratch: Rc<Scratch>,
}

impl Fetcher {
    /// `allow_private` are ranges that the operator lets clients' addresses lead to.
    pub(crate) fn new(allow_private: Vec<Cidr>, tls: Arc<TlsSetup>, scratch: Rc<Scratch>) -> Self {
        let egress = EgressPolicy { allow_loopback: false, allow_private_ranges: false, allow_private, allow_metadata: false };
        Self { connector: Connector { egress, tls }, scratch }
    }
}

/// Puts what lies behind the addresses in `chat` into it.
///
/// # Errors
/// What is wrong, for the client: names hosts, never whole addresses, which may hold secrets.
pub(crate) async fn inline(fetcher: &Fetcher, chat: &mut Chat) -> Result<(), String> {
    let fetching = async {
        let mut left = MAX_TOTAL_BYTES;
        for (number, medium) in chat.remote_media().enumerate() {
            let Source::Url { mime, url } = &medium.source else { continue };
            if is_vendors_own(url) {
                continue;
            }
            if number >= MAX_ITEMS {
                return Err(format!("more than {MAX_ITEMS} addresses of pictures or documents"));
            }
            let (said, bytes) = fetch(fetcher, url, left.min(MAX_BYTES)).await?;
            left -= bytes.len().min(left);
            let mime = mime.clone().or(said).or_else(|| mime_of_name(url).map(str::to_owned)).unwrap_or_default();
            medium.source = Source::Inline { mime, data: encode_base64(&bytes) };
        }
        Ok(())
    };
    tokio::time::timeout(WITHIN, fetching).await.unwrap_or_else(|_| Err(String::from("fetching what the addresses lead to took too long")))
}

/// Whether a conversation names media by addresses that must be fetched.
pub(crate) fn is_needed(chat: &Chat) -> bool {
    let is_remote = |part: &Part| match part {
        Part::Media(media) => matches!(&media.source, Source::Url { url, .. } if url.starts_with("http") && !is_vendors_own(url)),
        _ => false,
    };
    chat.turns.iter().flat_map(|turn| &turn.parts).any(|part| match part {
        Part::Result(result) => result.content.iter().any(is_remote),
        part => is_remote(part),
    })
}

/// Addresses that a vendor reads itself, and nobody else can. Source: `fileData` in Google's documentation.
fn is_vendors_own(url: &str) -> bool {
    ["https://generativelanguage.googleapis.com/", "https://www.youtube.com/", "https://youtube.com/", "https://youtu.be/"]
        .iter()
        .any(|own| url.starts_with(own))
}

/// Fetches at most `most` bytes.
async fn fetch(fetcher: &Fetcher, url: &str, most: usize) -> Result<(Option<String>, Vec<u8>), String> {
    let mut url = url::Url::parse(url).map_err(|_| String::from("the address of a picture or document is none"))?;
    for _ in 0..=MAX_REDIRECTS {
        let host = url.host_str().unwrap_or_default().to_owned();
        let failed = |what: &str| format!("cannot fetch from {host}: {what}");
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() {
            return Err(failed("only http and https addresses without a user are fetched"));
        }
        let (origin, _) = Origin::parse(&url[..url::Position::BeforePath]).map_err(|_| failed("the address cannot be used"))?;
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let head = format!(
            "GET {target} HTTP/1.1\r\nhost: {}\r\nuser-agent: fluxa/{}\r\naccept: */*\r\naccept-encoding: identity\r\nconnection: close\r\n\r\n",
            origin.authority,
            env!("CARGO_PKG_VERSION"),
        );
        let timers = Timers { connect: CONNECT_WITHIN, first_byte: WITHIN };
        let pool = Rc::new(Pool::default());
        let ask = Ask { origin: &origin, head: head.into_bytes(), body: &[] };
        let mut answer =
            exchange(&fetcher.connector, &pool, &fetcher.scratch, ask, timers).await.map_err(|fault| failed(&fault.to_string()))?;
        answer.unpack();
        let status = answer.head.status;
        if matches!(status, 301 | 302 | 303 | 307 | 308) {
            let next = answer.head.get("location").and_then(|location| url.join(location).ok());
            url = next.ok_or_else(|| failed("it redirects to nowhere"))?;
            continue;
        }
        if status != 200 {
            return Err(failed(&format!("status {status}")));
        }
        if answer.body.known_length().is_some_and(|bytes| bytes > most as u64) {
            return Err(failed("it is too large"));
        }
        let mime = Some(answer.head.media_type()).filter(|mime| !mime.is_empty() && mime != "application/octet-stream");
        let mut bytes = BytesMut::new();
        loop {
            let read = std::future::poll_fn(|cx| answer.body.poll_data(cx, &fetcher.scratch, |data| bytes.extend_from_slice(data))).await;
            match read {
                Ok(Progress::Data) if bytes.len() <= most => {}
                Ok(Progress::Data) => return Err(failed("it is too large")),
                Ok(Progress::End) if bytes.len() > most => return Err(failed("it is too large")),
                Ok(Progress::End) => return Ok((mime, bytes.to_vec())),
                Err(_) => return Err(failed("the answer broke off")),
            }
        }
    }
    Err(String::from("an address redirects too often"))
}

#[cfg(test)]
mod tests {
    use fluxa_wire::neutral::{Media, MediaKind, Role, Turn};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn chat(url: &str) -> Chat {
        let media = Media::new(MediaKind::Image, Source::Url { mime: None, url: url.to_owned() });
        Chat { turns: vec![Turn::new(Role::User, vec![Part::Media(media)])], ..Chat::default() }
    }

    /// Answers each connection with the next of `answers`.
    async fn serve(listener: TcpListener, answers: Vec<String>) {
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut seen = [0; 1024];
            let _ = socket.read(&mut seen).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    }

    async fn run(allowed: bool, answers: &[&str]) -> Result<Source, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let serving = serve(listener, answers.iter().map(|&answer| answer.to_owned()).collect());
        let asking = async {
            let loopback = if allowed { vec!["127.0.0.0/8".parse().unwrap()] } else { Vec::new() };
            let fetcher = Fetcher::new(loopback, Arc::default(), Rc::new(Scratch::new()));
            let mut chat = chat(&format!("{base}/a.png?x=1"));
            assert!(is_needed(&chat));
            inline(&fetcher, &mut chat).await?;
            assert!(!is_needed(&chat));
            let Some(Part::Media(media)) = chat.turns[0].parts.first() else { panic!("no medium") };
            Ok(media.source.clone())
        };
        tokio::join!(serving, asking).1
    }

    #[tokio::test]
    async fn what_an_address_leads_to_is_put_in() {
        let ok = "HTTP/1.1 200 OK\r\ncontent-type: image/webp; x=y\r\ncontent-length: 3\r\n\r\nabc";
        let inline = |mime: &str| Ok(Source::Inline { mime: mime.to_owned(), data: String::from("YWJj") });
        assert_eq!(run(true, &[ok]).await, inline("image/webp"));
        let nameless = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(run(true, &[nameless]).await, inline("image/png"));
        let moved = "HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(run(true, &[moved, ok]).await, inline("image/webp"));
    }

    #[tokio::test]
    async fn all_media_of_a_call_together_are_bounded() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let large = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(MAX_BYTES - 1));
        let serving = serve(listener, vec![large.clone(), large]);
        let asking = async {
            let fetcher = Fetcher::new(vec!["127.0.0.0/8".parse().unwrap()], Arc::default(), Rc::new(Scratch::new()));
            let mut two = chat(&base);
            two.turns.extend(chat(&base).turns);
            inline(&fetcher, &mut two).await
        };
        let refused = tokio::join!(serving, asking).1.unwrap_err();
        assert!(refused.contains("too large"), "{refused}");
    }

    #[tokio::test]
    async fn addresses_lead_to_public_places_only_and_failures_are_told() {
        let refused = |text: Result<Source, String>, words: &str| {
            let text = text.unwrap_err();
            assert!(text.contains(words) && !text.contains("x=1"), "{text}");
        };
        refused(run(false, &[]).await, "not allowed");
        refused(run(true, &["HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"]).await, "status 404");
        refused(run(true, &["HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n"]).await, "too large");
        let metadata = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/\r\ncontent-length: 0\r\n\r\n";
        refused(run(true, &[metadata]).await, "not allowed");
        let moved = "HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n";
        refused(run(true, &[moved; 4]).await, "too often");
        assert!(!is_needed(&chat("gs://bucket/a")) && !is_needed(&chat("https://youtu.be/x")));
    }
}
