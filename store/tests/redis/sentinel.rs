//! A master dies, and the sentinels choose another.

use std::time::Duration;

use fluxa_loadtest::backends::Sentinels;
use fluxa_store::shared::redis::{RedisBulletin, Script};
use fluxa_store::shared::{Bulletin as _, Notice};
use redis::Value;

use crate::harness::{PATIENCE, link, until, until_copied};

#[tokio::test]
async fn the_next_master_is_found_after_a_failover() {
    let mut group = Sentinels::start().unwrap();
    let link = link(&group.url()).await;
    let bulletin = RedisBulletin::new(link.clone());
    let mut notices = bulletin.subscribe();
    let incr = Script::new("return redis.call('INCR', KEYS[1])");
    assert_eq!(link.script(&incr, &["fluxa:{a}:n"], &[]).await, Ok(Value::Int(1)));
    until_copied(&group.servers[0]).await;
    let (first, mut changes) = (link.server().run_id, link.server_changes());

    group.servers[0].crash();
    let took = until("scripts run again", async || link.script(&incr, &["fluxa:{a}:n"], &[]).await == Ok(Value::Int(2))).await;
    println!("failover by sentinels: {took:?} from the kill to the next script");
    assert!(took < Duration::from_secs(15), "{took:?}");
    tokio::time::timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
    assert_ne!(link.server().run_id, first);
    assert_eq!(link.patient(&crate::harness::command(&["GET", "fluxa:{a}:n"])).await, Ok(Value::BulkString(b"2".to_vec())));
    let again = async {
        let mut count = 0;
        while count < 2 {
            count += u32::from(notices.next().await.unwrap().notice == Notice::resync());
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("the subscription follows too");

    // The old master comes back, as a replica of the new one; a change that is asked for is followed as well.
    group.servers[0].resume().unwrap();
    until("it is a replica", async || {
        group.servers[0].cli(&["info", "replication"]).is_ok_and(|info| info.contains("master_link_status:up"))
    })
    .await;
    let second = link.server().run_id;
    until("the sentinels change back", async || {
        let sentinel = group.url().split([':', ',']).nth(2).unwrap().to_owned();
        let done = std::process::Command::new("redis-cli").args(["-p", &sentinel, "sentinel", "failover", "fluxa"]).output().unwrap();
        String::from_utf8_lossy(&done.stdout).contains("OK")
    })
    .await;
    until("scripts run at the other", async || link.server().run_id != second && link.script(&incr, &["fluxa:{a}:n"], &[]).await.is_ok())
        .await;
}
