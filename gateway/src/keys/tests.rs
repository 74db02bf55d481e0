use std::collections::BTreeMap;

use fluxa_domain::budget::BudgetMode;
use fluxa_domain::change::{Actor, Change};
use fluxa_domain::key::{KeyLimits, KeyRecord, compose};
use fluxa_domain::rbac::Role;

use super::*;

const NOW: Micros = Micros(1_795_341_600_000_000);

/// A store with one key, and its token.
async fn with_key(pepper: [u8; 32]) -> (Store, String, KeyRecord) {
    let store = Store::in_memory().await.unwrap();
    let (id, token) = compose([1; 6], [2; 32]);
    let record = KeyRecord {
        firewall_policy: None,
        id,
        name: String::from("k"),
        models: Vec::new(),
        limits: KeyLimits::default(),
        model_limits: BTreeMap::new(),
        on_store_error: None,
        cache: None,
        budget_mode: BudgetMode::Strict,
        budget_clamp: false,
        time_zone: String::from("UTC"),
        show_spend: true,
        expires_at: None,
        ip_allowlist: Vec::new(),
        enabled: true,
        team: None,
        tags: BTreeMap::new(),
        last4: String::new(),
        created_at: NOW,
        updated_at: NOW,
    };
    let actor = Actor { name: String::from("test"), role: Role::Owner, ip: None };
    let change = Change::IssueKey { record: record.clone(), hash: hash(&pepper, &token) };
    store.commit(&actor, &change, NOW).await.unwrap();
    (store, token, record)
}

#[tokio::test]
async fn a_known_key_stays_good_while_the_store_is_away_and_an_unknown_one_is_answered_503() {
    let pepper = [7; 32];
    let keys = Keys::new(pepper);
    let (store, token, record) = with_key(pepper).await;
    assert_eq!(keys.identify(&store, Some(&token), NOW).await.unwrap().0.key, record);
    store.close().await;
    tokio::time::pause();
    for _ in 0..3 {
        tokio::time::advance(KNOWN_FOR).await;
        assert_eq!(keys.identify(&store, Some(&token), NOW).await.unwrap().0.key, record);
    }
    let (_, other) = compose([9; 6], [2; 32]);
    assert_eq!(keys.identify(&store, Some(&other), NOW).await.unwrap_err().kind, RefusalKind::BudgetStoreUnavailable);
    // Another secret of the same key opens nothing, store or no store.
    let (_, wrong) = compose([1; 6], [3; 32]);
    assert_eq!(keys.identify(&store, Some(&wrong), NOW).await.unwrap_err().kind, RefusalKind::InvalidApiKey);
    keys.forget(&[record.id]);
    assert!(keys.identify(&store, Some(&token), NOW).await.is_err(), "what was announced as changed is not believed");
}

#[tokio::test]
async fn a_key_in_doubt_is_read_again_and_stays_good_while_the_store_is_away() {
    let pepper = [7; 32];
    let keys = Keys::new(pepper);
    let (store, token, record) = with_key(pepper).await;
    keys.identify(&store, Some(&token), NOW).await.unwrap();
    let actor = Actor { name: String::from("test"), role: Role::Owner, ip: None };
    let disabled = KeyRecord { enabled: false, ..record };
    store.commit(&actor, &Change::UpdateKey { record: disabled.clone() }, NOW).await.unwrap();
    assert!(keys.identify(&store, Some(&token), NOW).await.unwrap().0.key.enabled, "nobody said so");
    keys.doubt_all();
    assert!(!keys.identify(&store, Some(&token), NOW).await.unwrap().0.key.enabled);
    store.close().await;
    keys.doubt_all();
    assert_eq!(keys.identify(&store, Some(&token), NOW).await.unwrap().0.key, disabled);
}

#[tokio::test]
async fn a_key_that_is_gone_is_seen_a_minute_later_even_if_nobody_said_so() {
    let pepper = [7; 32];
    let keys = Keys::new(pepper);
    let (store, token, record) = with_key(pepper).await;
    keys.identify(&store, Some(&token), NOW).await.unwrap();
    let actor = Actor { name: String::from("test"), role: Role::Owner, ip: None };
    store.commit(&actor, &Change::RevokeKey { id: record.id }, NOW).await.unwrap();
    assert!(keys.identify(&store, Some(&token), NOW).await.is_ok());
    let known = keys.known.get(public_id(&token).unwrap()).unwrap();
    *known.due.lock().unwrap() = Instant::now();
    assert_eq!(keys.identify(&store, Some(&token), NOW).await.unwrap_err().kind, RefusalKind::InvalidApiKey);
    assert_eq!(keys.identify(&store, Some(&token), NOW).await.unwrap_err().kind, RefusalKind::InvalidApiKey);
}
