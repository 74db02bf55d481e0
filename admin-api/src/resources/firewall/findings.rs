//! `/admin/firewall/findings`: how often which rule found something, and what was done, by rule, action, key or team.

use fluxa_store::{FindingsBy, FindingsQuery, Interval};
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::problem::Problem;
use crate::serve::Errand;
use crate::show::moment;

/// Rows of one answer, as of usage.
const MAX_ROWS: usize = 50_000;

/// GET.
pub(crate) async fn sums(errand: Errand) -> Answer {
    let (from, to) = errand.query.span()?;
    let group_by = errand.query.parsed("group_by", "must be rule, action, key or team", |text| match text {
        "rule" => Some((FindingsBy::Rule, "rule")),
        "action" => Some((FindingsBy::Action, "action")),
        "key" => Some((FindingsBy::Key, "key")),
        "team" => Some((FindingsBy::Team, "team")),
        _ => None,
    })?;
    let (group_by, name) = group_by.unwrap_or((FindingsBy::Rule, "rule"));
    let interval = errand.query.parsed("interval", "must be hour, day or month", |text| match text {
        "hour" => Some(Interval::Hour),
        "day" => Some(Interval::Day),
        "month" => Some(Interval::Month),
        _ => None,
    })?;
    let query = FindingsQuery {
        from,
        to,
        group_by,
        interval: interval.unwrap_or_default(),
        rule: errand.query.owned("rule"),
        action: errand.query.owned("action"),
        key: errand.query.owned("key"),
        team: errand.query.owned("team"),
    };
    let rows = errand.store().firewall_findings(&query).await?;
    if rows.len() > MAX_ROWS {
        return Err(Problem::field("interval", format!("makes more than {MAX_ROWS} rows; narrow from and to, or take a longer interval")));
    }
    let view = |row: &fluxa_store::FindingsRow| {
        let mut shown = json!({
            "at": moment(row.bucket),
            "group": row.group,
            "label": row.label,
            "hits": row.hits,
            "findings": row.findings,
        });
        shown[name] = Value::from(row.group.as_str());
        shown
    };
    answer::ok(&json!({
        "data": rows.iter().map(view).collect::<Vec<_>>(),
        "next_cursor": null,
        "from": moment(from),
        "to": moment(to),
    }))
}
