//! Personal data of any country: e-mail, telephone, days of birth, addresses, devices.

use crate::checks::{addresses, ids, phones};
use crate::rule::{Anchor, Edge, Rule};
use fluxa_domain::firewall::{Action, Confidence};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "email",
        title: "e-mail address",
        label: "EMAIL",
        anchor: Anchor::Byte(b'@'),
        reach: 66,
        pattern: concat!(
            r#"(?P<v>(?:(?:[A-Za-z0-9_]|[\xC3-\xD3][\x80-\xBF])(?:[A-Za-z0-9.!#$%&*+/=?^_{|}~'-]|[\xC3-\xD3][\x80-\xBF]){0,63}|"(?:[A-Za-z0-9 .!#$%&*+_-]|\\.){1,60}"|(?:[\xE4-\xE9][\x80-\xBF]{2}){1,12})"#,
            r"@(?:[A-Za-z0-9\x80-\xFF](?:[A-Za-z0-9\x80-\xFF-]{0,61}[A-Za-z0-9\x80-\xFF])?\.){1,6}",
            r"(?:xn--[A-Za-z0-9-]{2,40}|[A-Za-z]{2,24}|(?:[\xC3-\xD3][\x80-\xBF]){2,24}))",
            // What goes on with it: letters behind a space that no keyboard writes, signs that are no punctuation.
            r"(?:(?:\xC2\xA0|\xE2\x80[\x80-\x8A\xAF]|\xE2\x81\x9F|\xE3\x80\x80)[A-Za-z]{1,3}|\xC2[\xA9\xAE]|\xEF\xBF\xBD|[A-Za-z0-9])?",
        ),
        after: Edge::Any,
        check: Some(addresses::email),
        yes: &[
            "write to ann.lee@example.com today",
            "邮箱ann@example.com谢谢",
            "ann+news@mail.example.co.uk",
            r#"{"email":"o'neil_7@example.museum"}"#,
            "mailto:ann@example.org?subject=hi",
            "user=ann@example.com",
            "jürgen@müller.example",
            "ann@example.com\u{a0}is mine",
        ],
        no: &[
            "npm install @types/node@18.2.0",
            "a@b",
            "git@github.com:owner/repo.git",
            "two..dots@example.com",
            "logo@2x.png",
            "https://ann:secret@example.com/",
            "ann@example.co\u{2006}m",
            "ann@example.com\u{a9}",
            "ann@ex\u{a0}ample.com",
        ],
        ..Rule::PII
    },
    Rule {
        id: "phone",
        title: "telephone number",
        label: "PHONE",
        anchor: Anchor::Digits { least: 6, most: 100 },
        reach: 12,
        pattern: r"(?:\+ ?)?(?:\(\+?[0-9]{1,5}\)[ .-]{0,2})?[0-9](?:[ ./()-]{0,3}[0-9]){4,14}(?:,? ?(?:x|ext\.?|#) ?[0-9]{1,6})?",
        check: Some(phones::phone),
        yes: &[
            "+14155552671",
            "+44 (0)20 7946 0958",
            "电话：+33 6 39 98 01 27",
            "phone: (415) 555-2671",
            "Contact (+34 655 01 73 28) for details",
            "Phone: (38) 615-902",
            "call me at 0494 12 34 56",
            "+1 (415) 555-2671 x22",
        ],
        no: &["+2(267)362-8910", "+4912345678910", "order 4155552671", "+1 111 555 2671", "1752394800020", "tel 2024-01-02"],
        ..Rule::PII
    },
    Rule {
        id: "phone_national",
        title: "telephone number by its shape",
        label: "PHONE",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Digits { least: 7, most: 100 },
        reach: 12,
        pattern: r"(?:\([0-9]{1,5}\)[ .-]{0,2})?[0-9](?:[ ./()-]{0,2}[0-9]){4,14}(?:,? ?(?:x|ext\.?) ?[0-9]{1,6})?",
        check: Some(phones::phone_by_shape),
        yes: &["reach us: 415-555-2671", "(415) 555-2671", "0494 12 34 56"],
        no: &["4155552671", "2024-01-02 10", "order no. 415-555-2671", "115-555-2671"],
        ..Rule::PII
    },
    Rule {
        id: "phone_alone",
        title: "telephone number that stands alone in its line",
        label: "PHONE",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Digits { least: 10, most: 13 },
        reach: 2,
        pattern: r#"["']?(?P<v>\(?[0-9](?:[ ().-]{0,2}[0-9]){9,12})["']?"#,
        before: Edge::Line,
        after: Edge::Line,
        check: Some(phones::phone_alone),
        yes: &["0612734598", "05321734598", "33612734598", "tel\n01701734598\n"],
        no: &["4155552671", "1752394800", "0612734598 bytes", "00612734598", "20240102030405"],
        ..Rule::PII
    },
    Rule {
        id: "imei",
        title: "number of a mobile device",
        label: "IMEI",
        anchor: Anchor::Digits { least: 15, most: 16 },
        pattern: r"[0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{6}[ -]?[0-9]",
        check: Some(ids::imei),
        yes: &["IMEI: 357146082219379", "imei=35-714608-221937-9"],
        no: &["IMEI: 357146082219370", "357146082219379 bytes"],
        ..Rule::PII
    },
    Rule {
        id: "imei_alone",
        title: "number of a mobile device that stands alone in its line",
        label: "IMEI",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Digits { least: 15, most: 15 },
        reach: 1,
        pattern: r#"["']?(?P<v>[0-9]{15})["']?"#,
        before: Edge::Line,
        after: Edge::Line,
        check: Some(ids::imei_alone),
        yes: &["357146082219379", "imei\n357146082219379\n"],
        no: &["357146082219370", "357146082219379 bytes", "217146082219370"],
        ..Rule::PII
    },
    Rule {
        id: "birth_date",
        title: "date of birth",
        label: "BIRTH_DATE",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["birth", "dob", "生日", "出生"]),
        pattern: concat!(
            r#"(?i)(?:birth[ _-]?(?:date|day)?|dob|生日|出生(?:日期|年月|年月日)?)["']?(?:[ \t]|:|：|=|"|'|is|was|on|为|是|在|于){0,12}"#,
            r"(?P<v>(?:19|20)[0-9]{2}(?:-|/|\.|年)[0-9]{1,2}(?:-|/|\.|月)[0-9]{1,2}日?|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:19|20)[0-9]{2}",
            r"|(?:[0-9]{1,2}(?:st|nd|rd|th)? (?:of )?)?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.? (?:[0-9]{1,2}(?:st|nd|rd|th)?,? )?(?:19|20)[0-9]{2})",
        ),
        after: Edge::NoDigit,
        yes: &["Date of birth: 1984-07-13", "birthday: 13 July 1984", "出生日期：1984年7月13日", r#""dob":"07/13/1984""#],
        no: &["she was born on 1984-07-13", "birth rate 2019-01", "1984-07-13"],
        ..Rule::PII
    },
    Rule {
        id: "postal_address",
        title: "postal address",
        label: "ADDRESS",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Words(&[" street", " avenue", " boulevard", " lane", " drive", " road", "straße", "strasse"]),
        reach: 48,
        pattern: r"[0-9]{1,5}[A-Za-z]? (?:[A-Z][A-Za-z'.-]{1,20} ){0,3}[A-Z][A-Za-z'.-]{1,20} (?:Street|Avenue|Boulevard|Lane|Drive|Road)|(?:[A-Z]|\xC3[\x80-\x9E])(?:[a-z-]|\xC3[\x9F-\xBF]){2,40}(?:straße|strasse) [0-9]{1,4}[a-z]?",
        yes: &["lives at 221B Baker Street, London", "Hauptstraße 12"],
        no: &["a walk down the street", "5 ways to drive"],
        ..Rule::PII
    },
];
