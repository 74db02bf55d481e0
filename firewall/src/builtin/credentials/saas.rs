//! Tokens of payment services, mail services, shops and offices.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Rule, Tail};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "stripe_key",
        title: "Stripe key",
        label: "STRIPE_KEY",
        anchor: Anchor::Words(&["sk_live_", "sk_test_", "sk_prod_", "rk_live_", "rk_test_", "rk_prod_", "sk_org_"]),
        pattern: "[sr]k_(?:live|test|prod|org)_[A-Za-z0-9_]{10,180}",
        check: Some(tokens::random_token),
        yes: &[
            "STRIPE_KEY=sk_live_j0nzxbd74UFXpD3D1yqx6bEJ",
            "rk_test_51yHZUXzbW2f7gChbTOb6ePn5spRbgMTu0X2hsJKHusRh5mfWQTpFrgomctC64f63xabDY4w7XqtzwGi0XRPzGINLVV72L17G8n",
        ],
        no: &["sk_test_key", "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx", "ask_live_Ia0e7WbOBESLDct7tEdops07"],
        ..TOKEN
    },
    Rule {
        id: "stripe_webhook_secret",
        title: "Stripe webhook secret",
        label: "STRIPE_KEY",
        anchor: Anchor::Words(&["whsec_"]),
        pattern: "whsec_[A-Za-z0-9+/]{24,64}={0,2}",
        yes: &["whsec_1TYB8n6qkaKy0X0aZNsOpyNITl0O8NYw"],
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
        yes: &["pk_live_Nh1FWooORXYDh2CaJYWiAwpC"],
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
        yes: &["TWILIO_ACCOUNT_SID=ACa437b7ed6827e991361f8b0a9a85baf3", "SK658d5a334ff774015788e4eecd626bb2"],
        no: &["SKeb00ab54e2a442b51668", "MACb6cf8ef5aa326e529a74c7136120361f"],
        ..TOKEN
    },
    Rule {
        id: "twilio_secret",
        title: "Twilio secret by its name",
        label: "TWILIO_KEY",
        anchor: Anchor::Words(&["twilio"]),
        pattern: assigned!("twilio", "(?:[0-9a-f]{32}|[A-Za-z0-9]{32})"),
        check: Some(tokens::named),
        yes: &["TWILIO_AUTH_TOKEN=5999d8a76deee486f9bd5548905ee93b"],
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
        no: &["SG.a.b", "MSG.ujvIoJ03xNfRCzDfOG8kW9.vKWN_b2ARikl7mwWtgoxBYy8wETN_MhM8UWfj8lSIe7"],
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
            "HEROKU_API_KEY=HRKU-AAQkcoxxBm1Efh_uuwcMH8nquSTItEXfN9mseFUTdMiEnj_oisxU9t2DZdsU",
            "HRKU-fa18332d-5d76-3a23-4954-a8a4ad797b3d",
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
        yes: &["HEROKU_API_KEY: 4393db91-16da-b04a-77d2-55f9895f8337"],
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
            "glsa_hngBNcd8UkJO1lek2Diw93v08mFQJ1HR_25dee51f",
            "glc_eyJvIjoiMSIsIm4iOiJ4IiwijK73qggodrJlB3dNRMHpA79HvbflvNhhByiMAiwhguzcsuZiBvZwKjbQUx6Dp4cXabhVVi14nHlyPdhj==",
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
        yes: &["Authorization: Bearer eyJrIjoiih2gPjLhwTohFiuKu2SlHNJd0pQwHSyc3nfXvcOqUDPnpiaCA1AMySmEVPkIkvwytavRZm0jrDHbrtt6=="],
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
        yes: &["sq0atp-F5GWtlN0zDoSJKk4WjNRF7", "sq0csp-T3c_SJ2eAv79-3oIeKlBHkmaaUV_-_dToERD2BO7aeV"],
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
            "SQUARE_TOKEN=EAAA6YQNZgz7g01v4etgWUGfZbh5Phc75yUhuG7mDQPwPt0PyZYrtI7pwder0KAP",
            "EAACEdEose0cBAqoJQDMcz68u5iy2ngKMJ6bgJ1QUKX8x8M3q6vqebhUHmZtXmYJHbuba7mhN3vYu0vsRtwwy70EcvQG3QpdOgxdsAcJuJqqehINFtt9IIDfyLlbVKIoHpktzGPliBPaCJSKlzodmbcB0IkykaW96WOCnOzfc5vY50",
        ],
        no: &["EAAQZqQnQdiEe306xtm1tx0"],
        ..TOKEN
    },
    Rule {
        id: "squarespace_token",
        title: "Squarespace key by its name",
        label: "SQUARESPACE_TOKEN",
        anchor: Anchor::Words(&["squarespace"]),
        pattern: assigned!("squarespace", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        check: Some(tokens::named),
        yes: &["SQUARESPACE_KEY=2e6eab61-f850-5bd0-e4ad-885b4e68afde"],
        no: &[r#"squarespace_site = "x""#],
        ..TOKEN
    },
    Rule {
        id: "mailgun_key",
        title: "Mailgun key",
        label: "MAILGUN_KEY",
        anchor: Anchor::Words(&["key-", "pubkey-"]),
        pattern: "(?:pubkey|key)-[0-9a-f]{32}",
        yes: &["api:key-f7730b5bca2bce6d5c0e6bad815826f2"],
        no: &["key-8f3c2295ca73fa3a2767", "monkey-d2376f5d2d5c02a65d56741844bdb468"],
        ..TOKEN
    },
    Rule {
        id: "mailchimp_key",
        title: "Mailchimp key",
        label: "MAILCHIMP_KEY",
        anchor: Anchor::Words(&["-us"]),
        pattern: "[0-9a-f]{32}-us[0-9]{1,2}",
        reach: 32,
        yes: &["MAILCHIMP=b287cd7a31cd2917aae623eaef6c9d52-us12"],
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
        yes: &["PMAK-34701f20e1f6e98f3adbbe06-1422ccb29d934a66bc346047e98d0fbe5c"],
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
        yes: &["NOTION_KEY=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", "secret_vvKV3sEViwY0WrTRdTNTYa2nFIDoY6yqjAAsUNEuRI4"],
        no: &["secret_key_name", "ntn_x"],
        ..TOKEN
    },
    Rule {
        id: "linear_key",
        title: "Linear key",
        label: "LINEAR_KEY",
        anchor: Anchor::Words(&["lin_api_", "lin_oauth_"]),
        pattern: "lin_(?:api|oauth)_[A-Za-z0-9]{32,64}",
        yes: &["lin_api_udq12YoANYvYuZtCd9dUl8uYLXEhG08F2L3UEBdt"],
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
        yes: &["figd_fBoS7YbV4HyfgwWwewouicvLlNvWVr-KV3P_VFQg"],
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
            "sl.BerXx56kG_t1siXpCt-tXxrQO5gKZDsQ1S3yteCb9Tr2qk0C29bFkwULbFtn-dnDa0CxdMAwPi72ArKv-n1ckZXlO9wN0GUc1qbhd-l6PptPkAiQ07PjqKWaJz6pDKbtW4PRRWotXZO6K",
        ],
        no: &[
            "sl.example",
            "ssl.lemnK5A3Wz9c90SejjA4bPXgCrfpXPuOBF8hKnF23a0LJV_ZYXqpFgtYlmpF8KVCv03YsgWvuEYK49ZRgjvtF_Gv1LgF67IqXmIFvgCh8YiS_f8K5V3vju00fWimh1z6P1cnU-M50i8L",
        ],
        ..TOKEN
    },
    Rule {
        id: "airtable_token",
        title: "Airtable token",
        label: "AIRTABLE_TOKEN",
        anchor: Anchor::Words(&["pat"]),
        pattern: r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",
        yes: &["AIRTABLE=patB8tdJaaoeAwQVB.4b92193981a6a17327bb15afa042679ec002a0395f50e9f52318d90e711e21ab"],
        no: &["patch.json"],
        ..TOKEN
    },
    Rule {
        id: "asana_token",
        title: "Asana token",
        label: "ASANA_TOKEN",
        anchor: Anchor::Words(&["1/1", "2/1"]),
        pattern: "[12]/[0-9]{12,18}(?:/[0-9]{12,18})?:[0-9a-f]{32}",
        yes: &["asana: 1/1734162690962823:5eb9ccd0f83a04b911efdc26b0f1d525"],
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
        yes: &["tfp_pHcg0P3iaA6joPthdpMnWpd9iXpXb2W4oeWF1Tvl1No9_O6VJ0Ld2Cc"],
        no: &["tfp_x"],
        ..TOKEN
    },
    Rule {
        id: "shippo_token",
        title: "Shippo token",
        label: "SHIPPO_TOKEN",
        anchor: Anchor::Words(&["shippo_live_", "shippo_test_"]),
        pattern: "shippo_(?:live|test)_[0-9a-fA-F]{40}",
        yes: &["shippo_live_9efac6727e92550cb08702e070508480df99b74b"],
        no: &["shippo_live_x"],
        ..TOKEN
    },
    Rule {
        id: "duffel_token",
        title: "Duffel token",
        label: "DUFFEL_TOKEN",
        anchor: Anchor::Words(&["duffel_live_", "duffel_test_"]),
        pattern: "duffel_(?:live|test)_[A-Za-z0-9_=-]{43}",
        yes: &["duffel_test_d9M5MfgLmVvoAwImxneBNRB5TVBjaVvdaeYzEwZdaxK"],
        no: &["duffel_test_x"],
        ..TOKEN
    },
    Rule {
        id: "easypost_token",
        title: "EasyPost key",
        label: "EASYPOST_TOKEN",
        anchor: Anchor::Words(&["EZAK", "EZTK"]),
        pattern: "(?i)EZ[AT]K[A-Za-z0-9]{54}",
        yes: &["EZAKlgtlR5u3QgdKD5RLvkZczhSWP6sC2XVAF67uGqZFQZ4UsRJfDXXuDP"],
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
        yes: &["FLWSECK_TEST-ec80b99b9e777444695b0406bd70f0c7-X"],
        no: &["FLWSECK-"],
        ..TOKEN
    },
    Rule {
        id: "frameio_token",
        title: "Frame.io token",
        label: "FRAMEIO_TOKEN",
        anchor: Anchor::Words(&["fio-u-"]),
        pattern: "(?i)fio-u-[A-Za-z0-9_=-]{60,70}",
        yes: &["fio-u-gBUzSMHUyUbQa5T7kJ9lyqi9DX1JIkrQQn4rHqKesSKMlFCEzBBdZDxp9s1lbp2m"],
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
        yes: &["p8e-bTxC6k4jqhk67IgjXFEIVBXJLhcpB9uB"],
        no: &["p8e-x"],
        ..TOKEN
    },
    Rule {
        id: "plaid_token",
        title: "Plaid token",
        label: "PLAID_TOKEN",
        anchor: Anchor::Words(&["access-sandbox-", "access-development-", "access-production-"]),
        pattern: "access-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["access-sandbox-f1eb8d1a-14aa-a624-6a58-9478dbd02fed"],
        no: &["access-sandbox-x"],
        ..TOKEN
    },
    Rule {
        id: "readme_token",
        title: "ReadMe token",
        label: "README_TOKEN",
        anchor: Anchor::Words(&["rdme_"]),
        pattern: "rdme_[a-z0-9]{70}",
        yes: &["rdme_4hjugbp1y4uwowzbg1riobfy1tlb7204clnsy7v10ik5rk4me7fez2x7dfewc64zi7gapt"],
        no: &["rdme_x"],
        ..TOKEN
    },
    Rule {
        id: "hubspot_token",
        title: "HubSpot private app token",
        label: "HUBSPOT_TOKEN",
        anchor: Anchor::Words(&["pat-na", "pat-eu"]),
        pattern: "pat-(?:na|eu)[0-9]{1,2}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["pat-na1-c8382003-6922-b41b-7b1c-e360fa66856e"],
        no: &["pat-na1-x"],
        ..TOKEN
    },
];
