//! Reads one price: dollars per million tokens, exactly.

use fluxa_domain::money::NanoUsd;
use fluxa_domain::price::{PriceRow, Rate, Rates, Tier};
use fluxa_domain::time::Micros;
use fluxa_domain::validate;

use crate::json::{Fields, Given};
use crate::problem::Problem;

/// The highest price per million tokens: a hundred thousand dollars, a hundred times the dearest model.
const MAX_RATE: Rate = Rate(100_000 * NanoUsd::PER_USD);
/// The highest price of one request, image or search.
const MAX_EACH: NanoUsd = NanoUsd(10_000 * NanoUsd::PER_USD);
/// Tiers of one price.
const MAX_TIERS: usize = 16;
/// The largest number of tokens that a model could take.
const MAX_CONTEXT: u64 = 1_000_000_000;

/// The row that the body describes.
pub(super) fn read(mut f: Fields, version: String, now: Micros) -> Result<PriceRow, Problem> {
    f.read_only(&["version", "origin", "source", "service_tiers", "off_peak"]);
    let provider = f.text("provider").or(String::from("*"), String::from("*"));
    if provider != "*" {
        f.check(validate::name("provider", &provider));
    }
    let model = f.required_text("model");
    if !model.is_empty() && model != "*" {
        f.check(validate::name("model", &model));
    }
    let mode = f.text_as("mode", |text| validate::name("mode", text).map(|()| text.to_owned()).map_err(|e| e.message));
    let row = PriceRow {
        provider,
        model,
        mode: mode.or(String::from("chat"), String::from("chat")),
        version,
        valid_from: f.moment("valid_from").or(now, now),
        rates: rates(&mut f),
        tiers: f
            .each("tiers", MAX_TIERS, |item| {
                item.object(|t| {
                    if !t.has("above_input_tokens") {
                        t.fault("above_input_tokens", "is required");
                    }
                    let above_input_tokens = t.count("above_input_tokens", MAX_CONTEXT).or(0, 0);
                    Tier { above_input_tokens, rates: rates(t) }
                })
            })
            .or_default(Vec::new()),
        per_request: each(&mut f, "per_request_usd"),
        per_image: each(&mut f, "per_image_usd"),
        per_search: each(&mut f, "per_search_usd"),
        context: f.count("context", MAX_CONTEXT).value(),
        max_output: f.count("max_output", MAX_CONTEXT).value(),
        source: String::from("admin"),
        ..PriceRow::default()
    };
    if row.tiers.windows(2).any(|pair| matches!(pair, [a, b] if a.above_input_tokens >= b.above_input_tokens)) {
        f.fault("tiers", "must rise by above_input_tokens");
    }
    f.finish()?;
    Ok(row)
}

fn rates(f: &mut Fields) -> Rates {
    for name in ["input_per_mtok", "output_per_mtok"] {
        if !f.has(name) {
            f.fault(name, "is required (0 where it is free)");
        }
    }
    Rates {
        input: rate(f, "input_per_mtok").unwrap_or_default(),
        output: rate(f, "output_per_mtok").unwrap_or_default(),
        cache_read: rate(f, "cache_read_per_mtok"),
        cache_write_5m: rate(f, "cache_write_5m_per_mtok"),
        cache_write_1h: rate(f, "cache_write_1h_per_mtok"),
        output_reasoning: rate(f, "output_reasoning_per_mtok"),
        input_audio: rate(f, "input_audio_per_mtok"),
        output_audio: rate(f, "output_audio_per_mtok"),
    }
}

fn rate(f: &mut Fields, name: &'static str) -> Option<Rate> {
    let given = f.rate(name);
    if matches!(given, Given::Value(rate) if rate > MAX_RATE) {
        f.fault(name, "must be at most 100000 dollars per million tokens");
    }
    given.value()
}

fn each(f: &mut Fields, name: &'static str) -> NanoUsd {
    let given = f.dollars(name);
    if matches!(given, Given::Value(amount) if amount > MAX_EACH) {
        f.fault(name, "must be at most 10000 dollars");
    }
    given.value().unwrap_or_default()
}
