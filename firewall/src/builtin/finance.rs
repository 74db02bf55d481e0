//! Cards, accounts, wallets.

use crate::checks::{banking, ids, wallets};
use crate::rule::{Anchor, Edge, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "credit_card",
        title: "payment card",
        label: "CREDIT_CARD",
        anchor: Anchor::Digits { least: 12, most: 100 },
        pattern: concat!(
            r"(?:(?:[0-9]{1,3}|[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}) ){0,3}?(?P<v>",
            r"[0-9]{4}(?:[ .-]?[0-9]{4}){2,3}(?:[ .-]?[0-9]{1,3})?|[0-9]{4}[ .-]?[0-9]{6}[ .-]?[0-9]{4,5})",
        ),
        after: Edge::NoAlnum,
        check: Some(banking::credit_card),
        yes: &[
            "card 4012889574168187 please",
            "4012 8895 7416 8187",
            "4012-8895-7416-8187",
            "卡号4012889574168187谢谢",
            "3782 822463 10005",
            "2 4012889574168187",
        ],
        no: &["4012889574168188", "订单号：4012889574168187", "x4012889574168187", "tracking 4012889574168187", "0.4012889574168187"],
        ..Rule::FINANCE
    },
    Rule {
        id: "iban",
        title: "bank account (IBAN)",
        label: "IBAN",
        anchor: Anchor::Digits { least: 7, most: 100 },
        reach: 12,
        pattern: concat!(
            r"(?P<v>(?i)(?:",
            r"(?:RU)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){29}",
            r"|(?:LC)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){28}",
            r"|(?:MT|SC)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){27}",
            r"|(?:JO|KW|MU|YE)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){26}",
            r"|(?:BR|EG|PS|QA|UA)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){25}",
            r"|(?:AL|AZ|BF|BJ|BY|CI|CY|DO|GT|HN|HU|LB|MA|ML|NE|NI|PL|SN|SV|TG)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){24}",
            r"|(?:BI|BL|CF|CG|CM|DJ|FR|GA|GF|GP|GQ|GR|IT|KM|MC|MF|MG|MQ|MR|NC|PF|PM|RE|SM|TD|TF|WF|YT)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){23}",
            r"|(?:DZ|IR|IS|TR)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){22}",
            r"|(?:AO|CV|GW|LY|MZ|PT|ST)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){21}",
            r"|(?:AD|CZ|ES|MD|PK|RO|SA|SE|SK|TN|VG)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){20}",
            r"|(?:AE|GI|IL|IQ|OM|SO|TL)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){19}",
            r"|(?:BG|BH|CR|DE|GB|GE|IE|ME|RS|VA)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){18}",
            r"|(?:CH|HR|LI|LV)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){17}",
            r"|(?:AT|BA|EE|KZ|LT|LU|MN|XK)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){16}",
            r"|(?:MK|SI)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){15}",
            r"|(?:DK|FI|FK|FO|GL|NL|SD)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){14}",
            r"|(?:BE)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){12}",
            r"|(?:NO)[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){11}",
            // A sign that goes on with it.
            r"))(?:@|[A-Za-z0-9])?",
        ),
        after: Edge::Any,
        check: Some(banking::iban),
        yes: &[
            "DE44500105175407324931",
            "GB29 NWBK 6016 1331 9268 19",
            "我的账号是FR9230021047160008831K74219请登记",
            "MT84MALT011000012345MTLCAST001S",
            "iban=gb29nwbk60161331926819",
        ],
        no: &[
            "DE44500105175407324931@",
            "DE45500105175407324931",
            "GB29 0000 6016 1331 9268 19",
            "XX44500105175407324931",
            "DE4450010517540732493",
        ],
        ..Rule::FINANCE
    },
    Rule {
        id: "crypto_wallet",
        title: "wallet address",
        label: "WALLET",
        anchor: Anchor::Words(&["0x", "bc1", "tb1", "ltc1"]),
        pattern: r"0[xX][0-9a-fA-F]{40}|(?:bc1|tb1|ltc1)[02-9ac-hj-np-z]{11,71}|(?:BC1|TB1|LTC1)[02-9AC-HJ-NP-Z]{11,71}",
        after: Edge::NoToken,
        check: Some(wallets::wallet),
        yes: &["0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"],
        no: &["0xdeadbeef", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "0x0000000000000000000000000000000000000000"],
        ..Rule::FINANCE
    },
    Rule {
        id: "crypto_wallet_base58",
        title: "wallet address (Base58)",
        label: "WALLET",
        anchor: Anchor::Digits { least: 1, most: 8 },
        pattern: r"[123][1-9A-HJ-NP-Za-km-z]{25,34}|4[0-9AB][1-9A-HJ-NP-Za-km-z]{93}",
        after: Edge::NoToken,
        check: Some(wallets::wallet),
        yes: &["send to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa now"],
        no: &["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "1A1zP1eP5QGefi2"],
        ..Rule::FINANCE
    },
    Rule {
        id: "crypto_wallet_named",
        title: "wallet address of a coin that is named",
        label: "WALLET",
        anchor: Anchor::Words(&["wallet", "litecoin", "ltc", "doge", "tron", "trx", "usdt", "xrp", "ripple", "solana", "dash", "zcash"]),
        pattern: r#"(?i:wallet|litecoin|ltc|dogecoin|doge|tron|trx|usdt|xrp|ripple|solana|dash|zcash)(?:[ _-]?(?i:address|wallet|account))?["']?(?: |:|=|"|'|is|：|地址){1,8}(?P<v>[LMDTrXt][1-9A-HJ-NP-Za-km-z]{25,34})"#,
        after: Edge::NoToken,
        check: Some(wallets::wallet),
        yes: &["tron wallet: TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"],
        no: &["tron wallet: TJRabPrwbZy45sbavfcjinPJC18kjpRTv9", "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"],
        ..Rule::FINANCE
    },
    Rule {
        id: "us_bank",
        title: "US routing or account number",
        label: "US_BANK",
        anchor: Anchor::Digits { least: 8, most: 17 },
        pattern: r"[0-9]{4}-[0-9]{4}-[0-9]|[0-9]{8,17}",
        check: Some(ids::us_bank),
        yes: &["routing number: 021000021", "bank account 730518264907"],
        no: &["routing number: 021000022", "730518264907"],
        ..Rule::FINANCE
    },
];
