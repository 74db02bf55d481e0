//! One line a request, written in batches by whoever writes the ledger, never on a data-plane thread.
//!
//! The line is built by hand into a byte buffer: tens of thousands a second are no business of `tracing`, which
//! takes a lock and allocates for each. No prompt, answer or key is in an [`Entry`]'s line.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use fluxa_domain::entry::Entry;

use super::Format;
use super::escape::{json, plain};

/// Writes request lines to standard output, one `write` a batch.
#[derive(Debug)]
pub struct RequestLog {
    format: Format,
    /// Reused from batch to batch. One ledger task writes, so the lock is never waited for.
    buffer: Mutex<Vec<u8>>,
}

/// The buffer is given back to the allocator when one batch made it larger than this.
const KEEP_BYTES: usize = 1 << 20;

impl RequestLog {
    /// A log in `format`.
    #[must_use]
    pub const fn new(format: Format) -> Self {
        Self { format, buffer: Mutex::new(Vec::new()) }
    }

    /// Writes the lines of `entries`. A closed standard output is no reason to stop serving.
    pub fn write(&self, entries: &mut dyn Iterator<Item = &Entry>) {
        self.write_to(entries, &mut std::io::stdout().lock());
    }

    /// Writes the lines of `entries` to `out`.
    pub fn write_to(&self, entries: &mut dyn Iterator<Item = &Entry>, out: &mut dyn Write) {
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        buffer.clear();
        for entry in entries {
            line(entry, &mut buffer, self.format);
        }
        let _ = out.write_all(&buffer).and_then(|()| out.flush());
        if buffer.capacity() > KEEP_BYTES {
            *buffer = Vec::new();
        }
    }
}

/// Appends the line of `entry`, with its line break.
pub fn line(entry: &Entry, out: &mut Vec<u8>, format: Format) {
    match format {
        Format::Json => json_line(entry, out),
        Format::Pretty { colour } => pretty_line(entry, out, colour),
    }
}

const fn level(status: u16) -> &'static str {
    if status >= 500 { "WARN" } else { "INFO" }
}

/// Written at every call, so without the formatting machinery: texts and digits are copied.
fn json_line(entry: &Entry, out: &mut Vec<u8>) {
    let text = |out: &mut Vec<u8>, name: &str, value: &str| {
        out.extend_from_slice(name.as_bytes());
        json(value, out);
        out.push(b'"');
    };
    let mut digits = itoa::Buffer::new();
    let mut number = |out: &mut Vec<u8>, name: &str, value: u64| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(digits.format(value).as_bytes());
    };
    let plain = |out: &mut Vec<u8>, parts: [&str; 2]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    let flag = |value: bool| if value { "true" } else { "false" };
    plain(out, ["{\"timestamp\":\"", &entry.at.to_rfc3339()]);
    plain(out, ["\",\"level\":\"", level(entry.status)]);
    text(out, "\",\"message\":\"request\",\"request_id\":\"", &entry.request_id);
    text(out, ",\"fluxa_id\":\"", &entry.id.to_string());
    text(out, ",\"key\":\"", &entry.key_name);
    text(out, ",\"key_id\":\"", &entry.key_id);
    text(out, ",\"team\":\"", &entry.team);
    text(out, ",\"model\":\"", &entry.model);
    text(out, ",\"provider\":\"", &entry.provider);
    text(out, ",\"upstream_model\":\"", &entry.upstream_model);
    text(out, ",\"op\":\"", &entry.op);
    plain(out, [",\"stream\":", flag(entry.stream)]);
    number(out, ",\"status\":", u64::from(entry.status));
    number(out, ",\"input_tokens\":", entry.usage.input_total());
    number(out, ",\"output_tokens\":", entry.usage.output);
    number(out, ",\"cache_read\":", entry.usage.cache_read);
    plain(out, [",\"usage_state\":\"", entry.usage_state.name()]);
    plain(out, ["\",\"cost_usd\":", &entry.cost.to_decimal_usd()]);
    plain(out, [",\"cost_state\":\"", entry.cost_state.name()]);
    match entry.ttfb_ms {
        Some(ms) => number(out, "\",\"ttfb_ms\":", ms),
        None => plain(out, ["\",\"ttfb_ms\":", "null"]),
    }
    number(out, ",\"latency_ms\":", entry.latency_ms);
    number(out, ",\"attempts\":", entry.attempts.len() as u64);
    text(out, ",\"error\":\"", &entry.error);
    plain(out, [",\"client_closed\":", flag(entry.client_closed)]);
    plain(out, [",\"abandoned\":", flag(entry.abandoned)]);
    out.extend_from_slice(b"}\n");
}

fn pretty_line(entry: &Entry, out: &mut Vec<u8>, colour: bool) {
    let (on, off) = match (colour, entry.status) {
        (false, _) => ("", ""),
        (true, 0..400) => ("\u{1b}[32m", "\u{1b}[0m"),
        (true, 400..500) => ("\u{1b}[33m", "\u{1b}[0m"),
        (true, _) => ("\u{1b}[31m", "\u{1b}[0m"),
    };
    let _ = write!(out, "{} {:>5} {on}{}{off} ", entry.at.to_rfc3339(), level(entry.status), entry.status);
    plain(&entry.op, out);
    out.push(b' ');
    plain(&entry.model, out);
    out.extend_from_slice(" → ".as_bytes());
    plain(&entry.provider, out);
    if !entry.upstream_model.is_empty() && entry.upstream_model != entry.model {
        out.push(b'/');
        plain(&entry.upstream_model, out);
    }
    out.extend_from_slice(b" key=");
    plain(&entry.key_name, out);
    let _ = write!(
        out,
        " in={} out={} cost=${}{}",
        entry.usage.input_total(),
        entry.usage.output,
        entry.cost.to_decimal_usd(),
        match entry.cost_state {
            fluxa_domain::entry::CostState::Exact => "",
            fluxa_domain::entry::CostState::Estimated => "~",
            fluxa_domain::entry::CostState::Unpriced => "?",
        }
    );
    if let Some(ms) = entry.ttfb_ms {
        let _ = write!(out, " ttfb={ms}ms");
    }
    let _ = write!(out, " {}ms", entry.latency_ms);
    if entry.stream {
        out.extend_from_slice(b" stream");
    }
    if entry.attempts.len() > 1 {
        let _ = write!(out, " attempts={}", entry.attempts.len());
    }
    if !entry.error.is_empty() {
        out.extend_from_slice(b" error=");
        plain(&entry.error, out);
    }
    if entry.client_closed {
        out.extend_from_slice(b" client_closed");
    }
    if entry.abandoned {
        out.extend_from_slice(b" abandoned");
    }
    let _ = write!(out, " id={}", entry.id);
    out.push(b'\n');
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use fluxa_domain::entry::{AttemptRow, CostState};
    use fluxa_domain::id::CallId;
    use fluxa_domain::money::NanoUsd;
    use fluxa_domain::time::Micros;
    use fluxa_domain::usage::{Usage, UsageState};

    pub(crate) fn entry() -> Entry {
        let at = Micros::from_rfc3339("2026-11-22T10:00:00Z").unwrap();
        Entry {
            firewall: Vec::new(),
            id: CallId::new(at, [7; 10]),
            request_id: String::from("req-1"),
            at,
            key_id: String::from("AbCd1234"),
            key_name: String::from("team-a"),
            team: String::from("red"),
            organization: String::new(),
            tags: std::collections::BTreeMap::from([(String::from("t"), String::from("canary-tag"))]),
            model: String::from("gpt-4o"),
            provider: String::from("openai"),
            upstream_model: String::from("gpt-4o"),
            dialect_in: String::from("openai"),
            dialect_out: String::from("openai"),
            op: String::from("chat"),
            stream: true,
            status: 200,
            usage: Usage { input_uncached: 10, cache_read: 5, output: 7, ..Usage::default() },
            usage_state: UsageState::Reported,
            cost: NanoUsd(1_500_000),
            cost_state: CostState::Exact,
            price_version: String::from("2026-11-22"),
            ttfb_ms: Some(120),
            latency_ms: 900,
            attempts: vec![AttemptRow {
                provider: String::from("openai"),
                model: String::from("gpt-4o"),
                status: 200,
                ms: 900,
                why: String::from("canary-why"),
            }],
            finish: String::from("stop"),
            error: String::new(),
            client_closed: false,
            abandoned: false,
            cached: false,
            request_body: Some(String::from("canary-prompt")),
            response_body: Some(String::from("canary-answer")),
        }
    }

    #[test]
    fn the_json_line_has_the_promised_fields() {
        let mut out = Vec::new();
        line(&entry(), &mut out, Format::Json);
        assert_eq!(out.iter().filter(|b| **b == b'\n').count(), 1);
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        for (name, expect) in [
            ("timestamp", serde_json::json!("2026-11-22T10:00:00.000000Z")),
            ("message", "request".into()),
            ("request_id", "req-1".into()),
            ("key", "team-a".into()),
            ("team", "red".into()),
            ("input_tokens", 15.into()),
            ("output_tokens", 7.into()),
            ("cache_read", 5.into()),
            ("usage_state", "reported".into()),
            ("cost_usd", serde_json::json!(0.0015)),
            ("cost_state", "exact".into()),
            ("ttfb_ms", 120.into()),
            ("latency_ms", 900.into()),
            ("attempts", 1.into()),
            ("client_closed", false.into()),
        ] {
            assert_eq!(value[name], expect, "{name}");
        }
        assert!(value["fluxa_id"].as_str().unwrap().len() == 36);
    }

    #[test]
    fn no_content_is_in_any_line() {
        for format in [Format::Json, Format::Pretty { colour: true }, Format::Pretty { colour: false }] {
            let mut out = Vec::new();
            line(&entry(), &mut out, format);
            assert!(!String::from_utf8(out).unwrap().contains("canary"), "{format:?}");
        }
    }

    #[test]
    fn a_pretty_line_stays_one_line() {
        let mut out = Vec::new();
        let evil = Entry { model: String::from("gpt\n2026 INFO forged\u{1b}[2J"), status: 502, ..entry() };
        line(&evil, &mut out, Format::Pretty { colour: false });
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(!text.contains('\u{1b}') && text.contains("gpt\\u000a2026\\u0020INFO"), "{text}");
    }

    #[test]
    fn a_batch_is_one_write() {
        struct Count(usize, usize);
        impl Write for Count {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0 += 1;
                self.1 += bytes.iter().filter(|b| **b == b'\n').count();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut count = Count(0, 0);
        RequestLog::new(Format::Json).write_to(&mut [entry(), entry(), entry()].iter(), &mut count);
        assert_eq!((count.0, count.1), (1, 3));
    }
}
