use super::*;
use crate::price::{PriceTable, charge};
use crate::usage::Usage;

fn import(json: &str) -> Imported {
    litellm(json, "import-1", Micros(7)).unwrap()
}

fn one(json: &str) -> PriceRow {
    let imported = import(json);
    assert_eq!((imported.rows.len(), imported.skipped.as_slice()), (1, [].as_slice()), "{json}");
    imported.rows.into_iter().next().unwrap()
}

#[test]
fn a_model_in_the_public_form() {
    let row = one(
        r#"{"claude-x": {"litellm_provider": "anthropic", "mode": "chat", "max_input_tokens": 1000000, "max_output_tokens": 64000, "max_tokens": 64000,
            "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05, "cache_read_input_token_cost": 3e-07,
            "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
            "input_cost_per_token_above_200k_tokens": 6e-06, "output_cost_per_token_above_200k_tokens": 2.25e-05,
            "cache_read_input_token_cost_above_200k_tokens": 6e-07, "cache_creation_input_token_cost_above_200k_tokens": 7.5e-06,
            "search_context_cost_per_query": {"search_context_size_high": 0.01, "search_context_size_low": 0.01, "search_context_size_medium": 0.01},
            "supports_vision": true, "tool_use_system_prompt_tokens": 346}}"#,
    );
    assert_eq!((row.provider.as_str(), row.model.as_str(), row.mode.as_str()), ("anthropic", "claude-x", "chat"));
    assert_eq!((row.version.as_str(), row.valid_from, row.source.as_str()), ("import-1", Micros(7), "litellm"));
    assert_eq!((row.context, row.max_output), (Some(1_000_000), Some(64_000)));
    let base = Rates {
        input: Rate(3_000_000_000),
        output: Rate(15_000_000_000),
        cache_read: Some(Rate(300_000_000)),
        cache_write_5m: Some(Rate(3_750_000_000)),
        cache_write_1h: Some(Rate(6_000_000_000)),
        ..Rates::default()
    };
    assert_eq!(row.rates, base);
    let above = Rates {
        input: Rate(6_000_000_000),
        output: Rate(22_500_000_000),
        cache_read: Some(Rate(600_000_000)),
        cache_write_5m: Some(Rate(7_500_000_000)),
        // Not given above the threshold: the base's.
        cache_write_1h: base.cache_write_1h,
        ..Rates::default()
    };
    assert_eq!(row.tiers, [Tier { above_input_tokens: 200_000, rates: above }]);
    assert_eq!(row.per_search, NanoUsd(10_000_000));
    assert_eq!(crate::validate::price_row(&row), Ok(()));
}

#[test]
fn tiers_service_tiers_audio_and_reasoning() {
    let row = one(r#"{"m": {"litellm_provider": "openai", "input_cost_per_token": 0.000001, "output_cost_per_token": 2e-6,
            "input_cost_per_token_above_128k_tokens": 2e-6, "output_cost_per_token_above_272k_tokens": 9e-6,
            "input_cost_per_token_flex": 5e-7, "output_cost_per_token_flex": 1e-6, "cache_read_input_token_cost_flex": 5e-8,
            "input_cost_per_token_priority": 2e-6, "output_cost_per_token_priority": 4e-6,
            "output_cost_per_reasoning_token": 8e-6, "input_cost_per_audio_token": 3.2e-5, "output_cost_per_audio_token": 6.4e-5}}"#);
    let tiers: Vec<(u64, i64, i64)> = row.tiers.iter().map(|t| (t.above_input_tokens, t.rates.input.0, t.rates.output.0)).collect();
    assert_eq!(tiers, [(128_000, 2_000_000_000, 2_000_000_000), (272_000, 1_000_000_000, 9_000_000_000)]);
    assert_eq!(row.service_tiers.keys().collect::<Vec<_>>(), ["flex", "priority"]);
    assert_eq!(row.service_tiers.get("flex").unwrap().cache_read, Some(Rate(50_000_000)));
    assert_eq!(row.rates.output_reasoning, Some(Rate(8_000_000_000)));
    assert_eq!(row.rates.input_audio, Some(Rate(32_000_000_000)));
    assert_eq!(row.rates.output_audio, Some(Rate(64_000_000_000)));
}

#[test]
fn ranges_instead_of_thresholds() {
    let row = one(r#"{"dashscope/qwen-x": {"litellm_provider": "dashscope", "tiered_pricing": [
            {"range": [256000.0, 1000000.0], "input_cost_per_token": 1.2e-6, "output_cost_per_token": 3.6e-6},
            {"range": [0, 256000.0], "input_cost_per_token": 4e-7, "output_cost_per_token": 1.2e-6}]}}"#);
    assert_eq!((row.provider.as_str(), row.model.as_str()), ("qwen", "qwen-x"));
    assert_eq!(row.rates.input, Rate(400_000_000));
    let tiers: Vec<(u64, i64)> = row.tiers.iter().map(|t| (t.above_input_tokens, t.rates.input.0)).collect();
    assert_eq!(tiers, [(256_000, 1_200_000_000)]);
}

#[test]
fn keys_name_the_provider_or_the_field_does() {
    let check = |key: &str, listed: Option<&str>, provider: &str, model: &str| {
        assert_eq!(names(key, listed), (provider.to_owned(), model.to_owned()), "{key} {listed:?}");
    };
    check("gpt-4o", Some("openai"), "openai", "gpt-4o");
    check("openai/gpt-4o", None, "openai", "gpt-4o");
    check("gpt-4o", None, "*", "gpt-4o");
    check("azure/gpt-4o", Some("azure"), "azure", "gpt-4o");
    check("zai/glm-5", Some("zai"), "zhipu", "glm-5");
    check("dashscope/qwen-max", Some("dashscope"), "qwen", "qwen-max");
    check("together_ai/meta-llama/Llama-3", Some("together_ai"), "together", "meta-llama/Llama-3");
    check("fireworks_ai/accounts/fireworks/models/kimi", Some("fireworks_ai"), "fireworks", "accounts/fireworks/models/kimi");
    check("groq/openai/gpt-oss-120b", Some("groq"), "groq", "openai/gpt-oss-120b");
    check("bedrock/us-east-1/anthropic.claude", Some("bedrock"), "bedrock", "us-east-1/anthropic.claude");
    check("anthropic.claude-x-v1:0", Some("bedrock_converse"), "bedrock", "anthropic.claude-x-v1:0");
    check("openrouter/openai/gpt-4o", Some("openrouter"), "openrouter", "openai/gpt-4o");
    check("volcengine/doubao-x", None, "doubao", "doubao-x");
    check("perplexity/sonar", Some("perplexity"), "perplexity", "sonar");
    check("meta-llama/Llama-3", None, "*", "meta-llama/Llama-3");
    check("newcloud/model", Some("newcloud"), "newcloud", "model");
}

#[test]
fn a_front_that_is_no_vendor_may_be_a_providers_name() {
    let imported = import(r#"{"mock/gpt-x": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}}"#);
    let table = PriceTable::new(std::iter::empty::<PriceRow>(), imported.rows);
    for model in ["gpt-x", "mock/gpt-x"] {
        let row = table.find("openai", "mock", model, Micros(7)).unwrap();
        let usage = Usage { input_uncached: 1_000, output: 1_000, ..Usage::default() };
        assert_eq!(charge(row, &usage, None, Micros(7)), Some(NanoUsd(3_000_000)));
    }
}

#[test]
fn numbers_are_exact_or_rounded_up() {
    let input = |number: &str| one(&format!(r#"{{"m": {{"input_cost_per_token": {number}}}}}"#)).rates.input.0;
    assert_eq!(input("1.5e-07"), 150_000_000);
    assert_eq!(input("0.00000015"), 150_000_000);
    assert_eq!(input("0"), 0);
    assert_eq!(input("\"2e-06\""), 2_000_000_000);
    // What a float left behind is rounded up, never down.
    assert_eq!(input("1.4999999999999999e-07"), 150_000_000);
    assert_eq!(input("1.0000000000000001e-07"), 100_000_001);
}

#[test]
fn images_queries_and_searches() {
    let image = one(r#"{"dall-e-3": {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_image": 0.04}}"#);
    assert_eq!((image.per_image, image.rates), (NanoUsd(40_000_000), Rates::default()));
    let query = one(
        r#"{"rerank-v4": {"litellm_provider": "cohere", "mode": "rerank", "input_cost_per_query": 0.002, "input_cost_per_token": 0.0}}"#,
    );
    assert_eq!(query.per_request, NanoUsd(2_000_000));
    // The price of an image in a prompt is not that of one made.
    let vision = one(r#"{"gemini-x": {"litellm_provider": "gemini", "input_cost_per_image": 0.1, "input_cost_per_token": 1e-6}}"#);
    assert_eq!(vision.per_image, NanoUsd(0));
}

#[test]
fn what_cannot_be_used_is_skipped_with_its_reason() {
    let imported = import(
        r#"{"sample_spec": {"input_cost_per_token": "text"}, "good": {"input_cost_per_token": 1e-6},
            "negative": {"input_cost_per_token": -1e-6}, "word": {"input_cost_per_token": "free"}, "absurd": {"output_cost_per_token": 1e30},
            "list": [], "null": {"input_cost_per_token": null}, "minutes": {"input_cost_per_second": 0.1}, "": {"input_cost_per_token": 1e-6},
            "nothing": {}, "deep": {"input_cost_per_token": {"a": 1}}, "negative-tier": {"input_cost_per_token": 1e-6, "input_cost_per_token_above_200k_tokens": -1}}"#,
    );
    assert_eq!(imported.rows.iter().map(|row| row.model.as_str()).collect::<Vec<_>>(), ["good"]);
    let skipped: Vec<&str> = imported.skipped.iter().map(|(model, _)| model.as_str()).collect();
    assert_eq!(skipped, ["", "absurd", "deep", "list", "minutes", "negative", "negative-tier", "nothing", "null", "word"]);
    assert!(imported.skipped.iter().all(|(_, why)| !why.is_empty()));
}

#[test]
fn a_text_that_is_no_map_is_an_error() {
    for bad in ["", "[]", "7", "{", r#"{"m": {"a": 1}"#, "null"] {
        assert!(litellm(bad, "v", Micros(0)).is_err(), "{bad}");
    }
    assert_eq!(import("{}"), Imported::default());
}
