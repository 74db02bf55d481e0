//! Which rules can match at a place, told from its first bytes, for many rules at once.
//!
//! A sieve never leaves out a rule that could match: it knows less than the rule's table does.

use std::collections::BTreeSet;

use regex_syntax::hir::{Class, Hir, HirKind};

use super::Ready;
use super::edge::clear_before;
use crate::rule::Edge;

/// Bytes that are looked at.
const DEPTH: usize = 8;
/// Rules of one sieve: the bits of a number.
const WIDTH: usize = 128;
/// All that matters of offsets: those below the depth, and behind them.
const OFFSETS: u16 = (1 << (DEPTH + 1)) - 1;

/// Rules that are tried at the same places.
#[derive(Debug)]
pub(super) struct Sieve {
    rules: Vec<usize>,
    /// For each offset and byte the rules that it may belong to.
    fits: Vec<u128>,
    /// For each byte before the place the rules that may begin behind it.
    behind: Vec<u128>,
    /// For each number of digits the rules that are tried there.
    counts: Vec<u128>,
}

impl Sieve {
    /// Sieves for the rules that are tried at so many digits.
    pub(super) fn of(all: &[Ready], digits: &[Vec<usize>]) -> Vec<Self> {
        let numbers: BTreeSet<usize> = digits.iter().flatten().copied().collect();
        let numbers: Vec<usize> = numbers.into_iter().collect();
        numbers.chunks(WIDTH).map(|rules| Self::one(all, rules, digits)).collect()
    }

    fn one(all: &[Ready], rules: &[usize], digits: &[Vec<usize>]) -> Self {
        let at = |numbers: &Vec<usize>| {
            rules.iter().enumerate().filter(|(_, rule)| numbers.contains(rule)).fold(0, |bits, (bit, _)| bits | 1_u128 << bit)
        };
        let counts = digits.iter().map(at).collect();
        let mut sieve = Self { rules: rules.to_vec(), fits: vec![0; DEPTH * 256], behind: vec![0; 256], counts };
        for (bit, rule) in rules.iter().enumerate().filter_map(|(bit, rule)| Some((1_u128 << bit, all.get(*rule)?))) {
            let hir = if rule.reach == 0 { rule.pattern.hir() } else { None };
            let shape = hir.as_ref().map_or_else(Shape::any, Shape::of);
            for (fits, may) in sieve.fits.iter_mut().zip(&shape.0) {
                *fits |= if *may { bit } else { 0 };
            }
            for (byte, behind) in (0..=u8::MAX).zip(&mut sieve.behind) {
                // What depends on two bytes is decided later.
                let clear = rule.reach > 0 || rule.before == Edge::NoNumber || clear_before(rule.before, &[byte, b'0'], 1);
                *behind |= if clear { bit } else { 0 };
            }
        }
        sieve
    }

    /// The rules that may match at `at`, where so many digits stand.
    pub(super) fn rules(&self, text: &[u8], at: usize, count: usize) -> impl Iterator<Item = usize> {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        let mut left = before.map_or(u128::MAX, |byte| self.behind.get(usize::from(*byte)).copied().unwrap_or(0));
        left &= self.counts.get(count).copied().unwrap_or(0);
        for (fits, byte) in self.fits.chunks_exact(256).zip(text.get(at..).unwrap_or_default()) {
            left &= fits.get(usize::from(*byte)).copied().unwrap_or(0);
            if left == 0 {
                break;
            }
        }
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let bit = left.trailing_zeros();
            left &= left - 1;
            self.rules.get(usize::try_from(bit).ok()?).copied()
        })
    }
}

/// The first bytes of one pattern.
#[derive(Debug)]
pub(super) struct First(Vec<u8>);

impl First {
    pub(super) fn of(pattern: &Hir) -> Self {
        let shape = Shape::of(pattern);
        let mut bits = vec![0; 256];
        for (offset, all) in shape.0.chunks_exact(256).enumerate() {
            bits.iter_mut().zip(all).for_each(|(bits, may)| *bits |= u8::from(*may) << offset);
        }
        Self(bits)
    }

    /// Whether the pattern may match here.
    pub(super) fn may(&self, text: &[u8], at: usize) -> bool {
        let fresh = text.get(at..).unwrap_or_default();
        fresh
            .iter()
            .take(DEPTH)
            .enumerate()
            .all(|(offset, byte)| self.0.get(usize::from(*byte)).is_some_and(|bits| bits & 1 << offset != 0))
    }
}

/// The bytes that a pattern takes at each of its first offsets.
struct Shape(Vec<bool>);

impl Shape {
    fn any() -> Self {
        Self(vec![true; DEPTH * 256])
    }

    fn of(pattern: &Hir) -> Self {
        let mut shape = Self(vec![false; DEPTH * 256]);
        let ends = shape.add(pattern, 1);
        // Behind its end there may be anything.
        shape.free(ends);
        shape
    }

    /// Anything from the first of these offsets on.
    fn free(&mut self, offsets: u16) {
        let first = usize::try_from(offsets.trailing_zeros()).unwrap_or(DEPTH).min(DEPTH);
        self.0.iter_mut().skip(first * 256).for_each(|may| *may = true);
    }

    fn byte(&mut self, offsets: u16, from: u8, to: u8) {
        for offset in (0..DEPTH).filter(|offset| offsets & (1 << offset) != 0) {
            for byte in from..=to {
                if let Some(may) = self.0.get_mut(offset * 256 + usize::from(byte)) {
                    *may = true;
                }
            }
        }
    }

    /// Adds a pattern that begins at these offsets; returned are those at which it may end.
    fn add(&mut self, pattern: &Hir, offsets: u16) -> u16 {
        match pattern.kind() {
            HirKind::Empty | HirKind::Look(_) => offsets,
            HirKind::Literal(literal) => literal.0.iter().fold(offsets, |offsets, byte| {
                self.byte(offsets, *byte, *byte);
                next(offsets)
            }),
            HirKind::Class(Class::Bytes(bytes)) => {
                bytes.iter().for_each(|range| self.byte(offsets, range.start(), range.end()));
                next(offsets)
            }
            HirKind::Class(Class::Unicode(_)) => {
                self.free(offsets);
                OFFSETS
            }
            HirKind::Repetition(repetition) => {
                let mut ends = if repetition.min == 0 { offsets } else { 0 };
                let mut at = offsets;
                let most = repetition.max.unwrap_or(u32::MAX);
                for round in 1..=most {
                    let behind = self.add(&repetition.sub, at);
                    let still = behind == at;
                    at = behind;
                    if round >= repetition.min || still {
                        ends |= at;
                    }
                    // Offsets behind the depth stay there, and so do those of what may be nothing.
                    if still {
                        break;
                    }
                }
                ends
            }
            HirKind::Capture(group) => self.add(&group.sub, offsets),
            HirKind::Concat(parts) => parts.iter().fold(offsets, |offsets, part| self.add(part, offsets)),
            HirKind::Alternation(parts) => parts.iter().fold(0, |ends, part| ends | self.add(part, offsets)),
        }
    }
}

/// The offsets behind a byte.
const fn next(offsets: u16) -> u16 {
    (offsets << 1 | offsets & (1 << DEPTH)) & OFFSETS
}
