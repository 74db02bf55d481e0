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
            "sntrys_eyJpYXQiOjE3GpwVYdJ76QicQ6WzrvHAmmr28JKK9oJ27jLayItKcA8mg6tP45utQfI789BhQYNb9FxGBeeRvdmMGHip_wrUuhH5yUT1qkyMb7jvkRrG8rl2mUGJSnk9ZmiIBAwq",
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
        yes: &["SENTRY_AUTH_TOKEN=aeacc8dda97b2079a7a9dabf9beb8060c6326f56f735ecd44397719595f209a6"],
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
        yes: &["https://27e1f5022cd13bd571cbc2da56e9b4c3@o1.ingest.sentry.io/42"],
        no: &["https://docs.sentry.io/"],
        ..TOKEN
    },
    Rule {
        id: "databricks_token",
        title: "Databricks token",
        label: "DATABRICKS_TOKEN",
        anchor: Anchor::Words(&["dapi", "dose"]),
        pattern: "(?:dapi|dose)[0-9a-f]{32}(?:-[0-9])?",
        yes: &["DATABRICKS_TOKEN=dapif880fcdbd5a1a0bbb79dd529ec68ee0f"],
        no: &["dapi-docs", "adapi9be40def3ff47eae582043e0c8918e6a"],
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
        yes: &["NRAK-5IQA9KQ4A5R1B4X2K6YMKXI2E2S"],
        no: &["NRAK-x"],
        ..TOKEN
    },
    Rule {
        id: "dynatrace_token",
        title: "Dynatrace token",
        label: "DYNATRACE_TOKEN",
        anchor: Anchor::Words(&["dt0c01.", "dt0s", "dt0e"]),
        pattern: r"(?i)dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}",
        yes: &["dt0c01.8AAVSPGDJ7S0QMWI8KOPW5AA.FRNP1VSQG2XSAEGBYFP6FEOETNHKZGAHI7GMONG19TMYDPI6TUATJFPG2D3Z6DBD"],
        no: &["dt0c01.x"],
        ..TOKEN
    },
    Rule {
        id: "prefect_token",
        title: "Prefect token",
        label: "PREFECT_TOKEN",
        anchor: Anchor::Words(&["pnu_", "pnb_"]),
        pattern: "pn[ub]_[A-Za-z0-9]{36}",
        yes: &["pnu_HcFNUejXSFG1iP8XoiE2Q1OgVVogmI7jo8vE"],
        no: &["pnu_x"],
        ..TOKEN
    },
    Rule {
        id: "infracost_key",
        title: "Infracost key",
        label: "INFRACOST_KEY",
        anchor: Anchor::Words(&["ico-"]),
        pattern: "ico-[A-Za-z0-9]{32}",
        yes: &["INFRACOST_API_KEY=ico-71saybH50ZzoI1iN1jaGzpAA7XtzjyLL"],
        no: &["ico-x", "unico-8r1kYrRNqfAkPkI8Dtfn0tZt5MdWMO4h"],
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
        yes: &["AQVN3PfrJUknHYEKP1gXfhl3iXQFFq0HKkK5DJJN", "y0_ShQpbkYNNq8RDhKSQwWsUmSWtBq9JstfiToUMFzBdKI7MOWwNfqYMZK"],
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
        yes: &["CFPAT-eqJChBaoF7nWladL9Z9ml8W_j7YsSUkW-9OjmJGh2Uv"],
        no: &["CFPAT-x"],
        ..TOKEN
    },
    Rule {
        id: "mapbox_token",
        title: "Mapbox token",
        label: "MAPBOX_TOKEN",
        anchor: Anchor::Words(&["pk.", "sk.eyJ", "tk.eyJ"]),
        pattern: r"[pst]k\.(?:eyJ[A-Za-z0-9_-]{20,200}|[A-Za-z0-9]{60})\.[A-Za-z0-9_-]{20,24}",
        yes: &["sk.eyJ1IjoiYSIsImEiOiJTgr8runq6L8GCIdDpwI66PRlPrJ9xks4jeJEk5XhrfzW6T3vKc1FByBLVbFk.HuM4jdokUaGB6qYCDmVwX9"],
        no: &["pk.eyJ"],
        ..TOKEN
    },
    Rule {
        id: "confluent_key",
        title: "Confluent Cloud key",
        label: "CONFLUENT_KEY",
        anchor: Anchor::Words(&["cflt"]),
        pattern: "cflt[A-Za-z0-9+/]{58,62}",
        yes: &["cfltmvk2gnB8sz09ztbjDuvDBYrVADVlrnGpLvdtlgZPfMFCbcrb4jkCChrVidCv"],
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
        yes: &["essu_bBCsCUfFVxZQ9QqhiYkx9o4Q8iItmmF2553Py11oHiCKU9SwCs6VnmePhvsLrr8X3LEAVu=="],
        no: &["essu_x"],
        ..TOKEN
    },
    Rule {
        id: "posthog_key",
        title: "PostHog key",
        label: "POSTHOG_KEY",
        anchor: Anchor::Words(&["phx_", "phc_"]),
        pattern: "ph[xc]_[A-Za-z0-9_]{40,56}",
        yes: &["phx_FoeJoVCgrXbnAbK1BSNg3FCqHBBuADrRFCS6Iy2ZRk1"],
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
        yes: &["pcsk_fyqzl3_Zme7M7wEAZlHWdeVxxYxS4frsrYMHrQqnByllBlkbKmAppC26JrnLQnmyVbtC7q"],
        no: &["pcsk_x"],
        ..TOKEN
    },
];
