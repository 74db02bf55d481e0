//! Tokens of services that fewer know, with prefixes of their own.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Edge, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "twitch_key",
        title: "Twitch stream key",
        label: "TWITCH_KEY",
        anchor: Anchor::Words(&["live_"]),
        pattern: "live_[0-9]{6,12}_[A-Za-z0-9]{28,36}",
        yes: &["live_681769356_mOgKdSlPUK4dtx13hKeAHTOZ9uOQhM"],
        no: &["live_2024_x"],
        ..TOKEN
    },
    Rule {
        id: "django_key",
        title: "Django secret key",
        label: "DJANGO_KEY",
        anchor: Anchor::Words(&["django-insecure-"]),
        pattern: r#"django-insecure-[^\s"\x27\x60]{30,80}"#,
        after: Edge::Any,
        yes: &["SECRET_KEY = 'django-insecure-altf10dfA2^&(!5tXv7rTlzCMCLhM3mIaPy2PbiqVqPCdhp4KO'"],
        no: &["django-insecure-x"],
        ..Rule::CREDENTIAL
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
        yes: &["ak_live_nUzq7AIntKF4rzHRysJQEt1G9bnzwI"],
        no: &["key_live_x", "api_test_suite"],
        ..TOKEN
    },
    Rule {
        id: "scrapfly_key",
        title: "Scrapfly key",
        label: "SCRAPFLY_KEY",
        anchor: Anchor::Words(&["scp-live-", "scp-test-"]),
        pattern: "scp-(?:live|test)-[0-9a-f]{32}",
        yes: &["scp-live-279b4c3b16d7794787ad910b015ba20b"],
        no: &["scp-live-x"],
        ..TOKEN
    },
    Rule {
        id: "odt_token",
        title: "Ory, Okteto or other odt_ token",
        label: "ACCESS_TOKEN",
        anchor: Anchor::Words(&["odt_"]),
        pattern: "odt_[A-Za-z0-9]{32,40}",
        check: Some(tokens::random_token),
        yes: &["odt_K0ywf1A8I5QHSUgR9HtP5wJPTzd66sRX"],
        no: &["odt_x"],
        ..TOKEN
    },
    Rule {
        id: "pixie_key",
        title: "Pixie key",
        label: "PIXIE_KEY",
        anchor: Anchor::Words(&["px-dep-", "px-api-"]),
        pattern: "px-(?:dep|api)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["px-api-46adbb9c-e45b-f609-e109-6d10395f1113"],
        no: &["px-api-x"],
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
        yes: &["secret=6LcBWcvR3cCYNLUO4AlMNyyI5IkQLIILkCIlvpEC"],
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
            r#"OKTA_API_TOKEN="00I7CyHiLaz40TUBnjoTvjMohu2edfMR6R3B7k3UYm""#,
            "Authorization: SSWS 00cB8ljiwSok6YjTrhj11EOmudEVAXERmv16PIrRcm",
        ],
        no: &["okta 00"],
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
            "https://oapi.dingtalk.com/robot/send?access_token=3f8395a756276b0e485ad316a6f1454f1cae500a6a551ba00273153e5aea5557",
            "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=61656dd9-9322-f59c-3109-76ab18804442",
            "https://open.feishu.cn/open-apis/bot/v2/hook/3b8cae4c-3697-930c-f309-b933697efc8c",
        ],
        no: &["https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=xxx"],
        ..TOKEN
    },
];
