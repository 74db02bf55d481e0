//! Text in, configuration or error text out.

use std::time::Duration;

use fluxa_domain::firewall::{Action, Confidence, Find, MaskStyle, RuleMode};

use super::reader::Source;
use super::*;

fn env(name: &str) -> Option<String> {
    match name {
        "OPENAI_API_KEY" => Some(String::from("sk-canary-from-env")),
        "PORT" => Some(String::from("9000")),
        "TRICK" => Some(String::from("x, port: 1, - : } # ]")),
        "LINES" => Some(String::from("x\nport: 1\n- : }")),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    Config::parse(text, "fluxa.yaml", &env)
}

/// Checks the first line of the first error.
#[track_caller]
fn fails(text: &str, expect: &str) {
    let errors = parse(text).expect_err(text);
    let first = errors.to_string();
    assert!(first.lines().next().unwrap_or("").contains(expect), "{text}\ngave {first}\nnot {expect}");
}

#[test]
fn nothing_at_all_is_a_configuration() {
    let config = parse("").unwrap();
    assert_eq!(config.listen().to_string(), "0.0.0.0:8080");
    assert_eq!(config.server.drain_timeout, Duration::from_secs(30));
    assert_eq!(config.server.max_body_bytes, 32 << 20);
    assert_eq!(config.telemetry.listen.unwrap().to_string(), "127.0.0.1:9090");
    assert_eq!(config.budget.unpriced, Unpriced::Refuse);
    assert_eq!(config.budget.assumed_max_output, 16_384);
    assert_eq!(config.retention.logs, Some(Duration::from_hours(90 * 24)));
    assert_eq!(config.retention.responses, Some(Duration::from_hours(24)));
    assert!(config.server.master_key.is_none() && config.server.workers.is_none());
    assert!(parse("# only a comment ${NOT_SET}\n").is_ok());
    assert!(parse("server:\n").is_ok());
}

#[test]
fn the_contracts_example_is_read() {
    let text = "
server:   { host: 0.0.0.0, port: 8080, master_key: ${FLUXA_MASTER_KEY}, drain_timeout: 600s, max_body: 32MiB, trusted_proxies: [] }
database: { path: ./fluxa.db }          # or  url: postgres://…   (FLUXA_DATABASE_URL)
redis:    { url: ${REDIS:-redis://localhost} }
logging:  { level: info, format: json, store_content: false }
upstream: { allow_private: [], allow_metadata: false, connect_timeout: 5s, first_byte_timeout: 60s, idle_timeout: 60s }
providers: [ { name: openai, kind: echo, api_key: ${OPENAI_API_KEY}, base_url: https://api.openai.com/v1/ } ]
routes:    [ { model: gpt-4o, provider: openai, fallback: [openai] } ]
";
    let with_key = |name: &str| if name == "FLUXA_MASTER_KEY" { Some(String::from("a-long-master-key")) } else { env(name) };
    let config = Config::parse(text, "fluxa.yaml", &with_key).unwrap();
    assert_eq!(config.server.master_key.unwrap().expose(), "a-long-master-key");
    assert_eq!(config.server.drain_timeout, Duration::from_mins(10));
    let provider = &config.seeds.providers[0];
    assert_eq!(provider.secrets.api_keys[0].key.expose(), "sk-canary-from-env");
    assert_eq!(provider.record.base_url.as_deref(), Some("https://api.openai.com/v1"));
    assert_eq!(config.seeds.routes[0].record.fallback[0].provider, "openai");
}

#[test]
fn typed_values_take_variables_and_variables_cannot_break_out() {
    let config = parse("server: { port: ${PORT}, workers: ${WORKERS:-3} }\nlogging: { level: '${LEVEL:-debug}' }\n").unwrap();
    assert_eq!((config.server.port, config.server.workers, config.logging.level.as_str()), (9000, Some(3), "debug"));

    let config = parse("keys:\n  - name: a\n    tags: { x: ${TRICK}, y: \"${TRICK}\" }\n").unwrap();
    let tags = &config.seeds.keys[0].record.tags;
    assert_eq!((tags["x"].as_str(), tags["y"].as_str()), ("x, port: 1, - : } # ]", "x, port: 1, - : } # ]"));
    let config = parse("keys:\n  - { name: a, team: $${PORT} }\n").unwrap();
    assert_eq!(config.seeds.keys[0].record.team.as_deref(), Some("${PORT}"));
}

#[test]
fn mistakes_name_file_line_and_key() {
    fails("server:\n  prot: 80\n", "fluxa.yaml:2:3: server.prot: unknown key \"prot\"; did you mean \"port\"?");
    fails("sever: {}\n", "fluxa.yaml:1:1: sever: unknown key \"sever\"; did you mean \"server\"?");
    fails("a: 1\n", "unknown key \"a\"; known here: server, database");
    fails("server:\n  port: high\n", "fluxa.yaml:2:9: server.port: expected a whole number from 0 to 65535, not \"high\"");
    fails("server:\n  port: ${NOT_SET}\n", "fluxa.yaml:2:9: server.port: variable NOT_SET is not set");
    fails("server: { port: ${NOT_SET} }\n", "fluxa.yaml:1:17: server.port: variable NOT_SET is not set");
    fails("server: { host: ${1x} }\n", "fluxa.yaml:1:17: server.host: \"${1x}\" is no variable name");
    fails("server:\n  port:\n", "server.port: has no value");
    fails("server: [1]\n", "server: expected a mapping");
    fails("server:\n  port: { a: 1 }\n", "server.port: expected a single value");
    fails("server: { port: 1, port: 2 }\n", "key \"port\" stands twice; first on line 1");
    fails("server:\n\tport: 1\n", "fluxa.yaml:2");
    fails("server: {\n", "not valid YAML");
    fails("server: {}\n---\nserver: {}\n", "more than one YAML document");
    fails("server: !!python/object {}\n", "YAML tags mean nothing here");
    fails("server: { master_key: short }\n", "server.master_key: is shorter than 16 characters");
    fails("server: { master_key: \"\" }\n", "server.master_key: is empty");
    fails("server: { master_key: ${EMPTY} }\n", "server.master_key: is empty");
    fails("server: { trusted_proxies: [10.0.0.0/8, nonsense] }\n", "server.trusted_proxies: expected an address range");
    fails("logging: { level: loud }\n", "logging.level: expected error, warn, info");
    fails("budget: { unpriced: fallback }\n", "budget.unpriced: fallback needs");
    fails("retention: { logs: 0d }\n", "retention.logs: must be longer than nothing");
    fails("providers: { a: 1 }\n", "providers: expected a list");
    fails("providers: [ { kind: echo } ]\n", "providers[0].name: is missing");
    fails("providers: [ { name: x } ]\n", "providers[0].kind: is missing; known kinds:");
    fails("providers: [ { name: x, kind: ehco } ]\n", "providers[0].kind: unknown kind \"ehco\"; did you mean \"echo\"?");
    fails("providers: [ { name: x, kind: echo, base_url: 'ftp://a' } ]\n", "providers[0].base_url: must begin with http");
    fails("providers: [ { name: x, kind: echo }, { name: x, kind: echo } ]\n", "providers[1].name: \"x\" stands twice");
    fails(
        "providers: [ { name: x, kind: echo } ]\nroutes:\n  - { model: m, provider: y }\n",
        "fluxa.yaml:3:5: routes[0]: no provider is called \"y\"",
    );
    fails("routes: [ { model: m } ]\n", "routes[0]: needs a provider");
    fails("keys: [ { name: a, key: vk-mine } ]\n", "keys[0].key: is no key made by fluxa");
    fails("keys: [ { name: a, budget_usd_daily: -1 } ]\n", "keys[0].budget_usd_daily: expected an amount of dollars");
    fails("keys: [ { name: \"a\\u0007\" } ]\n", "keys[0].name: ");
    fails("providers: [ { name: x, kind: echo, api_key: ${LINES} } ]\n", "providers[0].api_key: holds a character that no key has");
    fails("keys: [ { name: a, tags: { x: ${LINES} } } ]\n", "keys[0].tags.x: must not contain control characters");
    fails("keys: [ { name: a, time_zone: Mars/Olympus } ]\n", "keys[0].time_zone: ");
    fails("providers: [ { name: x, kind: echo, headers: { authorization: y } } ]\n", "providers[0].headers");
    fails("providers: [ { name: x, kind: echo, base_url: 'https://user:canary@a/v1' } ]\n", "providers[0].base_url: ");
    fails("keys: [ { name: a, budget_daily: 1 } ]\n", "keys[0].budget_daily: unknown key");
    fails("keys: [ { name: a, model_limits: { m: { budget_usd_daily: -1 } } } ]\n", "keys[0].model_limits.m.budget_usd_daily: ");
    fails("keys: [ { name: a, model_limits: { m: { budget: 1 } } } ]\n", "keys[0].model_limits.m.budget: unknown key");
    fails("keys: [ { name: a, on_store_error: shrug } ]\n", "keys[0].on_store_error: expected deny, local_share or allow");
    fails("keys: [ { name: a, cache: { shared: team } } ]\n", "keys[0].cache.ttl_s: is missing");
    fails("keys: [ { name: a, cache: { ttl_s: 0 } } ]\n", "keys[0].cache.ttl_s: ");
    fails("teams: [ { organization: a } ]\n", "teams[0].name: is missing");
    fails("teams: [ { name: a }, { name: a } ]\n", "teams[1].name: \"a\" stands twice");
    fails("organizations: [ { name: a }, { name: a } ]\n", "organizations[1].name: \"a\" stands twice");
    fails("teams: [ { name: a, time_zone: Mars/Olympus } ]\n", "teams[0].time_zone: ");
    fails("organizations: [ { name: a, tags: { x: y } } ]\n", "organizations[0].tags: unknown key");
    fails(
        "organizations: [ { name: acme } ]\nteams: [ { name: a, organization: acne } ]\n",
        "teams[0].organization: no organization is called \"acne\"; did you mean \"acme\"?",
    );
}

#[test]
fn what_is_not_built_yet_is_said_by_name() {
    fails("database: { path: 'postgres://x' }\n", "database.path: expected the path");
    fails("auth: { oidc: {} }\n", "auth: single sign-on is not available yet");
    fails("telemetry: { otlp_endpoint: x }\n", "telemetry.otlp_endpoint: trace export is not available yet");
}

#[test]
fn a_cluster_is_configured_by_two_addresses_and_shows_no_password() {
    let text = "database: { url: 'postgres://fluxa:canary@db:6432/fluxa', connections: 20, migrate: require }
redis: { url: 'rediss://:canary@r', timeout: 80ms }
";
    let text = format!(
        "{text}budget: {{ on_store_error: deny }}
spool: {{ path: /data, max_bytes: 2GiB }}
ledger: {{ stream_max: 5 }}
server: {{ node_name: a-1 }}
"
    );
    let config = parse(&text).unwrap();
    assert_eq!((config.database.connections, config.database.migrate), (20, cluster::Migrate::Require));
    assert_eq!((config.redis.timeout, config.spool.max_bytes, config.ledger.stream_max), (Duration::from_millis(80), 2 << 30, 5));
    assert_eq!((config.budget.on_store_error, config.server.node_name.as_deref()), (OnStoreError::Deny, Some("a-1")));
    let shown = show::effective(&config);
    assert!(
        shown.contains("postgres://fluxa:***@db:6432/fluxa") && shown.contains("rediss://:***@r") && !shown.contains("canary"),
        "{shown}"
    );

    fails(
        "database: { url: 'mysql://u:canary@h' }
",
        "database.url: expected an address such as postgres://",
    );
    fails(
        "redis: { url: 'http://h' }
",
        "redis.url: expected an address such as redis://",
    );
    fails(
        "database: { migrate: never }
",
        "database.migrate: expected auto or require, not \"never\"",
    );
    fails(
        "budget: { on_store_error: maybe }
",
        "budget.on_store_error: expected deny, local_share or allow",
    );
    fails(
        "server: { node_name: 'a b' }
",
        "server.node_name: expected letters",
    );
    let env = |name: &str| (name == "FLUXA_DATABASE_URL").then(String::new);
    let errors = Config::parse("", "f", &env).unwrap_err().to_string();
    assert_eq!(errors, "FLUXA_DATABASE_URL: database.url: is set but empty; unset it or give it a value");
}

#[test]
fn every_mistake_is_told_at_once_and_shows_its_line() {
    let errors = parse("server:\n  port: x\n  host: y\nlogging:\n  format: z\n").unwrap_err();
    assert_eq!(errors.0.len(), 3, "{errors}");
    let text = errors.to_string();
    assert!(text.contains("\n  2 |   port: *\n    |         ^"), "{text}");
}

#[test]
fn no_error_shows_a_secret() {
    let check = |text: &str| {
        let errors = parse(text).unwrap_err().to_string();
        assert!(!errors.contains("canary"), "{errors}");
    };
    check("server: { master_key: canary, prot: 1 }\n");
    check("providers: [ { name: a, kind: nope, api_key: sk-canary } ]\n");
    check("providers: [ { name: a, kind: nope, api_keys: [sk-canary, { key: sk-canary, wait: 1 }] } ]\n");
    check("keys: [ { name: a, key: vk-canary } ]\n");
    check("providers: [ { name: a, kind: echo, api_key: \"sk-canary\", api_key: x } ]\n");
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let flags = Flags::from([("server.port", ("--port", String::from("1")))]);
    let build = |flags: &Flags, variable: Option<&str>, file: &str| {
        let env = |name: &str| if name == "FLUXA_PORT" { variable.map(String::from) } else { None };
        let config = Config::build(&Input { file: Some(("f", file)), flags, defaults: &[], env: &env }).unwrap();
        let row = config.effective.iter().find(|row| row.path == "server.port").unwrap().clone();
        (config.server.port, row.source)
    };
    let file = "server:\n  port: 3\n";
    assert_eq!(build(&flags, Some("2"), file), (1, Source::Flag("--port")));
    assert_eq!(build(&Flags::new(), Some("2"), file), (2, Source::Env("FLUXA_PORT")));
    assert_eq!(build(&Flags::new(), None, file), (3, Source::File(2)));
    assert_eq!(build(&Flags::new(), None, ""), (8080, Source::Default));
    // Kubernetes' own variable for a service called "fluxa".
    assert_eq!(build(&Flags::new(), Some("tcp://10.0.0.1:8080"), file), (3, Source::File(2)));
}

#[test]
fn an_empty_secret_in_the_environment_is_refused() {
    let env = |name: &str| (name == "FLUXA_MASTER_KEY").then(String::new);
    let errors = Config::parse("", "f", &env).unwrap_err().to_string();
    assert_eq!(errors, "FLUXA_MASTER_KEY: server.master_key: is set but empty; unset it or give it a value");
}

#[test]
fn the_effective_configuration_shows_sources_and_no_secret() {
    let env = |name: &str| (name == "FLUXA_MASTER_KEY").then(|| String::from("canary-master-key"));
    let text = "server: { port: 1 }\nproviders: [ { name: a, kind: echo, api_key: sk-canary } ]\n";
    let shown = show::effective(&Config::parse(text, "f", &env).unwrap());
    assert!(!shown.contains("canary"), "{shown}");
    for part in ["server.port", "(file, line 1)", "(FLUXA_MASTER_KEY)", "***", "(default)", "provider a"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[test]
fn aliases_work_and_cannot_explode() {
    let config = parse("keys:\n  - &a { name: a, team: red }\n  - { name: b, tags: &t { x: y } }\n  - { name: c, tags: *t }\n").unwrap();
    assert_eq!(config.seeds.keys[2].record.tags["x"], "y");
    let mut bomb = String::from("a: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let item = format!("*a{}", level - 1);
        bomb.push_str(&format!("k{level}: &a{level} [{}]\n", [item.as_str(); 10].join(", ")));
    }
    fails(&bomb, "too many values");
    fails(&format!("a: {}{}", "[".repeat(30), "]".repeat(30)), "nested too deeply");
    fails(&format!("a: {}{}", "[".repeat(5_000), "]".repeat(5_000)), "not valid YAML");
}

#[test]
fn keys_take_the_admin_apis_fields() {
    let config = parse(
        "keys:\n  - name: team-a\n    models: [gpt-4o, 'claude-*']\n    budget_usd_daily: 0.25\n    rate_limit_rpm: 60\n    expires_at: 2030-01-01T00:00:00Z\n    ip_allowlist: 10.0.0.0/8\n    budget_mode: balanced\n    budget_clamp: true\n",
    )
    .unwrap();
    let key = &config.seeds.keys[0].record;
    assert_eq!(key.limits.budget_usd_daily, Some(NanoUsd(250_000_000)));
    assert_eq!((key.models.len(), key.ip_allowlist.len(), key.budget_clamp, key.time_zone.as_str()), (2, 1, true, "UTC"));
}

#[test]
fn the_firewall_has_rules_policies_and_a_policy_for_all_others() {
    let text = "
firewall:
  policy: careful
  rules:
    - { name: project_code, pattern: 'PRJ-[0-9]{4}', mode: enforce, min_entropy: 1.5, yes: [see PRJ-1234], no: PRJ-1 }
    - { name: codenames, keywords: [Apollo, apollo, 阿波罗], whole_word: true, packs: [projects] }
  policies:
    - { name: careful, actions: { credentials: mask, projects: alert } }
    - name: strict
      direction: request
      default: alert
      actions: { codenames: block, email: { action: mask, style: last4, min_confidence: high } }
keys: [ { name: a, firewall_policy: strict } ]
teams: [ { name: t, firewall_policy: careful } ]
";
    let config = parse(text).unwrap();
    assert_eq!(config.firewall.policy.as_deref(), Some("careful"));
    let [code, names] = config.seeds.rules.as_slice() else { panic!("{:?}", config.seeds.rules) };
    assert_eq!((code.record.mode, code.record.min_entropy_centibits, code.record.no.len()), (RuleMode::Enforce, 150, 1));
    let Find::Keywords(words) = &names.record.find else { panic!("{names:?}") };
    assert_eq!((words.words.len(), words.whole_word, names.record.mode), (2, true, RuleMode::Observe));
    let treatment = config.seeds.policies[1].record.actions["email"];
    assert_eq!((treatment.action, treatment.style, treatment.min_confidence), (Action::Mask, MaskStyle::Last4, Confidence::High));
    assert_eq!(config.seeds.keys[0].record.firewall_policy.as_deref(), Some("strict"));
    assert_eq!(config.seeds.teams[0].record.firewall_policy.as_deref(), Some("careful"));
    let env = |name: &str| (name == "FLUXA_FIREWALL_POLICY").then(|| String::from("other"));
    assert_eq!(Config::parse(text, "f", &env).unwrap().firewall.policy.as_deref(), Some("other"));
    assert_eq!(parse("").unwrap().firewall.policy, None);
}

#[test]
fn mistakes_in_the_firewall_are_named() {
    for (text, part) in [
        ("rules: [ { pattern: x1 } ]", "firewall.rules[0].name: is missing"),
        ("rules: [ { name: a } ]", "needs a pattern (or keywords)"),
        ("rules: [ { name: a, pattern: x1, keywords: [y] } ]", "give either pattern or keywords"),
        ("rules: [ { name: A, pattern: x1 } ]", "firewall.rules[0].name: must be snake_case"),
        ("rules: [ { name: email, pattern: x1 } ]", "built-in rule"),
        ("rules: [ { name: a, pattern: x1 }, { name: a, pattern: y1 } ]", "stands twice"),
        ("rules: [ { name: a, pattern: x1, mode: loud } ]", "expected one of off, observe, enforce"),
        ("rules: [ { name: a, pattern: x1, min_entropy: 9 } ]", "from 0 to 8"),
        ("policies: [ { name: a, actions: { emial: mask } } ]", "did you mean \"email\"?"),
        ("policies: [ { name: a, actions: { email: hide } } ]", "firewall.policies[0].actions.email"),
        ("policies: [ { name: a, actions: { email: { style: label } } } ]", "firewall.policies[0].actions.email.action: is missing"),
        ("policies: [ { name: a, defualt: mask } ]", "did you mean \"default\"?"),
        ("policies: [ { name: a }, { name: a } ]", "stands twice"),
    ] {
        fails(&format!("firewall:\n  {text}\n"), part);
    }
    fails("firewall: { policies: [ { name: strict } ] }\nkeys: [ { name: a, firewall_policy: strikt } ]\n", "did you mean \"strict\"?");
    fails("routes: [ { model: m, provider: echo, firewall_policy: strict } ]\n", "no policy of firewall.policies is called \"strict\"");
}

/// The fuzz target's little sister: every file that is nearly right gives a configuration or an error, and ends.
#[test]
fn no_mutation_of_a_file_panics() {
    let text = "server: { host: 0.0.0.0, port: ${PORT}, drain_timeout: 600s, trusted_proxies: [10.0.0.0/8] }\nkeys:\n  - &k { name: a, budget_usd_daily: 0.1, tags: { x: \"${TRICK}\" } }\n  - *k\nroutes: [ { model: '*', provider: openai } ]\n";
    let pieces = [
        "${",
        "}",
        "{",
        "[",
        "]",
        ":",
        "\n",
        "- ",
        "&a",
        "*a",
        "\"",
        "'",
        "\t",
        "|",
        ">",
        "!",
        "%",
        "é",
        "\u{f0041}",
        "\0",
        "#",
        "---",
        "?",
        ",",
    ];
    let mut state = 1_u64;
    let mut roll = |sides: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % sides
    };
    for _ in 0..2_000 {
        let mut chars: Vec<char> = text.chars().collect();
        for _ in 0..=roll(3) {
            let at = roll(chars.len() + 1);
            match roll(3) {
                0 => drop(chars.drain(at..(at + roll(5)).min(chars.len()))),
                1 => drop(chars.splice(at..at, pieces[roll(pieces.len())].chars())),
                _ => chars.truncate(at),
            }
        }
        let mutated: String = chars.into_iter().collect();
        if let Err(errors) = parse(&mutated) {
            assert!(!errors.0.is_empty() && !errors.to_string().is_empty(), "{mutated}");
        }
    }
}
