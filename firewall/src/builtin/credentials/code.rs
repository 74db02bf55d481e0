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
        yes: &["GITHUB_TOKEN=ghp_wuiWZEL0fcIeIqo15Ls783BP7zuoyhT4pbzf", "[93mghs_UZd2J0XDYW5HuRIaRvJjMlixUB3EpPFcrZA2[0m"],
        no: &["ghp_short", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "sghp_PqFpfJndowwe7xnMTyfdn1cIzG5TQ37HyXNX"],
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
            "ghs_1234_eyJhbGciOiJSUzI1NiJ9.zcHh8umtv6cgZjQRDWPkikxvHX5tNtmpxIKjFonD.ZErUT4vfbEyucGBMYfeiQ6qtn81RP-fAyagW4cybYj9POzDGBQxNbI0WiNyU",
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
        yes: &["GITHUB_API_TOKEN='8f715ccd1906df2f7e6dcb0c0b7e982d8ef1ef02'"],
        no: &["github.com/a/b/commit/ea9d93c957ac024a1737f4247682bf13ecc3f6c7"],
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
            "glpat-UTBbMM5Dyshtx5tgN7pq",
            "CI_JOB_TOKEN=glcbt-64_1smO0uH1uiuwctjivMWj",
            "glpat-7vSiE7HICLymoef5AK48JdHQLPI.01.y3hxs2zh6",
            "glagent-KeuGO931zojmf710zEnMZ0j71bjf15B3YRk7Jk9uxQCVkNgbgT",
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
        yes: &["GR13489415pR2koeQGZyBScLhPpTc"],
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
        yes: &["Cookie: _gitlab_session=b3b2b96a4d4dc99599636eb7e2506ebf"],
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
        yes: &[r#"gitlab_token = "R1vqI2PDp3W6s0UmQo0o""#],
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
        yes: &["//registry.npmjs.org/:_authToken=npm_BRRtaVGDkkeiqaCzNO3hpOHojxWdedJe6Hhr"],
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
            "//registry.npmjs.org/:_authToken=e0842a6b-796c-23d8-20a2-289d118156bf",
            "NPM_TOKEN=f5c064d8-41b7-5b20-ae0b-3af190522475",
            "_auth=OKlC2oQoWRUBY/5HrtU0jX6gwbKrs5",
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
            "password = pypi-AgEIcHlwaS5vcmclwniEJnLcWvmr6Y3czituUA26lhgeEt2Sp27mMeR3PjjizSAz1yJz6jjL0Cu-bMvcXSuAtfYWHhB-7Iv75Z0VA6NIWDkGLrV4IfQabsPQZefawrxsLJ0naq_-IvGTn9FOgSSpRHXFwHFhuurwgNjcx",
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
        yes: &["GEM_HOST_API_KEY=rubygems_2c5cba9181080da8daa58d840aacfe94ab9f82bd13de1d79"],
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
        yes: &["CARGO_REGISTRY_TOKEN=cioLaThUx5y06OTdjYTjp2QCANuVnJpdKqq"],
        no: &["cio", "socio4QXuWzStegWALdFPYfU5H38XucWDLVBl"],
        ..TOKEN
    },
    Rule {
        id: "nuget_key",
        title: "NuGet key",
        label: "NUGET_KEY",
        anchor: Anchor::Words(&["oy2"]),
        pattern: "oy2[a-z0-9]{43}",
        yes: &["nuget push -k oy2rzbv39cu98884ylk32lzlgqosrz0te3ie93thvh9ttn"],
        no: &["oy2", "boy21guk8zz98xes5uecmlbglkyla8bsnt1gc5ak1x5wt5c"],
        ..TOKEN
    },
    Rule {
        id: "clojars_token",
        title: "Clojars token",
        label: "CLOJARS_TOKEN",
        anchor: Anchor::Words(&["CLOJARS_"]),
        pattern: "(?i)CLOJARS_[a-z0-9]{60}",
        yes: &["CLOJARS_657ed7344ac7dc2a074a1883af4671c6f02645c5f404d721418d2a0a63b0"],
        no: &["CLOJARS_USERNAME"],
        ..TOKEN
    },
    Rule {
        id: "packagist_token",
        title: "Packagist token",
        label: "PACKAGIST_TOKEN",
        anchor: Anchor::Words(&["packagist_"]),
        pattern: "packagist_[ou][ru]t_[0-9a-f]{68}",
        yes: &["packagist_uut_e9f972f88100a695fe12c41000b2aa16c14f53f635d1fd55ef639de955685444b531"],
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
        yes: &["docker login -p dckr_pat_K0QaVk1FiOruWGqA_i2PjF8Xf_G", "dckr_oat_dotGBUeukgUj7Idmli8lzmsP5bzUXTIj"],
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
            "SWMTKN-1-fpkhvi4idms2pxa1l71y9rap8efizpegpl7d1mzuh99op5fduh-cw6yye4crb3amk2u87khjyx7a",
            "SWMKEY-1-xSBzvgxNzCc45ltVABacvqMowVTPftdRd1kAda1II4G",
        ],
        no: &["SWMTKN-1-x"],
        ..TOKEN
    },
    Rule {
        id: "artifactory_token",
        title: "Artifactory key or token",
        label: "ARTIFACTORY_TOKEN",
        anchor: Anchor::Words(&["AKCp", "cmVmdGtuOj"]),
        pattern: "(?:AKCp[0-9A-Za-z][A-Za-z0-9]{60,80}|cmVmdGtuOj[A-Za-z0-9]{50,70})",
        yes: &[
            "AKCp8bltt1VHuUKCjaHcwLwjn3QnmblDAsSclqRkuoqgtO5xd54fXWTee3daZfXy4osraeHvN",
            "cmVmdGtuOjAxOjE3c2ONzLrgaYNr5rBjciddEGn1NOhH5EmyqOOiR5akW5XB3bUV",
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
        yes: &["sqp_32fa0ac202f125ff9c53cca61ac8839408a027bc"],
        no: &["squ_x", "sequ_926520fd31d8d75ba3b96054e28cb5e64a018512"],
        ..TOKEN
    },
    Rule {
        id: "sourcegraph_token",
        title: "Sourcegraph token",
        label: "SOURCEGRAPH_TOKEN",
        anchor: Anchor::Words(&["sgp_", "slk_"]),
        pattern: "(?:sgp_(?:[0-9a-fA-F]{16}_|[0-9a-fA-F]{16}_local_|local_)?(?:[0-9A-Za-z]{64}|[0-9a-fA-F]{40})|slk_[0-9a-f]{64})",
        yes: &["sgp_51348b15ff2deb00_2b435f092e15c368fb5a52e50266259663149046", "sgp_23ef92ab92f70b382f5dbd461aad9034166101ea"],
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
            "ATATT3xFfGF038Ah0wxNdwjmJxba3UziLb4BEIwmQbYx4nflJkEICP6QJjlff-EYHHGDpBLsb3tEzXHOoI8IpnUKCIH113PfBTOpr7syvxsbHdep72TEA4zxqnn3N3EtkYvu_Xq6ieewdM96N3yzHUEmNaML9EQdPm06c8V_XrJ9PDAVaEAqk3=11B56569",
            "ATBBL61wRIPtYnVLXE7iLd5XD7nZuQaJpaja",
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
        yes: &["CCIPAT_sx4GXw6KYXgsCFAriAahFQ_d1abade89cab35d49dd8840dc43ff00ee2ffb4cc"],
        no: &["CCIPAT_x"],
        ..TOKEN
    },
    Rule {
        id: "buildkite_token",
        title: "Buildkite token",
        label: "BUILDKITE_TOKEN",
        anchor: Anchor::Words(&["bkua_", "bkaj_", "bkct_"]),
        pattern: "bk(?:ua|aj|ct|pi|pt|at)_[A-Za-z0-9_.]{40,64}",
        yes: &["bkua_12cb5e0260001dbe16115c62c7c573f5b0639072"],
        no: &["bkua_x"],
        ..TOKEN
    },
    Rule {
        id: "harness_token",
        title: "Harness token",
        label: "HARNESS_TOKEN",
        anchor: Anchor::Words(&["pat.", "sat."]),
        pattern: r"[ps]at\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}",
        yes: &["pat.6KCdI5RQZzVojdOHUaa886.aa0945cdf6a7ef17bce0b10e.x9PVc1rstd1T3KED57eC"],
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
        yes: &["octo --apiKey API-VF8V5FQHGBS1378H990C80FXHA"],
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
        yes: &["client_id: Iv1.292086918bed3d61"],
        no: &["Iv1.x"],
        ..TOKEN
    },
    Rule {
        id: "github_installation_token",
        title: "GitHub installation token of the older form",
        label: "GITHUB_TOKEN",
        anchor: Anchor::Words(&["v1."]),
        pattern: r"v1\.[0-9a-f]{40}",
        yes: &["token v1.7a0f6cfbfd5f1600cb80fd38c5f7f632e5bb4e00"],
        no: &["v1.2.3", "lib.v1.4da27318d41e"],
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
        yes: &["DOCKERHUB_TOKEN=8cd40dda-6e1b-37a7-94fa-ccc68d046f08"],
        no: &["docker_volume=60d5b428-7aab-912b-4e83-fc44e87e8aec"],
        ..TOKEN
    },
];
