//! Limits above those of a key: they hold for all keys together, and who is refused is told whose limit it is.

use std::collections::BTreeMap;

use fluxa_domain::change::Change;
use fluxa_domain::key::KeyLimits;
use fluxa_domain::money::NanoUsd;

use crate::harness::{Plane, organization, team};

fn rpm(limit: u64) -> KeyLimits {
    KeyLimits { rate_limit_rpm: Some(limit), ..KeyLimits::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_and_its_organization_limit_all_of_their_keys_together() {
    let plane = Plane::alone().await;
    plane.change(Change::CreateOrganization { record: organization("acme", rpm(3)) }).await;
    let red = team("red", |team| {
        team.organization = Some(String::from("acme"));
        team.limits = rpm(2);
        team.tags = BTreeMap::from([(String::from("cost"), String::from("17"))]);
    });
    let blue = team("blue", |team| team.organization = Some(String::from("acme")));
    plane.change(Change::CreateTeam { record: red }).await;
    plane.change(Change::CreateTeam { record: blue }).await;
    let one = plane.key(|key| key.team = Some(String::from("red"))).await;
    let two = plane.key(|key| key.team = Some(String::from("red"))).await;
    let other = plane.key(|key| key.team = Some(String::from("blue"))).await;
    let first = plane.chat(&one, "gpt-4o").await;
    assert_eq!((first.status, first.header("x-ratelimit-remaining-requests")), (200, Some("1")), "the tightest of all scopes: {first:?}");
    assert_eq!(plane.chat(&two, "gpt-4o").await.status, 200);
    let refused = plane.chat(&one, "gpt-4o").await;
    assert!(refused.status == 429 && refused.body.contains("team \\\"red\\\" is over its limit of requests a minute"), "{refused:?}");
    assert_eq!(plane.chat(&other, "gpt-4o").await.status, 200);
    let refused = plane.chat(&other, "gpt-4o").await;
    assert!(refused.status == 429 && refused.body.contains("organization \\\"acme\\\" is over"), "{refused:?}");
    let row = plane.row(&first).await;
    assert_eq!((row.team.as_str(), row.organization.as_str(), row.tags.get("cost").map(String::as_str)), ("red", "acme", Some("17")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_of_a_team_or_of_a_model_alone_is_reserved_and_named() {
    let plane = Plane::alone().await;
    let cent = KeyLimits { budget_usd_daily: Some(NanoUsd(1)), ..KeyLimits::default() };
    plane.change(Change::CreateTeam { record: team("poor", |team| team.limits = cent.clone()) }).await;
    let key = plane.key(|key| key.team = Some(String::from("poor"))).await;
    let refused = plane.chat(&key, "gpt-4o").await;
    assert!(refused.status == 402 && refused.body.contains("the daily dollar budget of team \\\"poor\\\""), "{refused:?}");
    assert!(refused.body.contains("it resets at") && !refused.body.contains("limit $"), "{refused:?}");
    assert_eq!(plane.chat(&key, "no-price-is-known-of-this").await.status, 404);
    let key = plane.key(|key| key.model_limits = BTreeMap::from([(String::from("gpt-4o"), cent)])).await;
    let refused = plane.chat(&key, "gpt-4o").await;
    assert!(refused.status == 402 && refused.body.contains("budget of model \\\"gpt-4o\\\" of key \\\"app-1\\\""), "{refused:?}");
    assert_eq!(plane.chat(&key, "gpt-4o-mini").await.status, 200);
    assert_eq!(plane.mock.requests().len(), 1, "what is refused reaches no vendor");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_team_and_a_list_of_models_shut_its_keys_out() {
    let plane = Plane::alone().await;
    let mut record = team("red", |team| team.models = vec![String::from("gpt-4o-*")]);
    plane.change(Change::CreateTeam { record: record.clone() }).await;
    let key = plane.key(|key| key.team = Some(String::from("red"))).await;
    let refused = plane.chat(&key, "gpt-4o").await;
    assert!(refused.status == 403 && refused.body.contains("team \\\"red\\\" may not use model"), "{refused:?}");
    assert_eq!(plane.chat(&key, "gpt-4o-mini").await.status, 200);
    record.enabled = false;
    plane.change(Change::UpdateTeam { record }).await;
    let refused = plane.chat(&key, "gpt-4o-mini").await;
    assert!(refused.status == 401 && refused.body.contains("this key's team is disabled"), "{refused:?}");
}
