//! What a text that goes on may end in: the beginning of a match that nothing has been tried for yet.
//!
//! A word that is cut off by the end, and for rules that begin before their anchor all that may stand before it. Matches whose
//! anchor is complete are not looked for here: trying them says whether they are open.

use regex_automata::hybrid::dfa::DFA;
use regex_automata::{Anchored, Input, MatchKind};

use super::engine::{LazyPool, lazy_table};
use super::{Frontier, Place, Scanner, Stance, edge};
use crate::limits::{DIGIT_GROUP_BYTES, MATCH_BYTES};
use crate::rule::Edge;

/// The beginnings of what rules look for.
#[derive(Debug)]
pub(crate) struct Heads {
    hold: Head,
    count: Head,
}

#[derive(Debug, Default)]
struct Head {
    /// Proper beginnings of words, a tree of bytes in lower case.
    nodes: Vec<Vec<(u8, usize)>>,
    longest: usize,
    reaching: Option<(DFA, LazyPool)>,
    reach: usize,
    /// Bytes before which no reaching rule begins.
    glued: Vec<bool>,
}

impl Heads {
    pub(crate) fn of(scanner: &Scanner, stance: &dyn Fn(usize) -> Stance) -> Self {
        Self {
            hold: Head::of(scanner, &|rule| stance(rule) == Stance::Hold),
            count: Head::of(scanner, &|rule| stance(rule) == Stance::Count),
        }
    }

    /// Opens the frontier where one of them may have begun, at or behind `from`.
    pub(super) fn open(&self, text: &[u8], from: usize, frontier: &mut Frontier) {
        if let Some(at) = self.hold.begun(text, from, frontier.hold) {
            frontier.open(Stance::Hold, at);
        }
        if let Some(at) = self.count.begun(text, from, frontier.count) {
            frontier.open(Stance::Count, at);
        }
    }
}

impl Head {
    fn of(scanner: &Scanner, wanted: &dyn Fn(usize) -> bool) -> Self {
        let mut head = Self { nodes: vec![Vec::new()], glued: vec![true; 256], ..Self::default() };
        let mut patterns = Vec::new();
        for (_, rule) in scanner.rules().iter().enumerate().filter(|(at, _)| wanted(*at)) {
            if rule.reach > 0 {
                patterns.extend(rule.pattern.hir());
                // As long as its anchor is not complete, nothing has been tried.
                let anchor = match &rule.anchor {
                    Place::Words(words) => words.iter().map(|word| word.len()).max().unwrap_or(0),
                    Place::Digits(..) => DIGIT_GROUP_BYTES + 1,
                    Place::Byte(_) | Place::Anywhere(_) | Place::List => 1,
                };
                head.reach = head.reach.max(rule.reach + anchor);
                let before = if rule.before == Edge::NoNumber { Edge::NoDigit } else { rule.before };
                for (byte, glued) in (0..=u8::MAX).zip(&mut head.glued) {
                    *glued &= edge::glued(before, byte);
                }
            } else if let Place::Words(words) = &rule.anchor {
                words.iter().for_each(|word| head.add(word.as_bytes()));
            }
        }
        if !patterns.is_empty() {
            head.reaching = lazy_table(&patterns.iter().collect::<Vec<_>>(), MatchKind::All).ok();
        }
        head
    }

    fn add(&mut self, word: &[u8]) {
        let Some((_, proper)) = word.split_last() else { return };
        self.longest = self.longest.max(proper.len());
        let mut node = 0;
        for byte in proper.iter().map(u8::to_ascii_lowercase) {
            node = match self.step(node, byte) {
                Some(next) => next,
                None => {
                    let next = self.nodes.len();
                    self.nodes.push(Vec::new());
                    if let Some(steps) = self.nodes.get_mut(node) {
                        steps.push((byte, next));
                    }
                    next
                }
            };
        }
    }

    fn step(&self, node: usize, byte: u8) -> Option<usize> {
        self.nodes.get(node)?.iter().find(|(one, _)| *one == byte).map(|(_, next)| *next)
    }

    /// The first place before `end` where something may have begun.
    fn begun(&self, text: &[u8], from: usize, end: usize) -> Option<usize> {
        let word = (from.max(text.len().saturating_sub(self.longest))..end).find(|&start| {
            let mut node = 0;
            text.get(start..).unwrap_or_default().iter().all(|byte| match self.step(node, byte.to_ascii_lowercase()) {
                Some(next) => {
                    node = next;
                    true
                }
                None => false,
            })
        });
        let end = word.unwrap_or(end);
        self.reaching.as_ref().and_then(|(dfa, pool)| self.reaches(dfa, pool, text, from, end)).or(word)
    }

    fn reaches(&self, dfa: &DFA, pool: &LazyPool, text: &[u8], from: usize, end: usize) -> Option<usize> {
        let first = from.max(text.len().saturating_sub(self.reach));
        let mut cache = pool.get();
        (first..end).find(|&start| {
            let glued =
                start.checked_sub(1).and_then(|at| text.get(at)).is_some_and(|byte| self.glued.get(usize::from(*byte)) == Some(&true));
            if glued || text.len() - start > MATCH_BYTES {
                return false;
            }
            let Ok(mut state) = dfa.start_state_forward(&mut cache, &Input::new(text).range(start..).anchored(Anchored::Yes)) else {
                return true;
            };
            for &byte in text.get(start..).unwrap_or_default() {
                let Ok(next) = dfa.next_state(&mut cache, state, byte) else { return true };
                state = next;
                if state.is_dead() {
                    return false;
                }
            }
            true
        })
    }
}
