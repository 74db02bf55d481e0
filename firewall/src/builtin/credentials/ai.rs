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
            "OPENAI_API_KEY=sk-proj-RAHhEBVMmxUAmOgKdSlPUK4dtx13hKeAHTOZ9uOQT3BlbkFJhMaltf10dfA25tXv7rTlzCMCLhM3mIaPy2PbiqVq",
            r#"{"key":"sk-admin-PCdhp4KOnUzq7AIntKF4rzHRysJQEt1G9bnzwIfpsxRjzHh0YIw3dmBHoIJH"}"#,
        ],
        no: &["sk-proj-short", "ask-proj-bxK0ywf1A8I5QHSUgR9HtP5wJPTzd66s", "sk-proj-your-key-goes-right-here-please"],
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
        yes: &["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", "用这个sk-org1-GmVJIAUdbOhsI12YkK5ET3BlbkFJddQMd5hBWcvR3cCYNLUO吧"],
        no: &["T3BlbkFJ4AlMNyyI5IkQLIILkCIl", "sk-proj-T3BlbkFJ"],
        ..TOKEN
    },
    Rule {
        id: "anthropic_key",
        title: "Anthropic API key",
        label: "ANTHROPIC_KEY",
        anchor: Anchor::Words(&["sk-ant-"]),
        pattern: "sk-ant-[a-z]{2,8}[0-9]{2}-[A-Za-z0-9_-]{20,200}",
        tail: Tail::Word,
        yes: &[
            r#"ANTHROPIC_API_KEY="sk-ant-api03-QE944XqaZ2AsDQtDpPihk2vye3wtqTCvtJpt9yPh818yRIfzn8IpMuPCwyjEBSb6tHuQ3ohyOA_hrvt9eWP5vacRAOxufAA""#,
            "sk-ant-admin01-TRcakDmevo7wQ5QuvuFzezuB12MKpll9xKXnfbLEzOSgJJasqqjoTIWR4sWozMFLmdX8nbLSLomzKC4-YJX-jPpG9Y8TzAA",
            "sk-ant-oat01-k8Vy9-uQMn79kIWLOSC8kUqiTkgcc8zrALwohrP7YDN_AriYjptJL4Wefgru8bi1sRQhbs6qBjSx7AkxIwNG9f-d4rS7ZAA",
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
            "DEEPSEEK_API_KEY=sk-eb68fa3c5ef2ade6d76e84394c77b290",
            "Authorization: Bearer sk-7f9YNWgVjag2cpYjPz9DEPtSmYsluHzjL65yJD3GRsigRGCI",
        ],
        no: &["sk-learn-3038e9eb", "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "risk-7cc9fbe14b2dfe7b8ec210ee000324ea"],
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
        yes: &[r#"openai.api_key = "sk-5i3xFdImz4LrkSwN3HaqnQe0""#],
        no: &["sk-learn-contributors-and-more", "sk-5218b4a26198"],
        ..TOKEN
    },
    Rule {
        id: "langfuse_key",
        title: "Langfuse secret key",
        label: "LANGFUSE_KEY",
        anchor: Anchor::Words(&["sk-lf-"]),
        pattern: "sk-lf-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["LANGFUSE_SECRET_KEY=sk-lf-5f97bf01-1ec5-2280-74b2-b33c029ecc3e"],
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
        yes: &["deepseek_api_key: sk-hzjvpbczsgpz8uyevygrr0i7xrousio3"],
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
        no: &["gsk_short", "imgsk_134CWNUltBr0KRqvW7UcS027inOr64D6gjgidbmm7E3Ro3z16W7S"],
        ..TOKEN
    },
    Rule {
        id: "xai_key",
        title: "xAI API key",
        label: "XAI_KEY",
        anchor: Anchor::Words(&["xai-"]),
        pattern: "xai-[A-Za-z0-9_]{60,100}",
        tail: Tail::Word,
        yes: &["XAI_API_KEY=xai-irQUIjsm9aWKQWxayT1k1krlq0rwbfDwyagYczgn5oFCtuGII81VfL7lmgaHeuQewPXTR02jbuuCPhOj"],
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
        yes: &["REPLICATE_API_TOKEN=r8_2U3lcDptKtiVYeVQ5IEyqfOvS1a1mYi9M2h7s"],
        no: &["r8_unorm", "tr8_SJhmd6cUiraPswRC5EpRclOMrxLnOLRgRz1vs"],
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
        no: &["hf_hub_download", "hf_internal", "shelf_gVhslJVEhWREFxqdjSxODfuhbHxIFCJXBd"],
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
        check: Some(tokens::random_value),
        yes: &["CO_API_KEY=JjXzci1vRmTznPcCrhLElIwGcA0PXoy1KwXT5K0K", r#"cohereToken := "W7ZkPQTNoaYOLBfJq79VTRhqhfDvYARObH07iiQ8""#],
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
        yes: &["FIREWORKS_API_KEY=fw_hcVBYusC3jZtSJ9LJe8WX4YR"],
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
        yes: &["jina_f0aa646d3056c2ce456a96fed95d977adjoSyYhnxXCajSZWnWOUWih26-cK"],
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
        yes: &["csk-qo3q03hruqa41icfn7bpgll96cy2o5vh1xbswmyl71nmef2f"],
        no: &["csk-key", "desk-iyds6n12x8ao2lywsm86mtywa8jxtbjofum2513uj41q392c"],
        ..TOKEN
    },
    Rule {
        id: "elevenlabs_key",
        title: "ElevenLabs, Stability or other key of the form sk_ and hexadecimal digits",
        label: "API_KEY",
        anchor: Anchor::Words(&["sk_"]),
        pattern: "sk_[0-9a-f]{48}",
        yes: &["XI_API_KEY=sk_a25b24d2e6cf605feb9647d16bccd27b9db019af40bb11ac"],
        no: &["sk_433f1c394f5b6bc146ce", "task_4dd3e4f39704625138a089ba2ed3ab43e82b2670749eb1cb"],
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
        yes: &["Authorization: Bearer vk-vZbqEp44-AVztscgQmAbezKmyJzfVoSBc8NOkQY2f3u5FTeiFI4glsZO89"],
        no: &["vk-lMyl7tfq-kgpbe3t7zJeXWJYwPYVK", "xvk-qs8CAm4S-dv7WmYoRzn445dT2wnH3PZIhGNwxMFdeuPplHlCB1wRUadxb7"],
        ..TOKEN
    },
    Rule {
        id: "zhipu_key",
        title: "Zhipu key: an id, a dot, a secret",
        label: "ZHIPU_KEY",
        anchor: Anchor::Words(&["zhipu", "ZHIPUAI_API_KEY", "bigmodel"]),
        pattern: assigned!("(?:zhipu|bigmodel)", r"[0-9a-f]{32}\.[A-Za-z0-9]{16}"),
        check: Some(tokens::real),
        yes: &["ZHIPUAI_API_KEY=e394f2a581068f1c2f7735e43d71dc6a.zADjmGixtpUTAu4p"],
        no: &[r#"zhipu = "glm""#],
        ..TOKEN
    },
];
