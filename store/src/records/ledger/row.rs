//! An entry as a row: JSON for lists and maps, integers for the rest.

use fluxa_domain::entry::{CostState, Entry};
use fluxa_domain::id::CallId;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::time::Micros;
use fluxa_domain::usage::{Usage, UsageState};
use sqlx::query_builder::Separated;
use sqlx::{FromRow, Sqlite};

use crate::error::StoreError;
use crate::records::from_json;

/// Largest count of tokens that a row holds. A vendor that reports more is replaced by our own estimate long before; the bound
/// is here because sums of 64-bit integers must not overflow: SQLite would turn them into floats.
const MAX_COUNT: i64 = 1 << 48;

/// Largest cost of one call, a million dollars, for the same reason.
const MAX_COST_NANOS: i64 = 1_000_000 * NanoUsd::PER_USD;

/// The columns, in the order of [`bind`] and [`Row`].
pub(crate) const COLUMNS: &str = "id, request_id, at, key_id, key_name, team, tags, model, provider, upstream_model, dialect_in, \
    dialect_out, op, stream, status, input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, \
    output_audio, images, searches, usage_state, cost_nanos, cost_state, price_version, ttfb_ms, latency_ms, attempts, finish, error, \
    client_closed, abandoned, request_body, response_body";

/// Binds one entry's values.
pub(crate) fn bind(row: &mut Separated<'_, Sqlite, &'static str>, entry: &Entry) {
    let usage = &entry.usage;
    row.push_bind(entry.id.to_string());
    row.push_bind(entry.request_id.clone());
    row.push_bind(entry.at.0);
    row.push_bind(entry.key_id.clone());
    row.push_bind(entry.key_name.clone());
    row.push_bind(entry.team.clone());
    row.push_bind(json_or(&entry.tags, entry.tags.is_empty(), "{}"));
    row.push_bind(entry.model.clone());
    row.push_bind(entry.provider.clone());
    row.push_bind(entry.upstream_model.clone());
    row.push_bind(entry.dialect_in.clone());
    row.push_bind(entry.dialect_out.clone());
    row.push_bind(entry.op.clone());
    row.push_bind(i64::from(entry.stream));
    row.push_bind(i64::from(entry.status));
    for value in counts(usage) {
        row.push_bind(value);
    }
    row.push_bind(entry.usage_state.name());
    row.push_bind(cost(entry));
    row.push_bind(entry.cost_state.name());
    row.push_bind(entry.price_version.clone());
    row.push_bind(entry.ttfb_ms.map(count));
    row.push_bind(count(entry.latency_ms));
    row.push_bind(json_or(&entry.attempts, entry.attempts.is_empty(), "[]"));
    row.push_bind(entry.finish.clone());
    row.push_bind(entry.error.clone());
    row.push_bind(i64::from(entry.client_closed));
    row.push_bind(i64::from(entry.abandoned));
    row.push_bind(entry.request_body.clone());
    row.push_bind(entry.response_body.clone());
}

/// The ten counts of a usage, in the order of the columns.
pub(crate) fn counts(usage: &Usage) -> [i64; 10] {
    [
        count(usage.input_uncached),
        count(usage.cache_read),
        count(usage.cache_write_5m),
        count(usage.cache_write_1h),
        count(usage.output),
        count(usage.reasoning),
        count(usage.input_audio),
        count(usage.output_audio),
        count(usage.images),
        count(usage.searches),
    ]
}

/// A usage from ten counts in the order of the columns.
pub(crate) fn usage(counts: [i64; 10]) -> Usage {
    let [input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, output_audio, images, searches] =
        counts.map(|count| u64::try_from(count).unwrap_or(0));
    Usage { input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, output_audio, images, searches }
}

/// The cost as the row and all sums count it, in nano-dollars.
pub(crate) fn cost(entry: &Entry) -> i64 {
    entry.cost.0.clamp(0, MAX_COST_NANOS)
}

/// The tokens as budgets count them: in and out.
pub(crate) fn tokens(entry: &Entry) -> i64 {
    let [input, read, write_5m, write_1h, output, ..] = counts(&entry.usage);
    input + read + write_5m + write_1h + output
}

fn count(value: u64) -> i64 {
    i64::try_from(value).map_or(MAX_COUNT, |value| value.min(MAX_COUNT))
}

fn json_or<T: serde::Serialize>(value: &T, empty: bool, text: &str) -> String {
    if empty {
        return text.to_owned();
    }
    // Maps and lists of strings and numbers always serialise.
    serde_json::to_string(value).unwrap_or_else(|_| text.to_owned())
}

/// A row as it is read.
#[derive(FromRow)]
pub(crate) struct Row {
    id: String,
    request_id: String,
    at: i64,
    key_id: String,
    key_name: String,
    team: String,
    tags: String,
    model: String,
    provider: String,
    upstream_model: String,
    dialect_in: String,
    dialect_out: String,
    op: String,
    stream: i64,
    status: i64,
    input_uncached: i64,
    cache_read: i64,
    cache_write_5m: i64,
    cache_write_1h: i64,
    output: i64,
    reasoning: i64,
    input_audio: i64,
    output_audio: i64,
    images: i64,
    searches: i64,
    usage_state: String,
    cost_nanos: i64,
    cost_state: String,
    price_version: String,
    ttfb_ms: Option<i64>,
    latency_ms: i64,
    attempts: String,
    finish: String,
    error: String,
    client_closed: i64,
    abandoned: i64,
    request_body: Option<String>,
    response_body: Option<String>,
}

impl TryFrom<Row> for Entry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let what = || format!("ledger row {}", row.id);
        let id = CallId::parse(&row.id).ok_or_else(|| StoreError::Corrupt { what: what(), why: String::from("not an id") })?;
        let positive = |value: i64| u64::try_from(value).unwrap_or(0);
        Ok(Self {
            id,
            tags: from_json(what, &row.tags)?,
            attempts: from_json(what, &row.attempts)?,
            request_id: row.request_id,
            at: Micros(row.at),
            key_id: row.key_id,
            key_name: row.key_name,
            team: row.team,
            model: row.model,
            provider: row.provider,
            upstream_model: row.upstream_model,
            dialect_in: row.dialect_in,
            dialect_out: row.dialect_out,
            op: row.op,
            stream: row.stream != 0,
            status: u16::try_from(row.status).unwrap_or(0),
            usage: usage([
                row.input_uncached,
                row.cache_read,
                row.cache_write_5m,
                row.cache_write_1h,
                row.output,
                row.reasoning,
                row.input_audio,
                row.output_audio,
                row.images,
                row.searches,
            ]),
            usage_state: if row.usage_state == UsageState::Estimated.name() { UsageState::Estimated } else { UsageState::Reported },
            cost: NanoUsd(row.cost_nanos),
            cost_state: [CostState::Exact, CostState::Estimated]
                .into_iter()
                .find(|state| state.name() == row.cost_state)
                .unwrap_or(CostState::Unpriced),
            price_version: row.price_version,
            ttfb_ms: row.ttfb_ms.map(positive),
            latency_ms: positive(row.latency_ms),
            finish: row.finish,
            error: row.error,
            client_closed: row.client_closed != 0,
            abandoned: row.abandoned != 0,
            request_body: row.request_body,
            response_body: row.response_body,
        })
    }
}
