//! Keys of AI services.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Rule, Tail};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "openai_key",
        title: "OpenAI API key",
        label: "OPENAI_KEY",
        anchor: Anchor::Words(&["sk-proj-", "sk-svcacct-", "sk-service-", "sk-admin-", "sk-None-"]),
        pattern: "sk-(?:proj|svcacct|service|admin|None)-[A-Za-z0-9_-]{20,200}",
        tail: Tail::Word,
        yes: &[
            "OPENAI_API_KEY=sk-proj-FGTeuhOqEzE0wmfExmE0ZW6FNkvtgD2EfrysZuwoT3BlbkFJ1Efx568iX0ew981fdbbLZEPGm8i1nsl3PHhNdiuD",
            r#"{"key":"sk-admin-zVot6QOZ6Fni1eGzeKKh6Ljrs4Cyccd4ik51Ea49eAjv1vZdaj9D7iGnew5l"}"#,
        ],
        no: &["sk-proj-short", "ask-proj-DZnHXfWlWrltXqE6Vcd4rS7Zal93nKDw", "sk-proj-your-key-goes-right-here-please"],
        ..TOKEN
    },
    Rule {
        id: "openai_key_legacy",
        title: "OpenAI API key of the first form",
        label: "OPENAI_KEY",
        anchor: Anchor::Words(&["T3BlbkFJ"]),
        pattern: "sk-[A-Za-z0-9_-]{10,100}T3BlbkFJ[A-Za-z0-9_-]{10,100}",
        reach: 110,
        tail: Tail::Word,
        yes: &["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", "用这个sk-org1-P6WBCVlflWJjyj68EBelT3BlbkFJEFRFeXQsJtaoGUIdrAJ5吧"],
        no: &["T3BlbkFJuVHGhhcQwRds5krOiwqX", "sk-proj-T3BlbkFJ"],
        ..TOKEN
    },
    Rule {
        id: "anthropic_key",
        title: "Anthropic API key",
        label: "ANTHROPIC_KEY",
        anchor: Anchor::Words(&["sk-ant-"]),
        pattern: "sk-ant-[a-z]{2,8}[0-9]{1,4}-[A-Za-z0-9_-]{20,200}",
        tail: Tail::Word,
        yes: &[
            r#"ANTHROPIC_API_KEY="sk-ant-api03-bidJ-qO95BJrAYe4-ZhArTaye-POqk0FAnvHTJ0E28K6rI644KrVfjAjLi6TBG8QoYx48kP04z3DA5GrmMrYCFVjLclmsAA""#,
            "sk-ant-admin01-bmeEtZ69NzLxOYsW7Lrn4ndoG5M5TEWZN_V6gtTj0_5ESG6Wjfa75ccdnjq5QrU_gyYIuTaGAjwifIVqRiBhMJv8KDU_cAA",
            "sk-ant-oat01-fh6YxiiHbFqUlSpoZdiK6YZm4iPTe0Z1qUg19JlrT64-Vu3znxP4cAa6a6BXOEw3Y-7pYtRFdfZKnEYPXiRWnJ-rPAiH6AA",
        ],
        no: &["sk-ant-api03-…", "sk-ant-api03-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Rule {
        id: "openrouter_key",
        title: "OpenRouter key",
        label: "OPENROUTER_KEY",
        anchor: Anchor::Words(&["sk-or-v"]),
        pattern: "sk-or-v[0-9]-[A-Za-z0-9]{32,80}",
        tail: Tail::Word,
        yes: &["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"],
        no: &["sk-or-v1-key"],
        ..TOKEN
    },
    Rule {
        id: "sk_api_key",
        title: "key of an AI service in the bare sk- form (DeepSeek, Moonshot, Zhipu, DashScope, Stability and others)",
        label: "API_KEY",
        anchor: Anchor::Words(&["sk-"]),
        pattern: "sk-(?:lf-)?[A-Za-z0-9]{32,128}",
        check: Some(tokens::random_token),
        yes: &[
            "DEEPSEEK_API_KEY=sk-58588b02ebc031c367fe9a256302a2b4",
            "Authorization: Bearer sk-buuCPhOjT0eibriScUb5JWY2p5fmM8t3nMbjWPz7gL6cMJiN",
        ],
        no: &["sk-learn-f02a51e7", "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "risk-9942fc82a06439a7e2c627db7e7fe9bb"],
        ..TOKEN
    },
    Rule {
        id: "sk_api_key_loose",
        title: "key of an AI service in a bare sk- form, of odd length",
        label: "API_KEY",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Words(&["sk-"]),
        pattern: "sk-[A-Za-z0-9]{1,16}-?[A-Za-z0-9_-]{19,100}",
        tail: Tail::Word,
        check: Some(tokens::loose_sk),
        yes: &[r#"openai.api_key = "sk-81g0SJhmd6773RclOMrxLnOL""#],
        no: &["sk-learn-contributors-and-more", "sk-3ca9cc5b11aa"],
        ..TOKEN
    },
    Rule {
        id: "deepseek_key",
        title: "DeepSeek key by its name",
        label: "DEEPSEEK_KEY",
        anchor: Anchor::Words(&["deepseek"]),
        pattern: assigned!("deepseek", "sk-[A-Za-z0-9]{24,64}"),
        check: Some(tokens::real),
        yes: &["deepseek_api_key: sk-o1z1j3tliho9azhi4sp2bbyr0bh98vrw"],
        no: &["deepseek-chat sk-…"],
        ..TOKEN
    },
    Rule {
        id: "groq_key",
        title: "Groq API key",
        label: "GROQ_KEY",
        anchor: Anchor::Words(&["gsk_"]),
        pattern: "gsk_[A-Za-z0-9]{40,64}",
        yes: &["GROQ_API_KEY=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"],
        no: &["gsk_short", "imgsk_hbHxIFCJX2BdJjXzci1vRmTznPcCrhLElIwGcA0PXoy1KwXT5K0K"],
        ..TOKEN
    },
    Rule {
        id: "perplexity_key",
        title: "Perplexity API key",
        label: "PERPLEXITY_KEY",
        anchor: Anchor::Words(&["pplx-"]),
        pattern: "pplx-[A-Za-z0-9]{32,64}",
        yes: &["PPLX_KEY=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"],
        no: &["pplx-70b-online"],
        ..TOKEN
    },
    Rule {
        id: "replicate_key",
        title: "Replicate token",
        label: "REPLICATE_KEY",
        anchor: Anchor::Words(&["r8_"]),
        pattern: "r8_[A-Za-z0-9]{36,42}",
        check: Some(tokens::random_token),
        yes: &["REPLICATE_API_TOKEN=r8_biCJzIM8BbicdlM8w6pzBe44aZNM6SGci9tjq"],
        no: &["r8_unorm", "tr8_p4ugMukIY7CUkeWtzHxVod8X7Tc5uwkBmigAU"],
        ..TOKEN
    },
    Rule {
        id: "huggingface_token",
        title: "Hugging Face token",
        label: "HUGGINGFACE_TOKEN",
        anchor: Anchor::Words(&["hf_", "api_org_"]),
        pattern: "(?:hf_|api_org_)[A-Za-z0-9]{30,46}",
        check: Some(tokens::letters),
        yes: &["HF_TOKEN=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", "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"],
        no: &["hf_hub_download", "hf_internal", "shelf_ZQHQCikmusYmUFCAXVsOlAtUXXpovbeVhw"],
        ..TOKEN
    },
    Rule {
        id: "cohere_key",
        title: "Cohere key by its name",
        label: "COHERE_KEY",
        confidence: Confidence::Medium,
        action: Action::Mask,
        anchor: Anchor::Words(&["cohere", "CO_API_KEY"]),
        pattern: assigned!("co(?:here|_api_key)", r"[A-Za-z0-9]{40}\b"),
        check: Some(tokens::named),
        yes: &["CO_API_KEY=mz8dMglyKoaO6ewWzygyuxNKyed3BXD2QFbsZEIK", r#"cohereToken := "j7ulK3J9UUdl5gEtkv0MAuQs8alp5QUWqo6DLSqO""#],
        no: &[r#"coherent = "no""#],
        ..TOKEN
    },
    Rule {
        id: "fluxa_key",
        title: "virtual key of this gateway",
        label: "FLUXA_KEY",
        anchor: Anchor::Words(&["vk-"]),
        pattern: "vk-[A-Za-z0-9]{8}-[A-Za-z0-9]{49}",
        yes: &["Authorization: Bearer vk-UADhruq9-aEBiP8McfKnHbLpgllJGcXyCPPO3oF713ZLKvM3hBxbswmy8S"],
        no: &["vk-lHBn4MXm-eO7f0CN0fiyZd3sSGnBC", "xvk-x1X1Z4MI-aoYCXLl0y2wsmIG7m3tyLY6waIjx9ZtbZ0Xj4ofuRmLW2CFB2"],
        ..TOKEN
    },
    Rule {
        id: "zhipu_key",
        title: "Zhipu key: an id, a dot, a secret",
        label: "ZHIPU_KEY",
        anchor: Anchor::Words(&["zhipu", "ZHIPUAI_API_KEY", "bigmodel"]),
        pattern: assigned!("(?:zhipu|bigmodel)", r"[0-9a-f]{32}\.[A-Za-z0-9]{16}"),
        check: Some(tokens::real),
        yes: &["ZHIPUAI_API_KEY=ea4fd8ee1a25b24d2e6cf605feb9647d.Afow88ZsARI1xbct"],
        no: &[r#"zhipu = "glm""#],
        ..TOKEN
    },
    Rule {
        id: "openai_session",
        title: "OpenAI session token",
        label: "OPENAI_KEY",
        anchor: Anchor::Words(&["sess-"]),
        pattern: "sess-[A-Za-z0-9]{40}",
        yes: &["sess-uPFjbxYxZddOuJP2Jy0i1hgK2Fd4PLVTzh0si0El"],
        no: &["sess-x"],
        ..TOKEN
    },
];
