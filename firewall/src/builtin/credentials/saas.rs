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
            "STRIPE_KEY=sk_live_Ao7f960dicGrBPGeSu05auJm",
            "rk_test_51g2waDXtRE8tpLeLErqdSKbauGn1YXtlEDcfzGY11JZ5idbabSJWIw5fvudnydHiEHNlhEmgkBJcFAl8kCYSFOmHgsAVCtUVZM",
        ],
        no: &["sk_test_key", "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx", "ask_live_k7Z0kOn2qk7U09jjixLlgc6s"],
        ..TOKEN
    },
    Rule {
        id: "stripe_webhook_secret",
        title: "Stripe webhook secret",
        label: "STRIPE_KEY",
        anchor: Anchor::Words(&["whsec_"]),
        pattern: "whsec_[A-Za-z0-9+/]{24,64}={0,2}",
        yes: &["whsec_UY5Av6LaxfPAHpeuXi0k9yTqZinFeBYu"],
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
        yes: &["pk_live_epEyO4UMcTFY84YqbHWhIjWM"],
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
        yes: &["TWILIO_ACCOUNT_SID=AC86b1521b2e80322f2634ae06bcb82275", "SK3a4f4169e7b0d5dc807224c723751d6c"],
        no: &["SKa377f21a31bcc2f180e0", "MAC65ea534cb0bdca3bce159dd01a87b291"],
        ..TOKEN
    },
    Rule {
        id: "twilio_secret",
        title: "Twilio secret by its name",
        label: "TWILIO_KEY",
        anchor: Anchor::Words(&["twilio"]),
        pattern: assigned!("twilio", "(?:[0-9a-f]{32}|[A-Za-z0-9]{32})"),
        check: Some(tokens::named),
        yes: &["TWILIO_AUTH_TOKEN=15d100599ae401bb466605ed91585a78"],
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
        no: &["SG.a.b", "MSG.Ui0PIfP1kxj_5azZ2nj8Rb.QXjak-ejw-8KZxoWYPzePWHGoNraGPbiEUXKkyvid-3"],
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
            "HEROKU_API_KEY=HRKU-AAme3J2ExVPoUMAdvs6iIZVw5AqPbhGvgivenrHVeu_-j06VadjUrnx9aLl6",
            "HRKU-15c368fb-5a52-e502-6625-966314904623",
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
        yes: &["HEROKU_API_KEY: ef92ab92-f70b-382f-5dbd-461aad903416"],
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
            "glsa_3lPHg6v3Za92z60lHOCPgcfrf9Xp95rS_7aea8221",
            "glc_eyJvIjoiMSIsIm4iOiJ4Iiwic5FSpzqqSVRqMLoOh5n1sjaBjSpm6O1yXGquh47YrE8r5PJLhJMJUgMGx4sorUTqJNAAOBuTcnPwuY70==",
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
        yes: &["Authorization: Bearer eyJrIjoiShiDj69mkljaq2bVJcZhTIJDHZ0BZQwUp5nCmliggBt5BMMpGjIfzkkUFyiD24eYY3cJUIcI6YlTbXtE=="],
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
        yes: &["sq0atp-6N3yzHUEmNaML9EQdPm06c", "sq0csp-8V_XrJ9PDAVaEAqk3hfVvyxyKSNB8rg6BPbFataKVSm"],
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
            "SQUARE_TOKEN=EAAAK4-1Jq1bp_1hOTR04IKXOUmv3tL30JHra1Wqp88ba74i88TsZWeiWTu6blyb",
            "EAACEdEose0cBAb1N5ZRb8dAV4w5HCdmWcZWdWkMU8yPn0O3JU7eyozkph9G3EIWlT6xamh4K9VsbpR9H3f6KCdI5RQZzVojdOHUaa886vuasPjkTyS2S0V1BF05Ym3upNYSZDFdox8yXCNTaRX2J69MY9Zxca9Cx9PVc1rstd1T3K",
        ],
        no: &["EAAED57eCvfI12vFMfqhgbK"],
        ..TOKEN
    },
    Rule {
        id: "squarespace_token",
        title: "Squarespace key by its name",
        label: "SQUARESPACE_TOKEN",
        anchor: Anchor::Words(&["squarespace"]),
        pattern: assigned!("squarespace", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        check: Some(tokens::named),
        yes: &["SQUARESPACE_KEY=9de3d1d2-b302-9208-6918-bed3d617a0f6"],
        no: &[r#"squarespace_site = "x""#],
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
        id: "asana_token",
        title: "Asana token",
        label: "ASANA_TOKEN",
        anchor: Anchor::Words(&["1/1", "2/1"]),
        pattern: "[12]/[0-9]{12,18}(?:/[0-9]{12,18})?:[0-9a-f]{32}",
        yes: &["asana: 1/1355540152741762:4e87e8aec8da26f363eb7f43d906afd8"],
        no: &["1/2"],
        ..TOKEN
    },
    Rule {
        id: "easypost_token",
        title: "EasyPost key",
        label: "EASYPOST_TOKEN",
        anchor: Anchor::Words(&["EZAK", "EZTK"]),
        pattern: "(?i)EZ[AT]K[A-Za-z0-9]{54}",
        yes: &["EZAKoSe1C8vs1Dr3i8zFW9rIVvXAxc1ks2gzPVCFoFkf7quj7wo53KH8HV"],
        no: &["EZAK"],
        ..TOKEN
    },
];
