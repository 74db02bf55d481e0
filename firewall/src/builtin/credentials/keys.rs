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
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEKdORMBljyvCzHNo/xRKEnjWFKmSmc80FALbWWglAio+Pg/fvYhJGQSSDIaoG\n6187N8tDfU3uFBNZz92Vvkkf5NTIEZwZUsiFSBiW6uj5MO0mi5lyXbe53Hqe0N4o\n-----END RSA PRIVATE KEY-----",
            r#""key": "-----BEGIN PRIVATE KEY-----\\nMIIEqVgEuD56y7pOsVcLqZlLVjS/Hc7qsoElUh1VgVOZvdZ0fD+o4EopCGI1xrd5"#,
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,E83325D82267D7AAF18153DC8D8A0618\n\n7ymM5h8ofFOdlFXYGaGliI0HPcv9vuYcFe0bFD0WDqT8hvU4675NdrvXzLXKEPkK",
        ],
        no: &[
            "-----BEGIN PUBLIC KEY-----\nMIIBuoGDiiH+9zYOIKsOA4BdNjJPnoAVvOawOwnln5fN0OTn4HA5hGEJCS43TERl",
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
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYJV/ROSG9K2WsZWTuD0m5XYRNtxMAMz3AKHoa4CGODNJs9mgkUKipnc9TIZAe\n-----END PGP PRIVATE KEY BLOCK-----",
        ],
        no: &["-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENX62RlabrTFfWODZ3U22KPzTPH7F/hf4MXsldfBCTlx1XBuoO238msKxy7BKO"],
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
            "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 2\nDh70oxGVMNaSmn/Gbj5EPuC2SopyVh4ZX2ILaFRtlzSLeIrR8pj1OpVuW/w6",
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
        yes: &["key: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tfE1gFFDZjzLU5oOYhSr4/TLAC5VKxTl2RhIlJbk2GpwhKjjByULl0T7mU1PLbN/NqMHbvQghT/LWBqGd"],
        no: &["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tZU5hxYiekVlqCYgFgR850HNp4scWbUO0qBVTR2koWMny9WAcl/Fltu5DBAIW2wLCMSDIL8nPgficzDtb"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "private_key_der",
        title: "private key in base64 without its first line",
        label: "PRIVATE_KEY",
        anchor: Anchor::Words(&["MII"]),
        pattern: r"MII(?:[EJ][A-Za-z0-9+/]{0,2}[AIQ]IBA(?:DANBgkqh|AKC)|B[OPU][A-Za-z0-9+/]{0,2}IBAA|C[A-Za-z0-9+/]{2,3}IBAA|[A-Za-z0-9+/]{2,5}IBA(?:DANBgkqhkiG9w0BAQEFAASC|AKCA))[A-Za-z0-9+/\s\\]{40,200}",
        tail: Tail::Token,
        yes: &[
            "data: MIIEvgIBADANBgkqhkiG9w0BAQEFAASCpWZPIzdDYtgWsv4SCnPX9SNIgyVtzdFN4Oe9Lr6BwyHNrB2zSneP8I1eyESSq6vZrtJcuE7uNonWsvFm0PTncowqSv",
        ],
        no: &["MIIDXTCCAkWgAwIBAgIJARPGeOy7gc1MFoBtQEgLBkShwGbdm08IhjGIf7EV5TVzKT15mFRFLV6SteULWBRRXJLrnpXiAM954YIi5"],
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
            "PRIVATE_KEY=0x11cf1e0ac34d68f7618100b22e04bbf4027cf7d5a7e60f847a83f5d12ad52fa8",
            "privkey = 3eb24291daa078f6f9a132b35dd88c675b386fea21242271c69bd7e4d2b4d32b",
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
        yes: &[r#"{"kty":"EC","crv":"P-256","d":"6_ytp_HFhfhX-eZRJcA-K3_17cPvoT-oww8ro9_7fDM"}"#],
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
            "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3In0.utAfgu55_MyLnhZ4CAloReqDsoQuoXolRoWschVPZLQ",
            "eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjF9.5SNXy0QllotHyan-UuCfz5MyV5K7HWJW7cpFylMuKswRikBVAGGPcuNPKl-SbbQbrXOYBGhVa8N6qlrySbdyF3yufAjFL5c6nbkLEfbsDYZvfubVcAvNMpVK7WvCsx7kf7MEEMHAOTsZmg4O0nu0pZPPwWTTZy08viBVHeeif0p130SFfvjlj1uSIetmKL-Cd0cRXJPHuy0WpYULGFMLBblvaAp7aa_gmUrJ4bqNNEGtXVIjFS_wdTUwQy-lMKLQthaA9rV9FKIO0rTeg8ZNEpSrirwNk2rqltp-7SLpk962NymTk6klJH8E2vd3qvwTCZRZhIvj7z8k5au6P2fyHX",
        ],
        no: &["eyebrow.com", "keyboard.layout", "eyJ.ab"],
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
        yes: &["token=eyLKVewzdqgQabe7VtWY0u.ey6x6zOBpao7U3Gd4OYJO0a05P80K9P5.YxryjPfmdP8Q"],
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
        yes: &["ZXlKaGJHY2lPaUpJVXpJMU5pSXNJblI1Y0NJNklrcFhWQ0o5B2dDkkViNxGOckz+cYcESgrfZIQ0yyJDsaWMe1znMPMl2oc/V3ijRhyqETJP"],
        no: &["ZXlKhH5yUT1qkyMb7jvkRrG8"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "kubernetes_secret",
        title: "data of a Kubernetes secret",
        label: "PRIVATE_KEY",
        anchor: Anchor::Words(&["client-key-data:"]),
        pattern: r"client-key-data:\s*(?P<v>[A-Za-z0-9+/=]{40,200})",
        tail: Tail::Token,
        yes: &[
            "    client-key-data: LS0tLS1CJwzAuyr30TGQ6PXXG00OLCVlbFMOFOK0PV+KT4SJdBdYAnlz+uB9Fmv4X1trmLECgLwKw+ldLRAiE4e+vdjiX0goT2vEeXVXi2Rvz7KVqZn9HId/W1S2uPhQ",
        ],
        no: &["client-key-data: x"],
        ..Rule::CREDENTIAL
    },
];
