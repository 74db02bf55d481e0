//! The usage that a ledger row should have for a recording: the oracle, written from the vendors' definitions.
//!
//! Six disjoint counts. OpenAI's prompt includes what was cached, Anthropic's does not; xAI's completion leaves out
//! reasoning although its total has it; Anthropic's top-level numbers leave out compaction; Gemini's candidates leave out
//! thoughts, but not always. Start at [`expected`].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ask::Op, corpus::Case, sse};

/// The counts of a ledger row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Prompt tokens neither read from nor written to a cache.
    pub input_uncached: u64,
    /// Prompt tokens read from a cache.
    pub cache_read: u64,
    /// Prompt tokens written to a cache for the usual time.
    pub cache_write_5m: u64,
    /// Prompt tokens written to a cache for longer.
    pub cache_write_1h: u64,
    /// All generated tokens.
    pub output: u64,
    /// How many of them are reasoning.
    pub reasoning: u64,
}

/// What a row may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Oracle {
    /// Reported, with these counts.
    Exactly(Counts),
    /// Reported with one of these, or estimated: the recorded numbers contradict each other.
    Contradictory(Vec<Counts>),
    /// Estimated: the vendor said nothing.
    Estimated,
    /// Not looked at: this call uses no tokens, or was refused.
    Free,
}

impl Oracle {
    /// Why the row need not say what the vendor said.
    pub fn rule(&self) -> Option<&'static str> {
        match self {
            Self::Exactly(_) | Self::Free => None,
            Self::Contradictory(_) => Some("the recorded usage contradicts itself: any reading of it"),
            Self::Estimated => Some("the vendor reported no usage: estimated"),
        }
    }
}

/// What the row of a case should say.
pub fn expected(case: &Case, op: Op) -> Oracle {
    let uses_no_tokens =
        matches!(op, Op::CountTokens | Op::GeminiCountTokens | Op::Moderations | Op::Speech | Op::Transcriptions) || op.is_models();
    if case.response.status >= 400 || uses_no_tokens {
        return Oracle::Free;
    }
    if op.is_gemini() {
        return gemini(&merged(&case.response.body));
    }
    // The corpus's own reader takes events without blank lines for one, and finds no usage in it.
    let unread = if case.usage.is_none() && case.streams() { last_usage(&case.response.body) } else { None };
    let Some(usage) = case.usage.as_ref().or(unread.as_ref()) else { return Oracle::Estimated };
    if op.is_anthropic() { anthropic(usage) } else { openai(usage) }
}

/// The usage of the last event that has one, in OpenAI's shape.
fn last_usage(body: &[u8]) -> Option<Value> {
    let usage = |event: &&[u8]| sse::json(event)?.get("usage").filter(|usage| usage.is_object()).cloned();
    sse::events(body).iter().rev().find_map(usage)
}

fn anthropic(usage: &Value) -> Oracle {
    let number = |path: &str| number(usage, path);
    let (Some(mut input), Some(mut output)) = (number("/input_tokens"), number("/output_tokens")) else { return Oracle::Estimated };
    let iterations = usage.get("iterations").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let kind = |entry: &Value| entry.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let own: Vec<&Value> = iterations.iter().filter(|entry| matches!(kind(entry).as_str(), "message" | "compaction")).collect();
    if !own.is_empty() && !iterations.iter().any(|entry| kind(entry) == "fallback_message") {
        let sum = |path: &str| own.iter().filter_map(|entry| self::number(entry, path)).sum();
        (input, output) = (sum("/input_tokens"), sum("/output_tokens"));
    }
    let written = number("/cache_creation_input_tokens").unwrap_or(0);
    let short = number("/cache_creation/ephemeral_5m_input_tokens").unwrap_or(0);
    let long = number("/cache_creation/ephemeral_1h_input_tokens").unwrap_or(0);
    // A split counts only when it is one.
    let (short, long) = if short + long == written { (short, long) } else { (written, 0) };
    Oracle::Exactly(Counts {
        input_uncached: input,
        cache_read: number("/cache_read_input_tokens").unwrap_or(0),
        cache_write_5m: short,
        cache_write_1h: long,
        output,
        reasoning: number("/output_tokens_details/thinking_tokens").unwrap_or(0),
    })
}

/// The last word of each number in an answer of Gemini's, whatever it comes as: one object, an array of them, or events.
fn merged(body: &[u8]) -> Value {
    let chunks = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Array(chunks)) => chunks,
        Ok(one) => vec![one],
        Err(_) => sse::events(body).into_iter().filter_map(sse::json).collect(),
    };
    let told = chunks.iter().filter_map(|chunk| chunk.get("usageMetadata")?.as_object()).flatten();
    told.filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>().into()
}

/// Source: `UsageMetadata` of Google's API reference.
fn gemini(usage: &Value) -> Oracle {
    let told = |name: &str| number(usage, &format!("/{name}"));
    let count = |name: &str| told(name).unwrap_or(0);
    let (prompt, candidates, tools) = (count("promptTokenCount"), count("candidatesTokenCount"), count("toolUsePromptTokenCount"));
    let (cached, thoughts, total) = (count("cachedContentTokenCount"), count("thoughtsTokenCount"), told("totalTokenCount"));
    if told("promptTokenCount").is_none() && told("candidatesTokenCount").is_none() {
        return Oracle::Estimated;
    }
    let included = total == Some(prompt + candidates + tools);
    let output = if included { candidates } else { candidates + thoughts };
    let counts = |input, cache_read, reasoning| Counts { input_uncached: input, cache_read, output, reasoning, ..Counts::default() };
    if cached > prompt || thoughts > output {
        let reasonings = [thoughts, thoughts.min(output)];
        let any = reasonings.map(|reasoning| {
            [counts(tools, cached.min(prompt), reasoning), counts((prompt + tools).saturating_sub(cached), cached, reasoning)]
        });
        return Oracle::Contradictory(any.concat());
    }
    Oracle::Exactly(counts(prompt + tools - cached, cached, thoughts))
}

/// Chat and its relatives, Responses, and the few numbers of embeddings and rerank.
fn openai(usage: &Value) -> Oracle {
    let first = |paths: &[&str]| paths.iter().find_map(|path| number(usage, path));
    let total = first(&["/total_tokens"]);
    let input = first(&["/prompt_tokens", "/input_tokens"]);
    let output = first(&["/completion_tokens", "/output_tokens"]);
    // Embeddings have no output, and some rerankers nothing but a total.
    let Some(input) = input.or(if output.is_none() { total } else { None }) else { return Oracle::Estimated };
    let mut output = output.unwrap_or(0);
    let details = ["/prompt_tokens_details", "/input_tokens_details"];
    let detail = |name: &str| details.iter().find_map(|at| number(usage, &format!("{at}/{name}")));
    let cached = detail("cached_tokens").or(first(&["/prompt_cache_hit_tokens", "/cached_tokens"])).unwrap_or(0);
    let written = detail("cache_write_tokens").or(detail("cache_creation_input_tokens")).unwrap_or(0);
    let long = detail("cache_write_tokens_details/ttl_12h_tokens").unwrap_or(0).min(written);
    let reasoning = first(&["/completion_tokens_details/reasoning_tokens", "/output_tokens_details/reasoning_tokens"]).unwrap_or(0);
    if reasoning > 0 && total == Some(input + output + reasoning) {
        output += reasoning;
    }
    let counts = |input_uncached, cache_read, written: u64, reasoning| {
        let cache_write_1h = long.min(written);
        Counts { input_uncached, cache_read, cache_write_5m: written - cache_write_1h, cache_write_1h, output, reasoning }
    };
    let unlisted = number(usage, "/num_cached_tokens").filter(|unlisted| *unlisted > 0 && cached == 0);
    if cached + written > input || reasoning > output || unlisted.is_some() {
        let mut any = Vec::new();
        for reasoning in [reasoning, reasoning.min(output)] {
            any.extend([
                counts(input.saturating_sub(cached + written), cached, written, reasoning),
                // The cached part taken as not in the prompt, or cut to the prompt.
                counts(input, cached, written, reasoning),
                counts(0, cached.min(input), input.saturating_sub(cached).min(written), reasoning),
                counts(0, input.saturating_sub(written).min(cached), written.min(input), reasoning),
            ]);
            if let Some(unlisted) = unlisted {
                any.push(counts(input.saturating_sub(unlisted), unlisted, 0, reasoning));
            }
        }
        return Oracle::Contradictory(any);
    }
    Oracle::Exactly(counts(input - cached - written, cached, written, reasoning))
}

fn number(value: &Value, path: &str) -> Option<u64> {
    value.pointer(path).and_then(Value::as_u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn exactly(oracle: Oracle) -> [u64; 6] {
        let Oracle::Exactly(c) = oracle else { panic!("{oracle:?}") };
        [c.input_uncached, c.cache_read, c.cache_write_5m, c.cache_write_1h, c.output, c.reasoning]
    }

    #[test]
    fn the_prompt_of_openai_includes_the_cache() {
        let usage = json!({"prompt_tokens": 100, "completion_tokens": 9, "total_tokens": 109,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30}, "completion_tokens_details": {"reasoning_tokens": 4}});
        assert_eq!(exactly(openai(&usage)), [10, 60, 30, 0, 9, 4]);
    }

    #[test]
    fn the_input_of_anthropic_does_not() {
        let usage = json!({"input_tokens": 10, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10}, "output_tokens": 9});
        assert_eq!(exactly(anthropic(&usage)), [10, 60, 20, 10, 9, 0]);
    }

    #[test]
    fn reasoning_left_out_of_the_completion_is_added() {
        let usage = json!({"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 303, "completion_tokens_details": {"reasoning_tokens": 290}});
        assert_eq!(exactly(openai(&usage)), [12, 0, 0, 0, 291, 290]);
    }

    #[test]
    fn compaction_is_paid_for_and_advice_is_not() {
        let usage = json!({"input_tokens": 5, "output_tokens": 2, "iterations": [
            {"type": "compaction", "input_tokens": 100, "output_tokens": 20},
            {"type": "advisor_message", "input_tokens": 1000, "output_tokens": 200},
            {"type": "message", "input_tokens": 5, "output_tokens": 2}]});
        assert_eq!(exactly(anthropic(&usage)), [105, 0, 0, 0, 22, 0]);
    }

    #[test]
    fn the_prompt_of_gemini_includes_the_cache_and_its_candidates_may_include_thoughts() {
        let told = |total: u64| {
            json!({"promptTokenCount": 100, "cachedContentTokenCount": 60, "toolUsePromptTokenCount": 7, "candidatesTokenCount": 9,
            "thoughtsTokenCount": 4, "totalTokenCount": total})
        };
        assert_eq!(exactly(gemini(&told(120))), [47, 60, 0, 0, 13, 4]);
        assert_eq!(exactly(gemini(&told(116))), [47, 60, 0, 0, 9, 4]);
        assert_eq!(gemini(&json!({"trafficType": "ON_DEMAND"})), Oracle::Estimated);
    }

    #[test]
    fn the_last_word_of_each_number_counts() {
        let first = json!({"usageMetadata": {"promptTokenCount": 5, "thoughtsTokenCount": 3, "candidatesTokenCount": 1}});
        let last = json!({"usageMetadata": {"promptTokenCount": 5, "thoughtsTokenCount": null, "candidatesTokenCount": 2}});
        let wanted = json!({"promptTokenCount": 5, "thoughtsTokenCount": 3, "candidatesTokenCount": 2});
        assert_eq!(merged(format!("data: {first}\r\n\r\ndata: {last}\r\n\r\n").as_bytes()), wanted);
        assert_eq!(merged(format!("[{first}\n,\n{last}]").as_bytes()), wanted);
    }

    #[test]
    fn a_rerank_has_only_a_total() {
        assert_eq!(exactly(openai(&json!({"total_tokens": 17}))), [17, 0, 0, 0, 0, 0]);
    }
}
