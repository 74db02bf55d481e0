//! Private keys and web tokens: blocks that say themselves what they are.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Edge, Rule, Tail};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "private_key",
        title: "private key in PEM form",
        label: "PRIVATE_KEY",
        anchor: Anchor::Words(&["-----BEGIN"]),
        pattern: "(?s-u)-----BEGIN[ A-Z0-9]{1,30}PRIVATE KEY-----.{0,110}?[A-Za-z0-9+/]{20}",
        before: Edge::Any,
        tail: Tail::Until("PRIVATE KEY-----"),
        check: Some(tokens::key_body),
        yes: &[
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE9mzxI1uOmos8/FErdfwDGH7q76Z3BjAUUi4SbbRVwr4iOrqiSvhyyHSAW/G7\n8xOOmkA6xkLQDsXDenAhkapyh8wNKL2HOEy2457rHz9NT3vvqILax45MpUEzA2Fr\n-----END RSA PRIVATE KEY-----",
            r#""key": "-----BEGIN PRIVATE KEY-----\\nMIIEDp2ekKZP73D9FI0ZlR/teBFvADI6P6XXGTdO7AQjhxNshwtoVRSs+qP0jXhO"#,
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,CF4236AA6AECE548456EF525838DD591\n\nRCzDfOG8kW9vKWN+b2ARikl7mwWtgoxBYy8wETN+MhM8UWfj8lSIe7QkcoxxBm1E",
        ],
        no: &[
            "-----BEGIN PUBLIC KEY-----\nMIIBfh+uuwcMH8nquSTItEXfN9mseFUTdMiEnj+oisxU9t2DZdsU/PgIomk2w0Dy",
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        ],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "pgp_private_key",
        title: "PGP private key",
        label: "PRIVATE_KEY",
        anchor: Anchor::Words(&["-----BEGIN PGP"]),
        pattern: "(?s-u)-----BEGIN PGP PRIVATE KEY BLOCK-----.{0,110}?[A-Za-z0-9+/]{20}",
        before: Edge::Any,
        tail: Tail::Until("KEY BLOCK-----"),
        check: Some(tokens::key_body),
        yes: &[
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYoQlodBYIrLwsPGPtO0ENDUp3rmLo1TNhhA3QUasQEC3kvv8LGMv+GmpEY+3B\n-----END PGP PRIVATE KEY BLOCK-----",
        ],
        no: &["-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENtGmmChJx2gE0RdlxQpp3Xq0qTonPZfKOr2RSscU7EfbdprBwXgpsrpntoTCo"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "private_key_header",
        title: "first line of a private key",
        label: "PRIVATE_KEY",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Words(&["-----BEGIN", "---- BEGIN"]),
        pattern: "-----?[ ]?BEGIN[ A-Z0-9]{1,30}PRIVATE KEY(?: BLOCK)?[ ]?-----?",
        before: Edge::Any,
        after: Edge::Any,
        yes: &[r#"grep -- "-----BEGIN OPENSSH PRIVATE KEY-----" file"#],
        no: &["-----BEGIN CERTIFICATE-----"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "putty_key",
        title: "PuTTY private key",
        label: "PRIVATE_KEY",
        anchor: Anchor::Words(&["PuTTY-User-Key-File-"]),
        pattern: "PuTTY-User-Key-File-[0-9]: [a-z0-9-]{3,30}",
        tail: Tail::Until("Private-MAC: "),
        yes: &[
            "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 2\nNRF7T3c+SJ2eAv79/3oIeKlBHkmaaUV+/+dToERD2BO7aeV6YQNZgz7g01v4",
        ],
        no: &["PuTTY-User-Key-File-"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "private_key_base64",
        title: "private key in PEM form, in base64 once more",
        label: "PRIVATE_KEY",
        anchor: Anchor::Words(&["LS0tLS1CRUdJTi"]),
        pattern: "LS0tLS1CRUdJTi[A-Za-z0-9+/=]{30,200}",
        before: Edge::Any,
        tail: Tail::Token,
        check: Some(tokens::pem_base64),
        yes: &["key: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tetgWUGfZbh5Phc75yUhuG7mDQPwPt0PyZYrtI7pwder0KAPAZlf3DCYW5P/oWHtaG4/0S+2rzWCDKlzc"],
        no: &["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tqzf0m1cHlgJ8NNg53TDiieyYCVSlDn//3BdMKdNTGqrpHD6eYOqXBmdnUGRHjcpyMydPdaypRPQLMSSX"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "private_key_der",
        title: "private key in base64 without its first line",
        label: "PRIVATE_KEY",
        anchor: Anchor::Words(&["MII"]),
        pattern: r"MII(?:[EJ][A-Za-z0-9+/]{0,2}[AIQ]IBA(?:DANBgkqh|AKC)|B[OPU][A-Za-z0-9+/]{0,2}IBAA|C[A-Za-z0-9+/]{2,3}IBAA|[A-Za-z0-9+/]{2,5}IBA(?:DANBgkqhkiG9w0BAQEFAASC|AKCA))[A-Za-z0-9+/\s\\]{40,236}",
        tail: Tail::Token,
        yes: &[
            "data: MIIEvgIBADANBgkqhkiG9w0BAQEFAASC8eQFhnVhK1fPHGjo/MN7lXwcDEvNYwr3b5xYChzce3vXub5AZkeQHAhr8iVNyNVi7A4QUBg/IxbxS1d5tO3JHuVr4y",
        ],
        no: &["MIIDXTCCAkWgAwIBAgIJAIO/14+DEmaUxUWOkVY4z0vXd6yTO3HguGlB8jH8oZjlMxWQEo/PpQlDzD1lnCz+u2j1xZdkOAu0vBCrg"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "ec_private_key_hex",
        title: "secp256k1 private key by its name",
        label: "PRIVATE_KEY",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["private", "privkey", "secp256k1"]),
        pattern: assigned!("(?:private[_ -]?key|privkey|secp256k1)", "(?:0x)?[0-9a-fA-F]{64}"),
        check: Some(tokens::real),
        yes: &[
            "PRIVATE_KEY=0x844bdb468b287cd7a31cd2917aae623eaef6c9d5214105dc512257015e7a6aac",
            "privkey = 3008fc5fafcd10463933d075f228beb38ec4f8ae038481ee100e34701f20e1f6",
        ],
        no: &[r#"private_key = "x""#],
        ..TOKEN
    },
    Rule {
        id: "jwk_private_key",
        title: "private part of a JSON web key",
        label: "PRIVATE_KEY",
        anchor: Anchor::Words(&[r#""d""#]),
        pattern: r#""d"\s*:\s*"(?P<v>[A-Za-z0-9_-]{40,180})"#,
        before: Edge::Any,
        tail: Tail::Word,
        needs: &[r#""kty""#, r#""crv""#, r#""e""#, r#""n""#, r#""x""#],
        yes: &[r#"{"kty":"EC","crv":"P-256","d":"4MJ9pR1VU6dygrkiWZSlN3MntRAAVYpszctC5LJ1c9T"}"#],
        no: &[r#""d":"short""#],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "jwt",
        title: "JSON web token",
        label: "JWT",
        anchor: Anchor::Words(&["eyJ"]),
        pattern: r"eyJ[A-Za-z0-9_-]{9,220}={0,2}\.[A-Za-z0-9/\\_+-]{2,200}",
        before: Edge::Any,
        after: Edge::Any,
        tail: Tail::Token,
        check: Some(tokens::jwt),
        yes: &[
            "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3In0.4xXElCbNHlWTpfUEm-3MAK53di0ZyTRQK8qTIgbB_6C",
            "eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjF9.M50i8L2MgabDi0S3tVNkeKnNIfPBQeDnkESVgxQ8PdtlADN4WcdiQboMw-xb7N_vjohH3Lb4Cee6khPV7BHoXw1bWrvCv4UNXW3d8HmParULhe481XkzSb8e2xluFfmqa1sCMpgFAFhrFcCi_RwDh4ecDSmt8UaeDqSAKJgnznVo5eSL7d6CqxNBX0VSFEYM5_QWBElF6MjwucWVaIDck6aEdxaGrJc2-LMTErShlnyQD1TyUBi322taRhbiY9TgbUwmNwPmh6RvfYpK50-PG_Kl6P65ZGdVNNVN5CDFtqqBLuVbraAT3Ed9aYFn3YXdauxWHr6uJAIGiLw-58Y22h",
        ],
        no: &["eyebrow.com", "keyboard.layout", "eyJ.ab"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "jwt_secret",
        title: "secret that signs JSON web tokens, by its name",
        label: "JWT_SECRET",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Words(&["jwt"]),
        pattern: r#"(?i:jwt)(?:["\x27]?\s?:\s{1,12}["\x27]?|[_.-]?)(?i:secret|key|private_?key)(?:[_-]?(?i:key))?["\x27]?\s{0,3}[:=]\s{0,3}["\x27]?(?P<v>[^\s"\x27<>(){}]{8,120})"#,
        before: Edge::Any,
        after: Edge::Any,
        check: Some(tokens::odd_value),
        yes: &["JWT_SECRET=ZDxp9s1lbp2muszplCAO2JGT", "jwt:\n  secret: \"rjcWu9pRI5aSDSFE!K8cXRH\""],
        no: &["jwt_secret: changeme", "JWT_SECRET=${JWT_SECRET}"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "jwt_loose",
        title: "what has the form of a JSON web token",
        label: "JWT",
        anchor: Anchor::Words(&[".ey"]),
        pattern: r"ey[A-Za-z0-9_-]{15,200}\.ey[A-Za-z0-9/\\_-]{12,200}",
        reach: 205,
        before: Edge::Any,
        after: Edge::Any,
        tail: Tail::Token,
        check: Some(tokens::random_token),
        yes: &["token=eywNuY9IUqkudjxwV4s2wQ.ey5i9mBpFgzHsJzVMhKZy7KXyQHdQnlB.71cUgtnw1Whg"],
        no: &["they.eye", "keys.eyebrows"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "jwt_base64",
        title: "JSON web token, in base64 once more",
        label: "JWT",
        anchor: Anchor::Words(&["ZXlK"]),
        pattern: "ZXlK(?:(?P<alg>aGJHY2lP)|(?P<typ>MGVYQWlP)|(?P<kid>cmFXUWlP)|[A-Za-z0-9+/]{8})[A-Za-z0-9+/]{60,200}",
        tail: Tail::Token,
        yes: &["ZXlKaGJHY2lPaUpJVXpJMU5pSXNJblI1Y0NJNklrcFhWQ0o5rYoJ4MfqUoI5XcV4utHpvnt/92oeE2O2+e5SH3gRfsQOPBirBQwJMqEI3V2d"],
        no: &["ZXlK3Q1fED0BMX4EShjuZg9b"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "kubeconfig_client_key",
        title: "client key of a kubeconfig file",
        label: "PRIVATE_KEY",
        anchor: Anchor::Words(&["client-key-data"]),
        pattern: r#"client-key-data["\x27]?\s?:\s*["\x27]?(?P<v>[A-Za-z0-9+/=]{40,200})"#,
        tail: Tail::Token,
        yes: &[
            "    client-key-data: LS0tLS1CE3X8PSDSZdn3IrCclW3Nwd518fwBLXR31ru+Iu8yjkjY5UgljSe8ZqnbEMXJmJkbdozKkjTsgTCUfY4oAc+PzAGwB7vrL5rtCbtpr7xhpJ2M2UpiOLkrij9i",
        ],
        no: &["client-key-data: x"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "openssh_key_body",
        title: "body of an OpenSSH private key",
        label: "PRIVATE_KEY",
        anchor: Anchor::Words(&["b3BlbnNzaC1rZXktdjE"]),
        pattern: r"b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/=\s\\]{60,236}",
        tail: Tail::Token,
        yes: &[
            "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUUAo25pO3b4E/tVd0Z/AW7PniggnyHtCNhfRN5g/Sy/yUum8Dx3LdANpsF+rIB+7p5uEIK5TwYxkLLst0YNcvjxKtV9JEEbf4k/zQ",
        ],
        no: &["b3BlbnNzaC1rZXktdjE"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "xml_private_key",
        title: "private part of an RSA key in XML",
        label: "PRIVATE_KEY",
        anchor: Anchor::Words(&["<D>"]),
        pattern: r"<D>(?P<v>[A-Za-z0-9+/=\s]{40,200})",
        before: Edge::Any,
        tail: Tail::Token,
        yes: &[
            "<RSAKeyValue><Modulus>x</Modulus><D>mF6Jkq6iIJ1k2ZdMC0JXszcep5lxpw/6MzfS75sVKAcG3n/W5tqz6lcyOMIdpXigda0l98OcfjdAqFuX8nrA/DQYfmkJmbdCJ1nQdUV4n/1rLNF87kkgvjYilwKYrmMie8NOWLa3MKdORMBljyvCzHNo/xRKEnjWFKmSmc80FA</D>",
        ],
        no: &["<D>text</D>"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "wireguard_key",
        title: "WireGuard private or preshared key",
        label: "PRIVATE_KEY",
        anchor: Anchor::Words(&["PrivateKey", "PresharedKey"]),
        pattern: r"(?:PrivateKey|PresharedKey)\s{0,3}=\s{0,3}(?P<v>[A-Za-z0-9+/]{43}=)",
        after: Edge::NoAlnum,
        yes: &["[Interface]\nPrivateKey = sZa3yy8d73R67fUnPTehFudFcHUGkzdXKQrSqYQv4KI="],
        no: &["PrivateKey = x"],
        ..Rule::CREDENTIAL
    },
];
