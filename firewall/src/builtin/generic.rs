//! Secrets that only their surroundings give away: what a name of a secret is set to. They alert where nobody says more.

use fluxa_domain::firewall::{Action, Confidence};

use crate::checks::secrets;
use crate::rule::{Anchor, Edge, Rule, Tail};

/// What these rules have in common.
const GENERIC: Rule = Rule {
    label: "SECRET",
    confidence: Confidence::Medium,
    action: Action::Alert,
    before: Edge::Any,
    after: Edge::Any,
    ..Rule::CREDENTIAL
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "generic_secret",
        title: "password, key or token set to a value",
        anchor: Anchor::Words(&[
            "key", "token", "secret", "pass", "pwd", "auth", "cred", "api", "access", "private", "pw", "psw", "pssw", "pasw",
        ]),
        // The name from its word on; what closes it; a type; an operator; quotes; a scheme; the value.
        pattern: concat!(
            r#"(?i)[a-z]{2}[a-z0-9_.-]{0,40}?(?:\[[0-9]{0,4}\]|["'`)\]]{0,3}|&quot;|\\["'])"#,
            r#"(?:[ \t]{0,3}:?[ \t]{0,3}&?(?:'static )?(?:str|string)\b)?"#,
            r#"(?:[ \t]{0,8}(?:[:?.+!|]{0,3}={1,3}>?|::?|->|>|%3D|[,(]\s{0,6}["'`]|value\s{0,2}=|\{\s{1,12}default\s{0,8}=)\s{0,20})"#,
            r#"(?:[@brfu]{0,2}["'`]{1,3}|\\["']|&quot;)?(?:(?:bearer|basic|token|ntlm|negotiate|apikey)[ \t]{1,2})?"#,
            r#"(?P<v>[!-~&&[^"'`<>\\,;()&]]{6,150})"#,
        ),
        tail: Tail::Token,
        check: Some(secrets::assigned),
        yes: &[
            "DB_PASSWORD=hw7Kp!tr0n",
            "apiKey: \"q8Zr2LmV0xT4bNc7Ys1D\"",
            "client_secret => 'f81c0e6d7ab2493588d1'",
            "id:ann PW:w1nter&Rain",
            "https://api.example.net/v1/list?access_token=9f3b1c07d2e84a65b0c7f1d9&page=2",
        ],
        no: &[
            "password: ${DB_PASSWORD}",
            "password = get_password()",
            "password = request.form.password",
            "api_key_id = \"q8Zr2LmV0xT4bNc7Ys1D\"",
            "token = tokens[0]",
            "api_key = os.environ[\"ACME_API_KEY\"]",
            "public_key: 9f3b1c07d2e84a65b0c7f1d94e2a8358",
            "secretName: my-app-secret-2",
            "key=xxxxxxxxxxxxxxxxxxxxxxxx",
        ],
        ..GENERIC
    },
    Rule {
        id: "bare_secret",
        title: "password, key or token behind its word, without an operator",
        anchor: Anchor::Words(&[
            "key",
            "token",
            "secret",
            "access",
            "private",
            "passw",
            "passphrase",
            "pwd",
            "oauth2-bearer",
            "securestring",
        ]),
        // As above, but with a verb, blanks or a dash, and a digit among the first characters of the value.
        pattern: concat!(
            r#"(?i)[a-z]{3}[a-z0-9_.-]{0,40}?(?:["'`)\]]{0,2})(?:[ \t]{1,3}(?:is|was)[ \t:]{1,3}|[ \t]{1,4}|[.-])(?:["'`]|\\["'])?"#,
            r#"(?P<v>[!-~&&[^"'`<>\\,;()&0-9]]{0,30}[0-9][!-~&&[^"'`<>\\,;()&]]{4,140})"#,
        ),
        tail: Tail::Token,
        check: Some(secrets::assigned),
        yes: &[
            "sqlcmd -User ann -Password 'w1nter#Rain'",
            "my password is w1nterRain",
            "acme SECRET 9f3b1c07d2e84a65b0c7f1d94e2a8358",
            "openssl rsa --passphrase w1nterRain -in a.bin",
        ],
        no: &["the password is incorrect", "a key of 256 bits or more", "token count 20000000", "access 2024-01-15T10:20:30Z"],
        ..GENERIC
    },
    Rule {
        id: "quoted_password",
        title: "password in quotes, of any characters",
        anchor: Anchor::Words(&["passw", "pwd", "secret", "private_key", "api_key", "apikey", "_pass", "secret_access_key"]),
        pattern: concat!(
            r#"(?i)[a-z_][a-z0-9_.-]{2,40}?(?:\[[0-9]{0,4}\]|["'`)\]]{0,2})"#,
            r#"(?:[ \t]{0,8}(?:[:?.+!|]{0,2}={1,3}>?|::?|->|[,(])\s{0,20}|[ \t]{1,4})[@brfu]{0,2}["'`](?P<v>[!-~&&[^"'`\\]]{6,100})["'`]"#,
        ),
        check: Some(secrets::quoted),
        yes: &["password = \"k(7;Lm&x,2\"", "secret('q{3}!w>e[r|t')", "db_password => '7~;Rain(fall)'"],
        no: &[
            "password: \"Password:\"",
            "password = \"${DB_PASSWORD}\"",
            "password: 'At least 8 characters!'",
            "secret: \"my-secret_name\"",
        ],
        ..GENERIC
    },
    Rule {
        id: "native_password",
        title: "password behind a word of another language",
        anchor: Anchor::Words(&[
            "密码",
            "密碼",
            "口令",
            "密钥",
            "密鑰",
            "令牌",
            "비밀번호",
            "비번",
            "암호",
            "パスワード",
            "暗証番号",
            "пароль",
            "contraseña",
            "senha",
            "kennwort",
            "hasło",
            "heslo",
        ]),
        pattern: concat!(
            r#"(?i)(?:[a-z]{0,8}[\x80-\xff]{1,24}[a-z]{0,3}|senha|kennwort|heslo)["'`]{0,1}(?:[ \t]{0,2}(?:[:=]|->|=>)[ \t]{0,3}|[ \t]{0,2})(?:is |es |ist )?["'`(\[]{0,2}"#,
            r#"(?P<v>[!-~&&[^"'`<>\\,;()&:=]][!-~&&[^"'`<>\\,;()&]]{5,64})"#,
        ),
        check: Some(secrets::native),
        yes: &["账号：ann，密码：w1nter#Rain", "비밀번호: w1nterRain", "パスワードはw1nter#Rainです", "contraseña: w1nterRain"],
        no: &["密码长度至少8位", "密码：${PASSWORD}", "密码不正确", "비밀번호를 입력하세요"],
        ..GENERIC
    },
    Rule {
        id: "marked_token",
        title: "token with a mark that vendors like to use",
        anchor: Anchor::Words(&[
            "_live_", "_test_", "_prod_", "_pat_", "_sk_", "_api_", "_key_", "_secret_", "sk_", "sk-", "pk_", "pat_", "tok_", "-live-",
            "-prod-", ".v1_",
        ]),
        pattern: r"[A-Za-z][A-Za-z0-9]{0,11}(?:[._-][A-Za-z0-9]{1,10}){0,2}[_-][A-Za-z0-9]{20,150}",
        reach: 16,
        before: Edge::NoToken,
        tail: Tail::Token,
        check: Some(secrets::bearer),
        yes: &["acme_live_9f3b1c07d2e84a65b0c7", "found sk_4kQz9TnW2bXs7LmV0cRyp3 in the log"],
        no: &["test_live_environment_variables", "task_test_configuration_of_the_gateway", "sk_xxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..GENERIC
    },
    Rule {
        id: "curl_user_password",
        title: "password of a curl call",
        anchor: Anchor::Words(&["-u ", "--user ", "-u\"", "-u'"]),
        pattern: r#"-(?:u|-user)[ \t]{0,2}["']?[^\s:"'<>$]{1,60}:(?P<v>[^\s"'<>$]{4,120})"#,
        before: Edge::NoToken,
        needs: &["curl"],
        check: Some(secrets::filled_in),
        yes: &["curl -s -u ann:w1nterRain https://api.example.net/v1"],
        no: &["curl -u ann:$PASSWORD https://api.example.net", "docker run -u 1000:1000 curlimage"],
        ..GENERIC
    },
    Rule {
        id: "nuget_password",
        title: "password of a NuGet source in clear text",
        anchor: Anchor::Words(&["ClearTextPassword"]),
        pattern: r#"(?i)ClearTextPassword["'][ \t]{1,4}value[ \t]{0,2}=[ \t]{0,2}["'](?P<v>[^"'<>\r\n]{4,150})["']"#,
        check: Some(secrets::filled_in),
        yes: &["<add key=\"ClearTextPassword\" value=\"w1nterRain\" />"],
        no: &["<add key=\"ClearTextPassword\" value=\"%NUGET_PASSWORD%\" />"],
        ..GENERIC
    },
    Rule {
        id: "kubernetes_secret",
        title: "value of a Kubernetes secret",
        anchor: Anchor::Words(&["kind: Secret", "kind: \"Secret", "kind: 'Secret"]),
        pattern: concat!(
            r#"(?i)kind: ["']?secret["']?[ \t]{0,20}\r?\n[^\x00]{0,150}?\bdata["']?:[ \t]{0,20}\r?\n\s{1,16}[\w.-]{1,40}:[ \t]{1,8}(?:[>|][+-]?\s{1,16})?["']?"#,
            r"(?P<v>[A-Za-z0-9+/]{6,100}={0,2})",
        ),
        tail: Tail::Token,
        check: Some(secrets::filled_in),
        yes: &["apiVersion: v1\nkind: Secret\nmetadata:\n  name: acme\ndata:\n  password: dzFudGVyUmFpbg==\n"],
        no: &["kind: SecretStore\nspec:\n  data:\n    name: dzFudGVyUmFpbg==\n", "kind: ConfigMap\ndata:\n  name: dzFudGVyUmFpbg==\n"],
        ..GENERIC
    },
    Rule {
        id: "kubernetes_secret_before_kind",
        title: "value of a Kubernetes secret, written before its kind",
        anchor: Anchor::Words(&["data:"]),
        pattern: concat!(
            r#"(?i)data:[ \t]{0,20}\r?\n\s{1,16}[\w.-]{1,40}:[ \t]{1,8}(?:[>|][+-]?\s{1,16})?["']?(?P<v>[A-Za-z0-9+/]{6,100}={0,2})["']?\s{1,8}"#,
            r#"(?:[^\x00]{0,120}?\n)?[ \t]{0,4}kind: ["']?secret["']?[ \t]{0,20}\r?\n"#,
        ),
        before: Edge::NoWord,
        check: Some(secrets::filled_in),
        yes: &["apiVersion: v1\ndata:\n  password: dzFudGVyUmFpbg==\nkind: Secret\nmetadata:\n  name: acme\n"],
        no: &["data:\n  name: dzFudGVyUmFpbg==\nkind: ConfigMap\n"],
        ..GENERIC
    },
    Rule {
        id: "bearer_token",
        title: "bearer token of a request",
        anchor: Anchor::Words(&["bearer "]),
        pattern: r#"(?i)bearer[ \t]{1,3}["']?(?P<v>[a-z0-9_.~+/=|-]{16,200})"#,
        before: Edge::NoAlnum,
        tail: Tail::Token,
        check: Some(secrets::bearer),
        yes: &["curl -H \"Authorization: Bearer 4kQz9TnW2bXs7LmV0cRy\""],
        no: &["Authorization: Bearer $TOKEN", "the bearer of this letter", "Bearer your-access-token-here"],
        ..GENERIC
    },
];
