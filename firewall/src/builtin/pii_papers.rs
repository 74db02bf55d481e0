//! People's papers: cards, licences, insurances, plates; by check characters, by shapes of their own, or alone in their line.

use crate::checks::documents;
use crate::rule::{Anchor, Edge, Rule};
use fluxa_domain::firewall::{Action, Confidence};

/// What a line consists of, but for quotes and spaces around it.
macro_rules! alone {
    ($pattern:literal) => {
        concat!(r#"["' ]{0,2}(?P<v>"#, $pattern, r#")["' ]{0,2}"#)
    };
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "id_alone",
        title: "identity number that stands alone in its line",
        label: "NATIONAL_ID",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Digits { least: 1, most: 14 },
        reach: 3,
        pattern: alone!(r"[A-Za-z0-9](?:[ .:_-]?[A-Za-z0-9]){8,16}"),
        before: Edge::Line,
        after: Edge::Line,
        check: Some(documents::checked_alone),
        yes: &["5522210805", "id\n4508296347251\n", "\"A123456780\"", "T12LL5898D", "C01X00T41"],
        no: &["5522210806", "see 4508296347251", "4508296347251 was", "A123456781"],
        ..Rule::PII
    },
    Rule {
        id: "document_alone",
        title: "number of a paper or a plate that stands alone in its line",
        label: "NATIONAL_ID",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Digits { least: 1, most: 13 },
        reach: 7,
        pattern: alone!(r"[A-Za-z0-9](?:[ ./-]?[A-Za-z0-9]){4,15}"),
        before: Edge::Line,
        after: Edge::Line,
        check: Some(documents::shaped_alone),
        yes: &["34 KTL 612", "LK53 ABX", "MH12DE1433", "AFZPK7190K", "15-08-482913-71"],
        no: &["82 KTL 612", "the LK53 ABX", "LK49 ABX", "AFZXK7190K"],
        ..Rule::PII
    },
    Rule {
        id: "it_fiscal_code",
        title: "Italian codice fiscale",
        label: "IT_FISCAL_CODE",
        anchor: Anchor::Digits { least: 2, most: 2 },
        reach: 6,
        pattern: r"(?i)[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]",
        check: Some(documents::it_fiscal),
        yes: &["codice fiscale RSSBNC84D51F205P", "rssbnc84d51f205p"],
        no: &["RSSBNC84D51F205Q", "RSSBNC84D51F205"],
        ..Rule::PII
    },
    Rule {
        id: "in_gstin",
        title: "Indian tax number (GSTIN)",
        label: "IN_GSTIN",
        anchor: Anchor::Digits { least: 2, most: 2 },
        pattern: r"(?:0[1-9]|[12][0-9]|3[0-8]|97|99)[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]",
        yes: &["GSTIN: 27AAPFU0358F1ZY"],
        no: &["47AAPFU0358F1ZY", "27AAPFU0358F1ZYX", "27AAPFU0358F1Y5"],
        ..Rule::PII
    },
    Rule {
        id: "in_pan",
        title: "Indian tax number (PAN)",
        label: "IN_PAN",
        confidence: Confidence::Medium,
        anchor: Anchor::Digits { least: 4, most: 4 },
        reach: 5,
        pattern: r"[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]",
        check: Some(documents::named_in_india),
        yes: &["PAN: AFZPK7190K", "My PAN number is AFZPK7190K"],
        no: &["AFZPK7190K is", "PAN AFZXK7190K"],
        ..Rule::PII
    },
    Rule {
        id: "uk_driving_licence",
        title: "UK driving licence",
        label: "UK_DRIVING_LICENCE",
        anchor: Anchor::Digits { least: 6, most: 9 },
        reach: 5,
        pattern: r"(?i)[A-Z]{1,5}9{0,4}[0-9](?:0[1-9]|1[0-2]|5[1-9]|6[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9][A-Z9]{2}[A-Z0-9][A-Z]{2}",
        check: Some(documents::uk_driving_licence),
        yes: &["licence FARRO805214KT9QW", "LEE99654129AB8XY"],
        no: &["FARRO875214KT9QW", "LEE9654129AB8XY"],
        ..Rule::PII
    },
    Rule {
        id: "de_social_insurance",
        title: "German social insurance number",
        label: "DE_SOCIAL_INSURANCE",
        anchor: Anchor::Digits { least: 8, most: 8 },
        pattern: r"(?i)[0-9]{8}[A-Z][0-9]{3}",
        check: Some(documents::de_insurance),
        yes: &["RVNR 15070649C103"],
        no: &["15070649C104", "15990649C103"],
        ..Rule::PII
    },
    Rule {
        id: "de_vat",
        title: "German VAT number",
        label: "DE_VAT",
        confidence: Confidence::Medium,
        anchor: Anchor::Digits { least: 9, most: 100 },
        reach: 3,
        pattern: r"(?:DE|de)[ .-]?[0-9]{3}[ .-]?[0-9]{3}[ .-]?[0-9]{3}",
        check: Some(documents::de_vat),
        yes: &["USt-IdNr. DE 645 833 623", "DE727047146"],
        no: &["DE727047147", "DE7270471460", "XDE727047146"],
        ..Rule::PII
    },
    Rule {
        id: "de_company_register",
        title: "German company register",
        label: "DE_REGISTER",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Words(&["hra", "hrb"]),
        pattern: r"(?:HR[AB]|hr[ab]) ?[0-9]{1,6}",
        yes: &["Amtsgericht Bonn, HRB 48213", "HRA48213"],
        no: &["HRC 48213", "hrbooking 3", "HRB 48213907"],
        ..Rule::PII
    },
    Rule {
        id: "us_mbi",
        title: "US Medicare number (MBI)",
        label: "US_MBI",
        anchor: Anchor::Digits { least: 1, most: 1 },
        pattern: r"(?i)[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9](?:-[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-|[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9])[AC-HJKMNP-RT-Y]{2}[0-9]{2}",
        check: Some(documents::us_mbi),
        yes: &["Medicare 7QW4-TK8-RD52", "7QW4TK8RD52"],
        no: &["7SW4-TK8-RD52", "7QW4-TK8-RD523", "7qw4tk8rd52"],
        ..Rule::PII
    },
    Rule {
        id: "us_dea",
        title: "US DEA registration",
        label: "US_DEA",
        anchor: Anchor::Digits { least: 7, most: 7 },
        reach: 2,
        pattern: r"(?i)[A-Z]{2}[0-9]{7}",
        check: Some(documents::us_dea_named),
        yes: &["DEA number: AB1234563"],
        no: &["DEA number: AB1234564", "part AB1234563"],
        ..Rule::PII
    },
    Rule {
        id: "kr_business",
        title: "Korean business registration",
        label: "KR_BUSINESS",
        confidence: Confidence::Medium,
        anchor: Anchor::Digits { least: 10, most: 10 },
        pattern: r"[0-9]{3}-[0-9]{2}-[0-9]{5}|[0-9]{10}",
        check: Some(documents::kr_business),
        yes: &["사업자등록번호 640-57-52936", "BRN: 6405752936"],
        no: &["640-57-52938", "6405752936"],
        ..Rule::PII
    },
    Rule {
        id: "kr_document",
        title: "Korean passport or driving licence",
        label: "KR_DOCUMENT",
        confidence: Confidence::Medium,
        anchor: Anchor::Digits { least: 3, most: 12 },
        reach: 1,
        pattern: r"[MSRODmsrod](?:[0-9]{3}[A-Za-z][0-9]{4}|[0-9]{8})|(?:1[1-9]|2[0-8])-[0-9]{2}-[0-9]{6}-[0-9]{2}",
        check: Some(documents::kr_document),
        yes: &["여권 M482K9071", "운전면허 15-08-482913-71", "여권번호는 S40718352입니다"],
        no: &["M482K9071 is a part", "15-08-482913-7", "29-08-482913-71"],
        ..Rule::PII
    },
    Rule {
        id: "se_organization",
        title: "Swedish organization number",
        label: "SE_ORGANIZATION",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Digits { least: 10, most: 10 },
        pattern: r"[0-9]{6}-[0-9]{4}",
        check: Some(documents::se_organization_named),
        yes: &["552221-0805 is ours", "orgnummer 552221-0805"],
        no: &["552221-0806 is ours", "call 552221-0805"],
        ..Rule::PII
    },
    Rule {
        id: "sg_uen",
        title: "Singaporean entity number",
        label: "SG_UEN",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Digits { least: 2, most: 9 },
        reach: 1,
        pattern: r"[RST][0-9]{2}[A-Z]{2}[0-9]{4}[A-Z]|(?:19|20)[0-9]{7}[A-Z]",
        check: Some(documents::sg_entity_anywhere),
        yes: &["UEN T12LL5898D", "companies 201126866Z and others"],
        no: &["UEN T12LL5898E", "201126866A"],
        ..Rule::PII
    },
    Rule {
        id: "th_id",
        title: "Thai identity number",
        label: "TH_ID",
        anchor: Anchor::Digits { least: 13, most: 13 },
        pattern: r"[0-9]-[0-9]{4}-[0-9]{5}-[0-9]{2}-[0-9]|[0-9]{13}",
        check: Some(documents::th_id_named),
        yes: &["Thai ID 4508296347251", "4-5082-96347-25-1"],
        no: &["Thai ID 4508296347252", "see 4508296347251"],
        ..Rule::PII
    },
    Rule {
        id: "ph_tin",
        title: "Philippine tax number",
        label: "PH_TIN",
        confidence: Confidence::Medium,
        anchor: Anchor::Digits { least: 9, most: 14 },
        pattern: r"[0-9]{3}-[0-9]{3}-[0-9]{3}(?:-[0-9]{3,5})?",
        after: Edge::NoNumber,
        check: Some(documents::ph_tin),
        yes: &["TIN 214-730-578", "TIN: 214-730-578-000"],
        no: &["TIN 214-730-579", "214-730-578"],
        ..Rule::PII
    },
];
