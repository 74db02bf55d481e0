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
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEa4CGODNJs9mgkUKipnc9TIZAeX62RlabrTFfWODZ3U22KPzTPH7F/hf4MXsl\ndfBCTlx1XBuoO238msKxy7BKODh70oxGVMNaSmn/Gbj5EPuC2SopyVh4ZX2ILaFR\n-----END RSA PRIVATE KEY-----",
            r#""key": "-----BEGIN PRIVATE KEY-----\\nMIIEtlzSLeIrR8pj1OpVuW/w6fE1gFFDZjzLU5oOYhSr4/TLAC5VKxTl2RhIlJbk"#,
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,D835192266B92DBE3BDA909F949805A1\n\nhT/LWBqGdZU5hxYiekVlqCYgFgR850HNp4scWbUO0qBVTR2koWMny9WAcl/Fltu5",
        ],
        no: &[
            "-----BEGIN PUBLIC KEY-----\nMIIBDBAIW2wLCMSDIL8nPgficzDtbpWZPIzdDYtgWsv4SCnPX9SNIgyVtzdFN4Oe",
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
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOY9Lr6BwyHNrB2zSneP8I1eyESSq6vZrtJcuE7uNonWsvFm0PTncowqSvRPGeO\n-----END PGP PRIVATE KEY BLOCK-----",
        ],
        no: &["-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENy7gc1MFoBtQEgLBkShwGbdm08IhjGIf7EV5TVzKT15mFRFLV6SteULWBRRXJ"],
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
            "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 2\nLrnpXiAM954YIi5fhY8g4cRYms3AG+CyhIfcbVil7dtVU+tclEY8D0uRE6yd",
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
        yes: &["key: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0toiS6+ytp+HFhfhX/eZRJcA/K3+17cPvoT/oww8ro9+7fDMutAfgu55+MyLnhZ4CAloReqDsoQuoXolRo"],
        no: &["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tWschVPZLQ5SNXy0QllotHyan/UuCfz5MyV5K7HWJW7cpFylMuKswRikBVAGGPcuNPKl/SbbQbrXOYBGh"],
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
            "data: MIIEvgIBADANBgkqhkiG9w0BAQEFAASCVa8N6qlrySbdyF3yufAjFL5c6nbkLEfbsDYZvfubVcAvNMpVK7WvCsx7kf7MEEMHAOTsZmg4O0nu0pZPPwWTTZy08v",
        ],
        no: &["MIIDXTCCAkWgAwIBAgIJAiBVHeeif0p130SFfvjlj1uSIetmKL/Cd0cRXJPHuy0WpYULGFMLBblvaAp7aa+gmUrJ4bqNNEGtXVIjF"],
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
            "PRIVATE_KEY=0xbf50bb5a6f2999a4106f4bf798ad4b11fc973b424592d44243feb932fed963b2",
            "privkey = e2288f7d50d455b7cac1852e6f2e05ead168c2bc1830029abcd70710b8c4261d",
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
        yes: &[r#"{"kty":"EC","crv":"P-256","d":"djfe1ocX4hmzXjjvDpRYdNTsNUcega-KmO6ASO1cUu6"}"#],
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
            "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3In0.ljZmLRsFBuOXzZS0B2dDkkViNxGOckz_cYcESgrfZIQ",
            "eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjF9.rtbYE11NZtWJvIGk0uu6NkBNNgplIuB9mlpxr__Hu6pFcuH6pSLyM2HKMlqD-Z3gTkGeqJChBaoF7nWladL9Z9ml8W_j7YsSUkW-9OjmJGh2UvnJJOAG4g7ETxIVvLti8voIkZRf-2W3d-uPshCua3G47zSzRumA3LZYNct7PR72J06xJBFRhMwml-5cfJctu44oIqg5Qd35K4k-UHoquUDqNzz_WCq5T5KAyioQLJI80O_DiD4nJcA0d2n_4H33P07J-5WunfikWGYwzjT90wgiUVVlIKJJHB2Xww3wudz1EF4IAAyXdM4H358aliU6IYpNHmscSFvK6basOSybQF",
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
        check: Some(tokens::random_value),
        yes: &["JWT_SECRET=dGx7XytXBwAMCPcRVqI8vxM3", "jwt:\n  secret: \"wcLhbW8cgjiaW4Dh!FLiQb8\""],
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
        yes: &["token=eyfPMLVD7QSp6HWXyFwt7x.eyUr9ONB9E5KODsL9useH7qONafIf8ue.FCvX1BeTFf9K"],
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
        yes: &["ZXlKaGJHY2lPaUpJVXpJMU5pSXNJblI1Y0NJNklrcFhWQ0o5te8gEsGudSOICUm/8xYrrEiwHnUmQjHyZOU350X/w40dMJXznYTjMeLazZ/R"],
        no: &["ZXlKr642oxk4MHGTPJVl8u84"],
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
            "    client-key-data: LS0tLS1CLWp01vy5gwQijUCSG2n7Ldg8ua8DPJ2BVBJqYA/YvbTPQTkXyHyqrJCl/GdFX+ftFuL7nHINunDX1gnaGKFF+gVF2XfbAr/35Geq8KX03WKg7zx8gqP12u9R",
        ],
        no: &["client-key-data: x"],
        ..Rule::CREDENTIAL
    },
];
