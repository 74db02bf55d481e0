use std::collections::BTreeSet;

use super::*;
use crate::money::NanoUsd;
use crate::price::{PriceTable, Rate, charge};
use crate::usage::Usage;
use crate::vendors::vendor;

#[test]
fn the_table_is_whole() {
    let rows = builtin();
    assert_eq!(rows.len(), 501);
    let mut seen = BTreeSet::new();
    for row in &rows {
        let id = (row.provider.clone(), row.model.clone());
        assert!(vendor(&row.provider).is_some(), "{id:?}");
        assert_eq!(crate::validate::price_row(row), Ok(()), "{id:?}");
        assert!(seen.insert(id.clone()), "{id:?} twice");
        assert!(!row.source.is_empty() && !row.mode.is_empty() && row.version == VERSION && row.valid_from == Micros(0), "{id:?}");
        assert!(row.tiers.is_sorted_by_key(|tier| tier.above_input_tokens), "{id:?}");
        for tier in &row.tiers {
            assert!(tier.above_input_tokens > 0, "{id:?}");
        }
    }
}

#[test]
fn one_model_a_line() {
    let lines: Vec<&str> = TABLE.lines().collect();
    assert_eq!(lines.len(), 501 + 2);
    assert!(lines.first().unwrap().contains(VERSION));
}

/// Facts that can be checked on the vendors' own price pages.
#[test]
fn some_prices_by_hand() {
    let table = PriceTable::new(builtin().into_iter(), Vec::new());
    let cost = |kind: &str, model: &str, usage: Usage, tier: Option<&str>, at: &str| {
        let row = table.find(kind, kind, model, Micros(0)).unwrap();
        charge(row, &usage, tier, Micros::from_rfc3339(at).unwrap()).unwrap()
    };
    let million = |input: bool| {
        if input { Usage { input_uncached: 100_000, ..Usage::default() } } else { Usage { output: 100_000, ..Usage::default() } }
    };
    let monday_noon = "2026-11-23T12:00:00Z";
    let monday_peak = "2026-11-23T02:00:00Z";
    // Dollars per million, taken at 100,000 tokens so that no tier applies.
    assert_eq!(cost("openai", "gpt-4o", million(true), None, monday_noon), NanoUsd(250_000_000));
    assert_eq!(cost("openai", "gpt-4o", million(false), None, monday_noon), NanoUsd(1_000_000_000));
    assert_eq!(cost("openai", "gpt-4o", million(true), Some("priority"), monday_noon), NanoUsd(425_000_000));
    assert_eq!(cost("openai", "gpt-4o-mini", million(true), None, monday_noon), NanoUsd(15_000_000));
    assert_eq!(cost("deepseek", "deepseek-v4-pro", million(true), None, monday_peak), NanoUsd(132_000_000));
    assert_eq!(cost("deepseek", "deepseek-v4-pro", million(true), None, monday_noon), NanoUsd(66_000_000));
    assert_eq!(cost("ollama", "anything", million(true), None, monday_noon), NanoUsd(0));
    let search = Usage { searches: 1, ..Usage::default() };
    assert_eq!(cost("perplexity", "sonar", search, None, monday_noon), NanoUsd(8_000_000));
    assert_eq!(cost("cohere", "rerank-v3.5", Usage::default(), None, monday_noon), NanoUsd(2_000_000));
    let long = Usage { input_uncached: 300_000, ..Usage::default() };
    assert_eq!(cost("openai", "gpt-6-sol", long, None, monday_noon), NanoUsd(1_200_000_000));
}

#[test]
fn every_kind_of_fact_arrived() {
    let rows = builtin();
    let find = |provider: &str, model: &str| rows.iter().find(|row| row.provider == provider && row.model == model).unwrap();
    // A cache write for 12 hours is the longer time to live.
    assert_eq!(find("openai", "gpt-6-astra").rates.cache_write_1h, Some(Rate(25_000_000_000)));
    assert_eq!(find("anthropic", "claude-opus-5-5").rates.cache_write_1h, Some(Rate(8_000_000_000)));
    assert_eq!(find("qwen", "qwen-plus-latest").rates.output_reasoning, Some(Rate(4_000_000_000)));
    assert_eq!(find("openai", "gpt-audio").rates.input_audio, Some(Rate(32_000_000_000)));
    assert_eq!(find("tencent", "hunyuan-t1-latest").source, "unverified");
    assert_eq!(find("openai", "gpt-5").context, Some(272_000));
    assert_eq!(find("openai", "gpt-5").max_output, Some(128_000));
    assert_eq!(rows.iter().filter(|row| !row.tiers.is_empty()).count(), 67);
    assert_eq!(rows.iter().filter(|row| !row.service_tiers.is_empty()).count(), 32);
    assert_eq!(rows.iter().filter(|row| row.off_peak.is_some()).count(), 4);
    assert_eq!(rows.iter().filter(|row| row.per_search > NanoUsd(0)).count(), 5);
    assert_eq!(rows.iter().filter(|row| row.per_request > NanoUsd(0)).count(), 4);
}

/// Every start of the program pays for this; 3 ms is the budget of an optimised build (0.5 ms on a shared core of the
/// build machine, 2026-11-22: `cargo test --release -p fluxa-domain reading_it -- --nocapture`).
#[test]
fn reading_it_is_fast() {
    let best = (0..10)
        .map(|_| {
            let start = std::time::Instant::now();
            assert_eq!(PriceTable::new(builtin().into_iter(), Vec::new()).rows().count(), 501);
            start.elapsed()
        })
        .min()
        .unwrap();
    println!("read and indexed in {best:?}");
    let budget_ms = if cfg!(debug_assertions) { 300 } else { 3 };
    assert!(best.as_millis() < budget_ms, "{best:?}");
}
