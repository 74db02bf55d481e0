//! The command line: `fluxa check`, what is said about a wrong configuration, and what a first start makes of it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use fluxa_loadtest::vendor::{Mock, MockConfig};
use serde_json::{Value, json};

use crate::books::{Key, ask, body, eventually, key, text};
use crate::harness::{Fluxa, Setup};
use crate::http::{exchange, request};

const SECRET: &str = "sk-cli-canary-9Xq2";

/// Runs the program to its end in `folder`, with nothing of our own environment.
async fn run(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluxa"));
    command.env_clear().current_dir(folder).stdin(Stdio::null()).args(args).envs(env.iter().copied());
    // On a thread of its own: the mock answers on this one.
    tokio::task::spawn_blocking(move || command.output()).await.expect("it is waited for").expect("it starts")
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(!out.contains(SECRET) && !err.contains(SECRET), "a secret is shown:\n{out}{err}");
    assert!(!err.contains("panicked"), "{err}");
    (output.status.code(), out, err)
}

/// A configuration with one provider at `base_url`.
fn yaml(base_url: &str) -> String {
    format!(
        "providers:\n  - name: mine\n    kind: openai\n    api_key: ${{MY_KEY}}\n    base_url: {base_url}\nroutes:\n  - {{ model: gpt-4o, provider: mine }}\n"
    )
}

#[tokio::test]
async fn check_says_that_all_is_well_and_shows_every_setting_with_its_source() {
    let mock = Mock::start(MockConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("fluxa.yaml"), yaml(&mock.base_url())).unwrap();
    let env = [("MY_KEY", SECRET), ("FLUXA_MASTER_KEY", "a-master-key-of-this-story"), ("FLUXA_PORT", "8123")];
    let (code, out, err) = told(&run(folder.path(), &["check", "--workers", "3"], &env).await);
    assert_eq!(code, Some(0), "{out}{err}");
    for part in
        ["all is well", "provider mine (openai", "FLUXA_PORT", "8123", "--workers", "***", "server.drain_timeout", "default", "HTTP 200"]
    {
        assert!(out.contains(part), "{part} in {out}");
    }
    assert!(!out.contains("a-master-key-of-this-story"), "{out}");
    assert_eq!(mock.requests()[0].auth.as_deref(), Some(format!("Bearer {SECRET}").as_str()));
    assert_eq!(mock.bill().completion_tokens, 0, "it costs nothing");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["fluxa.yaml"], "a check changes nothing");
}

#[tokio::test]
async fn check_fails_and_says_why_when_a_provider_does_not_answer_as_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.yaml");
    let env = [("MY_KEY", SECRET)];
    for (status, advice) in [(401, "refuses the key"), (403, "refuses the key"), (429, "limits this key"), (503, "trouble of its own")] {
        let mock = Mock::start(MockConfig { status, ..MockConfig::default() }).await.unwrap();
        std::fs::write(&file, yaml(&mock.base_url())).unwrap();
        let (code, out, err) = told(&run(folder.path(), &["check", "-c", "other.yaml"], &env).await);
        assert_eq!(code, Some(1), "{out}{err}");
        for part in ["FAIL", "provider mine", advice, &status.to_string(), "1 check failed"] {
            assert!(out.contains(part), "{part} in {out}");
        }
    }
    // A port where nobody listens, and a configuration with nothing to check.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::fs::write(&file, yaml(&format!("http://{nobody}/v1"))).unwrap();
    let (code, out, _) = told(&run(folder.path(), &["check", "-c", "other.yaml"], &env).await);
    assert!(code == Some(1) && out.contains("FAIL") && out.contains("no answer"), "{out}");
    let (code, out, _) = told(&run(folder.path(), &["check"], &[]).await);
    assert!(code == Some(1) && out.contains("OPENAI_API_KEY"), "{out}");
}

#[tokio::test]
async fn a_wrong_configuration_is_named_by_file_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    for (yaml, expect) in [
        ("server:\n  prot: 80\n", "fluxa.yaml:2:3: server.prot: unknown key \"prot\"; did you mean \"port\"?"),
        ("server:\n  port: high\n", "fluxa.yaml:2:9: server.port: "),
        (
            "providers:\n  - name: x\n    kind: openai\n    api_key: ${NOT_SET}\n",
            "fluxa.yaml:4:14: providers[0].api_key: variable NOT_SET is not set",
        ),
        ("server: {\n", "fluxa.yaml:"),
        ("keys:\n  - { name: a, budget_usd_daily: -1 }\n", "keys[0].budget_usd_daily: "),
        ("database: { url: 'mysql://h/d' }\n", "database.url: expected an address such as postgres://"),
    ] {
        std::fs::write(folder.path().join("fluxa.yaml"), yaml).unwrap();
        for command in ["serve", "check"] {
            let (code, out, err) = told(&run(folder.path(), &[command], &[]).await);
            assert_eq!(code, Some(2), "{command} with {yaml}: {out}{err}");
            assert!(err.starts_with("fluxa: ") && err.contains(expect), "{expect}\nin {err}");
        }
    }
    std::fs::write(folder.path().join("fluxa.yaml"), "").unwrap();
    for (args, env, expect) in [
        (&["serve", "--port", "high"][..], &[][..], "--port: server.port: "),
        (&["serve"], &[("FLUXA_PORT", "high")], "FLUXA_PORT: server.port: "),
        (&["serve"], &[("FLUXA_REDIS_URL", "http://x")], "FLUXA_REDIS_URL: "),
        (&["serve"], &[("FLUXA_MASTER_KEY", "short")], "FLUXA_MASTER_KEY: server.master_key: is shorter than 16"),
    ] {
        let (code, _, err) = told(&run(folder.path(), args, env).await);
        assert!(code == Some(2) && err.contains(expect), "{args:?}: {code:?} {err}");
    }
    let (code, _, err) = told(&run(folder.path(), &["serve", "-c", "missing.yaml"], &[]).await);
    assert!(code != Some(0) && err.contains("missing.yaml"), "{err}");
    let (code, _, err) = told(&run(folder.path(), &["sevre"], &[]).await);
    assert!(code == Some(2) && err.contains("serve"), "{err}");
    let (code, out, _) = told(&run(folder.path(), &["--version"], &[]).await);
    assert!(code == Some(0) && out.starts_with("fluxa "), "{out}");
}

#[tokio::test]
async fn a_mistake_is_shown_without_the_secrets_of_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut leaks = Vec::new();
    for yaml in [
        format!("providers: [ {{ name: x, kind: ehco, api_key: {SECRET} }} ]\n"),
        format!("server:\n  master_kye: {SECRET}\n"),
        format!("database: {{ url: 'mysql://u:{SECRET}@h/d' }}\n"),
        format!("redis: {{ url: 'http://:{SECRET}@h:6379' }}\n"),
        format!("providers: [ {{ name: x, kind: openai, api_key: a, base_url: 'ftp://u:{SECRET}@h' }} ]\n"),
        format!("providers: [ {{ name: x, kind: openai, api_key: a, headers: {{ x-auth: \"{SECRET}\", host: b }} }} ]\n"),
    ] {
        std::fs::write(folder.path().join("fluxa.yaml"), &yaml).unwrap();
        let output = run(folder.path(), &["check"], &[]).await;
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{yaml}: {err}");
        if err.contains(SECRET) {
            leaks.push(err);
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

#[tokio::test]
async fn a_first_start_makes_the_providers_of_the_environment_and_a_later_one_leaves_them() {
    let (first, second) = (Mock::start(MockConfig::default()).await.unwrap(), Mock::start(MockConfig::default()).await.unwrap());
    let setup = Setup::default().env("OPENAI_API_KEY", SECRET).env("OPENAI_BASE_URL", &first.base_url());
    let setup = setup.env("ANTHROPIC_API_KEY", SECRET).env("ANTHROPIC_BASE_URL", &format!("http://{}", first.addr()));
    let mut fluxa = Fluxa::start(setup).await;
    let key = key(&fluxa, json!({})).await;
    let calls = [body("gpt-4o", json!({})), body("claude-sonnet-4-5", json!({"max_tokens": 5})), body("openai/anything", json!({}))];
    for call in &calls {
        assert_eq!(ask(&fluxa, &key, call).await.status, 200);
    }
    let (_, providers) = fluxa.admin("GET", "/admin/providers", Value::Null).await;
    let names: Vec<String> = providers["data"].as_array().unwrap().iter().map(|row| text(&row["name"])).collect();
    assert_eq!(names, ["anthropic", "openai"]);
    assert!(!providers.to_string().contains(SECRET), "{providers}");

    assert!(fluxa.terminate().await.success());
    for (name, value) in &mut fluxa.setup().env {
        match name.as_str() {
            "OPENAI_BASE_URL" => *value = second.base_url(),
            "OPENAI_API_KEY" => "sk-another-key".clone_into(value),
            _ => {}
        }
    }
    fluxa.restart().await;
    assert_eq!(ask(&fluxa, &key, &calls[0]).await.status, 200);
    assert_eq!((first.bill().requests, second.bill().requests), (4, 0), "the database is the truth now");
    let logs = fluxa.logs_text();
    assert!(logs.contains("OPENAI_API_KEY differs from the key stored"), "and that is said: {logs}");
    assert!(!logs.contains(SECRET) && !logs.contains("sk-another-key"), "{logs}");
}

#[tokio::test]
async fn a_first_start_plants_the_file_once() {
    let mock = Mock::start(MockConfig::default()).await.unwrap();
    let yaml = format!("{}keys:\n  - {{ name: made-here, models: [gpt-4o], budget_usd_daily: 0.5 }}\n", yaml(&mock.base_url()));
    let mut fluxa = Fluxa::start(Setup::yaml(&yaml).env("MY_KEY", SECRET)).await;
    let banner = fluxa.logs_text();
    let secret = banner.split_whitespace().find(|word| word.starts_with("vk-")).unwrap_or_else(|| panic!("no key in {banner}")).to_owned();
    assert_eq!(banner.matches(&secret).count(), banner.matches("vk-").count(), "one key is shown: {banner}");
    let (_, keys) = fluxa.admin("GET", "/admin/keys?name=made-here", Value::Null).await;
    let made = Key { id: text(&keys["data"][0]["id"]), secret: secret.clone() };
    assert_eq!((&keys["data"][0]["budget_usd_daily"], &keys["data"][0]["models"]), (&json!(0.5), &json!(["gpt-4o"])), "{keys}");
    assert_eq!(ask(&fluxa, &made, &body("gpt-4o", json!({}))).await.status, 200);
    assert_eq!(ask(&fluxa, &made, &body("gpt-4o-mini", json!({}))).await.status, 403);
    assert_eq!(fluxa.admin("DELETE", "/admin/routes/gpt-4o", Value::Null).await.0, 204);

    assert!(fluxa.terminate().await.success());
    fluxa.restart().await;
    let logs = fluxa.logs_text();
    assert_eq!(logs.matches(&secret).count(), banner.matches(&secret).count(), "it is never shown again");
    assert!(logs.contains("the database is not empty"), "{logs}");
    assert_eq!(fluxa.admin("GET", "/admin/routes/gpt-4o", Value::Null).await.0, 404, "what was deleted stays deleted");
    let (_, keys) = fluxa.admin("GET", "/admin/keys", Value::Null).await;
    assert_eq!(keys["data"].as_array().map(Vec::len), Some(1), "{keys}");
    assert_eq!(ask(&fluxa, &made, &body("gpt-4o", json!({}))).await.status, 200, "by the price table");
}

#[tokio::test]
async fn a_master_key_that_nobody_gave_is_printed_once_and_stored_as_a_hash() {
    let folder = tempfile::tempdir().unwrap();
    let mut keys = Vec::new();
    for start in 0..2 {
        let file = |name: &str| std::fs::File::create(folder.path().join(format!("{name}.{start}"))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_fluxa"));
        command.env_clear().current_dir(folder.path()).stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        let mut child = command.args(["--host", "127.0.0.1", "--port", "0", "--telemetry-listen", "off"]).spawn().unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(format!("{name}.{start}"))).unwrap_or_default();
        let address = eventually("the banner", async || {
            let banner = read("err");
            let (_, after) = banner.split_once("(127.0.0.1:")?;
            banner.contains("/v1/chat/completions").then(|| format!("127.0.0.1:{}", after.split_once(')').unwrap().0))
        })
        .await;
        let both = read("out") + &read("err");
        // The banner shows it by itself, and in a line to be copied.
        let words = both.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        keys.extend(words.filter(|word| word.starts_with("fxm-")).map(str::to_owned));
        keys.dedup();
        let bearer = format!("Bearer {}", keys[0]);
        let bytes = request("GET", "/admin/keys", &[("authorization", &bearer)], b"");
        let answer = exchange(address.parse().unwrap(), &bytes).await.unwrap().rest().await;
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(answer.status, 200, "start {start}: {both}");
        assert_eq!(both.contains(&keys[0]), start == 0, "shown at the first start only: {both}");
        assert!(!read("out").contains("fxm-"), "it is in no log line: {}", read("out"));
    }
    assert_eq!(keys.len(), 1, "{keys:?}");
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !path.to_string_lossy().ends_with("err.0") {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(keys[0].len()).any(|window| window == keys[0].as_bytes()), "in clear in {}", path.display());
        }
    }
}
