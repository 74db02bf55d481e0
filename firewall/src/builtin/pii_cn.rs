//! Personal data of China: identity numbers, telephones, bank cards, companies, plates, passports, addresses.

use crate::checks::china;
use crate::rule::{Anchor, Edge, Pack, Rule};
use fluxa_domain::firewall::{Action, Confidence};

/// Numbers that may stand before, a space between: digits that belong together by their separators begin one group.
macro_rules! lead {
    ($pattern:literal) => {
        concat!(r"(?:(?:[0-9]{1,3}|[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}) ){0,3}?(?P<v>", $pattern, ")")
    };
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "cn_id",
        title: "identity number of China",
        label: "CN_ID",
        anchor: Anchor::Digits { least: 15, most: 100 },
        pattern: lead!(r"[1-8][0-9](?:[ .-]?[0-9]){15}[ .-]?[0-9Xx]|[1-8][0-9](?:[ -]?[0-9]){13}"),
        check: Some(china::cn_id),
        yes: &["身份证号330106199001158370的客户", "330106 19901215 616X", "33010619901215616x", "身份证：330106900115837"],
        no: &["330106199001158371", "130106199002308370", "990106199001158370", "流水号 330106900115837"],
        ..Rule::PII_CN
    },
    Rule {
        id: "cn_mobile",
        title: "mobile number of China",
        label: "CN_MOBILE",
        anchor: Anchor::Digits { least: 11, most: 100 },
        reach: 3,
        pattern: concat!(
            r"(?:(?:[0-9]{1,3}|[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}) ){0,3}?",
            r"(?P<v>(?:\(?(?:\+|00)?86\)?[ -]{0,2})?1[3-9][0-9](?:[ .-]?[0-9]{4}[ .-]?[0-9]{4}|[0-9][ .-]?[0-9]{4}[ .-]?[0-9]{3}|[0-9][ .-][0-9]{3}[ .-][0-9]{4}))",
        ),
        check: Some(china::cn_mobile),
        yes: &["手机号13912345678张三", "+86 139-1234-5678", "008613912345678", "139 1234 5678", "(+86)13912345678", "3 13912345678"],
        no: &["12912345678", "1391234567890", "订单号13912345678", "a13912345678", "0.13912345678"],
        ..Rule::PII_CN
    },
    Rule {
        id: "cn_landline",
        title: "landline number of China",
        label: "CN_LANDLINE",
        anchor: Anchor::Digits { least: 7, most: 100 },
        reach: 8,
        pattern: concat!(
            r"\+86[ -]?(?:10|2[0-9]|[3-9][0-9]{2})[ -]?[0-9]{3,4}[ -]?[0-9]{4}(?:-[0-9]{1,6})?",
            r"|\(?0(?:10|2[0-9]|[3-9][0-9]{2})[) -]?[ -]?(?:[1-9][0-9]{2,3}[ -][0-9]{4}|[1-9][0-9]{6,7})(?:-[0-9]{1,6})?",
            r"|[48]00(?:-[0-9]{3}-[0-9]{4}|-?[0-9]{4}-?[0-9]{3})|[2-8][0-9]{2,3}-?[0-9]{4}",
        ),
        check: Some(china::cn_landline),
        yes: &["座机010-61234567", "(0755) 81234567", "0755-8123456", "+86 21 6123 4567", "电话：61234567", "热线400-812-3456"],
        no: &["0571-8305.172", "61234567", "订单 010-61234567", "0123-4567890", "A20-81234567"],
        ..Rule::PII_CN
    },
    Rule {
        id: "cn_bank_card",
        title: "bank card of China",
        label: "CN_BANK_CARD",
        packs: &[Pack::PiiCn, Pack::Finance],
        anchor: Anchor::Digits { least: 16, most: 100 },
        pattern: lead!(r"(?:62|81|95)[0-9]{2}(?:[ .-]?[0-9]{4}){3}(?:[ .-]?[0-9]{1,3})?|(?:62|95)[0-9]{4}[ -]?[0-9]{13}"),
        check: Some(china::cn_bank_card),
        yes: &["银行卡号6217002116268793821，请核对", "6217 0021 1626 8793 821", "6217-0021-1626-8793-821"],
        no: &["6217002116268793822", "订单号：6217002116268793821", "16217002116268793821"],
        ..Rule::PII_CN
    },
    Rule {
        id: "cn_uscc",
        title: "unified social credit code of China",
        label: "CN_USCC",
        anchor: Anchor::Digits { least: 6, most: 100 },
        reach: 2,
        pattern: r"(?:[1-9][0-9]|A1|N[1-39]|Y1)[0-9]{6}[0-9A-HJ-NPQRTUW-Yabcdefghjklmnpqrtuwxy]{10}",
        check: Some(china::cn_uscc),
        yes: &["统一社会信用代码91330106MA27XL0K7U", "91330106ma27xl0k7u"],
        no: &["91330106MA27XL0K7W", "91330106MA27XL0K7U0"],
        ..Rule::PII_CN
    },
    Rule {
        id: "cn_plate",
        title: "vehicle plate of China",
        label: "CN_PLATE",
        anchor: Anchor::Words(&[
            "京", "津", "沪", "渝", "冀", "豫", "云", "辽", "黑", "湘", "皖", "鲁", "新", "苏", "浙", "赣", "鄂", "桂", "甘", "晋", "蒙",
            "陕", "吉", "闽", "贵", "粤", "青", "藏", "川", "宁", "琼", "使", "领",
        ]),
        pattern: concat!(
            r"(?:京|津|沪|渝|冀|豫|云|辽|黑|湘|皖|鲁|新|苏|浙|赣|鄂|桂|甘|晋|蒙|陕|吉|闽|贵|粤|青|藏|川|宁|琼|使|领)(?:[0-9]{5}(?:领|使)|[A-Z](?: |-|·|•|\.)?",
            r"(?:[0-9A-Z]{4}(?:警|学|挂|港|澳|领|使|试|超)|[0-9A-Z]{5,6}))",
        ),
        before: Edge::Any,
        check: Some(china::cn_plate),
        yes: &["车牌号粤B12345的车主", "京A·12D45", "沪AD12345", "浙A1234警", "粤Z1234港", "沪10234领", "川Q-66952"],
        no: &["新API2024OK", "京ABCDEF", "浙苏A12345", "粤B1234"],
        ..Rule::PII_CN
    },
    Rule {
        id: "cn_passport",
        title: "passport or travel permit of China",
        label: "CN_PASSPORT",
        confidence: Confidence::Medium,
        anchor: Anchor::Digits { least: 7, most: 9 },
        reach: 2,
        pattern: r"(?i)[EGDSPHK][0-9]{8}|E[A-HJ-NP-Z][0-9]{7}|(?:DE|SE|PE|KJ|MA)[0-9]{7}|1[45][0-9]{7}|[HMC][0-9]{8}|[HM][0-9]{10}",
        check: Some(china::cn_passport),
        yes: &["护照号：E12345678", "护照EA1234567", "G12345678", "passport 141234567"],
        no: &["护照号GA7305182", "EI7305182", "141234567", "sha E12345678"],
        ..Rule::PII_CN
    },
    Rule {
        id: "hk_tw_mo_id",
        title: "identity number of Hong Kong, Macao or Taiwan",
        label: "HK_TW_MO_ID",
        anchor: Anchor::Digits { least: 6, most: 10 },
        reach: 2,
        pattern: r"[A-Z]{1,2}[0-9]{6}\([0-9A]\)|[A-Z][1289][0-9]{8}|[157][0-9]{6}\([0-9]\)",
        after: Edge::NoWord,
        check: Some(crate::checks::ids::hk_tw_mo),
        yes: &["證件A123456(3)", "身分證A123456789"],
        no: &["A123456(4)", "A123456788"],
        ..Rule::PII_CN
    },
    Rule {
        id: "cn_address",
        title: "postal address in Chinese",
        label: "ADDRESS",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Words(&["地址", "住址", "住在"]),
        pattern: r#"(?:地址|住址|住在)"?(?:：|:| |=|"|“|是|为){0,6}(?P<v>(?:[\xE4-\xE9][\x80-\xBF]{2}|[A-Za-z0-9-]){3,60}?[0-9]{1,5}(?:号|弄|栋|幢|室|楼)(?:[\xE4-\xE9][\x80-\xBF]{2}|[0-9-]){0,12}(?:号|栋|幢|室|楼|层|单元)?)"#,
        before: Edge::Any,
        after: Edge::Any,
        yes: &["收货地址：浙江省杭州市西湖区文三路123号5栋201室，谢谢"],
        no: &["请填写地址", "服务器地址：内网"],
        ..Rule::PII_CN
    },
];
