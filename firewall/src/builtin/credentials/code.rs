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
        yes: &["GITHUB_TOKEN=ghp_UZd2J0XDYW5HuRIaRvJjMlixUB3EpPFcrZA2", "[93mghs_PqFpfJndowwe7xnMTyfdn1cIzG5TQ37HyXNX[0m"],
        no: &["ghp_short", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "sghp_2GA7qdk3yJlyQt6CnTsRsilBKCwyU4MAl4lu"],
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
            "ghs_1234_eyJhbGciOiJSUzI1NiJ9.iT87WOo5UjbDf_6cNTzcHh8umtv6cgZjQRDWPkik.xvHX5tNtmpxIKjFonDZErUT4vfbEyucGBMYfeiQ6qtn81RP-fAyagW4cybYj",
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
        yes: &["GITHUB_API_TOKEN='890eed6b1f95f09c8f715ccd1906df2f7e6dcb0c'"],
        no: &["github.com/a/b/commit/7682bf13ecc3f6c7d0ec939b937896aa4ab1944a"],
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
            "glpat-MWj7vSiE7HICLymoef5A",
            "CI_JOB_TOKEN=glcbt-64_K48JdHQLPITyDhxP7sCz",
            "glpat-8Uh0GKeuGO931zojmf710zEnMZ0.01.jbjf1k9ku",
            "glagent-xQCVkNgbgT5pR2koeQGZyBScLhPpTc9LwhxSZIR58fPwtQ7NOO",
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
        yes: &["GR1348941X3m6H5V5vIjBjByOts8k"],
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
        yes: &["Cookie: _gitlab_session=99636eb7e2506ebfa8e79677d90e5524"],
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
        yes: &[r#"gitlab_token = "qaCzNO3hpOHojxWdedJe""#],
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
        yes: &["//registry.npmjs.org/:_authToken=npm_6Hhr3DNarievJm54HxKosnz3fgAqeaH3uf1W"],
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
            "//registry.npmjs.org/:_authToken=289d1181-56bf-f5c0-64d8-41b75b20ae0b",
            "NPM_TOKEN=3af19052-2475-f2c3-66f6-94c3e706bfa9",
            "_auth=lC2oQoWRUBY/5HrtU0jX6gwbKrs5lw",
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
            "password = pypi-AgEIcHlwaS5vcmcniEJnLcWvmr6Y3czituUA26lhgeEt2Sp27mMeR3PjjizSAz1yJz6jjL0Cu-bMvcXSuAtfYWHhB-7Iv75Z0VA6NIWDkGLrV4IfQabsPQZefawrxsLJ0naq_-IvGTn9FOgSSpRHXFwHFhuurwgNjcxjY",
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
        yes: &["GEM_HOST_API_KEY=rubygems_5cba9181080da8daa58d840aacfe94ab9f82bd13de1d7903"],
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
        yes: &["CARGO_REGISTRY_TOKEN=cioUx5y06OTdjYTjp2QCANuVnJpdKqq4QXu"],
        no: &["cio", "socioWzStegWALdFPYfU5H38XucWDLVBlrUzM"],
        ..TOKEN
    },
    Rule {
        id: "nuget_key",
        title: "NuGet key",
        label: "NUGET_KEY",
        anchor: Anchor::Words(&["oy2"]),
        pattern: "oy2[a-z0-9]{43}",
        yes: &["nuget push -k oy2bv39cu98884ylk32lzlgqosrz0te3ie93thvh9ttn1g"],
        no: &["oy2", "boy2uk8zz98xes5uecmlbglkyla8bsnt1gc5ak1x5wt5cmk"],
        ..TOKEN
    },
    Rule {
        id: "clojars_token",
        title: "Clojars token",
        label: "CLOJARS_TOKEN",
        anchor: Anchor::Words(&["CLOJARS_"]),
        pattern: "(?i)CLOJARS_[a-z0-9]{60}",
        yes: &["CLOJARS_7ed7344ac7dc2a074a1883af4671c6f02645c5f404d721418d2a0a63b0e9"],
        no: &["CLOJARS_USERNAME"],
        ..TOKEN
    },
    Rule {
        id: "packagist_token",
        title: "Packagist token",
        label: "PACKAGIST_TOKEN",
        anchor: Anchor::Words(&["packagist_"]),
        pattern: "packagist_[ou][ru]t_[0-9a-f]{68}",
        yes: &["packagist_uut_f972f88100a695fe12c41000b2aa16c14f53f635d1fd55ef639de955685444b5319d"],
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
        yes: &["docker login -p dckr_pat_QaVk1FiOruWGqA_i2PjF8Xf_Gdo", "dckr_oat_tGBUeukgUj7Idmli8lzmsP5bzUXTIjlF"],
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
            "SWMTKN-1-khvi4idms2pxa1l71y9rap8efizpegpl7d1mzuh99op5fduhcw-6yye4crb3amk2u87khjyx7ax1",
            "SWMKEY-1-zvgxNzCc45ltVABacvqMowVTPftdRd1kAda1II4Gblt",
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
            "AKCp8t1VHuUKCjaHcwLwjn3QnmblDAsSclqRkuoqgtO5xd54fXWTee3daZfXy4osraeHvNc2O",
            "cmVmdGtuOjAxOjE3NzLrgaYNr5rBjciddEGn1NOhH5EmyqOOiR5akW5XB3bUVa4Z",
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
        yes: &["sqp_f9e9efe121d3ce1ae27963b2da81ad252fe06cd3"],
        no: &["squ_x", "sequ_2fa0ac202f125ff9c53cca61ac8839408a027bc9"],
        ..TOKEN
    },
    Rule {
        id: "sourcegraph_token",
        title: "Sourcegraph token",
        label: "SOURCEGRAPH_TOKEN",
        anchor: Anchor::Words(&["sgp_", "slk_"]),
        pattern: "(?:sgp_(?:[0-9a-fA-F]{16}_|[0-9a-fA-F]{16}_local_|local_)?(?:[0-9A-Za-z]{64}|[0-9a-fA-F]{40})|slk_[0-9a-f]{64})",
        yes: &["sgp_26520fd31d8d75ba_3b96054e28cb5e64a01851251348b15ff2deb002", "sgp_b435f092e15c368fb5a52e502662596631490462"],
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
            "ATATT3xFfGF0o7_NiPSMk_EaUnIi9w2T3qzePO3Ndosgyyhde6P38Ah0wxNdwjmJxba3UziLb4BEIwmQbYx4nflJkEICP6QJjlff-EYHHGDpBLsb3tEzXHOoI8IpnUKCIH113PfBTOpr7syvxsbHdep72TEA4zxqnn3N3EtkYvu_Xq6ieewdM9=E9D668B7",
            "ATBBgtat2sE3K7P8pHvXbuUgADK7bExFyWIi",
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
        yes: &["CCIPAT_8rEuonx04712apJniOSfGB_11b56569b96f41e6a070409bb39efd84d03fd1ab"],
        no: &["CCIPAT_x"],
        ..TOKEN
    },
    Rule {
        id: "buildkite_token",
        title: "Buildkite token",
        label: "BUILDKITE_TOKEN",
        anchor: Anchor::Words(&["bkua_", "bkaj_", "bkct_"]),
        pattern: "bk(?:ua|aj|ct|pi|pt|at)_[A-Za-z0-9_.]{40,64}",
        yes: &["bkua_ade89cab35d49dd8840dc43ff00ee2ffb4cc12cb"],
        no: &["bkua_x"],
        ..TOKEN
    },
    Rule {
        id: "harness_token",
        title: "Harness token",
        label: "HARNESS_TOKEN",
        anchor: Anchor::Words(&["pat.", "sat."]),
        pattern: r"[ps]at\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}",
        yes: &["pat.HkDaGSNJJGfm5GZ8HZab1N.39072e1c74100aa0945cdf6a.pNYSZDFdox8yXCNTaRX2"],
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
        yes: &["octo --apiKey API-9XCA2XCRSTD43E2VF8V5FQHGBS"],
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
        yes: &["client_id: Iv1.de3d1d2b30292086"],
        no: &["Iv1.x"],
        ..TOKEN
    },
    Rule {
        id: "github_installation_token",
        title: "GitHub installation token of the older form",
        label: "GITHUB_TOKEN",
        anchor: Anchor::Words(&["v1."]),
        pattern: r"v1\.[0-9a-f]{40}",
        yes: &["token v1.918bed3d617a0f6cfbfd5f1600cb80fd38c5f7f6"],
        no: &["v1.2.3", "lib.v1.32e5bb4e004d"],
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
        yes: &["DOCKERHUB_TOKEN=a27318d4-1e8c-d40d-da6e-1b37a794facc"],
        no: &["docker_volume=c68d046f-d5b4-287a-ab91-2b4e83fc44e8"],
        ..TOKEN
    },
];
