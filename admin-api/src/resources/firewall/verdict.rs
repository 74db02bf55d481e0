//! What a policy makes of a text that is only tried: findings, each with what would be done, and what would be left.

use std::sync::Arc;

use fluxa_domain::firewall::{Action, Direction, MaskStyle, PolicyRecord, Treatment};
use fluxa_domain::time::Micros;
use fluxa_firewall::plan::Step;
use fluxa_firewall::{CallFirewall, Finding, Form, Inspected, Plan, Ruleset};
use serde_json::{Map, Value, json};

use super::treatments;
use crate::show::members;

/// Rules, and what a policy makes of them for texts that go one way.
pub(super) struct Bench {
    ruleset: Arc<Ruleset>,
    /// Nothing where the policy says nothing about texts that go this way.
    plan: Option<Plan>,
    /// The same with masks for blocks, so that what is left of a blocked text can be shown.
    soft: Option<Arc<Plan>>,
    way: Direction,
}

/// The texts of one call.
pub(super) struct Trial<'a> {
    bench: &'a Bench,
    call: CallFirewall,
    strictest: Action,
}

/// What a text would become.
pub(super) struct Tried {
    /// By rule and place.
    pub(super) findings: Vec<Map<String, Value>>,
    /// Nothing when it stays as it is.
    pub(super) becomes: Option<String>,
}

/// Every rule's own wish as a policy.
pub(super) fn own_wishes(ruleset: &Ruleset) -> PolicyRecord {
    let wish = |action: Action| Treatment { action, ..Treatment::default() };
    let actions = ruleset.rules().iter().map(|rule| (rule.id.clone(), wish(rule.action))).collect();
    PolicyRecord { actions, default: Action::Off, ..treatments::blank(Micros(0)) }
}

impl Bench {
    /// Makes ready what `policy` does about texts that go `way`.
    pub(super) fn new(ruleset: Arc<Ruleset>, policy: &PolicyRecord, way: Direction) -> Self {
        let plan = Plan::of(&ruleset, &[policy], way);
        let soft = Plan::of(&ruleset, &[&softened(policy)], way).map(Arc::new);
        Self { ruleset, plan, soft, way }
    }

    /// What is done about a rule's findings; nothing where it is not looked for.
    pub(super) fn step(&self, rule: usize) -> Option<Step> {
        self.plan.as_ref().map(|plan| plan.step(rule)).filter(|step| step.action != Action::Off)
    }

    /// The rules.
    pub(super) fn ruleset(&self) -> &Ruleset {
        &self.ruleset
    }

    /// What is found in `text`.
    pub(super) fn find(&self, text: &str, form: Form) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.plan.is_some() {
            self.ruleset.find(text, form, &|rule| self.step(rule).is_some(), &mut findings);
        }
        findings
    }

    /// Begins with the texts of a call.
    pub(super) fn trial(&self, pepper: [u8; 32]) -> Trial<'_> {
        let (request, response) = match self.way {
            Direction::Response => (None, self.soft.clone()),
            Direction::Request | Direction::Both => (self.soft.clone(), None),
        };
        Trial { bench: self, call: CallFirewall::new(Arc::clone(&self.ruleset), request, response, pepper), strictest: Action::Off }
    }
}

impl Trial<'_> {
    /// Tries one text.
    pub(super) fn text(&mut self, text: &str, form: Form) -> Tried {
        let findings = self.bench.find(text, form);
        let shown = findings.iter().filter_map(|finding| self.shown(*finding)).collect();
        let steps = findings.iter().filter_map(|finding| self.bench.step(finding.rule));
        self.strictest = steps.map(Step::effect).max().unwrap_or(Action::Off).max(self.strictest);
        let inspected = match self.bench.way {
            Direction::Response => self.call.response(text, form),
            Direction::Request | Direction::Both => self.call.request(text, form),
        };
        let becomes = match inspected {
            Inspected::Same => None,
            Inspected::Edited(edited) => Some(edited),
            // Nothing blocks in a softened plan; were it so, no value may be shown.
            Inspected::Blocked => Some(String::new()),
        };
        Tried { findings: shown, becomes }
    }

    /// `pass`, `mask` or `block`.
    pub(super) const fn verdict(&self) -> &'static str {
        match self.strictest {
            Action::Block => "block",
            Action::Mask | Action::Pseudonym => "mask",
            Action::Off | Action::Observe | Action::Alert => "pass",
        }
    }

    fn shown(&self, finding: Finding) -> Option<Map<String, Value>> {
        let rule = self.bench.ruleset.rules().get(finding.rule)?;
        let step = self.bench.step(finding.rule)?;
        let mut shown = members(json!({
            "rule": rule.id,
            "kind": rule.id,
            "start": finding.start,
            "end": finding.end,
            "action": step.effect().name(),
            "confidence": treatments::confidence(rule.confidence),
        }));
        if step.observed && step.action > Action::Observe {
            shown.insert(String::from("would"), json!(step.action.name()));
        }
        Some(shown)
    }
}

/// The policy with masks where it blocks: what is left of a blocked text is shown, the value is not.
fn softened(policy: &PolicyRecord) -> PolicyRecord {
    let soft = |action: Action| if action == Action::Block { Action::Mask } else { action };
    let treatment = |treatment: Treatment| match treatment.action {
        Action::Block => Treatment { action: Action::Mask, style: MaskStyle::Label, ..treatment },
        _ => treatment,
    };
    let actions = policy.actions.iter().map(|(name, said)| (name.clone(), treatment(*said))).collect();
    PolicyRecord { actions, default: soft(policy.default), ..policy.clone() }
}
