//! Tokens of messengers, payment services, mail services and shops.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Edge, Rule, Tail};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "slack_token",
        title: "Slack token",
        label: "SLACK_TOKEN",
        anchor: Anchor::Words(&["xoxb", "xoxp", "xoxa", "xoxr", "xoxs", "xoxe", "xoxd", "xoxo", "xoxc", "xapp-", "xwfp-"]),
        pattern: r"(?i)(?:xox[bparsedoc](?:\.xox[bp])?-[A-Za-z0-9%+/-]{10,200}|x(?:app|wfp)-[0-9]{1,3}-?[A-Za-z0-9-]{10,200})",
        tail: Tail::Word,
        check: Some(tokens::slack),
        yes: &[
            "SLACK_BOT_TOKEN=xoxb-916133739090-6204824616248-jyhCpamwYFu59sMf17X4oBhv",
            "xoxe.xoxp-1-hyvxnzFXCJqiRjxAe1yHDdlWasJi5jXUUCflNgepIY1RPr2g60sbykRg7iDzBbmejkLxnB2DfXV9dG8JTdScpjBwhGNBDgtcvRMOBueeemIVTYwnHmUOJ1ASmQM8rH42mDe2e1sAokF7atkJH6bIywkKnjczy9q9",
            "xapp-1-A7DN539RK73-8769685379484-c72894be81a004aac110545498d304ff858b3f7a1bb3a8c758715545192052c5",
        ],
        no: &["xoxb-your-token-goes-here", "xoxb-", "xoxb-xxxxxxxxxxxx-xxxxxxxxxxxx-xxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Rule {
        id: "slack_webhook",
        title: "Slack webhook URL",
        label: "SLACK_WEBHOOK",
        anchor: Anchor::Words(&["hooks.slack.com/"]),
        pattern: r"hooks\.slack\.com/(?:services|workflows|triggers|commands)/[A-Za-z0-9+/_-]{20,100}",
        before: Edge::Any,
        after: Edge::NoAlnum,
        check: Some(tokens::digits_real),
        yes: &["https://hooks.slack.com/services/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"],
        no: &["https://hooks.slack.com/services/", "hooks.slack.com/services/YOUR/WEBHOOK/URLGOESHERE"],
        ..TOKEN
    },
    Rule {
        id: "stripe_key",
        title: "Stripe key",
        label: "STRIPE_KEY",
        anchor: Anchor::Words(&["sk_live_", "sk_test_", "sk_prod_", "rk_live_", "rk_test_", "rk_prod_", "sk_org_"]),
        pattern: "[sr]k_(?:live|test|prod|org)_[A-Za-z0-9_]{10,180}",
        check: Some(tokens::random_token),
        yes: &[
            "STRIPE_KEY=sk_live_YvxMYsFqZHHRf7wNMBdgGACR",
            "rk_test_51Jd0ZBMptLaThUx5y06OTdjYTjp2QCANuVnJpdKqq4QXuWzStegWALdFPYfU5H38XucWDLVBlrUzMbXvD5JKcuOJIIIEL3y3lY",
        ],
        no: &["sk_test_key", "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx", "ask_live_kDCPlz0lg28qTYVos4YrNNZP"],
        ..TOKEN
    },
    Rule {
        id: "stripe_webhook_secret",
        title: "Stripe webhook secret",
        label: "STRIPE_KEY",
        anchor: Anchor::Words(&["whsec_"]),
        pattern: "whsec_[A-Za-z0-9+/]{24,64}={0,2}",
        yes: &["whsec_1PzQAKXte6PD6i0eJODthvhJtQtnBgTu"],
        no: &["whsec_x"],
        ..TOKEN
    },
    Rule {
        id: "stripe_public_key",
        title: "Stripe publishable key",
        label: "STRIPE_PUBLIC_KEY",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Words(&["pk_live_", "pk_test_"]),
        pattern: "pk_(?:live|test)_[A-Za-z0-9]{20,120}",
        yes: &["pk_live_k88TIOzz0JI8xe6sNF3uOecU"],
        no: &["pk_test_x"],
        ..TOKEN
    },
    Rule {
        id: "twilio_key",
        title: "Twilio key or account id",
        label: "TWILIO_KEY",
        anchor: Anchor::Words(&[
            "SK0", "SK1", "SK2", "SK3", "SK4", "SK5", "SK6", "SK7", "SK8", "SK9", "SKa", "SKb", "SKc", "SKd", "SKe", "SKf", "AC0", "AC1",
            "AC2", "AC3", "AC4", "AC5", "AC6", "AC7", "AC8", "AC9", "ACa", "ACb", "ACc", "ACd", "ACe", "ACf",
        ]),
        pattern: "(?:SK|AC)(?:[0-9a-f]{32}|[0-9A-F]{32})",
        yes: &["TWILIO_ACCOUNT_SID=AC650355c500969d31f05dbfb9f1657ed7", "SK344ac7dc2a074a1883af4671c6f02645"],
        no: &["SKc5f404d721418d2a0a63", "MACb0e9f972f88100a695fe12c41000b2aa"],
        ..TOKEN
    },
    Rule {
        id: "twilio_secret",
        title: "Twilio secret by its name",
        label: "TWILIO_KEY",
        anchor: Anchor::Words(&["twilio"]),
        pattern: assigned!("twilio", "(?:[0-9a-f]{32}|[A-Za-z0-9]{32})"),
        check: Some(tokens::random_value),
        yes: &["TWILIO_AUTH_TOKEN=16c14f53f635d1fd55ef639de9556854"],
        no: &["twilio_number = 1"],
        ..TOKEN
    },
    Rule {
        id: "sendgrid_key",
        title: "SendGrid key",
        label: "SENDGRID_KEY",
        anchor: Anchor::Words(&["SG."]),
        pattern: r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}",
        tail: Tail::Word,
        yes: &["SENDGRID_API_KEY=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"],
        no: &["SG.a.b", "MSG.peSXXi9fIc7byv5OuotWVa.V3YRnUY5fwM13aeRGDTlMhgu0gadwNMO5sbeSTtAAzc"],
        ..TOKEN
    },
    Rule {
        id: "telegram_token",
        title: "Telegram bot token",
        label: "TELEGRAM_TOKEN",
        anchor: Anchor::Words(&[":AA"]),
        pattern: "[0-9]{5,16}:AA[A-Za-z0-9_-]{31,35}",
        reach: 16,
        before: Edge::NoDigit,
        after: Edge::NoAlnum,
        check: Some(tokens::real),
        yes: &[
            "https://api.telegram.org/bot2764024253:AAqgtO5xd54fXWTee3daZfXy4osraeHvNc2/getMe",
            "969410944:AAEBjciddEGn1NOhH5EmyqOOiR5akW5XB3b",
        ],
        no: &["12:AB", "518654058:AAfleFPCamz"],
        ..TOKEN
    },
    Rule {
        id: "telegram_token_named",
        title: "Telegram bot token by its name",
        label: "TELEGRAM_TOKEN",
        anchor: Anchor::Words(&["telegram", "tgram:", "bot_token", "TG_"]),
        pattern: assigned!("(?:telegram|tgram|bot_?token|tg_)", "[0-9]{5,16}:[A-Za-z0-9_-]{32,38}"),
        check: Some(tokens::real),
        yes: &["TELEGRAM_BOT_TOKEN=6118750561:3yGq2UZZN6XqhN6NtiaquaepJ0x4ySsJQfm"],
        no: &["telegram: 12:30"],
        ..TOKEN
    },
    Rule {
        id: "discord_webhook",
        title: "Discord webhook URL",
        label: "DISCORD_WEBHOOK",
        anchor: Anchor::Words(&["/api/webhooks/", "discord.com/api/v", "discordapp.com/api/v"]),
        pattern: r"(?:discord(?:app)?\.com/api/v[0-9]{1,2})?/(?:api/)?webhooks/[0-9]{15,22}/[A-Za-z0-9_-]{50,80}",
        before: Edge::Any,
        tail: Tail::Word,
        check: Some(tokens::real),
        yes: &["https://discord.com/api/webhooks/210876106846392955/oUMAdvs6iIZVw5AqPbhGvgivenrHVeu_-j06VadjUrnx9aLl6euWnyJ9UuPxj5wakyyl"],
        no: &["https://discord.com/api/webhooks/id/token"],
        ..TOKEN
    },
    Rule {
        id: "discord_secret",
        title: "Discord secret by its name",
        label: "DISCORD_TOKEN",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["discord"]),
        pattern: assigned!(
            "discord",
            r"(?:[0-9a-f]{64}|[A-Za-z0-9_-]{32}|[0-9]{17,20}|[A-Za-z0-9_-]{24,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38})"
        ),
        check: Some(tokens::digits_real),
        yes: &[
            "DISCORD_CLIENT_SECRET=wMBymhqKdqyko7_NiPSMk_EaUnIi9w2T",
            r#"discord_public_key: "d461aad9034166101eadf61d55905238500db6290e67853a0c5e31282787aea8""#,
            r#"discordClientId = "191007364449931342""#,
        ],
        no: &[r#"discord_invite = "abc""#],
        ..TOKEN
    },
    Rule {
        id: "heroku_key",
        title: "Heroku key",
        label: "HEROKU_KEY",
        anchor: Anchor::Words(&["HRKU-"]),
        pattern: "HRKU-[A-Za-z0-9_-]{32,70}",
        tail: Tail::Word,
        yes: &[
            "HEROKU_API_KEY=HRKU-AAb3tEzXHOoI8IpnUKCIH113PfBTOpr7syvxsbHdep72TEA4zxqnn3N3EtkY",
            "HRKU-55fc4e21-1509-fe9d-668b-739099f7a0a3",
        ],
        no: &["HRKU-x"],
        ..TOKEN
    },
    Rule {
        id: "heroku_uuid_key",
        title: "Heroku key: a UUID by its name",
        label: "HEROKU_KEY",
        anchor: Anchor::Words(&["heroku"]),
        pattern: assigned!("heroku", "(?i:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"),
        yes: &["HEROKU_API_KEY: de0fbfc4-8fa7-6b07-642d-11b56569b96f"],
        no: &[r#"heroku_app = "web""#],
        ..TOKEN
    },
    Rule {
        id: "shopify_token",
        title: "Shopify token",
        label: "SHOPIFY_TOKEN",
        anchor: Anchor::Words(&["shpat_", "shpca_", "shppa_", "shpss_", "shptka_", "shpua_"]),
        pattern: "shp(?:at|ca|pa|ss|tka|ua)_[A-Za-z0-9]{32,64}",
        yes: &["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"],
        no: &["shpat_x"],
        ..TOKEN
    },
    Rule {
        id: "grafana_token",
        title: "Grafana token",
        label: "GRAFANA_TOKEN",
        anchor: Anchor::Words(&["glc_", "glsa_"]),
        pattern: "(?:glc_[A-Za-z0-9+/]{30,200}={0,2}|glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8})",
        tail: Tail::Token,
        yes: &[
            "glsa_TWWsy0uXVx43WZ887gk5J2Bj7sBAJrqi_cc12cb5e",
            "glc_eyJvIjoiMSIsIm4iOiJ4IiwiaGSNJJGfm5GZ8HZab1N5ZRb8dAV4w5HCdmWcZWdWkMU8yPn0O3JU7eyozkph9G3EIWlT6xamh4K9Vsbp==",
        ],
        no: &["glsa_x", "glc_data"],
        ..TOKEN
    },
    Rule {
        id: "grafana_api_key",
        title: "Grafana key of the older form",
        label: "GRAFANA_TOKEN",
        anchor: Anchor::Words(&["eyJrIjoi"]),
        pattern: "(?i)eyJrIjoi[A-Za-z0-9+/]{50,220}={0,3}",
        tail: Tail::Token,
        yes: &["Authorization: Bearer eyJrIjoiR9H3f6KCdI5RQZzVojdOHUaa886vuasPjkTyS2S0V1BF05Ym3upNYSZDFdox8yXCNTaRX2J69MY9Zxca=="],
        no: &["eyJrIjoi"],
        ..TOKEN
    },
    Rule {
        id: "square_token",
        title: "Square token",
        label: "SQUARE_TOKEN",
        anchor: Anchor::Words(&["sq0atp-", "sq0csp-", "sq0idp-", "sq0idb-"]),
        pattern: "sq0(?:atp|csp|idp|idb)-[A-Za-z0-9_-]{22,60}",
        tail: Tail::Word,
        yes: &["sq0atp-4VeIKMh86j5RkR_kGpmdK3", "sq0csp-7o0f0kUpaiMibGzMgHV73n0zfCOd_zX8U_2x9hAdaZT"],
        no: &["sq0atp-x"],
        ..TOKEN
    },
    Rule {
        id: "square_access_token",
        title: "Square or Facebook access token",
        label: "ACCESS_TOKEN",
        anchor: Anchor::Words(&["EAA"]),
        pattern: "EAA[A-Za-z0-9_-]{56,200}",
        tail: Tail::Word,
        check: Some(tokens::random_token),
        yes: &[
            "SQUARE_TOKEN=EAAAJa93nGZw8F9Bnj6xVVs4abr3QjEpfH0tg6GY0ra00Qz4fSnEPEKs-OWWWBI0",
            "EAACEdEose0cBAS2P9biOmSXERGarnT3aAlwjf2qov7vwtce8XPxjCq0g40Eyi8jODVY44ro5DTrSuDyqBW9YuMXGfV6nJ7GMEhQQZmgC9xKQpFYih6BU0tanuEZBroSe1C8vs1Dr3i8zFW9rIVvXAxc1ks2gzPVCFoFkf7quj7wo5",
        ],
        no: &["EAA3KH8HVEFCiwifjn3Tiqc"],
        ..TOKEN
    },
    Rule {
        id: "squarespace_token",
        title: "Squarespace key by its name",
        label: "SQUARESPACE_TOKEN",
        anchor: Anchor::Words(&["squarespace"]),
        pattern: assigned!("squarespace", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        yes: &["SQUARESPACE_KEY=eea2e65e-9d54-9bd6-9601-3163f38b6ffc"],
        no: &[r#"squarespace_site = "x""#],
        ..TOKEN
    },
    Rule {
        id: "mailgun_key",
        title: "Mailgun key",
        label: "MAILGUN_KEY",
        anchor: Anchor::Words(&["key-"]),
        pattern: "(?:pubkey|key)-[0-9a-f]{32}",
        yes: &["api:key-89bc61f376dd6327c0449991a8df2b9f"],
        no: &["key-aa3e573e4edf44a79b56", "monkey-e1de5701d0d33e6cbd0d3a3629a4f946"],
        ..TOKEN
    },
    Rule {
        id: "mailchimp_key",
        title: "Mailchimp key",
        label: "MAILCHIMP_KEY",
        anchor: Anchor::Words(&["-us"]),
        pattern: "[0-9a-f]{32}-us[0-9]{1,2}",
        reach: 32,
        yes: &["MAILCHIMP=ab918e7e84cd05f0881a1ebc1f1450b2-us12"],
        no: &["a-us1"],
        ..TOKEN
    },
    Rule {
        id: "sendinblue_key",
        title: "Brevo (Sendinblue) key",
        label: "SENDINBLUE_KEY",
        anchor: Anchor::Words(&["xkeysib-", "xsmtpsib-"]),
        pattern: "x(?:key|smtp)sib-[0-9a-f]{64}-[A-Za-z0-9]{16}",
        yes: &["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"],
        no: &["xkeysib-x"],
        ..TOKEN
    },
    Rule {
        id: "postman_key",
        title: "Postman key",
        label: "POSTMAN_KEY",
        anchor: Anchor::Words(&["PMAK-", "PMAT-"]),
        pattern: "PM(?:AK-[0-9a-f]{24}-[0-9a-f]{34}|AT-[A-Z0-9]{26})",
        yes: &["PMAK-3d8ccdf0b9a217c5b9a17b7f-d6e39af909470cab25a4273ef55e034132"],
        no: &["PMAK-x"],
        ..TOKEN
    },
    Rule {
        id: "notion_token",
        title: "Notion token",
        label: "NOTION_TOKEN",
        anchor: Anchor::Words(&["ntn_", "secret_"]),
        pattern: "(?:ntn_[A-Za-z0-9]{40,56}|secret_[A-Za-z0-9]{43})",
        check: Some(tokens::random_token),
        yes: &["NOTION_KEY=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", "secret_7js8S45uPXGc33nfeBYbH7k7uZZMUIZ42VR4RGmBhlK"],
        no: &["secret_key_name", "ntn_x"],
        ..TOKEN
    },
    Rule {
        id: "linear_key",
        title: "Linear key",
        label: "LINEAR_KEY",
        anchor: Anchor::Words(&["lin_api_", "lin_oauth_"]),
        pattern: "lin_(?:api|oauth)_[A-Za-z0-9]{32,64}",
        yes: &["lin_api_yZNRd6vlgnowVyoeix5V1e7CUWkgnCgr9Sn1ZGnn"],
        no: &["lin_api_x"],
        ..TOKEN
    },
    Rule {
        id: "figma_token",
        title: "Figma token",
        label: "FIGMA_TOKEN",
        anchor: Anchor::Words(&["figd_", "figo_", "figu_", "figdr_"]),
        pattern: "fig(?:d|o|u|dr|or|ur|oh|uh)_[A-Za-z0-9_-]{36,60}",
        tail: Tail::Word,
        yes: &["figd_RWkAETHStQUBy6U7WwOQF1Xxl_leXDPfqmO7-yxB"],
        no: &["figd_x"],
        ..TOKEN
    },
    Rule {
        id: "dropbox_token",
        title: "Dropbox token",
        label: "DROPBOX_TOKEN",
        anchor: Anchor::Words(&["sl."]),
        pattern: r"sl\.(?:u\.)?[A-Za-z0-9_-]{100,200}",
        tail: Tail::Word,
        check: Some(tokens::random_token),
        yes: &[
            "sl.BsTY9ZkK1oEM_a79L74GqH4UvDsufeiUh0EUZFnPEb8KwEy06vhQzs7UbXrU94EOBohStWfT81cwbZS_c6_H-qOMuvXDv9SIRTiPs238ybwmgJsJNmJtqdcpUvMQNT4YUfGK3w0E6wSl5",
        ],
        no: &[
            "sl.example",
            "ssl.ZuGdc-HSUZD00GKDJr-hsP6-VYDSMTmmynM3sQnRbC8UnbxuOwaw1UqhY7gzVyojDr4xCYyJVdIFWVs8rLUt-oBfmsHXDPJdNOOyQr5Vek8Sn5HgOpWM1kXVU66-sx0sHnkl7Nwk8-gq",
        ],
        ..TOKEN
    },
    Rule {
        id: "airtable_token",
        title: "Airtable token",
        label: "AIRTABLE_TOKEN",
        anchor: Anchor::Words(&["pat"]),
        pattern: r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",
        yes: &["AIRTABLE=patWdOPtfSNklKSuk.cb3e94b8e56a5c5376484bcea0364ce888d775b8d7ee296be45d274e376a9b3b"],
        no: &["patch.json"],
        ..TOKEN
    },
    Rule {
        id: "asana_token",
        title: "Asana token",
        label: "ASANA_TOKEN",
        anchor: Anchor::Words(&["1/1", "2/1"]),
        pattern: "[12]/[0-9]{12,18}(?:/[0-9]{12,18})?:[0-9a-f]{32}",
        yes: &["asana: 1/1461664000861212:9f8e8a37cfdc75463eb4b8326ff042a1"],
        no: &["1/2"],
        ..TOKEN
    },
    Rule {
        id: "zoho_or_typeform_token",
        title: "Typeform token",
        label: "TYPEFORM_TOKEN",
        anchor: Anchor::Words(&["tfp_"]),
        pattern: "tfp_[A-Za-z0-9_.=-]{40,64}",
        tail: Tail::Word,
        yes: &["tfp_3IvLzf5DtRKiRWhlnyGlgLPVQFcZ8KwyeMc7NTvCgiSe_qyS7jWGEex"],
        no: &["tfp_x"],
        ..TOKEN
    },
    Rule {
        id: "shippo_token",
        title: "Shippo token",
        label: "SHIPPO_TOKEN",
        anchor: Anchor::Words(&["shippo_live_", "shippo_test_"]),
        pattern: "shippo_(?:live|test)_[0-9a-fA-F]{40}",
        yes: &["shippo_live_1db9146affc7d2cdef75e8117d678f80b865f0b2"],
        no: &["shippo_live_x"],
        ..TOKEN
    },
    Rule {
        id: "duffel_token",
        title: "Duffel token",
        label: "DUFFEL_TOKEN",
        anchor: Anchor::Words(&["duffel_live_", "duffel_test_"]),
        pattern: "duffel_(?:live|test)_[A-Za-z0-9_=-]{43}",
        yes: &["duffel_test_UJlqXIhiotUOPQ2nVKrhULJtdB8OPa95A9TSMoXIh0X"],
        no: &["duffel_test_x"],
        ..TOKEN
    },
    Rule {
        id: "easypost_token",
        title: "EasyPost key",
        label: "EASYPOST_TOKEN",
        anchor: Anchor::Words(&["EZAK", "EZTK"]),
        pattern: "(?i)EZ[AT]K[A-Za-z0-9]{54}",
        yes: &["EZAKCejhG1Y5oO6ycbBBSspjGlttU43MnxjAQHwrvqBJXmFZA3rybNyzJ1"],
        no: &["EZAK"],
        ..TOKEN
    },
    Rule {
        id: "flutterwave_key",
        title: "Flutterwave key",
        label: "FLUTTERWAVE_KEY",
        anchor: Anchor::Words(&["FLWSECK", "FLWPUBK"]),
        pattern: "FLW(?:SECK|PUBK)(?:_TEST)?-[A-Za-z0-9]{12,40}(?:-X)?",
        check: Some(tokens::random_token),
        yes: &["FLWSECK_TEST-7d42d6d9aad0a2f0c1a10df67d2b5fd3-X"],
        no: &["FLWSECK-"],
        ..TOKEN
    },
    Rule {
        id: "frameio_token",
        title: "Frame.io token",
        label: "FRAMEIO_TOKEN",
        anchor: Anchor::Words(&["fio-u-"]),
        pattern: "(?i)fio-u-[A-Za-z0-9_=-]{64}",
        yes: &["fio-u-blqnNKBYmOaLcuNUA1xKumt54zCf9BuDtDePC5NAPltP2bVaRe61q2IxhLgGcZeq"],
        no: &["fio-u-x"],
        ..TOKEN
    },
    Rule {
        id: "intra42_secret",
        title: "42 intra secret",
        label: "INTRA42_SECRET",
        anchor: Anchor::Words(&["s-s4t2"]),
        pattern: "s-s4t2(?:ud|af)-[0-9a-f]{64}",
        yes: &["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"],
        no: &["s-s4t2ud-x"],
        ..TOKEN
    },
    Rule {
        id: "adobe_secret",
        title: "Adobe secret",
        label: "ADOBE_SECRET",
        anchor: Anchor::Words(&["p8e-"]),
        pattern: "p8e-[A-Za-z0-9]{32}",
        yes: &["p8e-1yqx6bEJyHZUXzbW2f7gChbTOb6ePn5s"],
        no: &["p8e-x"],
        ..TOKEN
    },
    Rule {
        id: "plaid_token",
        title: "Plaid token",
        label: "PLAID_TOKEN",
        anchor: Anchor::Words(&["access-sandbox-", "access-development-", "access-production-"]),
        pattern: "access-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["access-sandbox-703a39a9-3627-f837-619e-2b00eb89cb4c"],
        no: &["access-sandbox-x"],
        ..TOKEN
    },
    Rule {
        id: "readme_token",
        title: "ReadMe token",
        label: "README_TOKEN",
        anchor: Anchor::Words(&["rdme_"]),
        pattern: "rdme_[a-z0-9]{70}",
        yes: &["rdme_686n8aeb143ctt4dops1nqkayaspy8lwh5oo3h2a9i0wp2u6ihpwp21m9qep2s9t9cgnc4"],
        no: &["rdme_x"],
        ..TOKEN
    },
    Rule {
        id: "hubspot_token",
        title: "HubSpot private app token",
        label: "HUBSPOT_TOKEN",
        anchor: Anchor::Words(&["pat-na", "pat-eu"]),
        pattern: "pat-(?:na|eu)[0-9]{1,2}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["pat-na1-8b0a9a85-baf3-658d-5a33-4ff774015788"],
        no: &["pat-na1-x"],
        ..TOKEN
    },
    Rule {
        id: "teams_webhook",
        title: "Microsoft Teams webhook URL",
        label: "TEAMS_WEBHOOK",
        anchor: Anchor::Words(&["webhook.office.com/webhookb2/"]),
        pattern: r"webhook\.office\.com/webhookb2/[0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/[0-9a-zA-Z]{32}/[0-9a-f-]{36}",
        before: Edge::Any,
        after: Edge::Any,
        yes: &[
            "https://acme.webhook.office.com/webhookb2/e4eecd62-6bb2-eb00-ab54-e2a442b51668@b6cf8ef5-aa32-6e52-9a74-c7136120361f/IncomingWebhook/5999d8a76deee486f9bd5548905ee93b/766d7473-d129-caed-7f78-dc2af4167567",
        ],
        no: &["webhook.office.com/webhookb2/"],
        ..TOKEN
    },
    Rule {
        id: "discord_token",
        title: "Discord bot token",
        label: "DISCORD_TOKEN",
        anchor: Anchor::Words(&[
            "MTA", "MTE", "MTI", "MTM", "MTQ", "MTU", "MTY", "MTc", "MTg", "MTk", "MjA", "MjE", "MjI", "MjM", "MjQ", "MjU", "MjY", "Mjc",
            "Mjg", "Mjk", "MzA", "MzE", "MzI", "MzM", "MzQ", "MzU", "MzY", "Mzc", "Mzg", "Mzk", "NjA", "NjE", "NjI", "NjM", "NjQ", "NjU",
            "NjY", "Njc", "Njg", "Njk", "NzA", "NzE", "NzI", "NzM", "NzQ", "NzU", "NzY", "Nzc", "Nzg", "Nzk", "NDM", "NDQ", "NDY", "NDc",
            "NDg", "NDk", "NTM", "NTQ", "NTY", "NTc", "NTg", "NTk", "ODM", "ODQ", "ODY", "ODc", "ODg", "ODk", "OTM", "OTQ", "OTY", "OTc",
            "OTg", "OTk",
        ]),
        pattern: r"[MNO][A-Za-z0-9_-]{22,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",
        tail: Tail::Word,
        check: Some(tokens::random_token),
        yes: &[
            "MTE1Ir7DuDPyyV96KqwRHbW0uW.G2DMnW.QjhxNshwtoVRSs_qP0jXhOW9qjoyROyP7W4vrH",
            "`NjkNKjlmD2F5kSP5ekrhOrANB.X88lt6.fRCzDfOG8kW9vKWN_b2ARikl7mw`",
        ],
        no: &["MTA.G.x", "yj146dhOMTEGNlnVzmPE2IlJpwtFtUdOtE.GYxyce.8lSIe7QkcoxxBm1Efh_uuwcMH8nquSTItEXfN9"],
        ..TOKEN
    },
    Rule {
        id: "discord_token_named",
        title: "Discord bot token",
        label: "DISCORD_TOKEN",
        anchor: Anchor::Words(&["discord", "Bot "]),
        pattern: r#"(?:Bot |(?i:discord)[^\n]{0,60}?[\s=:"\x27/(\x60])(?P<v>[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38})"#,
        tail: Tail::Word,
        check: Some(tokens::random_value),
        yes: &[
            "DISCORD_TOKEN=MTEgjRQ48ZH7PcpVxwIb1tepge.GKFMPh.isxU9t2DZdsU-PgIomk2w0DyoQlodBYIrLwsPG",
            "Authorization: Bot NW8ujuAptox8hBTQigPsh7AM.XY1QMN.TNhhA3QUasQEC3kvv8LGMv_GmpE",
        ],
        no: &["M.G.x", "discord.com"],
        ..TOKEN
    },
];
