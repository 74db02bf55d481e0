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
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEsE6O5uGkarp5bYIMgI5yR/qGavH8a/J3c8U5vWzuUr4j5KbaRLFngtL0GzTq\nuCFT/ablJBE2QKGm4VLajmdXlFkiDiNBovZmbornzDBm2NzWgFrNOaMtkFm5h6Zg\n-----END RSA PRIVATE KEY-----",
            r#""key": "-----BEGIN PRIVATE KEY-----\\nMIIEcgf+it/qCq9mDmztCQ8KaWcZCrtbYE11NZtWJvIGk0uu6NkBNNgplIuB9mlp"#,
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,54FF85E37058E3B969D899247FCD1B28\n\neqJChBaoF7nWladL9Z9ml8W+j7YsSUkW/9OjmJGh2UvnJJOAG4g7ETxIVvLti8vo",
        ],
        no: &[
            "-----BEGIN PUBLIC KEY-----\nMIIBIkZRf/2W3d/uPshCua3G47zSzRumA3LZYNct7PR72J06xJBFRhMwml/5cfJc",
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
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYtu44oIqg5Qd35K4k/UHoquUDqNzz+WCq5T5KAyioQLJI80O+DiD4nJcA0d2n\n-----END PGP PRIVATE KEY BLOCK-----",
        ],
        no: &["-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENH358aliU6IYpNHmscSFvK6basOSybQFgVXM2S04fGRUTepcemtqa7o+rcl7E"],
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
            "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 2\n4x9tjVtoC8dLX3bgVW3DKD0Pm+te8gEsGudSOICUm/8xYrrEiwHnUmQjHyZO",
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
        yes: &["key: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tU350X/w40dMJXznYTjMeLazZ/RIDVvwOLWp01vy5gwQijUCSG2n7Ldg8ua8DPJ2BVBJqYA/YvbTPQTkX"],
        no: &["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tyHyqrJCl/GdFX+ftFuL7nHINunDX1gnaGKFF+gVF2XfbAr/35Geq8KX03WKg7zx8gqP12u9R9xyZvE/3"],
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
            "data: MIIEvgIBADANBgkqhkiG9w0BAQEFAASCAaj/lrtlsX2ia3NQ9EDRCPPv271IMNRGkKevkHaPbo5GV5rl0akVtQR++HloWVD5zPzV6AX/P07kEo8ne3dmnUyDWE",
        ],
        no: &["MIIDXTCCAkWgAwIBAgIJAO4LP1NVgOgOQM9HllwchrIbRPypE5kcQ2eKQVhrmVm6km2yeAF/K8IMeNtZhbFujhw2B0weMYJdMDfM2"],
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
            "PRIVATE_KEY=0xffed2228e01f9d8bd4fdeca7d17d2cf0330c9b697d97b60994272115aefcc4b7",
            "privkey = 8368f886f9aa52f7918b40530faa729856b69df72ac1009c019fe001c5c13e05",
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
        yes: &[r#"{"kty":"EC","crv":"P-256","d":"bunspZ8jOhifTXIgXuMz6supd6d_0aohSSeH1WDnRbF"}"#],
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
            "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3In0.1NG5rtcOsa3lPMNRYtjjO1YuX0n7f2eVjWerv7SrTQN",
            "eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjF9.U9VX59-FMOR19xAO9SoMukWL2KpTLlxxX281U__Izc29SaI6zAHDSDR6V6saalY4bBkT5j_QYaWezixFhsrCRUszIJU9xkWOAbh1JXZrU1MUNwYzGLLRE3zn9H-siWL2lhfOPK-lfTx0oVIb1vwosYygMq1B-XYJ002kNfABVh1qN8b1DEFFga_mt5Lte1kLtR6Z1z4jRYaDZKTkkniOXcDKxdKxqQYMLkR7aTZQvp_sVrq2__6m9a75QG3leLgikSqKBQkL5f7KLbJMOy-fbY8PvXkH-L1h3QnKH-1yn4h1NWesIKyYT-i49s4Kq8SF4T6pvO3FqckaktVD7zzUiT",
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
        yes: &["JWT_SECRET=QqPCiT01wWeX2zUOSO8fhZIP", "jwt:\n  secret: \"4p7Vw2yyfh4EaEVv!7rMgoN\""],
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
        yes: &["token=eyvBraUw9E9H0uXVs5LmfE.ey54QFDDFTJGZ4hR3nmVqjhcWOzJMpQH.xOinNyQZ9gL2"],
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
        yes: &["ZXlKaGJHY2lPaUpJVXpJMU5pSXNJblI1Y0NJNklrcFhWQ0o5aOZShkO4W9bTnB9SjZLGHN45Nb0x/d7s5Aoii62CnU/FCgahIcQ8hnO5kpOj"],
        no: &["ZXlKnwk3bVLBuhjVq1am87gH"],
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
            "    client-key-data: LS0tLS1ClpRUIoidcN7c1EkyZpjTzUwWzOvF7KfJnNcYC9eU5RDXSq8RLqLA9Vd0XaefOqz84S4S76lS7ATTBC7sE6mIny3dbbQl4b7JZ7ClCOs55MfXCJJP5OYDuVn4",
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
            "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU2IsxllQGMiWYV5meGCDgbiHEZ9wvHwLJN26dfa+4sBfJwsMWUzZ0IqpSSZAgzwdzb0VUiaROG99jXpMgJEAGqRAOSccOKmBu5Ov3",
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
            "<RSAKeyValue><Modulus>x</Modulus><D>tdEYa5J+jyG0/zggjCv158Wpx8bv1qRMtihTLs94m1nTB6Jp78AlJajf/X0jQrdqTESvukoETvEHVIvxfHTGESU7Ko6F3DG/DwJK8wpLMTgsUA3fXJAVtVoi3vXl9ABBRbqdfNajc6TkpJcmRMgDOVmRBwYJr8nIUetneqorv3</D>",
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
        yes: &["[Interface]\nPrivateKey = O4FlyZuiRKluX66mcvutd0JBwqPrm6MToZ8PbreUyW2="],
        no: &["PrivateKey = x"],
        ..Rule::CREDENTIAL
    },
];
