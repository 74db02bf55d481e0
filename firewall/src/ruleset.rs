//! All rules of a gateway, made ready: the built-in ones and the operator's own.

use std::sync::{Arc, OnceLock};

use fluxa_domain::firewall::{Action, Confidence, RuleMode, RuleRecord};

use crate::builtin;
use crate::custom;
use crate::plan::fold;
use crate::rule::Tail;
use crate::scan::{Frontier, Heads, Hit, Scanner, Stance, Window};
use crate::view::{Form, View};

/// A set of rules that texts are held against. Cheap to share, never changed.
#[derive(Debug)]
pub struct Ruleset {
    rules: Vec<RuleInfo>,
    /// The rules, those of each from this place on.
    scanners: Vec<(usize, Arc<Scanner>)>,
    /// The operator's own rules, in short.
    own: u64,
}

/// A part of a text, to be scanned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) text: &'a str,
    pub(crate) form: Form,
    /// Where what is found is not known yet, for rules that the text waits for and for others.
    pub(crate) known: Frontier,
    /// Nothing follows.
    pub(crate) last: bool,
}

/// What was found in a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    /// Where its match begins.
    pub(crate) key: usize,
    pub(crate) start: usize,
    pub(crate) rule: usize,
    pub(crate) end: usize,
    /// Where its head ends.
    pub(crate) head_end: usize,
    /// It was found in the evened out text.
    pub(crate) viewed: bool,
    /// Its tail may go on behind the part.
    pub(crate) open: bool,
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
            Arc::new(Self { rules: rules.collect(), scanners: vec![(0, Arc::new(scanner))], own: 0 })
        }))
    }

    /// The built-in rules and those of the operator that are not off.
    ///
    /// # Errors
    /// The first rule that cannot be used.
    pub fn with(records: &[RuleRecord]) -> Result<Arc<Self>, RuleFault> {
        let built_in = Self::built_in();
        let records: Vec<&RuleRecord> = records.iter().filter(|record| record.mode != RuleMode::Off).collect();
        if records.is_empty() {
            return Ok(built_in);
        }
        let mut rules = built_in.rules.clone();
        let mut ready = Vec::new();
        for record in &records {
            if rules.iter().any(|rule| rule.id == record.name) {
                return Err(custom::fault(record, "name", "is the name of another rule"));
            }
            ready.push(custom::ready(record)?);
            rules.push(custom::info(record));
        }
        let scanner = Scanner::of(ready).map_err(|what| RuleFault { rule: String::new(), field: "find".to_owned(), what })?;
        let mut scanners = built_in.scanners.clone();
        scanners.push((built_in.rules.len(), Arc::new(scanner)));
        let own = records.iter().fold(0, |hash, record| custom::fold_record(record, hash));
        let ruleset = Arc::new(Self { rules, scanners, own });
        records.iter().try_for_each(|record| custom::try_samples(&ruleset, record))?;
        Ok(ruleset)
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
    pub fn find(&self, text: &str, form: Form, wanted: &dyn Fn(usize) -> bool, findings: &mut Vec<Finding>) {
        let stance = |rule| if wanted(rule) { Stance::Hold } else { Stance::Off };
        let mut found = Vec::new();
        self.scan(Part { text, form, known: Frontier { hold: 0, count: 0 }, last: true }, &[], &stance, &mut found);
        // The longest of a rule's findings at one place.
        found.sort_unstable_by_key(|found| (found.start, found.rule, std::cmp::Reverse(found.end)));
        found.dedup_by_key(|found| (found.start, found.rule));
        findings.extend(found.iter().map(|found| Finding { start: found.start, end: found.end, rule: found.rule }));
    }

    /// What is decided in a part, in order, and from where on it is not.
    pub(crate) fn scan(
        &self,
        part: Part<'_>,
        heads: &[Heads],
        stance: &dyn Fn(usize) -> Stance,
        found: &mut Vec<Found>,
    ) -> (Frontier, Option<View>) {
        let text = part.text;
        let from = part.known.hold.min(part.known.count);
        let mut hits: Vec<Hit> = Vec::new();
        let mut frontier = self.layer(Window { text, from, last: part.last }, heads, stance, &mut hits);
        found.extend(hits.drain(..).map(|hit| Found {
            key: hit.key,
            start: hit.start,
            end: hit.end,
            rule: hit.rule,
            head_end: hit.head_end,
            viewed: false,
            open: hit.open,
        }));
        let view = View::of(text, part.form, part.last);
        if let Some(view) = &view {
            frontier.open(Stance::Hold, view.cut);
            frontier.open(Stance::Count, view.cut);
            if view.changed || view.cut < text.len() {
                let inner = self.layer(Window { text: &view.text, from: view.forth(from), last: part.last }, heads, stance, &mut hits);
                frontier.open(Stance::Hold, view.place(inner.hold));
                frontier.open(Stance::Count, view.place(inner.count));
                found.extend(hits.drain(..).map(|hit| {
                    let (start, end) = view.back(hit.start, hit.end);
                    let head_end = view.back(hit.start, hit.head_end).1;
                    Found { key: view.place(hit.key), start, end, rule: hit.rule, head_end, viewed: true, open: hit.open }
                }));
            }
        }
        for place in [&mut frontier.hold, &mut frontier.count] {
            *place = view.as_ref().map_or(*place, |view| view.boundary(*place));
            while !text.is_char_boundary(*place) {
                *place -= 1;
            }
        }
        found.sort_unstable();
        found.dedup_by_key(|found| (found.key, found.start, found.end, found.rule, found.open && found.viewed));
        (frontier, view)
    }

    fn layer(&self, window: Window<'_>, heads: &[Heads], stance: &dyn Fn(usize) -> Stance, hits: &mut Vec<Hit>) -> Frontier {
        let end = window.text.len();
        let mut frontier = Frontier { hold: end, count: end };
        for (at, (offset, scanner)) in self.scanners.iter().enumerate() {
            let before = hits.len();
            let one = scanner.scan(window, heads.get(at), &|rule| stance(offset + rule), hits);
            frontier.open(Stance::Hold, one.hold);
            frontier.open(Stance::Count, one.count);
            hits.iter_mut().skip(before).for_each(|hit| hit.rule += offset);
        }
        frontier
    }

    /// The beginnings of matches, for texts that come in pieces.
    pub(crate) fn heads(&self, stance: &dyn Fn(usize) -> Stance) -> Vec<Heads> {
        self.scanners.iter().map(|(offset, scanner)| Heads::of(scanner, &|rule| stance(offset + rule))).collect()
    }

    /// What follows the matches of a rule.
    pub(crate) fn tail(&self, rule: usize) -> Tail {
        let scanner = self.scanners.iter().rev().find(|(offset, _)| *offset <= rule);
        scanner.and_then(|(offset, scanner)| scanner.rules().get(rule - offset)).map_or(Tail::None, |ready| ready.tail)
    }

    /// A number that is another for other rules.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = self.own.to_le_bytes().into_iter().fold(0xCBF2_9CE4_8422_2325, fold);
        for rule in &self.rules {
            for byte in rule.id.bytes().chain(rule.label.bytes()).chain([0, rule.confidence as u8, rule.mode as u8]) {
                hash = fold(hash, byte);
            }
        }
        for (_, scanner) in &self.scanners {
            for rule in scanner.rules() {
                hash = rule.pattern.fold(hash);
            }
        }
        hash
    }

    /// What one rule finds.
    pub fn find_one(&self, id: &str, text: &str, form: Form, findings: &mut Vec<Finding>) {
        let Some(one) = self.rule(id) else { return };
        self.find(text, form, &|rule| rule == one, findings);
    }
}

/// Some 60 kB of text of many kinds in which there is nothing to find: prose, code, logs, numbers, ideographs.
#[must_use]
pub fn bench_text() -> String {
    const KINDS: [&str; 5] = [
        "The committee met again on the second floor, where the windows face the river; nobody had read the minutes, and the chair \
         asked whether the figures of last spring were still to be believed. They were not, as it turned out.\n",
        "pub fn merge(&mut self, other: Map<String, Value>) -> Result<usize, Error> {\n    for (name, value) in other.iter() {\n        \
         if self.fields.get(name).map_or(true, |old| old != value) { self.changed += 1; }\n    }\n}\n",
        "2026-03-14T09:26:53.589Z INFO worker-7 request finished status=200 bytes=18231 took_ms=41 path=/v1/reports/weekly cache=miss\n",
        "会议在二楼举行，窗户朝着河；没有人读过上次的记录，主席问去年春天的数字还能不能相信。结果是不能，大家决定下周再谈。\n",
        "| region | units | price | total |\n| north | 1,204 | 3.50 | 4,214.00 |\n| south | 987 | 3.25 | 3,207.75 |\n{\"id\": 4821, \"tags\": [\"a\", \"b\"]}\n",
    ];
    KINDS.concat().repeat(60)
}
