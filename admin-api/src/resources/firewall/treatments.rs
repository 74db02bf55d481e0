//! Reads a policy, as a resource or within a body that tries one out, and shows it.

use std::collections::BTreeMap;

use fluxa_domain::firewall::{Action, Confidence, Direction, MaskStyle, PolicyRecord, RuleMode, Treatment};
use fluxa_domain::time::Micros;
use fluxa_domain::validate::{self, MAX_POLICY_ACTIONS};
use serde_json::{Value, json};

use super::Known;
use crate::json::{Fields, Given, Item};

/// The names of [`Confidence`].
const CONFIDENCES: [(&str, Confidence); 3] = [("low", Confidence::Low), ("medium", Confidence::Medium), ("high", Confidence::High)];

/// A policy of which nothing is said.
pub(super) fn blank(now: Micros) -> PolicyRecord {
    PolicyRecord {
        name: String::new(),
        note: String::new(),
        direction: Direction::default(),
        actions: BTreeMap::new(),
        default: Action::default(),
        observe_only: false,
        created_at: now,
        updated_at: now,
    }
}

/// Reads everything but the name over what `policy` says.
pub(super) fn read(f: &mut Fields, policy: &mut PolicyRecord, known: &Known) {
    policy.note = f.text("note").or_default(std::mem::take(&mut policy.note));
    f.check(validate::note("note", &policy.note));
    policy.direction = f.text_as("direction", |text| named(text, &Direction::NAMES)).or_default(policy.direction);
    match f.members("actions", MAX_POLICY_ACTIONS, treatment) {
        Given::Absent => {}
        Given::Null => policy.actions.clear(),
        Given::Value(members) => {
            for (name, treatment) in members {
                match treatment {
                    Some(treatment) => {
                        let shown: String = name.chars().take(validate::MAX_RULE_NAME_BYTES).collect();
                        known.check(f, &format!("actions.{shown}"), &name);
                        policy.actions.insert(name, treatment);
                    }
                    None => drop(policy.actions.remove(&name)),
                }
            }
        }
    }
    if policy.actions.len() > MAX_POLICY_ACTIONS {
        f.fault("actions", format!("must have at most {MAX_POLICY_ACTIONS} entries"));
    }
    policy.default = f.text_as("default", Action::parse).or_default(policy.default);
    policy.observe_only = f.flag("observe_only").or_default(policy.observe_only);
}

/// `"mask"`, or `{"action": "mask", "style": …, "min_confidence": …}`.
fn treatment(item: Item<'_>) -> Option<Treatment> {
    if item.is_text() {
        return item.text_as(|text| Action::parse(&text)).map(|action| Treatment { action, ..Treatment::default() });
    }
    item.object(|f| {
        let action = f.text_as("action", Action::parse);
        if !action.is_given() {
            f.fault("action", "is required");
        }
        Treatment {
            action: action.value().unwrap_or_default(),
            style: f.text_as("style", |text| named(text, &MaskStyle::NAMES)).value().unwrap_or_default(),
            min_confidence: f.text_as("min_confidence", |text| named(text, &CONFIDENCES)).value().unwrap_or_default(),
        }
    })
}

/// The value that is called `text`.
pub(super) fn named<T: Copy>(text: &str, names: &[(&str, T)]) -> Result<T, String> {
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        format!("must be one of {}", names.join(", "))
    })
}

/// What a value is called.
pub(super) fn name_of<T: PartialEq>(value: &T, names: &[(&'static str, T)]) -> &'static str {
    names.iter().find(|(_, known)| known == value).map_or("", |(name, _)| name)
}

/// What a confidence is called.
pub(super) fn confidence(value: Confidence) -> &'static str {
    name_of(&value, &CONFIDENCES)
}

/// What a mode is called.
pub(super) fn mode(value: RuleMode) -> &'static str {
    name_of(&value, &RuleMode::NAMES)
}

/// As answers show it: what is said in short comes back in short.
pub(super) fn view(policy: &PolicyRecord) -> Value {
    let shown = |treatment: &Treatment| match *treatment {
        Treatment { action, style: MaskStyle::Label, min_confidence: Confidence::Low } => json!(action.name()),
        Treatment { action, style, min_confidence } => json!({
            "action": action.name(),
            "style": name_of(&style, &MaskStyle::NAMES),
            "min_confidence": confidence(min_confidence),
        }),
    };
    json!({
        "name": policy.name,
        "note": policy.note,
        "direction": name_of(&policy.direction, &Direction::NAMES),
        "actions": policy.actions.iter().map(|(name, treatment)| (name.clone(), shown(treatment))).collect::<serde_json::Map<_, _>>(),
        "default": policy.default.name(),
        "observe_only": policy.observe_only,
        "created_at": policy.created_at.to_rfc3339(),
        "updated_at": policy.updated_at.to_rfc3339(),
    })
}
