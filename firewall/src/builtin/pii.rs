//! Personal data of any country.

use crate::rule::{Anchor, Edge, Rule};

pub(super) const RULES: &[Rule] = &[Rule {
    id: "email",
    title: "e-mail address",
    label: "EMAIL",
    anchor: Anchor::Byte(b'@'),
    reach: 64,
    pattern: r"[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,2}[A-Za-z]{2,24}",
    before: Edge::NoAlnum,
    after: Edge::NoAlnum,
    yes: &["write to ann.lee@example.com today", "邮箱ann@example.com谢谢"],
    no: &["npm install @types/node@18.2.0", "a@b"],
    ..Rule::PII
}];
