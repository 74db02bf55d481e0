//! Tokens of services that fewer know, with prefixes of their own.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Edge, Rule, Tail};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "klaviyo_key",
        title: "Klaviyo private key",
        label: "KLAVIYO_KEY",
        anchor: Anchor::Words(&["pk_"]),
        pattern: "pk_[A-Za-z0-9]{34}",
        check: Some(tokens::random_token),
        yes: &["KLAVIYO=pk_RAHhEBVMmxUAmOgKdSlPUK4dtx13hKeAHT"],
        no: &["pk_x", "tpk_OZ9uOQhMaltf10dfA25tXv7rTlzCMCLhM3"],
        ..TOKEN
    },
    Rule {
        id: "twitter_bearer",
        title: "Twitter (X) bearer token",
        label: "TWITTER_BEARER",
        anchor: Anchor::Words(&["AAAAAAAAAAAAAAAAAAAAA"]),
        pattern: "A{20,24}[A-Za-z0-9%]{70,150}",
        check: Some(tokens::random_token),
        yes: &["AAAAAAAAAAAAAAAAAAAAAMmIaPy2PbiqVqPCdhp4KOnUzq7AIntK%3DF4rzHRysJQEt1G9bnzwIfpsxRjzHh0YIw3dmBHoIJH0ptP47Lj"],
        no: &["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
        ..TOKEN
    },
    Rule {
        id: "gocardless_token",
        title: "GoCardless token",
        label: "GOCARDLESS_TOKEN",
        anchor: Anchor::Words(&["live_", "sandbox_"]),
        pattern: "(?:live|sandbox)_[A-Za-z0-9_=-]{40,43}",
        check: Some(tokens::random_token),
        yes: &["GC_TOKEN=live_3pqoIvAsGdbxadN6kw93QveNbxK0ywf1A8I5QHSU"],
        no: &["live_update_of_all_the_things_in_this_page_now"],
        ..TOKEN
    },
    Rule {
        id: "lob_key",
        title: "Lob key",
        label: "LOB_KEY",
        anchor: Anchor::Words(&["live_", "test_"]),
        pattern: "(?:live|test)_(?:pub_)?(?:[0-9a-f]{35}|[0-9a-f]{31})",
        yes: &["test_39bc1946adbb9ce45bf609e1096d10395f1", "live_pub_113d1a1ed5cc55e5a7feec40cd647a4"],
        no: &["test_73a212d561d5", "latest_44b754834f6a1fdf6a8163f8395a756276b"],
        ..TOKEN
    },
    Rule {
        id: "twitch_key",
        title: "Twitch stream key",
        label: "TWITCH_KEY",
        anchor: Anchor::Words(&["live_"]),
        pattern: "live_[0-9]{6,12}_[A-Za-z0-9]{28,36}",
        yes: &["live_227065720_bPKvnu9lk6ScwWvbMQZafogWcIkhDQ"],
        no: &["live_2024_x"],
        ..TOKEN
    },
    Rule {
        id: "settlemint_token",
        title: "SettleMint token",
        label: "SETTLEMINT_TOKEN",
        anchor: Anchor::Words(&["sm_aat_", "sm_pat_", "sm_sat_"]),
        pattern: "sm_[aps]at_[A-Za-z0-9]{16,40}",
        yes: &["sm_pat_lL674vCvkNk9KkpX"],
        no: &["sm_pat_x"],
        ..TOKEN
    },
    Rule {
        id: "defined_networking_token",
        title: "Defined Networking token",
        label: "DEFINED_NETWORKING_TOKEN",
        anchor: Anchor::Words(&["dnkey-"]),
        pattern: "(?i)dnkey-[a-z0-9_=-]{26}-[a-z0-9_=-]{52}",
        yes: &["dnkey-MC7MKN01TSHFF64LSYG6CASP89-MUWDRRAJIIEHWRYV2JYHMTP6SGBY74GA8SWSHGMSO25ZRY56EUHQ"],
        no: &["dnkey-x"],
        ..TOKEN
    },
    Rule {
        id: "firecrawl_key",
        title: "Firecrawl key",
        label: "FIRECRAWL_KEY",
        anchor: Anchor::Words(&["fc-"]),
        pattern: "fc-[0-9a-f]{32}",
        yes: &["FIRECRAWL_API_KEY=fc-fcfb62fb6ff5a93ef28c9ab7f2b42b21"],
        no: &["fc-cache", "afc-5f02d4aa104e462b5e6258598f118056"],
        ..TOKEN
    },
    Rule {
        id: "llamacloud_key",
        title: "LlamaCloud key",
        label: "LLAMACLOUD_KEY",
        anchor: Anchor::Words(&["llx-"]),
        pattern: "llx-[A-Za-z0-9]{40,60}",
        yes: &["LLAMA_CLOUD_API_KEY=llx-KDwxQ0pFLlRi2smUTitdIxm5JpgAhMpuSYMQiV6QrRE0bk8A"],
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
        yes: &["TOGETHER_API_KEY=tgp_v1_yyAKiY35xlxtWt82ix8_-iLMaDhJ0PppfShLvJqTGbi"],
        no: &["tgp_v1_x"],
        ..TOKEN
    },
    Rule {
        id: "akamai_token",
        title: "Akamai EdgeGrid token",
        label: "AKAMAI_TOKEN",
        anchor: Anchor::Words(&["akab-"]),
        pattern: "akab-[a-z0-9]{16}-[a-z0-9]{16}",
        yes: &["client_token = akab-br5iu42n7rinz7c2-599zdniwa9mc75uu"],
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
        yes: &[r#"IO_KEY "aio_iTRfApngkqK6w1V0rH0ATN3pBEsR""#],
        no: &["aio_read", "maio_DiPrQRM1D8C4XCPRsSixGS1cenZW"],
        ..TOKEN
    },
    Rule {
        id: "ubidots_token",
        title: "Ubidots token",
        label: "UBIDOTS_TOKEN",
        anchor: Anchor::Words(&["BBFF-", "BBUS-"]),
        pattern: "BB(?:FF|US)-[A-Za-z0-9]{30,36}",
        yes: &["BBFF-eHsKX2HeDwnVqE1vWhZzlZ1CPOE1Wf"],
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
        yes: &[r#"apiKey: "da2-gjagcpjz34tmslu7zjy936sig6""#],
        no: &["da2-x", "nada2-28g6bhq2t2wpyzt5x3djw68e05"],
        ..TOKEN
    },
    Rule {
        id: "django_key",
        title: "Django secret key",
        label: "DJANGO_KEY",
        anchor: Anchor::Words(&["django-insecure-"]),
        pattern: r#"django-insecure-[^\s"\x27\x60]{30,80}"#,
        after: Edge::Any,
        yes: &["SECRET_KEY = 'django-insecure-C8Y2pw7qJD^&(!yec4aQDYC6UbMbHbg7JXeTiYKXW25XCv5i3x'"],
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
        yes: &["ak_live_FdImz4LrkSwN3HaqnQe0lecrNJXxiV"],
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
        yes: &["tkn.v1_vVXen7VdtrkESsoOxP8FK2ObcdDzlYVeeUGKqPaW2KpixYfwIhhzbHHesKKYDzzQg6CQeu6S="],
        no: &["tkn.v1_x"],
        ..TOKEN
    },
    Rule {
        id: "scrapfly_key",
        title: "Scrapfly key",
        label: "SCRAPFLY_KEY",
        anchor: Anchor::Words(&["scp-live-", "scp-test-"]),
        pattern: "scp-(?:live|test)-[0-9a-f]{32}",
        yes: &["scp-live-b1dcd4b1df824beefb5d635ae060e0e6"],
        no: &["scp-live-x"],
        ..TOKEN
    },
    Rule {
        id: "voiceflow_key",
        title: "Voiceflow key",
        label: "VOICEFLOW_KEY",
        anchor: Anchor::Words(&["VF.DM.", "VF.WS."]),
        pattern: r"VF\.(?:DM|WS)\.[0-9a-f]{24}\.[A-Za-z0-9]{16}",
        yes: &["VF.DM.ca75dcfe3c4a701c937cac2a.PusioDQyJU1mLB6s"],
        no: &["VF.DM.x"],
        ..TOKEN
    },
    Rule {
        id: "telnyx_key",
        title: "Telnyx key",
        label: "TELNYX_KEY",
        anchor: Anchor::Words(&["KEY0", "telnyx"]),
        pattern: "KEY[A-Za-z0-9]{30,44}_[A-Za-z0-9]{20,24}",
        yes: &["KEY027FAD7739B30A124678E59D88A1468E_6gjgidbmm7E3Ro3z16W7Si"],
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
            "IGQVJrQUIjsm9aWKQWxayT1k1krlq0rwbfDwyagYczgn5oFCtuGII81VfL7lmgaHeuQewPXTR02jbuuCPhOjT0eibriScUb5JWY2p5fmM8t3nMbjWPz7gL6cMJiNQFa5eLHu2U3lcDptKtiVYeVQ5IEyqfO",
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
        yes: &["odt_vS1a1mYi9M2h7s0vMoWDGfyVHneSoBwo"],
        no: &["odt_x"],
        ..TOKEN
    },
    Rule {
        id: "pixie_key",
        title: "Pixie key",
        label: "PIXIE_KEY",
        anchor: Anchor::Words(&["px-dep-", "px-api-"]),
        pattern: "px-(?:dep|api)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["px-api-e7fe9bb2-3361-1480-9bef-7158b63ca9cc"],
        no: &["px-api-x"],
        ..TOKEN
    },
    Rule {
        id: "pubnub_key",
        title: "PubNub key",
        label: "PUBNUB_KEY",
        anchor: Anchor::Words(&["pub-c-", "sub-c-", "sec-c-"]),
        pattern: "(?:pub|sub)-c-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|sec-c-[A-Za-z0-9]{48}",
        yes: &["pub-c-5b11aa7d-cd4e-9543-70c3-4f97e00c8d03", "sec-c-J86IvrZw587e0Cd4SiuKh4hgVhs7lJVEhWREFxqdjS9x65O9"],
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
        yes: &["secret=6LcDf1uhbHxIFCJX2BdJjXzci1vRmTznPcCrhLEl"],
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
            r#"OKTA_API_TOKEN="00IwGcA0PXoy1KwXT5K0KW7ZkPQTNoaYOLBfJq79VT""#,
            "Authorization: SSWS 00RhqhfDvYARObH07iiQ8x6SiDmUlbiCJzIM8Bbicd",
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
        yes: &["kubeadm join --token lwpz1e.a6citjqpuguk82ke"],
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
        yes: &["sc_tz7xodcuwk.1mig.acc-cru7qzdhc1us.C3jZtSJ9LJe8WX4YRFbLuTvnKjHnBhbkSmPye3y2ZQHQC7ikm58us8YmUFCA"],
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
            "https://oapi.dingtalk.com/robot/send?access_token=95d977a023b6c135c702bcc3cabc21def09f4a5153f95ada905787e8de38a80f",
            "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=d4126073-551c-e7fa-3db0-9b6c5d6622e2",
            "https://open.feishu.cn/open-apis/bot/v2/hook/4c196deb-cb96-69cb-a6ef-dea4fd8ee1a2",
        ],
        no: &["https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=xxx"],
        ..TOKEN
    },
];
