//! Who would have been hit, and by what: the sums of a forecast.

use std::collections::BTreeMap;

use fluxa_domain::entry::Entry;
use fluxa_domain::firewall::Action;
use fluxa_firewall::Ruleset;
use serde_json::{Map, Value, json};

/// Calls that are named in an answer.
const MAX_SAMPLES: usize = 20;
/// Keys and teams that are named in an answer, those with most calls hit.
const MAX_GROUPS: usize = 500;

/// What would be done about one call, by rule.
#[derive(Debug, Default)]
pub(super) struct Found {
    with_content: bool,
    by_rule: BTreeMap<usize, (Action, u64)>,
}

/// What is said of a call.
#[derive(Debug)]
pub(super) struct Head {
    id: String,
    key: String,
    key_name: String,
    team: String,
}

/// All calls.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) requests: u64,
    with_content: u64,
    all: Sums,
    by_rule: BTreeMap<usize, (Action, u64, u64)>,
    by_key: BTreeMap<String, (String, Sums)>,
    by_team: BTreeMap<String, Sums>,
    /// With the action: the strictest are shown first.
    samples: Vec<(Action, String)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    block: u64,
    mask: u64,
    alert: u64,
    observe: u64,
}

impl Head {
    pub(super) fn of(entry: &Entry) -> Self {
        let (key, key_name, team) = (entry.key_id.clone(), entry.key_name.clone(), entry.team.clone());
        Self { id: entry.id.to_string(), key, key_name, team }
    }
}

impl Found {
    /// Nothing yet.
    pub(super) fn new(with_content: bool) -> Self {
        Self { with_content, by_rule: BTreeMap::new() }
    }

    /// One finding.
    pub(super) fn add(&mut self, rule: usize, action: Action) {
        let (strictest, count) = self.by_rule.entry(rule).or_default();
        *strictest = action.max(*strictest);
        *count += 1;
    }

    /// So many findings, where not as many are there.
    pub(super) fn at_least(&mut self, rule: usize, action: Action, findings: u64) {
        let (strictest, count) = self.by_rule.entry(rule).or_default();
        *strictest = action.max(*strictest);
        *count = findings.max(*count);
    }
}

impl Tally {
    /// Counts a call.
    pub(super) fn add(&mut self, found: &Found, head: Head) {
        self.requests += 1;
        self.with_content += u64::from(found.with_content);
        let Some(strictest) = found.by_rule.values().map(|(action, _)| *action).max() else { return };
        for (rule, (action, findings)) in &found.by_rule {
            let (kept, requests, sum) = self.by_rule.entry(*rule).or_default();
            *kept = (*action).max(*kept);
            *requests += 1;
            *sum += findings;
        }
        self.all.add(strictest);
        let (name, of_key) = self.by_key.entry(head.key).or_default();
        // Rows come newest first: the newest name stays.
        if name.is_empty() {
            *name = head.key_name;
        }
        of_key.add(strictest);
        self.by_team.entry(head.team).or_default().add(strictest);
        if strictest > Action::Observe {
            self.samples.push((strictest, head.id));
            if self.samples.len() > 2 * MAX_SAMPLES {
                self.keep_strictest();
            }
        }
    }

    fn keep_strictest(&mut self) {
        self.samples.sort_by_key(|(action, _)| std::cmp::Reverse(*action));
        self.samples.truncate(MAX_SAMPLES);
    }

    /// As the answer shows it.
    pub(super) fn view(mut self, ruleset: &Ruleset, complete: bool) -> Value {
        self.keep_strictest();
        let mut by_rule: Vec<_> = self.by_rule.into_iter().collect();
        by_rule.sort_by_key(|(_, (_, requests, _))| std::cmp::Reverse(*requests));
        let name = |rule: usize| ruleset.rules().get(rule).map_or("", |rule| rule.id.as_str());
        let by_rule: Vec<Value> = by_rule
            .into_iter()
            .map(|(rule, (action, requests, findings))| {
                json!({ "rule": name(rule), "action": action.name(), "requests": requests, "findings": findings })
            })
            .collect();
        let mut by_key: Vec<_> = self.by_key.into_iter().collect();
        by_key.sort_by_key(|(_, (_, sums))| std::cmp::Reverse(sums.total()));
        let by_key = by_key.into_iter().take(MAX_GROUPS).map(|(key, (name, sums))| {
            let mut shown = sums.view();
            shown.insert(String::from("key"), json!(key));
            shown.insert(String::from("key_name"), json!(name));
            shown
        });
        let mut by_team: Vec<_> = self.by_team.into_iter().collect();
        by_team.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.total()));
        let by_team = by_team.into_iter().take(MAX_GROUPS).map(|(team, sums)| {
            let mut shown = sums.view();
            shown.insert(String::from("team"), json!(team));
            shown
        });
        let mut shown = self.all.view();
        shown.insert(String::from("requests"), json!(self.requests));
        shown.insert(String::from("with_content"), json!(self.with_content));
        shown.insert(String::from("complete"), json!(complete));
        shown.insert(String::from("by_rule"), json!(by_rule));
        shown.insert(String::from("by_key"), json!(by_key.collect::<Vec<_>>()));
        shown.insert(String::from("by_team"), json!(by_team.collect::<Vec<_>>()));
        shown.insert(String::from("samples"), json!(self.samples.into_iter().map(|(_, id)| id).collect::<Vec<_>>()));
        Value::Object(shown)
    }
}

impl Sums {
    fn add(&mut self, action: Action) {
        match action {
            Action::Block => self.block += 1,
            Action::Mask | Action::Pseudonym => self.mask += 1,
            Action::Alert => self.alert += 1,
            Action::Observe | Action::Off => self.observe += 1,
        }
    }

    const fn total(self) -> u64 {
        self.block + self.mask + self.alert + self.observe
    }

    fn view(self) -> Map<String, Value> {
        crate::show::members(json!({
            "would_block": self.block,
            "would_mask": self.mask,
            "would_alert": self.alert,
            "would_observe": self.observe,
        }))
    }
}
