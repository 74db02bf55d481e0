//! Marked tokens of services for models, vectors and data.

use super::{long, marked};
use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    marked(
        "replicate_token",
        "Replicate API token",
        &["r8_"],
        r"r8_[A-Za-z0-9]{37,48}",
        &["r8_vQ1dt0153lcJ36EyB6AI8i6kRBC1cl2fP55S2"],
        &["r8_name"],
    ),
    marked(
        "runpod_key",
        "RunPod API key",
        &["rpa_"],
        r"rpa_[A-Z0-9]{40}[A-Za-z0-9]{6}",
        &["rpa_48B180IZNUZ4SQ22683OU1XT5101453866R558J11185SE"],
        &["rpa_name"],
    ),
    marked(
        "apify_token",
        "Apify API token",
        &["apify_api_"],
        r"apify_api_[A-Za-z0-9]{36,40}",
        &["apify_api_4P4jw9gH21F7z3iJsrzO03T7cXh8H03v6mXx"],
        &["apify_api_name"],
    ),
    marked("lichess_token", "Lichess API token", &["lip_"], r"lip_[A-Za-z0-9]{20}", &["lip_94P6q48rmEpI4518HGG4"], &["lip_name"]),
    marked(
        "segment_token",
        "Segment public API token",
        &["sgp_"],
        r"sgp_[A-Za-z0-9]{64}",
        &["sgp_u9wZlO65ATYQZO39XhpeN0JGjBB3CM0sSo5918gL0Q55f870R06995G18wP401uR"],
        &["sgp_name"],
    ),
    marked(
        "mongodb_atlas_secret",
        "MongoDB Atlas service account secret",
        &["mdb_sa_sk_"],
        r"mdb_sa_sk_[A-Za-z0-9_-]{40}",
        &["mdb_sa_sk_sssxbqmmF6H7C2D1cu43Qts0DI65Xhtf328h5h9X"],
        &["mdb_sa_sk_name"],
    ),
    long(
        "elastic_cloud_key",
        "Elastic Cloud API key",
        &["essu_"],
        r"essu_[A-Za-z0-9]{46,120}={0,2}",
        &["essu_j2Kp2O7ZS74Lx70CT0WdzUJ6l925pE6ap1lDC9NDaP5p6K="],
        &["essu_name"],
    ),
    marked(
        "neon_key",
        "Neon API key",
        &["napi_"],
        r"napi_[a-z0-9]{64}",
        &["napi_hq34f5o2s7x8w4ag936q58yx38lufu80oqvo36o589f36gh114wc980s0mem688x"],
        &["napi_name"],
    ),
    marked(
        "cockroachdb_key",
        "CockroachDB Cloud key",
        &["CCDB1_"],
        r"CCDB1_[A-Za-z0-9]{22}_[A-Za-z0-9]{40}",
        &["CCDB1_wBRUl5Qk8rM9Ytty84LAj6_Bargh6t39JP4B95y8lcyF45INPn681Wo8BdCmu4j"],
        &["CCDB1_name"],
    ),
];
