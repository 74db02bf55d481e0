//! Usage in Gemini's dialect (`usageMetadata`). In a stream every chunk carries it, cumulative: the last wins.
//!
//! Source: protocol specification §0 and §5.

use fluxa_domain::usage::Usage;

use super::Reading;
use super::number::Counts;
use crate::json::walk::{Place, Visit, Want, walk};

/// Reads a `usageMetadata` object.
#[must_use]
pub fn read(raw: &[u8]) -> Reading {
    let mut seen = Seen::default();
    walk(raw, &mut seen);
    let usage = (seen.prompt.is_some() || seen.candidates.is_some() || seen.total.is_some()).then(|| seen.canonical());
    Reading::of(usage, seen.counts.absurd)
}

#[derive(Default)]
struct Seen {
    counts: Counts,
    prompt: Option<u64>,
    cached: Option<u64>,
    tool_use: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
    total: Option<u64>,
}

impl<'a> Visit<'a> for Seen {
    fn member(&mut self, _: Place<'a>) -> Want {
        Want::Raw
    }

    fn value(&mut self, place: Place<'a>, raw: &'a [u8]) {
        let slot = match place.key {
            b"promptTokenCount" => &mut self.prompt,
            b"cachedContentTokenCount" => &mut self.cached,
            b"toolUsePromptTokenCount" => &mut self.tool_use,
            b"candidatesTokenCount" => &mut self.candidates,
            b"thoughtsTokenCount" => &mut self.thoughts,
            b"totalTokenCount" => &mut self.total,
            _ => return,
        };
        self.counts.set(slot, raw);
    }
}

impl Seen {
    fn canonical(&self) -> Usage {
        let (prompt, tool_use) = (self.prompt.unwrap_or(0), self.tool_use.unwrap_or(0));
        let (candidates, thoughts) = (self.candidates.unwrap_or(0), self.thoughts.unwrap_or(0));
        let cache_read = self.cached.unwrap_or(0);
        // Some models count thoughts among the candidates; then the total adds up without them.
        let inclusive = self.total == Some(prompt + candidates + tool_use);
        let output = if inclusive { candidates } else { candidates + thoughts };
        Usage {
            input_uncached: (prompt + tool_use).saturating_sub(cache_read),
            cache_read,
            output,
            reasoning: thoughts.min(output),
            ..Usage::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_are_output_once() {
        let check = |raw: &str, expect: (u64, u64, u64, u64)| {
            let u = read(raw.as_bytes()).usage.unwrap();
            assert_eq!((u.input_uncached, u.cache_read, u.output, u.reasoning), expect, "{raw}");
        };
        check(
            r#"{"promptTokenCount":10,"cachedContentTokenCount":4,"candidatesTokenCount":5,"thoughtsTokenCount":3,"totalTokenCount":18}"#,
            (6, 4, 8, 3),
        );
        check(r#"{"promptTokenCount":10,"candidatesTokenCount":5,"thoughtsTokenCount":3,"totalTokenCount":15}"#, (10, 0, 5, 3));
        check(r#"{"promptTokenCount":10,"toolUsePromptTokenCount":2,"candidatesTokenCount":5,"totalTokenCount":17}"#, (12, 0, 5, 0));
    }
}
