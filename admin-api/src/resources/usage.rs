//! `/admin/usage`: sums of requests, tokens and cost, by group and interval.

use fluxa_domain::money::NanoUsd;
use fluxa_store::{GroupBy, Interval, UsageQuery, UsageRow};
use serde_json::{Map, Value, json};

use crate::answer::{self, Answer};
use crate::problem::Problem;
use crate::serve::Errand;
use crate::show::{dollars, members, moment};

/// Rows of one answer: 500 keys by the hour for four days. More is a job for the export.
const MAX_ROWS: usize = 50_000;

/// The tag that names who a key's holder calls for; it has a grouping of its own.
const USER: &str = "user";

/// How the client wants it grouped.
struct Grouping<'a> {
    by: GroupBy,
    /// The member that repeats the group under its own name.
    name: &'static str,
    /// Only this tag's values.
    tag: Option<&'a str>,
}

/// GET.
pub(crate) async fn sums(errand: Errand) -> Answer {
    let (from, to) = errand.query.span()?;
    let grouping = grouping(errand.query.text("group_by"), errand.query.text("tag"))?;
    let interval = errand.query.parsed("interval", "must be hour, day or month", |text| match text {
        "hour" => Some(Interval::Hour),
        "day" => Some(Interval::Day),
        "month" => Some(Interval::Month),
        _ => None,
    })?;
    let query = UsageQuery {
        from,
        to,
        group_by: grouping.by,
        interval: interval.unwrap_or_default(),
        key: errand.query.owned("key"),
        team: errand.query.owned("team"),
        organization: errand.query.owned("organization"),
    };
    if grouping.by == GroupBy::Tag && (query.key.is_some() || query.team.is_some() || query.organization.is_some()) {
        return Err(Problem::field("group_by", "tag and user cannot be combined with key, team or organization"));
    }
    let mut rows = errand.store().usage(&query).await?;
    if let Some(tag) = grouping.tag {
        // A tag without a value is summed under its name alone.
        let value_of = |row: &UsageRow| match row.group.strip_prefix(tag) {
            Some("") => Some(String::new()),
            rest => rest?.strip_prefix('=').map(str::to_owned),
        };
        rows.retain_mut(|row| match value_of(row) {
            Some(value) => {
                row.group = value;
                row.label.clone_from(&row.group);
                true
            }
            None => false,
        });
    }
    if rows.len() > MAX_ROWS {
        return Err(Problem::field("interval", format!("makes more than {MAX_ROWS} rows; narrow from and to, or take a longer interval")));
    }
    answer::ok(&json!({
        "data": rows.iter().map(|row| view(row, &grouping)).collect::<Vec<_>>(),
        "next_cursor": null,
        "from": moment(from),
        "to": moment(to),
    }))
}

fn grouping<'a>(group_by: Option<&'a str>, tag: Option<&'a str>) -> Result<Grouping<'a>, Problem> {
    let (by, name, named) = match group_by {
        None => (GroupBy::Nothing, "", None),
        Some("key") => (GroupBy::Key, "key", None),
        Some("model") => (GroupBy::Model, "model", None),
        Some("provider") => (GroupBy::Provider, "provider", None),
        Some("team") => (GroupBy::Team, "team", None),
        Some("organization") => (GroupBy::Organization, "organization", None),
        Some(USER) => (GroupBy::Tag, USER, Some(USER)),
        Some("tag") => (GroupBy::Tag, "tag", tag),
        Some(other) => match other.strip_prefix("tag:") {
            Some(name) if !name.is_empty() => (GroupBy::Tag, "tag", Some(name)),
            _ => return Err(Problem::field("group_by", "must be key, model, provider, team, organization, user, tag or tag:NAME")),
        },
    };
    Ok(Grouping { by, name, tag: named })
}

fn view(row: &UsageRow, grouping: &Grouping<'_>) -> Value {
    let mut shown: Map<String, Value> = members(json!({ "at": moment(row.bucket), "group": row.group, "label": row.label }));
    if !grouping.name.is_empty() {
        shown.insert(grouping.name.to_owned(), Value::from(row.group.as_str()));
    }
    shown.extend(members(json!({
        "requests": row.requests,
        "errors": row.errors,
        "usage": {
            "input_uncached": row.usage.input_uncached,
            "cache_read": row.usage.cache_read,
            "cache_write_5m": row.usage.cache_write_5m,
            "cache_write_1h": row.usage.cache_write_1h,
            "output": row.usage.output,
            "reasoning": row.usage.reasoning,
        },
        "cost_nanos": row.cost.0,
        "cost_usd": dollars(NanoUsd(row.cost.0)),
        "unpriced_requests": row.unpriced_requests,
        "estimated_requests": row.estimated_requests,
    })));
    Value::Object(shown)
}
