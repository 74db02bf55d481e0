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
            "OPENAI_API_KEY=sk-proj-lKxPNZeTV2MTOjBLeDn64PyKEUmbJJl1FRSCVx0sT3BlbkFJPYnGjPpTB0V7Mc4Ym0LIwyHy8Afow88ZsARI1xbc",
            r#"{"key":"sk-admin-tuPFjbxYxZddOuJP2Jy0i1hgK2Fd4PLVTzh0si0ElHw2mx7zcjmX6G8G7y0C"}"#,
        ],
        no: &["sk-proj-short", "ask-proj-jKBVB0hY4C8iEgNQK6spGa4jmfl1YdP5", "sk-proj-your-key-goes-right-here-please"],
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
        yes: &["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", "用这个sk-org1-qI8fxNN8eZmoa1pitCwdT3BlbkFJzSxDLeF882DYqn07d7Hg吧"],
        no: &["T3BlbkFJwKZM2pVdCvgWNiBWpo6i", "sk-proj-T3BlbkFJ"],
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
            r#"ANTHROPIC_API_KEY="sk-ant-api03-OI6qcbTodxhh2A9RcG9E1ZMLeny0ciYzXZlC3evlP-iq-nwKDN8wWxMlGvmEdiMYiSHL41zgQzDYAgTApSU-hjOExx42TAA""#,
            "sk-ant-admin01-bhUc7mMq_iOxJedAG-gZi9FFpw7qo3Fh1XAOY07tyqVME0PEJIpRhTVX9Fu2nPH84xTDQ9OfJl9FXCJ2kTMfG3wUnPGh0AA",
            "sk-ant-oat01-x_xR4O_HLlF8azW76_v7oglgOiSU6bx1Zw8QO6tYsaue2-5ytlfJrPsntkLbOxqhV4LSpEycUOTPydKNfMWG1v-z3QIGbAA",
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
            "DEEPSEEK_API_KEY=sk-2c72d639c5922c67dce2368c0882bc43",
            "Authorization: Bearer sk-Gw8K0Dezzs071U9xIcC0wQkjwdBe8gvYx36tOqJesS6WCO2G",
        ],
        no: &["sk-learn-58fb56ae", "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "risk-882d7337e52ba1508dc51b2ea6688fd8"],
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
        yes: &[r#"openai.api_key = "sk-xVnJEYZcFUj34a5eevbWKE40""#],
        no: &["sk-learn-contributors-and-more", "sk-b0a0a1349ee6"],
        ..TOKEN
    },
    Rule {
        id: "langfuse_key",
        title: "Langfuse secret key",
        label: "LANGFUSE_KEY",
        anchor: Anchor::Words(&["sk-lf-"]),
        pattern: "sk-lf-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["LANGFUSE_SECRET_KEY=sk-lf-a7d4d522-ec8a-a4a5-68b7-ac83f25e7f1a"],
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
        yes: &["deepseek_api_key: sk-adaqav08nqlvxikn4n0ezdfv66r52yrq"],
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
        no: &["gsk_short", "imgsk_UzQyuTFPv6IN21koJDli8A8xQAPLN0d09CjSIJAf51BU6f6Cnz5f"],
        ..TOKEN
    },
    Rule {
        id: "xai_key",
        title: "xAI API key",
        label: "XAI_KEY",
        anchor: Anchor::Words(&["xai-"]),
        pattern: "xai-[A-Za-z0-9_]{60,100}",
        tail: Tail::Word,
        yes: &["XAI_API_KEY=xai-t0qCGbrTckenSxGQ4AF9gvISWbEs04lxKYU71pi2xUs2IERRT6UxjCRZVxb2svHapClZMfGPosRAncdv"],
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
        yes: &["REPLICATE_API_TOKEN=r8_5QqCHNGvnBODZkClLSi4b8zQfDEgpuPRuEyVy"],
        no: &["r8_unorm", "tr8_ZPZd7ydbTPLdWvFbFs0VHHB7asAWq0oDiV7ng"],
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
        no: &["hf_hub_download", "hf_internal", "shelf_SYgLBsTgIrsSqSPDkrEUMBGdxzbNBOYDdp"],
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
        yes: &["CO_API_KEY=oL1t9ZOj2UAbX9lxygf6ZPAopG9CkjSIJtLl8FXU", r#"cohereToken := "dmNA83pntIBQvbrk54gUfTdWVmyKEZy0CPgj0pFP""#],
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
        yes: &["FIREWORKS_API_KEY=fw_hMESRS66vH4YqttnXituEfRb"],
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
        yes: &["jina_f2d3e326ffcdd29112e2084e19ab973dFPgyisxsall9moruOupr0HaU3Ola"],
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
        yes: &["csk-fgl51mezbb0drg4r3mt60jn3445q0p0ia4vu1u8ieascskwe"],
        no: &["csk-key", "desk-qv8l34cp9b63l1kj8hhqyu8b2erffvv4vcx65iry6eiof9tf"],
        ..TOKEN
    },
    Rule {
        id: "elevenlabs_key",
        title: "ElevenLabs, Stability or other key of the form sk_ and hexadecimal digits",
        label: "API_KEY",
        anchor: Anchor::Words(&["sk_"]),
        pattern: "sk_[0-9a-f]{48}",
        yes: &["XI_API_KEY=sk_1c63ae2028a26bacd201aff8468e3fedfada0ca720bfc53a"],
        no: &["sk_1da4cc31199a1886a4a0", "task_5ae2e1263c3dc96e9709ddb8b666fc3929d07f29bb23ae67"],
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
        yes: &["Authorization: Bearer vk-G0gN0hlH-QfAsNA7mpsdbMoLvculrxbVfNvlReY42yFmSocAkbpxSWFnLw"],
        no: &["vk-OAChF5VZ-eybzLWOsDHpPcCCtmHK6", "xvk-AauPDh8j-4uz60dg57S31GXcRPypQpw5mNcZHYzijmB0cIDychsE0pLCMP"],
        ..TOKEN
    },
    Rule {
        id: "zhipu_key",
        title: "Zhipu key: an id, a dot, a secret",
        label: "ZHIPU_KEY",
        anchor: Anchor::Words(&["zhipu", "ZHIPUAI_API_KEY", "bigmodel"]),
        pattern: assigned!("(?:zhipu|bigmodel)", r"[0-9a-f]{32}\.[A-Za-z0-9]{16}"),
        check: Some(tokens::real),
        yes: &["ZHIPUAI_API_KEY=d10448726240ff7dad709255945341e7.jPz31yx0VrZJ2ftn"],
        no: &[r#"zhipu = "glm""#],
        ..TOKEN
    },
    Rule {
        id: "openai_session",
        title: "OpenAI session token",
        label: "OPENAI_KEY",
        anchor: Anchor::Words(&["sess-"]),
        pattern: "sess-[A-Za-z0-9]{40}",
        yes: &["sess-YhY68jnT38iOlwh8jwI0Fcs1GXqsssqJJU1fLUUP"],
        no: &["sess-x"],
        ..TOKEN
    },
];
