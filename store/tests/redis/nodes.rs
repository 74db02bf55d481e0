//! Heartbeats and leases: the same on memory and on Redis.

use std::time::Duration;

use fluxa_store::shared::redis::RedisNodes;
use fluxa_store::shared::{MemoryNodes, NodeFacts, Nodes};

use crate::harness::{link, run, server, until};

const GONE: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(600);

fn facts(id: &str, in_flight: u64) -> NodeFacts {
    NodeFacts { id: id.to_owned(), role: String::from("gateway"), in_flight, tripped: vec![String::from("p/m")], ..NodeFacts::default() }
}

async fn listed(nodes: &dyn Nodes) -> Vec<(String, u64)> {
    nodes.list().await.into_iter().map(|node| (node.id, node.in_flight)).collect()
}

/// `one` and `other` are two processes' views of the same cluster.
async fn tells_who_is_there(one: &dyn Nodes, other: &dyn Nodes) {
    assert_eq!(listed(one).await, []);
    other.beat(facts("b", 1)).await;
    one.beat(facts("a", 2)).await;
    one.beat(facts("c", 3)).await;
    one.beat(facts("a", 4)).await;
    let all = other.list().await;
    assert_eq!(all.iter().map(|node| (node.id.as_str(), node.in_flight)).collect::<Vec<_>>(), [("a", 4), ("b", 1), ("c", 3)]);
    let told = NodeFacts { seen_at: all[0].seen_at, ..facts("a", 4) };
    assert_eq!(all[0], told, "all that it told");
    one.leave("c").await;
    assert!(!listed(other).await.iter().any(|(id, _)| id == "c"));
    until("who is silent is gone", async || {
        one.beat(facts("a", 5)).await;
        listed(other).await == [(String::from("a"), 5)]
    })
    .await;

    assert!(one.lease("sweep", "a", LONG).await);
    assert!(!other.lease("sweep", "b", LONG).await, "one has it");
    assert!(other.lease("reap", "b", LONG).await, "another lease");
    assert!(one.lease("sweep", "a", Duration::from_millis(60)).await, "its holder keeps it");
    until("it is free", async || other.lease("sweep", "b", LONG).await).await;
    assert!(!one.lease("sweep", "a", LONG).await);
}

#[tokio::test]
async fn processes_are_listed_in_memory() {
    let nodes = MemoryNodes::gone_after(GONE);
    tells_who_is_there(&nodes, &nodes).await;
}

#[tokio::test]
async fn processes_are_listed_in_redis_and_known_while_it_is_away() {
    let mut server = server();
    let (one, other) = (link(&server.url()).await, link(&server.url()).await);
    let nodes = RedisNodes::gone_after(one.clone(), GONE);
    tells_who_is_there(&nodes, &RedisNodes::gone_after(other, GONE)).await;

    let nodes = RedisNodes::new(one.clone());
    nodes.beat(facts("z", 1)).await;
    let known = nodes.list().await;
    assert!(known.iter().any(|node| node.id == "z" && node.seen_at.0 > 1_600_000_000_000_000));
    server.crash();
    until("it is missed", async || run(&one, &["GET", "k"]).await.is_err()).await;
    assert_eq!(nodes.list().await, known);
    assert!(!nodes.lease("sweep", "z", LONG).await);
}
