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
        yes: &["GITHUB_TOKEN=ghp_uOZAxb3EG2aA5H0J1hHkcJuB3ijQgfMzcC4P", "[93mghs_WdPuyhO0fscSimKvfVQt2DYDdT1BAQ1pEGi4[0m"],
        no: &["ghp_short", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "sghp_JxgyjubqKWDuYmeNpL1c04WcQycccrSup8f0"],
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
            "ghs_1234_eyJhbGciOiJSUzI1NiJ9.hp1VFMqH61M8-a9gdzkv2QY-mhu4906_XUo_owhV.eHEQt7riKc2sr-7mvWyUdPIejJ5poLALwF_29UudAnUVLp-QOFwqueB9hxec",
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
        yes: &["GITHUB_API_TOKEN='5b7e280269ca0b97aa3b5ae21070716953babc3c'"],
        no: &["github.com/a/b/commit/4f6ae2a79746b96644d52774f1565ccd6bc7ab4b"],
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
            "glpat-48UiPWMcG59Xs8ARuuOP",
            "CI_JOB_TOKEN=glcbt-64_ixsceGxhYWtZK6GnazRp",
            "glpat-IudI72gWGXuZgoWUrIkn5o4rMTQ.01.j7zk2ai30",
            "glagent-vn9cXKFNZ8l1GWK2UpPgTWDr0PrCOGvc1u4Dwy1MS0JZtfvwjS",
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
        yes: &["GR13489416CTjGn9yOO2UqSrOGBEs"],
        no: &["GR1348941"],
        ..TOKEN
    },
    Rule {
        id: "gitlab_session",
        title: "GitLab session cookie",
        label: "GITLAB_TOKEN",
        anchor: Anchor::Words(&["_gitlab_session="]),
        pattern: "_gitlab_session=[0-9a-z]{20,64}",
        before: Edge::Any,
        yes: &["Cookie: _gitlab_session=91e9e367b8779735f0a38c7950a5a214"],
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
        check: Some(tokens::random_value),
        yes: &[r#"gitlab_token = "t5RWLQFJb8AxeqPQVx8Y""#],
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
        yes: &["//registry.npmjs.org/:_authToken=npm_LYpSQ4UkWsuWvd0VbN9EzZui7JdXEopNjPAc"],
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
            "//registry.npmjs.org/:_authToken=273d30fe-aca4-d3f5-83a1-ee3f6283cbfd",
            "NPM_TOKEN=b4a26e68-9e36-7634-a0f0-2be4c2808309",
            "_auth=kCcD8g1Y+06pRyWAda7y+ZDle0jk0d",
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
            "password = pypi-AgEIcHlwaS5vcmcAd1Cd5EyFERMsXSmy7KeRWnZMzfJ2JjL08QuIkmYGAE0fG3SPMFFjMNT0B2LRL5HusiCtbtV7rNOW707cggWZpC06CHBv4Npt9hkl99TngbU34zTDFKESRkRrCtPdmk3JtaC0IOAYyu3ih0uPcRCFr",
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
        yes: &["GEM_HOST_API_KEY=rubygems_5fa77ecbda36a9c82f575c68140fe6288686ce67b82f3052"],
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
        yes: &["CARGO_REGISTRY_TOKEN=cio9FaOtpLf9anGbTAnw9vKJXfPSF7soR8t"],
        no: &["cio", "socioem2u81p74vW0ZmlHw0vuqRmFjtGOyxbA"],
        ..TOKEN
    },
    Rule {
        id: "nuget_key",
        title: "NuGet key",
        label: "NUGET_KEY",
        anchor: Anchor::Words(&["oy2"]),
        pattern: "oy2[a-z0-9]{43}",
        yes: &["nuget push -k oy2pkyk1kiu1j6f9ww6hbtsl11x9t8awjn8e9zabi75rkx"],
        no: &["oy2", "boy2qhd5v92lntrvvyiffbrgpx2fxsvbgbc7l7th2hf9k8f"],
        ..TOKEN
    },
    Rule {
        id: "clojars_token",
        title: "Clojars token",
        label: "CLOJARS_TOKEN",
        anchor: Anchor::Words(&["CLOJARS_"]),
        pattern: "(?i)CLOJARS_[a-z0-9]{60}",
        yes: &["CLOJARS_697eac956cea9a476f3d2886cd290c9b11b89a3bbecb4264e84d13f5811b"],
        no: &["CLOJARS_USERNAME"],
        ..TOKEN
    },
    Rule {
        id: "packagist_token",
        title: "Packagist token",
        label: "PACKAGIST_TOKEN",
        anchor: Anchor::Words(&["packagist_"]),
        pattern: "packagist_[ou][ru]t_[0-9a-f]{68}",
        yes: &["packagist_uut_9c6f79d17e4d31192321d91e2a72523e224bf378b6ab7b8ed289c4e4304aea6d6ef1"],
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
        yes: &["docker login -p dckr_pat_FnMI2QmnXgjD57dr3FMbBqH3K60", "dckr_oat_WvWGX3-acwC6W2YmnZ7qn-jpmJIfk7qw"],
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
            "SWMTKN-1-sojcyg9prbe4xwuu4umgydztoi232kpyieb5z9e9u0q8g1hbrq-1l5tepijvs6g7a04fvlivo1na",
            "SWMKEY-1-CAlxJuVCskw9IGbSGjv5wgNqOKa90qYmmPQZcFHdC0V",
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
            "AKCp8obOdIDCtm72qvqWJPDz78o8ZVFJSrxmdsAoOqwnQ59MF5kXDJa5v9gGgu5ptOf2Q5sjW",
            "cmVmdGtuOjAxOjE3knXcwJX87Aucvzq3vohgjYSIjiQpYkptitTdiN21JpwuiWZE",
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
        yes: &["sqp_212879dca7c370c21ea0a454bdf7f18d8f72617b"],
        no: &["squ_x", "sequ_b2b6c2161ccd815c5c9e69945debcd55a2bfeca3"],
        ..TOKEN
    },
    Rule {
        id: "sourcegraph_token",
        title: "Sourcegraph token",
        label: "SOURCEGRAPH_TOKEN",
        anchor: Anchor::Words(&["sgp_", "slk_"]),
        pattern: "(?:sgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}|slk_[0-9a-f]{64})",
        yes: &["sgp_eb2071fe09b6081f_5345e01c2aa7ca222558ce4943358927337c74bb", "sgp_e5107650869c112ae443fdaaf16601ce060c2faa"],
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
            "ATATT3xFfGF0zDGBQxNbI0WiNyUzsbzwWh-Pkhr7BIp0wYs3PsoeGrNqKFHKa752BSe-Mx8bKYJ8FhwXW2eLaB3-j-C4A1XUaZbUC6KIl3I4-e48dj6QL1MnZMuDOXbitOgDmD9rlqFAIjV8go5XXn_BYC2d7XLpNVMmEGLyPPrOSeMsqRsRq8=EC6722D1",
            "ATBBHQLPITyDhxP7sCz8Uh0GKeuGO931zojm",
        ],
        no: &["ATATT3x"],
        ..TOKEN
    },
    Rule {
        id: "circleci_token",
        title: "CircleCI token",
        label: "CIRCLECI_TOKEN",
        anchor: Anchor::Words(&["CCIPAT_", "CCIPRJ_"]),
        pattern: "CCIP(?:AT|RJ)_[A-Za-z0-9]{20,30}_[0-9a-f]{40}",
        yes: &["CCIPAT_f710zEnMZ0j71bjf15B3YR_55abe53037572cd1371b3b2b96a4d4dc99599636"],
        no: &["CCIPAT_x"],
        ..TOKEN
    },
    Rule {
        id: "buildkite_token",
        title: "Buildkite token",
        label: "BUILDKITE_TOKEN",
        anchor: Anchor::Words(&["bkua_", "bkaj_", "bkct_"]),
        pattern: "bk(?:ua|aj|ct|pi|pt|at)_[A-Za-z0-9_.]{40,64}",
        yes: &["bkua_eb7e2506ebfa8e79677d90e552480ec3774b1212"],
        no: &["bkua_x"],
        ..TOKEN
    },
    Rule {
        id: "harness_token",
        title: "Harness token",
        label: "HARNESS_TOKEN",
        anchor: Anchor::Words(&["pat.", "sat."]),
        pattern: r"[ps]at\.[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}",
        yes: &["pat.6Hhr3DNarievJm54HxKosn.c23d820a2289d118156bff5c.LSbmjALqU5iR7cxol5OO"],
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
        yes: &["octo --apiKey API-WEA6U2B88XHU5CS6ALFEJ9PK59"],
        no: &["API-REFERENCE"],
        ..TOKEN
    },
];
