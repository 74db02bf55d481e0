//! The firewall's rules and policies as they are kept, and what it found, as it is summed and searched for.

use std::collections::BTreeMap;

use fluxa_domain::change::{Change, Revision};
use fluxa_domain::entry::Entry;
use fluxa_domain::firewall::{Action, Find, Hit, Keywords, PolicyRecord, RuleMode, RuleRecord, Treatment};
use fluxa_domain::key::KeyRecord;
use fluxa_domain::route::RouteRecord;
use fluxa_store::{AuditFilter, CommitError, FindingsBy, FindingsQuery, Interval, LogFilter, Store};

use crate::harness::{NOW, abandoned, actor, entry, key, places, provider, route, secrets};

async fn commit(store: &Store, change: Change) -> Result<Revision, CommitError> {
    store.commit(&actor(), &change, NOW).await
}

fn rule(name: &str) -> RuleRecord {
    RuleRecord {
        name: name.to_owned(),
        note: String::from("it's 'quoted' 代号"),
        find: Find::Keywords(Keywords {
            words: vec![String::from("阿波罗"), String::from("apollo")],
            case_sensitive: false,
            whole_word: true,
        }),
        packs: vec![String::from("projects")],
        allow: vec![String::from("apollo 11")],
        min_entropy_centibits: 250,
        action: Action::Block,
        mode: RuleMode::Observe,
        yes: Vec::new(),
        no: Vec::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn policy(name: &str, rules: &[&str]) -> PolicyRecord {
    let treatment = Treatment { action: Action::Mask, ..Treatment::default() };
    PolicyRecord {
        name: name.to_owned(),
        note: String::new(),
        direction: Default::default(),
        actions: rules.iter().map(|rule| ((*rule).to_owned(), treatment)).collect::<BTreeMap<_, _>>(),
        default: Action::Observe,
        observe_only: false,
        created_at: NOW,
        updated_at: NOW,
    }
}

#[tokio::test]
async fn rules_and_policies_are_kept_replaced_and_removed() {
    for place in places().await {
        let store = &place.store;
        commit(store, Change::PutFirewallRule { record: rule("b") }).await.unwrap();
        commit(store, Change::PutFirewallRule { record: rule("a") }).await.unwrap();
        let edited = RuleRecord { mode: RuleMode::Enforce, find: Find::Pattern(String::from("a+")), ..rule("a") };
        assert_eq!(commit(store, Change::PutFirewallRule { record: edited.clone() }).await.unwrap(), Revision(3));
        assert_eq!(store.firewall_rules().await.unwrap(), [edited.clone(), rule("b")]);
        assert_eq!((store.firewall_rule("a").await.unwrap(), store.firewall_rule("c").await.unwrap()), (Some(edited), None));
        commit(store, Change::PutFirewallPolicy { record: policy("p", &["a", "email"]) }).await.unwrap();
        let in_use = commit(store, Change::DeleteFirewallRule { name: String::from("a") }).await;
        assert!(matches!(in_use, Err(CommitError::InUse(what)) if what == "firewall policy \"p\""));
        commit(store, Change::DeleteFirewallRule { name: String::from("b") }).await.unwrap();
        commit(store, Change::PutFirewallPolicy { record: policy("p", &["email"]) }).await.unwrap();
        assert_eq!(store.firewall_policies().await.unwrap(), [policy("p", &["email"])]);
        commit(store, Change::DeleteFirewallRule { name: String::from("a") }).await.unwrap();
        for gone in [Change::DeleteFirewallRule { name: String::from("a") }, Change::DeleteFirewallPolicy { name: String::from("none") }] {
            assert!(matches!(commit(store, gone).await, Err(CommitError::NotFound(_))));
        }
        commit(store, Change::DeleteFirewallPolicy { name: String::from("p") }).await.unwrap();
        assert_eq!((store.firewall_policy("p").await.unwrap(), store.firewall_rules().await.unwrap()), (None, Vec::new()));
        let audit = store.audit(&AuditFilter { target: Some(String::from("a")), ..AuditFilter::default() }, 10, None).await.unwrap();
        let rows: Vec<_> = audit.rows.iter().map(|row| (row.action.as_str(), row.before.is_some(), row.after.is_some())).collect();
        let expect = [("firewall_rule.delete", true, false), ("firewall_rule.put", true, true), ("firewall_rule.put", false, true)];
        assert_eq!(rows, expect, "a refused change leaves no trace");
    }
}

#[tokio::test]
async fn a_policy_that_something_names_is_not_removed() {
    for place in places().await {
        let store = &place.store;
        // Names with the wildcards of a search in them, and one that is the beginning of another.
        for name in ["strict", "strict_", "s%", "say \"no\""] {
            commit(store, Change::PutFirewallPolicy { record: policy(name, &[]) }).await.unwrap();
        }
        commit(store, Change::CreateProvider { record: provider("a"), secrets: secrets("sk") }).await.unwrap();
        let delete = |name: &str| Change::DeleteFirewallPolicy { name: name.to_owned() };
        let named = |name: &str| Some(name.to_owned());
        let held = KeyRecord { firewall_policy: named("strict"), ..key("k1", "first") };
        commit(store, Change::IssueKey { record: held.clone(), hash: [1; 32] }).await.unwrap();
        commit(store, delete("s%")).await.unwrap();
        commit(store, delete("strict_")).await.unwrap();
        assert!(matches!(commit(store, delete("strict")).await, Err(CommitError::InUse(what)) if what == "key \"first\""));
        commit(store, Change::UpdateKey { record: KeyRecord { firewall_policy: named("say \"no\""), ..held.clone() } }).await.unwrap();
        assert!(matches!(commit(store, delete("say \"no\"")).await, Err(CommitError::InUse(_))));
        commit(store, Change::UpdateKey { record: KeyRecord { firewall_policy: None, ..held } }).await.unwrap();
        let with = |name: Option<String>| RouteRecord { firewall_policy: name, ..route("m", "a", "a") };
        commit(store, Change::PutRoute { record: with(named("strict")) }).await.unwrap();
        assert_eq!(store.route("m").await.unwrap().unwrap().firewall_policy.as_deref(), Some("strict"));
        assert!(matches!(commit(store, delete("strict")).await, Err(CommitError::InUse(what)) if what == "route \"m\""));
        commit(store, Change::PutRoute { record: with(None) }).await.unwrap();
        commit(store, delete("strict")).await.unwrap();
        commit(store, delete("say \"no\"")).await.unwrap();
    }
}

/// The n-th call, with findings.
fn hit(n: u64, hits: &[(&str, &str, u32)]) -> Entry {
    let hit = |(rule, action, count): &(&str, &str, u32)| Hit { rule: (*rule).to_owned(), action: (*action).to_owned(), count: *count };
    Entry { firewall: hits.iter().map(hit).collect(), ..entry(n) }
}

#[tokio::test]
async fn findings_are_kept_with_the_row_and_summed_once() {
    for place in places().await {
        let store = &place.store;
        let calls = [hit(1, &[("email", "mask", 3), ("url", "alert", 1)]), hit(2, &[("email", "would_block", 2)]), entry(3)];
        store.append(&calls).await.unwrap();
        store.append(&calls).await.unwrap();
        // Cut off, then whole after all: the sums move by the difference.
        store.append(&[Entry { firewall: hit(4, &[("email", "mask", 9)]).firewall, ..abandoned(4) }]).await.unwrap();
        store.append(&[hit(4, &[("email", "mask", 1)])]).await.unwrap();
        assert_eq!(store.entry(&calls[0].id.to_string()).await.unwrap().unwrap().firewall, calls[0].firewall);
        let sums = async |query: FindingsQuery| {
            let rows = store.firewall_findings(&query).await.unwrap();
            rows.into_iter().map(|row| (row.group, row.hits, row.findings)).collect::<Vec<_>>()
        };
        let expect =
            |rows: &[(&str, u64, u64)]| rows.iter().map(|(group, hits, count)| ((*group).to_owned(), *hits, *count)).collect::<Vec<_>>();
        assert_eq!(sums(FindingsQuery::default()).await, expect(&[("email", 3, 6), ("url", 1, 1)]));
        let by = |group_by| FindingsQuery { group_by, ..FindingsQuery::default() };
        assert_eq!(sums(by(FindingsBy::Action)).await, expect(&[("alert", 1, 1), ("mask", 2, 4), ("would_block", 1, 2)]));
        assert_eq!(sums(by(FindingsBy::Team)).await, expect(&[("red", 4, 7)]));
        let only = FindingsQuery { rule: Some(String::from("email")), action: Some(String::from("mask")), ..by(FindingsBy::Key) };
        assert_eq!(sums(only).await.iter().map(|(_, hits, count)| (*hits, *count)).collect::<Vec<_>>(), [(2, 4)]);
        let months = store.firewall_findings(&FindingsQuery { interval: Interval::Month, ..by(FindingsBy::Team) }).await.unwrap();
        assert_eq!(months[0].bucket.unwrap().to_rfc3339(), "2026-11-01T00:00:00.000000Z");
        assert_eq!(sums(FindingsQuery { to: Some(NOW.plus_seconds(-3_600)), ..FindingsQuery::default() }).await, expect(&[]));
    }
}

#[tokio::test]
async fn calls_are_searched_for_by_what_was_found_in_them() {
    for place in places().await {
        let store = &place.store;
        let mut sly = entry(3);
        // What a client may choose looks like a finding and is none.
        sly.tags.insert(String::from("firewall"), String::from("[{\"rule\":\"email\",\"action\":\"mask\","));
        sly.tags.insert(String::from("rule"), String::from("email"));
        sly.request_body = Some(String::from("x,\"firewall\":[{\"rule\":\"email\",\"action\":\"mask\",\"count\":1}]"));
        sly.firewall = hit(3, &[("cn_id", "block", 1)]).firewall;
        store.append(&[hit(1, &[("email", "mask", 3), ("url", "alert", 1)]), hit(2, &[("email", "would_block", 2)]), sly]).await.unwrap();
        let check = async |rule: Option<&str>, action: Option<&str>, expect: &[u64]| {
            let filter =
                LogFilter { firewall_rule: rule.map(str::to_owned), firewall_action: action.map(str::to_owned), ..LogFilter::default() };
            let page = store.entries(&filter, 10, None).await.unwrap();
            let expect: Vec<_> = expect.iter().map(|n| entry(*n).id).collect();
            assert_eq!(page.rows.iter().map(|row| row.id).collect::<Vec<_>>(), expect, "{rule:?} {action:?}");
        };
        check(Some("email"), None, &[2, 1]).await;
        check(Some("email"), Some("mask"), &[1]).await;
        check(None, Some("alert"), &[1]).await;
        check(Some("url"), Some("mask"), &[]).await;
        check(Some("cn_id"), None, &[3]).await;
        for no_name in ["cn%id", "cnxid", "e", "%", "!", "\""] {
            check(Some(no_name), None, &[]).await;
        }
    }
}
