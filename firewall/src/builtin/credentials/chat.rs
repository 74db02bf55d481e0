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
            "SLACK_BOT_TOKEN=xoxb-434548763784-5304634539727-Ja5v9gGgu5ptOf2Q5sjWknXc",
            "xoxe.xoxp-1-wJX87Aucvzq3vohgjYSIjiQpYkptitTdiN21JpwuiWZEL0fcIeIqo15Ls783BP7zuoyhT4pbzfUZd2J0XDYW5HuRIaRvJjMlixUB3EpPFcrZA2PqFpfJndowwe7xnMTyfdn1cIzG5TQ37HyXNX2GA7qdk3yJlyQt",
            "xapp-1-A2NSSIL12WY-9622515897987-ca3eb2071fe09b6081f5345e01c2aa7ca222558ce4943358927337c74bbe5107",
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
            "https://api.telegram.org/bot3061759533:AAq53nvlH5P5KtUaV7r9VAZye1T1tmTJxmj/getMe",
            "102783416:AAE84l7z6jZTI6BIOZLujh4MRTcqit6ispq",
        ],
        no: &["12:AB", "409776385:AcFQtlGMU4E"],
        ..TOKEN
    },
    Rule {
        id: "telegram_token_named",
        title: "Telegram bot token by its name",
        label: "TELEGRAM_TOKEN",
        anchor: Anchor::Words(&["telegram", "tgram:", "bot_token", "TG_"]),
        pattern: assigned!("(?:telegram|tgram|bot_?token|tg_)", "[0-9]{5,16}:[A-Za-z0-9_-]{32,38}"),
        check: Some(tokens::real),
        yes: &["TELEGRAM_BOT_TOKEN=8366506059:I3oPDsZOrfB5rWIW3CFcVCKEbeQ5DULN2vs"],
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
        yes: &["https://discord.com/api/webhooks/641642358986012590/DmD9rlqFAIjV8go5XXn_BYC2d7XLpNVMmEGLyPPrOSeMsqRsRq85WzCjk0gW7oUK5Zoi"],
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
            "DISCORD_CLIENT_SECRET=OZDszkZ9Atdtk3uvPV4umcmEuDjW3epE",
            r#"discord_public_key: "1b3b2b96a4d4dc99599636eb7e2506ebfa8e79677d90e552480ec3774b121238""#,
            r#"discordClientId = "790421583859343611""#,
        ],
        no: &[r#"discord_invite = "abc""#],
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
            "MTEAqeaH3uf1WOfqtBQLddIPqc.GkmwFE.uXcyt0GqfUCxTjaP4cUpO_eLbwlitFv_lYmzy8",
            "`Njkm78QLb1KOQd62A84kP2dtH.XlQ0ty.5HrtU0jX6gwbKrs5lwniEJnLcWv`",
        ],
        no: &["MTA.G.x", "Rg7iDzBbMTEmejkLxnB2DfXV9dG8JTdScp.GjBwhG.27mMeR3PjjizSAz1yJz6jjL0Cu-bMvcXSuAtfY"],
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
            "DISCORD_TOKEN=MTEy9q9HOQd5T6nYFDOJNYrkHK.G2DHRC.GfcHb3PJ2PPxH2IraQQZ_5MsRUL_HlT2gn05h2",
            "Authorization: Bot NMptLaThUx5y06OTdjYTjp2Q.XCANuV.BEgGGOYNjn0h-kPf72xIYdR7eP8",
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
        yes: &["https://api.telegram.org/bot962277262:g28qTYVos4YrNNZP1PzQAKXte6PD6i0eJOD/getMe"],
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
        yes: &["bot 415184436:gTuk88TIOzz0JI8xe6sNF3uOecUmX9lbWgN"],
        no: &["922620804:nYZXt3Y3ZBgc2FakNNVUBSxPF7wtFN"],
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
        yes: &["mfa.cmkpD0BJp7R4G26VNRhjjuzoUB64z0fXLuboivcrqOgI0M61uE4iJmoPVdzL5mJEbe6njI11kyKPk9YFjbRi"],
        no: &["mfa.enabled"],
        ..TOKEN
    },
];
