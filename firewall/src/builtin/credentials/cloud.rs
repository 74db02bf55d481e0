//! Keys of Amazon and Google.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Edge, Rule, Tail};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "aws_access_key",
        title: "AWS access key id",
        label: "AWS_ACCESS_KEY",
        anchor: Anchor::Words(&["AKIA", "ASIA", "ABIA", "ACCA", "AROA", "AIDA", "AGPA", "AIPA", "ANPA", "ANVA", "APKA", "A3T"]),
        pattern: "(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AROA|AIDA|AGPA|AIPA|ANPA|ANVA|APKA)[A-Z0-9]{16}",
        after: Edge::NoAlnum,
        check: Some(tokens::aws_id),
        yes: &["aws_access_key_id = AKIAOAS32XRXMMN6YGSE", "Credential=ASIAS3BP6ETXXEHV4NOF/20260101/us-east-1/s3/aws4_request"],
        no: &["AKIAIOSFODNN7EXAMPLE", "AKIA54ATJYY6UQHL2K3EF", "AKIAXXXXXXXXXXXXXXXX"],
        ..TOKEN
    },
    Rule {
        id: "aws_secret_key",
        title: "AWS secret access key by its name",
        label: "AWS_SECRET_KEY",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["aws", "secret_access_key", "secretaccesskey", "SecretKey"]),
        pattern: assigned!("(?:aws|secret_?access_?key|secretkey)", "[A-Za-z0-9/+]{40}"),
        check: Some(tokens::aws_named),
        yes: &[
            "aws_secret_access_key = oRDEHGYu9mHBWIf6mLh7g+mpxl0K1yFLhdDRfOxJ",
            r#""SecretAccessKey": "VckRxjW/yCe1vdFV+BT15o/jXcYL6Fe55My0aO6o""#,
            r#"AWS_SECRET="sOYgmeXEFTzfYrty3e7XepL9E50eaqqHCkylsb/9""#,
        ],
        no: &["aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_region = us-east-1"],
        ..TOKEN
    },
    Rule {
        id: "aws_secret_beside_id",
        title: "AWS secret access key beside its id",
        label: "AWS_SECRET_KEY",
        anchor: Anchor::Words(&["AKIA", "ASIA"]),
        pattern: r#"(?:AKIA|ASIA)[A-Z0-9]{16}["'\x60]?[\s,;:|/]{1,4}["'\x60]?(?:[\w ]{0,30}[=:]\s{0,2}["']?)?(?P<v>[A-Za-z0-9/+]{40})"#,
        check: Some(tokens::aws_secret),
        yes: &["AKIAO2U2OASFKKTJKGIC:6CtYXUJkNBpsBrxTotS/fLGKKKHkcERg1p5lSlwy"],
        no: &["AKIAHQ4NOEPUGPLMX74Y and more"],
        ..TOKEN
    },
    Rule {
        id: "aws_session_token",
        title: "AWS session token",
        label: "AWS_SESSION_TOKEN",
        anchor: Anchor::Words(&["aws_session_token", "sessiontoken", "security_token", "x-amz-security-token"]),
        pattern: assigned!("(?:aws_session_token|sessiontoken|security_token|x-amz-security-token)", "[A-Za-z0-9/+%]{100,180}"),
        tail: Tail::Token,
        check: Some(tokens::real),
        yes: &[
            "AWS_SESSION_TOKEN=IQoJb3JpZ2luX2VjCXX8xihbpS9ddmXiLuD7yU/IdkFGgZzKJNkHh2Ugsfn8o+z6lAi2kLEvWL/K0NyxUqQtyU2AXL4g5JV6skqQQuWWRdTRSbEmlTsC9Le7Cj/zVLM4EanC4UgsxhVSibdoQSz8QG9TDu09ciVfZweKbg==",
        ],
        no: &["aws_session_token = none"],
        ..TOKEN
    },
    Rule {
        id: "aws_bedrock_key",
        title: "AWS Bedrock API key",
        label: "AWS_BEDROCK_KEY",
        anchor: Anchor::Words(&["ABSK", "bedrock-api-key-"]),
        pattern: "(?:ABSK[A-Za-z0-9+/]{100,180}|bedrock-api-key-[A-Za-z0-9+/=_-]{30,180})",
        tail: Tail::Token,
        yes: &[
            "AWS_BEARER_TOKEN_BEDROCK=ABSKQmVkcm9ja0FQSUtleSojs1kVD1ezddGwZ8lfqvTUCwIRV9OBlpqILwuxggMR8bjY/66FqF0HEtkBscpWdOUto7Mew9C4wQISVEa9RYXcCgzADY6RQp2ppGSJBEdReoBX=",
            "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29ttjNlv/GqRM/gwQMLsE4A6xQK+KA+A0p2Dr7jWYoQbh1KaBmgYgQBuODbdSFc",
        ],
        no: &["ABSK40MSiM6GSTwi6Uhlk7wx", "bedrock-api-key-here"],
        ..TOKEN
    },
    Rule {
        id: "aws_mws_key",
        title: "Amazon Marketplace key",
        label: "AWS_MWS_KEY",
        anchor: Anchor::Words(&["amzn.mws."]),
        pattern: r"amzn\.mws\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["amzn.mws.acc5cd38-ec79-4347-4352-d916d3b49bd6"],
        no: &["amzn.mws.key"],
        ..TOKEN
    },
    Rule {
        id: "gcp_key",
        title: "Google API key",
        label: "GCP_KEY",
        anchor: Anchor::Words(&["AIza"]),
        pattern: "AIza[A-Za-z0-9_-]{35}",
        after: Edge::NoAlnum,
        yes: &["key=AIzafXgy_XTw0nUlzLgjg9Yn8TUjMrcwsRJ5zCB&x=1", "`AIzapK54V7LQKgkS5o0ub_XO0Uc8a0ovfP2qtml`"],
        no: &["AIzaZf5gOXpkLeryQkM67h31"],
        ..TOKEN
    },
    Rule {
        id: "gcp_oauth_secret",
        title: "Google OAuth client secret",
        label: "GCP_KEY",
        anchor: Anchor::Words(&["GOCSPX-"]),
        pattern: "GOCSPX-[A-Za-z0-9_-]{20,40}",
        tail: Tail::Word,
        yes: &[r#""client_secret":"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""#],
        no: &["GOCSPX-…"],
        ..TOKEN
    },
    Rule {
        id: "gcp_oauth_client_secret",
        title: "Google OAuth client secret of the older form, by its name",
        label: "GCP_KEY",
        confidence: Confidence::Medium,
        action: Action::Mask,
        anchor: Anchor::Words(&["client_secret", "clientsecret", "client secret"]),
        pattern: assigned!("client[_ -]?secret", "[A-Za-z0-9_-]{24}"),
        check: Some(tokens::random_value),
        yes: &["google_client_secret = '6Pxp9tiIqQ1DTAtOE7FaEdbm'"],
        no: &[r#"client_secret = "see-the-vault-for-a-key""#, "client_secret: <secret>"],
        ..TOKEN
    },
    Rule {
        id: "gcp_oauth_token",
        title: "Google OAuth access or refresh token",
        label: "GCP_TOKEN",
        anchor: Anchor::Words(&["ya29.", "1//0"]),
        pattern: r"(?:ya29\.[A-Za-z0-9_-]{30,200}|1//0[A-Za-z0-9_-]{40,120})",
        tail: Tail::Word,
        yes: &[
            "access_token=ya29.a0kv2QY-mhu4906_XUo_owhVeHEQt7riKc2sr-7mvWyUdPIejJ5poLALwF_29UudAnUVLp-QOFwqueB9hxec7_JUAnntdRuHwSTUkqNz_-waCHRdwLk2Sfcf_f",
            "1//0pJUC8UlOxyLABdxTE5jJciyNWRbSKCOQoVwO7ledEcDfzLvoSRVXmWq8yQ4l",
        ],
        no: &["ya29.c", "1//0"],
        ..TOKEN
    },
    Rule {
        id: "gcp_service_account",
        title: "Google service account key file",
        label: "GCP_KEY",
        anchor: Anchor::Words(&["private_key_id"]),
        pattern: r#"private_key_id["\x27\\]{0,3}\s*[:=]\s*["\x27\\]{0,3}(?P<v>[0-9a-f]{40})"#,
        check: Some(tokens::real),
        yes: &[r#""private_key_id": "a79746b96644d52774f1565ccd6bc7ab4b419daa""#],
        no: &[r#""private_key_id": "none""#],
        ..TOKEN
    },
    Rule {
        id: "gcp_oauth_client",
        title: "Google OAuth client id",
        label: "GCP_CLIENT",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Words(&[".apps.googleusercontent.com"]),
        pattern: r"[0-9]{6,14}-[a-z0-9]{24,40}\.apps\.googleusercontent\.com",
        reach: 60,
        yes: &["client_id=254018514983-azp8ud8g6ugor8knorj7zk2ai30vnc5l.apps.googleusercontent.com"],
        no: &["x.apps.googleusercontent.com"],
        ..TOKEN
    },
    Rule {
        id: "gcp_service_account_mail",
        title: "address of a Google service account",
        label: "GCP_ACCOUNT",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Words(&[".iam.gserviceaccount.com"]),
        pattern: r"[a-z0-9][a-z0-9-]{2,62}@[a-z0-9.-]{4,60}\.iam\.gserviceaccount\.com",
        reach: 126,
        yes: &["robot@my-project-1.iam.gserviceaccount.com"],
        no: &["iam.gserviceaccount.com"],
        ..TOKEN
    },
    Rule {
        id: "gcs_hmac_key",
        title: "Google storage HMAC key id",
        label: "GCS_HMAC_KEY",
        anchor: Anchor::Words(&["GOOG1", "GOOG"]),
        pattern: "GOOG[0-9A-Z](?:[A-Z0-9]{45,60}|[A-Z0-9]{15,19})",
        check: Some(tokens::digits_in),
        yes: &["GOOG1E6PG3RR26VCU3WY9TFVWJ2J6NYQR614STD3T2GNPXQOPT7PHK47BUGRY"],
        no: &["GOOGLE_APPLICATION_CREDENTIALS"],
        ..TOKEN
    },
    Rule {
        id: "fcm_key",
        title: "Firebase cloud messaging key",
        label: "GCP_KEY",
        anchor: Anchor::Words(&["AAAA"]),
        pattern: "AAAA[A-Za-z0-9_-]{7}:[A-Za-z0-9_-]{100,200}",
        tail: Tail::Word,
        check: Some(tokens::random_token),
        yes: &[
            "key=AAAA81LoI6U:sR4l6TI1bKG0M7TT6NZIUQVSv2lvfd2Lit5RWLQFJb8AxeqPQVx8YLYpSQ4UkWsuWvd0VbN9EzZui7JdXEopNjPAcLL2fpgGAhaEYDGvyvjAGhIFlrYg5vMNS2cCPDgFnfrhy67xEAxi",
        ],
        no: &["AAAA:x"],
        ..TOKEN
    },
];
