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
        yes: &["aws_access_key_id = AKIAWMXZCJMY4J33H4I6", "Credential=ASIAGSPAJMFLDGRVARTX/20260101/us-east-1/s3/aws4_request"],
        no: &["AKIAIOSFODNN7EXAMPLE", "AKIAVE53GVWIG5QFXEMOA", "AKIAXXXXXXXXXXXXXXXX"],
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
            "aws_secret_access_key = FrM5ThZV6i/7HBgmSFg5Rnq3ECrOI6qcbTodxhh2",
            r#""SecretAccessKey": "A9RcG9E1ZMLeny0ciYzXZlC3evlP/iq/nwKDN8wW""#,
            r#"AWS_SECRET="xMlGvmEdiMYiSHL41zgQzDYAgTApSU/hjOExx42T""#,
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
        yes: &["AKIAADXB5GTI7EULRCBN:G/gZi9FFpw7qo3Fh1XAOY07tyqVME0PEJIpRhTVX"],
        no: &["AKIA6PK3GUQ64LWOV6UC and more"],
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
            "AWS_SESSION_TOKEN=IQoJb3JpZ2luX2VjJl9FXCJ2kTMfG3wUnPGh0x+xR4O+HLlF8azW76+v7oglgOiSU6bx1Zw8QO6tYsaue2/5ytlfJrPsntkLbOxqhV4LSpEycUOTPydKNfMWG1vYdwJNxfwha23YVLqNeAqk4yPAnKmYbWqXkiIvLFRsIb==",
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
            "AWS_BEARER_TOKEN_BEDROCK=ABSKQmVkcm9ja0FQSUtleSFrQY/khsi3uKmmTt1PsaSjYjXFl0ypLZuMikWAC1W4jnBHWaJHkUWroS7jZYKUf4SutSh3jnQVNHjL5xG8TuyR5IJi2FonC5xlVPfvaJ0WxhSk=",
            "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t7OBzIH+3IVB8f+saiiQc9TcPcQepqL76zPE1s3vlk5WIOOqRubZt+zHSCRWH",
        ],
        no: &["ABSK93gNEIe4lD1Y7oE558dN", "bedrock-api-key-here"],
        ..TOKEN
    },
    Rule {
        id: "aws_mws_key",
        title: "Amazon Marketplace key",
        label: "AWS_MWS_KEY",
        anchor: Anchor::Words(&["amzn.mws."]),
        pattern: r"amzn\.mws\.[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{12}",
        yes: &["amzn.mws.a5839d65-e2fa-65dd-6c7b-e02663cead51"],
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
        yes: &["key=AIzaHrlgYt0WuDVbgaHbQ0AHwQUquA9B1iYhkQI&x=1", "`AIza1U1g5t1k2l5AYkswUsCmguL7aRW9EA5gNGL`"],
        no: &["AIzawcJP5nN14MQiBL22158G"],
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
        yes: &["google_client_secret = 'jCRZVxb2svHapClZMfGPosRA'"],
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
            "access_token=ya29.a0AfhRDhZyPZhT4fPMvCxdbRrEtg_gVG5RA26u5xrcZk69nFPP8XXhXhcgR-d-L3aK0GD7rBm83meaALBRFMZjaXnbdoe7fFGEWZxXVzpK8jaALwARobK8xCzn",
            "1//03KnJKG6uJ92gVZc36gFCMs1cxUWnl1DE4vtMx-gz0FBM3QdJvmkgzW9W4msF",
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
        yes: &[r#""private_key_id": "fb35fd554efcc3940ed8d4a5d2834b424b352d90""#],
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
        yes: &["client_id=992465085282-4m77cvb76mg785y7t3fxb5k3oylfp05g.apps.googleusercontent.com"],
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
        yes: &["GOOG1EO5AGFWH05SB2GUJBIRC2F0H9IY1UH4V7QTTNITU4FB5F1H3GEN4958Y"],
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
            "key=AAAAA9BfGt5:cc8fLD9PeSbr6jCcsuLMwtVLoPhUBpUudmejl8j9aZfKHfEg87hZi7kZu3k9hi4A4qYNaLxBTuLQXOfWaewpPdLNc6DkMPTvxth0fCKGzoh3H53bd01MfglSFBmMezWbbANSK2drgEr8",
        ],
        no: &["AAAA:x"],
        ..TOKEN
    },
];
