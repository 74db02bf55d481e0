//! How long a script takes, there and back. `cargo test --release -p fluxa-store --test redis speed -- --nocapture` prints it.

use std::time::{Duration, Instant};

use fluxa_store::shared::redis::{LinkTuning, Script};

use crate::harness::{open, server};

#[tokio::test]
async fn a_script_takes_far_less_than_its_timeout() {
    let server = server();
    let link = open(&server.url(), LinkTuning { timeout: Duration::from_secs(5), ..LinkTuning::default() }).await.unwrap();
    let script = Script::new("return redis.call('HINCRBY', KEYS[1], 'n', ARGV[1])");
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..2_000 {
        let started = Instant::now();
        link.script(&script, &["fluxa:{a}:h"], &[b"1"]).await.unwrap();
        took.push(started.elapsed());
    }
    took.sort();
    let started = Instant::now();
    let many = (0..64).map(|task| {
        let (link, script) = (&link, &script);
        async move {
            let key = format!("fluxa:{{{task}}}:h");
            for _ in 0..200 {
                link.script(script, &[&key], &[b"1"]).await.unwrap();
            }
        }
    });
    futures_util::future::join_all(many).await;
    let rate = 12_800.0 / started.elapsed().as_secs_f64();
    println!("script: p50 {:?}, p99 {:?}, max {:?}; 64 at a time: {rate:.0} a second", took[1_000], took[1_980], took[1_999]);
    assert!(took[1_000] < Duration::from_millis(50), "the median is {:?}", took[1_000]);
}
