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
        yes: &["GITHUB_TOKEN=ghp_KsdedKEK308zU727IgEwx6YeQtibO2UlGLjv", "[93mghs_rCQmP1oSnXZQhsCMC5xD8Ws5Uv5sdIWfwChA[0m"],
        no: &["ghp_short", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "sghp_kYaFXyuOZAxb3EG2aA5H0J1hHkcJuB3ijQgf"],
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
            "ghs_1234_eyJhbGciOiJSUzI1NiJ9.Zf5gOXpkLeryQkM67h31E8qVnXsPcG6OziFffWee.eJOEkhp1VFMqH61M8-a9gdzkv2QY-mhu4906_XUo_owhVeHEQt7riKc2sr-7",
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
        yes: &["GITHUB_API_TOKEN='40a585bbb2496ff5078a0592db101f138b7fb2a5'"],
        no: &["github.com/a/b/commit/696605b7e280269ca0b97aa3b5ae21070716953b"],
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
            "glpat-fLvToHto2JQjOnw0tnOn",
            "CI_JOB_TOKEN=glcbt-64_WEMXUVclmQGkyP3yBmOx",
            "glpat-yovMVPxjw48UiPWMcG59Xs8ARuu.01.ixsce6xht",
            "glagent-ZK6GnazRpIudI72gWGXuZgoWUrIkn5o4rMTQY8jVHzkCZaiLDR",
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
        yes: &["GR1348941Avn9cXKFNZ8l1GWK2UpP"],
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
        yes: &["Cookie: _gitlab_session=3e88ea1aebc92ab4e46c88df991e9e36"],
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
        yes: &[r#"gitlab_token = "pxqRopYtHphSkPPEHbug""#],
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
        yes: &["//npm.example.com/:_authToken=npm_ry81LoI6UsR4l6TI1bKG0M7TT6NZIUQVSv2l"],
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
            "//npm.example.com/:_authToken=a2149f0d-b28b-759a-a10f-ca41f774d127",
            "NPM_TOKEN=3d30feac-a4d3-f583-a1ee-3f6283cbfdb4",
            "_auth=QjA5yJM6oAFzoqPb8daDIObC3lvSBk",
        ],
        no: &["//npm.example.com/:_authToken=${NPM_TOKEN}"],
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
            "password = pypi-AgEIcHlwaS5vcmclS5tWjGaJpcKkCcD8g1Y_06pRyWAda7y_ZDle0jk0dAd1Cd5EyFERMsXSmy7KeRWnZMzfJ2JjL08QuIkmYGAE0fG3SPMFFjMNT0B2LRL5HusiCtbtV7rNOW707cggWZpC06CHBv4Npt9hkl99TngbU",
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
        yes: &["GEM_HOST_API_KEY=rubygems_de6b7797ba2a474a032d8407d8a6c65d21d5a0a7745fa77e"],
        no: &["rubygems_mirror"],
        ..TOKEN
    },
    Rule {
        id: "packagist_token",
        title: "Packagist token",
        label: "PACKAGIST_TOKEN",
        anchor: Anchor::Words(&["packagist_"]),
        pattern: "packagist_[ou][ru]t_[0-9a-f]{68}",
        yes: &["packagist_uut_cbda36a9c82f575c68140fe6288686ce67b82f3052f0972060d6ba2f97926a7a65ba"],
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
        yes: &["docker login -p dckr_pat_PGz-tNXVc0FuXu2uqP3skSSocNL", "dckr_oat_w33VMbStBiZbdq_IvVHog-Q5wAMIRQXq"],
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
            "SWMTKN-1-ffbrgpx2fxsvbgbc7l7th2hf9k8fnso2uysln9y2utv6jo79m4-g0eqrnz0e6tbytwcdwrsugwx2",
            "SWMKEY-1-ywjfWmZjC8qPiA7cgZRFlU8rddYO3x9tVy8NmE2otQ1",
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
            "AKCp8AdYpG7C2iBgdd2WtehfdJOAI0sUd8CN7f0u5Woe063l8GHegG2DMeKUeiN1wETgLVGpq",
            "cmVmdGtuOjAxOjE3IxmuwowrDBTfrOtKPzjTDjg7biZ0NL4u4C3SvnB4nDEcpgtr",
        ],
        no: &["AKCp", "cmVmdGtuOjAx"],
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
        yes: &["client_id: Iv1.da33c127ee04d790"],
        no: &["Iv1.x"],
        ..TOKEN
    },
    Rule {
        id: "github_installation_token",
        title: "GitHub installation token of the older form",
        label: "GITHUB_TOKEN",
        anchor: Anchor::Words(&["v1."]),
        pattern: r"v1\.[0-9a-f]{40}",
        yes: &["token v1.648d9edc5c8cdf0057ecdc33ce43f2338812e459"],
        no: &["v1.2.3", "lib.v1.741c37802fbb"],
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
        yes: &["DOCKERHUB_TOKEN=aafa63c1-c974-eee5-7c42-8d5f92744a93"],
        no: &["docker_volume=7d60ed5b-ae95-b04a-b380-8661f1e701ee"],
        ..TOKEN
    },
];
