use proptest::prelude::*;

use super::*;
use crate::usage::Usage;

/// Dollars per million tokens.
fn usd(text: &str) -> Rate {
    Rate::from_usd_per_million(text).unwrap()
}

fn row(provider: &str, model: &str, input: &str) -> PriceRow {
    let rates = Rates { input: usd(input), output: usd("10"), ..Rates::default() };
    PriceRow { provider: provider.into(), model: model.into(), version: format!("{provider}:{input}"), rates, ..PriceRow::default() }
}

fn at(text: &str) -> Micros {
    Micros::from_rfc3339(text).unwrap()
}

#[test]
fn each_class_of_tokens_has_its_price() {
    let row = PriceRow {
        rates: Rates {
            input: usd("3"),
            output: usd("15"),
            cache_read: Some(usd("0.3")),
            cache_write_5m: Some(usd("3.75")),
            cache_write_1h: Some(usd("6")),
            output_reasoning: Some(usd("20")),
            input_audio: Some(usd("32")),
            output_audio: Some(usd("64")),
        },
        per_request: NanoUsd(7),
        per_image: NanoUsd(11),
        per_search: NanoUsd(13),
        ..PriceRow::default()
    };
    let check = |usage: Usage, expect: i64| assert_eq!(charge(&row, &usage, None, Micros(0)), Some(NanoUsd(expect)), "{usage:?}");
    check(Usage::default(), 7);
    check(Usage { input_uncached: 1_000, ..Usage::default() }, 3_000_000 + 7);
    check(Usage { cache_read: 1_000, ..Usage::default() }, 300_000 + 7);
    check(Usage { cache_write_5m: 1_000, ..Usage::default() }, 3_750_000 + 7);
    check(Usage { cache_write_1h: 1_000, ..Usage::default() }, 6_000_000 + 7);
    check(Usage { output: 1_000, ..Usage::default() }, 15_000_000 + 7);
    check(Usage { output: 1_000, reasoning: 400, ..Usage::default() }, 600 * 15_000 + 400 * 20_000 + 7);
    check(Usage { output: 1_000, output_audio: 400, reasoning: 900, ..Usage::default() }, 400 * 64_000 + 600 * 20_000 + 7);
    check(Usage { input_uncached: 1_000, input_audio: 400, ..Usage::default() }, 600 * 3_000 + 400 * 32_000 + 7);
    // A part larger than its whole is cut to it.
    check(Usage { input_uncached: 10, input_audio: 400, ..Usage::default() }, 10 * 32_000 + 7);
    check(Usage { images: 3, searches: 2, ..Usage::default() }, 7 + 33 + 26);
}

#[test]
fn what_has_no_price_of_its_own_costs_what_input_or_output_costs() {
    let row = row("openai", "m", "2");
    let usage = Usage { cache_read: 1, cache_write_5m: 1, cache_write_1h: 1, output: 2, reasoning: 1, output_audio: 1, ..Usage::default() };
    assert_eq!(charge(&row, &usage, None, Micros(0)), Some(NanoUsd(3 * 2_000 + 2 * 10_000)));
}

#[test]
fn rounding_is_up_and_once() {
    let tiny = PriceRow { rates: Rates { input: Rate(1), output: Rate(1), ..Rates::default() }, ..PriceRow::default() };
    let check = |input_uncached, output, expect| {
        let usage = Usage { input_uncached, output, ..Usage::default() };
        assert_eq!(charge(&tiny, &usage, None, Micros(0)), Some(NanoUsd(expect)));
    };
    check(0, 0, 0);
    check(1, 0, 1);
    check(1, 1, 1);
    check(500_000, 500_000, 1);
    check(500_000, 500_001, 2);
}

#[test]
fn a_tier_applies_to_the_whole_request_by_all_prompt_tokens() {
    let dear = Rates { input: usd("6"), output: usd("22.5"), cache_read: Some(usd("0.6")), ..Rates::default() };
    let base = Rates { input: usd("3"), output: usd("15"), cache_read: Some(usd("0.3")), ..Rates::default() };
    let higher = Rates { input: usd("9"), output: usd("30"), ..Rates::default() };
    let tiers = vec![Tier { above_input_tokens: 200_000, rates: dear }, Tier { above_input_tokens: 400_000, rates: higher }];
    let row = PriceRow { rates: base, tiers, ..PriceRow::default() };
    let check = |input_uncached, cache_read, expect: u64| {
        let usage = Usage { input_uncached, cache_read, output: 1_000, ..Usage::default() };
        assert_eq!(charge(&row, &usage, None, Micros(0)), Some(NanoUsd(i64::try_from(expect).unwrap())));
    };
    check(200_000, 0, 200_000 * 3_000 + 1_000 * 15_000);
    check(200_001, 0, 200_001 * 6_000 + 1_000 * 22_500);
    check(1, 200_000, 6_000 + 200_000 * 600 + 1_000 * 22_500);
    // The higher tier has no price for cache reads: they cost its input.
    check(400_000, 1, 400_001 * 9_000 + 1_000 * 30_000);
}

#[test]
fn service_tiers_and_the_time_of_day() {
    let set = |input: &str| Rates { input: usd(input), output: usd(input), ..Rates::default() };
    let row = PriceRow {
        rates: set("4"),
        tiers: vec![Tier { above_input_tokens: 1_000, rates: set("6") }],
        service_tiers: BTreeMap::from([("flex".into(), set("2")), ("priority".into(), set("8"))]),
        off_peak: Some(OffPeak {
            rates: set("1"),
            windows: vec![
                OffPeakWindow { weekdays: vec![1, 2, 3, 4, 5], from_minute: 600, to_minute: 1_440 },
                OffPeakWindow { weekdays: vec![6, 7], from_minute: 0, to_minute: 1_440 },
            ],
        }),
        ..PriceRow::default()
    };
    let check = |service_tier, tokens: u64, when: &str, per_token| {
        let usage = Usage { input_uncached: tokens, ..Usage::default() };
        let expect = i64::try_from(tokens).unwrap() * per_token;
        assert_eq!(charge(&row, &usage, service_tier, at(when)), Some(NanoUsd(expect)), "{service_tier:?} {tokens} {when}");
    };
    // 23 November 2026 is a Monday.
    check(None, 10, "2026-11-23T09:59:59.999999Z", 4_000);
    check(None, 10, "2026-11-23T10:00:00Z", 1_000);
    check(None, 10, "2026-11-23T23:59:59Z", 1_000);
    check(None, 10, "2026-11-24T00:00:00Z", 4_000);
    check(None, 10, "2026-11-22T03:00:00Z", 1_000);
    check(Some("default"), 10, "2026-11-23T09:00:00Z", 4_000);
    check(Some("flex"), 10, "2026-11-23T09:00:00Z", 2_000);
    check(Some("priority"), 10, "2026-11-23T12:00:00Z", 8_000);
    // A long prompt: the dearer of tier and service tier.
    check(None, 1_001, "2026-11-23T12:00:00Z", 6_000);
    check(Some("flex"), 1_001, "2026-11-23T09:00:00Z", 6_000);
    check(Some("priority"), 1_001, "2026-11-23T09:00:00Z", 8_000);
    assert_eq!(bound(&row, 10, 0), Some(NanoUsd(80_000)));
    assert_eq!(bound_in(&row, 10, 0, None), Some(NanoUsd(40_000)));
    assert_eq!(bound_in(&row, 1_001, 0, Some("flex")), Some(NanoUsd(6_006_000)));
}

#[test]
fn what_does_not_fit_has_no_cost() {
    let dear = PriceRow { rates: Rates { input: Rate(i64::MAX), output: Rate(0), ..Rates::default() }, ..PriceRow::default() };
    let usage = |input_uncached| Usage { input_uncached, ..Usage::default() };
    assert_eq!(charge(&dear, &usage(1_000_000), None, Micros(0)), Some(NanoUsd(i64::MAX)));
    assert_eq!(charge(&dear, &usage(1_000_001), None, Micros(0)), None);
    assert_eq!(charge(&dear, &usage(u64::MAX), None, Micros(0)), None);
    assert_eq!(bound(&dear, u64::MAX, u64::MAX), None);
    let negative = PriceRow { rates: Rates { input: Rate(-1), ..Rates::default() }, ..PriceRow::default() };
    assert_eq!(charge(&negative, &usage(1), None, Micros(0)), None);
    assert_eq!(bound(&negative, 1, 1), None);
}

#[test]
fn rates_are_read_exactly() {
    assert_eq!(Rate::from_usd_per_million("2.5"), Some(Rate(2_500_000_000)));
    assert_eq!(Rate::from_usd_per_million("0.0000000001"), None);
    assert_eq!(Rate::from_usd_per_million("-1"), None);
    assert_eq!(Rate::from_usd_per_token("2.5e-06"), Some(Rate(2_500_000_000)));
    assert_eq!(Rate::from_usd_per_token("0.00000015"), Some(Rate(150_000_000)));
    assert_eq!(Rate::from_usd_per_token("1.0000000000000001e-7"), Some(Rate(100_000_001)));
    assert_eq!(Rate::from_usd_per_token("-1e-6"), None);
    assert_eq!(usd("2.5").to_usd_per_million(), "2.5");
}

#[test]
fn a_price_is_found_by_provider_and_model_then_by_model() {
    let builtin = vec![row("openai", "gpt-4o", "1"), row("azure", "gpt-4o", "2"), row("tencent", "glm", "3"), row("zhipu", "glm", "4")];
    let added = vec![row("mine", "gpt-4o", "11"), row("azure", "gpt-4o", "12"), row("*", "special", "13"), row("ghost", "lost", "14")];
    let table = PriceTable::new(builtin.into_iter(), added);
    let check = |kind: &str, name: &str, model: &str, expect: Option<&str>| {
        let found = table.find(kind, name, model, Micros(5)).map(|row| row.version.as_str());
        assert_eq!(found, expect, "{kind} {name} {model}");
    };
    check("openai", "openai", "gpt-4o", Some("openai:1"));
    check("openai", "mine", "gpt-4o", Some("mine:11"));
    check("azure", "azure", "gpt-4o", Some("azure:12"));
    check("anything", "x", "special", Some("*:13"));
    // By model alone: an added row first, then first-party vendors.
    check("deepseek", "d", "gpt-4o", Some("mine:11"));
    check("deepseek", "d", "glm", Some("zhipu:4"));
    check("deepseek", "d", "lost", Some("ghost:14"));
    // A local vendor never takes another's built-in price, but what an administrator added.
    check("ollama", "ollama", "glm", None);
    check("ollama", "ollama", "lost", Some("ghost:14"));
    check("openai", "openai", "unknown", None);
    check("openai", "openai", "", None);
    assert_eq!(table.owner("glm"), ["zhipu", "tencent"]);
    assert_eq!(table.owner("gpt-4o"), ["mine", "openai", "azure"]);
    assert_eq!(table.owner("special"), [""; 0]);
    assert_eq!(table.rows().count(), 8);
}

#[test]
fn other_spellings_are_tried_after_the_exact_one() {
    let builtin = vec![
        row("openai", "gpt-4o", "1"),
        row("openai", "gpt-4o-2024-05-13", "2"),
        row("anthropic", "claude-x", "3"),
        row("bedrock", "anthropic.claude-x", "4"),
        row("openrouter", "qwen/qwen3", "5"),
        row("openrouter", "qwen/qwen3:free", "0"),
        row("gemini", "gemini-4", "6"),
        row("fireworks", "kimi-k3", "7"),
        row("ollama", "*", "0"),
    ];
    let table = PriceTable::new(builtin.into_iter(), Vec::new());
    let check = |kind: &str, model: &str, expect: Option<&str>| {
        assert_eq!(table.find(kind, kind, model, Micros(0)).map(|row| row.version.as_str()), expect, "{kind} {model}");
    };
    check("openai", "gpt-4o-2024-08-06", Some("openai:1"));
    check("openai", "gpt-4o-20240806", Some("openai:1"));
    check("openai", "gpt-4o-2024-05-13", Some("openai:2"));
    check("openai", "gpt-4o-mini", None);
    check("openai", "gpt-4o-99999999", None);
    check("anthropic", "claude-x@20250219", Some("anthropic:3"));
    check("anthropic", "claude-x@2025-02-19", Some("anthropic:3"));
    check("bedrock", "eu.anthropic.claude-x", Some("bedrock:4"));
    check("bedrock", "global.anthropic.claude-x-20260101", Some("bedrock:4"));
    check("openrouter", "qwen/qwen3:nitro", Some("openrouter:5"));
    check("openrouter", "qwen/qwen3:free", Some("openrouter:0"));
    check("gemini", "models/gemini-4", Some("gemini:6"));
    check("fireworks", "accounts/fireworks/models/kimi-k3", Some("fireworks:7"));
    check("ollama", "llama3:8b", Some("ollama:0"));
    check("openai", "ä-2024-08-06", None);
    check("openai", "-2024-08-06", None);
    assert_eq!(table.owner("gpt-4o-2024-08-06"), ["openai"]);
}

#[test]
fn the_newest_row_that_is_already_valid_wins() {
    let later = |valid_from, input: &str| PriceRow { valid_from: Micros(valid_from), ..row("openai", "m", input) };
    let added = vec![later(20, "3"), later(10, "2"), later(20, "4"), later(30, "5")];
    let table = PriceTable::new([row("openai", "m", "1")].into_iter(), added);
    for (now, expect) in
        [(0, "openai:1"), (9, "openai:1"), (10, "openai:2"), (19, "openai:2"), (20, "openai:4"), (29, "openai:4"), (30, "openai:5")]
    {
        assert_eq!(table.find("openai", "openai", "m", Micros(now)).unwrap().version, expect, "at {now}");
    }
}

#[test]
fn a_row_survives_json() {
    let row = PriceRow {
        tiers: vec![Tier { above_input_tokens: 5, rates: Rates { cache_write_1h: Some(Rate(3)), ..Rates::default() } }],
        service_tiers: BTreeMap::from([("flex".into(), Rates::default())]),
        off_peak: Some(OffPeak::default()),
        per_image: NanoUsd(4),
        context: Some(1),
        ..row("openai", "m", "1")
    };
    let json = serde_json::to_string(&row).unwrap();
    assert_eq!(serde_json::from_str::<PriceRow>(&json).unwrap(), row);
    assert!(!json.contains("per_search"));
}

fn rates() -> impl Strategy<Value = Rates> {
    let rate = || (0_i64..2_000_000_000_000).prop_map(Rate);
    let maybe = move || prop::option::of(rate());
    (rate(), rate(), maybe(), maybe(), maybe(), maybe(), maybe(), maybe()).prop_map(
        |(input, output, cache_read, cache_write_5m, cache_write_1h, output_reasoning, input_audio, output_audio)| Rates {
            input,
            output,
            cache_read,
            cache_write_5m,
            cache_write_1h,
            output_reasoning,
            input_audio,
            output_audio,
        },
    )
}

prop_compose! {
    fn rows()(
        base in rates(),
        tiers in prop::collection::btree_map(0_u64..2_000_000, rates(), 0..3),
        flex in prop::option::of(rates()),
        off_peak in prop::option::of(rates()),
        per_request in 0_i64..1_000_000_000,
    ) -> PriceRow {
        PriceRow {
            rates: base,
            tiers: tiers.into_iter().map(|(above_input_tokens, rates)| Tier { above_input_tokens, rates }).collect(),
            service_tiers: flex.map(|rates| ("flex".to_owned(), rates)).into_iter().collect(),
            off_peak: off_peak.map(|rates| OffPeak {
                rates,
                windows: vec![OffPeakWindow { weekdays: vec![1, 2, 3, 4, 5, 6, 7], from_minute: 0, to_minute: 720 }],
            }),
            per_request: NanoUsd(per_request),
            ..PriceRow::default()
        }
    }
}

prop_compose! {
    fn usages()(parts in prop::array::uniform8(prop_oneof![0_u64..10, 0_u64..3_000_000])) -> Usage {
        let [input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, output_audio] = parts;
        Usage { input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, output_audio, images: 0, searches: 0 }
    }
}

/// The cost once more, from the rules as they are written, in i128 and without any shared code.
fn oracle(row: &PriceRow, u: &Usage, service: bool, off_peak: bool) -> i128 {
    let total = u.input_uncached + u.cache_read + u.cache_write_5m + u.cache_write_1h;
    let full = |r: &Rates| {
        let (i, o) = (r.input, r.output);
        let or = |rate: Option<Rate>, other: Rate| i128::from(rate.unwrap_or(other).0);
        [
            or(Some(i), i),
            or(r.input_audio, i),
            or(r.cache_read, i),
            or(r.cache_write_5m, i),
            or(r.cache_write_1h, i),
            or(Some(o), o),
            or(r.output_reasoning, o),
            or(r.output_audio, o),
        ]
    };
    let mut tier = None;
    for candidate in &row.tiers {
        if candidate.above_input_tokens < total {
            tier = Some(full(&candidate.rates));
        }
    }
    let service = row.service_tiers.get("flex").filter(|_| service).map(full);
    let price = match (service, tier) {
        (Some(mut s), Some(t)) => {
            s.iter_mut().zip(t).for_each(|(s, t)| *s = (*s).max(t));
            s
        }
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => full(row.off_peak.as_ref().filter(|_| off_peak).map_or(&row.rates, |o| &o.rates)),
    };
    let audio_in = u.input_audio.min(u.input_uncached);
    let audio_out = u.output_audio.min(u.output);
    let thought = u.reasoning.min(u.output - audio_out);
    let counts = [
        u.input_uncached - audio_in,
        audio_in,
        u.cache_read,
        u.cache_write_5m,
        u.cache_write_1h,
        u.output - audio_out - thought,
        thought,
        audio_out,
    ];
    let sum: i128 = counts.iter().zip(price).map(|(n, p)| i128::from(*n) * p).sum();
    let up = sum / 1_000_000 + i128::from(sum % 1_000_000 != 0);
    up + i128::from(row.per_request.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_charge_is_what_the_rules_say(row in rows(), usage in usages(), service: bool, off_peak: bool) {
        let now = Micros(if off_peak { 0 } else { 13 * Micros::PER_HOUR });
        let cost = charge(&row, &usage, service.then_some("flex"), now).unwrap();
        prop_assert_eq!(i128::from(cost.0), oracle(&row, &usage, service, off_peak));
    }

    #[test]
    fn no_split_of_tokens_costs_more_than_the_bound(row in rows(), usage in usages(), more_in in 0_u64..9, more_out in 0_u64..9, service: bool, off_peak: bool) {
        let now = Micros(if off_peak { 0 } else { 13 * Micros::PER_HOUR });
        let tier = service.then_some("flex");
        let cost = charge(&row, &usage, tier, now).unwrap();
        let (input, output) = (usage.input_total() + more_in, usage.output + more_out);
        prop_assert!(cost <= bound(&row, input, output).unwrap());
        prop_assert!(cost <= bound_in(&row, input, output, tier).unwrap());
        prop_assert!(bound_in(&row, input, output, tier).unwrap() <= bound(&row, input, output).unwrap());
    }

    #[test]
    fn more_tokens_never_cost_less(row in rows(), usage in usages(), more in prop::array::uniform5(0_u64..1_000)) {
        // Where a tier is a rebate, a longer prompt may cost less; the rest holds for every row.
        let row = PriceRow { tiers: Vec::new(), ..row };
        let [input_uncached, cache_read, cache_write_5m, cache_write_1h, output] = more;
        let larger = Usage {
            input_uncached: usage.input_uncached + input_uncached,
            cache_read: usage.cache_read + cache_read,
            cache_write_5m: usage.cache_write_5m + cache_write_5m,
            cache_write_1h: usage.cache_write_1h + cache_write_1h,
            output: usage.output + output,
            ..usage
        };
        prop_assert!(charge(&row, &usage, None, Micros(0)) <= charge(&row, &larger, None, Micros(0)));
    }

    #[test]
    fn the_bound_grows_with_the_tokens(row in rows(), input in 0_u64..3_000_000, output in 0_u64..1_000_000, more in 0_u64..100_000) {
        prop_assert!(bound(&row, input, output) <= bound(&row, input + more, output));
        prop_assert!(bound(&row, input, output) <= bound(&row, input, output + more));
    }

    #[test]
    fn nothing_panics_whatever_the_numbers(row in rows(), tokens in prop::array::uniform10(any::<u64>()), rate: i64, when: i64) {
        let [input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, output_audio, images, searches] = tokens;
        let usage = Usage { input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, output_audio, images, searches };
        let row = PriceRow { rates: Rates { input: Rate(rate), ..row.rates }, per_image: NanoUsd(rate), ..row };
        let _ = (charge(&row, &usage, None, Micros(when)), bound(&row, input_uncached, output));
    }
}
