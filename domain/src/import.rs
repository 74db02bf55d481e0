//! Reads others' price tables. So far one: the public JSON form of LiteLLM.
//!
//! Never done here: deciding which rows win ([`crate::price::PriceTable`]). Start at [`litellm`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::money::{NanoUsd, scaled_decimal_up};
use crate::price::{MAX_RATE, PriceRow, Rate, Rates, Tier};
use crate::time::Micros;

/// Most models of one import: ten times the public list.
pub const MAX_MODELS: usize = 50_000;
/// Longest model id in bytes.
const MAX_MODEL_BYTES: usize = 256;

/// What an import gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// The rows that were understood.
    pub rows: Vec<PriceRow>,
    /// (model, why) of those that were not.
    pub skipped: Vec<(String, String)>,
}

/// Reads LiteLLM's map `{model: {input_cost_per_token, …}}` into rows of `version` that apply from `valid_from` on.
///
/// Numbers are read from their decimal text, never through a float; what is finer than a nano-dollar per million
/// tokens is rounded up. A key `provider/model` gives the provider when `litellm_provider` does not; without either,
/// the row applies to every provider.
///
/// # Errors
/// What is wrong with the text as a whole; a single bad model is only skipped.
pub fn litellm(json: &str, version: &str, valid_from: Micros) -> Result<Imported, String> {
    let models: BTreeMap<String, &RawValue> = serde_json::from_str(json).map_err(|e| format!("not a map of models to prices: {e}"))?;
    if models.len() > MAX_MODELS {
        return Err(format!("more than {MAX_MODELS} models"));
    }
    let mut imported = Imported::default();
    for (key, raw) in models {
        if key == "sample_spec" {
            continue;
        }
        match row(&key, raw) {
            Ok(row) => {
                let row = PriceRow { version: version.to_owned(), valid_from, ..row };
                imported.rows.extend(for_provider_named_in(&key, &row));
                imported.rows.push(row);
            }
            Err(why) => imported.skipped.push((key, why)),
        }
    }
    Ok(imported)
}

/// `mock/gpt-4o` may mean the model of that whole name, or a provider that somebody named `mock`: it gets both rows.
fn for_provider_named_in(key: &str, row: &PriceRow) -> Option<PriceRow> {
    let (front, rest) = key.split_once('/').filter(|(front, rest)| !front.is_empty() && !rest.is_empty())?;
    if row.model != key || kind(front).is_some() {
        return None;
    }
    Some(PriceRow { provider: front.to_owned(), model: rest.to_owned(), ..row.clone() })
}

/// The fields of one model: prices stay text until they are read exactly.
type Fields<'a> = BTreeMap<String, &'a RawValue>;

fn row(key: &str, raw: &RawValue) -> Result<PriceRow, String> {
    let fields: Fields<'_> = serde_json::from_str(raw.get()).map_err(|_| String::from("not an object"))?;
    let listed = text(&fields, "litellm_provider")?;
    let (provider, model) = names(key, listed.as_deref());
    if model.is_empty() || model.len() > MAX_MODEL_BYTES || model.chars().any(char::is_control) {
        return Err(String::from("no usable model id"));
    }
    let mode = text(&fields, "mode")?.unwrap_or_else(|| String::from("chat"));
    let ranges = ranges(&fields)?;
    let rates = rates(&fields, "", None)?.or(ranges.first().map(|range| range.rates));
    // Elsewhere the price of an image is that of one in the prompt, which vendors count in tokens.
    let makes_images = mode == "image_generation";
    let per_image = nanos(&fields, &["output_cost_per_image", if makes_images { "input_cost_per_image" } else { "" }])?;
    let per_request = nanos(&fields, &["input_cost_per_request", "input_cost_per_query"])?;
    let per_search = search_price(&fields)?;
    let Some(rates) = rates.or((per_image.or(per_request).is_some()).then(Rates::default)) else {
        return Err(String::from("no price per token, image or request"));
    };
    Ok(PriceRow {
        provider,
        model,
        mode,
        tiers: tiers(&fields, &rates, &ranges)?,
        service_tiers: service_tiers(&fields)?,
        rates,
        per_request: per_request.unwrap_or_default(),
        per_image: per_image.unwrap_or_default(),
        per_search: per_search.unwrap_or_default(),
        context: count(&fields, "max_input_tokens")?,
        max_output: count(&fields, "max_output_tokens")?.or(count(&fields, "max_tokens")?),
        source: String::from("litellm"),
        ..PriceRow::default()
    })
}

/// The set of prices whose names end in `suffix`; what it lacks comes from `base`. `None` when it has neither input nor output.
fn rates(fields: &Fields<'_>, suffix: &str, base: Option<&Rates>) -> Result<Option<Rates>, String> {
    let get = |name: &str| rate(fields, &format!("{name}{suffix}"));
    let (input, output) = (get("input_cost_per_token")?, get("output_cost_per_token")?);
    if input.is_none() && output.is_none() {
        return Ok(None);
    }
    let or = |own: Option<Rate>, pick: fn(&Rates) -> Option<Rate>| own.or_else(|| base.and_then(pick));
    Ok(Some(Rates {
        input: or(input, |b| Some(b.input)).unwrap_or_default(),
        output: or(output, |b| Some(b.output)).unwrap_or_default(),
        cache_read: or(get("cache_read_input_token_cost")?, |b| b.cache_read),
        cache_write_5m: or(get("cache_creation_input_token_cost")?, |b| b.cache_write_5m),
        // The public list writes the longer time to live before the threshold.
        cache_write_1h: or(get("cache_creation_input_token_cost_above_1hr")?, |b| b.cache_write_1h),
        output_reasoning: or(get("output_cost_per_reasoning_token")?, |b| b.output_reasoning),
        input_audio: or(get("input_cost_per_audio_token")?, |b| b.input_audio),
        output_audio: or(get("output_cost_per_audio_token")?, |b| b.output_audio),
    }))
}

/// Every `…_above_200k_tokens` there is, whatever the number.
fn tiers(fields: &Fields<'_>, base: &Rates, ranges: &[Tier]) -> Result<Vec<Tier>, String> {
    let mut tiers: Vec<Tier> = ranges.iter().filter(|range| range.above_input_tokens > 0).copied().collect();
    for name in fields.keys() {
        let Some(rest) = name.strip_prefix("input_cost_per_token_above_").or_else(|| name.strip_prefix("output_cost_per_token_above_"))
        else {
            continue;
        };
        let Some(above) = rest.strip_suffix("_tokens").and_then(threshold) else { continue };
        if tiers.iter().any(|tier| tier.above_input_tokens == above) {
            continue;
        }
        if let Some(rates) = rates(fields, &format!("_above_{rest}"), Some(base))? {
            tiers.push(Tier { above_input_tokens: above, rates });
        }
    }
    tiers.sort_by_key(|tier| tier.above_input_tokens);
    Ok(tiers)
}

/// `tiered_pricing: [{"range": [from, to], "input_cost_per_token": …}]`, lowest first.
fn ranges(fields: &Fields<'_>) -> Result<Vec<Tier>, String> {
    let Some(raw) = fields.get("tiered_pricing") else { return Ok(Vec::new()) };
    let Ok(list) = serde_json::from_str::<Vec<Fields<'_>>>(raw.get()) else { return Ok(Vec::new()) };
    let mut ranges = Vec::with_capacity(list.len());
    for item in &list {
        let bounds: Vec<&RawValue> =
            item.get("range").and_then(|raw| serde_json::from_str(raw.get()).ok()).ok_or("tiered_pricing has no range")?;
        let from = bounds.first().and_then(|raw| scaled_decimal_up(raw.get(), 0)).and_then(|n| u64::try_from(n).ok());
        let from = from.ok_or("tiered_pricing has no range")?;
        if let Some(rates) = rates(item, "", None)? {
            ranges.push(Tier { above_input_tokens: from, rates });
        }
    }
    ranges.sort_by_key(|range| range.above_input_tokens);
    Ok(ranges)
}

/// `200k` → 200000, `1m` → 1000000, `512` → 512.
fn threshold(text: &str) -> Option<u64> {
    let (digits, unit) = match text.strip_suffix('k') {
        Some(digits) => (digits, 1_000),
        None => text.strip_suffix('m').map_or((text, 1), |digits| (digits, 1_000_000)),
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

fn service_tiers(fields: &Fields<'_>) -> Result<BTreeMap<String, Rates>, String> {
    let mut sets = BTreeMap::new();
    for tier in ["flex", "priority"] {
        if let Some(rates) = rates(fields, &format!("_{tier}"), None)? {
            sets.insert(tier.to_owned(), rates);
        }
    }
    Ok(sets)
}

/// The medium of `search_context_cost_per_query`.
fn search_price(fields: &Fields<'_>) -> Result<Option<NanoUsd>, String> {
    let Some(raw) = fields.get("search_context_cost_per_query") else { return Ok(None) };
    let Ok(sizes) = serde_json::from_str::<Fields<'_>>(raw.get()) else { return Ok(None) };
    nanos(&sizes, &["search_context_size_medium"])
}

/// Kind and model of a key: LiteLLM's word for the provider is taken off the front of the key.
fn names(key: &str, listed: Option<&str>) -> (String, String) {
    let split = key.split_once('/');
    let word = listed.or_else(|| split.map(|(front, _)| front).filter(|front| kind(front).is_some()));
    let Some(word) = word else { return (String::from("*"), key.to_owned()) };
    let kind = kind(word).map_or_else(|| word.to_owned(), str::to_owned);
    let model = match split {
        // `azure_ai/…` and `bedrock/…` keys carry the word, `bedrock_converse` models the shorter one.
        Some((front, rest)) if front == word || self::kind(front).is_some_and(|k| k == kind) => rest,
        _ => key,
    };
    (kind, model.to_owned())
}

/// Our kind for LiteLLM's word.
fn kind(word: &str) -> Option<&'static str> {
    Some(match word {
        "openai" | "text-completion-openai" => "openai",
        "anthropic" => "anthropic",
        "deepseek" => "deepseek",
        "dashscope" | "qwen" => "qwen",
        "ollama" | "ollama_chat" => "ollama",
        "moonshot" => "moonshot",
        "zai" | "zhipu" | "bigmodel" => "zhipu",
        "qianfan" | "ernie" | "baidu" => "ernie",
        "volcengine" | "doubao" => "doubao",
        "gemini" => "gemini",
        "bedrock" | "bedrock_converse" => "bedrock",
        "azure" | "azure_text" | "azure_ai" => "azure",
        "mistral" | "codestral" | "text-completion-codestral" => "mistral",
        "groq" => "groq",
        "xai" => "xai",
        "perplexity" => "perplexity",
        "together_ai" | "together" => "together",
        "fireworks_ai" | "fireworks_ai-embedding-models" | "fireworks" => "fireworks",
        "openrouter" => "openrouter",
        "cohere" | "cohere_chat" => "cohere",
        "nvidia_nim" | "nvidia" => "nvidia",
        "siliconflow" => "siliconflow",
        "minimax" => "minimax",
        "baichuan" => "baichuan",
        "stepfun" => "stepfun",
        "spark" | "xunfei" => "spark",
        "zero-one" | "lingyiwanwu" | "yi" => "zero-one",
        "tencent" | "hunyuan" => "tencent",
        "echo" => "echo",
        _ => return None,
    })
}

fn text(fields: &Fields<'_>, name: &str) -> Result<Option<String>, String> {
    fields.get(name).map_or(Ok(None), |raw| serde_json::from_str::<Option<String>>(raw.get()).map_err(|_| format!("{name} is no text")))
}

/// A whole number; the public list writes some as floats or in quotes.
fn count(fields: &Fields<'_>, name: &str) -> Result<Option<u64>, String> {
    let Some(number) = number(fields, name)? else { return Ok(None) };
    let whole = scaled_decimal_up(&number, 0).and_then(|n| u64::try_from(n).ok());
    whole.map(Some).ok_or_else(|| format!("{name} is out of range"))
}

fn rate(fields: &Fields<'_>, name: &str) -> Result<Option<Rate>, String> {
    let Some(number) = number(fields, name)? else { return Ok(None) };
    let rate = Rate::from_usd_per_token(&number).filter(|rate| *rate <= MAX_RATE);
    rate.map(Some).ok_or_else(|| format!("{name} is negative or absurd"))
}

/// The first of `names` that is set, in nano-dollars.
fn nanos(fields: &Fields<'_>, names: &[&str]) -> Result<Option<NanoUsd>, String> {
    for name in names {
        if let Some(number) = number(fields, name)? {
            let nanos = scaled_decimal_up(&number, 9).and_then(|n| i64::try_from(n).ok()).filter(|n| (0..=MAX_RATE.0).contains(n));
            return nanos.map(|n| Some(NanoUsd(n))).ok_or_else(|| format!("{name} is negative or absurd"));
        }
    }
    Ok(None)
}

/// The decimal text of a number; `None` when absent or null.
fn number(fields: &Fields<'_>, name: &str) -> Result<Option<String>, String> {
    let Some(raw) = fields.get(name).map(|raw| raw.get()) else { return Ok(None) };
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Quoted(String);
    match raw.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'-' | b'0'..=b'9') => Ok(Some(raw.to_owned())),
        Some(b'"') => match serde_json::from_str::<Quoted>(raw) {
            Ok(Quoted(text)) if scaled_decimal_up(&text, 0).is_some() => Ok(Some(text)),
            _ => Err(format!("{name} is no number")),
        },
        _ => Err(format!("{name} is no number")),
    }
}

#[cfg(test)]
mod tests;
