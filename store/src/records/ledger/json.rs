//! Writes an entry's JSON, the form that its `Deserialize` reads, at a third of the cost of the general way.
//!
//! It is written at every call on the thread that answers it, and nearly all of its texts are plain: those are copied. What
//! is rare (tags, odd characters) goes the general way. A test holds the two forms together.

use fluxa_domain::entry::{AttemptRow, Entry};

/// Room for the JSON of a usual call.
const USUAL_BYTES: usize = 768;

/// The JSON of `entry`; fields that are empty are left out, as reading fills them in.
pub(super) fn write(entry: &Entry) -> String {
    let mut out = Writer { out: String::with_capacity(USUAL_BYTES), digits: itoa::Buffer::new() };
    out.out.push('{');
    out.text("id", &entry.id.to_string());
    out.text("request_id", &entry.request_id);
    out.integer("at", entry.at.0);
    let texts = [
        ("key_id", &entry.key_id),
        ("key_name", &entry.key_name),
        ("team", &entry.team),
        ("organization", &entry.organization),
        ("model", &entry.model),
        ("provider", &entry.provider),
        ("upstream_model", &entry.upstream_model),
        ("dialect_in", &entry.dialect_in),
        ("dialect_out", &entry.dialect_out),
        ("op", &entry.op),
    ];
    // These three have no default to be read back from nothing.
    let needed = ["model", "provider", "op"];
    texts.iter().filter(|(name, text)| !text.is_empty() || needed.contains(name)).for_each(|(name, text)| out.text(name, text));
    if !entry.tags.is_empty() {
        out.general("tags", &entry.tags);
    }
    out.flag("stream", entry.stream);
    out.integer("status", entry.status);
    out.name("usage");
    out.usage(entry);
    out.text("usage_state", entry.usage_state.name());
    out.integer("cost", entry.cost.0);
    out.text("cost_state", entry.cost_state.name());
    out.text_if("price_version", &entry.price_version);
    if let Some(ms) = entry.ttfb_ms {
        out.integer("ttfb_ms", ms);
    }
    out.integer("latency_ms", entry.latency_ms);
    out.attempts(&entry.attempts);
    if !entry.firewall.is_empty() {
        out.general("firewall", &entry.firewall);
    }
    out.text_if("finish", &entry.finish);
    out.text_if("error", &entry.error);
    out.flag("client_closed", entry.client_closed);
    out.flag("abandoned", entry.abandoned);
    out.flag("cached", entry.cached);
    for (name, body) in [("request_body", &entry.request_body), ("response_body", &entry.response_body)] {
        if let Some(body) = body {
            out.text(name, body);
        }
    }
    out.out.push('}');
    out.out
}

struct Writer {
    out: String,
    digits: itoa::Buffer,
}

impl Writer {
    fn name(&mut self, name: &str) {
        if !self.out.ends_with(['{', '[']) {
            self.out.push(',');
        }
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        let plain = text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\');
        if plain {
            self.out.push('"');
            self.out.push_str(text);
            self.out.push('"');
        } else {
            // A text always serialises.
            self.out.push_str(&serde_json::to_string(text).unwrap_or_default());
        }
    }

    fn text_if(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.text(name, text);
        }
    }

    fn integer(&mut self, name: &str, value: impl itoa::Integer) {
        self.name(name);
        self.out.push_str(self.digits.format(value));
    }

    fn flag(&mut self, name: &str, value: bool) {
        if value {
            self.name(name);
            self.out.push_str("true");
        }
    }

    fn general<T: serde::Serialize>(&mut self, name: &str, value: &T) {
        self.name(name);
        // Maps of texts and lists of such always serialise.
        self.out.push_str(&serde_json::to_string(value).unwrap_or_default());
    }

    fn usage(&mut self, entry: &Entry) {
        let usage = &entry.usage;
        let counts = [
            ("input_uncached", usage.input_uncached),
            ("cache_read", usage.cache_read),
            ("cache_write_5m", usage.cache_write_5m),
            ("cache_write_1h", usage.cache_write_1h),
            ("output", usage.output),
            ("reasoning", usage.reasoning),
            ("input_audio", usage.input_audio),
            ("output_audio", usage.output_audio),
            ("images", usage.images),
            ("searches", usage.searches),
        ];
        self.out.push('{');
        counts.iter().filter(|(_, count)| *count > 0).for_each(|(name, count)| self.integer(name, *count));
        self.out.push('}');
    }

    fn attempts(&mut self, attempts: &[AttemptRow]) {
        if attempts.is_empty() {
            return;
        }
        self.name("attempts");
        self.out.push('[');
        for (index, attempt) in attempts.iter().enumerate() {
            self.out.push_str(if index > 0 { ",{" } else { "{" });
            self.text("provider", &attempt.provider);
            self.text("model", &attempt.model);
            self.integer("status", attempt.status);
            self.integer("ms", attempt.ms);
            self.text_if("why", &attempt.why);
            self.out.push('}');
        }
        self.out.push(']');
    }
}

#[cfg(test)]
mod tests {
    use fluxa_domain::entry::CostState;
    use fluxa_domain::firewall::Hit;
    use fluxa_domain::id::CallId;
    use fluxa_domain::money::NanoUsd;
    use fluxa_domain::time::Micros;
    use fluxa_domain::usage::{Usage, UsageState};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            texts in proptest::collection::vec(".{0,12}", 16),
            counts in proptest::collection::vec(any::<u64>(), 14),
            flags in proptest::collection::vec(any::<bool>(), 8),
            cost in any::<i64>(),
            attempts in proptest::collection::vec((".{0,5}", ".{0,5}", any::<u16>(), any::<u64>()), 0..3),
            hits in proptest::collection::vec((".{0,5}", ".{0,5}", any::<u32>()), 0..3),
        ) {
            let text = |n: usize| texts[n].clone();
            let entry = Entry {
                request_id: text(0),
                key_id: text(1),
                key_name: text(2),
                team: text(3),
                organization: String::new(),
                tags: flags[0].then(|| (text(4), text(5))).into_iter().collect(),
                model: text(6),
                provider: text(7),
                upstream_model: text(8),
                dialect_in: text(9),
                dialect_out: text(10),
                op: text(11),
                stream: flags[1],
                status: u16::try_from(counts[0] % 600).unwrap(),
                usage: Usage {
                    input_uncached: counts[1],
                    cache_read: counts[2],
                    cache_write_5m: 0,
                    cache_write_1h: counts[3],
                    output: counts[4],
                    reasoning: 0,
                    input_audio: counts[5],
                    output_audio: counts[6],
                    images: counts[7],
                    searches: counts[8],
                },
                usage_state: if flags[2] { UsageState::Reported } else { UsageState::Estimated },
                cost: NanoUsd(cost),
                cost_state: if flags[3] { CostState::Unpriced } else { CostState::Estimated },
                price_version: text(12),
                ttfb_ms: flags[4].then_some(counts[9]),
                latency_ms: counts[10],
                attempts: attempts
                    .into_iter()
                    .map(|(provider, model, status, ms)| AttemptRow { provider, model, status, ms, why: text(13) })
                    .collect(),
                firewall: hits.into_iter().map(|(rule, action, count)| Hit { rule, action, count }).collect(),
                finish: text(13),
                error: text(14),
                client_closed: flags[5],
                abandoned: flags[6],
                cached: false,
                request_body: flags[7].then(|| text(15)),
                ..Entry::new(CallId::new(Micros(1_700_000_000_000_000), [7; 10]), Micros(1_700_000_000_000_000))
            };
            let json = write(&entry);
            prop_assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry.clone(), "{}", json);
            let general: Entry = serde_json::from_str(&serde_json::to_string(&entry).unwrap()).unwrap();
            prop_assert_eq!(general, entry);
        }
    }
}
