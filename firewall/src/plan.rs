//! What policies make of a set of rules, for texts that go one way.

use std::sync::OnceLock;

use fluxa_domain::firewall::{Action, Direction, MaskStyle, PolicyRecord, RuleMode, Treatment};

use crate::ruleset::{RuleInfo, Ruleset};
use crate::scan::{Heads, Stance};

/// For each rule, what is done.
#[derive(Debug)]
pub struct Plan {
    steps: Vec<Step>,
    /// The rules that the plan was made for, in short.
    rules: u64,
    /// Made by the first stream.
    heads: OnceLock<Vec<Heads>>,
}

impl Clone for Plan {
    fn clone(&self) -> Self {
        Self { steps: self.steps.clone(), rules: self.rules, heads: OnceLock::new() }
    }
}

impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        self.steps == other.steps && self.rules == other.rules
    }
}

impl Eq for Plan {}

/// What is done about one rule's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// What is done, or would be.
    pub action: Action,
    /// It is only counted as "would have".
    pub observed: bool,
    /// How a mask looks.
    pub style: MaskStyle,
}

impl Step {
    /// What really happens.
    #[must_use]
    pub const fn effect(self) -> Action {
        match self.action {
            Action::Off => Action::Off,
            _ if self.observed => Action::Observe,
            action => action,
        }
    }

    /// The word for the ledger: `mask`, or `would_mask` where it is only observed.
    #[must_use]
    pub fn word(self) -> String {
        match (self.action, self.observed) {
            (Action::Alert | Action::Pseudonym | Action::Mask | Action::Block, true) => format!("would_{}", self.action.name()),
            (action, _) => action.name().to_owned(),
        }
    }
}

impl Plan {
    /// What `policies` together make of texts that go `way`: the strictest wins. Nothing where none of them says anything about it.
    #[must_use]
    pub fn of(ruleset: &Ruleset, policies: &[&PolicyRecord], way: Direction) -> Option<Self> {
        let policies: Vec<_> = policies.iter().filter(|policy| policy.direction.covers(way)).collect();
        let steps = ruleset.rules().iter().map(|rule| {
            let steps = policies.iter().map(|policy| step(rule, policy));
            steps.max_by_key(|step| (step.effect(), step.action, step.style)).unwrap_or(OFF)
        });
        let plan = Self { steps: steps.collect(), rules: ruleset.fingerprint(), heads: OnceLock::new() };
        plan.steps.iter().any(|step| step.action != Action::Off).then_some(plan)
    }

    /// Every rule's own wish: what the test endpoint shows without a policy.
    #[must_use]
    pub fn own_wishes(ruleset: &Ruleset) -> Self {
        let steps = ruleset.rules().iter().map(|rule| limited(rule, Treatment { action: rule.action, ..Treatment::default() }, false));
        Self { steps: steps.collect(), rules: ruleset.fingerprint(), heads: OnceLock::new() }
    }

    /// What is done about the findings of a rule.
    #[must_use]
    pub fn step(&self, rule: usize) -> Step {
        self.steps.get(rule).copied().unwrap_or(OFF)
    }

    /// A number that is another for other rules or other steps: what was kept under one plan is not used under another.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = self.rules;
        for step in &self.steps {
            for byte in [step.action as u8, u8::from(step.observed), step.style as u8] {
                hash = fold(hash, byte);
            }
        }
        hash
    }

    /// Whether any finding gets a stand-in.
    pub(crate) fn reverses(&self) -> bool {
        self.steps.iter().any(|step| step.effect() == Action::Pseudonym)
    }

    pub(crate) fn stance(&self, rule: usize) -> Stance {
        match self.step(rule) {
            Step { action: Action::Off, .. } => Stance::Off,
            step if step.effect().enforces() => Stance::Hold,
            _ => Stance::Count,
        }
    }

    pub(crate) fn heads(&self, ruleset: &Ruleset) -> &[Heads] {
        self.heads.get_or_init(|| ruleset.heads(&|rule| self.stance(rule)))
    }

    /// Whether any finding would change or refuse a text: then what cannot be read is refused.
    #[must_use]
    pub fn enforces(&self) -> bool {
        self.steps.iter().any(|step| step.effect().enforces())
    }
}

const OFF: Step = Step { action: Action::Off, observed: false, style: MaskStyle::Label };

fn step(rule: &RuleInfo, policy: &PolicyRecord) -> Step {
    let named = policy.actions.get(&rule.id).copied();
    let by_pack = || rule.packs.iter().filter_map(|pack| policy.actions.get(pack).copied()).max_by_key(|treatment| treatment.action);
    let treatment = named.or_else(by_pack).unwrap_or(Treatment { action: policy.default, ..Treatment::default() });
    limited(rule, treatment, policy.observe_only)
}

fn limited(rule: &RuleInfo, treatment: Treatment, observe_only: bool) -> Step {
    let Treatment { action, style, min_confidence } = treatment;
    if rule.mode == RuleMode::Off {
        return OFF;
    }
    Step { action, observed: observe_only || rule.mode == RuleMode::Observe || rule.confidence < min_confidence, style }
}

/// One step of FNV-1a: the same on every machine and in every version.
pub(crate) const fn fold(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01B3)
}
