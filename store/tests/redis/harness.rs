//! What the stories share: servers, ways to them, and waiting for what must come.

use std::time::{Duration, Instant};

use fluxa_loadtest::backends::{Redis, RedisOptions};
use fluxa_store::shared::redis::{Fault, Link, LinkOptions, LinkTuning};
use redis::{Cmd, Value};

/// Nothing here takes as long, however loaded the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A loaded machine is slower than a data center; stories about timeouts choose their own.
pub(crate) const UNHURRIED: LinkTuning = LinkTuning { timeout: Duration::from_secs(2), connections: 2 };

pub(crate) fn server() -> Redis {
    Redis::start(RedisOptions::default()).unwrap()
}

pub(crate) fn server_with(arguments: &[&str]) -> Redis {
    Redis::start(RedisOptions { arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), ..RedisOptions::default() })
        .unwrap()
}

pub(crate) async fn link(url: &str) -> Link {
    open(url, UNHURRIED).await.unwrap()
}

pub(crate) async fn open(url: &str, tuning: LinkTuning) -> Result<Link, Fault> {
    Link::open_with(LinkOptions { url: url.to_owned() }, tuning).await
}

pub(crate) async fn open_later(url: &str) -> Link {
    Link::open_later(LinkOptions { url: url.to_owned() }, UNHURRIED).await.unwrap()
}

pub(crate) fn command(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    for word in words {
        command.arg(*word);
    }
    command
}

pub(crate) async fn run(link: &Link, words: &[&str]) -> Result<Value, Fault> {
    link.command(&command(words)).await
}

/// Asks again until it is so; how long that took.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    started.elapsed()
}

/// Waits until a replica has all that the master wrote.
pub(crate) async fn until_copied(master: &Redis) {
    until("its replica has it", async || {
        let info = master.cli(&["info", "replication"]).unwrap();
        let offset = |name: &str| info.split([',', '\n', '\r']).find_map(|part| part.strip_prefix(name)?.trim().parse::<u64>().ok());
        offset("offset=").is_some_and(|copied| Some(copied) >= offset("master_repl_offset:"))
    })
    .await;
}
