//! A log row, as JSON and as CSV. The CSV's columns are the JSON's names, nested ones joined by `_`.

use fluxa_domain::entry::Entry;
use fluxa_domain::scope;
use serde_json::{Map, Value, json};

use crate::csv_text::Cell;
use crate::show::{dollars, members};

/// The header line.
pub(super) const COLUMNS: &[&str] = &[
    "request_id",
    "at",
    "key",
    "team",
    "model",
    "provider",
    "upstream_model",
    "dialect_in",
    "dialect_out",
    "stream",
    "status",
    "usage_input_uncached",
    "usage_cache_read",
    "usage_cache_write_5m",
    "usage_cache_write_1h",
    "usage_output",
    "usage_reasoning",
    "usage_state",
    "cost_nanos",
    "cost_usd",
    "cost_state",
    "price_version",
    "ttfb_ms",
    "latency_ms",
    "attempts",
    "firewall",
    "finish",
    "client_closed",
    "id",
    "key_name",
    "tags",
    "op",
    "error",
    "abandoned",
    "organization",
    "cached",
];

/// As JSON: the contract's names first, in its order, then what we add.
pub(super) fn json(entry: &Entry) -> Map<String, Value> {
    members(json!({
        "request_id": entry.request_id,
        "at": entry.at.to_rfc3339(),
        "key": entry.key_id,
        "team": entry.team,
        "model": entry.model,
        "provider": entry.provider,
        "upstream_model": entry.upstream_model,
        "dialect_in": entry.dialect_in,
        "dialect_out": entry.dialect_out,
        "stream": entry.stream,
        "status": entry.status,
        "usage": {
            "input_uncached": entry.usage.input_uncached,
            "cache_read": entry.usage.cache_read,
            "cache_write_5m": entry.usage.cache_write_5m,
            "cache_write_1h": entry.usage.cache_write_1h,
            "output": entry.usage.output,
            "reasoning": entry.usage.reasoning,
        },
        "usage_state": entry.usage_state.name(),
        "cost_nanos": entry.cost.0,
        "cost_usd": dollars(entry.cost),
        "cost_state": entry.cost_state.name(),
        "price_version": entry.price_version,
        "ttfb_ms": entry.ttfb_ms,
        "latency_ms": entry.latency_ms,
        "attempts": entry.attempts,
        "firewall": entry.firewall,
        "finish": entry.finish,
        "client_closed": entry.client_closed,
        "id": entry.id.to_string(),
        "key_name": entry.key_name,
        "tags": entry.tags,
        "op": entry.op,
        "error": entry.error,
        "abandoned": entry.abandoned,
        "organization": scope::organization_of(entry),
        "cached": entry.cached,
    }))
}

/// As cells, in the order of [`COLUMNS`].
pub(super) fn cells(entry: &Entry) -> Vec<Cell> {
    let text = |text: &String| Cell::Text(text.clone());
    let plain = |value: &dyn std::fmt::Display| Cell::Plain(value.to_string());
    let list = |value: Result<String, serde_json::Error>| Cell::Plain(value.unwrap_or_default());
    vec![
        text(&entry.request_id),
        Cell::Plain(entry.at.to_rfc3339()),
        text(&entry.key_id),
        text(&entry.team),
        text(&entry.model),
        text(&entry.provider),
        text(&entry.upstream_model),
        text(&entry.dialect_in),
        text(&entry.dialect_out),
        plain(&entry.stream),
        plain(&entry.status),
        plain(&entry.usage.input_uncached),
        plain(&entry.usage.cache_read),
        plain(&entry.usage.cache_write_5m),
        plain(&entry.usage.cache_write_1h),
        plain(&entry.usage.output),
        plain(&entry.usage.reasoning),
        plain(&entry.usage_state.name()),
        plain(&entry.cost.0),
        Cell::Plain(entry.cost.to_decimal_usd()),
        plain(&entry.cost_state.name()),
        text(&entry.price_version),
        Cell::Plain(entry.ttfb_ms.map(|ms| ms.to_string()).unwrap_or_default()),
        plain(&entry.latency_ms),
        list(serde_json::to_string(&entry.attempts)),
        list(serde_json::to_string(&entry.firewall)),
        text(&entry.finish),
        plain(&entry.client_closed),
        plain(&entry.id),
        text(&entry.key_name),
        list(serde_json::to_string(&entry.tags)),
        text(&entry.op),
        text(&entry.error),
        plain(&entry.abandoned),
        Cell::Text(scope::organization_of(entry).to_owned()),
        plain(&entry.cached),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_the_names_of_the_json_row() {
        let entry: Entry = serde_json::from_value(json!({
            "id": "0193a5e8-0000-7000-8000-000000000000", "request_id": "r", "at": 0, "key_id": "k", "key_name": "n", "team": "t",
            "tags": {"a": "b"}, "model": "m", "provider": "p", "upstream_model": "u", "dialect_in": "openai", "dialect_out": "openai",
            "op": "chat", "stream": false, "status": 200, "usage": {}, "usage_state": "reported", "cost": 1, "cost_state": "exact",
            "price_version": "v", "ttfb_ms": null, "latency_ms": 3, "attempts": [], "finish": "stop", "error": "", "client_closed": false,
            "abandoned": false, "request_body": null, "response_body": null,
        }))
        .unwrap();
        let mut names = Vec::new();
        for (name, value) in json(&entry) {
            match value {
                Value::Object(inner) if name == "usage" => names.extend(inner.keys().map(|key| format!("{name}_{key}"))),
                _ => names.push(name),
            }
        }
        assert_eq!(names, COLUMNS);
        assert_eq!(cells(&entry).len(), COLUMNS.len());
    }
}
