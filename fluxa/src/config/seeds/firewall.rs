//! The section `firewall`: rules of the operator's own and policies, as an empty database begins with them.

use std::collections::{BTreeMap, BTreeSet};

use fluxa_domain::firewall::{Action, Confidence, Direction, Find, Keywords, MaskStyle, PolicyRecord, RuleMode, RuleRecord, Treatment};
use fluxa_domain::money::scaled_decimal;
use fluxa_domain::time::Micros;
use fluxa_domain::validate;
use fluxa_firewall::Ruleset;
use fluxa_firewall::rule::Pack;

use super::super::error::{At, nearest};
use super::super::reader::{Fields, Reader};
use super::super::tree::{Node, Value};
use super::super::values;
use super::{Seeds, each, judge, not_empty, required};

/// A rule of the file. Its times are not set yet.
#[derive(Clone, Debug)]
pub struct SeedRule {
    /// The rule.
    pub record: RuleRecord,
    /// Where it stands.
    pub at: At,
}

/// A policy of the file. Its times are not set yet.
#[derive(Clone, Debug)]
pub struct SeedPolicy {
    /// The policy.
    pub record: PolicyRecord,
    /// Where it stands.
    pub at: At,
}

/// Reads `rules` and `policies` of the section.
pub fn read(r: &mut Reader<'_>, f: &mut Fields) -> (Vec<SeedRule>, Vec<SeedPolicy>) {
    (each(r, f, "rules", rule), each(r, f, "policies", policy))
}

fn rule(r: &mut Reader<'_>, f: &mut Fields) -> Option<SeedRule> {
    let name = required(r, f, "name");
    let note = r.optional(f, "note", |text| Ok(text.to_owned()));
    let pattern = r.optional(f, "pattern", not_empty);
    let words = texts(r, f, "keywords");
    let case_sensitive = r.optional(f, "case_sensitive", values::boolean).unwrap_or_default();
    let whole_word = r.optional(f, "whole_word", values::boolean).unwrap_or_default();
    let find = match (pattern, words.is_empty()) {
        (Some(pattern), true) => Some(Find::Pattern(pattern)),
        (None, false) => {
            let words = validate::distinct_words(words, case_sensitive);
            Some(Find::Keywords(Keywords { words, case_sensitive, whole_word }))
        }
        (Some(_), false) => {
            r.error(f.at, &f.path, "give either pattern or keywords, not both");
            None
        }
        (None, true) => {
            r.error(f.at, &f.path, "needs a pattern (or keywords)");
            None
        }
    };
    let record = RuleRecord {
        name: name?,
        note: note.unwrap_or_default(),
        packs: texts(r, f, "packs"),
        allow: texts(r, f, "allow"),
        min_entropy_centibits: r.optional(f, "min_entropy", centibits).unwrap_or_default(),
        action: r.optional(f, "action", Action::parse).unwrap_or(Action::Mask),
        mode: r.optional(f, "mode", |text| named(text, &RuleMode::NAMES)).unwrap_or_default(),
        yes: texts(r, f, "yes"),
        no: texts(r, f, "no"),
        find: find?,
        created_at: Micros(0),
        updated_at: Micros(0),
    };
    judge(r, f, validate::firewall_rule(&record));
    Some(SeedRule { record, at: f.at })
}

fn policy(r: &mut Reader<'_>, f: &mut Fields) -> Option<SeedPolicy> {
    let record = PolicyRecord {
        name: required(r, f, "name").unwrap_or_default(),
        note: r.optional(f, "note", |text| Ok(text.to_owned())).unwrap_or_default(),
        direction: r.optional(f, "direction", |text| named(text, &Direction::NAMES)).unwrap_or_default(),
        actions: actions(r, f),
        default: r.optional(f, "default", Action::parse).unwrap_or_default(),
        observe_only: r.optional(f, "observe_only", values::boolean).unwrap_or_default(),
        created_at: Micros(0),
        updated_at: Micros(0),
    };
    if record.name.is_empty() {
        return None;
    }
    judge(r, f, validate::firewall_policy(&record));
    Some(SeedPolicy { record, at: f.at })
}

/// `email: mask`, or `email: { action: mask, style: last4, min_confidence: high }`.
fn actions(r: &mut Reader<'_>, f: &mut Fields) -> BTreeMap<String, Treatment> {
    let Some(node) = f.take("actions") else { return BTreeMap::new() };
    let Some(mut members) = r.fields(node, &f.path_of("actions")) else { return BTreeMap::new() };
    let mut actions = BTreeMap::new();
    for pair in members.take_all() {
        let path = members.path_of(&pair.key);
        actions.extend(treatment(r, pair.node, &path).map(|treatment| (pair.key, treatment)));
    }
    actions
}

fn treatment(r: &mut Reader<'_>, node: Node, path: &str) -> Option<Treatment> {
    if !matches!(node.value, Value::Map(_)) {
        let text = r.text(&node, path)?;
        let action = Action::parse(&text).map_err(|message| r.error(node.at, path, message)).ok()?;
        return Some(Treatment { action, ..Treatment::default() });
    }
    let mut f = r.fields(node, path)?;
    let before = r.errors.len();
    let action = r.optional(&mut f, "action", Action::parse);
    if action.is_none() && r.errors.len() == before {
        r.error(f.at, &f.path_of("action"), "is missing");
    }
    let confidences = [("low", Confidence::Low), ("medium", Confidence::Medium), ("high", Confidence::High)];
    let treatment = Treatment {
        action: action.unwrap_or_default(),
        style: r.optional(&mut f, "style", |text| named(text, &MaskStyle::NAMES)).unwrap_or_default(),
        min_confidence: r.optional(&mut f, "min_confidence", |text| named(text, &confidences)).unwrap_or_default(),
    };
    r.finish(f);
    Some(treatment)
}

/// Names that stand twice, rules that cannot be used, and names that nothing has.
pub(super) fn cross_check(r: &mut Reader<'_>, seeds: &Seeds) {
    let built_in = Ruleset::built_in();
    let packs = || Pack::NAMES.iter().map(|(name, _)| *name).chain(["custom"]);
    for (index, seed) in seeds.rules.iter().enumerate() {
        let (name, key) = (&seed.record.name, format!("firewall.rules[{index}].name"));
        if seeds.rules.iter().take(index).any(|other| other.record.name == *name) {
            r.error(seed.at, &key, format!("\"{name}\" stands twice"));
        }
        if built_in.rule(name).is_some() || packs().any(|pack| pack == name) {
            r.error(seed.at, &key, format!("\"{name}\" is the name of a built-in rule or pack"));
        }
    }
    let records: Vec<RuleRecord> = seeds.rules.iter().map(|seed| seed.record.clone()).collect();
    if r.errors.is_empty()
        && let Err(fault) = Ruleset::with(&records)
        && let Some((index, seed)) = seeds.rules.iter().enumerate().find(|(_, seed)| seed.record.name == fault.rule)
    {
        r.error(seed.at, &format!("firewall.rules[{index}].{}", fault.field), fault.what);
    }
    let own = seeds.rules.iter().flat_map(|seed| seed.record.packs.iter().chain([&seed.record.name])).map(String::as_str);
    let known: BTreeSet<&str> = built_in.rules().iter().map(|rule| rule.id.as_str()).chain(packs()).chain(own).collect();
    let known: Vec<&str> = known.into_iter().collect();
    let policies: Vec<&str> = seeds.policies.iter().map(|seed| seed.record.name.as_str()).collect();
    for (index, seed) in seeds.policies.iter().enumerate() {
        if policies.iter().take(index).any(|other| *other == seed.record.name) {
            r.error(seed.at, &format!("firewall.policies[{index}].name"), format!("\"{}\" stands twice", seed.record.name));
        }
        for name in seed.record.actions.keys().filter(|name| !known.contains(&name.as_str())) {
            let message = format!("no rule and no pack is called \"{}\"{}", values::clip(name), meant(name, &known));
            r.error(seed.at, &format!("firewall.policies[{index}].actions"), message);
        }
    }
    let keys = seeds.keys.iter().map(|seed| ("keys", &seed.record.firewall_policy, seed.at));
    let teams = seeds.teams.iter().map(|seed| ("teams", &seed.record.firewall_policy, seed.at));
    let organizations = seeds.organizations.iter().map(|seed| ("organizations", &seed.record.firewall_policy, seed.at));
    let routes = seeds.routes.iter().map(|seed| ("routes", &seed.record.firewall_policy, seed.at));
    let named: Vec<(&str, &String, At)> =
        keys.chain(teams).chain(organizations).chain(routes).filter_map(|(what, name, at)| Some((what, name.as_ref()?, at))).collect();
    for (what, name, at) in named {
        if !policies.contains(&name.as_str()) {
            let message = format!("no policy of firewall.policies is called \"{}\"{}", values::clip(name), meant(name, &policies));
            r.error(at, &format!("{what}.firewall_policy"), message);
        }
    }
}

fn meant(name: &str, known: &[&str]) -> String {
    nearest(name, known).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default()
}

fn texts(r: &mut Reader<'_>, f: &mut Fields, name: &'static str) -> Vec<String> {
    r.texts(f, name).into_iter().map(|(_, text)| text).collect()
}

fn named<T: Copy>(text: &str, names: &[(&str, T)]) -> Result<T, String> {
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        format!("expected one of {}, not \"{}\"", names.join(", "), values::clip(text))
    })
}

fn centibits(text: &str) -> Result<u32, String> {
    let bits = scaled_decimal(text, 2).and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= validate::MAX_ENTROPY_CENTIBITS);
    bits.ok_or_else(|| format!("expected a number from 0 to 8, not \"{}\"", values::clip(text)))
}
