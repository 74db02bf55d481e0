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
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE2W3d/uPshCua3G47zSzRumA3LZYNct7PR72J06xJBFRhMwml/5cfJctu44oI\n5WunfikWGYwzjT90wgiUVVlIKJJHB2Xww3wudz1EF4IAAyXdM4H358aliU6IYpNH\n-----END RSA PRIVATE KEY-----",
            r#""key": "-----BEGIN PRIVATE KEY-----\\nMIIEmscSFvK6basOSybQFgVXM2S04fGRUTepcemtqa7o+rcl7EW+SMUI287LOLiH"#,
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,7B96E64BB723BFE5F42B437F09CD01BC\n\n3DKD0Pm+te8gEsGudSOICUm/8xYrrEiwHnUmQjHyZOU350X/w40dMJXznYTjMeLa",
        ],
        no: &[
            "-----BEGIN PUBLIC KEY-----\nMIIBzZ/RIDVvwOLWp01vy5gwQijUCSG2n7Ldg8ua8DPJ2BVBJqYA/YvbTPQTkXyH",
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
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYyqrJCl/GdFX+ftFuL7nHINunDX1gnaGKFF+gVF2XfbAr/35Geq8KX03WKg7z\n-----END PGP PRIVATE KEY BLOCK-----",
        ],
        no: &["-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENx8gqP12u9R9xyZvE/3Aaj/lrtlsX2ia3NQ9EDRCPPv271IMNRGkKevkHaPbo"],
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
            "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 2\n5GV5rl0akVtQR++HloWVD5zPzV6AX/P07kEo8ne3dmnUyDWEO4LP1NVgOgOQ",
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
        yes: &["key: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tK2HU3q+05XRE1eE1jW8copcZKUzME0MESydMNtlDkggxR49WWqSCHmyI+IJA9MRPuk+DKfGTrbxnc+RP"],
        no: &["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tEjLHxzVzL09DlOXhcbMZcgM/6ccfYuZeo6aubunspZ8jOhifTXIgXuMz6supd6d+0aohSSeH1WDnRbF1"],
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
            "data: MIIEvgIBADANBgkqhkiG9w0BAQEFAASCNG5rtcOsa3lPMNRYtjjO1YuX0n7f2eVjWerv7SrTQNU9VX59/FMOR19xAO9SoMukWL2KpTLlxxX281U++Izc29SaI6",
        ],
        no: &["MIIDXTCCAkWgAwIBAgIJAzAHDSDR6V6saalY4bBkT5j+QYaWezixFhsrCRUszIJU9xkWOAbh1JXZrU1MUNwYzGLLRE3zn9H/siWL2"],
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
            "PRIVATE_KEY=0x211aa9f21b5d3b80d5534c6194d6fcc8ddd29166b1d49f0d777710f34e941d29",
            "privkey = 4aecd6e2ac07c9b2232ac07950954ac992ae0bca53f4b44dffe3f0eea8d21912",
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
        yes: &[r#"{"kty":"EC","crv":"P-256","d":"kSqKBQkL5f7KLbJMOy-fbY8PvXkH-L1h3QnKH-1yn4h"}"#],
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
            "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3In0.1NWesIKyYT-i49s4Kq8SF4T6pvO3FqckaktVD7zzUiT",
            "eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjF9.H4qSiYlpFSWWkp8b9QInDR3JbT8OKyk8-66_oByHsofZFVrAWnaOZShkO4W9bTnB9SjZLGHN45Nb0x-d7s5Aoii62CnU-FCgahIcQ8hnO5kpOjATud2PpsGbynlpRUIoidcN7c1EkyZpjTzUwWzOvF7KfJnNcYC9eU5RDXSq8RLqLA9Vd0XaefOqz84S4S76lS7ATTBC7sE6mIny3dbbQl4b7JZ7ClCOs55MfXCJJP5OYDuVn42IsxllQGMiWYV5meGCDgbiHEZ9wvHwLJN26dfa_4sBfJwsMWUzZ0IqpSSZAgzwdzb0VUiaROG99jXpMgJEAGqRAOSccOKmBu5Ov3",
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
        yes: &["JWT_SECRET=7Sjb289H4XUHpNQz23aQCJr1", "jwt:\n  secret: \"Femq4ATFmdSd9QeP!ok8AHC\""],
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
        yes: &["token=eyNTEyh97l62EakAK2iTvt.ey8XjedwsPjECVUgGQKR6NAgNJw4QLnG.DrJhI7Q837DE"],
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
        yes: &["ZXlKaGJHY2lPaUpJVXpJMU5pSXNJblI1Y0NJNklrcFhWQ0o5AlJajf/X0jQrdqTESvukoETvEHVIvxfHTGESU7Ko6F3DG/DwJK8wpLMTgsUA"],
        no: &["ZXlKKB72cJyVrPnxMjxVPQUh"],
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
            "    client-key-data: LS0tLS1Ci3vXl9ABBRbqdfNajc6TkpJcmRMgDOVmRBwYJr8nIUetneqorv3+wXOrwPzeQPNg3THJzDdIjXbsXgIxkbVHuApS/3XQ5AAwu3Sk9rkDSxRNI9r4Cf4IF9/R",
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
            "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUTTRFJdWed+sHe39Sn2tx6AvAE1CoVdhsjGYjs0ulzowwL6OyMevG9foSCgRDoHibZPHna+3XoWrZxIH0qiYV7j5/SRRiIZdOXB6h",
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
            "<RSAKeyValue><Modulus>x</Modulus><D>bX1hJDoY3JIOqz/oGvs3VFypLkTFPu6iqY0FhWpFZVjEVe6HjHI88YoaM2wemx8MKfkR1AZa4uRWR8kvRGj008J8bCSydzqAOPiKF5Z0ljc0W/GPL7tcu+UmB8gKP/AHUvPcg1cD9LS9+5c0TYsWzk1Pd05HedS7u/uNxcuxdh</D>",
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
        yes: &["[Interface]\nPrivateKey = bmNqfGVvyLoLTAKfkBY0uvCZ87zB75hBAMVpAHdngsF="],
        no: &["PrivateKey = x"],
        ..Rule::CREDENTIAL
    },
];
