//! Kept answers: the same on memory and on Redis.

use std::time::Duration;

use bytes::Bytes;
use fluxa_store::Sealer;
use fluxa_store::shared::cache::MAX_VALUE_BYTES;
use fluxa_store::shared::redis::RedisCache;
use fluxa_store::shared::{Cache, MemoryCache};
use redis::Value;

use crate::harness::{link, run, server, until};

const LONG: Duration = Duration::from_secs(600);

async fn keeps_what_it_is_given(cache: &dyn Cache) {
    let (name, other) = ([7; 32], [8; 32]);
    assert_eq!(cache.get(&name).await, None);
    cache.put(&name, Bytes::from_static(b"one\0\xff"), LONG).await;
    assert_eq!(cache.get(&name).await.as_deref(), Some(&b"one\0\xff"[..]));
    assert_eq!(cache.get(&other).await, None);
    cache.put(&name, Bytes::from_static(b"two"), LONG).await;
    assert_eq!(cache.get(&name).await.as_deref(), Some(&b"two"[..]));

    cache.put(&other, Bytes::from(vec![1; MAX_VALUE_BYTES + 1]), LONG).await;
    assert_eq!(cache.get(&other).await, None, "too large");
    cache.put(&other, Bytes::from(vec![1; MAX_VALUE_BYTES]), LONG).await;
    assert_eq!(cache.get(&other).await.map(|value| value.len()), Some(MAX_VALUE_BYTES));

    cache.put(&name, Bytes::from_static(b"three"), Duration::from_millis(60)).await;
    until("its time is over", async || cache.get(&name).await.is_none()).await;
}

#[tokio::test]
async fn answers_are_kept_in_memory() {
    keeps_what_it_is_given(&MemoryCache::new()).await;
}

#[tokio::test]
async fn answers_are_kept_in_redis() {
    let mut server = server();
    let cache = RedisCache::new(link(&server.url()).await, Sealer::new([7; 32]));
    keeps_what_it_is_given(&cache).await;
    cache.put(&[1; 32], Bytes::from_static(b"x"), Duration::MAX).await;
    assert!(cache.get(&[1; 32]).await.is_some(), "a time without end");
    let raw = link(&server.url()).await;
    cache.put(&[2; 32], Bytes::from_static(b"geheime Antwort"), LONG).await;
    let key = format!("fluxa:cache:{}", "02".repeat(32));
    let Ok(Value::BulkString(bytes)) = run(&raw, &["GET", &key]).await else { panic!("it is kept") };
    assert!(!bytes.windows(7).any(|part| part == b"geheime"), "it is sealed");
    let moved = redis::cmd("SET").arg(format!("fluxa:cache:{}", "03".repeat(32))).arg(bytes).to_owned();
    raw.command(&moved).await.unwrap();
    assert_eq!(cache.get(&[3; 32]).await, None, "an answer in another's place is none");
    server.crash();
    cache.put(&[1; 32], Bytes::from_static(b"x"), LONG).await;
    assert_eq!(cache.get(&[1; 32]).await, None, "a failure is a miss");
}
