//! Usage in Anthropic's dialect. `input_tokens` excludes what was read from and written to caches.
//!
//! In a stream `message_start` gives a first account and every `message_delta` overrides what it names.
//! Source: `usage.py` and `message_delta_usage.py` of the Anthropic SDK; protocol specification §0, §2.3.

use fluxa_domain::usage::Usage;

use super::Reading;
use super::number::Counts;
use crate::json::walk::{Place, Visit, Want, contents, elements, walk};

/// The account of one message, gathered from one or several usage objects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Account {
    counts: Counts,
    top: Tokens,
    thinking: Option<u64>,
    searches: Option<u64>,
    iterations: Option<Tokens>,
}

/// Reads the usage object of a whole message.
#[must_use]
pub fn read(raw: &[u8]) -> Reading {
    let mut account = Account::default();
    account.update(raw);
    account.reading()
}

impl Account {
    /// Begins anew: a second `message_start` replaces the first.
    pub fn restart(&mut self, raw: &[u8]) {
        *self = Self::default();
        self.update(raw);
    }

    /// Overrides what `raw` names with a value that is not `null`.
    pub fn update(&mut self, raw: &[u8]) {
        let mut seen = Seen { account: self, iterations: None };
        walk(raw, &mut seen);
        if let Some(list) = seen.iterations {
            self.iterations = self.sum(list);
        }
    }

    /// The canonical usage of what was gathered.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let tokens = self.iterations.as_ref().unwrap_or(&self.top);
        let known = [tokens.input, tokens.output, tokens.read, tokens.written];
        if known.iter().all(Option::is_none) {
            return Reading::of(None, self.counts.absurd);
        }
        let long = tokens.written_1h.unwrap_or(0);
        let parts = tokens.written_5m.unwrap_or(0) + long;
        let written = tokens.written.unwrap_or(parts);
        // A split that does not add up is not used: all goes to the default.
        let cache_write_1h = if parts == written { long } else { 0 };
        let output = tokens.output.unwrap_or(0);
        let usage = Usage {
            input_uncached: tokens.input.unwrap_or(0),
            cache_read: tokens.read.unwrap_or(0),
            cache_write_5m: written - cache_write_1h,
            cache_write_1h,
            output,
            reasoning: self.thinking.unwrap_or(0).min(output),
            searches: self.searches.unwrap_or(0),
            ..Usage::default()
        };
        Reading::of(Some(usage), self.counts.absurd)
    }

    /// The sum of what this model did, compaction included. The top-level counts leave compaction out.
    ///
    /// An advisor's entries are another model's work; with a fallback the top level is right as it is.
    fn sum(&mut self, list: &[u8]) -> Option<Tokens> {
        let mut sum: Option<Tokens> = None;
        for raw in elements(list) {
            let mut entry = Account::default();
            let mut seen = Seen { account: &mut entry, iterations: None };
            walk(raw, &mut seen);
            let mut kind = Kind(b"");
            walk(raw, &mut kind);
            self.counts.absurd |= entry.counts.absurd;
            match kind.0 {
                b"message" | b"compaction" => sum.get_or_insert_default().add(&entry.top),
                b"fallback_message" => return None,
                _ => {}
            }
        }
        sum
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Tokens {
    input: Option<u64>,
    output: Option<u64>,
    read: Option<u64>,
    written: Option<u64>,
    written_5m: Option<u64>,
    written_1h: Option<u64>,
}

impl Tokens {
    fn add(&mut self, other: &Self) {
        let add = |a: &mut Option<u64>, b: Option<u64>| {
            if let Some(b) = b {
                *a = Some(a.unwrap_or(0) + b);
            }
        };
        add(&mut self.input, other.input);
        add(&mut self.output, other.output);
        add(&mut self.read, other.read);
        add(&mut self.written, other.written);
        add(&mut self.written_5m, other.written_5m);
        add(&mut self.written_1h, other.written_1h);
    }
}

struct Seen<'s, 'a> {
    account: &'s mut Account,
    iterations: Option<&'a [u8]>,
}

impl<'a> Visit<'a> for Seen<'_, 'a> {
    fn member(&mut self, place: Place<'a>) -> Want {
        if place.key == b"iterations" { Want::Raw } else { Want::Into }
    }

    fn value(&mut self, place: Place<'a>, raw: &'a [u8]) {
        let account = &mut *self.account;
        let slot = match (place.depth, place.parent, place.key) {
            (1, _, b"iterations") => {
                self.iterations = raw.starts_with(b"[").then_some(raw);
                return;
            }
            (1, _, b"input_tokens") => &mut account.top.input,
            (1, _, b"output_tokens") => &mut account.top.output,
            (1, _, b"cache_read_input_tokens") => &mut account.top.read,
            (1, _, b"cache_creation_input_tokens") => &mut account.top.written,
            (2, b"cache_creation", b"ephemeral_5m_input_tokens") => &mut account.top.written_5m,
            (2, b"cache_creation", b"ephemeral_1h_input_tokens") => &mut account.top.written_1h,
            (2, b"output_tokens_details", b"thinking_tokens") => &mut account.thinking,
            (2, b"server_tool_use", b"web_search_requests") => &mut account.searches,
            _ => return,
        };
        account.counts.set(slot, raw);
    }
}

struct Kind<'a>(&'a [u8]);

impl<'a> Visit<'a> for Kind<'a> {
    fn member(&mut self, place: Place<'a>) -> Want {
        if place.key == b"type" { Want::Raw } else { Want::Pass }
    }
    fn value(&mut self, _: Place<'a>, raw: &'a [u8]) {
        self.0 = contents(raw);
    }
}

#[cfg(test)]
mod tests;
