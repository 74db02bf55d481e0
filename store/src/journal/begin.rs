//! The row to keep if we die, in a compact form: written on every call's path, read almost never.

use std::collections::BTreeMap;

use fluxa_domain::entry::{CostState, Entry};
use fluxa_domain::id::CallId;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::time::Micros;
use fluxa_domain::usage::{Usage, UsageState};

/// The word in `error` of a row whose call was cut off.
pub(super) const ABANDONED: &str = "abandoned";

/// What is known of a call when it is admitted.
#[derive(Clone, Copy, Debug)]
pub struct Begin<'a> {
    /// The call.
    pub id: CallId,
    /// `x-request-id`.
    pub request_id: &'a str,
    /// The call's moment, the same as in its reservation.
    pub at: Micros,
    /// Public id of the key.
    pub key_id: &'a str,
    /// Name of the key.
    pub key_name: &'a str,
    /// Team label of the key.
    pub team: &'a str,
    /// Organisation; empty means the default one.
    pub organization: &'a str,
    /// Tags of the call.
    pub tags: &'a BTreeMap<String, String>,
    /// The model the client named.
    pub model: &'a str,
    /// The provider of the first attempt; may be empty.
    pub provider: &'a str,
    /// The model asked of it; may be empty.
    pub upstream_model: &'a str,
    /// Dialect of the client.
    pub dialect_in: &'a str,
    /// Dialect of the upstream; may be empty.
    pub dialect_out: &'a str,
    /// The operation.
    pub op: &'a str,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The estimate, in tokens: what an abandoned row will say.
    pub usage: Usage,
    /// The estimate, in nano-dollars: what an abandoned row will cost.
    pub cost: NanoUsd,
    /// How sure that cost is: estimated, or unpriced.
    pub cost_state: CostState,
    /// The price row of the estimate; may be empty.
    pub price_version: &'a str,
}

impl<'a> Begin<'a> {
    /// The same facts, taken from a row.
    #[must_use]
    pub fn of(entry: &'a Entry) -> Self {
        Self {
            id: entry.id,
            request_id: &entry.request_id,
            at: entry.at,
            key_id: &entry.key_id,
            key_name: &entry.key_name,
            team: &entry.team,
            organization: &entry.organization,
            tags: &entry.tags,
            model: &entry.model,
            provider: &entry.provider,
            upstream_model: &entry.upstream_model,
            dialect_in: &entry.dialect_in,
            dialect_out: &entry.dialect_out,
            op: &entry.op,
            stream: entry.stream,
            usage: entry.usage,
            cost: entry.cost,
            cost_state: entry.cost_state,
            price_version: &entry.price_version,
        }
    }

    /// The row of this call if it is cut off: abandoned, estimated, without a status.
    #[must_use]
    pub fn abandoned(&self) -> Entry {
        Entry {
            id: self.id,
            request_id: self.request_id.to_owned(),
            at: self.at,
            key_id: self.key_id.to_owned(),
            key_name: self.key_name.to_owned(),
            team: self.team.to_owned(),
            organization: self.organization.to_owned(),
            tags: self.tags.clone(),
            model: self.model.to_owned(),
            provider: self.provider.to_owned(),
            upstream_model: self.upstream_model.to_owned(),
            dialect_in: self.dialect_in.to_owned(),
            dialect_out: self.dialect_out.to_owned(),
            op: self.op.to_owned(),
            stream: self.stream,
            status: 0,
            usage: self.usage,
            usage_state: UsageState::Estimated,
            cost: self.cost,
            cost_state: if self.cost_state == CostState::Unpriced { CostState::Unpriced } else { CostState::Estimated },
            price_version: self.price_version.to_owned(),
            ttfb_ms: None,
            latency_ms: 0,
            attempts: Vec::new(),
            firewall: Vec::new(),
            finish: String::new(),
            error: ABANDONED.to_owned(),
            client_closed: false,
            cached: false,
            abandoned: true,
            request_body: None,
            response_body: None,
        }
    }

    /// Writes the compact form: fixed numbers first, then texts with their lengths.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.id.0.as_bytes());
        put(out, self.at.0);
        put(out, self.cost.0);
        out.push(u8::from(self.stream) | u8::from(self.cost_state == CostState::Unpriced) << 1);
        let usage = &self.usage;
        let counts = [usage.input_uncached, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output];
        let rest = [usage.reasoning, usage.input_audio, usage.output_audio, usage.images, usage.searches];
        for count in counts.into_iter().chain(rest) {
            out.extend_from_slice(&count.to_le_bytes());
        }
        for text in self.texts() {
            put_text(out, text);
        }
        put_length(out, self.tags.len());
        for (name, value) in self.tags {
            put_text(out, name);
            put_text(out, value);
        }
        put_text(out, self.organization);
    }

    /// Reads the compact form as the row it stands for; `None` when it is not one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Entry> {
        let mut rest = Rest(bytes);
        let id = CallId(uuid::Uuid::from_bytes(rest.take()?));
        let at = Micros(i64::from_le_bytes(rest.take()?));
        let cost = NanoUsd(i64::from_le_bytes(rest.take()?));
        let [flags] = rest.take()?;
        let mut counts = [0; 10];
        for count in &mut counts {
            *count = u64::from_le_bytes(rest.take()?);
        }
        let [input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, output_audio, images, searches] =
            counts;
        let usage = Usage {
            input_uncached,
            cache_read,
            cache_write_5m,
            cache_write_1h,
            output,
            reasoning,
            input_audio,
            output_audio,
            images,
            searches,
        };
        let mut texts = [""; 11];
        for text in &mut texts {
            *text = rest.text()?;
        }
        let mut tags = BTreeMap::new();
        for _ in 0..rest.length()? {
            tags.insert(rest.text()?.to_owned(), rest.text()?.to_owned());
        }
        // Written since there are organisations.
        let organization = if rest.0.is_empty() { "" } else { rest.text()? };
        if !rest.0.is_empty() {
            return None;
        }
        let [request_id, key_id, key_name, team, model, provider, upstream_model, dialect_in, dialect_out, op, price_version] = texts;
        let begin = Begin {
            id,
            request_id,
            at,
            key_id,
            key_name,
            team,
            organization,
            tags: &tags,
            model,
            provider,
            upstream_model,
            dialect_in,
            dialect_out,
            op,
            stream: flags & 1 != 0,
            usage,
            cost,
            cost_state: if flags & 2 != 0 { CostState::Unpriced } else { CostState::Estimated },
            price_version,
        };
        Some(begin.abandoned())
    }

    const fn texts(&self) -> [&'a str; 11] {
        [
            self.request_id,
            self.key_id,
            self.key_name,
            self.team,
            self.model,
            self.provider,
            self.upstream_model,
            self.dialect_in,
            self.dialect_out,
            self.op,
            self.price_version,
        ]
    }
}

fn put(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Lengths are 32 bits: a client chooses its model's name, and a short length that wraps would change the meaning of what follows.
fn put_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.take()?)).ok()
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        std::str::from_utf8(head).ok()
    }
}
