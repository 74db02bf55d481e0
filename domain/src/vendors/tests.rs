use std::collections::{BTreeMap, BTreeSet};

use super::endpoint::origin;
use super::*;
use crate::provider::Timeouts;
use crate::time::Micros;

fn record(kind: &str, base_url: Option<&str>, anthropic_base_url: Option<&str>) -> ProviderRecord {
    ProviderRecord {
        name: kind.into(),
        kind: kind.into(),
        base_url: base_url.map(str::to_owned),
        anthropic_base_url: anthropic_base_url.map(str::to_owned),
        headers: BTreeMap::new(),
        timeouts: Timeouts::default(),
        api_version: None,
        deployments: BTreeMap::new(),
        region: None,
        max_concurrency: None,
        probe_every_s: None,
        enabled: true,
        created_at: Micros(0),
        updated_at: Micros(0),
    }
}

#[test]
fn the_rows_are_sane() {
    assert_eq!(VENDORS.len(), 29);
    let kinds: BTreeSet<&str> = VENDORS.iter().map(|vendor| vendor.kind).collect();
    assert_eq!(kinds.len(), VENDORS.len());
    for row in VENDORS {
        let kind = row.kind;
        assert_eq!(row.env, format!("{}_API_KEY", kind.to_uppercase().replace('-', "_")));
        assert!(!row.name.is_empty() && !row.ops.is_empty(), "{kind}");
        assert_eq!(row.base_url.is_empty(), matches!(kind, "azure" | "echo"), "{kind}");
        for base in [Some(row.base_url), row.anthropic_base_url].into_iter().flatten().filter(|base| !base.is_empty()) {
            assert!(!base.ends_with('/'), "{base}");
            assert!(base.starts_with("https://") || row.key_optional, "{base}");
            assert!(crate::validate::base_url("base_url", &base.replace("{region}", "eu-west-1")).is_ok(), "{base}");
        }
        // A key is sent to one host only, and a native endpoint can be found on another region's host.
        if let Some(native) = row.anthropic_base_url {
            assert_eq!(origin(native), origin(row.base_url), "{kind}");
        }
        let quirks: BTreeSet<String> = row.quirks.iter().map(|quirk| format!("{quirk:?}")).collect();
        assert_eq!(quirks.len(), row.quirks.len(), "{kind}");
        for (op, _) in row.paths {
            assert!(row.offers(*op), "{kind} {op:?}");
        }
        assert!(!(row.has(Quirk::NoStreamOptions) && row.has(Quirk::StreamOptionsSometimesRefused)), "{kind}");
    }
}

#[test]
fn every_vendor_of_the_seed_is_here() {
    let seed = "openai anthropic deepseek qwen ollama moonshot zhipu ernie doubao gemini bedrock azure mistral groq xai perplexity together \
         fireworks openrouter cohere nvidia siliconflow minimax baichuan stepfun spark zero-one tencent echo";
    assert_eq!(seed.split_whitespace().count(), VENDORS.len());
    for kind in seed.split_whitespace() {
        assert!(vendor(kind).is_some(), "{kind}");
    }
    assert!(vendor("OpenAI").is_none() && vendor("").is_none());
}

#[test]
fn a_dialect_is_served_as_it_is_or_not_at_all() {
    for row in VENDORS {
        let anthropic = row.serves(Dialect::Anthropic);
        for dialect in [Dialect::OpenAi, Dialect::Gemini, Dialect::Bedrock] {
            assert_eq!(row.serves(dialect).is_some(), row.dialect == dialect, "{}", row.kind);
        }
        assert_eq!(anthropic.is_some(), row.kind == "anthropic" || row.anthropic_base_url.is_some(), "{}", row.kind);
    }
    let azure = vendor("azure").unwrap().serves(Dialect::OpenAi).unwrap();
    assert_eq!((azure.style, azure.auth), (Style::Azure, Auth::Header("api-key")));
    let deepseek = vendor("deepseek").unwrap().serves(Dialect::Anthropic).unwrap();
    assert_eq!((deepseek.style, deepseek.base), (Style::AnthropicV1, "https://api.deepseek.com/anthropic"));
    for kind in ["gemini", "bedrock"] {
        assert!(vendor(kind).unwrap().serves(Dialect::OpenAi).is_none());
        assert!(vendor(kind).unwrap().serves(Dialect::Anthropic).is_none());
    }
}

#[test]
fn an_endpoint_follows_the_providers_addresses() {
    let check = |kind: &str, base: Option<&str>, native: Option<&str>, client: Dialect, expect: Option<&str>| {
        let found = vendor(kind).unwrap().endpoint(&record(kind, base, native), client).map(|endpoint| endpoint.base);
        assert_eq!(found.as_deref(), expect, "{kind} {base:?} {native:?} {client:?}");
    };
    use Dialect::{Anthropic, OpenAi};
    check("openai", None, None, OpenAi, Some("https://api.openai.com/v1"));
    check("openai", Some("http://10.0.0.5:8000/v1/"), None, OpenAi, Some("http://10.0.0.5:8000/v1"));
    check("openai", Some("http://10.0.0.5:8000/v1/chat/completions"), None, OpenAi, Some("http://10.0.0.5:8000/v1"));
    check("openai", None, None, Anthropic, None);
    check("anthropic", None, None, Anthropic, Some("https://api.anthropic.com"));
    check("anthropic", Some("https://proxy.example/v1/messages"), None, Anthropic, Some("https://proxy.example"));
    check("anthropic", Some("https://proxy.example/v1/"), None, Anthropic, Some("https://proxy.example"));
    check("deepseek", None, None, Anthropic, Some("https://api.deepseek.com/anthropic"));
    // The key of a provider elsewhere must not go to the vendor's own host.
    check("deepseek", Some("http://127.0.0.1:9000/v1"), None, Anthropic, Some("http://127.0.0.1:9000/anthropic"));
    check("deepseek", Some("http://127.0.0.1:9000/v1"), Some("http://127.0.0.1:9001/v1/"), Anthropic, Some("http://127.0.0.1:9001"));
    // A proxy of another layout is only known to have what it was configured for.
    check("deepseek", Some("http://127.0.0.1:9000/vendors/deepseek/v1"), None, Anthropic, None);
    check("deepseek", Some("http://127.0.0.1:9000/x/v1"), Some("http://127.0.0.1:9000/y"), Anthropic, Some("http://127.0.0.1:9000/y"));
    check("deepseek", None, Some("http://127.0.0.1:9001/a"), OpenAi, Some("https://api.deepseek.com"));
    check(
        "qwen",
        Some("https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
        None,
        Anthropic,
        Some("https://dashscope-intl.aliyuncs.com/apps/anthropic"),
    );
    check("zhipu", Some("https://api.z.ai/api/paas/v4"), None, Anthropic, Some("https://api.z.ai/api/anthropic"));
    check("ollama", Some("http://gpu:11434/v1"), None, Anthropic, Some("http://gpu:11434"));
    check("azure", None, None, OpenAi, None);
    check("azure", Some("https://me.openai.azure.com/openai/v1/"), None, OpenAi, Some("https://me.openai.azure.com"));
    check("echo", None, None, OpenAi, None);
    check("echo", Some("http://127.0.0.1:9000/v1"), None, Anthropic, Some("http://127.0.0.1:9000"));
    check("gemini", None, None, OpenAi, None);
    check("gemini", None, None, Dialect::Gemini, Some("https://generativelanguage.googleapis.com/v1beta"));
    check("bedrock", None, None, Dialect::Bedrock, Some("https://bedrock-runtime.us-east-1.amazonaws.com"));
}

#[test]
fn the_output_is_bounded_by_the_right_field() {
    use MaxTokensField::{MaxCompletionTokens, MaxOutputTokens, MaxTokens};
    let check = |kind: &str, op: Op, model: &str, expect: MaxTokensField| {
        assert_eq!(vendor(kind).unwrap().max_tokens_field(op, model), expect, "{kind} {op:?} {model}");
    };
    for model in ["o1", "o3-mini", "o4-mini", "gpt-5", "gpt-5.6-sol", "gpt-6-astra", "gpt-10", "openai/gpt-5"] {
        check("openai", Op::Chat, model, MaxCompletionTokens);
        check("azure", Op::Chat, model, MaxCompletionTokens);
    }
    for model in ["gpt-4o", "gpt-4.1", "gpt-3.5-turbo", "gpt-oss-120b", "omni", "llama-3", "", "gpt-audio"] {
        check("openai", Op::Chat, model, MaxTokens);
    }
    check("openai", Op::Completions, "gpt-5", MaxTokens);
    check("openai", Op::Responses, "gpt-4o", MaxOutputTokens);
    check("groq", Op::Chat, "openai/gpt-oss-120b", MaxCompletionTokens);
    check("mistral", Op::Chat, "mistral-large-4", MaxTokens);
    check("anthropic", Op::Messages, "claude-opus-5-5", MaxTokens);
    check("deepseek", Op::Messages, "deepseek-v4-pro", MaxTokens);
    check("gemini", Op::GenerateContent, "gemini-4-argon", MaxTokensField::GenerationConfig);
}

#[test]
fn the_quirks_that_cost_money_are_set() {
    for kind in ["mistral", "cohere", "baichuan", "zero-one"] {
        assert!(vendor(kind).unwrap().has(Quirk::NoStreamOptions), "{kind}");
    }
    for kind in ["perplexity", "stepfun", "tencent", "siliconflow"] {
        assert!(vendor(kind).unwrap().has(Quirk::UsageInEveryChunk), "{kind}");
    }
    assert!(vendor("xai").unwrap().has(Quirk::ReasoningNotInOutput));
    assert!(!vendor("openai").unwrap().has(Quirk::NoStreamOptions));
    assert_eq!(vendor("qwen").unwrap().path(Op::Rerank), Some(Path::Origin("/compatible-api/v1/reranks")));
    assert_eq!(vendor("qwen").unwrap().path(Op::Chat), None);
    let cohere = vendor("cohere").unwrap();
    assert_eq!(cohere.path_at(&record("cohere", None, None), Op::Rerank), Some(Path::At("https://api.cohere.com/v2/rerank")));
    assert_eq!(cohere.path_at(&record("cohere", Some("http://127.0.0.1:9000"), None), Op::Rerank), None);
}
