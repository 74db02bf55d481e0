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
        yes: &["aws_access_key_id = AKIABPVD2H4FWFLMHQ4N", "Credential=ASIAOEPUGPLMX74YOYY6/20260101/us-east-1/s3/aws4_request"],
        no: &["AKIAIOSFODNN7EXAMPLE", "AKIALEDAHW6BBGYESKO5M", "AKIAXXXXXXXXXXXXXXXX"],
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
            "aws_secret_access_key = U/IdkFGgZzKJNkHh2Ugsfn8o+z6lAi2kLEvWL/K0",
            r#""SecretAccessKey": "NyxUqQtyU2AXL4g5JV6skqQQuWWRdTRSbEmlTsC9""#,
            r#"AWS_SECRET="Le7Cj/zVLM4EanC4UgsxhVSibdoQSz8QG9TDu09c""#,
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
        yes: &["AKIAEXCZLCSADHEJ2FXO:66FqF0HEtkBscpWdOUto7Mew9C4wQISVEa9RYXcC"],
        no: &["AKIADMNOZ5VVH3HHQWRN and more"],
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
            "AWS_SESSION_TOKEN=IQoJb3JpZ2luX2VjEdReoBXtjNlv/GqRM/gwQMLsE4A6xQK+KA+A0p2Dr7jWYoQbh1KaBmgYgQBuODbdSFcqSroxvTURXXwX3mJ7ZELqnrEsmwk0KhA2mStLS0yfXgy+XTw0nUlzLgjg9Yn8TUjMrcwsRJ5zCBpK54V7LQ==",
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
            "AWS_BEARER_TOKEN_BEDROCK=ABSKQmVkcm9ja0FQSUtleSKgkS5o0ub+XO0Uc8a0ovfP2qtmlZf5gOXpkLeryQkM67h31E8qVnXsPcG6OziFffWeeeJOEkhp1VFMqH61M8/a9gdzkv2QY/mhu4906+XUo+ow=",
            "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29thVeHEQt7riKc2sr/7mvWyUdPIejJ5poLALwF+29UudAnUVLp/QOFwqueB9hx",
        ],
        no: &["ABSKc2KbIDXVFr41xNnSgg6j", "bedrock-api-key-here"],
        ..TOKEN
    },
    Rule {
        id: "aws_mws_key",
        title: "Amazon Marketplace key",
        label: "AWS_MWS_KEY",
        anchor: Anchor::Words(&["amzn.mws."]),
        pattern: r"amzn\.mws\.[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{12}",
        yes: &["amzn.mws.2496ff50-78a0-592d-b101-f138b7fb2a56"],
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
        yes: &["key=AIzaLABdxTE5jJciyNWRbSKCOQoVwO7ledEcDfz&x=1", "`AIzaLvoSRVXmWq8yQ4lRDMCtASNBAsr1xlDDr8e`"],
        no: &["AIzaxyvXW2zUXDQVsTreL1PP"],
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
        yes: &["google_client_secret = 'iLDRAvn9cXKFNZ8l1GWK2UpP'"],
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
            "access_token=ya29.a0m6II4RfO6TWMlRSs4sBXGJ39LMg6M5mBEUHDEMFov8dPnIWCLwcQwRkgrN-d0VjHUFvLPQhd9YOrg9DEt1elFm0pa97RXRt1p-wJmQf57n_AkIpWV81UqQjA",
            "1//0ZDle0jk0dAd1Cd5EyFERMsXSmy7KeRWnZMzfJ2JjL08QuIkmYGAE0fG3SPMF",
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
        yes: &[r#""private_key_id": "7299bd6d9a9e85427404be49acede011cc37de78""#],
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
        yes: &["client_id=327481270119-44wgdax12mwopspw8vfvioju7bgf1rja.apps.googleusercontent.com"],
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
        yes: &["GOOG1EO0RU7NZ8M8K1ED0KU987B7VO7PIK74VOP63Z88X1VGMUSZRF5KOKYNQ"],
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
            "key=AAAATdWi9aF:HDnf3qqmrn0zDUnOGIXRWowWqe6FJhb1ke9FaOtpLf9anGbTAnw9vKJXfPSF7soR8tem2u81p74vW0ZmlHw0vuqRmFjtGOyxbApky2kBk1iRNuBjG7fJwwG4WhbtVUslPUN5UBBxJtIN",
        ],
        no: &["AAAA:x"],
        ..TOKEN
    },
];
