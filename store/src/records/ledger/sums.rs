//! The sums of a batch: collected in memory, added to the tables in the batch's transaction.
//!
//! Sorted maps, so that all writers of a shared database take row locks in one order.

use std::collections::BTreeMap;

use fluxa_domain::entry::{CostState, Entry};
use fluxa_domain::scope;
use fluxa_domain::time::Micros;
use fluxa_domain::usage::UsageState;

use super::row::{cost, counts, tokens};
use crate::error::StoreError;
use crate::sql::{Rows, Tx, without_nul};

/// Microseconds of a spend bucket. Offsets of time zones are multiples of a quarter hour, so every midnight is a boundary.
pub(crate) const QUARTER_MICROS: i64 = Micros::PER_HOUR / 4;

/// Sums of one statement on SQLite: a batch of few keys has fewer, and the way to its thread costs more than a row.
const SUMS_PER_STATEMENT: usize = 25;

/// What a batch adds to the tables of sums.
#[derive(Default)]
pub(crate) struct Sums {
    hourly: BTreeMap<Dimensions, (Totals, Labels)>,
    by_tag: BTreeMap<(i64, String), Totals>,
    /// Calls and findings, by hour, rule, action, key and team.
    findings: BTreeMap<Place, (i64, i64)>,
    /// By scope and quarter of an hour.
    spend: BTreeMap<(String, i64), (i64, i64)>,
}

/// Hour, key, team, provider and model.
type Dimensions = (i64, String, String, String, String);

/// Hour, rule, action, key and team.
type Place = (i64, String, String, String, String);

/// The key's name and the organisation: not summed by, the newest ones are kept.
type Labels = (String, String);

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
        // As the table will keep them: two that become one there must be one sum here.
        let kept = |text: &String| without_nul(text.clone());
        let dimensions = (hour, kept(&entry.key_id), kept(&entry.team), kept(&entry.provider), kept(&entry.model));
        let (sum, labels) = self.hourly.entry(dimensions).or_default();
        sum.add(totals, sign);
        *labels = (entry.key_name.clone(), scope::organization_of(entry).to_owned());
        for (name, value) in &entry.tags {
            self.by_tag.entry((hour, without_nul(format!("{name}={value}")))).or_default().add(totals, sign);
        }
        for hit in &entry.firewall {
            let place = (hour, kept(&hit.rule), kept(&hit.action), kept(&entry.key_id), kept(&entry.team));
            let (calls, findings) = self.findings.entry(place).or_default();
            *calls += sign;
            *findings += sign * i64::from(hit.count);
        }
        if cost(entry) != 0 || tokens(entry) != 0 {
            let quarter = entry.at.0.div_euclid(QUARTER_MICROS) * QUARTER_MICROS;
            for scope in scope::of_entry(entry) {
                let (nanos, spent_tokens) = self.spend.entry((without_nul(scope), quarter)).or_default();
                *nanos += sign * cost(entry);
                *spent_tokens += sign * tokens(entry);
            }
        }
    }

    /// Adds everything to the tables.
    pub(crate) async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        let mut rows = Rows::new(HOURLY, 22, HOURLY_SUMMED, SUMS_PER_STATEMENT);
        for ((hour, key_id, team, provider, model), (totals, (key_name, organization))) in self.hourly {
            rows.push_bind(hour);
            [key_id, team, provider, model, key_name, organization].into_iter().for_each(|text| rows.push_bind(text));
            bind(&mut rows, totals);
        }
        rows.execute(tx).await?;
        let mut rows = Rows::new(BY_TAG, 17, BY_TAG_SUMMED, SUMS_PER_STATEMENT);
        for ((hour, tag), totals) in self.by_tag {
            rows.push_bind(hour);
            rows.push_bind(tag);
            bind(&mut rows, totals);
        }
        rows.execute(tx).await?;
        let mut rows = Rows::new(FINDINGS, 7, FINDINGS_SUMMED, SUMS_PER_STATEMENT);
        for ((hour, rule, action, key_id, team), (calls, findings)) in self.findings {
            rows.push_bind(hour);
            [rule, action, key_id, team].into_iter().for_each(|text| rows.push_bind(text));
            [calls, findings].into_iter().for_each(|number| rows.push_bind(number));
        }
        rows.execute(tx).await?;
        let mut rows = Rows::new(SPEND, 4, SPEND_SUMMED, SUMS_PER_STATEMENT);
        for ((scope, quarter), (nanos, tokens)) in self.spend {
            rows.push_bind(scope);
            [quarter, nanos, tokens].into_iter().for_each(|number| rows.push_bind(number));
        }
        rows.execute(tx).await?;
        Ok(())
    }
}

fn bind(rows: &mut Rows, totals: Totals) {
    totals.0.into_iter().for_each(|total| rows.push_bind(total));
}

const HOURLY: &str = "INSERT INTO usage_hourly AS t (hour, key_id, team, provider, model, key_name, organization, requests, errors, unpriced_requests, \
    estimated_requests, cost_nanos, input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, \
    output_audio, images, searches)";

const HOURLY_SUMMED: &str = "ON CONFLICT (hour, key_id, team, provider, model) DO UPDATE SET key_name = excluded.key_name, \
    organization = excluded.organization, \
    requests = t.requests + excluded.requests, errors = t.errors + excluded.errors, \
    unpriced_requests = t.unpriced_requests + excluded.unpriced_requests, \
    estimated_requests = t.estimated_requests + excluded.estimated_requests, cost_nanos = t.cost_nanos + excluded.cost_nanos, \
    input_uncached = t.input_uncached + excluded.input_uncached, cache_read = t.cache_read + excluded.cache_read, \
    cache_write_5m = t.cache_write_5m + excluded.cache_write_5m, cache_write_1h = t.cache_write_1h + excluded.cache_write_1h, \
    output = t.output + excluded.output, reasoning = t.reasoning + excluded.reasoning, \
    input_audio = t.input_audio + excluded.input_audio, output_audio = t.output_audio + excluded.output_audio, \
    images = t.images + excluded.images, searches = t.searches + excluded.searches";

const BY_TAG: &str = "INSERT INTO usage_tags_hourly AS t (hour, tag, requests, errors, unpriced_requests, estimated_requests, cost_nanos, \
    input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, output_audio, images, searches)";

const BY_TAG_SUMMED: &str = "ON CONFLICT (hour, tag) DO UPDATE SET requests = t.requests + excluded.requests, errors = t.errors + excluded.errors, \
    unpriced_requests = t.unpriced_requests + excluded.unpriced_requests, \
    estimated_requests = t.estimated_requests + excluded.estimated_requests, cost_nanos = t.cost_nanos + excluded.cost_nanos, \
    input_uncached = t.input_uncached + excluded.input_uncached, cache_read = t.cache_read + excluded.cache_read, \
    cache_write_5m = t.cache_write_5m + excluded.cache_write_5m, cache_write_1h = t.cache_write_1h + excluded.cache_write_1h, \
    output = t.output + excluded.output, reasoning = t.reasoning + excluded.reasoning, \
    input_audio = t.input_audio + excluded.input_audio, output_audio = t.output_audio + excluded.output_audio, \
    images = t.images + excluded.images, searches = t.searches + excluded.searches";

const FINDINGS: &str = "INSERT INTO firewall_hourly AS t (hour, rule, action, key_id, team, requests, findings)";

const FINDINGS_SUMMED: &str = "ON CONFLICT (hour, rule, action, key_id, team) DO UPDATE SET requests = t.requests + excluded.requests, \
    findings = t.findings + excluded.findings";

const SPEND: &str = "INSERT INTO spend_by_scope AS t (scope, quarter, nanos, tokens)";

const SPEND_SUMMED: &str =
    "ON CONFLICT (scope, quarter) DO UPDATE SET nanos = t.nanos + excluded.nanos, tokens = t.tokens + excluded.tokens";
