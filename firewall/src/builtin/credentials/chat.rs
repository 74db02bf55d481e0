//! Tokens and webhooks of messengers.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Edge, Rule, Tail};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "slack_token",
        title: "Slack token",
        label: "SLACK_TOKEN",
        anchor: Anchor::Words(&["xoxb", "xoxp", "xoxa", "xoxr", "xoxs", "xoxe", "xoxd", "xoxo", "xoxc", "xapp-", "xwfp-"]),
        pattern: r"(?i)(?:xox[bparsedoc](?:\.xox[bp])?-[A-Za-z0-9%+/-]{10,200}|x(?:app|wfp)-[0-9]{1,3}-?[A-Za-z0-9-]{10,200})",
        tail: Tail::Word,
        check: Some(tokens::slack),
        yes: &[
            "SLACK_BOT_TOKEN=xoxb-374576465981-3889713175937-Yih6BU0tanuEZBroSe1C8vs1",
            "xoxe.xoxp-1-Dr3i8zFW9rIVvXAxc1ks2gzPVCFoFkf7quj7wo53KH8HVEFCiwifjn3TiqcCDufDnXT3lKYDt9WAl0isxSAOQnVSP97snYaUdhd3KM5IYUm3GRO4gOFgRqKY1wQVnFEzrU2sx9zmcXF4gUoZmPHAUBmLgepzNGbj",
            "xapp-1-AISSTDVR057-1547551728317-4edf44a79b56e1de5701d0d33e6cbd0d3a3629a4f946ab918e7e84cd05f0881a",
        ],
        no: &["xoxb-your-token-goes-here", "xoxb-", "xoxb-xxxxxxxxxxxx-xxxxxxxxxxxx-xxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Rule {
        id: "slack_webhook",
        title: "Slack webhook URL",
        label: "SLACK_WEBHOOK",
        anchor: Anchor::Words(&["hooks.slack.com/"]),
        pattern: r"hooks\.slack\.com/(?:services|workflows|triggers|commands)/[A-Za-z0-9+/_-]{20,100}",
        before: Edge::Any,
        after: Edge::NoAlnum,
        check: Some(tokens::digits_real),
        yes: &["https://hooks.slack.com/services/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"],
        no: &["https://hooks.slack.com/services/", "hooks.slack.com/services/YOUR/WEBHOOK/URLGOESHERE"],
        ..TOKEN
    },
    Rule {
        id: "telegram_token",
        title: "Telegram bot token",
        label: "TELEGRAM_TOKEN",
        anchor: Anchor::Words(&[":AA"]),
        pattern: "[0-9]{5,16}:AA[A-Za-z0-9_-]{31,35}",
        reach: 16,
        before: Edge::NoDigit,
        after: Edge::NoAlnum,
        check: Some(tokens::real),
        yes: &[
            "https://api.telegram.org/bot2088761294:AA8JsKCVnIRud63OEQy8u6QXeDw86x78uaY/getMe",
            "515819880:AAEEBcGrPOAe44ZyLnNsQ2PMSwu2nm4aPpa",
        ],
        no: &["12:AB", "816883313:AgAqyyLV4AY"],
        ..TOKEN
    },
    Rule {
        id: "telegram_token_named",
        title: "Telegram bot token by its name",
        label: "TELEGRAM_TOKEN",
        anchor: Anchor::Words(&["telegram", "tgram:", "bot_token", "TG_"]),
        pattern: assigned!("(?:telegram|tgram|bot_?token|tg_)", "[0-9]{5,16}:[A-Za-z0-9_-]{32,38}"),
        check: Some(tokens::real),
        yes: &["TELEGRAM_BOT_TOKEN=7905458109:oyl7Iwtudp3w6pEATmRVXHDYgXtNuEM4sPK"],
        no: &["telegram: 12:30"],
        ..TOKEN
    },
    Rule {
        id: "discord_webhook",
        title: "Discord webhook URL",
        label: "DISCORD_WEBHOOK",
        anchor: Anchor::Words(&["/api/webhooks/", "discord.com/api/v", "discordapp.com/api/v"]),
        pattern: r"(?:discord(?:app)?\.com/api/v[0-9]{1,2})?/(?:api/)?webhooks/[0-9]{15,22}/[A-Za-z0-9_-]{50,80}",
        before: Edge::Any,
        tail: Tail::Word,
        check: Some(tokens::real),
        yes: &["https://discord.com/api/webhooks/972270819201155471/Nl6zJa_Xgfp-yvOcVcthtLOeBlj3dvPy3owXgQxnBCTWDirVj5vnB4mJABARWkAETHSt"],
        no: &["https://discord.com/api/webhooks/id/token"],
        ..TOKEN
    },
    Rule {
        id: "discord_secret",
        title: "Discord secret by its name",
        label: "DISCORD_TOKEN",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["discord"]),
        pattern: assigned!(
            "discord",
            r"(?:[0-9a-f]{64}|[A-Za-z0-9_-]{32}|[0-9]{17,20}|[A-Za-z0-9_-]{24,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38})"
        ),
        check: Some(tokens::digits_real),
        yes: &[
            "DISCORD_CLIENT_SECRET=QUBy6U7WwOQF1Xxl_leXDPfqmO7-yxBs",
            r#"discord_public_key: "bcfc29d379f0ef9ee848eb5745112b1d7bc73a70f9576de51a64eb0c4bfe7a63""#,
            r#"discordClientId = "551526673021908428""#,
        ],
        no: &[r#"discord_invite = "abc""#],
        ..TOKEN
    },
    Rule {
        id: "teams_webhook",
        title: "Microsoft Teams webhook URL",
        label: "TEAMS_WEBHOOK",
        anchor: Anchor::Words(&["webhook.office.com/webhookb2/", "outlook.office"]),
        pattern: r"(?:webhook\.office\.com/webhookb2|outlook\.office(?:365)?\.com/webhook)/[0-9a-z-]{30,40}@[0-9a-z-]{30,40}/IncomingWebhook/[0-9a-zA-Z]{30,34}/[0-9a-z-]{30,40}",
        before: Edge::Any,
        after: Edge::Any,
        check: Some(tokens::real),
        yes: &[
            "https://acme.webhook.office.com/webhookb2/89384400-3b59-a9be-cb18-9d5d7e5b2ec5@800f8bbc-7dd8-9784-f14a-efbc7b9b3363/IncomingWebhook/9d4a3a07fb3055a505db41ce16b63274/e57c68b0-87cb-4f49-b4f3-61348c7a809a",
        ],
        no: &["webhook.office.com/webhookb2/", "outlook.office"],
        ..TOKEN
    },
    Rule {
        id: "discord_token",
        title: "Discord bot token",
        label: "DISCORD_TOKEN",
        anchor: Anchor::Words(&[
            "MTA", "MTE", "MTI", "MTM", "MTQ", "MTU", "MTY", "MTc", "MTg", "MTk", "MjA", "MjE", "MjI", "MjM", "MjQ", "MjU", "MjY", "Mjc",
            "Mjg", "Mjk", "MzA", "MzE", "MzI", "MzM", "MzQ", "MzU", "MzY", "Mzc", "Mzg", "Mzk", "NjA", "NjE", "NjI", "NjM", "NjQ", "NjU",
            "NjY", "Njc", "Njg", "Njk", "NzA", "NzE", "NzI", "NzM", "NzQ", "NzU", "NzY", "Nzc", "Nzg", "Nzk", "NDM", "NDQ", "NDY", "NDc",
            "NDg", "NDk", "NTM", "NTQ", "NTY", "NTc", "NTg", "NTk", "ODM", "ODQ", "ODY", "ODc", "ODg", "ODk", "OTM", "OTQ", "OTY", "OTc",
            "OTg", "OTk",
        ]),
        pattern: r"[MNO][A-Za-z0-9_-]{22,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",
        tail: Tail::Word,
        check: Some(tokens::random_token),
        yes: &[
            "MTETYK0GumZviCxcRfE7w62gIC.GN0q65.gOpWM1kXVU66-sx0sHnkl7Nwk8-gqgMkvwOvZV",
            "`NjkZVhUDR66sJi6MwqCQ0l48V.XmGuk5.YxoFBqHrSZ4QanzrX7JJG2CFwUI`",
        ],
        no: &["MTA.G.x", "H6BpCCfGMTEtmWKxH4390KYDi7UlUBfXpi.GCgp8K.yQLSmUGWj1ZJddhWorjwN_H4IQmCZ83ZCvsBn7"],
        ..TOKEN
    },
    Rule {
        id: "discord_token_named",
        title: "Discord bot token",
        label: "DISCORD_TOKEN",
        anchor: Anchor::Words(&["discord", "Bot "]),
        pattern: r#"(?:Bot |(?i:discord)[^\n]{0,60}?[\s=:"\x27/(\x60])(?P<v>[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38})"#,
        tail: Tail::Word,
        check: Some(tokens::random_value),
        yes: &[
            "DISCORD_TOKEN=MTEIwjJV7Y9xrWgfnJ32EENbVj.G9eIuc.9XF2lX178Cx4GggF0zCG_GbTIBu9aVlxHorDMB",
            "Authorization: Bot NVKrhULJtdB8OPa95A9TSMoX.XIh0XC.itpDWed23LEtwNMBVs0SIQG3z_0",
        ],
        no: &["M.G.x", "discord.com"],
        ..TOKEN
    },
    Rule {
        id: "telegram_url",
        title: "Telegram bot URL",
        label: "TELEGRAM_TOKEN",
        anchor: Anchor::Words(&["api.telegram.org/"]),
        pattern: r"api\.telegram\.org/(?:file/)?bot[0-9]{5,16}:[A-Za-z0-9_-]{30,40}",
        before: Edge::Any,
        after: Edge::NoAlnum,
        check: Some(tokens::real),
        yes: &["https://api.telegram.org/bot460966836:5X8j3fAnAJLWUW3tvu0GBb3SOueF5bYzd9v/getMe"],
        no: &["https://api.telegram.org/bot123:x"],
        ..TOKEN
    },
    Rule {
        id: "telegram_token_bare",
        title: "digits, a colon and 35 characters, as Telegram bot tokens have",
        label: "TELEGRAM_TOKEN",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Digits { least: 8, most: 10 },
        pattern: "[0-9]{8,10}:[A-Za-z0-9_-]{35}",
        check: Some(tokens::random_token),
        yes: &["bot 615276881:blqnNKBYmOaLcuNUA1xKumt54zCf9BuDtDe"],
        no: &["796240014:2IxhLgGcZeqMl1n1lcLUUvdHOcDlc7"],
        ..TOKEN
    },
    Rule {
        id: "discord_mfa_token",
        title: "Discord token of an account with a second factor",
        label: "DISCORD_TOKEN",
        anchor: Anchor::Words(&["mfa."]),
        pattern: r"mfa\.[A-Za-z0-9_-]{80,95}",
        tail: Tail::Word,
        check: Some(tokens::random_token),
        yes: &["mfa.24C8JMYrEs1N1sR5lPVyTuK4rgVSAMtZgNRDs24nnCBVkmITiaLBuToEF4ObBmqZgpYCl8VlAGmGP9dlBKst"],
        no: &["mfa.enabled"],
        ..TOKEN
    },
];
