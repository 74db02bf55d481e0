//! Tokens of hosting and of secret stores.

use fluxa_domain::firewall::Confidence;

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Edge, Rule, Tail};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "digitalocean_token",
        title: "DigitalOcean token",
        label: "DIGITALOCEAN_TOKEN",
        anchor: Anchor::Words(&["dop_v1_", "doo_v1_", "dor_v1_"]),
        pattern: "do[por]_v1_[0-9a-f]{64}",
        yes: &["dop_v1_ffe4b4246481eea2e65e9d549bd696013163f38b6ffc89bc61f376dd6327c044"],
        no: &["dop_v1_x"],
        ..TOKEN
    },
    Rule {
        id: "vault_token",
        title: "HashiCorp Vault token",
        label: "VAULT_TOKEN",
        anchor: Anchor::Words(&["hvs.", "hvb.", "hvr."]),
        pattern: r"hv[sbr]\.[A-Za-z0-9_-]{20,200}",
        tail: Tail::Word,
        yes: &[
            "VAULT_TOKEN=hvs.ss1t5ZLdvrAYFHfwRtEuu26h",
            "hvb.AAAAAQ7vCm7t43-ssREMUuB4f16vCdh0a1pp4BZS2a2oPpzkKQs_KszRTNhG6E7HsX1cu8cIJgRg7TYf_frvcUi7LlOF7zInVirOnPhrOFpYOPuc92kxHL5APg8XOi7SVPaUpToa92eI1iXAKS",
        ],
        no: &["hvs.x", "hvs.your-token-goes-here-please"],
        ..TOKEN
    },
    Rule {
        id: "vault_token_legacy",
        title: "HashiCorp Vault token of the older form",
        label: "VAULT_TOKEN",
        anchor: Anchor::Words(&["token", "vault"]),
        pattern: r#"(?i:vault|token)[\w.-]{0,20}["\x27]?(?:\s*[:=]\s*|\s+)["\x27]?(?P<v>[sbr]\.[A-Za-z0-9]{24})"#,
        before: Edge::Any,
        check: Some(tokens::random_value),
        yes: &["X-Vault-Token: s.u2nm4aPpaGYPgZPyGXGpo0hp"],
        no: &["token: s.x"],
        ..TOKEN
    },
    Rule {
        id: "cloudflare_token",
        title: "Cloudflare token",
        label: "CLOUDFLARE_KEY",
        anchor: Anchor::Words(&["cfat_", "cfut_", "cfk_"]),
        pattern: "cf(?:at|ut|k)_[A-Za-z0-9]{40,64}",
        yes: &["cfut_gAqyyLV4AYFN0bxSXt9YuJ8fUdNoyl7Iwtudp3w6pEATmRVX"],
        no: &["cfat_x", "cfk_config"],
        ..TOKEN
    },
    Rule {
        id: "cloudflare_origin_ca",
        title: "Cloudflare origin CA key",
        label: "CLOUDFLARE_KEY",
        anchor: Anchor::Words(&["v1.0-"]),
        pattern: r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}",
        yes: &[
            "v1.0-e39af909470cab25a4273ef5-5e034132ab8e292e680fc113f65a0b04149a1622d05a6d35c1a5367bc724b2e536e38666ac267b8b4ab66ebec5aa7dc52f21c7a143aef6564bcfc29d379f0ef9ee848eb5745112b1d7",
        ],
        no: &["v1.0-rc1"],
        ..TOKEN
    },
    Rule {
        id: "cloudflare_key",
        title: "Cloudflare key by its name",
        label: "CLOUDFLARE_KEY",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["cloudflare", "CF_API", "X-Auth-Key"]),
        pattern: assigned!("(?:cloudflare|cf_api|x-auth-key)", "(?:[0-9a-f]{37}|[A-Za-z0-9_-]{40})"),
        check: Some(tokens::named),
        yes: &["CLOUDFLARE_API_TOKEN=UZFnPEb8KwEy06vhQzs7UbXrU94EOBohStWfT81c", "X-Auth-Key: 50cbf0ef8f4a955c75fb8ab2a4ddf60531848"],
        no: &[r#"cloudflare_zone = "x""#],
        ..TOKEN
    },
    Rule {
        id: "vercel_token_named",
        title: "Vercel token by its name",
        label: "VERCEL_TOKEN",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["vercel"]),
        pattern: assigned!("vercel", "[A-Za-z0-9]{24}"),
        check: Some(tokens::named),
        yes: &["VERCEL_TOKEN=Qt0grj4i95bbhNxk0XNtv1tQ"],
        no: &[r#"vercel_env = "x""#],
        ..TOKEN
    },
    Rule {
        id: "onepassword_token",
        title: "1Password service account token",
        label: "ONEPASSWORD_TOKEN",
        anchor: Anchor::Words(&["ops_eyJ"]),
        pattern: "ops_eyJ[A-Za-z0-9+/_-]{100,230}",
        tail: Tail::Token,
        yes: &[
            "OP_SERVICE_ACCOUNT_TOKEN=ops_eyJwCVz5LT9xcqsMPZRBl5ApIPD0Klwf2UWCzkq7TbVbFIqwxSzo2AOG748PAqTQsorZ5iWIK5NFdQjOWuS9DWFGxJ9zoKwtwgg2mgtSXBj8VvGgvZaGJ0UoKUEx9galkLuGl5WaVlAZS6xidz646SDdmxmT3T13heGoiYHHPC1lozL2mTr1xSVMbPT5Ir1pyOxjLZEis5Z",
        ],
        no: &["ops_eyJ"],
        ..TOKEN
    },
    Rule {
        id: "onepassword_secret_key",
        title: "1Password secret key",
        label: "ONEPASSWORD_SECRET_KEY",
        anchor: Anchor::Words(&["A3-"]),
        pattern: "A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}",
        check: Some(tokens::digits_in),
        yes: &["A3-XJ5HNC-GJQYOURBTU6-UMVI2-XCF4W-G82QD"],
        no: &["A3-x"],
        ..TOKEN
    },
    Rule {
        id: "mongodb_service_account",
        title: "MongoDB Atlas service account secret",
        label: "MONGODB_KEY",
        anchor: Anchor::Words(&["mdb_sa_"]),
        pattern: "mdb_sa_(?:sk_[A-Za-z0-9_-]{36,48}|id_[0-9a-f]{24})",
        tail: Tail::Word,
        yes: &["mdb_sa_sk_OpWM1kXVU66-sx0sHnkl7Nwk8-gqgMkvwOvZVo6K"],
        no: &["mdb_sa_sk_x"],
        ..TOKEN
    },
    Rule {
        id: "hosting_token",
        title: "Render, Neon or Railway token",
        label: "ACCESS_TOKEN",
        anchor: Anchor::Words(&["rnd_", "napi_"]),
        pattern: "(?:rnd_[A-Za-z0-9]{28,36}|napi_[a-z0-9]{60,70})",
        check: Some(tokens::random_token),
        yes: &["rnd_Ji6MwqCQ0l48VmGuk5zUl0hGpniqiTwz", "napi_2vagmiy3rrq1oplxr71p22f6tmx73il1fpi2gpmvswgxqye0zrbbd7yhielt5q72"],
        no: &["rnd_x", "napi_create_function"],
        ..TOKEN
    },
    Rule {
        id: "vault_named_secret",
        title: "Vault role, secret or unseal key by its name",
        label: "VAULT_TOKEN",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["vault", "role_id", "secret_id", "unseal"]),
        pattern: assigned!(
            "(?:vault|role_id|secret_id|unseal)",
            "(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[A-Za-z0-9+/]{43}=)"
        ),
        after: Edge::NoAlnum,
        check: Some(tokens::named),
        yes: &["VAULT_SECRET_ID=8a37cfdc-7546-3eb4-b832-6ff042a1ac2e", "unseal_key: tRKiRWhlnyGlgLPVQFcZ8KwyeMc7NTvCgiSeqyS7jWG="],
        no: &[r#"vault_addr = "https://x""#],
        ..TOKEN
    },
    Rule {
        id: "digitalocean_named_token",
        title: "DigitalOcean token of 64 hexadecimal digits by its name",
        label: "DIGITALOCEAN_TOKEN",
        anchor: Anchor::Words(&["digitalocean", "digital_ocean", "do_token", "do_pat"]),
        pattern: assigned!("(?:digital_?ocean|do_(?:token|pat))", "[0-9a-f]{64}"),
        check: Some(tokens::named),
        yes: &["DIGITALOCEAN_TOKEN=f2b1db9146affc7d2cdef75e8117d678f80b865f0b258347968391d0d73e2437"],
        no: &["digitalocean_region = nyc3"],
        ..TOKEN
    },
];
