//! Seeds in, changes out.

use fluxa_domain::cache::{CacheNamespace, CachePolicy};
use fluxa_domain::key::OnStoreError;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::provider::{ApiKey, Provider};
use fluxa_domain::vendors::VENDORS;

use super::*;
use crate::config::Config;

const NOW: Micros = Micros(1_800_000_000_000_000);
const PEPPER: [u8; 32] = [5; 32];

fn counting() -> impl FnMut(&mut [u8]) {
    let mut next = 0_u8;
    move |bytes| {
        for byte in bytes {
            next = next.wrapping_add(1);
            *byte = next;
        }
    }
}

fn nothing(_: &str) -> Option<String> {
    None
}

fn plan_of(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Plan, String> {
    let config = Config::parse(text, "fluxa.yaml", env).unwrap();
    plan(&config.seeds, Some("fluxa.yaml"), env, NOW, &PEPPER, &mut counting())
}

#[test]
fn the_file_becomes_changes_in_order() {
    let text = "
keys: [ { name: a }, { name: b } ]
routes: [ { model: m, provider: x } ]
providers: [ { name: x, kind: echo } ]
";
    let plan = plan_of(text, &nothing).unwrap();
    let actions: Vec<&str> = plan.changes.iter().map(Change::action).collect();
    assert_eq!(actions, ["provider.create", "route.put", "key.issue", "key.issue"]);
    assert_eq!(plan.found[0].source, "fluxa.yaml, line 4");
    assert_eq!(plan.made_keys.len(), 2);
    let Change::IssueKey { record, hash: stored } = &plan.changes[2] else { panic!() };
    let text = plan.made_keys[0].1.expose();
    assert_eq!(Some(record.id.as_str()), public_id(text));
    assert_eq!(*stored, hash(&PEPPER, text));
    assert!(text.ends_with(&record.last4) && record.last4.len() == 4 && record.created_at == NOW);
}

#[test]
fn policies_come_before_what_names_them() {
    let text = "
keys: [ { name: a, firewall_policy: strict } ]
routes: [ { model: m, provider: x, firewall_policy: strict } ]
firewall:
  rules: [ { name: project_code, pattern: 'PRJ-[0-9]{4}' } ]
  policies: [ { name: strict, actions: { project_code: block } } ]
providers: [ { name: x, kind: echo } ]
";
    let plan = plan_of(text, &nothing).unwrap();
    let actions: Vec<&str> = plan.changes.iter().map(Change::action).collect();
    assert_eq!(actions, ["provider.create", "firewall_rule.put", "firewall_policy.put", "route.put", "key.issue"]);
    let Change::PutFirewallPolicy { record } = &plan.changes[2] else { panic!() };
    assert_eq!((record.created_at, record.updated_at), (NOW, NOW));
    let told = ignored(&Config::parse(text, "f", &nothing).unwrap().seeds, None).unwrap();
    assert!(told.contains("1 firewall rules, 1 firewall policies"), "{told}");
}

#[test]
fn teams_and_organizations_come_before_the_keys_in_them() {
    let text = "
keys:
  - name: a
    team: red
    model_limits: { \"claude-*\": { budget_usd_daily: 2.5, rate_limit_rpm: 6 } }
    on_store_error: deny
    cache: { ttl_s: 60 }
teams: [ { name: red, organization: acme, budget_usd_monthly: 100, models: [ m ], tags: { x: y }, cache: { ttl_s: 300, shared: team } } ]
organizations: [ { name: acme, rate_limit_rpm: 600, time_zone: Europe/Berlin, enabled: false } ]
";
    let plan = plan_of(text, &nothing).unwrap();
    let actions: Vec<&str> = plan.changes.iter().map(Change::action).collect();
    assert_eq!(actions, ["organization.create", "team.create", "key.issue"]);
    let Change::CreateOrganization { record } = &plan.changes[0] else { panic!() };
    assert_eq!((record.limits.rate_limit_rpm, record.time_zone.as_str(), record.enabled), (Some(600), "Europe/Berlin", false));
    let Change::CreateTeam { record } = &plan.changes[1] else { panic!() };
    assert_eq!((record.organization.as_deref(), record.limits.budget_usd_monthly), (Some("acme"), Some(NanoUsd(100_000_000_000))));
    assert_eq!(
        (record.models.as_slice(), record.tags["x"].as_str(), record.enabled, record.created_at),
        (&[String::from("m")][..], "y", true, NOW)
    );
    assert_eq!(record.cache, Some(CachePolicy { ttl_s: 300, shared: CacheNamespace::Team }));
    let Change::IssueKey { record, .. } = &plan.changes[2] else { panic!() };
    let limits = &record.model_limits["claude-*"];
    assert_eq!((limits.budget_usd_daily, limits.rate_limit_rpm), (Some(NanoUsd(2_500_000_000)), Some(6)));
    assert_eq!((record.team.as_deref(), record.on_store_error), (Some("red"), Some(OnStoreError::Deny)));
    assert_eq!(record.cache, Some(CachePolicy { ttl_s: 60, shared: CacheNamespace::Key }));
}

#[test]
fn a_fixed_key_is_kept_and_not_shown() {
    let (id, text) = compose([1; 6], [2; 32]);
    let plan = plan_of(&format!("keys: [ {{ name: a, key: {text} }} ]\n"), &nothing).unwrap();
    assert!(plan.made_keys.is_empty());
    let Change::IssueKey { record, hash: stored } = &plan.changes[0] else { panic!() };
    assert_eq!((record.id.as_str(), *stored), (id.as_str(), hash(&PEPPER, &text)));
}

/// A vendor other than the demo's, as long as there is one.
fn some_vendor() -> Option<(&'static str, &'static str)> {
    VENDORS.iter().find(|v| !v.key_optional && v.env.ends_with("_API_KEY")).map(|v| (v.kind, v.env))
}

#[test]
fn each_key_in_the_environment_makes_a_provider() {
    let Some((kind, variable)) = some_vendor() else { return };
    let several = format!("{variable}S");
    let url = variable.replace("_API_KEY", "_BASE_URL");
    let env = |name: &str| match name {
        n if n == variable => Some(String::from("sk-canary-1\n")),
        n if n == several => Some(String::from("sk-canary-2, sk-canary-1")),
        n if n == url => Some(String::from("https://example.com/v1/")),
        _ => None,
    };
    let plan = plan_of("", &env).unwrap();
    assert_eq!(
        (plan.changes.len(), plan.from_environment.as_slice(), plan.found[0].source.as_str()),
        (1, [kind.to_owned()].as_slice(), variable)
    );
    let Change::CreateProvider { record, secrets } = &plan.changes[0] else { panic!() };
    assert_eq!(record.base_url.as_deref(), Some("https://example.com/v1"));
    let keys: Vec<&str> = secrets.api_keys.iter().map(|key| key.key.expose().as_str()).collect();
    assert_eq!(keys, ["sk-canary-1", "sk-canary-2"]);

    // Providers in the file are all there is.
    let plan = plan_of("providers: [ { name: x, kind: echo } ]\n", &env).unwrap();
    assert_eq!(plan.found.len(), 1);
}

#[test]
fn a_broken_variable_is_named_without_its_value() {
    let Some((_, variable)) = some_vendor() else { return };
    let env = |name: &str| (name == variable).then(|| String::from("sk canary"));
    let error = plan_of("", &env).unwrap_err();
    assert!(error.contains(variable) && !error.contains("canary"), "{error}");
    let url = variable.replace("_API_KEY", "_BASE_URL");
    let env = |name: &str| match name {
        n if n == variable => Some(String::from("sk-x")),
        n if n == url => Some(String::from("nonsense")),
        _ => None,
    };
    assert!(plan_of("", &env).unwrap_err().contains(&url));
}

#[test]
fn a_changed_key_in_the_environment_is_told_and_not_applied() {
    let Some((kind, variable)) = some_vendor() else { return };
    let with = |key: &'static str| move |name: &str| (name == variable).then(|| String::from(key));
    let first = environment::providers(&with("sk-old")).unwrap().remove(0);
    let stored = [Provider { record: first.record, secrets: first.secrets }];
    let made = [kind.to_owned()];
    assert!(environment::drift(&stored, &made, &with("sk-old")).is_empty());
    let hints = environment::drift(&stored, &made, &with("sk-canary"));
    assert!(hints[0].contains("PATCH /admin/providers/") && !hints[0].contains("canary"), "{hints:?}");
    // Changed by an administrator since: not ours to mention.
    assert!(environment::drift(&stored, &[], &with("sk-canary")).is_empty());
    assert!(environment::drift(&[], &[], &with("sk-canary"))[0].contains("POST /admin/providers"));
    let _ = ApiKey { key: Secret::new(String::new()), weight: 1 };
}

#[test]
fn seeds_that_are_passed_over_are_told_once() {
    let config = Config::parse("keys: [ { name: a } ]\n", "f", &nothing).unwrap();
    assert!(ignored(&config.seeds, Some("f")).unwrap().starts_with("1 keys of f are not read"));
    assert_eq!(ignored(&Seeds::default(), None), None);
}

#[tokio::test]
async fn a_refused_seed_is_named() {
    let plan = plan_of("keys: [ { name: a }, { name: b } ]\n", &nothing).unwrap();
    let mut seen = 0;
    let error = plant(plan.changes, async |_| {
        seen += 1;
        if seen == 2 { Err(String::from("the name is taken")) } else { Ok(()) }
    })
    .await
    .unwrap_err();
    assert!(error.starts_with("key.issue of") && error.ends_with("the name is taken"), "{error}");
}
