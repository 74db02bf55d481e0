//! The sums of a batch: collected in memory, added to the tables in the batch's transaction.
//!
//! Sorted maps, so that two writers (in a later, shared database) take row locks in one order.

use std::collections::BTreeMap;

use fluxa_domain::entry::{CostState, Entry};
use fluxa_domain::scope;
use fluxa_domain::time::Micros;
use fluxa_domain::usage::UsageState;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection};

use super::row::{cost, counts, tokens};
use crate::error::StoreError;

/// Microseconds of a spend bucket. Offsets of time zones are multiples of a quarter hour, so every midnight is a boundary.
pub(crate) const QUARTER_MICROS: i64 = Micros::PER_HOUR / 4;

/// What a batch adds to the tables of sums.
#[derive(Default)]
pub(crate) struct Sums {
    hourly: BTreeMap<Dimensions, (Totals, String)>,
    by_tag: BTreeMap<(i64, String), Totals>,
    /// By scope and quarter of an hour.
    spend: BTreeMap<(String, i64), (i64, i64)>,
}

/// Hour, key, team, provider and model.
type Dimensions = (i64, String, String, String, String);

/// requests, errors, unpriced, estimated, cost, and the ten counts.
#[derive(Clone, Copy, Default)]
struct Totals([i64; 15]);

impl Totals {
    fn of(entry: &Entry) -> Self {
        let error = entry.status >= 400 || !entry.error.is_empty();
        let estimated = entry.usage_state == UsageState::Estimated || entry.cost_state == CostState::Estimated;
        let mut totals = [0; 15];
        let head = [1, i64::from(error), i64::from(entry.cost_state == CostState::Unpriced), i64::from(estimated), cost(entry)];
        for (total, value) in totals.iter_mut().zip(head.into_iter().chain(counts(&entry.usage))) {
            *total = value;
        }
        Self(totals)
    }

    fn add(&mut self, other: Self, sign: i64) {
        for (total, value) in self.0.iter_mut().zip(other.0) {
            *total += sign * value;
        }
    }
}

impl Sums {
    /// Counts `entry` (`sign` 1) or takes it back (`sign` -1).
    pub(crate) fn add(&mut self, entry: &Entry, sign: i64) {
        let totals = Totals::of(entry);
        let hour = entry.at.hour().0;
        let dimensions = (hour, entry.key_id.clone(), entry.team.clone(), entry.provider.clone(), entry.model.clone());
        let (sum, key_name) = self.hourly.entry(dimensions).or_default();
        sum.add(totals, sign);
        key_name.clone_from(&entry.key_name);
        for (name, value) in &entry.tags {
            self.by_tag.entry((hour, format!("{name}={value}"))).or_default().add(totals, sign);
        }
        if cost(entry) != 0 || tokens(entry) != 0 {
            let quarter = entry.at.0.div_euclid(QUARTER_MICROS) * QUARTER_MICROS;
            for scope in scope::of_entry(entry) {
                let (nanos, spent_tokens) = self.spend.entry((scope, quarter)).or_default();
                *nanos += sign * cost(entry);
                *spent_tokens += sign * tokens(entry);
            }
        }
    }

    /// Adds everything to the tables.
    pub(crate) async fn write(self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        for ((hour, key_id, team, provider, model), (totals, key_name)) in self.hourly {
            let query = sqlx::query(HOURLY).bind(hour).bind(key_id).bind(team).bind(provider).bind(model).bind(key_name);
            bind(query, totals).execute(&mut *tx).await?;
        }
        for ((hour, tag), totals) in self.by_tag {
            bind(sqlx::query(BY_TAG).bind(hour).bind(tag), totals).execute(&mut *tx).await?;
        }
        for ((scope, quarter), (nanos, tokens)) in self.spend {
            sqlx::query(SPEND).bind(scope).bind(quarter).bind(nanos).bind(tokens).execute(&mut *tx).await?;
        }
        Ok(())
    }
}

fn bind<'q>(query: Query<'q, Sqlite, SqliteArguments>, totals: Totals) -> Query<'q, Sqlite, SqliteArguments> {
    totals.0.into_iter().fold(query, Query::bind)
}

const HOURLY: &str = "INSERT INTO usage_hourly AS t (hour, key_id, team, provider, model, key_name, requests, errors, unpriced_requests, \
    estimated_requests, cost_nanos, input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, \
    output_audio, images, searches) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) \
    ON CONFLICT (hour, key_id, team, provider, model) DO UPDATE SET key_name = excluded.key_name, \
    requests = t.requests + excluded.requests, errors = t.errors + excluded.errors, \
    unpriced_requests = t.unpriced_requests + excluded.unpriced_requests, \
    estimated_requests = t.estimated_requests + excluded.estimated_requests, cost_nanos = t.cost_nanos + excluded.cost_nanos, \
    input_uncached = t.input_uncached + excluded.input_uncached, cache_read = t.cache_read + excluded.cache_read, \
    cache_write_5m = t.cache_write_5m + excluded.cache_write_5m, cache_write_1h = t.cache_write_1h + excluded.cache_write_1h, \
    output = t.output + excluded.output, reasoning = t.reasoning + excluded.reasoning, \
    input_audio = t.input_audio + excluded.input_audio, output_audio = t.output_audio + excluded.output_audio, \
    images = t.images + excluded.images, searches = t.searches + excluded.searches";

const BY_TAG: &str = "INSERT INTO usage_tags_hourly AS t (hour, tag, requests, errors, unpriced_requests, estimated_requests, cost_nanos, \
    input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, output_audio, images, searches) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
    ON CONFLICT (hour, tag) DO UPDATE SET requests = t.requests + excluded.requests, errors = t.errors + excluded.errors, \
    unpriced_requests = t.unpriced_requests + excluded.unpriced_requests, \
    estimated_requests = t.estimated_requests + excluded.estimated_requests, cost_nanos = t.cost_nanos + excluded.cost_nanos, \
    input_uncached = t.input_uncached + excluded.input_uncached, cache_read = t.cache_read + excluded.cache_read, \
    cache_write_5m = t.cache_write_5m + excluded.cache_write_5m, cache_write_1h = t.cache_write_1h + excluded.cache_write_1h, \
    output = t.output + excluded.output, reasoning = t.reasoning + excluded.reasoning, \
    input_audio = t.input_audio + excluded.input_audio, output_audio = t.output_audio + excluded.output_audio, \
    images = t.images + excluded.images, searches = t.searches + excluded.searches";

const SPEND: &str = "INSERT INTO spend_by_scope AS t (scope, quarter, nanos, tokens) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (scope, quarter) DO UPDATE SET nanos = t.nanos + excluded.nanos, tokens = t.tokens + excluded.tokens";
