//! Stories of the fault proxy: what each fault does to a connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use fluxa_loadtest::backends::{Redis, RedisOptions};
use fluxa_loadtest::proxy::{Faults, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that says back what it hears.
async fn echo() -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind(ANY).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            connections.spawn(async move {
                let (mut read, mut write) = stream.into_split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    (addr, tasks)
}

/// Sends `sent` through a proxy with these faults and reads to the end or until all is back; the bytes, and whether it was reset.
async fn through(faults: &str, sent: &[u8]) -> (Vec<u8>, bool) {
    let (addr, _echo) = echo().await;
    let proxy = Proxy::start(ANY, addr, 7).await.unwrap();
    proxy.set(faults.parse().unwrap());
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    if stream.write_all(sent).await.is_err() {
        return (Vec::new(), true);
    }
    let mut got = Vec::new();
    let mut part = [0; 4096];
    while got.len() < sent.len() {
        match timeout(PATIENCE, stream.read(&mut part)).await.unwrap() {
            Ok(0) => return (got, false),
            Ok(size) => got.extend_from_slice(&part[..size]),
            Err(_) => return (got, true),
        }
    }
    (got, false)
}

#[tokio::test]
async fn without_faults_everything_passes() {
    let sent: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    assert_eq!(through("clear", &sent).await, (sent.clone(), false));
    assert_eq!(through("split", &sent[..2_000]).await, (sent[..2_000].to_vec(), false));
}

#[tokio::test]
async fn a_connection_ends_after_as_many_bytes_as_said() {
    assert_eq!(through("fin=3", b"hello").await, (b"hel".to_vec(), false));
    let (got, reset) = through("rst=3", b"hello").await;
    assert!(reset && b"hel".starts_with(got.as_slice()), "{got:?}, reset: {reset}");
    let (got, _) = through("refuse", b"hello").await;
    assert_eq!(got, b"");
}

#[tokio::test]
async fn one_byte_is_another_and_the_same_one_with_the_same_seed() {
    let (one, _) = through("corrupt=1", b"hello world").await;
    let (two, _) = through("corrupt=1", b"hello world").await;
    assert_eq!(one.iter().zip(b"hello world").filter(|(a, b)| a != b).count(), 1, "{one:?}");
    assert_eq!(one, two);
}

#[tokio::test]
async fn what_is_slow_comes_later() {
    let start = Instant::now();
    through("delay=100,0", b"hello").await;
    assert!(start.elapsed() >= Duration::from_millis(200), "once in each direction");
    let start = Instant::now();
    through("throttle=1000", &[7; 100]).await;
    assert!(start.elapsed() >= Duration::from_millis(190), "100 bytes twice at 1000 a second");
}

#[tokio::test]
async fn what_stalls_comes_when_it_stalls_no_more() {
    let (addr, _echo) = echo().await;
    let proxy = Proxy::start(ANY, addr, 7).await.unwrap();
    proxy.set(Faults { stall: true, ..Faults::default() });
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let mut got = [0; 5];
    assert!(timeout(Duration::from_millis(50), stream.read_exact(&mut got)).await.is_err());
    proxy.set(Faults::default());
    timeout(PATIENCE, stream.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(&got, b"hello");
    proxy.cut();
    assert!(timeout(PATIENCE, stream.read(&mut got)).await.unwrap().map_or(true, |size| size == 0));
}

#[tokio::test]
async fn a_swallowed_publication_reaches_nobody_and_the_subscription_lives() {
    let redis = Redis::start(RedisOptions::default()).unwrap();
    let proxy = Proxy::start(ANY, SocketAddr::from((Ipv4Addr::LOCALHOST, redis.port())), 7).await.unwrap();
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    stream.write_all(b"SUBSCRIBE news\r\n").await.unwrap();
    let mut got = vec![0; 1024];
    let size = timeout(PATIENCE, stream.read(&mut got)).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&got[..size]).contains("subscribe"));
    proxy.set("swallow".parse().unwrap());
    assert_eq!(redis.cli(&["PUBLISH", "news", "lost"]).unwrap(), "1");
    stream.write_all(b"PING\r\n").await.unwrap();
    let size = timeout(PATIENCE, stream.read(&mut got)).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&got[..size]).into_owned();
    assert!(text.contains("pong") && !text.contains("lost"), "{text:?}");
}

#[test]
fn words_say_what_faults_are_and_back() {
    for text in ["clear", "delay=500,20,300", "throttle=9 corrupt=2 rst=1 fin=0", "stall blackhole refuse split swallow"] {
        assert_eq!(text.parse::<Faults>().unwrap().to_string(), text);
    }
    assert!("delay=x".parse::<Faults>().is_err());
    assert!("burn".parse::<Faults>().is_err());
}
