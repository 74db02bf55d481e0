//! What must not come out: keys and prompts, in logs, metrics, files, admin answers and errors (A-40 … A-44).

use std::path::Path;

use fluxa_loadtest::vendor::MockConfig;
use serde_json::{Value, json};

use crate::harness::{Fluxa, Lab, MASTER, Setup, VENDOR_KEY, chat, dialects, lab, with};

const PROMPT: &str = "canary-prompt-9f2bQ7";
const ANSWER: &str = "canary-answer-51cdW3";
const SYSTEM: &str = "canary-system-77aaK0";
const COOKIE: &str = "canary-cookie-0b1cE8";
const WRONG: &str = "sk-canary-wrong-3e4fT6";
const QUERY: &str = "vk-canary-query-8a9bR2";

/// Calls of every kind, good and bad. Returns what clients were told when something went wrong.
async fn all_kinds_of_calls(lab: &Lab) -> Vec<String> {
    let mut told = Vec::new();
    let echo = format!("Incorrect API key provided: {VENDOR_KEY}. You said {PROMPT}.");
    let quiet = |config: &mut MockConfig| config.apply("reset").unwrap();
    let ways: [&dyn Fn(&mut MockConfig); 11] = [
        &|_| {},
        &|c| c.status = 401,
        &|c| c.status = 403,
        &|c| c.status = 429,
        &|c| c.status = 500,
        &|c| c.status = 400,
        &|c| c.status = 404,
        &|c| c.html = true,
        &|c| c.garbage = true,
        &|c| c.abort_after_bytes = Some(700),
        &|c| (c.status, c.error_code) = (400, Some(format!("code-{VENDOR_KEY}"))),
    ];
    for (index, way) in ways.iter().enumerate() {
        lab.mock.set(|config| {
            quiet(config);
            config.answer = Some(format!("{ANSWER} {}", "word ".repeat(20)));
            config.error_message = Some(echo.clone());
            way(config);
        });
        for (path, body) in dialects() {
            for stream in [false, true] {
                let secret = [("cookie", COOKIE), ("x-request-id", "canary-run")];
                let body = with(
                    body.clone(),
                    json!({"stream": stream, "messages": [{"role": "user", "content": PROMPT}], "user": "someone", "system": SYSTEM}),
                );
                let answer = lab.fluxa.call(path, &lab.key, &secret, &body).await;
                if index == 0 {
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    assert!(answer.text().contains("canary-answer"), "{}", answer.text());
                    lab.fluxa.log_row(&answer.id()).await;
                } else {
                    let head: String = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
                    told.push(format!("{path} stream={stream} way {index}: {head}{}", answer.text()));
                }
            }
        }
    }
    lab.mock.set(quiet);
    told
}

/// Calls that are refused before a vendor is asked.
async fn all_kinds_of_refusals(fluxa: &Fluxa, key: &str) -> Vec<String> {
    let mut told = Vec::new();
    let bearer = format!("Bearer {key}");
    for path in ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/future"] {
        for body in [
            format!("{{\"model\":\"gpt-4o\",\"messages\":\"{PROMPT}"),
            format!("{{\"model\":\"gpt-99\",\"messages\":[{{\"role\":\"user\",\"content\":\"{PROMPT}\"}}]}}"),
            format!("{{\"model\":[\"{PROMPT}\"],\"{PROMPT}\":1}}"),
            PROMPT.to_owned(),
            format!("{{\"model\":\"gpt-4o\",\"model\":\"{PROMPT}\"}}"),
        ] {
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
            told.push(
                fluxa.send("POST", path, &headers, body.as_bytes()).await.text().replace(&format!("\\\"{PROMPT}\\\""), "(the model named)"),
            );
            for header in ["authorization", "x-api-key", "x-goog-api-key"] {
                let value = if header == "authorization" { format!("Bearer {WRONG}") } else { WRONG.to_owned() };
                told.push(
                    fluxa.send("POST", path, &[(header, &value), ("content-type", "application/json")], body.as_bytes()).await.text(),
                );
            }
        }
        told.push(fluxa.send("POST", path, &[("authorization", &bearer), ("content-type", "text/plain")], PROMPT.as_bytes()).await.text());
    }
    let gemini = format!("/v1beta/models/gpt-4o:generateContent?key={QUERY}");
    told.push(fluxa.send("POST", &gemini, &[("content-type", "application/json")], PROMPT.as_bytes()).await.text());
    let gemini = format!("/v1beta/models/gpt-4o:generateContent?key={key}");
    told.push(fluxa.send("POST", &gemini, &[("content-type", "application/json")], PROMPT.as_bytes()).await.text());
    told.push(fluxa.send("GET", &format!("/nowhere?key={QUERY}"), &[("authorization", &format!("Bearer {WRONG}"))], b"").await.text());
    told.push(fluxa.send("GET", "/admin/keys", &[("authorization", &format!("Bearer {WRONG}"))], b"").await.text());
    for body in [
        json!({"name": "x", "kind": "openai", "api_key": format!("{WRONG}\n")}),
        json!({"name": "x", "kind": WRONG.len(), "api_key": WRONG, "token": WRONG}),
    ] {
        told.push(fluxa.admin("POST", "/admin/providers", body).await.1.to_string());
    }
    let broken = format!("{{\"api_key\":\"{WRONG}\",,");
    let master = format!("Bearer {MASTER}");
    told.push(
        fluxa
            .send("POST", "/admin/providers", &[("authorization", &master), ("content-type", "application/json")], broken.as_bytes())
            .await
            .text(),
    );
    told
}

async fn everything_the_admin_api_shows(fluxa: &Fluxa) -> String {
    let (_, document) = fluxa.admin("GET", "/admin/openapi.json", Value::Null).await;
    let mut shown = String::new();
    let paths = document["paths"].as_object().expect("paths").iter().filter(|(_, methods)| methods.get("get").is_some());
    for (path, _) in paths {
        let path = path.replace("{name}", "openai").replace("{model}", "gpt-4o").replace("{request_id}", "canary-run");
        let (_, keys) = fluxa.admin("GET", "/admin/keys", Value::Null).await;
        let id = keys["data"][0]["id"].as_str().expect("a key").to_owned();
        let answer = fluxa.admin_answer("GET", &path.replace("{id}", &id), &Value::Null).await;
        assert!(matches!(answer.status, 200 | 404), "{path}: {answer:?}");
        shown += &answer.text();
    }
    for name in ["openai", "anthropic"] {
        shown += &fluxa.admin("POST", &format!("/admin/providers/{name}/test"), Value::Null).await.1.to_string();
    }
    shown + &fluxa.metrics().await
}

fn files_below(folder: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("its entry").path();
        if path.is_dir() {
            files_below(&path, into);
        } else {
            into.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
        }
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a41_no_key_and_no_prompt_is_in_any_log_file_metric_answer_or_error() {
    let mut lab = lab(Setup::default().flag("--log-level=trace"), MockConfig::default()).await;
    let rotated = lab.fluxa.issued(json!({"name": "rotated"})).await;
    let (_, fresh) = lab.fluxa.admin("POST", &format!("/admin/keys/{}/rotate", rotated["id"].as_str().unwrap()), Value::Null).await;
    let keys = [lab.key.clone(), rotated["key"].as_str().unwrap().to_owned(), fresh["key"].as_str().unwrap().to_owned()];
    let told = all_kinds_of_calls(&lab).await;
    let refused = all_kinds_of_refusals(&lab.fluxa, &lab.key).await;
    let shown = everything_the_admin_api_shows(&lab.fluxa).await;

    let mut secrets: Vec<&str> = vec![VENDOR_KEY, MASTER, WRONG, QUERY, COOKIE];
    secrets.extend(keys.iter().map(String::as_str));
    // An error passes a vendor's words on, a vendor's prompt echo included; it never passes on a key.
    for text in told.iter().chain(&refused) {
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret} in an error: {text}");
        }
    }
    for text in told.iter().filter(|text| text.contains("way 1:") || text.contains("way 2:")) {
        assert!(!text.contains("Incorrect API key") && !text.contains(PROMPT), "the vendor's own text: {text}");
    }
    for text in &refused {
        assert!(!text.contains(PROMPT), "the prompt in a refusal: {text}");
    }
    let content = [PROMPT, ANSWER, SYSTEM];
    for secret in secrets.iter().chain(&content) {
        assert!(!shown.contains(secret), "{secret} in what the admin API shows");
    }
    // Twice: as it lies while the program runs, and after it has been killed and has recovered.
    for round in ["running", "recovered"] {
        let mut files = Vec::new();
        assert!(lab.fluxa.kept().iter().any(|path| path.exists()));
        files_below(&lab.fluxa.file(""), &mut files);
        assert!(files.iter().any(|(name, _)| name.contains("journal") || name.contains("spool")), "{files:?}");
        for (name, bytes) in &files {
            for secret in secrets.iter().chain(&content) {
                assert!(!holds(bytes, secret) && !holds(bytes, &hex(secret)), "{round}: {secret} in {name}");
            }
        }
        if round == "running" {
            lab.fluxa.kill9();
            lab.fluxa.restart().await;
        }
    }
    assert!(lab.fluxa.logs_text().contains("\"message\":\"request\""), "it logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a43_a_vendors_error_that_echoes_our_key_reaches_nobody_with_it() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    for status in [400, 401, 403, 404, 409, 422, 429, 500, 503, 529] {
        for code in [None, Some(String::from(VENDOR_KEY))] {
            lab.mock.set(|config| {
                config.status = status;
                config.error_message = Some(format!("key {VENDOR_KEY} is wrong, \"{VENDOR_KEY}\""));
                config.error_code = code.clone();
            });
            for (path, body) in dialects() {
                let answer = lab.fluxa.call(path, &lab.key, &[], &body).await;
                assert!(answer.status >= 400 && !answer.text().contains(VENDOR_KEY), "{status} {path}: {}", answer.text());
                let row = lab.fluxa.log_row(&answer.id()).await;
                assert!(!row.to_string().contains(VENDOR_KEY), "{row}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a43_an_error_event_in_the_middle_of_a_stream_that_echoes_our_key_comes_without_it() {
    let echo = Some(format!("Incorrect API key provided: {VENDOR_KEY}."));
    let lab =
        lab(Setup::default(), MockConfig { events: Some(20), error_after_events: Some(5), error_message: echo, ..MockConfig::default() })
            .await;
    for (path, body) in dialects() {
        let answer = lab.fluxa.call(path, &lab.key, &[], &with(body, json!({"stream": true}))).await;
        assert!(answer.text().contains("error"), "{path}: {}", answer.text());
        assert!(!answer.text().contains(VENDOR_KEY), "{path}: {}", answer.text());
        assert!(!lab.fluxa.log_row(&answer.id()).await.to_string().contains(VENDOR_KEY));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a43_a_good_answer_that_quotes_our_key_comes_and_is_kept_without_it() {
    let quote = Some(format!("your key is {VENDOR_KEY} indeed"));
    let config = MockConfig { answer: quote, ..MockConfig::default() };
    let lab = lab(Setup::yaml("logging: {store_content: true}\n"), config).await;
    // In one piece, and cut so that the key comes in many reads.
    for chunk_bytes in [0, 5] {
        lab.mock.set(|config| config.chunk_bytes = chunk_bytes);
        for (path, body) in dialects() {
            for stream in [false, true] {
                let answer = lab.fluxa.call(path, &lab.key, &[], &with(body.clone(), json!({"stream": stream}))).await;
                let text = answer.text();
                assert_eq!(answer.status, 200, "{path}: {text}");
                assert!(text.contains("indeed") && !text.contains(VENDOR_KEY), "{path} stream={stream} cut={chunk_bytes}: {text}");
                let row = lab.fluxa.log_row(&answer.id()).await.to_string();
                assert!(row.contains("indeed") && !row.contains(VENDOR_KEY), "{path} stream={stream} cut={chunk_bytes}: {row}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a44_nobody_forges_a_log_line_or_moves_the_cursor_of_a_terminal() {
    for format in ["json", "pretty"] {
        let lab = lab(Setup::default().flag("--log-level=debug").flag("--log-format").flag(format), MockConfig::default()).await;
        let nasty = "m\u{1b}[31m\r\n{\"level\":\"FORGED\"}\u{0}\u{7}\u{202e}\u{85}";
        let key = lab.fluxa.key(json!({"tags": {"note": "plain"}})).await;
        let answer = lab.fluxa.call("/v1/chat/completions", &key, &[], &with(chat("a"), json!({"model": nasty}))).await;
        assert!(matches!(answer.status, 400 | 404), "{answer:?}");
        let id = answer.id();
        lab.fluxa.log_row(&id).await;
        lab.mock
            .set(|config| (config.status, config.error_code, config.error_message) = (400, Some(nasty.to_owned()), Some(nasty.to_owned())));
        let answer = lab.fluxa.call("/v1/chat/completions", &key, &[("x-request-id", "ok\t\"}{FORGED")], &chat("a")).await;
        lab.fluxa.log_row(&answer.id()).await;
        for (method, path) in [("POST", "/admin/keys"), ("POST", "/admin/providers")] {
            let (status, _) = lab.fluxa.admin(method, path, json!({"name": nasty, "kind": "openai", "api_key": "x"})).await;
            assert_eq!(status, 422, "{path}");
        }
        let out = std::fs::read(lab.fluxa.file("stdout.1")).unwrap();
        let text = String::from_utf8_lossy(&out).into_owned();
        assert!(text.contains(&id) || format == "pretty", "{text}");
        let control = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(control, None, "{format}: {text}");
        for line in text.lines() {
            assert!(!line.starts_with("{\"level\":\"FORGED\"}"), "{line}");
            assert!(format == "pretty" || serde_json::from_str::<Value>(line).is_ok(), "not one JSON object a line: {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn content_is_kept_only_when_the_operator_says_so_and_never_logged() {
    for keep in [false, true] {
        let setup = Setup::yaml(&format!("logging: {{ level: trace, store_content: {keep} }}\n"));
        let mut lab = lab(setup, MockConfig { answer: Some(String::from(ANSWER)), ..MockConfig::default() }).await;
        for (path, body) in dialects() {
            for stream in [false, true] {
                let body = with(body.clone(), json!({"stream": stream, "messages": [{"role": "user", "content": PROMPT}]}));
                let answer = lab.fluxa.call(path, &lab.key, &[], &body).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                lab.fluxa.log_row(&answer.id()).await;
            }
        }
        assert!(lab.fluxa.terminate().await.success());
        let logs = lab.fluxa.logs_text();
        assert!(!logs.contains(PROMPT) && !logs.contains(ANSWER), "{logs}");
        let mut database = Vec::new();
        for path in lab.fluxa.kept() {
            database.extend(std::fs::read(path).unwrap_or_default());
        }
        assert_eq!(holds(&database, PROMPT), keep, "the prompt is in the database");
        assert!(!holds(&database, VENDOR_KEY) && !holds(&database, &lab.key) && !holds(&database, MASTER));
    }
}
