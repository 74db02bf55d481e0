//! The firewall of one call: what its texts become, what was found in them, and the stand-ins that the client gets values back for.

use std::collections::BTreeMap;
use std::sync::Arc;

use fluxa_domain::firewall::{Action, Hit};

use crate::channel::Channel;
use crate::flow::Flow;
use crate::plan::{Plan, Step};
use crate::pseudonyms::Pseudonyms;
use crate::ruleset::{Part, Ruleset};
use crate::scan::Frontier;
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
        if plan.reverses() {
            self.pseudonyms.reserve(text);
        }
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
        if self.pseudonyms.is_empty() {
            return None;
        }
        let mut given = String::new();
        let (_, any) = self.pseudonyms.give(text, form, true, &mut given);
        any.then_some(given)
    }

    /// Notes names of stand-ins (`<EMAIL_1>`) that the client wrote itself, so that none of them is given to a value. [`Self::request`]
    /// does so for its text; called for all texts of a request before the first, no later text has one that was given already.
    pub fn reserve(&mut self, text: &str) {
        if self.request.as_ref().is_some_and(|plan| plan.reverses()) {
            self.pseudonyms.reserve(text);
        }
    }

    /// Whether values of the request are given stand-ins.
    #[must_use]
    pub fn gives_stand_ins(&self) -> bool {
        self.request.as_ref().is_some_and(|plan| plan.reverses())
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
        self.hits.iter().map(|((rule, step), count)| self.hit(*rule, *step, *count)).collect()
    }

    fn hit(&self, rule: usize, step: Step, count: u32) -> Hit {
        Hit { rule: self.ruleset.rules().get(rule).map_or_else(String::new, |rule| rule.id.clone()), action: step.word(), count }
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

    pub(crate) fn ruleset(&self) -> Arc<Ruleset> {
        Arc::clone(&self.ruleset)
    }

    pub(crate) fn answers(&self) -> Option<Arc<Plan>> {
        self.response.clone()
    }

    pub(crate) fn pseudonyms(&self) -> &Pseudonyms {
        &self.pseudonyms
    }

    pub(crate) fn pepper(&self) -> &[u8; 32] {
        &self.pepper
    }

    pub(crate) fn label(&self, rule: usize) -> &str {
        self.ruleset.rules().get(rule).map_or("", |rule| rule.label.as_str())
    }

    pub(crate) fn count(&mut self, rule: usize, step: Step) {
        let count = self.hits.entry((rule, step)).or_insert(0);
        *count = count.saturating_add(1);
    }

    pub(crate) fn stand_in(&mut self, rule: usize, value: &str, written: bool) -> &str {
        let label = self.ruleset.rules().get(rule).map_or("", |rule| rule.label.as_str());
        if written { self.pseudonyms.stand_in_written(label, value) } else { self.pseudonyms.stand_in(label, value) }
    }

    fn inspect(&mut self, plan: &Plan, text: &str, form: Form, reversible: bool) -> Inspected {
        let mut found = Vec::new();
        let part = Part { text, form, known: Frontier::default(), last: true };
        self.ruleset.scan(part, &[], &|rule| plan.stance(rule), &mut found);
        if found.is_empty() {
            return Inspected::Same;
        }
        let mut out = String::with_capacity(text.len());
        match Flow::new(form, reversible).whole(self, plan, text, found, &mut out) {
            Err(Blocked) => Inspected::Blocked,
            Ok(()) if out == text => Inspected::Same,
            Ok(()) => Inspected::Edited(out),
        }
    }
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
