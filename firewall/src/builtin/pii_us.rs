//! Personal data of the United States.

use crate::checks::ids;
use crate::rule::{Anchor, Edge, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "us_ssn",
        title: "US social security number",
        label: "US_SSN",
        anchor: Anchor::Digits { least: 9, most: 100 },
        pattern: r"(?:[0-9]{1,2} ){0,2}?(?P<v>[0-9]{3}[ .-]?[0-9]{2}[ .-]?[0-9]{4})",
        after: Edge::NoAlnum,
        check: Some(ids::us_ssn),
        yes: &["SSN 536-22-8726", "我的号码是536-22-8726请登记", "social security number: 536228726", "536 22 8726"],
        no: &["666-22-8726", "536-00-8726", "536-22-0000", "900-22-8726", "536228726", "536-22.8726", "1-536-22-8726"],
        ..Rule::PII
    },
    Rule {
        id: "us_itin",
        title: "US taxpayer number",
        label: "US_ITIN",
        anchor: Anchor::Digits { least: 9, most: 100 },
        pattern: r"9[0-9]{2}[ .-]?[5-9][0-9][ .-]?[0-9]{4}",
        after: Edge::NoAlnum,
        check: Some(ids::us_itin),
        yes: &["937-74-5820", "ITIN: 937745820"],
        no: &["937-69-5820", "937745820", "837-74-5820"],
        ..Rule::PII
    },
];
