//! The firewall of one call: what its texts become, what was found in them, and the stand-ins that the client gets values back for.

use std::collections::BTreeMap;
use std::sync::Arc;

use fluxa_domain::firewall::{Action, Hit, MaskStyle};

use crate::channel::Channel;
use crate::plan::{Plan, Step};
use crate::pseudonyms::Pseudonyms;
use crate::ruleset::{Finding, Ruleset};
use crate::view::Form;

/// The firewall of one call.
#[derive(Debug)]
pub struct CallFirewall {
    ruleset: Arc<Ruleset>,
    request: Option<Arc<Plan>>,
    response: Option<Arc<Plan>>,
    /// What hashes of masked values are keyed with.
    pepper: [u8; 32],
    pseudonyms: Pseudonyms,
    hits: BTreeMap<(usize, Step), u32>,
}

/// What a text has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inspected {
    /// It stays as it is.
    Same,
    /// It is to be replaced by this.
    Edited(String),
    /// It may not go on; [`CallFirewall::blocked_by`] says why.
    Blocked,
}

/// A text may not go on; [`CallFirewall::blocked_by`] says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked;

impl CallFirewall {
    /// A call's firewall; no plan means that texts going that way are not looked at.
    #[must_use]
    pub fn new(ruleset: Arc<Ruleset>, request: Option<Arc<Plan>>, response: Option<Arc<Plan>>, pepper: [u8; 32]) -> Self {
        Self { ruleset, request, response, pepper, pseudonyms: Pseudonyms::default(), hits: BTreeMap::new() }
    }

    /// One text of the request.
    pub fn request(&mut self, text: &str, form: Form) -> Inspected {
        let Some(plan) = self.request.clone() else { return Inspected::Same };
        self.inspect(&plan, text, form, true)
    }

    /// One whole text of the answer: what may not reach the client is masked, stand-ins become values again.
    pub fn response(&mut self, text: &str, form: Form) -> Inspected {
        let edited = match self.response.clone() {
            Some(plan) => self.inspect(&plan, text, form, false),
            None => Inspected::Same,
        };
        match edited {
            Inspected::Same => self.give_back(text, form).map_or(Inspected::Same, Inspected::Edited),
            Inspected::Edited(text) => Inspected::Edited(self.give_back(&text, form).unwrap_or(text)),
            Inspected::Blocked => Inspected::Blocked,
        }
    }

    /// A text with its stand-ins replaced by their values; nothing where it has none.
    #[must_use]
    pub fn give_back(&self, text: &str, form: Form) -> Option<String> {
        let mut given: Option<String> = None;
        for (stand_in, value) in self.pseudonyms.iter() {
            let current = given.as_deref().unwrap_or(text);
            if current.contains(stand_in) {
                given = Some(current.replace(stand_in, &written(value, form)));
            }
        }
        given
    }

    /// Whether texts of the answer have to be looked at.
    #[must_use]
    pub fn watches_answers(&self) -> bool {
        self.response.is_some() || !self.pseudonyms.is_empty()
    }

    /// Whether what cannot be read must be refused.
    #[must_use]
    pub fn enforces_requests(&self) -> bool {
        self.request.as_ref().is_some_and(|plan| plan.enforces())
    }

    /// The same for answers.
    #[must_use]
    pub fn enforces_answers(&self) -> bool {
        self.response.as_ref().is_some_and(|plan| plan.enforces())
    }

    /// What was found so far, by rule and action.
    #[must_use]
    pub fn hits(&self) -> Vec<Hit> {
        let name = |rule: usize| self.ruleset.rules().get(rule).map_or_else(String::new, |rule| rule.id.clone());
        self.hits.iter().map(|((rule, step), count)| Hit { rule: name(*rule), action: step.word(), count: *count }).collect()
    }

    /// The rules for which something was blocked.
    #[must_use]
    pub fn blocked_by(&self) -> Vec<&str> {
        let blocking = self.hits.keys().filter(|(_, step)| step.effect() == Action::Block);
        blocking.filter_map(|(rule, _)| Some(self.ruleset.rules().get(*rule)?.id.as_str())).collect()
    }

    /// A stream of one text of the answer.
    #[must_use]
    pub fn channel(&self, form: Form) -> Channel {
        Channel::new(form)
    }

    fn inspect(&mut self, plan: &Plan, text: &str, form: Form, reversible: bool) -> Inspected {
        let mut findings = Vec::new();
        self.ruleset.find(text, form, &|rule| plan.step(rule).action != Action::Off, &mut findings);
        if findings.is_empty() {
            return Inspected::Same;
        }
        let mut blocked = false;
        for finding in &findings {
            let step = plan.step(finding.rule);
            *self.hits.entry((finding.rule, step)).or_insert(0) += 1;
            blocked |= step.effect() == Action::Block;
        }
        if blocked {
            return Inspected::Blocked;
        }
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for (span, finding) in clusters(&findings, plan) {
            out.push_str(text.get(from..span.0).unwrap_or_default());
            let value = text.get(span.0..span.1).unwrap_or_default();
            let step = plan.step(finding.rule);
            let label = self.ruleset.rules().get(finding.rule).map_or("", |rule| rule.label.as_str());
            if reversible && step.effect() == Action::Pseudonym {
                out.push_str(self.pseudonyms.stand_in(label, value));
            } else {
                out.push_str(&written(&mask(label, value, step.style, &self.pepper), form));
            }
            from = span.1;
        }
        if from == 0 {
            return Inspected::Same;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        Inspected::Edited(out)
    }
}

/// Findings that change the text, those that overlap taken together; the strictest, then longest of them says how.
fn clusters(findings: &[Finding], plan: &Plan) -> Vec<((usize, usize), Finding)> {
    let mut clusters: Vec<((usize, usize), Finding)> = Vec::new();
    for finding in findings.iter().filter(|finding| plan.step(finding.rule).effect().enforces()) {
        let weight = |finding: &Finding| (plan.step(finding.rule).effect(), finding.end - finding.start);
        match clusters.last_mut().filter(|((_, end), _)| finding.start < *end) {
            Some(((_, end), chosen)) => {
                *end = finding.end.max(*end);
                if weight(finding) > weight(chosen) {
                    *chosen = *finding;
                }
            }
            None => clusters.push(((finding.start, finding.end), *finding)),
        }
    }
    clusters
}

/// A value as it is written in a text of this form.
fn written(value: &str, form: Form) -> String {
    match form {
        Form::Plain => value.to_owned(),
        Form::Json => value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"),
    }
}

fn mask(label: &str, _value: &str, _style: MaskStyle, _pepper: &[u8; 32]) -> String {
    format!("[{label}]")
}

impl CallFirewall {
    /// [`Self::request`] for a text that was, or will be, counted elsewhere.
    pub fn request_again(&mut self, text: &str, form: Form) -> Inspected {
        let hits = self.hits.clone();
        let inspected = self.request(text, form);
        self.hits = hits;
        inspected
    }

    /// [`Self::response`] for a text whose pieces were shown before: it is counted only where it may not go on.
    pub fn response_again(&mut self, text: &str, form: Form) -> Inspected {
        let hits = self.hits.clone();
        let inspected = self.response(text, form);
        if inspected != Inspected::Blocked {
            self.hits = hits;
        }
        inspected
    }
}
