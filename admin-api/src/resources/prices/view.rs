//! How a price looks: dollars per million tokens.

use fluxa_domain::money::NanoUsd;
use fluxa_domain::price::{PriceRow, Rate, Rates};
use serde_json::{Map, Value, json};

use crate::show::{dollars, members};

/// One row.
pub(super) fn row(row: &PriceRow, is_added: bool) -> Value {
    let mut shown = members(json!({
        "provider": row.provider,
        "model": row.model,
        "mode": row.mode,
        "version": row.version,
        "origin": if is_added { "added" } else { "builtin" },
        "valid_from": row.valid_from.to_rfc3339(),
    }));
    shown.extend(rates(&row.rates));
    let tiers: Vec<Value> = row
        .tiers
        .iter()
        .map(|tier| {
            let mut shown = members(json!({ "above_input_tokens": tier.above_input_tokens }));
            shown.extend(rates(&tier.rates));
            Value::Object(shown)
        })
        .collect();
    let service_tiers: Map<String, Value> = row.service_tiers.iter().map(|(name, of)| (name.clone(), Value::Object(rates(of)))).collect();
    let off_peak = row.off_peak.as_ref().map(|off_peak| json!({ "rates": rates(&off_peak.rates), "windows": off_peak.windows }));
    shown.extend(members(json!({
        "tiers": tiers,
        "service_tiers": service_tiers,
        "off_peak": off_peak,
        "per_request_usd": dollars(row.per_request),
        "per_image_usd": dollars(row.per_image),
        "per_search_usd": dollars(row.per_search),
        "context": row.context,
        "max_output": row.max_output,
        "source": row.source,
    })));
    Value::Object(shown)
}

fn rates(rates: &Rates) -> Map<String, Value> {
    let optional = |rate: Option<Rate>| rate.map_or(Value::Null, |rate| dollars(NanoUsd(rate.0)));
    members(json!({
        "input_per_mtok": dollars(NanoUsd(rates.input.0)),
        "output_per_mtok": dollars(NanoUsd(rates.output.0)),
        "cache_read_per_mtok": optional(rates.cache_read),
        "cache_write_5m_per_mtok": optional(rates.cache_write_5m),
        "cache_write_1h_per_mtok": optional(rates.cache_write_1h),
        "output_reasoning_per_mtok": optional(rates.output_reasoning),
        "input_audio_per_mtok": optional(rates.input_audio),
        "output_audio_per_mtok": optional(rates.output_audio),
    }))
}
