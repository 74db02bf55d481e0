//! A Redis Cluster: scripts of one hash tag, slots that move, a master that dies.

use std::time::Duration;

use bytes::Bytes;
use fluxa_domain::change::Revision;
use fluxa_loadtest::backends::RedisCluster;
use fluxa_store::shared::redis::{RedisBulletin, RedisCache, RedisNodes, Script};
use fluxa_store::shared::{Bulletin as _, Cache as _, NodeFacts, Nodes as _, Notice};
use redis::Value;

use crate::harness::{PATIENCE, command, link, run, until, until_copied};

#[tokio::test]
async fn everything_works_on_a_cluster_and_a_master_may_die() {
    let mut cluster = RedisCluster::start().unwrap();
    let link = link(&cluster.url()).await;
    assert!(link.server().is_cluster);
    let both = Script::new("redis.call('SET', KEYS[1], ARGV[1]); redis.call('SET', KEYS[2], ARGV[1]); return redis.call('INCR', KEYS[1])");
    for org in ["a", "b", "c", "d", "e", "f"] {
        let keys = [format!("fluxa:{{{org}}}:x"), format!("fluxa:{{{org}}}:y")];
        assert_eq!(link.script(&both, &[&keys[0], &keys[1]], &[b"6"]).await, Ok(Value::Int(7)), "{org}");
        assert_eq!(run(&link, &["GET", &keys[1]]).await, Ok(Value::BulkString(b"6".to_vec())));
    }
    assert!(link.script(&both, &["fluxa:{a}:x", "fluxa:{b}:x"], &[b"6"]).await.is_err(), "keys of two tags are no one script's");

    let nodes = RedisNodes::new(link.clone());
    nodes.beat(NodeFacts { id: String::from("n"), ..NodeFacts::default() }).await;
    assert_eq!(nodes.list().await.len(), 1);
    assert!(nodes.lease("sweep", "n", PATIENCE).await);
    let cache = RedisCache::new(link.clone(), fluxa_store::Sealer::new([7; 32]));
    cache.put(&[1; 32], Bytes::from_static(b"kept"), PATIENCE).await;
    assert_eq!(cache.get(&[1; 32]).await.as_deref(), Some(&b"kept"[..]));
    let (ours, theirs) = (RedisBulletin::new(link.clone()), RedisBulletin::new(link.clone()));
    let mut notices = theirs.subscribe();
    assert!(tokio::time::timeout(PATIENCE, notices.next()).await.unwrap().unwrap().notice.is_resync());
    let told = Notice { revision: Revision(3), keys: vec![String::from("k")] };
    ours.announce(told.clone()).await;
    assert_eq!(tokio::time::timeout(PATIENCE, notices.next()).await.unwrap().unwrap().notice, told);

    a_slot_moves(&cluster, &link).await;

    let key = "fluxa:{a}:n";
    let incr = Script::new("return redis.call('INCR', KEYS[1])");
    assert_eq!(link.script(&incr, &[key], &[]).await, Ok(Value::Int(1)));
    let master = cluster.master_of(key).unwrap();
    until_copied(&cluster.servers[master]).await;
    let mut changes = link.server_changes();
    changes.mark_unchanged();
    cluster.servers[master].crash();
    let took = until("scripts run again", async || link.script(&incr, &[key], &[]).await.is_ok()).await;
    println!("failover in a cluster: {took:?} from the kill to the next script");
    assert!(took < Duration::from_secs(20), "{took:?}");
    tokio::time::timeout(PATIENCE, changes.changed()).await.expect("another master is noticed").unwrap();
    until("the slow way too", async || link.patient(&command(&["GET", key])).await.is_ok()).await;
}

/// A slot that is on its way answers ASK, and MOVED once it is there.
async fn a_slot_moves(cluster: &RedisCluster, link: &fluxa_store::shared::redis::Link) {
    let key = "fluxa:{moving}:k";
    let from = cluster.master_of(key).unwrap();
    let to = (0..3).find(|server| *server != from).unwrap();
    let slot = cluster.servers[0].cli(&["cluster", "keyslot", key]).unwrap();
    let id = |server: usize| cluster.servers[server].cli(&["cluster", "myid"]).unwrap();
    cluster.servers[to].cli(&["cluster", "setslot", &slot, "importing", &id(from)]).unwrap();
    cluster.servers[from].cli(&["cluster", "setslot", &slot, "migrating", &id(to)]).unwrap();
    run(link, &["SET", key, "asked"]).await.unwrap();
    for server in [to, from] {
        cluster.servers[server].cli(&["cluster", "setslot", &slot, "node", &id(to)]).unwrap();
    }
    assert_eq!(run(link, &["GET", key]).await, Ok(Value::BulkString(b"asked".to_vec())));
    assert_eq!(cluster.master_of(key), Some(to));
}
