use fluxa_domain::firewall::{Action, Find, Treatment};
use fluxa_domain::time::Micros;

use super::*;

fn policy(name: &str, action: Action, direction: Direction) -> PolicyRecord {
    let now = Micros(0);
    PolicyRecord {
        name: name.to_owned(),
        note: String::new(),
        direction,
        actions: BTreeMap::from([(String::from("email"), Treatment { action, ..Treatment::default() })]),
        default: Action::Off,
        observe_only: false,
        created_at: now,
        updated_at: now,
    }
}

fn rule(name: &str, pattern: &str) -> RuleRecord {
    RuleRecord {
        name: name.to_owned(),
        note: String::new(),
        find: Find::Pattern(pattern.to_owned()),
        packs: Vec::new(),
        allow: Vec::new(),
        min_entropy_centibits: 0,
        action: Action::Mask,
        mode: RuleMode::Enforce,
        yes: Vec::new(),
        no: Vec::new(),
        created_at: Micros(0),
        updated_at: Micros(0),
    }
}

fn effect(plan: Option<&Arc<Plan>>, plans: &Plans) -> Action {
    let rule = plans.ruleset.rule("email").unwrap();
    plan.map_or(Action::Off, |plan| plan.step(rule).effect())
}

#[test]
fn without_a_policy_nothing_is_made_ready() {
    let book = Rulebook::of(&[rule("own", "x+")], Vec::new(), None, None);
    assert!(book.rules.is_none());
    assert!(book.plans(&[None, None]).unwrap().is_none());
    assert_eq!(book.plans(&[Some("gone")]).unwrap_err(), "gone");
}

#[test]
fn the_strictest_of_several_policies_wins_in_its_direction() {
    let policies = vec![policy("a", Action::Mask, Direction::Both), policy("b", Action::Block, Direction::Request)];
    let book = Rulebook::of(&[], policies, None, None);
    let plans = book.plans(&[Some("a"), None, Some("b"), Some("a")]).unwrap().unwrap();
    assert_eq!(effect(plans.request.as_ref(), &plans), Action::Block);
    assert_eq!(effect(plans.response.as_ref(), &plans), Action::Mask);
    let again = book.plans(&[Some("b"), Some("a")]).unwrap().unwrap();
    assert!(Arc::ptr_eq(&plans, &again), "made once, whatever the order");
    let b = book.plans(&[Some("b")]).unwrap().unwrap();
    assert!(b.response.is_none());
    assert_ne!(b.fingerprint, plans.fingerprint);
}

#[test]
fn rules_that_did_not_change_are_compiled_once() {
    let policies = || vec![policy("a", Action::Mask, Direction::Both)];
    let first = Rulebook::of(&[rule("own", "x+y")], policies(), None, None);
    let same = Rulebook::of(&[rule("own", "x+y")], policies(), None, Some(&first));
    let other = Rulebook::of(&[rule("own", "x+z")], policies(), None, Some(&same));
    let rules = |book: &Rulebook| book.rules.clone().unwrap();
    assert!(Arc::ptr_eq(&rules(&first).left_out, &rules(&same).left_out));
    assert!(!Arc::ptr_eq(&rules(&first).left_out, &rules(&other).left_out));
    let fingerprint = |book: &Rulebook| book.plans(&[Some("a")]).unwrap().unwrap().fingerprint;
    assert_eq!(fingerprint(&first), fingerprint(&same));
    assert_ne!(fingerprint(&first), fingerprint(&other), "what was kept under another rule is not given again");
}
