//! Usage of Bedrock's Converse. `inputTokens` excludes what was read from and written to caches.
//!
//! Source: `TokenUsage` of the service model; protocol specification §0 and §6.

use fluxa_domain::usage::Usage;

use super::Reading;
use super::number::Counts;
use crate::json::walk::{Place, Visit, Want, contents, elements, walk};

/// Reads a `usage` object of Converse.
#[must_use]
pub fn read(raw: &[u8]) -> Reading {
    let mut seen = Seen::default();
    walk(raw, &mut seen);
    let mut long = 0u64;
    let mut split = 0u64;
    for detail in elements(seen.details.unwrap_or_default()) {
        let mut entry = Seen::default();
        walk(detail, &mut entry);
        seen.counts.absurd |= entry.counts.absurd;
        let tokens = entry.input.unwrap_or(0);
        split += tokens;
        if entry.ttl == b"1h" {
            long += tokens;
        }
    }
    let written = seen.written.unwrap_or(0);
    let cache_write_1h = if split == written { long } else { 0 };
    let usage = (seen.input.is_some() || seen.output.is_some()).then(|| Usage {
        input_uncached: seen.input.unwrap_or(0),
        cache_read: seen.read.unwrap_or(0),
        cache_write_5m: written - cache_write_1h,
        cache_write_1h,
        output: seen.output.unwrap_or(0),
        ..Usage::default()
    });
    Reading::of(usage, seen.counts.absurd)
}

#[derive(Default)]
struct Seen<'a> {
    counts: Counts,
    input: Option<u64>,
    output: Option<u64>,
    read: Option<u64>,
    written: Option<u64>,
    details: Option<&'a [u8]>,
    ttl: &'a [u8],
}

impl<'a> Visit<'a> for Seen<'a> {
    fn member(&mut self, _: Place<'a>) -> Want {
        Want::Raw
    }

    fn value(&mut self, place: Place<'a>, raw: &'a [u8]) {
        let slot = match place.key {
            b"inputTokens" => &mut self.input,
            b"outputTokens" => &mut self.output,
            b"cacheReadInputTokens" | b"cacheReadInputTokenCount" => &mut self.read,
            b"cacheWriteInputTokens" | b"cacheWriteInputTokenCount" => &mut self.written,
            b"cacheDetails" => {
                self.details = Some(raw);
                return;
            }
            b"ttl" => {
                self.ttl = contents(raw);
                return;
            }
            _ => return,
        };
        self.counts.set(slot, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_split_is_used_if_it_adds_up() {
        let check = |raw: &str, expect: (u64, u64, u64, u64, u64)| {
            let u = read(raw.as_bytes()).usage.unwrap();
            assert_eq!((u.input_uncached, u.cache_read, u.cache_write_5m, u.cache_write_1h, u.output), expect, "{raw}");
        };
        check(
            r#"{"inputTokens":10,"outputTokens":5,"cacheReadInputTokens":3,"cacheWriteInputTokens":7,"cacheDetails":[{"ttl":"1h","inputTokens":4},{"ttl":"5m","inputTokens":3}]}"#,
            (10, 3, 3, 4, 5),
        );
        check(
            r#"{"inputTokens":10,"outputTokens":5,"cacheWriteInputTokens":7,"cacheDetails":[{"ttl":"1h","inputTokens":4}]}"#,
            (10, 0, 7, 0, 5),
        );
        check(r#"{"inputTokens":10,"outputTokens":5,"totalTokens":15}"#, (10, 0, 0, 0, 5));
    }
}
