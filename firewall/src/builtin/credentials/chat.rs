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
            "SLACK_BOT_TOKEN=xoxb-251502531655-2088761294849-CVnIRud63OEQy8u6QXeDw86x",
            "xoxe.xoxp-1-78uaYZx3hwYJ5Q33h9OLIGaEBcGrPOAe44ZyLnNsQ2PMSwu2nm4aPpaGYPgZPyGXGpo0hpgAqyyLV4AYFN0bxSXt9YuJ8fUdNoyl7Iwtudp3w6pEATmRVXHDYgXtNuEM4sPKbtioKaz7L4uxekvifphCMVS1F7lk",
            "xapp-1-A2B9HJCGEUW-4714817934076-113f65a0b04149a1622d05a6d35c1a5367bc724b2e536e38666ac267b8b4ab66",
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
            "https://api.telegram.org/bot7689146813:AAtTFaDEGsRD0C1qiqUXCxQkV2UGoZWROjk/getMe",
            "863588986:AAEVpJgup67aEZG5s6lp1WmADVkGJd2vmjD",
        ],
        no: &["12:AB", "506899257:ACpK0u16nO8"],
        ..TOKEN
    },
    Rule {
        id: "telegram_token_named",
        title: "Telegram bot token by its name",
        label: "TELEGRAM_TOKEN",
        anchor: Anchor::Words(&["telegram", "tgram:", "bot_token", "TG_"]),
        pattern: assigned!("(?:telegram|tgram|bot_?token|tg_)", "[0-9]{5,16}:[A-Za-z0-9_-]{32,38}"),
        check: Some(tokens::real),
        yes: &["TELEGRAM_BOT_TOKEN=1059260576:3EwQrvwVe54uPU05jBZBERmal69gWKdI0rj"],
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
        yes: &["https://discord.com/api/webhooks/844142200195294545/4YUfGK3w0E6wSl5ZuGdc-HSUZD00GKDJr-hsP6-VYDSMTmmynM3sQnRbC8UnbxuOwaw1"],
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
            "DISCORD_CLIENT_SECRET=oBfmsHXDPJdNOOyQr5Vek8Sn5HgOpWM1",
            r#"discord_public_key: "2cbbeef45d48322e952ff1419255a5cb3e94b8e56a5c5376484bcea0364ce888""#,
            r#"discordClientId = "963325486377184395""#,
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
            "https://acme.webhook.office.com/webhookb2/e45d274e-376a-9b3b-8c2d-c8001c34259f@8e8a37cf-dc75-463e-b4b8-326ff042a1ac/IncomingWebhook/2e94356c53f1bc21ae3428c4f2b1db91/46affc7d-2cde-f75e-8117-d678f80b865f",
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
            "MTEIaxfUJlqXIhiotUOPQ2nVKr.GhULJt.g2b0Cp4itpDWed23LEtwNMBVs0SIQG3z_0IXcW",
            "`NjkzJ1pB5X8j3fAnAJLWUW3tv.Xu0GBb.Oj-dZhRfb3_AF0lUx-2pcwHB3zb`",
        ],
        no: &["MTA.G.x", "LcuNUA1xMTEKumt54zCf9BuDtDePC5NAPl.GtP2bV.aiHUonfiGxBweQhe6xe5J8KKwWPJn1Mm6LBA53"],
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
            "DISCORD_TOKEN=MTEVkmITiaLBuToEF4ObBmqZgp.GYCl8V.x1yhx2KMsBYVch-F67WGVd9XZdkn5pddiALFdm",
            "Authorization: Bot NMTu0X2hsJKHusRh5mfWQTpF.Xrgomc.N5kVac7SHMYTrYBajd387fMM8gD",
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
        yes: &["https://api.telegram.org/bot346342096:aJYWiAwpC8uKGihpwSpCBmTJqRepUCs4OJt/getMe"],
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
        yes: &["bot 801307485:KWHYULavN1suW9PrlYJ1wvQEQgmYTlXrAZk"],
        no: &["511277833:JiMbZc5lMJPoqqKIDiDD60TzZZBHne"],
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
        yes: &["mfa.nxSx1eNCwLaKavTO7ZxOliCe9Q1MuiNTiIewkdUmYmRqwnyFNI1q7IMSDEluug9KfnXVTDNlXfH8svo1jKJy"],
        no: &["mfa.enabled"],
        ..TOKEN
    },
];
