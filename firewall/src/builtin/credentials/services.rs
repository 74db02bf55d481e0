//! Tokens of services that fewer know, with prefixes of their own.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Edge, Rule, Tail};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "twitter_bearer",
        title: "Twitter (X) bearer token",
        label: "TWITTER_BEARER",
        anchor: Anchor::Words(&["AAAAAAAAAAAAAAAAAAAAA"]),
        pattern: "A{20,24}[A-Za-z0-9%]{70,150}",
        check: Some(tokens::random_token),
        yes: &["AAAAAAAAAAAAAAAAAAAAAMRAHhEBVMmxUAmOgKdSlPUK4dtx13hK%3DeAHTOZ9uOQhMaltf10dfA25tXv7rTlzCMCLhM3mIaPy2PbiqVq"],
        no: &["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
        ..TOKEN
    },
    Rule {
        id: "gocardless_token",
        title: "GoCardless token",
        label: "GOCARDLESS_TOKEN",
        anchor: Anchor::Words(&["live_", "sandbox_"]),
        pattern: "(?:live|sandbox)_[A-Za-z0-9_=-]{40}",
        check: Some(tokens::random_token),
        yes: &["GC_TOKEN=live_PCdhp4KOnUzq7AIntKF4rzHRysJQEt1G9bnzwIfp"],
        no: &["live_update_of_all_the_things_in_this_page_now"],
        ..TOKEN
    },
    Rule {
        id: "lob_key",
        title: "Lob key",
        label: "LOB_KEY",
        anchor: Anchor::Words(&["live_", "test_"]),
        pattern: "(?:live|test)_(?:pub_)?(?:[0-9a-f]{35}|[0-9a-f]{31})",
        yes: &["test_9b4c3b16d7794787ad910b015ba20bcb2d3", "live_pub_9bc1946adbb9ce45bf609e1096d1039"],
        no: &["test_5f1113d1a1ed", "latest_5cc55e5a7feec40cd647a473a212d561d54"],
        ..TOKEN
    },
    Rule {
        id: "twitch_key",
        title: "Twitch stream key",
        label: "TWITCH_KEY",
        anchor: Anchor::Words(&["live_"]),
        pattern: "live_[0-9]{6,12}_[A-Za-z0-9]{28,36}",
        yes: &["live_253224127_OmudEVAXERmv16PIrRcmgNMTEHrSh0"],
        no: &["live_2024_x"],
        ..TOKEN
    },
    Rule {
        id: "settlemint_token",
        title: "SettleMint token",
        label: "SETTLEMINT_TOKEN",
        anchor: Anchor::Words(&["sm_aat_", "sm_pat_", "sm_sat_"]),
        pattern: "sm_[aps]at_[A-Za-z0-9]{16,40}",
        yes: &["sm_pat_UWHMtk3u2oLlmeJp"],
        no: &["sm_pat_x"],
        ..TOKEN
    },
    Rule {
        id: "defined_networking_token",
        title: "Defined Networking token",
        label: "DEFINED_NETWORKING_TOKEN",
        anchor: Anchor::Words(&["dnkey-"]),
        pattern: "(?i)dnkey-[a-z0-9_=-]{26}-[a-z0-9_=-]{52}",
        yes: &["dnkey-NWA3JQKV1HDMUN59DIKJ4CYU2K-ABVNULKCWVBAFOGC8KH3LV2VKKKPMC7MKN01TSHFF64LSYG6CASP"],
        no: &["dnkey-x"],
        ..TOKEN
    },
    Rule {
        id: "firecrawl_key",
        title: "Firecrawl key",
        label: "FIRECRAWL_KEY",
        anchor: Anchor::Words(&["fc-"]),
        pattern: "fc-[0-9a-f]{32}",
        yes: &["FIRECRAWL_API_KEY=fc-6ab188044423b8cae4c3697930cf309b"],
        no: &["fc-cache", "afc-933697efc8cf2a38fcfb62fb6ff5a93e"],
        ..TOKEN
    },
    Rule {
        id: "llamacloud_key",
        title: "LlamaCloud key",
        label: "LLAMACLOUD_KEY",
        anchor: Anchor::Words(&["llx-"]),
        pattern: "llx-[A-Za-z0-9]{40,60}",
        yes: &["LLAMA_CLOUD_API_KEY=llx-2EfrysZuwo1Efx568iX0ew981fdbbLZEPGm8i1nsl3PHhNdi"],
        no: &["llx-x"],
        ..TOKEN
    },
    Rule {
        id: "together_key",
        title: "Together AI key",
        label: "TOGETHER_KEY",
        anchor: Anchor::Words(&["tgp_v1_"]),
        pattern: "tgp_v1_[A-Za-z0-9_-]{40,50}",
        tail: Tail::Word,
        yes: &["TOGETHER_API_KEY=tgp_v1_P7YDN_AriYjptJL4Wefgru8bi1sRQhbs6qBjSx7AkxI"],
        no: &["tgp_v1_x"],
        ..TOKEN
    },
    Rule {
        id: "akamai_token",
        title: "Akamai EdgeGrid token",
        label: "AKAMAI_TOKEN",
        anchor: Anchor::Words(&["akab-"]),
        pattern: "akab-[a-z0-9]{16}-[a-z0-9]{16}",
        yes: &["client_token = akab-ltq4cdraln3wxp5l-ismitd8xm9pg0hpu"],
        no: &["akab-x"],
        ..TOKEN
    },
    Rule {
        id: "adafruit_key",
        title: "Adafruit IO key",
        label: "ADAFRUIT_KEY",
        anchor: Anchor::Words(&["aio_"]),
        pattern: "aio_[A-Za-z0-9]{28}",
        check: Some(tokens::random_token),
        yes: &[r#"IO_KEY "aio_SYMQiV6QrRE0bk8A3m3VmnsePUWz""#],
        no: &["aio_read", "maio_USKP6WBCVlflWJjyj68EBelEFRFe"],
        ..TOKEN
    },
    Rule {
        id: "ubidots_token",
        title: "Ubidots token",
        label: "UBIDOTS_TOKEN",
        anchor: Anchor::Words(&["BBFF-", "BBUS-"]),
        pattern: "BB(?:FF|US)-[A-Za-z0-9]{30,36}",
        yes: &["BBFF-XQsJtaoGUIdrAJ5uVHGhhcQwRds5kr"],
        no: &["BBFF-x"],
        ..TOKEN
    },
    Rule {
        id: "maxmind_key",
        title: "MaxMind license key",
        label: "MAXMIND_KEY",
        anchor: Anchor::Words(&["_mmk"]),
        pattern: "[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk",
        reach: 36,
        yes: &["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"],
        no: &["a_mmk"],
        ..TOKEN
    },
    Rule {
        id: "appsync_key",
        title: "AWS AppSync key",
        label: "APPSYNC_KEY",
        anchor: Anchor::Words(&["da2-"]),
        pattern: "da2-[a-z0-9]{26}",
        yes: &[r#"apiKey: "da2-c2599zdniwa9mc75uuif0pngkq""#],
        no: &["da2-x", "nada2-wr70p14s3ir322six6cene7s7e"],
        ..TOKEN
    },
    Rule {
        id: "django_key",
        title: "Django secret key",
        label: "DJANGO_KEY",
        anchor: Anchor::Words(&["django-insecure-"]),
        pattern: r#"django-insecure-[^\s"\x27\x60]{30,80}"#,
        after: Edge::Any,
        yes: &["SECRET_KEY = 'django-insecure-DwnVqE1vWh^&(!ZzlZ1CPOE1WfTPuACUYmBonCqi65gtizXopx'"],
        no: &["django-insecure-x"],
        ..TOKEN
    },
    Rule {
        id: "live_or_test_key",
        title: "live or test key of an odd vendor",
        label: "API_KEY",
        anchor: Anchor::Words(&[
            "ak_live_",
            "ak_test_",
            "pk_prod_",
            "sk_sandbox_",
            "key_live_",
            "key_test_",
            "api_live_",
            "api_test_",
            "secret_live_",
            "secret_test_",
            "access_live_",
            "tok_live_",
            "prod_sk_",
            "live_sk_",
            "test_sk_",
        ]),
        pattern: "(?:[asp]k_(?:live|test|prod|sandbox)|(?:key|api|secret|access|tok)_(?:live|test)|(?:prod|live|test)_sk)_[A-Za-z0-9]{20,120}",
        check: Some(tokens::random_token),
        yes: &["ak_live_e3S0sb7f9YNWgVjag2cpYjPz9DEPtS"],
        no: &["key_live_x", "api_test_suite"],
        ..TOKEN
    },
    Rule {
        id: "teamwork_token",
        title: "Teamwork token",
        label: "TEAMWORK_TOKEN",
        anchor: Anchor::Words(&["tkn.v1_"]),
        pattern: r"tkn\.v1_[A-Za-z0-9+/=_-]{60,90}",
        tail: Tail::Token,
        yes: &["tkn.v1_mYsluHzjL65yJD3GRsigRGCI8gTW60Gb9hqYCtCwpUZ1yzt9FRxLOND4djwLWGIeAFC8Y2pw="],
        no: &["tkn.v1_x"],
        ..TOKEN
    },
    Rule {
        id: "scrapfly_key",
        title: "Scrapfly key",
        label: "SCRAPFLY_KEY",
        anchor: Anchor::Words(&["scp-live-", "scp-test-"]),
        pattern: "scp-(?:live|test)-[0-9a-f]{32}",
        yes: &["scp-live-8ec210ee000324ea4bf16c85b0862521"],
        no: &["scp-live-x"],
        ..TOKEN
    },
    Rule {
        id: "voiceflow_key",
        title: "Voiceflow key",
        label: "VOICEFLOW_KEY",
        anchor: Anchor::Words(&["VF.DM.", "VF.WS."]),
        pattern: r"VF\.(?:DM|WS)\.[0-9a-f]{24}\.[A-Za-z0-9]{16}",
        yes: &["VF.DM.8b4a261985f97bf011ec5228.PaW2KpixYfwIhhzb"],
        no: &["VF.DM.x"],
        ..TOKEN
    },
    Rule {
        id: "telnyx_key",
        title: "Telnyx key",
        label: "TELNYX_KEY",
        anchor: Anchor::Words(&["KEY0", "telnyx"]),
        pattern: "KEY[A-Za-z0-9]{30,44}_[A-Za-z0-9]{20,24}",
        yes: &["KEY029ECC3E2AB1DCD4B1DF824BEEFB5D63_luCbnaDRaHR8DnyuQp9lBz"],
        no: &["KEY01_x"],
        ..TOKEN
    },
    Rule {
        id: "instagram_token",
        title: "Instagram token",
        label: "INSTAGRAM_TOKEN",
        anchor: Anchor::Words(&["IGQV", "IGAA"]),
        pattern: "IG(?:QV|AA)[A-Za-z0-9_-]{80,220}",
        tail: Tail::Word,
        yes: &[
            "IGQVJFDZ4KRLhOzYjvpbRczWZsgY6Z4Zp1zIuyev01yg6NrrPAiH6xroPusioDQyJU1mLB6s6Gf0oFuKA3oVT3ohNsxgQavMdfiJNmp86r134CWNUltBr0KRqvW7UcS027inOr64D6gjgidbmm7E3Ro3z16",
        ],
        no: &["IGQV"],
        ..TOKEN
    },
    Rule {
        id: "odt_token",
        title: "Ory, Okteto or other odt_ token",
        label: "ACCESS_TOKEN",
        anchor: Anchor::Words(&["odt_"]),
        pattern: "odt_[A-Za-z0-9]{32,40}",
        check: Some(tokens::random_token),
        yes: &["odt_W7SirQUIjsm9aWKQWxayT1k1krlq0rwb"],
        no: &["odt_x"],
        ..TOKEN
    },
    Rule {
        id: "pixie_key",
        title: "Pixie key",
        label: "PIXIE_KEY",
        anchor: Anchor::Words(&["px-dep-", "px-api-"]),
        pattern: "px-(?:dep|api)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["px-api-2ebc031c-367f-e9a2-5630-2a2b40aae342"],
        no: &["px-api-x"],
        ..TOKEN
    },
    Rule {
        id: "pubnub_key",
        title: "PubNub key",
        label: "PUBNUB_KEY",
        anchor: Anchor::Words(&["pub-c-", "sub-c-", "sec-c-"]),
        pattern: "(?:pub|sub)-c-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|sec-c-[A-Za-z0-9]{48}",
        yes: &["pub-c-40841072-6960-4c31-4f02-a51e79942fc8", "sec-c-fOvS1a1mYi9M2h7s0vMoWDGfyVHneSoBwoMDpJFN5CtwI05x"],
        no: &["pub-c-x"],
        ..TOKEN
    },
    Rule {
        id: "recaptcha_key",
        title: "reCAPTCHA key",
        label: "RECAPTCHA_KEY",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Words(&["6L"]),
        pattern: "6L[a-z][A-Za-z0-9_-]{37}",
        check: Some(tokens::random_token),
        yes: &["secret=6LcTIeg0SJhmd6cUiraPswRC5EpRclOMrxLnOLRg"],
        no: &["6L of water"],
        ..TOKEN
    },
    Rule {
        id: "okta_token",
        title: "Okta token",
        label: "OKTA_TOKEN",
        anchor: Anchor::Words(&["okta", "ssws"]),
        pattern: r#"(?i:okta|ssws)[^\n]{0,40}?[\s=:"\x27(\x60](?P<v>00[A-Za-z0-9_-]{40})"#,
        check: Some(tokens::random_value),
        yes: &[
            r#"OKTA_API_TOKEN="00Rz1vszzkTw2Nd2YSMcuuYoBzBjLTDt84lNihoO1J""#,
            "Authorization: SSWS 00O3aWzh7RiEZspCbb54Vy41rYA9KbKhJ86IvrZw58",
        ],
        no: &["okta 00"],
        ..TOKEN
    },
    Rule {
        id: "kubernetes_bootstrap_token",
        title: "Kubernetes bootstrap token",
        label: "KUBERNETES_BOOTSTRAP_TOKEN",
        anchor: Anchor::Words(&["bootstrap", "--token"]),
        pattern: r#"(?i:bootstrap[_-]?token|--token)["\x27]?[\s=:]{1,3}["\x27]?(?P<v>[a-z0-9]{6}\.[a-z0-9]{16})"#,
        before: Edge::Any,
        check: Some(tokens::real),
        yes: &["kubeadm join --token e2diuh.hghsl94h45xqdjx3"],
        no: &["--token abc.def"],
        ..TOKEN
    },
    Rule {
        id: "authress_key",
        title: "Authress key",
        label: "AUTHRESS_KEY",
        anchor: Anchor::Words(&["sc_", "ext_", "scauth_", "authress_"]),
        pattern: r"(?:sc|ext|scauth|authress)_[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.(?:acc)[_-][a-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}",
        tail: Tail::Token,
        yes: &["sc_fuhb7x8529.1d9j.acc-zcivmznc2rh4.lIwGcA0PXoy1KwXT5K0KW7ZkPQTNoaYOLBfJq79VTRhqhfDvYARObH07iiQ8"],
        no: &["sc_x"],
        ..TOKEN
    },
    Rule {
        id: "webhook_url",
        title: "webhook URL of Zapier, Make, IFTTT, Feishu, DingTalk or WeCom",
        label: "WEBHOOK_URL",
        anchor: Anchor::Words(&[
            "hooks.zapier.com/hooks/catch/",
            "hook.make.com/",
            "hook.integromat.com/",
            "open.feishu.cn/open-apis/bot/",
            "oapi.dingtalk.com/robot/send",
            "qyapi.weixin.qq.com/cgi-bin/webhook",
            "maker.ifttt.com/trigger/",
            "open.larksuite.com/open-apis/bot/",
        ]),
        pattern: r"(?:hooks\.zapier\.com/hooks/catch/[0-9]{4,10}/[a-z0-9]{6,8}|hook\.(?:make|integromat)\.com/[a-z0-9]{32}|open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/(?:v2/)?hook/[0-9a-f-]{36}|oapi\.dingtalk\.com/robot/send\?access_token=[0-9a-f]{64}|qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=[0-9a-f-]{36}|maker\.ifttt\.com/trigger/[^\s/]{1,60}/with/key/[A-Za-z0-9_-]{20,60})",
        before: Edge::Any,
        after: Edge::NoAlnum,
        check: Some(tokens::real),
        yes: &[
            "https://oapi.dingtalk.com/robot/send?access_token=b4e6504ecd04115b7cd20149487a3a5e529cb711ab5d643d4531efd86c18a8c1",
            "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=31da9e49-2f0a-a646-d305-6c2ce456a96f",
            "https://open.feishu.cn/open-apis/bot/v2/hook/ed95d977-a023-b6c1-35c7-def09f4a5153",
        ],
        no: &["https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=xxx"],
        ..TOKEN
    },
];
