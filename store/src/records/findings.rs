//! What the firewall found: sums by rule, action, key or team, by hour, day or month, from the hourly sums.

use std::collections::BTreeMap;

use fluxa_domain::time::Micros;
use sqlx::FromRow;

use super::usage::{Interval, month};
use crate::error::StoreError;
use crate::open::Store;
use crate::sql;

/// What to sum by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FindingsBy {
    /// By the rule.
    #[default]
    Rule,
    /// By what was done: `mask`, `would_mask`, …
    Action,
    /// By the key's public id; `label` is its name, while it is there.
    Key,
    /// By the team label.
    Team,
}

/// What to sum; absent means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingsQuery {
    /// From the hour that holds this moment on.
    pub from: Option<Micros>,
    /// Before this moment; an hour that holds it counts whole.
    pub to: Option<Micros>,
    /// What to sum by.
    pub group_by: FindingsBy,
    /// How to cut the time.
    pub interval: Interval,
    /// Only this rule.
    pub rule: Option<String>,
    /// Only this action.
    pub action: Option<String>,
    /// Only this key, by its public id.
    pub key: Option<String>,
    /// Only this team.
    pub team: Option<String>,
}

/// One sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingsRow {
    /// The start of the interval; `None` for the whole time.
    pub bucket: Option<Micros>,
    /// The rule, action, key's id or team.
    pub group: String,
    /// What to show for the group: the key's name; else the same as `group`.
    pub label: String,
    /// Rows of calls by rule and action: a call in which two rules found something counts twice where both are in the group.
    pub hits: u64,
    /// Findings.
    pub findings: u64,
}

impl Store {
    /// Sums, by bucket and then group.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn firewall_findings(&self, query: &FindingsQuery) -> Result<Vec<FindingsRow>, StoreError> {
        let rows: Vec<Row> = select(query).build_query_as().fetch_all(self.reader()).await?;
        // Months have no arithmetic that both engines share, so days are summed here.
        let mut sums: BTreeMap<(Option<Micros>, String), FindingsRow> = BTreeMap::new();
        for row in rows {
            let bucket = match query.interval {
                Interval::Whole => None,
                Interval::Hour | Interval::Day => Some(Micros(row.bucket)),
                Interval::Month => Some(month(Micros(row.bucket))),
            };
            let sum = sums.entry((bucket, row.grp.clone())).or_default();
            sum.bucket = bucket;
            sum.hits = sum.hits.saturating_add(u64::try_from(row.requests).unwrap_or(0));
            sum.findings = sum.findings.saturating_add(u64::try_from(row.findings).unwrap_or(0));
            (sum.group, sum.label) = (row.grp, row.label);
        }
        // What was taken back leaves a sum of nothing behind.
        Ok(sums.into_values().filter(|sum| sum.hits > 0).collect())
    }
}

fn select(query: &FindingsQuery) -> sql::Builder {
    let bucket = match query.interval {
        Interval::Whole => "CAST(0 AS BIGINT)",
        Interval::Hour => "hour",
        Interval::Day | Interval::Month => "hour - hour % 86400000000",
    };
    let (group, label) = match query.group_by {
        FindingsBy::Rule => ("rule", "rule"),
        FindingsBy::Action => ("action", "action"),
        FindingsBy::Key => ("key_id", "COALESCE((SELECT name FROM virtual_keys WHERE id = key_id), key_id)"),
        FindingsBy::Team => ("team", "team"),
    };
    let mut sql = sql::Builder::new("SELECT ");
    sql.push(bucket).push(" AS bucket, ").push(group).push(" AS grp, ").push(label).push(" AS label, ");
    sql.push("CAST(SUM(requests) AS BIGINT) AS requests, CAST(SUM(findings) AS BIGINT) AS findings FROM firewall_hourly");
    sql.push(" WHERE hour >= ").push_bind(query.from.map_or(i64::MIN, |from| from.hour().0));
    sql.push(" AND hour < ").push_bind(query.to.map_or(i64::MAX, |to| to.0));
    let only =
        [(" AND rule = ", &query.rule), (" AND action = ", &query.action), (" AND key_id = ", &query.key), (" AND team = ", &query.team)];
    for (condition, value) in only {
        if let Some(value) = value {
            sql.push(condition).push_bind(value.clone());
        }
    }
    sql.push(" GROUP BY 1, 2 ORDER BY 1, 2");
    sql
}

#[derive(FromRow)]
struct Row {
    bucket: i64,
    grp: String,
    label: String,
    requests: i64,
    findings: i64,
}
