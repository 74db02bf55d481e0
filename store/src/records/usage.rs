//! Usage for people: sums by key, model, provider, team, organisation or tag, by hour, day or month, from the hourly sums.

use std::collections::BTreeMap;

use fluxa_domain::money::NanoUsd;
use fluxa_domain::time::Micros;
use fluxa_domain::usage::Usage;
use serde::Serialize;
use sqlx::FromRow;

use crate::error::StoreError;
use crate::open::Store;
use crate::sql;

/// What to sum by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupBy {
    /// One sum of all.
    #[default]
    Nothing,
    /// By the key's public id; `label` is its newest name.
    Key,
    /// By the model that clients named.
    Model,
    /// By the provider that answered; empty where none did.
    Provider,
    /// By the team label.
    Team,
    /// By the organisation.
    Organization,
    /// By `name=value` (`name` where the value is empty); a call counts under each of its tags.
    Tag,
}

/// How to cut the time (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interval {
    /// Not at all.
    #[default]
    Whole,
    /// By the hour.
    Hour,
    /// By the day.
    Day,
    /// By the month.
    Month,
}

/// What to sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// From the hour that holds this moment on.
    pub from: Option<Micros>,
    /// Before this moment; an hour that holds it counts whole.
    pub to: Option<Micros>,
    /// What to sum by.
    pub group_by: GroupBy,
    /// How to cut the time.
    pub interval: Interval,
    /// Only this key, by its public id (not with [`GroupBy::Tag`]).
    pub key: Option<String>,
    /// Only this team (not with [`GroupBy::Tag`]).
    pub team: Option<String>,
    /// Only this organisation (not with [`GroupBy::Tag`]).
    pub organization: Option<String>,
}

/// One sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UsageRow {
    /// The start of the interval; `None` for the whole time.
    pub bucket: Option<Micros>,
    /// The key's id, the model, provider, team, organisation or tag; empty when not grouped.
    pub group: String,
    /// What to show for the group: the key's newest name; else the same as `group`.
    pub label: String,
    /// Calls, refused ones included.
    pub requests: u64,
    /// Calls with status 400 and up, or an error.
    pub errors: u64,
    /// Tokens.
    pub usage: Usage,
    /// The charge, of priced calls.
    pub cost: NanoUsd,
    /// Calls whose cost is unknown.
    pub unpriced_requests: u64,
    /// Calls whose usage or cost is estimated.
    pub estimated_requests: u64,
}

impl Store {
    /// Sums, by bucket and then group.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        let rows: Vec<Row> = select(query).build_query_as().fetch_all(self.reader()).await?;
        let bucket = |row: &Row| match query.interval {
            Interval::Whole => None,
            Interval::Hour | Interval::Day => Some(Micros(row.bucket)),
            Interval::Month => Some(month(Micros(row.bucket))),
        };
        // Months have no arithmetic that both engines share, so days are summed here.
        let mut sums: BTreeMap<(Option<Micros>, String), UsageRow> = BTreeMap::new();
        for mut row in rows {
            let bucket = bucket(&row);
            if query.group_by == GroupBy::Tag {
                bare_if_valueless(&mut row.grp);
                row.label.clone_from(&row.grp);
            }
            sums.entry((bucket, row.grp.clone())).or_default().add(bucket, row);
        }
        Ok(sums.into_values().collect())
    }
}

/// A tag without a value is summed under its name alone: `beta`, not `beta=`.
fn bare_if_valueless(tag: &mut String) {
    if tag.find('=').is_some_and(|at| at + 1 == tag.len()) {
        tag.pop();
    }
}

fn select(query: &UsageQuery) -> sql::Builder {
    let bucket = match query.interval {
        Interval::Whole => "CAST(0 AS BIGINT)",
        Interval::Hour => "hour",
        Interval::Day | Interval::Month => "hour - hour % 86400000000",
    };
    let (group, label, table) = match query.group_by {
        GroupBy::Nothing => ("''", "''", "usage_hourly"),
        GroupBy::Key => ("key_id", "COALESCE((SELECT name FROM virtual_keys WHERE id = key_id), MAX(key_name))", "usage_hourly"),
        GroupBy::Model => ("model", "model", "usage_hourly"),
        GroupBy::Provider => ("provider", "provider", "usage_hourly"),
        GroupBy::Team => ("team", "team", "usage_hourly"),
        GroupBy::Organization => ("organization", "organization", "usage_hourly"),
        GroupBy::Tag => ("tag", "tag", "usage_tags_hourly"),
    };
    let mut sql = sql::Builder::new("SELECT ");
    sql.push(bucket).push(" AS bucket, ").push(group).push(" AS grp, ").push(label).push(" AS label");
    for column in SUMMED {
        sql.push(", CAST(SUM(").push(column).push(") AS BIGINT) AS ").push(column);
    }
    sql.push(" FROM ").push(table);
    sql.push(" WHERE hour >= ").push_bind(query.from.map_or(i64::MIN, |from| from.hour().0));
    sql.push(" AND hour < ").push_bind(query.to.map_or(i64::MAX, |to| to.0));
    if query.group_by != GroupBy::Tag {
        if let Some(key) = &query.key {
            sql.push(" AND key_id = ").push_bind(key.clone());
        }
        if let Some(team) = &query.team {
            sql.push(" AND team = ").push_bind(team.clone());
        }
        if let Some(organization) = &query.organization {
            sql.push(" AND organization = ").push_bind(organization.clone());
        }
    }
    sql.push(" GROUP BY 1, 2 ORDER BY 1, 2");
    sql
}

/// The columns that are summed, named as in [`Row`].
const SUMMED: [&str; 15] = [
    "requests",
    "errors",
    "unpriced_requests",
    "estimated_requests",
    "cost_nanos",
    "input_uncached",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "input_audio",
    "output_audio",
    "images",
    "searches",
];

/// The start of the month (UTC) that holds `at`.
pub(super) fn month(at: Micros) -> Micros {
    let text = at.to_rfc3339();
    text.get(..7).and_then(|month| Micros::from_rfc3339(&format!("{month}-01T00:00:00Z"))).unwrap_or(at)
}

#[derive(FromRow)]
struct Row {
    bucket: i64,
    grp: String,
    label: String,
    requests: i64,
    errors: i64,
    unpriced_requests: i64,
    estimated_requests: i64,
    cost_nanos: i64,
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
}

impl UsageRow {
    fn add(&mut self, bucket: Option<Micros>, row: Row) {
        let plus = |sum: &mut u64, value: i64| *sum = sum.saturating_add(u64::try_from(value).unwrap_or(0));
        plus(&mut self.requests, row.requests);
        plus(&mut self.errors, row.errors);
        plus(&mut self.unpriced_requests, row.unpriced_requests);
        plus(&mut self.estimated_requests, row.estimated_requests);
        self.cost = NanoUsd(self.cost.0.saturating_add(row.cost_nanos));
        plus(&mut self.usage.input_uncached, row.input_uncached);
        plus(&mut self.usage.cache_read, row.cache_read);
        plus(&mut self.usage.cache_write_5m, row.cache_write_5m);
        plus(&mut self.usage.cache_write_1h, row.cache_write_1h);
        plus(&mut self.usage.output, row.output);
        plus(&mut self.usage.reasoning, row.reasoning);
        plus(&mut self.usage.input_audio, row.input_audio);
        plus(&mut self.usage.output_audio, row.output_audio);
        plus(&mut self.usage.images, row.images);
        plus(&mut self.usage.searches, row.searches);
        self.bucket = bucket;
        self.group = row.grp;
        self.label = row.label;
    }
}
