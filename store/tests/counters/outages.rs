//! What only shared counters know: rows beside them, lost answers, lost counters, another process that takes over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fluxa_domain::id::CallId;
use fluxa_loadtest::backends::{Redis, RedisOptions};
use fluxa_store::Store;
use fluxa_store::records::ledger::Finished;
use fluxa_store::shared::{Counters as _, Extended, Recorded, ReserveAsk, Reserved, ScopeAsk, Settled};

use crate::world::{ORG, World, dollars, id, row, scope, settlement};

async fn rows(world: &World, age: u64) -> Vec<CallId> {
    world.counters.waiting(Duration::from_secs(age), 10).await.into_iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn a_row_waits_with_its_charge_until_it_is_recorded() {
    let world = World::redis().await;
    let ask = world.ask(1, 100, dollars(1_000));
    world.grant(ask.clone()).await;
    world.settle(&ask, 70).await;
    world.settle(&ask, 70).await;
    assert!(rows(&world, 15).await.is_empty());
    world.pass(16);
    let waiting = world.counters.waiting(Duration::from_secs(15), 10).await;
    assert_eq!((waiting.len(), waiting[0].id, &*waiting[0].organization), (1, ask.id, ORG));
    assert_eq!(Finished::from_json(waiting[0].json.clone()).unwrap().entry, row(&ask, 70));
    world.recorded(ask.id).await;
    assert!(rows(&world, 0).await.is_empty());
    let left = world.redis.as_ref().unwrap().1.cli(&["EXISTS", &format!("fluxa:{{{ORG}}}:o:{}", ask.id.0.simple())]).unwrap();
    assert_eq!(left, "0", "nothing is left of a recorded call");
}

#[tokio::test]
async fn a_call_without_limits_is_noted_and_its_draft_outlives_its_process() {
    let world = World::redis().await;
    let mut ask = world.ask(1, 100, vec![]);
    ask.draft = Some(Finished::new(row(&ask, 100)).json().to_owned());
    world.grant(ask.clone()).await;
    assert_eq!(world.counters.inspect(ORG).await.unwrap().open.len(), 1);
    world.pass(121);
    assert_eq!(world.counters.expired(world.now()).await.len(), 1);
    assert_eq!(rows(&world, 0).await, [ask.id]);
    assert_eq!(world.settle(&ask, 40).await, Settled::Late);
    let waiting = world.counters.waiting(Duration::ZERO, 10).await;
    assert_eq!(waiting.len(), 1, "the real row took the draft's place");
    assert_eq!(Finished::from_json(waiting[0].json.clone()).unwrap().entry.cost.0, 40);
}

#[tokio::test]
async fn a_reservation_that_arrives_after_its_release_does_nothing() {
    let world = World::redis().await;
    let ask = world.ask(1, 100, dollars(1_000));
    world.grant(world.ask(2, 1, dollars(1_000))).await;
    assert!(world.release(ask.id).await);
    assert!(matches!(world.reserve(ask.clone()).await, Reserved::Unavailable(_)));
    assert_eq!(world.settle(&ask, 70).await, Settled::AlreadyDone);
    assert_eq!((world.money("key:a").await, world.standing("key:a").await.in_flight), ((0, 1), 1));
}

#[tokio::test]
async fn a_call_that_is_not_known_is_charged_once_whatever_the_ledger_has_of_it() {
    for in_ledger in [false, true] {
        let world = World::redis().await;
        world.grant(world.ask(1, 1, dollars(1_000))).await;
        let ask = world.ask(2, 100, dollars(1_000));
        if in_ledger {
            world.append(&row(&ask, 70)).await;
        }
        assert_eq!(world.settle(&ask, 70).await, Settled::Unknown);
        assert_eq!(world.settle(&ask, 70).await, Settled::AlreadyDone);
        assert!(world.standing("key:a").await.budgets.is_empty(), "its windows are cold");
        world.grant(world.ask(3, 1, dollars(1_000))).await;
        assert_eq!(world.money("key:a").await, (70, 2));
        world.record(&ask, 70).await;
        world.counters.chill(ORG, &[]).await;
        world.grant(world.ask(4, 1, dollars(1_000))).await;
        assert_eq!(world.money("key:a").await, (70, 3));
    }
}

#[tokio::test]
async fn a_row_that_is_in_the_ledger_before_its_settle_is_counted_once() {
    let world = World::redis().await;
    let ask = world.ask(1, 100, dollars(1_000));
    world.grant(ask.clone()).await;
    world.append(&row(&ask, 70)).await;
    world.counters.chill(ORG, &[]).await;
    world.grant(world.ask(2, 1, dollars(1_000))).await;
    assert_eq!(world.money("key:a").await, (0, 101), "it is still reserved");
    assert_eq!(world.settle(&ask, 70).await, Settled::Done);
    assert_eq!(world.money("key:a").await, (70, 1));
}

#[tokio::test]
async fn a_late_settle_after_its_draft_was_recorded_is_read_from_the_ledger() {
    let world = World::redis().await;
    let ask = world.ask(1, 100, dollars(1_000));
    world.grant(ask.clone()).await;
    world.pass(121);
    world.counters.expired(world.now()).await;
    let mut draft = row(&ask, 100);
    draft.abandoned = true;
    world.append(&draft).await;
    world.recorded(ask.id).await;
    world.grant(world.ask(2, 1, dollars(1_000))).await;
    assert_eq!(world.money("key:a").await, (100, 1));
    world.append(&row(&ask, 30)).await;
    assert_eq!(world.settle(&ask, 30).await, Settled::Late);
    world.grant(world.ask(3, 1, dollars(1_000))).await;
    assert_eq!(world.money("key:a").await, (30, 2));
}

#[tokio::test]
async fn a_call_whose_settle_never_came_is_read_from_the_ledger_when_its_row_is_recorded() {
    let world = World::redis().await;
    let ask = world.ask(1, 100, dollars(1_000));
    world.grant(ask.clone()).await;
    world.append(&row(&ask, 70)).await;
    world.recorded_draft(ask.id).await;
    assert_eq!(world.money("key:a").await, (0, 100), "a draft does not end a call that is open again");
    world.recorded(ask.id).await;
    for late in [false, true] {
        if late {
            assert_eq!(world.settle(&ask, 70).await, Settled::Unknown);
        }
        world.grant(world.ask(2 + u64::from(late), 1, dollars(1_000))).await;
        assert_eq!(world.money("key:a").await, (70, 1 + i64::from(late)));
    }
    assert_eq!(world.standing("key:a").await.in_flight, 2);
}

#[tokio::test]
async fn a_real_charge_that_came_after_the_draft_outlives_the_report_of_the_draft() {
    let world = World::redis().await;
    let ask = world.ask(1, 100, dollars(1_000));
    world.grant(ask.clone()).await;
    world.pass(121);
    world.counters.expired(world.now()).await;
    let mut draft = row(&ask, 100);
    draft.abandoned = true;
    world.append(&draft).await;
    assert_eq!(world.settle(&ask, 30).await, Settled::Late);
    world.recorded_draft(ask.id).await;
    assert_eq!(world.counters.inspect(ORG).await.unwrap().rows, 1, "the real row waits for the ledger");
    world.counters.chill(ORG, &[]).await;
    world.grant(world.ask(2, 1, dollars(1_000))).await;
    assert_eq!(world.money("key:a").await, (30, 1));
    world.append(&row(&ask, 30)).await;
    world.recorded(ask.id).await;
    world.counters.chill(ORG, &[]).await;
    world.grant(world.ask(3, 1, dollars(1_000))).await;
    assert_eq!(world.money("key:a").await, (30, 2));
}

#[tokio::test]
async fn what_was_flushed_is_reserved_again_by_extending_it() {
    let world = World::redis().await;
    let held: Vec<_> = (1..=3).map(|n| Arc::new(world.ask(n, 100, dollars(250 + 50 * i64::try_from(n).unwrap())))).collect();
    for ask in &held {
        world.grant((**ask).clone()).await;
    }
    let counters = Arc::clone(&world.redis.as_ref().unwrap().0);
    let before = counters.epoch_changes();
    world.flush();
    let later = world.now().plus_seconds(300);
    assert_eq!(world.counters.extend(&held, later).await, [Extended::Again; 3]);
    assert_eq!(world.counters.extend(&held, later).await, [Extended::Yes; 3]);
    assert_eq!(counters.epoch_changes(), before + 1);
    let over = world.refuse(world.ask(4, 1, dollars(300))).await;
    assert_eq!(over.affordable, Some(0));
    assert_eq!((world.money("key:a").await, world.standing("key:a").await.in_flight), ((0, 300), 3));
    for ask in &held {
        assert_eq!(world.settle(ask, 90).await, Settled::Done);
    }
    assert_eq!((world.money("key:a").await, world.standing("key:a").await.in_flight), ((270, 0), 0));
    let known = world.redis.as_ref().unwrap().1.cli(&["SMEMBERS", "fluxa:orgs"]).unwrap();
    assert_eq!(known, ORG, "the others are told anew");
}

#[tokio::test]
async fn a_new_epoch_makes_every_organization_cold() {
    let world = World::redis().await;
    world.grant(world.ask(1, 10, dollars(100))).await;
    let counters = Arc::clone(&world.redis.as_ref().unwrap().0);
    assert!(counters.new_epoch().await);
    assert!(world.standing("key:a").await.budgets.is_empty());
    world.grant(world.ask(2, 10, dollars(100))).await;
    assert_eq!(world.money("key:a").await, (0, 20));
}

#[tokio::test]
async fn a_draft_that_finds_the_stream_full_gets_there_when_there_is_room() {
    let world = World::redis_with(|counters| counters.with_stream_rows(1)).await;
    let asks: Vec<_> = (1..=3).map(|n| ReserveAsk { draft: Some(format!("draft {n}")), ..world.ask(n, 100, dollars(1_000)) }).collect();
    for ask in &asks {
        world.grant(ask.clone()).await;
    }
    world.pass(121);
    assert_eq!(world.counters.expired(world.now()).await.len(), 3);
    // One of those that wait is settled meanwhile: its row found no room, so its owner has it, and its draft is not wanted any more.
    let first = world.counters.waiting(Duration::ZERO, 10).await.remove(0);
    let settled = asks.iter().find(|ask| ask.id != first.id).unwrap();
    assert_eq!(world.settle(settled, 30).await, Settled::Late);
    world.recorded(first.id).await;
    assert!(world.counters.waiting(Duration::ZERO, 10).await.is_empty());
    world.counters.expired(world.now()).await;
    world.counters.expired(world.now()).await;
    let rows = world.counters.waiting(Duration::ZERO, 10).await;
    let third = asks.iter().find(|ask| ask.id != first.id && ask.id != settled.id).unwrap();
    assert_eq!(rows.iter().map(|row| (row.id, row.json.as_str())).collect::<Vec<_>>(), [(third.id, third.draft.as_deref().unwrap())]);
}

#[tokio::test]
async fn a_full_stream_takes_no_row_and_the_charge_all_the_same() {
    let world = World::redis_with(|counters| counters.with_stream_rows(2)).await;
    for n in 1..=3 {
        let ask = world.ask(n, 100, dollars(1_000));
        world.grant(ask.clone()).await;
        assert_eq!(world.settle(&ask, 70).await, Settled::Done);
    }
    assert_eq!(rows(&world, 0).await, [id(1), id(2)]);
    assert_eq!((world.money("key:a").await, world.redis.as_ref().unwrap().0.rows_not_kept()), ((210, 0), 1));
}

#[tokio::test]
async fn every_key_goes_by_itself_and_shares_its_organizations_tag() {
    let world = World::redis().await;
    for (organization, tag) in [(ORG, "{acme}"), ("höhe", "{x")] {
        let mut ask = world.ask(1, 100, dollars(1_000));
        ask.organization = organization.into();
        let ask = Arc::new(ask);
        if let Reserved::Cold(cold) = world.counters.reserve(Arc::clone(&ask)).await {
            world.counters.warm(&world.store, organization, &cold).await.unwrap();
        }
        assert!(matches!(world.counters.reserve(Arc::clone(&ask)).await, Reserved::Granted(_)));
        let server = &world.redis.as_ref().unwrap().1;
        let keys = server.cli(&["KEYS", &format!("fluxa:{tag}*")]).unwrap();
        assert_eq!(keys.lines().count(), 5, "{keys}");
        for key in keys.lines().filter(|key| key.contains(":c:") || key.contains(":o:")) {
            let ttl: i64 = server.cli(&["TTL", key]).unwrap().parse().unwrap();
            assert!((86_000..=3 * 86_400).contains(&ttl), "{key} {ttl}");
        }
        world.counters.settle(Arc::new(settlement(&ask, 70))).await;
        world.counters.recorded(&[Recorded { id: ask.id, organization: organization.into(), draft: false }]).await;
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_and_nothing_waits_for_it() {
    let mut world = World::redis().await;
    let ask = world.ask(1, 100, dollars(1_000));
    world.grant(ask.clone()).await;
    world.redis.as_mut().unwrap().1.crash();
    assert!(matches!(world.counters.reserve(Arc::new(world.ask(2, 1, dollars(1_000)))).await, Reserved::Unavailable(_)));
    assert_eq!(world.counters.settle(Arc::new(settlement(&ask, 70))).await, Settled::Unavailable);
    assert_eq!(world.counters.extend(&[Arc::new(ask.clone())], ask.deadline).await, [Extended::Unavailable]);
    assert!(!world.counters.release(ORG, ask.id).await);
    assert!(!world.counters.recorded(&[Recorded { id: ask.id, organization: ORG.into(), draft: false }]).await);
    assert!(world.counters.inspect(ORG).await.is_err());
    assert!(world.counters.expired(world.now()).await.is_empty());
}

#[tokio::test]
async fn the_servers_clock_is_known_from_its_answers() {
    let world = World::redis_with(|counters| counters.with_clock(|| fluxa_domain::time::Micros(crate::world::START - 5_000_000))).await;
    world.grant(world.ask(1, 1, vec![])).await;
    let health = world.redis.as_ref().unwrap().0.health();
    assert!((4_900_000..=5_000_000).contains(&health.clock_ahead_us), "{health:?}");
    assert!(health.commands >= 1 && health.away.is_none());
    assert_eq!(world.redis.as_ref().unwrap().0.epoch_changes(), 0);
}

#[tokio::test]
async fn every_script_runs_on_a_node_of_a_cluster() {
    let arguments = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"].map(str::to_owned).to_vec();
    let server = Redis::start(RedisOptions { arguments, ..RedisOptions::default() }).unwrap();
    server.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !server.cli(&["CLUSTER", "INFO"]).unwrap().contains("cluster_state:ok") {
        assert!(Instant::now() < deadline, "the cluster does not come up");
    }
    let world = World::on(format!("redis+cluster://127.0.0.1:{}", server.port()), Store::in_memory().await.unwrap()).await;
    let scopes = || {
        let mut scopes = dollars(1_000);
        scopes.push(ScopeAsk { rpm: Some(10), tpm: Some(1_000), concurrency: Some(10), ..scope("team:t", vec![]) });
        scopes
    };
    let asks: Vec<_> = (1..=3).map(|n| Arc::new(world.ask(n, 100, scopes()))).collect();
    for ask in &asks {
        world.grant((**ask).clone()).await;
    }
    assert_eq!(world.settle(&asks[0], 70).await, Settled::Done);
    assert!(world.release(asks[1].id).await);
    server.cli(&["FLUSHALL"]).unwrap();
    assert_eq!(world.counters.extend(&asks[2..], world.now().plus_seconds(60)).await, [Extended::Again]);
    world.pass(61);
    assert_eq!(world.counters.expired(world.now()).await.len(), 1);
    assert_eq!(world.settle(&asks[2], 40).await, Settled::Late);
    world.record(&asks[2], 40).await;
    world.grant(world.ask(4, 1, scopes())).await;
    assert_eq!(world.money("key:a").await, (40, 1));
    world.counters.forget(ORG, "team:t").await;
    assert_eq!(world.counters.inspect(ORG).await.unwrap().open.len(), 1);
}
