//! Tokens of forges, package registries and build services.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Edge, Rule, Tail};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "github_token",
        title: "GitHub token",
        label: "GITHUB_TOKEN",
        anchor: Anchor::Words(&["ghp_", "gho_", "ghu_", "ghs_", "ghr_"]),
        pattern: "gh[pousr]_[A-Za-z0-9_]{30,200}",
        tail: Tail::Token,
        check: Some(tokens::github),
        yes: &["GITHUB_TOKEN=ghp_tx5tgN7pq1smO0uH1uiuwctjivMWj7vSiE7H", "[93mghs_ICLymoef5AK48JdHQLPITyDhxP7sCz8Uh0GK[0m"],
        no: &["ghp_short", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "sghp_euGO931zojmf710zEnMZ0j71bjf15B3YRk7J"],
        ..TOKEN
    },
    Rule {
        id: "github_app_token",
        title: "GitHub app token",
        label: "GITHUB_TOKEN",
        anchor: Anchor::Words(&["ghs_"]),
        pattern: "ghs_[0-9]{1,12}_eyJ[A-Za-z0-9_-]{10,200}",
        tail: Tail::Token,
        yes: &[
            "ghs_1234_eyJhbGciOiJSUzI1NiJ9.vPV4umcmEuDjW3epEeTpUlSNzRs2s2XNKvKLBoA7.UE6kxcB5V8RG6FLyCD2Ma6uvirHa5YoECsUhjgjoJ7bIqiQzUDKBZln1HibO",
        ],
        no: &["ghs_1234_x"],
        ..TOKEN
    },
    Rule {
        id: "github_pat",
        title: "GitHub fine-grained token",
        label: "GITHUB_TOKEN",
        anchor: Anchor::Words(&["github_pat_"]),
        pattern: "github_pat_[A-Za-z0-9_]{22,120}",
        tail: Tail::Word,
        yes: &["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"],
        no: &["github_pat_", "github_pat_your_token_goes_here_ok"],
        ..TOKEN
    },
    Rule {
        id: "github_legacy_token",
        title: "GitHub token of 40 hexadecimal digits by its name",
        label: "GITHUB_TOKEN",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Words(&["github"]),
        pattern: assigned!("github", "[0-9a-f]{40}"),
        check: Some(tokens::github_hex),
        yes: &["GITHUB_API_TOKEN='c366f601d51959c2c594c3e706bfa927d3a3cab6'"],
        no: &["github.com/a/b/commit/cfe844bd2ce150944e253278390c534ecd06245b"],
        ..TOKEN
    },
    Rule {
        id: "gitlab_token",
        title: "GitLab token",
        label: "GITLAB_TOKEN",
        anchor: Anchor::Words(&[
            "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-", "glffct-", "glrtr-",
            "glwt-",
        ]),
        pattern: r"gl(?:pat|dt|rtr?|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt)-[A-Za-z0-9_-]{18,200}(?:\.[0-9a-z]{2}\.[0-9a-z]{7,9}|\.[0-9a-z]{9})?",
        tail: Tail::Word,
        yes: &[
            "glpat-nB2DfXV9dG8JTdScpjBw",
            "CI_JOB_TOKEN=glcbt-64_hGNBDgtcvRMOBueeemIV",
            "glpat-TYwnHmUOJ1ASmQM8rH42mDe2e1s.01.b8ywknjcz",
            "glagent-y9q9HOQd5T6nYFDOJNYrkHK2DHRCzKAJxnDNZtJrOSy9oR56Sf",
        ],
        no: &["glpat-short", "glpat-xxxxxxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Rule {
        id: "gitlab_runner_token",
        title: "GitLab runner registration token",
        label: "GITLAB_TOKEN",
        anchor: Anchor::Words(&["GR1348941"]),
        pattern: "GR1348941[A-Za-z0-9_-]{18,40}",
        tail: Tail::Word,
        yes: &["GR1348941M1q8sLixCKrcvaajuvzO"],
        no: &["GR1348941"],
        ..TOKEN
    },
    Rule {
        id: "gitlab_session",
        title: "GitLab session cookie",
        label: "GITLAB_TOKEN",
        anchor: Anchor::Words(&["_gitlab_session"]),
        pattern: r#"_gitlab_session(?:=|%3[dD]|["\x27]?\s?:\s?["\x27]?)[0-9a-z]{20,64}"#,
        before: Edge::Any,
        yes: &["Cookie: _gitlab_session=110545498d304ff858b3f7a1bb3a8c75"],
        no: &["_gitlab_session=…"],
        ..TOKEN
    },
    Rule {
        id: "gitlab_legacy_token",
        title: "GitLab token by its name",
        label: "GITLAB_TOKEN",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Words(&["gitlab"]),
        pattern: assigned!("gitlab", "[A-Za-z0-9_-]{20}"),
        check: Some(tokens::named),
        yes: &[r#"gitlab_token = "LqHpQPQVHd2WkZkiXldt""#],
        no: &[r#"gitlab_url = "https://gitlab.com""#],
        ..TOKEN
    },
    Rule {
        id: "npm_token",
        title: "npm token",
        label: "NPM_TOKEN",
        anchor: Anchor::Words(&["npm_"]),
        pattern: "npm_[A-Za-z0-9]{30,48}",
        check: Some(tokens::letters),
        yes: &["//registry.npmjs.org/:_authToken=npm_6Seb8l51ezly8w2vXtUc4Xq4cb2qaBuGrB2u"],
        no: &["npm_config_registry", "npm_lifecycle_event"],
        ..TOKEN
    },
    Rule {
        id: "npm_auth",
        title: "npm registry credential",
        label: "NPM_TOKEN",
        anchor: Anchor::Words(&["_authToken", "_auth", "_password", "npm_token"]),
        pattern: r#"(?:_authToken|_auth|_password|(?i:npm_token))["\x27]?\s*[=:]\s*["\x27]?(?P<v>[A-Za-z0-9+/_=-]{16,120})"#,
        before: Edge::Any,
        check: Some(tokens::random_value),
        yes: &[
            "//registry.npmjs.org/:_authToken=a58d840a-acfe-94ab-9f82-bd13de1d7903",
            "NPM_TOKEN=bc1447ed-a671-88ac-923d-1f2a1ed58c0a",
            "_auth=7eP8Wxv64xYwnHCLJY1Mj6rj6NpQpM",
        ],
        no: &["//registry.npmjs.org/:_authToken=${NPM_TOKEN}"],
        ..TOKEN
    },
    Rule {
        id: "pypi_token",
        title: "PyPI token",
        label: "PYPI_TOKEN",
        anchor: Anchor::Words(&["pypi-A"]),
        pattern: "pypi-A[A-Za-z0-9_-]{50,200}",
        tail: Tail::Word,
        yes: &[
            "password = pypi-AgEIcHlwaS5vcmcNB2nOuZZViL-PifzxcnwuWxacKBN2nf-av2U_TN_fzuF62EpttOZC2YkPcCqRfIHnP9qyDhYz8djAsvWv_tdr0ClgreI2iOaOzmSb6M8MFi9IGhcbOAMx87elYqhcbdSlROgAWhq8wo9ynu3f-1wv4",
        ],
        no: &["pypi-AgEI"],
        ..TOKEN
    },
    Rule {
        id: "rubygems_token",
        title: "RubyGems token",
        label: "RUBYGEMS_TOKEN",
        anchor: Anchor::Words(&["rubygems_"]),
        pattern: "rubygems_[0-9a-f]{48}",
        yes: &["GEM_HOST_API_KEY=rubygems_f639de955685444b5319da0b2d72a45c846f2da27fc1f803"],
        no: &["rubygems_mirror"],
        ..TOKEN
    },
    Rule {
        id: "crates_token",
        title: "crates.io token",
        label: "CRATES_TOKEN",
        anchor: Anchor::Words(&["cio"]),
        pattern: "cio[A-Za-z0-9]{32}",
        check: Some(tokens::random_token),
        yes: &["CARGO_REGISTRY_TOKEN=cioIjWM1Rqnxck4S1LYfdWQ4xLRPeXDrbgM"],
        no: &["cio", "sociofeLEfmHgUjuCamLSYxywrefWpk9NVPhv"],
        ..TOKEN
    },
    Rule {
        id: "nuget_key",
        title: "NuGet key",
        label: "NUGET_KEY",
        anchor: Anchor::Words(&["oy2"]),
        pattern: "oy2[a-z0-9]{43}",
        yes: &["nuget push -k oy2i4idms2pxa1l71y9rap8efizpegpl7d1mzuh99op5fd"],
        no: &["oy2", "boy2uhcw6yye4crb3amk2u87khjyx7ax1zvgxz2clt01acv"],
        ..TOKEN
    },
    Rule {
        id: "clojars_token",
        title: "Clojars token",
        label: "CLOJARS_TOKEN",
        anchor: Anchor::Words(&["CLOJARS_"]),
        pattern: "(?i)CLOJARS_[a-z0-9]{60}",
        yes: &["CLOJARS_87b29115d100599ae401bb466605ed91585a7839b1222102c79802a1c830"],
        no: &["CLOJARS_USERNAME"],
        ..TOKEN
    },
    Rule {
        id: "packagist_token",
        title: "Packagist token",
        label: "PACKAGIST_TOKEN",
        anchor: Anchor::Words(&["packagist_"]),
        pattern: "packagist_[ou][ru]t_[0-9a-f]{68}",
        yes: &["packagist_uut_88d41411f63f6c8405d00f9e9efe121d3ce1ae27963b2da81ad252fe06cd32fa0ac2"],
        no: &["packagist_mirror"],
        ..TOKEN
    },
    Rule {
        id: "dockerhub_token",
        title: "Docker Hub token",
        label: "DOCKERHUB_TOKEN",
        anchor: Anchor::Words(&["dckr_pat_", "dckr_oat_"]),
        pattern: "dckr_[po]at_[A-Za-z0-9_-]{20,44}",
        tail: Tail::Word,
        yes: &["docker login -p dckr_pat_ak-ejw-8KZxoWYPzePWHGoNraGP", "dckr_oat_biEUXKkyvid-3me3J2ExVPoUMAdvs6iI"],
        no: &["dckr_pat_…"],
        ..TOKEN
    },
    Rule {
        id: "docker_swarm_token",
        title: "Docker swarm token",
        label: "DOCKER_SWARM_TOKEN",
        anchor: Anchor::Words(&["SWMTKN-1-", "SWMKEY-1-"]),
        pattern: "SWM(?:TKN-1-[a-z0-9]{40,60}-[a-z0-9]{20,30}|KEY-1-[A-Za-z0-9+/]{40,50})",
        yes: &[
            "SWMTKN-1-zx9l2niuadqkdekcg9iqxck565e03xa7bexi7g9l4asf36ckyg-mr4xkul8e2la8fmmflt9nmgdi",
            "SWMKEY-1-s3S2biGYWLRmZfhDTFRTNItZeH94Guw08HtPfF2p8ax",
        ],
        no: &["SWMTKN-1-x"],
        ..TOKEN
    },
    Rule {
        id: "artifactory_token",
        title: "Artifactory key or token",
        label: "ARTIFACTORY_TOKEN",
        anchor: Anchor::Words(&["AKCp", "cmVmd"]),
        pattern: "(?:AKCp[A-Za-z0-9]{60,80}|cmVmd[A-Za-z0-9]{58,75})",
        yes: &[
            "AKCp8Z95QJgrSeElKBwBi9mcuuBtb1h1ITjdmRmdHbKWcD2uQBMKEJn4dPAlKlVt9GKRUKMbl",
            "cmVmdGtuOjAxOjE3GTNMeMgrlYaaBxINJVm6YResYWHQRaYCnpr3lPHg6v3Za92z",
        ],
        no: &["AKCp", "cmVmdGtuOjAx"],
        ..TOKEN
    },
    Rule {
        id: "sonar_token",
        title: "SonarQube token",
        label: "SONAR_TOKEN",
        anchor: Anchor::Words(&["squ_", "sqp_", "sqa_"]),
        pattern: "sq[upa]_[0-9a-f]{40}",
        yes: &["sqp_5e31282787aea82211f7c888736940d476c8a38f"],
        no: &["squ_x", "sequ_833b9788ddda16ba34e4655408013edb76e65433"],
        ..TOKEN
    },
    Rule {
        id: "sourcegraph_token",
        title: "Sourcegraph token",
        label: "SOURCEGRAPH_TOKEN",
        anchor: Anchor::Words(&["sgp_", "slk_"]),
        pattern: "(?:sgp_(?:[0-9a-fA-F]{16}_|[0-9a-fA-F]{16}_local_|local_)?(?:[0-9A-Za-z]{64}|[0-9a-fA-F]{40})|slk_[0-9a-f]{64})",
        yes: &["sgp_d9d742c55fc4e211_509fe9d668b739099f7a0a3de0fbfc48fa76b076", "sgp_42d11b56569b96f41e6a070409bb39efd84d03fd"],
        no: &["sgp_x"],
        ..TOKEN
    },
    Rule {
        id: "atlassian_token",
        title: "Atlassian token",
        label: "ATLASSIAN_TOKEN",
        anchor: Anchor::Words(&["ATATT3", "ATCTT3", "ATBB", "ATSTT3", "BBDC-"]),
        pattern: "(?:AT[ACS]TT3[A-Za-z0-9_=-]{60,200}|ATBB[A-Za-z0-9]{24,40}|BBDC-[A-Za-z0-9+/@_-]{40,50})",
        tail: Tail::Word,
        check: Some(tokens::random_token),
        yes: &[
            "ATATT3xFfGF0hOTR04IKXOUmv3tL30JHra1Wqp88ba74i88TsZWeiWTu6blybcdg1T4hzeguXAjXCYvFp8xVbypLdEk5gZCthaaQOaKtuX3_zPE6_gCUW4aVea4VeIKMh86j5RkR_kGpmdK37o0f0kUpaiMibGzMgHV73n0zfCOd_zX8U_2x9h=600CB80F",
            "ATBBB3gqzlLEY0pPEM2nZge7DlYV9SOxNIxY",
        ],
        no: &["ATATT3x"],
        ..TOKEN
    },
    Rule {
        id: "circleci_token",
        title: "CircleCI token",
        label: "CIRCLECI_TOKEN",
        anchor: Anchor::Words(&["CCIPAT_", "CCIPRJ_"]),
        pattern: "CCIP(?:AT|RJ)_[A-Za-z0-9]{20,30}_[0-9a-z]{40}",
        yes: &["CCIPAT_ZjCaGaJiXMBKvGe9phcqAj_1e8cd40dda6e1b37a794faccc68d046f0860d5b4"],
        no: &["CCIPAT_x"],
        ..TOKEN
    },
    Rule {
        id: "buildkite_token",
        title: "Buildkite token",
        label: "BUILDKITE_TOKEN",
        anchor: Anchor::Words(&["bkua_", "bkaj_", "bkct_"]),
        pattern: "bk(?:ua|aj|ct|pi|pt|at)_[A-Za-z0-9_.]{40,64}",
        yes: &["bkua_287aab912b4e83fc44e87e8aec8da26f363eb7f4"],
        no: &["bkua_x"],
        ..TOKEN
    },
    Rule {
        id: "harness_token",
        title: "Harness token",
        label: "HARNESS_TOKEN",
        anchor: Anchor::Words(&["pat.", "sat."]),
        pattern: r"[ps]at\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}",
        yes: &["pat.h6BU0tanuEZBroSe1C8vs1.e84cf8adb1593cef7f528a4b.o53KH8HVEFCiwifjn3Ti"],
        no: &["pat.x.y.z"],
        ..TOKEN
    },
    Rule {
        id: "octopus_key",
        title: "Octopus Deploy key",
        label: "OCTOPUS_KEY",
        anchor: Anchor::Words(&["API-"]),
        pattern: "API-[A-Z0-9]{26,31}",
        check: Some(tokens::digits_in),
        yes: &["octo --apiKey API-QC23UF3NL3T0LISX0NSNADHD8M"],
        no: &["API-REFERENCE"],
        ..TOKEN
    },
    Rule {
        id: "github_client_id",
        title: "GitHub app client id",
        label: "GITHUB_CLIENT_ID",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Words(&["Iv1.", "Iv23"]),
        pattern: r"(?:Iv1\.[0-9a-f]{16}|Iv23[a-z]{2}[A-Za-z0-9]{14})",
        yes: &["client_id: Iv1.3f38b6ffc89bc61f"],
        no: &["Iv1.x"],
        ..TOKEN
    },
    Rule {
        id: "github_installation_token",
        title: "GitHub installation token of the older form",
        label: "GITHUB_TOKEN",
        anchor: Anchor::Words(&["v1."]),
        pattern: r"v1\.[0-9a-f]{40}",
        yes: &["token v1.376dd6327c0449991a8df2b9faa3e573e4edf44a"],
        no: &["v1.2.3", "lib.v1.79b56e1de570"],
        ..TOKEN
    },
    Rule {
        id: "dockerhub_named_token",
        title: "Docker Hub credential by its name",
        label: "DOCKERHUB_TOKEN",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["docker"]),
        pattern: assigned!("docker", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        check: Some(tokens::named),
        yes: &["DOCKERHUB_TOKEN=1d0d33e6-cbd0-d3a3-629a-4f946ab918e7"],
        no: &["docker_volume=e84cd05f-a1eb-c1f1-450b-2e92a7e683b2"],
        ..TOKEN
    },
];
