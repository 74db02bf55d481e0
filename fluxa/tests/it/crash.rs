//! `kill -9` at any moment: every call that reached a vendor is in the ledger once, and budgets go on from there.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fluxa_loadtest::vendor::{Mock, MockConfig, Record};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::backend::{embedded_only, is_cluster};
use crate::books::{GPT_4O, Key, ask, billed, body, cost, eventually, key, logs, number, open, read_texts, rows, text, tokens, used};
use crate::harness::{Fluxa, Lab, PATIENCE, Setup, lab};
use crate::http::Stream;

/// Times that the process is killed.
const KILLS: usize = 10;
/// Clients at work when it is: half of them stream.
const CLIENTS: usize = 12;

/// A random number below `end`; printed, so that a failure can be looked into.
fn random(end: u64) -> u64 {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos();
    u64::from(nanos).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31) % end
}

/// A call as its client saw it.
#[derive(Debug)]
struct Seen {
    /// `x-request-id`, which is in the prompt too.
    tag: String,
    /// `x-fluxa-id`, where the head of an answer came.
    id: Option<String>,
    /// The answer came to its end.
    whole: bool,
}

/// Calls one after the other until the process dies.
async fn client(fluxa: &Fluxa, key: &Key, name: String, stream: bool) -> Vec<Seen> {
    let mut seen = Vec::new();
    for n in 0.. {
        let tag = format!("{name}-{n}");
        let ask =
            json!({"model": "gpt-4o", "max_tokens": 100, "stream": stream, "messages": [{"role": "user", "content": tag}]}).to_string();
        let bearer = format!("Bearer {}", key.secret);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("x-request-id", &tag)];
        let bytes = crate::http::request("POST", "/v1/chat/completions", &headers, ask.as_bytes());
        // After the death nobody listens.
        let Ok(mut tcp) = TcpStream::connect(fluxa.address).await else { break };
        let sent = tcp.write_all(&bytes).await;
        let Some(head) = (if sent.is_ok() { Stream::head_of(tcp).await } else { None }) else {
            seen.push(Seen { tag, id: None, whole: false });
            break;
        };
        let answer = head.rest().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let whole = answer.complete && (!stream || answer.text().contains("[DONE]"));
        seen.push(Seen { tag, id: answer.header("x-fluxa-id").map(str::to_owned), whole });
        if !whole {
            break;
        }
    }
    seen
}

/// Waits until the mock has nothing more to say to anybody.
async fn silence(mock: &Mock) {
    mock.until(|bill| bill.finished + bill.client_gone == bill.requests).await.expect("all connections have ended");
}

fn tag_of(record: &Record) -> String {
    let sent: Value = serde_json::from_slice(&record.body).expect("JSON");
    text(&sent["messages"][0]["content"])
}

/// Holds the ledger against what the mock and the clients saw; returns the calls whose clients have the whole answer and
/// whose rows are estimates all the same.
fn compare(rows: &[Value], records: &[Record], seen: &[Seen]) -> Vec<String> {
    let mut by_tag: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for row in rows {
        by_tag.entry(text(&row["request_id"])).or_default().push(row);
    }
    for (tag, rows) in &by_tag {
        assert_eq!(rows.len(), 1, "{tag} stands twice: {rows:#?}");
    }
    let asked: BTreeMap<String, &Record> = records.iter().map(|record| (tag_of(record), record)).collect();
    assert_eq!(asked.len(), records.len());
    for (tag, record) in &asked {
        let row = by_tag.get(tag).unwrap_or_else(|| panic!("{tag} reached the vendor and has no row"))[0];
        let said = i64::try_from(record.completion_tokens).unwrap();
        assert!(
            number(&row["usage"]["output"]) >= said && number(&row["cost_nanos"]) >= billed(std::slice::from_ref(*record), GPT_4O),
            "{said} said: {row}"
        );
        if row["abandoned"] == true {
            assert_eq!((&row["usage_state"], &row["cost_state"]), (&json!("estimated"), &json!("estimated")), "{row}");
        } else if row["usage_state"] == "reported" {
            assert_eq!(number(&row["cost_nanos"]), billed(std::slice::from_ref(*record), GPT_4O), "{row}");
        }
    }
    // A call may be noted and the process dead before a byte of it is sent.
    for (tag, rows) in &by_tag {
        assert!(asked.contains_key(tag) || rows[0]["abandoned"] == true, "nobody was asked for {tag}: {:#?}", rows[0]);
    }
    let mut guessed = Vec::new();
    for call in seen {
        let row = by_tag.get(&call.tag).map(|rows| rows[0]);
        if let Some(id) = &call.id {
            assert_eq!(row.map(|row| text(&row["id"])).as_ref(), Some(id), "{call:?}");
        }
        if call.whole {
            let row = row.unwrap_or_else(|| panic!("its client has the whole answer: {call:?}"));
            if (&row["abandoned"], &row["usage_state"], &row["cost_state"]) != (&json!(false), &json!("reported"), &json!("exact")) {
                guessed.push(format!("{call:?}: {row}"));
            }
        }
    }
    guessed
}

/// Kills the process again and again while clients are at work, and compares after every start.
async fn killed(fluxa: &mut Fluxa, mock: &Mock, key: &Key, kills: usize, streams: bool) -> Vec<String> {
    let mut seen = Vec::new();
    let mut guessed = Vec::new();
    for kill in 0..kills {
        let target = mock.bill().completion_tokens + 1 + random(900);
        let clients = join_all((0..CLIENTS).map(|n| client(fluxa, key, format!("k{kill}-c{n}"), streams && n % 2 == 0)));
        let pid = fluxa.pid().to_string();
        let death = async {
            mock.until(|bill| bill.completion_tokens >= target).await.expect("the clients are at work");
            assert!(Command::new("kill").args(["-9", &pid]).status().expect("kill is installed").success());
        };
        let (saw, ()) = futures_util::future::join(clients, death).await;
        seen.extend(saw.into_iter().flatten());
        fluxa.ended().await;
        silence(mock).await;
        if kill % 3 == 2 {
            die_while_starting(fluxa).await;
        }
        fluxa.restart().await;

        let rows = logs(fluxa, &format!("key={}", key.id)).await;
        println!("kill {kill} at {target} tokens: {} rows, {} abandoned", rows.len(), abandoned(&rows).count());
        guessed = compare(&rows, &mock.requests(), &seen);
        if is_cluster() {
            expire(fluxa, key).await;
        }
        let rows = logs(fluxa, &format!("key={}", key.id)).await;
        // What the key used is the sum of its rows.
        assert_eq!(used(fluxa, key).await, [cost(&rows), 0, tokens(&rows), 0]);
    }
    guessed
}

/// Waits until what the dead process had reserved, and had not noted in its journal, has expired into rows.
async fn expire(fluxa: &Fluxa, key: &Key) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = logs(fluxa, &format!("key={}", key.id)).await;
        let used = used(fluxa, key).await;
        if used == [cost(&rows), 0, tokens(&rows), 0] {
            return;
        }
        assert!(Instant::now() < deadline, "{used:?} used, {} and {} in rows", cost(&rows), tokens(&rows));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Kills of one story: each waits for reservations to expire where the counters outlive the process.
fn kills() -> usize {
    if is_cluster() { 3 } else { KILLS }
}

/// Reservations expire soon, where that is waited for.
fn setup() -> Setup {
    if is_cluster() { Setup::default().env("FLUXA_BUDGET_RESERVATION_TTL", "2s") } else { Setup::default() }
}

/// A start that is killed as soon as it has completed the ledger, and before it can have done much else.
async fn die_while_starting(fluxa: &Fluxa) {
    let log = fluxa.file("died-while-starting");
    let mut command = program(fluxa);
    let mut child = command.stdout(std::fs::File::create(&log).unwrap()).stderr(Stdio::null()).spawn().unwrap();
    eventually("the ledger to be completed", async || {
        std::fs::read_to_string(&log).unwrap_or_default().contains("completed from the journal").then_some(())
    })
    .await;
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The program again, on the same files.
fn program(fluxa: &Fluxa) -> Command {
    let mut command = fluxa.command();
    command.args(["--telemetry-listen", "off"]);
    command
}

fn abandoned(rows: &[Value]) -> impl Iterator<Item = &Value> {
    rows.iter().filter(|row| row["abandoned"] == true)
}

#[tokio::test]
async fn no_kill_loses_or_doubles_a_call() {
    let Lab { mut fluxa, mock, .. } =
        lab(setup(), MockConfig { events: Some(30), interval_ms: 4, delay_ms: 20, ..MockConfig::default() }).await;
    let key = key(&fluxa, json!({"budget_usd_total": 1_000, "budget_tokens_monthly": 100_000_000})).await;
    killed(&mut fluxa, &mock, &key, kills(), true).await;
    let ledger = logs(&fluxa, "").await;
    assert!(abandoned(&ledger).count() > 0, "some of the kills hit a call");
    for clean in [false, true] {
        if clean {
            assert!(fluxa.terminate().await.success());
        } else {
            fluxa.kill9();
        }
        fluxa.restart().await;
        assert_eq!(logs(&fluxa, "").await, ledger, "another start changes nothing");
    }
    let answer = ask(&fluxa, &key, &body("gpt-4o", json!({"max_tokens": 100}))).await;
    assert_eq!(answer.status, 200);
    let rows = rows(&fluxa, &key, ledger.len() + 1).await;
    assert_eq!(used(&fluxa, &key).await, [cost(&rows), 0, tokens(&rows), 0]);
}

#[tokio::test]
async fn a_call_whose_client_has_the_whole_answer_is_exact_after_a_kill() {
    let Lab { mut fluxa, mock, .. } = lab(setup(), MockConfig { events: Some(30), delay_ms: 5, ..MockConfig::default() }).await;
    let key = key(&fluxa, json!({"budget_usd_total": 1_000})).await;
    let guessed = killed(&mut fluxa, &mock, &key, kills(), false).await;
    assert!(guessed.is_empty(), "{guessed:#?}");
}

#[tokio::test]
async fn a_call_that_is_cut_off_is_charged_to_its_provider() {
    let Lab { mut fluxa, mock, .. } = lab(Setup::default(), MockConfig { stall_headers: true, ..MockConfig::default() }).await;
    let key = key(&fluxa, json!({"budget_usd_total": 1})).await;
    let calls = [body("gpt-4o", json!({"max_tokens": 50})), body("claude-sonnet-4-5", json!({"max_tokens": 50}))];
    // The first client leaves, the second call dies with the process.
    for (at, call) in calls.iter().enumerate() {
        let mut waiting = Box::pin(open(&fluxa, &key, call));
        tokio::select! {
            stream = &mut waiting => panic!("there is no answer: {stream:?}"),
            bill = mock.until(|bill| bill.requests == at as u64 + 1) => drop(bill.expect("it reaches the vendor")),
        }
        if at == 1 {
            fluxa.signal("KILL");
            silence(&mock).await;
        }
        drop(waiting);
        if at == 0 {
            rows(&fluxa, &key, 1).await;
        }
    }
    fluxa.ended().await;
    fluxa.restart().await;
    let rows = rows(&fluxa, &key, 2).await;
    let shown: Vec<[&str; 2]> =
        rows.iter().map(|row| ["provider", "upstream_model"].map(|name| row[name].as_str().unwrap_or_default())).collect();
    assert_eq!(shown, [["openai", "gpt-4o"], ["anthropic", "claude-sonnet-4-5"]], "{rows:#?}");
}

#[tokio::test]
async fn a_budget_that_was_used_up_is_used_up_after_a_kill() {
    let Lab { mut fluxa, mock, .. } = lab(Setup::default(), MockConfig { events: Some(100), burst: true, ..MockConfig::default() }).await;
    // A call costs a little over 1/1000 of a dollar; three of them and the fourth's bound do not fit.
    let key = key(&fluxa, json!({"budget_usd_total": 0.0045, "budget_usd_daily": 1})).await;
    let call = body("gpt-4o", json!({"max_tokens": 100}));
    for expect in [200, 200, 402] {
        // The rows of these calls may still be on their way to the database.
        assert_eq!(ask(&fluxa, &key, &call).await.status, expect);
        fluxa.kill9();
        fluxa.restart().await;
        let spent = used(&fluxa, &key).await;
        assert_eq!(spent[..2], [billed(&mock.requests(), GPT_4O), 0], "{spent:?}");
        if expect == 200 && mock.bill().requests == 2 {
            crate::books::patch_key(&fluxa, &key, json!({"budget_usd_total": 0.0035})).await;
        }
    }
    assert_eq!(mock.bill().requests, 2);
}

#[tokio::test]
async fn a_fast_stream_that_is_cut_off_is_not_charged_too_little() {
    let Lab { mut fluxa, mock, key } =
        lab(Setup::default(), MockConfig { events: Some(100_000), interval_ms: 1, ..MockConfig::default() }).await;
    let key = Key { id: "everything".to_owned(), secret: key };
    let mut stream = open(&fluxa, &key, &body("gpt-4o", json!({"stream": true}))).await;
    // Beyond what a call is taken to say at least, and at a pace that vendors have.
    assert!(read_texts(&mut stream, 1_700).await);
    let said = mock.bill().completion_tokens;
    fluxa.kill9();
    fluxa.restart().await;
    let rows = logs(&fluxa, "").await;
    assert_eq!((rows.len(), &rows[0]["abandoned"]), (1, &json!(true)), "{rows:#?}");
    let counted = number(&rows[0]["usage"]["output"]);
    assert!(counted >= i64::try_from(said).unwrap(), "{said} tokens were said, {counted} are charged");
}

#[tokio::test]
async fn a_second_process_on_the_same_files_refuses_to_start() {
    embedded_only!();
    let mut lab = lab(Setup::default(), MockConfig::default()).await;
    let mut second = program(&lab.fluxa);
    let output = tokio::task::spawn_blocking(move || second.output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("fluxa.db") && told.contains("another process") && !told.contains("panic"), "{told}");
    // The first one did not notice.
    let key = key(&lab.fluxa, json!({})).await;
    assert_eq!(ask(&lab.fluxa, &key, &body("gpt-4o", json!({}))).await.status, 200);
    rows(&lab.fluxa, &key, 1).await;
    lab.fluxa.kill9();
    lab.fluxa.restart().await;
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_is_charged_what_was_said_once() {
    let lab = lab(Setup::default(), MockConfig { events: Some(4_000), ..MockConfig::default() }).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 100})).await;
    for round in 0..50 {
        let count = usize::try_from(random(120)).unwrap() + 1;
        let model = if round % 2 == 0 { "gpt-4o" } else { "claude-sonnet-4-5" };
        // Half of the vendors have said all they were going to say, the others talk on.
        lab.mock.clear();
        lab.mock.set(|config| {
            config.stall_after_events = (round % 4 < 2).then_some(count);
            config.interval_ms = if round % 4 < 2 { 0 } else { 1 };
        });
        let mut stream = open(&lab.fluxa, &key, &body(model, json!({"stream": true, "max_tokens": 4_000}))).await;
        assert!(read_texts(&mut stream, count).await);
        let id = stream.head().id();
        let said = lab.mock.bill().completion_tokens;
        if round % 4 >= 2 {
            // Whoever has read as much as was said by then leaves after it: no time decides what must be charged.
            let more = usize::try_from(said).unwrap().saturating_sub(count);
            assert!(read_texts(&mut stream, more).await);
        }
        drop(stream);
        lab.mock.until(|bill| bill.client_gone == 1).await.expect("the vendor is told to stop");
        let row = lab.fluxa.log_row(&id).await;
        let shown = (&row["client_closed"], &row["usage_state"], &row["cost_state"], &row["status"], &row["abandoned"]);
        assert_eq!(shown, (&json!(true), &json!("estimated"), &json!("estimated"), &json!(200), &json!(false)), "{row}");
        let output = number(&row["usage"]["output"]);
        let exact = if round % 4 < 2 { lab.mock.bill().completion_tokens } else { said.max(count as u64) };
        assert!(output >= i64::try_from(exact).unwrap(), "{exact} tokens were said in round {round}: {row}");
        assert!(number(&row["usage"]["input_uncached"]) >= 4, "the prompt counts too: {row}");
    }
    let rows = rows(&lab.fluxa, &key, 50).await;
    assert_eq!(used(&lab.fluxa, &key).await[..2], [cost(&rows), 0]);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_first_byte_leaves_one_row_and_no_reservation() {
    let lab = lab(Setup::default(), MockConfig { stall_headers: true, ..MockConfig::default() }).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 1, "max_concurrency": 1})).await;
    for (round, model) in ["gpt-4o", "claude-sonnet-4-5", "gpt-4o", "claude-sonnet-4-5"].into_iter().enumerate() {
        let ask = body(model, json!({"stream": round < 2, "max_tokens": 50}));
        let waiting = open(&lab.fluxa, &key, &ask);
        let arrived = lab.mock.until(|bill| bill.requests == round as u64 + 1);
        tokio::select! {
            stream = waiting => panic!("there is no answer: {stream:?}"),
            bill = arrived => drop(bill.expect("it reaches the vendor")),
        }
        lab.mock.until(|bill| bill.client_gone == round as u64 + 1).await.expect("the vendor is told to stop");
        let rows = rows(&lab.fluxa, &key, round + 1).await;
        let row = &rows[round];
        assert_eq!((&row["client_closed"], &row["usage_state"], &row["status"]), (&json!(true), &json!("estimated"), &json!(499)), "{row}");
        assert!(number(&row["usage"]["input_uncached"]) > 0, "the vendor has the prompt: {row}");
        assert_eq!(used(&lab.fluxa, &key).await[..2], [cost(&rows), 0]);
    }
}
