//! Credentials with a shape of their own: the prefix says whose they are.

use crate::rule::{Anchor, Rule, Tail};

pub(super) const RULES: &[Rule] = &[Rule {
    id: "openai_key",
    title: "OpenAI API key",
    label: "OPENAI_KEY",
    anchor: Anchor::Words(&["sk-proj-", "sk-svcacct-", "sk-admin-"]),
    pattern: r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,100}",
    tail: Tail::Word,
    yes: &["OPENAI_API_KEY=sk-proj-Zm9yIGEgdGVzdCBvbmx5LCBub3QgYSBrZXkgYXQgYWxs_x4"],
    no: &["sk-proj-short", "ask-proj-Zm9yIGEgdGVzdCBvbmx5LCBub3QgYSBr"],
    ..Rule::CREDENTIAL
}];
