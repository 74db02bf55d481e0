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
            "OPENAI_API_KEY=sk-proj-Etkv0MAuQs8alp5QUWqo6DLSqOUADhruq9aEBiP8T3BlbkFJMcfKnHbLpgllJGcXyCPPO3oF713ZLKvM3hBxbswm",
            r#"{"key":"sk-admin-y8SlHBn4MXmeO7f0CN0fiyZd3sSGnBCx1X1Z4MIaoYCXLl0y2wsmIG7m3tyL"}"#,
        ],
        no: &["sk-proj-short", "ask-proj-Y6waIjx9ZtbZ0Xj4ofuRmLW2CFB2DuSL", "sk-proj-your-key-goes-right-here-please"],
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
        yes: &["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", "用这个sk-org1-UmbJJl1FRSCVx0sPYnGjT3BlbkFJPpTB0V7Mc4Ym0LIwyHy8吧"],
        no: &["T3BlbkFJAfow88ZsARI1xbctuPFj", "sk-proj-T3BlbkFJ"],
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
            r#"ANTHROPIC_API_KEY="sk-ant-api03-dUUhgOWron_gZpLr8xTyUYesyX4s23o4r9nKFatzlxhnJQaIMVRj63nRTrn6HkUizDbFrM5ThZV6i-7HBgmSFg5Rnq3ECAA""#,
            "sk-ant-admin01-rOI6qcbTodxhh2A9RcG9E1ZMLeny0ciYzXZlC3evlP-iq-nwKDN8wWxMlGvmEdiMYiSHL41zgQzDYAgTApSU-hjOExx42AA",
            "sk-ant-oat01-TbhUc7mMq_iOxJedAG-gZi9FFpw7qo3Fh1XAOY07tyqVME0PEJIpRhTVX9Fu2nPH84xTDQ9OfJl9FXCJ2kTMfG-B4lxgUAA",
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
            "DEEPSEEK_API_KEY=sk-a541be9b3760baba609919c8d5c05895",
            "Authorization: Bearer sk-cY6ld1OaZWIT7GB8BzIxX1siIJUtUc7GZnif1CmLunOg6sg2",
        ],
        no: &["sk-learn-c0c4c228", "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "risk-597a48074acf2142d5933b4da40b2c2c"],
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
        yes: &[r#"openai.api_key = "sk-I0pfNW2AO6mhszk10534PtOe""#],
        no: &["sk-learn-contributors-and-more", "sk-2c67dce2368c"],
        ..TOKEN
    },
    Rule {
        id: "langfuse_key",
        title: "Langfuse secret key",
        label: "LANGFUSE_KEY",
        anchor: Anchor::Words(&["sk-lf-"]),
        pattern: "sk-lf-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["LANGFUSE_SECRET_KEY=sk-lf-be2cc9b1-eb54-b1d2-3ab9-829e58fb56ae"],
        no: &["sk-lf-1234"],
        ..TOKEN
    },
    Rule {
        id: "langsmith_key",
        title: "LangSmith API key",
        label: "LANGSMITH_KEY",
        anchor: Anchor::Words(&["lsv2_"]),
        pattern: "lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",
        yes: &["LANGSMITH_API_KEY=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"],
        no: &["lsv2_pt_key"],
        ..TOKEN
    },
    Rule {
        id: "deepseek_key",
        title: "DeepSeek key by its name",
        label: "DEEPSEEK_KEY",
        anchor: Anchor::Words(&["deepseek"]),
        pattern: assigned!("deepseek", "sk-[A-Za-z0-9]{24,64}"),
        check: Some(tokens::real),
        yes: &["deepseek_api_key: sk-b4w97b7ubvchis33mup0j18kff2yruui"],
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
        no: &["gsk_short", "imgsk_2QuKk1rh8UsAnJlCXfEROMI3vnUkBAmyowCb5fnmgHOyUCvAkTYM"],
        ..TOKEN
    },
    Rule {
        id: "xai_key",
        title: "xAI API key",
        label: "XAI_KEY",
        anchor: Anchor::Words(&["xai-"]),
        pattern: "xai-[A-Za-z0-9_]{60,100}",
        tail: Tail::Word,
        yes: &["XAI_API_KEY=xai-dqTSifIQdzjAy8koxWKaNd3a3qa2OYSvALIn6ql1vxiknSEnAezd1f1Q1vG38OGrPNPFWCYLyrL7q2fq"],
        no: &["xai-org-grok"],
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
        yes: &["REPLICATE_API_TOKEN=r8_Pv6IN21koJDli8A8xQAPLN0d09CjSIJAf51BU"],
        no: &["r8_unorm", "tr8_6f6Cnz5f0RjKHTlx8joYQgKXdksDOavWyEGpn"],
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
        no: &["hf_hub_download", "hf_internal", "shelf_lxKYUpixUsIERRTUxjCRZVxbsvHapClZMf"],
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
        yes: &["CO_API_KEY=GPosRAncdvKQoLdzJ3m818Uu0WzSd1L0UwLCcIQu", r#"cohereToken := "tkoIlbavipjVdSFVdx5QqCHNGvnBODZkClLSi4b8""#],
        no: &[r#"coherent = "no""#],
        ..TOKEN
    },
    Rule {
        id: "nvidia_key",
        title: "NVIDIA API key",
        label: "NVIDIA_KEY",
        anchor: Anchor::Words(&["nvapi-"]),
        pattern: "nvapi-[A-Za-z0-9_-]{40,80}",
        tail: Tail::Word,
        yes: &["NVIDIA_API_KEY=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"],
        no: &["nvapi-key"],
        ..TOKEN
    },
    Rule {
        id: "fireworks_key",
        title: "Fireworks AI key",
        label: "FIREWORKS_KEY",
        anchor: Anchor::Words(&["fw_"]),
        pattern: "fw_[A-Za-z0-9]{22,24}",
        check: Some(tokens::random_token),
        yes: &["FIREWORKS_API_KEY=fw_EeWans7lnvh4IaOsEloVmSYg"],
        no: &["fw_version"],
        ..TOKEN
    },
    Rule {
        id: "jina_key",
        title: "Jina AI key",
        label: "JINA_KEY",
        anchor: Anchor::Words(&["jina_"]),
        pattern: "jina_[A-Za-z0-9_-]{50,70}",
        tail: Tail::Word,
        yes: &["jina_d93898e58fd1bc0de17794d05bc32d774vtMx-gz0FBM3QdJvmkgzW9W4msF"],
        no: &["jina_embeddings"],
        ..TOKEN
    },
    Rule {
        id: "tavily_key",
        title: "Tavily key",
        label: "TAVILY_KEY",
        anchor: Anchor::Words(&["tvly-"]),
        pattern: "tvly-(?:dev-|prod-)?[A-Za-z0-9_-]{20,50}",
        tail: Tail::Word,
        check: Some(tokens::random_token),
        yes: &["TAVILY_API_KEY=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"],
        no: &["tvly-key"],
        ..TOKEN
    },
    Rule {
        id: "cerebras_key",
        title: "Cerebras key",
        label: "CEREBRAS_KEY",
        anchor: Anchor::Words(&["csk-"]),
        pattern: "csk-[a-z0-9]{40,64}",
        yes: &["csk-tib31r1jvl16frhjxiejxglf07tajr1vc6wl7i0uuwpgm53s"],
        no: &["csk-key", "desk-di7xayo5vtlwkyfyyq959g4m77cvb76mg785y7t3fxb5k3oy"],
        ..TOKEN
    },
    Rule {
        id: "elevenlabs_key",
        title: "ElevenLabs, Stability or other key of the form sk_ and hexadecimal digits",
        label: "API_KEY",
        anchor: Anchor::Words(&["sk_"]),
        pattern: "sk_[0-9a-f]{48}",
        yes: &["XI_API_KEY=sk_527df37f032b3df90e3a40481e2d34cda3fa899649af20f2"],
        no: &["sk_d3e326ffcdd29112e208", "task_4e19ab973d7a162454022f3345a534d80bda202b711e5ab9"],
        ..TOKEN
    },
    Rule {
        id: "wandb_key",
        title: "Weights & Biases key",
        label: "WANDB_KEY",
        anchor: Anchor::Words(&["wandb_v1_"]),
        pattern: "wandb_v1_[A-Za-z0-9_]{60,90}",
        tail: Tail::Word,
        yes: &["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"],
        no: &["wandb_v1_x"],
        ..TOKEN
    },
    Rule {
        id: "fluxa_key",
        title: "virtual key of this gateway",
        label: "FLUXA_KEY",
        anchor: Anchor::Words(&["vk-"]),
        pattern: "vk-[A-Za-z0-9]{8}-[A-Za-z0-9]{49}",
        yes: &["Authorization: Bearer vk-iaEvuBOu-9IieY8a9scskXwe2qvIQlD2EcPRpJYbG3D5lZBkZjKILhVVhW"],
        no: &["vk-qRyKuIb8-CeKOrffvvEvcxYG3F33i", "xvk-ryGeiYPo-3fZJMtf77cynhHu8DVTe0aNerufmSx3vS32yATfLJV2QbduFS"],
        ..TOKEN
    },
    Rule {
        id: "zhipu_key",
        title: "Zhipu key: an id, a dot, a secret",
        label: "ZHIPU_KEY",
        anchor: Anchor::Words(&["zhipu", "ZHIPUAI_API_KEY", "bigmodel"]),
        pattern: assigned!("(?:zhipu|bigmodel)", r"[0-9a-f]{32}\.[A-Za-z0-9]{16}"),
        check: Some(tokens::real),
        yes: &["ZHIPUAI_API_KEY=f8468e3fedfada0ca720bfc53a1da4cc.WgddG4tXtud4Y1rq"],
        no: &[r#"zhipu = "glm""#],
        ..TOKEN
    },
    Rule {
        id: "openai_session",
        title: "OpenAI session token",
        label: "OPENAI_KEY",
        anchor: Anchor::Words(&["sess-"]),
        pattern: "sess-[A-Za-z0-9]{40}",
        yes: &["sess-RNTm0LujvJ9bOkKv0CfCNcXenLXg6z4gAzPsnCUt"],
        no: &["sess-x"],
        ..TOKEN
    },
];
