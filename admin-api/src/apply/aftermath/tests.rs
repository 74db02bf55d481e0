//! Which counters a change touches.

use fluxa_domain::change::Actor;
use fluxa_domain::rbac::Role;
use fluxa_domain::team::{OrganizationRecord, TeamRecord};
use fluxa_domain::time::Micros;

use super::*;

fn team(name: &str, organization: Option<&str>) -> TeamRecord {
    serde_json::from_value(serde_json::json!({
        "name": name, "organization": organization, "time_zone": "UTC", "enabled": true, "created_at": 0, "updated_at": 0,
    }))
    .unwrap()
}

fn key(team: Option<&str>) -> KeyRecord {
    serde_json::from_value(serde_json::json!({
        "id": "AAAAAAAA", "name": "k", "models": [], "limits": {}, "model_limits": { "gpt-*": {} }, "budget_mode": "strict",
        "budget_clamp": false, "time_zone": "UTC", "show_spend": false, "expires_at": null, "ip_allowlist": [], "enabled": true,
        "team": team, "tags": {}, "last4": "abcd", "created_at": 0, "updated_at": 0,
    }))
    .unwrap()
}

async fn store() -> Store {
    let store = Store::in_memory().await.unwrap();
    let organization: OrganizationRecord = serde_json::from_value(
        serde_json::json!({ "name": "acme", "time_zone": "UTC", "enabled": true, "created_at": 0, "updated_at": 0 }),
    )
    .unwrap();
    let actor = Actor { name: String::from("test"), role: Role::System, ip: None };
    for change in [
        Change::CreateOrganization { record: organization },
        Change::CreateTeam { record: team("red", Some("acme")) },
        Change::CreateTeam { record: team("blue", None) },
        Change::IssueKey { record: key(Some("red")), hash: [1; 32] },
    ] {
        store.commit(&actor, &change, Micros(0)).await.unwrap();
    }
    store
}

#[tokio::test]
async fn what_is_gone_is_forgotten_in_its_organization() {
    let store = store().await;
    let check = async |change: Change, organization: &str, scopes: &[&str]| {
        let found = of(&store, &change).await.unwrap();
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        assert_eq!(found, Aftermath { gone: Some((organization.to_owned(), scopes)), stale: None }, "{change:?}");
    };
    let id = String::from("AAAAAAAA");
    check(Change::RevokeKey { id }, "acme", &["key:AAAAAAAA", "key:AAAAAAAA:model:gpt-*"]).await;
    check(Change::DeleteTeam { name: String::from("red") }, "acme", &["team:red"]).await;
    check(Change::DeleteTeam { name: String::from("blue") }, "default", &["team:blue"]).await;
    check(Change::DeleteOrganization { name: String::from("acme") }, "acme", &["org:acme"]).await;
}

#[tokio::test]
async fn what_moves_is_read_anew_where_it_arrives() {
    let store = store().await;
    let check = async |change: Change, expect: Option<(&str, &[&str])>| {
        let found = of(&store, &change).await.unwrap();
        let stale = expect.map(|(to, scopes)| (to.to_owned(), scopes.iter().map(|scope| (*scope).to_owned()).collect()));
        assert_eq!(found, Aftermath { gone: None, stale }, "{change:?}");
    };
    check(Change::UpdateKey { record: key(Some("red")) }, None).await;
    let of_key = &["key:AAAAAAAA", "key:AAAAAAAA:model:gpt-*"][..];
    check(Change::UpdateKey { record: key(Some("blue")) }, Some(("default", of_key))).await;
    check(Change::UpdateKey { record: key(None) }, Some(("default", of_key))).await;
    check(Change::UpdateTeam { record: team("red", Some("acme")) }, None).await;
    check(Change::UpdateTeam { record: team("red", None) }, Some(("default", &[]))).await;
    check(Change::UpdateTeam { record: team("blue", Some("acme")) }, Some(("acme", &[]))).await;
    check(Change::CreateTeam { record: team("label", Some("acme")) }, Some(("acme", &[]))).await;
    check(Change::CreateTeam { record: team("label", None) }, None).await;
}

#[tokio::test]
async fn what_is_limited_anew_is_read_anew() {
    let store = store().await;
    let check = async |change: Change, expect: Option<(&str, &str)>| {
        let found = of(&store, &change).await.unwrap();
        let stale = expect.map(|(to, scope)| (to.to_owned(), vec![scope.to_owned()]));
        assert_eq!(found, Aftermath { gone: None, stale }, "{change:?}");
    };
    let limits = KeyLimits { rate_limit_rpm: Some(1), ..KeyLimits::default() };
    let limited = KeyRecord { limits: limits.clone(), ..key(Some("red")) };
    check(Change::UpdateKey { record: limited.clone() }, Some(("acme", "key:AAAAAAAA"))).await;
    let model_limits = BTreeMap::from([(String::from("gpt-*"), limits.clone())]);
    check(Change::UpdateKey { record: KeyRecord { model_limits, ..key(Some("red")) } }, Some(("acme", "key:AAAAAAAA:model:gpt-*"))).await;
    let red = TeamRecord { limits: limits.clone(), ..team("red", Some("acme")) };
    check(Change::UpdateTeam { record: red.clone() }, Some(("acme", "team:red"))).await;
    check(Change::CreateTeam { record: TeamRecord { limits: limits.clone(), ..team("new", None) } }, Some(("default", "team:new"))).await;
    let mut acme = store.organization("acme").await.unwrap().unwrap();
    check(Change::UpdateOrganization { record: acme.clone() }, None).await;
    acme.limits = limits.clone();
    check(Change::UpdateOrganization { record: acme.clone() }, Some(("acme", "org:acme"))).await;

    let actor = Actor { name: String::from("test"), role: Role::System, ip: None };
    for change in [
        Change::UpdateKey { record: limited.clone() },
        Change::UpdateTeam { record: red.clone() },
        Change::UpdateOrganization { record: acme.clone() },
    ] {
        store.commit(&actor, &change, Micros(1)).await.unwrap();
    }
    let more = KeyLimits { rate_limit_rpm: Some(2), ..KeyLimits::default() };
    check(Change::UpdateKey { record: KeyRecord { limits: more.clone(), ..limited.clone() } }, None).await;
    check(Change::UpdateKey { record: KeyRecord { limits: KeyLimits::default(), ..limited } }, None).await;
    check(Change::UpdateTeam { record: TeamRecord { limits: more.clone(), ..red } }, None).await;
    acme.limits = more;
    check(Change::UpdateOrganization { record: acme }, None).await;
}
