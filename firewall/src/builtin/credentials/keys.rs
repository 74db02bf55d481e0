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
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE358aliU6IYpNHmscSFvK6basOSybQFgVXM2S04fGRUTepcemtqa7o+rcl7EW\nVtoC8dLX3bgVW3DKD0Pm+te8gEsGudSOICUm/8xYrrEiwHnUmQjHyZOU350X/w40\n-----END RSA PRIVATE KEY-----",
            r#""key": "-----BEGIN PRIVATE KEY-----\\nMIIEdMJXznYTjMeLazZ/RIDVvwOLWp01vy5gwQijUCSG2n7Ldg8ua8DPJ2BVBJqY"#,
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,6FC50BAAB2C68644872F807CF14759E3\n\nHINunDX1gnaGKFF+gVF2XfbAr/35Geq8KX03WKg7zx8gqP12u9R9xyZvE/3Aaj/l",
        ],
        no: &[
            "-----BEGIN PUBLIC KEY-----\nMIIBrtlsX2ia3NQ9EDRCPPv271IMNRGkKevkHaPbo5GV5rl0akVtQR++HloWVD5z",
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
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYPzV6AX/P07kEo8ne3dmnUyDWEO4LP1NVgOgOQM9HllwchrIbRPypE5kcQ2eK\n-----END PGP PRIVATE KEY BLOCK-----",
        ],
        no: &["-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENQVhrmVm6km2yeAF/K8IMeNtZhbFujhw2B0weMYJdMDfM2+862ikiH5be+K2H"],
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
            "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 2\nU3q+05XRE1eE1jW8copcZKUzME0MESydMNtlDkggxR49WWqSCHmyI+IJA9MR",
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
        yes: &["key: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tPuk+DKfGTrbxnc+RPEjLHxzVzL09DlOXhcbMZcgM/6ccfYuZeo6aubunspZ8jOhifTXIgXuMz6supd6d"],
        no: &["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tkWL2KpTLlxxX281U++Izc29SaI6zAHDSDR6V6saalY4bBkT5j+QYaWezixFhsrCRUszIJU9xkWOAbh1J"],
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
            "data: MIIEvgIBADANBgkqhkiG9w0BAQEFAASCXZrU1MUNwYzGLLRE3zn9H/siWL2lhfOPK/lfTx0oVIb1vwosYygMq1B/XYJ002kNfABVh1qN8b1DEFFga+mt5Lte1k",
        ],
        no: &["MIIDXTCCAkWgAwIBAgIJALtR6Z1z4jRYaDZKTkkniOXcDKxdKxqQYMLkR7aTZQvp+sVrq2++6m9a75QG3leLgikSqKBQkL5f7KLbJ"],
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
            "PRIVATE_KEY=0x9a6f10cfa5c28f9d1da398fd63e1d9c14896cbf2ef4e94fb7ebe35ad7402024b",
            "privkey = 7e66b2b8e4b2c237bcc23f0fa837ad80bfa962ffeef3668431c7b46c30acb12a",
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
        yes: &[r#"{"kty":"EC","crv":"P-256","d":"4W9bTnB9SjZLGHN45Nb0x-d7s5Aoii62CnU-FCgahIc"}"#],
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
            "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3In0.Q8hnO5kpOjATud2PpsGbynlpRUIoidcN7c1EkyZpjTz",
            "eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjF9.UwWzOvF7KfJnNcYC9eU5RDXSq8RLqLA9Vd0XaefOqz84S4S76lS7ATTBC7sE6mIny3dbbQl4b7JZ7ClCOs55MfXCJJP5OYDuVn42IsxllQGMiWYV5meGCDgbiHEZ9wvHwLJN26dfa_4sBfJwsMWUzZ0IqpSSZAgzwdzb0VUiaROG99jXpMgJEAGqRAOSccOKmBu5Ov3tdEYa5J_jyG0-zggjCv158Wpx8bv1qRMtihTLs94m1nTB6Jp78AlJajf-X0jQrdqTESvukoETvEHVIvxfHTGESU7Ko6F3DG-DwJK8wpLMTgsUA3fXJAVtVoi3vXl9ABBRbqdfNajc6TkpJc",
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
        yes: &["JWT_SECRET=GgvtdYoUu657Vxgvn8lU7Xz2", "jwt:\n  secret: \"rHi5HZT4Egrxcjg7!LcihQR\""],
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
        yes: &["token=eyikBO4FlyZuiRKluX66mc.eyvutd0JBwqPrm6MToZ8PbreUyW2ajyS.drlfaxULIQqk"],
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
        yes: &["ZXlKaGJHY2lPaUpJVXpJMU5pSXNJblI1Y0NJNklrcFhWQ0o5ApS/3XQ5AAwu3Sk9rkDSxRNI9r4Cf4IF9/RTTRFJdWed+sHe39Sn2tx6AvAE"],
        no: &["ZXlKS4MANVoZPhH6xJH0bU1G"],
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
            "    client-key-data: LS0tLS1ChsjGYjs0ulzowwL6OyMevG9foSCgRDoHibZPHna+3XoWrZxIH0qiYV7j5/SRRiIZdOXB6hbX1hJDoY3JIOqz/oGvs3VFypLkTFPu6iqY0FhWpFZVjEVe6HjH",
        ],
        no: &["client-key-data: x"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "kubernetes_secret",
        title: "data of a Kubernetes secret",
        label: "KUBERNETES_SECRET",
        anchor: Anchor::Words(&["kind:"]),
        pattern: r#"(?i:kind):\s{0,3}["\x27]?Secret\b(?s-u:[^\x00]{0,120}?)\bdata:\s{1,8}(?:[\w.-]{1,40}:[ \t]{1,3}(?:\|\s{1,8})?["\x27]?(?P<v>[A-Za-z0-9+/]{10,120}={0,3}))"#,
        before: Edge::Any,
        after: Edge::Any,
        check: Some(tokens::real),
        yes: &["kind: Secret\nmetadata:\n  name: x\ndata:\n  password: 63rEGEzhM0aWtBGQlXcg=="],
        no: &["kind: ConfigMap\ndata:\n  a: l0TEtGL0s4cHfXJvAn2z", "kind: Secret\ndata:\n  a: {{ x }}"],
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
            "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUa4uRWR8kvRGj008J8bCSydzqAOPiKF5Z0ljc0W/GPL7tcu+UmB8gKP/AHUvPcg1cD9LS9+5c0TYsWzk1Pd05HedS7u/uNxcuxdhd",
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
            "<RSAKeyValue><Modulus>x</Modulus><D>zGkQWC1lu2PR5Y2o30F1hBmK+ktWec7bdt3lPPE7OWsVYfeKC395TbauZ6GI7P13nJPxFpvo5CQMcBeT6KYFaiTI2iaTl3UZNEW4DFftJkhZ9Zdc1J3tcKEVFxCi82zfANp30M3axvvm/q/o7y+xNpnbf+cAxVB0qiTTi51QdV</D>",
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
        yes: &["[Interface]\nPrivateKey = bnFtFUU0wzYiCYJTJkJhs1pvYGp3tCps2igiguBljRr="],
        no: &["PrivateKey = x"],
        ..Rule::CREDENTIAL
    },
];
