//! Notices: the same on memory and on Redis, and those of other processes.

use std::time::Duration;

use fluxa_domain::change::Revision;
use fluxa_store::shared::redis::RedisBulletin;
use fluxa_store::shared::{Bulletin, MemoryBulletin, Notice, NoticeStream};

use crate::harness::{PATIENCE, link, run, server, until};

fn notice(revision: i64) -> Notice {
    Notice { revision: Revision(revision), keys: vec![format!("k{revision}")] }
}

async fn next(stream: &mut NoticeStream) -> Notice {
    tokio::time::timeout(PATIENCE, stream.next()).await.expect("a notice comes").expect("the bulletin is there").notice.clone()
}

/// The next notice that says something.
async fn news(stream: &mut NoticeStream) -> Notice {
    loop {
        let notice = next(stream).await;
        if !notice.is_resync() {
            return notice;
        }
    }
}

/// `one` and `other` are two processes' views of the same bulletin.
async fn tells_everybody(one: &dyn Bulletin, other: &dyn Bulletin) {
    let (mut first, mut second, mut third) = (one.subscribe(), one.subscribe(), other.subscribe());
    for revision in 1..=3 {
        let apply = async {
            assert_eq!(news(&mut first).await, notice(revision));
            assert_eq!(news(&mut second).await, notice(revision));
            assert_eq!(news(&mut third).await, notice(revision));
        };
        tokio::join!(one.announce(notice(revision)), apply);
    }
}

#[tokio::test]
async fn notices_reach_everybody_in_memory() {
    let bulletin = MemoryBulletin::new();
    tells_everybody(&bulletin, &bulletin).await;
}

#[tokio::test]
async fn notices_reach_everybody_in_redis_once() {
    let server = server();
    let (one, other) = (link(&server.url()).await, link(&server.url()).await);
    let (ours, theirs) = (RedisBulletin::new(one), RedisBulletin::new(other));
    until("both are subscribed", async || server.cli(&["pubsub", "numsub", "fluxa:bulletin"]).unwrap().ends_with('2')).await;
    tells_everybody(&ours, &theirs).await;

    let (mut own, mut others) = (ours.subscribe(), theirs.subscribe());
    tokio::join!(ours.announce(notice(9)), async {
        assert_eq!(news(&mut own).await, notice(9));
        assert_eq!(news(&mut others).await, notice(9));
    });
    ours.announce(notice(8)).await;
    assert_eq!(news(&mut others).await, Notice { revision: Revision(9), ..notice(8) }, "never backwards");
    assert_eq!(news(&mut own).await, notice(8), "own notices come once, as they were given");
    let answer = server.cli(&["get", "fluxa:revision"]).unwrap();
    assert_eq!(answer, "9");
    theirs.announce(notice(10)).await;
    assert_eq!(news(&mut own).await, notice(10), "and nothing between");
}

#[tokio::test]
async fn after_a_lost_subscription_everybody_looks_for_themselves() {
    let mut server = server();
    let (one, other) = (link(&server.url()).await, link(&server.url()).await);
    let (ours, theirs) = (RedisBulletin::new(one.clone()), RedisBulletin::new(other));
    let mut stream = theirs.subscribe();
    assert!(next(&mut stream).await.is_resync(), "notices before the subscription are lost too");
    server.cli(&["client", "kill", "type", "pubsub"]).unwrap();
    assert!(next(&mut stream).await.is_resync());
    tokio::join!(ours.announce(notice(4)), async { assert_eq!(news(&mut stream).await, notice(4)) });

    server.crash();
    until("it is missed", async || run(&one, &["GET", "k"]).await.is_err()).await;
    let started = std::time::Instant::now();
    ours.announce(notice(5)).await;
    assert!(started.elapsed() < Duration::from_secs(3), "who announces does not wait for redis");
    server.resume().unwrap();
    assert!(next(&mut stream).await.is_resync());
    // The way to the new server may be found in two steps, each of which ends with "look for yourselves".
    let mut revision = 5;
    until("notices come again", async || {
        revision += 1;
        ours.announce(notice(revision)).await;
        tokio::time::timeout(Duration::from_millis(200), news(&mut stream)).await.is_ok_and(|heard| heard == notice(revision))
    })
    .await;
}
