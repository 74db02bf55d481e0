//! What happens when the server does not answer, and when it does again.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fluxa_store::shared::redis::{Fault, LinkTuning, Script};
use redis::Value;

use crate::fake::Fake;
use crate::harness::{command, link, open, open_later, run, server, server_with, until};

#[tokio::test]
async fn a_silent_server_costs_two_timeouts_then_nothing_until_a_probe_finds_it() {
    let silent = Arc::new(AtomicBool::new(true));
    let fake = {
        let silent = Arc::clone(&silent);
        Fake::start(move |_| (!silent.load(Ordering::Relaxed)).then(|| b"+OK\r\n".to_vec()))
    };
    let link = open(&fake.url(), LinkTuning { connections: 1, ..LinkTuning::default() }).await.unwrap();
    assert_eq!(link.away(), None);
    for _ in 0..2 {
        let answer = run(&link, &["GET", "k"]).await;
        assert_eq!(answer, Err(Fault::Away(String::from("no answer in time"))));
    }
    assert!(link.away().is_some());
    let asked = fake.heard().len();
    let started = Instant::now();
    for _ in 0..100 {
        assert!(matches!(run(&link, &["GET", "k"]).await, Err(Fault::Away(_))));
    }
    assert!(started.elapsed() < Duration::from_millis(500), "nobody waits while the circuit is open");
    assert!(fake.heard().len() <= asked + 1, "and nobody asks");
    silent.store(false, Ordering::Relaxed);
    let took = until("a probe finds it", async || run(&link, &["GET", "k"]).await.is_ok()).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(link.away(), None);
}

#[tokio::test]
async fn a_server_that_comes_back_is_found_without_traffic_and_known_as_another() {
    let mut server = server();
    let link = link(&server.url()).await;
    assert_eq!(
        link.server().version,
        server.cli(&["info", "server"]).unwrap().lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap().trim()
    );
    let (first, mut changes) = (link.server().run_id, link.server_changes());
    server.crash();
    until("it is missed", async || matches!(run(&link, &["GET", "k"]).await, Err(Fault::Away(_)))).await;
    server.resume().unwrap();
    tokio::time::timeout(Duration::from_secs(10), changes.changed()).await.unwrap().unwrap();
    assert_ne!(link.server().run_id, first);
    let took = until("it answers", async || run(&link, &["GET", "k"]).await.is_ok()).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_killed_connection_is_made_again_and_is_no_other_server() {
    let server = server();
    let link = link(&server.url()).await;
    for _ in 0..3 {
        server.cli(&["client", "kill", "type", "normal"]).unwrap();
        until("it answers", async || run(&link, &["GET", "k"]).await.is_ok() && link.away().is_none()).await;
    }
    assert_eq!(*link.server_changes().borrow(), 0);
}

#[tokio::test]
async fn a_stopped_server_makes_nobody_wait_and_is_found_when_it_goes_on() {
    let server = server();
    let link = open(&server.url(), LinkTuning::default()).await.unwrap();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &server.pid().unwrap().to_string()]).status().unwrap().success());
    signal("-STOP");
    until("the circuit opens", async || run(&link, &["GET", "k"]).await.is_err() && link.away().is_some()).await;
    let started = Instant::now();
    for _ in 0..20 {
        assert!(run(&link, &["GET", "k"]).await.is_err());
    }
    assert!(started.elapsed() < Duration::from_millis(500));
    signal("-CONT");
    let took = until("it answers", async || run(&link, &["GET", "k"]).await.is_ok()).await;
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn what_is_slow_is_not_in_the_way_of_what_is_fast() {
    let server = server();
    let link = link(&server.url()).await;
    let mut wait = command(&["BLPOP", "never"]);
    wait.arg(1);
    let started = Instant::now();
    let fast = async {
        for _ in 0..10 {
            run(&link, &["GET", "k"]).await.unwrap();
        }
        started.elapsed()
    };
    let (slow, fast) = tokio::join!(link.patient(&wait), fast);
    assert_eq!(slow, Ok(Value::Nil));
    assert!(fast < started.elapsed());
}

#[tokio::test]
async fn scripts_of_one_hash_tag_arrive_in_the_order_they_were_sent_in() {
    let server = server();
    let link = link(&server.url()).await;
    let push = Script::new("return redis.call('RPUSH', KEYS[1], ARGV[1])");
    link.script(&push, &["fluxa:{a}:l"], &[b"first"]).await.unwrap();
    let numbers: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let sent = numbers.iter().map(|number| {
        let (link, push) = (&link, &push);
        async move { link.script(push, &["fluxa:{a}:l"], &[number.as_bytes()]).await }
    });
    let answers = futures_util::future::join_all(sent).await;
    let lengths: Vec<Value> = (2..202).map(Value::Int).collect();
    assert_eq!(answers.into_iter().map(Result::unwrap).collect::<Vec<_>>(), lengths);
}

#[tokio::test]
async fn a_server_that_was_away_at_the_start_is_found_and_counts_as_another() {
    let mut server = server();
    let url = server.url();
    server.crash();
    let link = open_later(&url).await;
    let mut changes = link.server_changes();
    until("it is missed", async || matches!(run(&link, &["GET", "k"]).await, Err(Fault::Away(why)) if why != "not connected yet")).await;
    assert!(link.away().is_some());
    server.resume().unwrap();
    tokio::time::timeout(Duration::from_secs(10), changes.changed()).await.unwrap().unwrap();
    until("it answers", async || run(&link, &["SET", "k", "v"]).await.is_ok() && link.away().is_none()).await;
    assert!(!link.server().run_id.is_empty());

    let second = open_later(&url).await;
    until("one that is there is used soon", async || run(&second, &["GET", "k"]).await == Ok(Value::BulkString(b"v".to_vec()))).await;
    assert_eq!(*second.server_changes().borrow(), 0, "it was never missed");
}

#[tokio::test]
async fn a_server_that_must_not_be_used_is_refused_until_it_may_be() {
    let server = server_with(&["--maxmemory-policy", "allkeys-lru"]);
    let link = open_later(&server.url()).await;
    until("it is refused", async || matches!(run(&link, &["GET", "k"]).await, Err(Fault::Refused(why)) if why.contains("noeviction")))
        .await;
    assert!(link.away().is_some_and(|why| why.contains("noeviction")));
    server.cli(&["config", "set", "maxmemory-policy", "noeviction"]).unwrap();
    until("it is used", async || run(&link, &["GET", "k"]).await.is_ok()).await;

    server.cli(&["config", "set", "requirepass", "geheim"]).unwrap();
    let stranger = open_later(&server.url()).await;
    until("no password", async || matches!(run(&stranger, &["GET", "k"]).await, Err(Fault::Refused(why)) if why.starts_with("NOAUTH")))
        .await;
}

#[tokio::test]
async fn a_server_that_forgets_keys_is_not_taken_in_the_place_of_another() {
    let server = server();
    let link = link(&server.url()).await;
    server.cli(&["config", "set", "maxmemory-policy", "allkeys-lru"]).unwrap();
    server.cli(&["client", "kill", "type", "normal"]).unwrap();
    until("it is refused", async || matches!(run(&link, &["GET", "k"]).await, Err(Fault::Refused(why)) if why.contains("noeviction")))
        .await;
}
