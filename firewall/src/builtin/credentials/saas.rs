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
            "SLACK_BOT_TOKEN=xoxb-465981388971-3175937216403-uEZBroSe1C8vs1Dr3i8zFW9r",
            "xoxe.xoxp-1-IVvXAxc1ks2gzPVCFoFkf7quj7wo53KH8HVEFCiwifjn3TiqcCDufDnXT3lKYDt9WAl0isxSAOQnVSP97snYaUdhd3KM5IYUm3GRO4gOFgRqKY1wQVnFEzrU2sx9zmcXF4gUoZmPHAUBmLgepzNGbjSiss1t5ZLd",
            "xapp-1-AVR057FWT4U-5172831727886-f44a79b56e1de5701d0d33e6cbd0d3a3629a4f946ab918e7e84cd05f0881a1eb",
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
            "STRIPE_KEY=sk_live_6UkbG9IEBfXlL3q8JsKCVnIR",
            "rk_test_51ud63OEQy8u6QXeDw86x78uaYZx3hwYJ5Q33h9OLIGaEBcGrPOAe44ZyLnNsQ2PMSwu2nm4aPpaGYPgZPyGXGpo0hpgAqyyLV4",
        ],
        no: &["sk_test_key", "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx", "ask_live_AYFN0bxSXt9YuJ8fUdNoyl7I"],
        ..TOKEN
    },
    Rule {
        id: "stripe_webhook_secret",
        title: "Stripe webhook secret",
        label: "STRIPE_KEY",
        anchor: Anchor::Words(&["whsec_"]),
        pattern: "whsec_[A-Za-z0-9+/]{24,64}={0,2}",
        yes: &["whsec_wtudp3w6pEATmRVXHDYgXtNuEM4sPKbt"],
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
        yes: &["pk_live_ioKaz7L4uxekvifphCMVS1F7"],
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
        yes: &["TWILIO_ACCOUNT_SID=AC55e034132ab8e292e680fc113f65a0b0", "SK4149a1622d05a6d35c1a5367bc724b2e"],
        no: &["SK536e38666ac267b8b4ab", "MAC66ebec5aa7dc52f21c7a143aef6564bc"],
        ..TOKEN
    },
    Rule {
        id: "twilio_secret",
        title: "Twilio secret by its name",
        label: "TWILIO_KEY",
        anchor: Anchor::Words(&["twilio"]),
        pattern: assigned!("twilio", "(?:[0-9a-f]{32}|[A-Za-z0-9]{32})"),
        check: Some(tokens::named),
        yes: &["TWILIO_AUTH_TOKEN=fc29d379f0ef9ee848eb5745112b1d7b"],
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
        no: &["SG.a.b", "MSG.238ybwmgJsJNmJtqdcpUvM.QNT4YUfGK3w0E6wSl5ZuGdc-HSUZD00GKDJr-hsP6-V"],
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
            "https://api.telegram.org/bot8639545113:AAgtSXBj8VvGgvZaGJ0UoKUEx9galkLuGl5/getMe",
            "353118328:AAEHPC1lozL2mTr1xSVMbPT5Ir1pyOxjLZE",
        ],
        no: &["12:AB", "245271301:A5jqyRouM8r"],
        ..TOKEN
    },
    Rule {
        id: "telegram_token_named",
        title: "Telegram bot token by its name",
        label: "TELEGRAM_TOKEN",
        anchor: Anchor::Words(&["telegram", "tgram:", "bot_token", "TG_"]),
        pattern: assigned!("(?:telegram|tgram|bot_?token|tg_)", "[0-9]{5,16}:[A-Za-z0-9_-]{32,38}"),
        check: Some(tokens::real),
        yes: &["TELEGRAM_BOT_TOKEN=5017518794:6506d77uhG8yt3ARf7yW1xxQDDLHL4FjlA2"],
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
        yes: &["https://discord.com/api/webhooks/824118197421770204/kvwOvZVo6KqSG4wzPuYxoFBqHrSZ4QanzrX7JJG2CFwUI3E45kNyU7rx2kFr4mEyQLSm"],
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
            "DISCORD_CLIENT_SECRET=UGWj1ZJddhWorjwN_H4IQmCZ83ZCvsBn",
            r#"discord_public_key: "eb4b8326ff042a1ac2e94356c53f1bc21ae3428c4f2b1db9146affc7d2cdef75""#,
            r#"discordClientId = "740036383947490959""#,
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
            "HEROKU_API_KEY=HRKU-AAIBu9aVlxHorDMBIpNg2b0Cp4itpDWed23LEtwNMBVs0SIQG3z_0IXcWYE2",
            "HRKU-42d6d9aa-d0a2-f0c1-a10d-f67d2b5fd305",
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
        check: Some(tokens::named),
        yes: &["HEROKU_API_KEY: 86d601ad-ba69-ce2d-ae9e-2ed590028b33"],
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
            "glsa_VkmITiaLBuToEF4ObBmqZgpYCl8VlAGm_15d9946c",
            "glc_eyJvIjoiMSIsIm4iOiJ4Iiwixbd74UFXpD3D1yqx6bEJyHZUXzbW2f7gChbTOb6ePn5spRbgMTu0X2hsJKHusRh5mfWQTpFrgomctC64==",
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
        yes: &["Authorization: Bearer eyJrIjoif63xabDY4w7XqtzwGi0XRPzGINLVV72L17G8nIa0e7WbOBESLDct7tEdops071TYB8n6qkaKy0X0aZNs=="],
        no: &["eyJrIjoi"],
        ..TOKEN
    },
    Rule {
        id: "square_token",
        title: "Square token",
        label: "SQUARE_TOKEN",
        anchor: Anchor::Words(&["sq0atp-", "sq0csp-", "sq0idp-", "sq0idb-", "sq0atb-", "sq0csb-"]),
        pattern: "sq0(?:atp|atb|csp|csb|idp|idb)-[A-Za-z0-9_-]{22,60}",
        tail: Tail::Word,
        yes: &["sq0atp-EXxSo-DD7o4aq1TF4OroES", "sq0csp-E42zHiF5LNemBf9IUbRKPJxTR9mzxI1uOmos8-FErdf"],
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
            "SQUARE_TOKEN=EAAAwDGH7q76Z3BjAUUi4SbbRVwr4iOrqiSvhyyHSAW-G78xOOmkA6xkLQDsXDen",
            "EAACEdEose0cBAndWfLRaQhV0m7QdJKU3LEWltGssB8q7uNp88mB7CCD84iJqVmEGVVtwBNOkkirGGNsaWlCCthxp4mnBpi5Koh8Bcf6szuD700OBMoNEprAzfVvMNFHjcOnOpM7UZSNZkno1Ir7DuDPyyV96KqwRHbW0uW2DMnWJO",
        ],
        no: &["EAA79v8TeLdXLltjdljhVxv"],
        ..TOKEN
    },
    Rule {
        id: "squarespace_token",
        title: "Squarespace key by its name",
        label: "SQUARESPACE_TOKEN",
        anchor: Anchor::Words(&["squarespace"]),
        pattern: assigned!("squarespace", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        check: Some(tokens::named),
        yes: &["SQUARESPACE_KEY=b4f4ad2c-1acf-4236-aa6a-ece548456ef5"],
        no: &[r#"squarespace_site = "x""#],
        ..TOKEN
    },
    Rule {
        id: "mailgun_key",
        title: "Mailgun key",
        label: "MAILGUN_KEY",
        anchor: Anchor::Words(&["key-", "pubkey-"]),
        pattern: "(?:pubkey|key)-[0-9a-f]{32}",
        yes: &["api:key-25838dd591a7671a8f2cf59c9f0d6a22"],
        no: &["key-2e35c41356c6f57b9f91", "monkey-9fbc12f2b81ea2035563d711f555098f"],
        ..TOKEN
    },
    Rule {
        id: "mailchimp_key",
        title: "Mailchimp key",
        label: "MAILCHIMP_KEY",
        anchor: Anchor::Words(&["-us"]),
        pattern: "[0-9a-f]{32}-us[0-9]{1,2}",
        reach: 32,
        yes: &["MAILCHIMP=345bb847c19f3417bb092732f3245bf4-us12"],
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
        yes: &["PMAK-7cfd6b24f226620c3d7765c1-df92755c5363d115525e4ba6f02735c132"],
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
        yes: &["NOTION_KEY=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", "secret_uzcsuZiBvZwKjbQUx6Dp4cXabhVVi14nHlyPdhjih2g"],
        no: &["secret_key_name", "ntn_x"],
        ..TOKEN
    },
    Rule {
        id: "linear_key",
        title: "Linear key",
        label: "LINEAR_KEY",
        anchor: Anchor::Words(&["lin_api_", "lin_oauth_"]),
        pattern: "lin_(?:api|oauth)_[A-Za-z0-9]{32,64}",
        yes: &["lin_api_PjLhwTohFiuKu2SlHNJd0pQwHSyc3nfXvcOqUDPn"],
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
        yes: &["figd_Erb410Xz9vuQSXMaQytJ7cIMNF5GWtlN0zDoSJKk"],
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
            "sl.B4WjNRF7T3c_SJ2eAv79-3oIeKlBHkmaaUV_-_dToERD2BO7aeV6YQNZgz7g01v4etgWUGfZbh5Phc75yUhuG7mDQPwPt0PyZYrtI7pwder0KAPAZlf3DCYW5P-oWHtaG4-0S_2rzWCDK",
        ],
        no: &[
            "sl.example",
            "ssl.lzcqzf0m1cHlgJ8NNg53TDiieyYCVSlDn--3BdMKdNTGqrpHD6eYOqXBmdnUGRHjcpyMydPdaypRPQLMSSX8eQFhnVhK1fPHGjo-MN7lXwcDEvNYwr3b5xYChzce3vXub5AZkeQHAhr8",
        ],
        ..TOKEN
    },
    Rule {
        id: "airtable_token",
        title: "Airtable token",
        label: "AIRTABLE_TOKEN",
        anchor: Anchor::Words(&["pat"]),
        pattern: r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",
        yes: &["AIRTABLE=pate306xtm1tx0TYW.2e6eab61f8505bd0e4ad885b4e68afdef7730b5bca2bce6d5c0e6bad815826f2"],
        no: &["patch.json"],
        ..TOKEN
    },
    Rule {
        id: "asana_token",
        title: "Asana token",
        label: "ASANA_TOKEN",
        anchor: Anchor::Words(&["1/1", "2/1"]),
        pattern: "[12]/[0-9]{12,18}(?:/[0-9]{12,18})?:[0-9a-f]{32}",
        yes: &["asana: 1/1487161142653175:3a2767d2376f5d2d5c02a65d56741844"],
        no: &["1/2"],
        ..TOKEN
    },
    Rule {
        id: "typeform_token",
        title: "Typeform token",
        label: "TYPEFORM_TOKEN",
        anchor: Anchor::Words(&["tfp_"]),
        pattern: "tfp_[A-Za-z0-9_.=-]{40,64}",
        tail: Tail::Word,
        yes: &["tfp_KPx7BxK0LimHqx7fKro57zJApvP5KG78TSg2dzG9P76B_ftdpvuDmfh"],
        no: &["tfp_x"],
        ..TOKEN
    },
    Rule {
        id: "shippo_token",
        title: "Shippo token",
        label: "SHIPPO_TOKEN",
        anchor: Anchor::Words(&["shippo_live_", "shippo_test_"]),
        pattern: "shippo_(?:live|test)_[0-9a-fA-F]{40}",
        yes: &["shippo_live_eaef6c9d5214105dc512257015e7a6aac3008fc5"],
        no: &["shippo_live_x"],
        ..TOKEN
    },
    Rule {
        id: "duffel_token",
        title: "Duffel token",
        label: "DUFFEL_TOKEN",
        anchor: Anchor::Words(&["duffel_live_", "duffel_test_"]),
        pattern: "duffel_(?:live|test)_[A-Za-z0-9_=-]{43}",
        yes: &["duffel_test_FuZTEy9ISAdajmWgMS3HsgVhRUBMJKO7bp5kEeSVe3r"],
        no: &["duffel_test_x"],
        ..TOKEN
    },
    Rule {
        id: "easypost_token",
        title: "EasyPost key",
        label: "EASYPOST_TOKEN",
        anchor: Anchor::Words(&["EZAK", "EZTK"]),
        pattern: "(?i)EZ[AT]K[A-Za-z0-9]{54}",
        yes: &["EZAKU4xCQw4RO4grDzjWXFrvNW0CbgqirdCDd6a6Ra4CKhio40bdEUfLG7"],
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
        yes: &["FLWSECK_TEST-6bc346047e98d0fbe5c7270982cb31b7-X"],
        no: &["FLWSECK-"],
        ..TOKEN
    },
    Rule {
        id: "frameio_token",
        title: "Frame.io token",
        label: "FRAMEIO_TOKEN",
        anchor: Anchor::Words(&["fio-u-"]),
        pattern: "(?i)fio-u-[A-Za-z0-9_=-]{60,70}",
        yes: &["fio-u-gFBt3WG3nsLN1QCBVbHeGYATJHzmwvvKV3sEViwY0WrTRdTNTYa2nFIDoY6yqjAA"],
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
        yes: &["p8e-iylRCDZMfq28Fj2AJSVPMG62j3HY9eyh"],
        no: &["p8e-x"],
        ..TOKEN
    },
    Rule {
        id: "plaid_token",
        title: "Plaid token",
        label: "PLAID_TOKEN",
        anchor: Anchor::Words(&["access-sandbox-", "access-development-", "access-production-"]),
        pattern: "access-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["access-sandbox-74f4c54a-ae19-c74a-dbd6-4170fb4d42d7"],
        no: &["access-sandbox-x"],
        ..TOKEN
    },
    Rule {
        id: "readme_token",
        title: "ReadMe token",
        label: "README_TOKEN",
        anchor: Anchor::Words(&["rdme_"]),
        pattern: "rdme_[a-z0-9]{70}",
        yes: &["rdme_14apflxsap8jg5bgo7a0olbtnlue317nisk65g0bfzyfu4lt06qxb08ia8db5f3u86hjuf"],
        no: &["rdme_x"],
        ..TOKEN
    },
    Rule {
        id: "hubspot_token",
        title: "HubSpot private app token",
        label: "HUBSPOT_TOKEN",
        anchor: Anchor::Words(&["pat-na", "pat-eu"]),
        pattern: "pat-(?:na|eu)[0-9]{1,2}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["pat-na1-62adea24-9c08-6e37-904c-eaaac34ccae9"],
        no: &["pat-na1-x"],
        ..TOKEN
    },
    Rule {
        id: "teams_webhook",
        title: "Microsoft Teams webhook URL",
        label: "TEAMS_WEBHOOK",
        anchor: Anchor::Words(&["webhook.office.com/webhookb2/", "outlook.office"]),
        pattern: r"(?:webhook\.office\.com/webhookb2|outlook\.office(?:365)?\.com/webhook)/[0-9a-z-]{30,40}@[0-9a-z-]{30,40}/IncomingWebhook/[0-9a-zA-Z]{30,34}/[0-9a-z-]{30,40}",
        before: Edge::Any,
        after: Edge::Any,
        check: Some(tokens::real),
        yes: &[
            "https://acme.webhook.office.com/webhookb2/21339e6d-c6f0-fdb1-226e-67f1937dd0d9@8bfccc43-714c-2337-f9b7-5ddc41c557c9/IncomingWebhook/efca12547f85d917ee84c3875171fc2b/f1f9ebd5-25dd-1c23-1d6e-ad03bf9ed2f9",
        ],
        no: &["webhook.office.com/webhookb2/", "outlook.office"],
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
            "MTEB8tdJaaoeAwQVBjPxHZ4tOT.GX4fYR.xb7N_vjohH3Lb4Cee6khPV7BHoXw1bWrvCv4UN",
            "`NjkyyLBbO5EPYq6g9Pua0iO2x.Xs8dc5.481XkzSb8e2xluFfmqa1sCMpgFA`",
        ],
        no: &["MTA.G.x", "Wpd9iXpXMTEb2W4oeWF1Tvl1No9O6VJ0Ld.G2Cc9b.DSmt8UaeDqSAKJgnznVo5eSL7d6CqxNBX0VSFE"],
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
            "DISCORD_TOKEN=MTEHSzVtC1FURvy3IRnpM3NfU4.Gp3HD5.MjwucWVaIDck6aEdxaGrJc2-LMTErShlnyQD1T",
            "Authorization: Bot NImxneBNRB5TVBjaVvdaeYzE.XwZdax.wmNwPmh6RvfYpK50-PG_Kl6P65Z",
        ],
        no: &["M.G.x", "discord.com"],
        ..TOKEN
    },
    Rule {
        id: "telegram_url",
        title: "Telegram bot URL",
        label: "TELEGRAM_TOKEN",
        anchor: Anchor::Words(&["api.telegram.org/"]),
        pattern: r"api\.telegram\.org/(?:file/)?bot[0-9]{5,16}:[A-Za-z0-9_-]{30,40}",
        before: Edge::Any,
        after: Edge::NoAlnum,
        check: Some(tokens::real),
        yes: &["https://api.telegram.org/bot408544959:9tC7oLVONoI84p0TjO0RiQQ2UU5iS6nsk0x/getMe"],
        no: &["https://api.telegram.org/bot123:x"],
        ..TOKEN
    },
    Rule {
        id: "telegram_token_bare",
        title: "digits, a colon and 35 characters, as Telegram bot tokens have",
        label: "TELEGRAM_TOKEN",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Digits { least: 8, most: 10 },
        pattern: "[0-9]{8,10}:[A-Za-z0-9_-]{35}",
        check: Some(tokens::random_token),
        yes: &["bot 902035863:7KbTS6UEU6Yaz9pgBUzSMHUyUbQa5T7kJ9l"],
        no: &["642788243:4rHqKesSKMlFCEzBBdZDxp9s1lbp2m"],
        ..TOKEN
    },
    Rule {
        id: "discord_mfa_token",
        title: "Discord token of an account with a second factor",
        label: "DISCORD_TOKEN",
        anchor: Anchor::Words(&["mfa."]),
        pattern: r"mfa\.[A-Za-z0-9_-]{80,95}",
        tail: Tail::Word,
        check: Some(tokens::random_token),
        yes: &["mfa.uszplCAO2JGTrjcWu9pRI5aSDSFEK8cXRHwNuY9IUqkudjxwV4s2wQ5i9mBpFgzHsJzVMhKZy7KXyQHdQnlB"],
        no: &["mfa.enabled"],
        ..TOKEN
    },
];
