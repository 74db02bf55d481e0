//! Tokens of observability and data services.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::rule::{Anchor, Edge, Rule, Tail};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "sentry_token",
        title: "Sentry token",
        label: "SENTRY_TOKEN",
        anchor: Anchor::Words(&["sntrys_", "sntryu_", "sntrya_", "sntryi_"]),
        pattern: "sntry[suai]_(?:[0-9a-f]{64}|eyJ[A-Za-z0-9+/=_-]{40,200})",
        tail: Tail::Token,
        yes: &[
            "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",
            "sntrys_eyJpYXQiOjE3NKBYmOaLcuNUA1xKumt54zCf9BuDtDePC5NAPltP2bVaRe61q2IxhLgGcZeqMl1n1lcLUUvdHOcDlc72_4C8JMYrEs1N1sR5lPVyTuK4rgVSAMtZgNRDs24nnCBV",
        ],
        no: &["sntrys_x"],
        ..TOKEN
    },
    Rule {
        id: "sentry_key_named",
        title: "Sentry key by its name",
        label: "SENTRY_TOKEN",
        anchor: Anchor::Words(&["sentry"]),
        pattern: assigned!("sentry", "(?:[0-9a-f]{64})"),
        yes: &["SENTRY_AUTH_TOKEN=5640da7ff0d6837e55d615d9946cb01f7eec8b0fcc023e300269703a39a93627"],
        no: &[r#"sentry_env = "prod""#],
        ..TOKEN
    },
    Rule {
        id: "sentry_dsn",
        title: "Sentry DSN",
        label: "SENTRY_DSN",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Words(&["ingest.", "sentry.io"]),
        pattern: r"https?://[0-9a-f]{32}(?::[0-9a-f]{32})?@[A-Za-z0-9.-]{0,40}(?:ingest\.|sentry\.io)",
        reach: 140,
        after: Edge::Any,
        yes: &["https://f837619e2b00eb89cb4c6020dfe199f1@o1.ingest.sentry.io/42"],
        no: &["https://docs.sentry.io/"],
        ..TOKEN
    },
    Rule {
        id: "confluent_key",
        title: "Confluent Cloud key",
        label: "CONFLUENT_KEY",
        anchor: Anchor::Words(&["cflt"]),
        pattern: "cflt[A-Za-z0-9+/]{58,62}",
        yes: &["cfltops071TYB8n6qkaKy0X0aZNsOpyNITl0O8NYwNh1FWooORXYDh2CaJYWiAwp"],
        no: &["cflt"],
        ..TOKEN
    },
    Rule {
        id: "elastic_key",
        title: "Elastic key",
        label: "ELASTIC_KEY",
        anchor: Anchor::Words(&["essu_"]),
        pattern: "essu_[A-Za-z0-9+/=_-]{40,120}",
        tail: Tail::Token,
        yes: &["essu_C8uKGihpwSpCBmTJqRepUCs4OJtRJ84cUORgT3ncW4ErT3HxKWHYULavN1suW9PrlYJ1wv=="],
        no: &["essu_x"],
        ..TOKEN
    },
];
