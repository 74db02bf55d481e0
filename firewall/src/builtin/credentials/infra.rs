//! Tokens of observability and data services.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
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
            "sntrys_eyJpYXQiOjE34F9dX4HQgWxG5YirCaittGpqjG1yTxPrep1wFlbRwRxQQXlLXJvm59L5IFMVIftssTIvTjdTan7RE4ix_EpsruPWAiYH5RwV5YcTP6QdNXTT9Ez4tphTwMiei0Nl",
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
        yes: &["SENTRY_AUTH_TOKEN=92d44243feb932fed963b2e2288f7d50d455b7cac1852e6f2e05ead168c2bc18"],
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
        yes: &["https://30029abcd70710b8c4261d0211d30ce1@o1.ingest.sentry.io/42"],
        no: &["https://docs.sentry.io/"],
        ..TOKEN
    },
    Rule {
        id: "databricks_token",
        title: "Databricks token",
        label: "DATABRICKS_TOKEN",
        anchor: Anchor::Words(&["dapi", "dose"]),
        pattern: "(?:dapi|dose)[0-9a-f]{32}(?:-[0-9])?",
        yes: &["DATABRICKS_TOKEN=dapi36c22573ac09b49b0110f93ae6bad0b5"],
        no: &["dapi-docs", "adapie22c39a4765ac6cbd6d0722b2958a026"],
        ..TOKEN
    },
    Rule {
        id: "newrelic_key",
        title: "New Relic key",
        label: "NEWRELIC_KEY",
        anchor: Anchor::Words(&["NRAK-", "NRJS-", "NRII-", "NRRA-", "NRIQ-", "NRSP-", "NRAA-", "NRBR-"]),
        pattern: "NR(?:AK|JS|II|RA|IQ|SP|AA|BR|AL|AP)-[A-Za-z0-9_-]{19,40}",
        tail: Tail::Word,
        check: Some(tokens::random_token),
        yes: &["NRAK-5B7ZB6PWD9ICZRV70MMR9O9JAY8"],
        no: &["NRAK-x"],
        ..TOKEN
    },
    Rule {
        id: "dynatrace_token",
        title: "Dynatrace token",
        label: "DYNATRACE_TOKEN",
        anchor: Anchor::Words(&["dt0c01.", "dt0s", "dt0e"]),
        pattern: r"(?i)dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}",
        yes: &["dt0c01.TC0MGTUTF81HB5X61EEVDM67.IPWRUH7YQKYBJVKR6RLM69NKMI810WQ7V3U7YYQ090USOX9F6A8PT88UPUS0UX5S"],
        no: &["dt0c01.x"],
        ..TOKEN
    },
    Rule {
        id: "prefect_token",
        title: "Prefect token",
        label: "PREFECT_TOKEN",
        anchor: Anchor::Words(&["pnu_", "pnb_"]),
        pattern: "pn[ub]_[A-Za-z0-9]{36}",
        yes: &["pnu_JwJCwXrbnbJLzn6UgfVm1F673knUE1QpU2gk"],
        no: &["pnu_x"],
        ..TOKEN
    },
    Rule {
        id: "infracost_key",
        title: "Infracost key",
        label: "INFRACOST_KEY",
        anchor: Anchor::Words(&["ico-"]),
        pattern: "ico-[A-Za-z0-9]{32}",
        yes: &["INFRACOST_API_KEY=ico-YZ0NCyAjY4i8W8gZspods3lWs1lZFfbs"],
        no: &["ico-x", "unico-vnV93eVpCc2XFkbeeyW3PA78dNh5wHBk"],
        ..TOKEN
    },
    Rule {
        id: "yandex_key",
        title: "Yandex key",
        label: "YANDEX_KEY",
        anchor: Anchor::Words(&["AQVN", "YCAJ", "YCM", "YCP", "t1.9eu", "y0_"]),
        pattern: r"(?:AQVN[A-Za-z0-9_-]{35,38}|YC[AMPN][A-Za-z0-9_-]{37,40}|t1\.9eu[A-Za-z0-9_-]{40,200}(?:\.[A-Za-z0-9_-]{40,100})?|y0_[A-Za-z0-9_-]{50,65})",
        tail: Tail::Word,
        check: Some(tokens::random_token),
        yes: &["AQVNpcyxyYeBUv7kmDsTxiz3gEqrRKQKbFyAwBSk", "y0_uGd9UvbJwxxo95Ks0GVJASZBHlesCyQ0RmrCDLaK7YF3sJK6YwDjL6b"],
        no: &["AQVN", "YCM_"],
        ..TOKEN
    },
    Rule {
        id: "contentful_token",
        title: "Contentful token",
        label: "CONTENTFUL_TOKEN",
        anchor: Anchor::Words(&["CFPAT-"]),
        pattern: "CFPAT-[A-Za-z0-9_-]{40,50}",
        tail: Tail::Word,
        yes: &["CFPAT-14_p_-sE6O5uGkarp5bYIMgI5yR-qGavH8a-J3c8U5v"],
        no: &["CFPAT-x"],
        ..TOKEN
    },
    Rule {
        id: "mapbox_token",
        title: "Mapbox token",
        label: "MAPBOX_TOKEN",
        anchor: Anchor::Words(&["pk.", "sk.eyJ", "tk.eyJ"]),
        pattern: r"[pst]k\.(?:eyJ[A-Za-z0-9_-]{20,200}|[A-Za-z0-9]{60})\.[A-Za-z0-9_-]{20,24}",
        yes: &["sk.eyJ1IjoiYSIsImEiOiJGym5kxiCW2eC0sIaa5vs9pgdYjHs8U4XAqmYw6iIZ9OMko7pwLRFaaOfrnpS.KBLvVsqYg74Cxs0K5aV6Ue"],
        no: &["pk.eyJ"],
        ..TOKEN
    },
    Rule {
        id: "confluent_key",
        title: "Confluent Cloud key",
        label: "CONFLUENT_KEY",
        anchor: Anchor::Words(&["cflt"]),
        pattern: "cflt[A-Za-z0-9+/]{58,62}",
        yes: &["cfltUGPtRuXP0atjfpN2gCdDzGdQW60Kb31dHcFNUejXSFG1iP8XoiE2Q1OgVVog"],
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
        yes: &["essu_mI7jo8vE71saybH50ZzoI1iN1jaGzpAA7XtzjyLL8r1kYrRNqfAkPkI8Dtfn0tZt5MdWMO=="],
        no: &["essu_x"],
        ..TOKEN
    },
    Rule {
        id: "posthog_key",
        title: "PostHog key",
        label: "POSTHOG_KEY",
        anchor: Anchor::Words(&["phx_", "phc_"]),
        pattern: "ph[xc]_[A-Za-z0-9_]{40,56}",
        yes: &["phx_4h3PfrJUknHYEKP1gXfhl3iXQFFq0HKkK5DJJNShQpb"],
        no: &["phx_x"],
        ..TOKEN
    },
    Rule {
        id: "pinecone_key",
        title: "Pinecone key",
        label: "PINECONE_KEY",
        anchor: Anchor::Words(&["pcsk_"]),
        pattern: "pcsk_[A-Za-z0-9_]{60,80}",
        tail: Tail::Word,
        yes: &["pcsk_kYNNq8_RDhKSQwWsUmSWtBq9JstfiToUMFzBdKI7MOWwNfqYMZKcONirGodRXnVK5ahRpD"],
        no: &["pcsk_x"],
        ..TOKEN
    },
];
