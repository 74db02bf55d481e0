//! In any 60 seconds never more than the limit, and nothing refused that a window of 61 seconds would allow.

use fluxa_store::shared::{OverWhat, Reserved, ScopeAsk, Settled};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::world::{World, on_both, scope};

on_both!(rates_refuse_and_say_when_to_come_back, a_correction_counts_at_the_time_of_its_call, what_does_not_count_is_not_counted);

fn limited(rpm: Option<u64>, tpm: Option<u64>) -> Vec<ScopeAsk> {
    vec![ScopeAsk { rpm, tpm, ..scope("key:a", vec![]) }]
}

async fn rates_refuse_and_say_when_to_come_back(world: &World) {
    world.grant(world.ask(1, 100, limited(Some(2), None))).await;
    world.pass(10);
    let Reserved::Granted(standing) = world.reserve(world.ask(2, 100, limited(Some(2), None))).await else { panic!() };
    let rpm = standing.rpm.unwrap();
    assert_eq!((rpm.limit, rpm.remaining), (2, 0));
    assert!((60..=61).contains(&rpm.reset_s), "{rpm:?}");
    world.pass(20);
    let over = world.refuse(world.ask(3, 100, limited(Some(2), None))).await;
    assert_eq!((over.what, over.rpm.unwrap().remaining, over.resets_at), (OverWhat::Requests, 0, None));
    assert!((30..=31).contains(&over.retry_after_s.unwrap()), "{over:?}");
    assert!((40..=41).contains(&over.rpm.unwrap().reset_s), "{over:?}");
    world.pass(i64::try_from(over.retry_after_s.unwrap()).unwrap());
    world.grant(world.ask(3, 100, limited(Some(2), None))).await;
    assert_eq!(world.refuse(world.ask(4, 100, limited(None, Some(9)))).await.retry_after_s, Some(60), "it never fits");
}

async fn a_correction_counts_at_the_time_of_its_call(world: &World) {
    let first = world.ask(1, 100, limited(None, Some(15)));
    world.grant(first.clone()).await;
    let over = world.refuse(world.ask(2, 100, limited(None, Some(15)))).await;
    assert_eq!((over.what, over.tpm.unwrap().remaining), (OverWhat::Tokens, 5));
    world.pass(30);
    assert_eq!(world.settle(&first, 50).await, Settled::Done);
    let second = world.ask(3, 100, limited(None, Some(15)));
    world.grant(second.clone()).await;
    assert!(world.release(second.id).await);
    let standing = world.standing("key:a").await;
    assert_eq!(standing.tokens, 5);
    let over = world.refuse(world.ask(4, 110, limited(None, Some(15)))).await;
    assert!((30..=31).contains(&over.tpm.unwrap().reset_s), "what was released leaves no trace: {over:?}");
    world.pass(32);
    assert_eq!(world.standing("key:a").await.tokens, 0);
}

async fn what_does_not_count_is_not_counted(world: &World) {
    world.grant(world.ask(1, 10, limited(Some(1), Some(1)))).await;
    let mut uncounted = world.ask(2, 0, limited(Some(1), Some(1)));
    (uncounted.counts_request, uncounted.rate_tokens) = (false, 0);
    world.grant(uncounted).await;
    let standing = world.standing("key:a").await;
    assert_eq!((standing.in_flight, standing.requests, standing.tokens), (2, 1, 1));
}

/// Random arrivals: milliseconds since the one before, tokens, and what they are corrected to.
fn arrivals() -> impl Strategy<Value = Vec<(i64, i64, i64)>> {
    let gap = prop_oneof![6 => 0_i64..900, 3 => 900_i64..9_000, 1 => 9_000_i64..150_000];
    proptest::collection::vec((gap, 1_i64..6, 0_i64..6), 1..80)
}

async fn check(world: &World, arrivals: Vec<(i64, i64, i64)>) {
    const RPM: usize = 9;
    const TPM: i64 = 30;
    // Moment, and tokens as counted now, of every granted call.
    let mut granted: Vec<(i64, i64)> = Vec::new();
    for (n, (gap, tokens, real)) in (0..).zip(arrivals) {
        world.pass_millis(gap);
        let now = world.now().0;
        let within = |granted: &[(i64, i64)], seconds: i64| {
            let recent = granted.iter().filter(|(at, _)| *at > now - seconds * 1_000_000);
            recent.fold((0, 0), |(calls, sum), (_, tokens)| (calls + 1, sum + tokens))
        };
        let ask = world.ask(n, tokens * 10, limited(Some(RPM as u64), Some(TPM as u64)));
        match world.reserve(ask.clone()).await {
            Reserved::Granted(_) => {
                let (calls, sum) = within(&granted, 60);
                assert!(calls < RPM && sum + tokens <= TPM, "{calls} calls and {sum} tokens before");
                world.settle(&ask, real * 10).await;
                granted.push((now, real));
            }
            Reserved::Refused(over) => {
                let (calls, sum) = within(&granted, 61);
                assert!(calls >= RPM || sum + tokens > TPM, "{over:?} with {calls} calls and {sum} tokens");
                assert!((1..=61).contains(&over.retry_after_s.unwrap()));
            }
            other => panic!("{other:?}"),
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn no_minute_exceeds_the_limit_in_memory() {
    let runtime = runtime();
    TestRunner::new(ProptestConfig::with_cases(200))
        .run(&arrivals(), |arrivals| {
            runtime.block_on(async { check(&World::memory().await, arrivals).await });
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_minute_exceeds_the_limit_in_redis() {
    let runtime = runtime();
    let world = runtime.block_on(World::redis());
    TestRunner::new(ProptestConfig::with_cases(60))
        .run(&arrivals(), |arrivals| {
            world.flush();
            runtime.block_on(check(&world, arrivals));
            Ok(())
        })
        .unwrap();
}
