//! Usage in OpenAI's dialect: chat, completions, responses, embeddings, rerank, sounds and images.
//!
//! Prompt counts include what was read from and written to caches. Source: `completion_usage.py` and
//! `response_usage.py` of the OpenAI SDK, and recorded answers of servers that speak the dialect.

use fluxa_domain::usage::Usage;

use super::Reading;
use super::number::{Counts, millis};
use crate::json::walk::{Place, Visit, Want, walk};

/// Reads a usage object (or a rerank `meta` object).
#[must_use]
pub fn read(raw: &[u8]) -> Reading {
    let mut seen = Seen::default();
    walk(raw, &mut seen);
    let mut reading = Reading::of(seen.canonical(), seen.counts.absurd);
    reading.audio_ms = seen.audio_ms;
    reading
}

#[derive(Default)]
struct Seen {
    counts: Counts,
    prompt: Option<u64>,
    input: Option<u64>,
    completion: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    billed_input: Option<u64>,
    billed_output: Option<u64>,
    cached: Option<u64>,
    cached_top: Option<u64>,
    cache_hit: Option<u64>,
    written: Option<u64>,
    written_short: Option<u64>,
    written_long: Option<u64>,
    reasoning: Option<u64>,
    input_audio: Option<u64>,
    output_audio: Option<u64>,
    searches: Option<u64>,
    audio_ms: Option<u64>,
}

impl<'a> Visit<'a> for Seen {
    fn member(&mut self, _: Place<'a>) -> Want {
        Want::Into
    }

    fn value(&mut self, place: Place<'a>, raw: &'a [u8]) {
        let input_part =
            matches!(place.parent, b"prompt_tokens_details" | b"input_tokens_details" | b"prompt_token_details" | b"input_token_details");
        let output_part = matches!(
            place.parent,
            b"completion_tokens_details" | b"output_tokens_details" | b"completion_token_details" | b"output_token_details"
        );
        let top = place.depth == 1;
        let slot = match place.key {
            b"prompt_tokens" if top => &mut self.prompt,
            b"input_tokens" if top => &mut self.input,
            b"completion_tokens" if top => &mut self.completion,
            b"output_tokens" if top => &mut self.output,
            b"total_tokens" if top => &mut self.total,
            b"input_tokens" if place.parent == b"billed_units" => &mut self.billed_input,
            b"output_tokens" if place.parent == b"billed_units" => &mut self.billed_output,
            b"search_units" if top || place.parent == b"billed_units" => &mut self.searches,
            b"num_search_queries" if top => &mut self.searches,
            b"web_search_requests" if matches!(place.parent, b"server_tool_use" | b"server_tool_use_details") => &mut self.searches,
            // Servers that give the cached part beside the prompt instead of inside its details.
            b"cached_tokens" | b"num_cached_tokens" if top => &mut self.cached_top,
            b"prompt_cache_hit_tokens" if top => &mut self.cache_hit,
            b"cached_tokens" if input_part => &mut self.cached,
            b"cache_write_tokens" | b"cache_creation_input_tokens" if input_part => &mut self.written,
            b"ttl_30m_tokens" if place.parent == b"cache_write_tokens_details" => &mut self.written_short,
            b"ttl_12h_tokens" if place.parent == b"cache_write_tokens_details" => &mut self.written_long,
            b"audio_tokens" if input_part => &mut self.input_audio,
            b"audio_tokens" if output_part => &mut self.output_audio,
            b"reasoning_tokens" if top || output_part => &mut self.reasoning,
            b"seconds" if top => {
                self.audio_ms = millis(raw);
                return;
            }
            _ => return,
        };
        self.counts.set(slot, raw);
    }
}

impl Seen {
    fn canonical(&self) -> Option<Usage> {
        let known = [self.prompt, self.input, self.completion, self.output, self.total, self.billed_input, self.searches];
        if known.iter().all(Option::is_none) {
            return None;
        }
        let completion = self.completion.or(self.output).or(self.billed_output).unwrap_or(0);
        let reasoning = self.reasoning.unwrap_or(0);
        let prompt = self
            .prompt
            .or(self.input)
            .or(self.billed_input)
            // Embeddings and rerank answers may only give a total.
            .unwrap_or_else(|| self.total.unwrap_or(0).saturating_sub(completion));
        // Some servers leave reasoning out of the completion although their total has it.
        let apart = reasoning > 0 && self.total == Some(prompt + completion + reasoning);
        let output = if apart { completion + reasoning } else { completion };
        let hits = [self.cached, self.cached_top, self.cache_hit];
        // Parts larger than their whole are seen (prompts hidden by the server); the whole is what is billed.
        let cache_read = hits.into_iter().flatten().max().unwrap_or(0).min(prompt);
        let long = self.written_long.unwrap_or(0);
        let written = self.written.unwrap_or(self.written_short.unwrap_or(0) + long).min(prompt - cache_read);
        // A split that does not add up is not used: all goes to the default.
        let split = self.written_short.unwrap_or(0) + long == written;
        let cache_write_1h = if split { long } else { 0 };
        let input_uncached = prompt - cache_read - written;
        Some(Usage {
            input_uncached,
            cache_read,
            cache_write_5m: written - cache_write_1h,
            cache_write_1h,
            output,
            reasoning: reasoning.min(output),
            input_audio: self.input_audio.unwrap_or(0).min(input_uncached),
            output_audio: self.output_audio.unwrap_or(0).min(output),
            images: 0,
            searches: self.searches.unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests;
