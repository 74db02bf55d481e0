use fluxa_domain::budget::{BudgetMode, Period, Unit};
use fluxa_domain::money::NanoUsd;
use proptest::prelude::*;

use super::*;

const ZONES: [&str; 3] = ["UTC", "Asia/Shanghai", "America/New_York"];
const PATTERNS: [&str; 4] = ["*", "gpt-*", "gpt-4o", "claude-*"];
/// 2026-11-22T10:00:00Z.
const NOW: Micros = Micros(1_795_341_600_000_000);

fn key(updated_at: i64) -> KeyRecord {
    KeyRecord {
        firewall_policy: None,
        id: String::from("k"),
        name: String::from("app"),
        models: Vec::new(),
        limits: KeyLimits::default(),
        model_limits: BTreeMap::new(),
        on_store_error: None,
        cache: None,
        budget_mode: BudgetMode::Strict,
        budget_clamp: false,
        time_zone: String::from("UTC"),
        show_spend: false,
        expires_at: None,
        ip_allowlist: Vec::new(),
        enabled: true,
        team: Some(String::from("red")),
        tags: BTreeMap::new(),
        last4: String::new(),
        created_at: Micros(0),
        updated_at: Micros(updated_at),
    }
}

fn team(organization: Option<&str>, limits: KeyLimits, time_zone: &str) -> TeamRecord {
    TeamRecord {
        firewall_policy: None,
        name: String::from("red"),
        organization: organization.map(str::to_owned),
        limits,
        models: vec![String::from("gpt-*")],
        time_zone: time_zone.to_owned(),
        enabled: true,
        tags: BTreeMap::from([(String::from("cost"), String::from("team")), (String::from("app"), String::from("team"))]),
        cache: None,
        created_at: Micros(0),
        updated_at: Micros(0),
    }
}

fn organization(name: &str, limits: KeyLimits, time_zone: &str) -> OrganizationRecord {
    OrganizationRecord {
        firewall_policy: None,
        name: name.to_owned(),
        limits,
        models: vec![String::from("*-4o")],
        time_zone: time_zone.to_owned(),
        enabled: true,
        created_at: Micros(0),
        updated_at: Micros(0),
    }
}

fn some_limits() -> impl Strategy<Value = KeyLimits> {
    let usd = || proptest::option::of((1_i64..1_000).prop_map(NanoUsd));
    let count = || proptest::option::of(1_u64..1_000);
    (usd(), usd(), usd(), count(), count(), count(), count()).prop_map(|(daily, weekly, total, tokens, rpm, tpm, at_once)| KeyLimits {
        budget_usd_daily: daily,
        budget_usd_weekly: weekly,
        budget_usd_total: total,
        budget_tokens_monthly: tokens,
        rate_limit_rpm: rpm,
        rate_limit_tpm: tpm,
        max_concurrency: at_once,
        ..KeyLimits::default()
    })
}

/// Limits that are often none at all.
fn limits_or_none() -> impl Strategy<Value = KeyLimits> {
    prop_oneof![Just(KeyLimits::default()), some_limits()]
}

/// What must be asked, said the long way.
fn expected(name: String, limits: &KeyLimits, zone: &str, now: Micros, out: &mut Vec<ScopeAsk>) {
    let mut budgets = Vec::new();
    let amounts = [
        (Period::Day, Unit::NanoUsd, limits.budget_usd_daily.map(|n| n.0)),
        (Period::Week, Unit::NanoUsd, limits.budget_usd_weekly.map(|n| n.0)),
        (Period::Month, Unit::Tokens, limits.budget_tokens_monthly.and_then(|n| i64::try_from(n).ok())),
        (Period::Total, Unit::NanoUsd, limits.budget_usd_total.map(|n| n.0)),
    ];
    for (period, unit, limit) in amounts {
        if let Some(limit) = limit {
            budgets.push(BudgetAsk { window: window(period, now, zone), period, unit, limit });
        }
    }
    let (rpm, tpm, concurrency) = (limits.rate_limit_rpm, limits.rate_limit_tpm, limits.max_concurrency);
    if !budgets.is_empty() || rpm.is_some() || tpm.is_some() || concurrency.is_some() {
        out.push(ScopeAsk { scope: name, rpm, tpm, concurrency, budgets });
    }
}

proptest! {
    #[test]
    fn every_limited_scope_is_asked_in_its_own_zone_whatever_was_asked_before(
        own in limits_or_none(),
        models in proptest::collection::btree_map(0_usize..4, some_limits(), 0..4),
        of_team in proptest::option::of(limits_or_none()),
        of_organization in proptest::option::of(limits_or_none()),
        belongs in any::<bool>(),
        zones in (0_usize..3, 0_usize..3, 0_usize..3),
        asked in proptest::collection::vec((0_usize..3, 0_i64..40 * 24, 0_i64..3, 0_i64..3), 1..20),
    ) {
        let zone = [ZONES[zones.0], ZONES[zones.1], ZONES[zones.2]];
        let named = belongs && of_team.is_some();
        let name = if named { "acme" } else { DEFAULT_ORGANIZATION };
        let teams: HashMap<_, _> = of_team.iter().map(|limits| (String::from("red"), team(named.then_some("acme"), limits.clone(), zone[1]))).collect();
        let organizations: HashMap<_, _> = of_organization.iter().map(|limits| (name.to_owned(), organization(name, limits.clone(), zone[2]))).collect();
        let scopes = Scopes::default();
        for (model, hours, updated_at, revision) in asked {
            let model = ["gpt-4o", "gpt-4o-mini", "claude-x"][model];
            let now = NOW.plus_seconds(hours * 3_600);
            // A changed key, and a changed configuration, have other limits.
            let change = |limits: &KeyLimits, by: i64| if by == 0 { limits.clone() } else { KeyLimits { rate_limit_rpm: Some(by.unsigned_abs()), ..limits.clone() } };
            let mut record = key(updated_at);
            record.limits = change(&own, updated_at);
            zone[0].clone_into(&mut record.time_zone);
            record.model_limits = models.iter().map(|(&at, limits)| (PATTERNS[at].to_owned(), limits.clone())).collect();
            let mut teams = teams.clone();
            teams.values_mut().for_each(|team| team.limits = change(&team.limits, revision));
            let groups = Groups::among(&teams, &organizations, &record);

            let mut want = Vec::new();
            expected(String::from("key:k"), &record.limits, zone[0], now, &mut want);
            for (pattern, limits) in &record.model_limits {
                if wildcard_matches(pattern, model) {
                    expected(format!("key:k:model:{pattern}"), limits, zone[0], now, &mut want);
                }
            }
            teams.values().for_each(|team| expected(String::from("team:red"), &team.limits, zone[1], now, &mut want));
            organizations.values().for_each(|of| expected(format!("org:{name}"), &of.limits, zone[2], now, &mut want));

            let found = scopes.of(&record, groups, Revision(revision), model, now);
            prop_assert_eq!(&found.asks[..], &want[..]);
            prop_assert_eq!(&*found.organization, name);
            prop_assert_eq!(found.has_budget, want.iter().any(|ask| !ask.budgets.is_empty()));
            let usd = |ask: &ScopeAsk| ask.budgets.iter().any(|budget| budget.unit == Unit::NanoUsd);
            prop_assert_eq!(found.has_usd_budget, want.iter().any(usd));
            let again = scopes.of(&record, groups, Revision(revision), model, now);
            prop_assert!(Rc::ptr_eq(&found, &again), "the next call shares it");
        }
    }
}

#[test]
fn scopes_are_called_by_what_they_belong_to() {
    let limits = KeyLimits { rate_limit_rpm: Some(1), ..KeyLimits::default() };
    let mut record = key(0);
    record.limits = limits.clone();
    record.model_limits = BTreeMap::from([(String::from("gpt-*"), limits.clone())]);
    let teams = HashMap::from([(String::from("red"), team(Some("acme"), limits.clone(), "UTC"))]);
    let organizations = HashMap::from([(String::from("acme"), organization("acme", limits, "UTC"))]);
    let groups = Groups::among(&teams, &organizations, &record);
    let scopes = Scopes::default().of(&record, groups, Revision(1), "gpt-4o", NOW);
    let called: Vec<String> = scopes.asks.iter().map(|ask| scopes.called(&ask.scope, &record)).collect();
    assert_eq!(called, ["key \"app\"", "model \"gpt-*\" of key \"app\"", "team \"red\"", "organization \"acme\""]);
}

#[test]
fn groups_bound_their_keys_and_label_their_rows() {
    let mut teams = HashMap::from([(String::from("red"), team(Some("acme"), KeyLimits::default(), "UTC"))]);
    let mut organizations = HashMap::from([(String::from("acme"), organization("acme", KeyLimits::default(), "UTC"))]);
    let record = key(0);
    let groups = Groups::among(&teams, &organizations, &record);
    assert!(groups.may_enter().is_ok() && groups.may_use("gpt-4o").is_ok());
    let told = |model: &str| groups.may_use(model).unwrap_err().message.into_owned();
    assert_eq!(told("claude-4o"), "team \"red\" may not use model \"claude-4o\"");
    assert_eq!(told("gpt-5"), "organization \"acme\" may not use model \"gpt-5\"");
    let mut entry = Entry::new(fluxa_domain::id::CallId::new(NOW, [0; 10]), NOW);
    entry.tags = BTreeMap::from([(String::from("app"), String::from("key"))]);
    groups.label(&mut entry);
    assert_eq!((entry.organization.as_str(), entry.tags["app"].as_str(), entry.tags["cost"].as_str()), ("acme", "key", "team"));

    organizations.values_mut().for_each(|of| of.enabled = false);
    let told = Groups::among(&teams, &organizations, &record).may_enter().unwrap_err();
    assert_eq!((told.kind, &*told.message), (RefusalKind::InvalidApiKey, "this key's organization is disabled"));
    teams.values_mut().for_each(|team| team.enabled = false);
    let told = Groups::among(&teams, &organizations, &record).may_enter().unwrap_err();
    assert_eq!((told.kind, &*told.message), (RefusalKind::InvalidApiKey, "this key's team is disabled"));
    // A team without a record is a label, and its keys are the default organisation's.
    let none = HashMap::new();
    let nobody = Groups::among(&none, &organizations, &record);
    assert!(nobody.may_enter().is_ok() && nobody.may_use("claude-4o").is_ok());
    let mut entry = Entry::new(fluxa_domain::id::CallId::new(NOW, [0; 10]), NOW);
    nobody.label(&mut entry);
    assert!(entry.organization.is_empty() && entry.tags.is_empty());
}
