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
            "STRIPE_KEY=sk_live_XoNP2UVcGRgndWfLRaQhV0m7",
            "rk_test_51QdJKU3LEWltGssB8q7uNp88mB7CCD84iJqVmEGVVtwBNOkkirGGNsaWlCCthxp4mnBpi5Koh8Bcf6szuD700OBMoNEprAzfVv",
        ],
        no: &["sk_test_key", "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx", "ask_live_MNFHjcOnOpM7UZSNZkno1Ir7"],
        ..TOKEN
    },
    Rule {
        id: "stripe_webhook_secret",
        title: "Stripe webhook secret",
        label: "STRIPE_KEY",
        anchor: Anchor::Words(&["whsec_"]),
        pattern: "whsec_[A-Za-z0-9+/]{24,64}={0,2}",
        yes: &["whsec_DuDPyyV96KqwRHbW0uW2DMnWJO79v8Te"],
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
        yes: &["pk_live_LdXLltjdljhVxvWWwL3jQL8L"],
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
        yes: &["TWILIO_ACCOUNT_SID=ACf4ad2c1acf4236aa6aece548456ef525", "SK838dd591a7671a8f2cf59c9f0d6a222e"],
        no: &["SK35c41356c6f57b9f919f", "MACbc12f2b81ea2035563d711f555098f34"],
        ..TOKEN
    },
    Rule {
        id: "twilio_secret",
        title: "Twilio secret by its name",
        label: "TWILIO_KEY",
        anchor: Anchor::Words(&["twilio"]),
        pattern: assigned!("twilio", "(?:[0-9a-f]{32}|[A-Za-z0-9]{32})"),
        check: Some(tokens::named),
        yes: &["TWILIO_AUTH_TOKEN=5bb847c19f3417bb092732f3245bf4d7"],
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
        no: &["SG.a.b", "MSG.Mv_GmpEY_3BUjr-kkBAjaZ.p0DEBwYf39NjDxuZuoAm3egvxju7rSRy_bjEpwYepkx"],
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
            "HEROKU_API_KEY=HRKU-AA344wg_tGmmChJx2gE0RdlxQpp3Xq0qTonPZfKOr2RSscU7EfbdprBwXgps",
            "HRKU-43343b73-f4aa-517b-c162-a18e6740eddc",
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
        yes: &["HEROKU_API_KEY: 6f55abc9-8e08-997e-8c42-9d673b892ec2"],
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
            "glsa_FFbOw2hNpvoYT6XQ6BSnLNOuDS8Z0a4V_1beca9c1",
            "glc_eyJvIjoiMSIsIm4iOiJ4IiwiT8mXDdLAANkCcjd2y33OOYYRxVqcMKzaUd3GNCu5dVbDCTmGxd6Sk7q6DgPovWuXlZJuVjIAumzYzijR==",
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
        yes: &["Authorization: Bearer eyJrIjoirDQhlKbci3ARsKnRu0n9zLfcB48o0ozyCZZSu796RTF2h4QyqjaqCWJFPHS2ARw1Y2ZLFBiN6LmJyNo8=="],
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
        yes: &["sq0atp-DKlzcqzf0m1cHlgJ8NNg53", "sq0csp-TDiieyYCVSlDn--3BdMKdNTGqrpHD6eYOqXBmdnUGRH"],
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
            "SQUARE_TOKEN=EAAAjcpyMydPdaypRPQLMSSX8eQFhnVhK1fPHGjo-MN7lXwcDEvNYwr3b5xYChzc",
            "EAACEdEose0cBAcB0IkykaW96WOCnOzfc5vY50QZqQnQdiEe306xtm1tx0TYWZeDnHNL7GCvxTM4ZnGdFrlUXalwAJbC9Tju6B3Jrqkx89iJLCmruFAQICFop8g5axlVxyIufxGK24OPUzUCmAk0KybDmOQwVu7B89qTXdkqf0nXEe",
        ],
        no: &["EAA35YP4qIEh6OVZzY04eft"],
        ..TOKEN
    },
    Rule {
        id: "squarespace_token",
        title: "Squarespace key by its name",
        label: "SQUARESPACE_TOKEN",
        anchor: Anchor::Words(&["squarespace"]),
        pattern: assigned!("squarespace", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        check: Some(tokens::named),
        yes: &["SQUARESPACE_KEY=5ca73fa3-a276-7d23-76f5-d2d5c02a65d5"],
        no: &[r#"squarespace_site = "x""#],
        ..TOKEN
    },
    Rule {
        id: "mailgun_key",
        title: "Mailgun key",
        label: "MAILGUN_KEY",
        anchor: Anchor::Words(&["key-", "pubkey-"]),
        pattern: "(?:pubkey|key)-[0-9a-f]{32}",
        yes: &["api:key-6741844bdb468b287cd7a31cd2917aae"],
        no: &["key-623eaef6c9d5214105dc", "monkey-512257015e7a6aac3008fc5fafcd1046"],
        ..TOKEN
    },
    Rule {
        id: "mailchimp_key",
        title: "Mailchimp key",
        label: "MAILCHIMP_KEY",
        anchor: Anchor::Words(&["-us"]),
        pattern: "[0-9a-f]{32}-us[0-9]{1,2}",
        reach: 32,
        yes: &["MAILCHIMP=3933d075f228beb38ec4f8ae038481ee-us12"],
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
        yes: &["PMAK-73fd969ed02dc6baa9f4b810-6fe7c84dd9faa187daa9e115af3ffd1916"],
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
        yes: &["NOTION_KEY=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", "secret_xiF3sMx2VBuSXFx7p7vdLGMJciylRCDZMfq28Fj2AJS"],
        no: &["secret_key_name", "ntn_x"],
        ..TOKEN
    },
    Rule {
        id: "linear_key",
        title: "Linear key",
        label: "LINEAR_KEY",
        anchor: Anchor::Words(&["lin_api_", "lin_oauth_"]),
        pattern: "lin_(?:api|oauth)_[A-Za-z0-9]{32,64}",
        yes: &["lin_api_VPMG62j3HY9eyh5oVLjFPjXWWyYORlY1iv8R1uWS"],
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
        yes: &["figd_5gKZDsQ1S3yteCb9Tr2qk0C29bFkwULbFtn-dnDa"],
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
            "sl.Bv03YsgWvuEYK49ZRgjvtF_Gv1LgF67IqXmIFvgCh8YiS_f8K5V3vju00fWimh1z6P1cnU-M50i8L2MgabDi0S3tVNkeKnNIfPBQeDnkESVgxQ8PdtlADN4WcdiQboMw-xb7N_vjohH3L",
        ],
        no: &[
            "sl.example",
            "ssl.b4Cee6khPV7BHoXw1bWrvCv4UNXW3d8HmParULhe481XkzSb8e2xluFfmqa1sCMpgFAFhrFcCi_RwDh4ecDSmt8UaeDqSAKJgnznVo5eSL7d6CqxNBX0VSFEYM5_QWBElF6MjwucWVaI",
        ],
        ..TOKEN
    },
    Rule {
        id: "airtable_token",
        title: "Airtable token",
        label: "AIRTABLE_TOKEN",
        anchor: Anchor::Words(&["pat"]),
        pattern: r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",
        yes: &["AIRTABLE=patO3oVZbR25K77fD.92eaeec80b99b9e777444695b0406bd70f0c73dcc0055c84e58688295fefcdd1"],
        no: &["patch.json"],
        ..TOKEN
    },
    Rule {
        id: "asana_token",
        title: "Asana token",
        label: "ASANA_TOKEN",
        anchor: Anchor::Words(&["1/1", "2/1"]),
        pattern: "[12]/[0-9]{12,18}(?:/[0-9]{12,18})?:[0-9a-f]{32}",
        yes: &["asana: 1/1753420335463276:841a70eff1ba85a14bb9b46d7f3c9c3c"],
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
        yes: &["tfp_7KXyQHdQnlB71cUgtnw1WhgV3Si5zJThHrCtGcQ6W9ix_hRr86CybTx"],
        no: &["tfp_x"],
        ..TOKEN
    },
    Rule {
        id: "shippo_token",
        title: "Shippo token",
        label: "SHIPPO_TOKEN",
        anchor: Anchor::Words(&["shippo_live_", "shippo_test_"]),
        pattern: "shippo_(?:live|test)_[0-9a-fA-F]{40}",
        yes: &["shippo_live_e5483534ffd317dadf1eb8d1a14aaa6246a58947"],
        no: &["shippo_live_x"],
        ..TOKEN
    },
    Rule {
        id: "duffel_token",
        title: "Duffel token",
        label: "DUFFEL_TOKEN",
        anchor: Anchor::Words(&["duffel_live_", "duffel_test_"]),
        pattern: "duffel_(?:live|test)_[A-Za-z0-9_=-]{43}",
        yes: &["duffel_test_rBK6xB2b3Q1fED0BMX4EShjuZg9bpKBPy89SEu87wVo"],
        no: &["duffel_test_x"],
        ..TOKEN
    },
    Rule {
        id: "easypost_token",
        title: "EasyPost key",
        label: "EASYPOST_TOKEN",
        anchor: Anchor::Words(&["EZAK", "EZTK"]),
        pattern: "(?i)EZ[AT]K[A-Za-z0-9]{54}",
        yes: &["EZAKwS4Wzb3OgBriobNfO8yVMBtlbHCAEc4L7lMns3y2MHTvWBAMikS3LF"],
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
        yes: &["FLWSECK_TEST-85f6222ceb122b1fc43079c838200369-X"],
        no: &["FLWSECK-"],
        ..TOKEN
    },
    Rule {
        id: "frameio_token",
        title: "Frame.io token",
        label: "FRAMEIO_TOKEN",
        anchor: Anchor::Words(&["fio-u-"]),
        pattern: "(?i)fio-u-[A-Za-z0-9_=-]{60,70}",
        yes: &["fio-u-PfeSwMjdLwo0xcNzCYhLT5KnbII0Y06FuPQmRn7qYl4nWDkLiLI6sOY4KXJCi3jo"],
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
        yes: &["p8e-iDerrJAfMQSBU4zb7PtY5GoARG33r5yK"],
        no: &["p8e-x"],
        ..TOKEN
    },
    Rule {
        id: "plaid_token",
        title: "Plaid token",
        label: "PLAID_TOKEN",
        anchor: Anchor::Words(&["access-sandbox-", "access-development-", "access-production-"]),
        pattern: "access-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["access-sandbox-46013e25-35fe-961b-ee4b-9608d3fce446"],
        no: &["access-sandbox-x"],
        ..TOKEN
    },
    Rule {
        id: "readme_token",
        title: "ReadMe token",
        label: "README_TOKEN",
        anchor: Anchor::Words(&["rdme_"]),
        pattern: "rdme_[a-z0-9]{70}",
        yes: &["rdme_3fbm6utrbhyedba0f44ubcebnipky4gin57ovzcgfrgabo9r0gvb8xx2g50i87s6tp43f9"],
        no: &["rdme_x"],
        ..TOKEN
    },
    Rule {
        id: "hubspot_token",
        title: "HubSpot private app token",
        label: "HUBSPOT_TOKEN",
        anchor: Anchor::Words(&["pat-na", "pat-eu"]),
        pattern: "pat-(?:na|eu)[0-9]{1,2}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["pat-na1-2152c225-9c43-921f-9ac9-576893f5a973"],
        no: &["pat-na1-x"],
        ..TOKEN
    },
];
