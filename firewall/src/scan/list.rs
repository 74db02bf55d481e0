//! A list of words, however long.

use aho_corasick::{AhoCorasick, MatchKind};

use super::Window;

/// Words made ready.
#[derive(Debug)]
pub(crate) struct List {
    automaton: AhoCorasick,
    /// In lower case (ASCII), in order: whether a text ends in the beginning of one.
    sorted: Vec<String>,
    longest: usize,
    whole_word: bool,
}

impl List {
    pub(crate) fn new(words: &[String], case_sensitive: bool, whole_word: bool) -> Result<Self, String> {
        let mut all: Vec<String> = words.to_vec();
        if !case_sensitive {
            // The automaton folds the case of ASCII; other letters stand in it both ways.
            for word in words.iter().filter(|word| !word.is_ascii()) {
                all.extend([word.to_lowercase(), word.to_uppercase()]);
            }
            all.sort_unstable();
            all.dedup();
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(!case_sensitive)
            .match_kind(MatchKind::Standard)
            .build(&all)
            .map_err(|error| error.to_string())?;
        let mut sorted: Vec<String> = all.iter().map(|word| word.to_ascii_lowercase()).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let longest = sorted.iter().map(String::len).max().unwrap_or(0);
        Ok(Self { automaton, sorted, longest, whole_word })
    }

    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.sorted.iter().map(String::as_str)
    }

    /// Where words stand; returned is where one may have begun that the end of the text cuts off.
    pub(super) fn scan(&self, window: Window<'_>, stretches: &mut Vec<(usize, usize)>) -> Option<usize> {
        let Window { text, from, last } = window;
        let mut open: Option<usize> = None;
        for found in self.automaton.find_overlapping_iter(text.as_bytes().get(from..).unwrap_or_default()) {
            let (start, end) = (from + found.start(), from + found.end());
            if self.whole_word {
                let before = text.get(..start).and_then(|before| before.chars().next_back());
                let (first, final_one) = (
                    text.get(start..end).and_then(|word| word.chars().next()),
                    text.get(start..end).and_then(|word| word.chars().next_back()),
                );
                if before.is_some_and(joins) && first.is_some_and(joins) {
                    continue;
                }
                if final_one.is_some_and(joins) {
                    if end == text.len() && !last {
                        open = Some(open.map_or(start, |at| at.min(start)));
                        continue;
                    }
                    if text.get(end..).and_then(|behind| behind.chars().next()).is_some_and(joins) {
                        continue;
                    }
                }
            }
            stretches.push((start, end));
        }
        if !last {
            let begun = (from.max(text.len().saturating_sub(self.longest))..text.len())
                .find(|&at| self.begins(text.as_bytes().get(at..).unwrap_or_default()));
            open = match (open, begun) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        open
    }

    /// Whether a word begins with this and goes on.
    fn begins(&self, rest: &[u8]) -> bool {
        let rest = rest.to_ascii_lowercase();
        let at = self.sorted.partition_point(|word| word.as_bytes() <= rest.as_slice());
        self.sorted.get(at).is_some_and(|word| word.as_bytes().starts_with(&rest))
    }
}

/// Letters and digits of scripts that put spaces between words.
fn joins(c: char) -> bool {
    let apart =
        matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x2E80..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF);
    c.is_alphanumeric() && !apart
}
