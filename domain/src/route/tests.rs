use std::sync::Arc;

use super::*;
use crate::price::{PriceRow, PriceTable};
use crate::refusal::RefusalKind;

fn target(provider: &str, model: Option<&str>, weight: u32) -> RouteTarget {
    RouteTarget { provider: provider.into(), model: model.map(str::to_owned), weight }
}

fn choosing(roll: u64) -> Choosing<'static> {
    Choosing { roll, prefix: None, load: &|_, _| Load::default() }
}

fn route(model: &str, targets: Vec<RouteTarget>, fallback: Vec<RouteTarget>) -> RouteRecord {
    RouteRecord {
        firewall_policy: None,
        model: model.into(),
        targets,
        fallback,
        strategy: Strategy::Weighted,
        retries: None,
        timeout_ms: None,
        prompt_affinity: false,
    }
}

/// Providers by name or kind: `off` is disabled, `mine` is of kind `openai`.
fn providers(name: &str) -> Option<ProviderFacts> {
    let (name, kind, enabled) = match name {
        "mine" | "openai" => ("mine", "openai", true),
        "deepseek" => ("deepseek", "deepseek", true),
        "azure" => ("azure", "azure", true),
        "off" | "zhipu" => ("off", "zhipu", false),
        _ => return None,
    };
    Some(ProviderFacts { name: Arc::from(name), kind: Arc::from(kind), enabled })
}

fn prices() -> PriceTable {
    let row = |provider: &str, model: &str| PriceRow { provider: provider.into(), model: model.into(), ..PriceRow::default() };
    let rows =
        [row("azure", "gpt-4o"), row("openai", "gpt-4o"), row("zhipu", "glm-5"), row("deepseek", "deepseek-v4"), row("mistral", "m")];
    PriceTable::new(rows.into_iter(), Vec::new())
}

/// The plan as `provider/model` texts, or the refusal's code.
fn plan_of(routes: Vec<RouteRecord>, model: &str, pick: u64) -> Vec<String> {
    match plan(&Routes::new(routes), &providers, &prices(), model, &choosing(pick)) {
        Ok(attempts) => attempts.iter().map(|attempt| format!("{}:{}", attempt.provider, attempt.model)).collect(),
        Err(refusal) => vec![refusal.kind.code().to_owned()],
    }
}

#[test]
fn an_explicit_route_decides() {
    let routes = || vec![route("gpt-4o", vec![target("deepseek", Some("deepseek-v4"), 1)], vec![target("mine", None, 1)])];
    assert_eq!(plan_of(routes(), "gpt-4o", 0), ["deepseek:deepseek-v4", "mine:gpt-4o"]);
    assert_eq!(plan_of(routes(), "gpt-4", 0), ["model_not_found"]);
}

#[test]
fn the_longest_wildcard_wins_after_the_exact_name() {
    let to = |name: &str| vec![target("mine", Some(name), 1)];
    let routes = || {
        vec![
            route("*", to("any"), vec![]),
            route("gpt-*", to("gpt"), vec![]),
            route("gpt-4*", to("four"), vec![]),
            route("gpt-4o", to("exact"), vec![]),
            route("*-mini", to("mini"), vec![]),
        ]
    };
    for (model, expect) in
        [("gpt-4o", "exact"), ("gpt-4o-x", "four"), ("gpt-5", "gpt"), ("gpt-4o-mini", "four"), ("o4-mini", "mini"), ("x", "any")]
    {
        assert_eq!(plan_of(routes(), model, 0), [format!("mine:{expect}")], "{model}");
    }
}

#[test]
fn weights_are_shares_and_the_others_follow() {
    let targets = vec![target("mine", None, 3), target("deepseek", None, 1)];
    let mut first_is_mine = 0;
    for pick in 0..400 {
        let plan = plan_of(vec![route("m", targets.clone(), vec![target("azure", None, 1)])], "m", pick);
        assert_eq!(plan.len(), 3);
        assert_eq!(plan.last().unwrap(), "azure:m");
        first_is_mine += u32::from(plan.first().unwrap() == "mine:m");
    }
    assert_eq!(first_is_mine, 300);
    let ordered = RouteRecord { strategy: Strategy::Ordered, ..route("m", targets, vec![]) };
    assert_eq!(plan_of(vec![ordered], "m", 3), ["mine:m", "deepseek:m"]);
    // A weight of nothing counts as one, so that a route is never without a target.
    assert_eq!(plan_of(vec![route("m", vec![target("mine", None, 0)], vec![])], "m", u64::MAX), ["mine:m"]);
}

#[test]
fn disabled_and_unknown_providers_are_skipped() {
    let targets = vec![target("off", None, 100), target("mine", None, 1), target("ghost", None, 9)];
    for pick in 0..120 {
        assert_eq!(plan_of(vec![route("m", targets.clone(), vec![target("off", None, 1)])], "m", pick), ["mine:m"]);
    }
    assert_eq!(plan_of(vec![route("m", vec![target("off", None, 1)], vec![])], "m", 0), ["overloaded"]);
    assert_eq!(plan_of(vec![], "off/glm-5", 0), ["overloaded"]);
    assert_eq!(plan_of(vec![], "glm-5", 0), ["overloaded"]);
}

#[test]
fn the_same_target_is_not_tried_twice() {
    let routes = vec![route("m", vec![target("mine", None, 1)], vec![target("mine", Some("m"), 1), target("azure", None, 1)])];
    assert_eq!(plan_of(routes, "m", 0), ["mine:m", "azure:m"]);
}

#[test]
fn without_a_route_the_name_or_the_price_table_decides() {
    assert_eq!(plan_of(vec![], "mine/some/model", 0), ["mine:some/model"]);
    assert_eq!(plan_of(vec![], "deepseek/x", 0), ["deepseek:x"]);
    assert_eq!(plan_of(vec![], "deepseek-v4", 0), ["deepseek:deepseek-v4"]);
    // First-party before resellers; a provider of that kind under another name.
    assert_eq!(plan_of(vec![], "gpt-4o", 0), ["mine:gpt-4o"]);
    assert_eq!(plan_of(vec![], "gpt-4o-2024-11-20", 0), ["mine:gpt-4o-2024-11-20"]);
    assert_eq!(plan_of(vec![], "m", 0), ["model_not_found"]);
    assert_eq!(plan_of(vec![], "mine/", 0), ["model_not_found"]);
    assert_eq!(plan_of(vec![], "", 0), ["model_not_found"]);
}

#[test]
fn retries_are_the_routes_or_one() {
    let of = |retries| {
        let record = RouteRecord { retries, ..route("m", vec![target("mine", None, 1)], vec![]) };
        plan(&Routes::new(vec![record]), &providers, &prices(), "m", &choosing(0)).unwrap().first().unwrap().retries
    };
    assert_eq!([of(None), of(Some(0)), of(Some(3)), of(Some(99))], [1, 0, 3, 5]);
}

#[test]
fn a_refusal_names_what_exists() {
    let routes = Routes::new(vec![route("gpt-4o", vec![target("mine", None, 1)], vec![])]);
    let refusal = plan(&routes, &providers, &prices(), "nope", &choosing(0)).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::ModelNotFound);
    assert_eq!(refusal.param, Some("model"));
    assert!(refusal.message.contains("\"nope\"") && refusal.message.contains("gpt-4o"), "{}", refusal.message);
}

#[test]
fn waits_double_up_to_the_cap_with_full_jitter() {
    for attempt in [0, 1, 5, 6, 40, u32::MAX] {
        let ceiling = (BASE_MS << attempt.min(16)).min(CAP_MS);
        let waits: Vec<u64> = (0..=ceiling).map(|random| backoff_ms(attempt, None, random)).collect();
        assert_eq!((waits.iter().min(), waits.iter().max()), (Some(&0), Some(&ceiling)), "attempt {attempt}");
        assert!(backoff_ms(attempt, None, u64::MAX) <= ceiling);
    }
    assert_eq!(backoff_ms(0, Some(5_000), 0), 5_000);
    assert!((5_000..=5_200).contains(&backoff_ms(9, Some(5_000), u64::MAX)));
    assert_eq!(backoff_ms(0, Some(3_600_000), 7), RETRY_AFTER_CAP_MS);
    assert_eq!(backoff_ms(0, Some(u64::MAX), u64::MAX), RETRY_AFTER_CAP_MS);
}

#[test]
fn wildcards_stand_for_any_run_of_characters() {
    let check = |pattern: &str, text: &str, expect: bool| assert_eq!(wildcard_matches(pattern, text), expect, "{pattern} {text}");
    check("gpt-4o", "gpt-4o", true);
    check("gpt-4o", "gpt-4o-mini", false);
    check("*", "", true);
    check("*", "anything", true);
    check("gpt-*", "gpt-", true);
    check("gpt-*", "gp", false);
    check("*-mini", "gpt-4o-mini", true);
    check("*-mini", "mini", false);
    check("a*b*c", "a1b2c", true);
    check("a*b*c", "abc", true);
    check("a*b*c", "acb", false);
    check("a*a", "a", false);
    check("**", "x", true);
    check("", "", true);
    check("", "x", false);
    check("ä*", "äöü", true);
}
