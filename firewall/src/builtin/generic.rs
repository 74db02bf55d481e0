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

pub(super) const RULES: &[Rule] = &[Rule {
    id: "generic_secret",
    title: "password, key or token set to a value",
    anchor: Anchor::Words(&[
        "key", "token", "secret", "pass", "pwd", "auth", "cred", "api", "access", "private", "pw", "psw", "pssw", "pasw",
    ]),
    pattern: concat!(
        r#"(?i)[a-z][a-z0-9_.-]{1,40}?(?:["'`)\]]{0,3}|&quot;|\\["'])"#,
        r#"(?:[ \t]{0,3}:?[ \t]{0,3}&?(?:'static )?(?:str|string)\b)?"#,
        r#"[ \t]{0,8}(?:[:?.+!|]?={1,3}>?|::?|->|>|%3D|[,(]\s{0,6}["'`])\s{0,20}(?:[@brfu]{0,2}["'`]{1,3}|\\["']|&quot;)?"#,
        r#"(?:(?:bearer|basic|token|ntlm|apikey)[ \t]{1,2})?(?P<v>[!-~&&[^"'`<>\\,;()&]]{6,150})"#,
    ),
    tail: Tail::Token,
    check: Some(secrets::assigned),
    yes: &["DB_PASSWORD=hw7Kp!tr0n", "apiKey: \"q8Zr2LmV0xT4bNc7Ys1D\"", "client_secret => 'f81c0e6d7ab2493588d1'"],
    no: &["password: ${DB_PASSWORD}", "password = get_password()", "api_key_id = \"q8Zr2LmV0xT4bNc7Ys1D\"", "token = tokens[0]"],
    ..GENERIC
}];
