//! Bookkeeping for stories about money: the ledger's rows and a key's sums beside the mock vendor's own bill.

use std::time::{Duration, Instant};

use fluxa_loadtest::vendor::{Mock, MockConfig, Record};
use serde_json::{Value, json};

use crate::backend::is_cluster;
use crate::harness::{Answer, Fluxa, Lab, PATIENCE, Setup, Stream, lab};

/// Between two looks at something that has no event of its own.
const LOOK: Duration = Duration::from_millis(10);

/// What a model costs, in nano-dollars a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    pub(crate) input: u64,
    pub(crate) cached: u64,
    pub(crate) output: u64,
}

/// `gpt-4o` in the built-in table.
pub(crate) const GPT_4O: Rates = Rates { input: 2_500, cached: 1_250, output: 10_000 };
/// [`dear_lab`]'s models: five of its answers of a thousand tokens are a dollar.
pub(crate) const DEAR: Rates = Rates { input: 50_000, cached: 50_000, output: 200_000 };

/// A virtual key of a story.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// Issues a key.
pub(crate) async fn key(fluxa: &Fluxa, more: Value) -> Key {
    let issued = fluxa.issued(more).await;
    Key { id: text(&issued["id"]), secret: text(&issued["key"]) }
}

/// A lab with two more models, `dear` (OpenAI dialect) and `dear-claude` (Anthropic's), that cost [`DEAR`].
pub(crate) async fn dear_lab(setup: Setup, config: MockConfig) -> Lab {
    let lab = lab(setup, config).await;
    for (provider, model) in [("openai", "dear"), ("anthropic", "dear-claude")] {
        price(&lab.fluxa, json!({"provider": provider, "model": model, "input_per_mtok": 50, "output_per_mtok": 200})).await;
    }
    lab
}

/// Adds a price and returns its version.
pub(crate) async fn price(fluxa: &Fluxa, row: Value) -> String {
    let (status, answer) = fluxa.admin("POST", "/admin/prices", row).await;
    assert_eq!(status, 201, "{answer}");
    text(&answer["version"])
}

/// Changes a key.
pub(crate) async fn patch_key(fluxa: &Fluxa, key: &Key, change: Value) {
    let (status, answer) = fluxa.admin("PATCH", &format!("/admin/keys/{}", key.id), change).await;
    assert_eq!(status, 200, "{answer}");
}

/// The log rows of a key, oldest first, once there are so many and no call is under way.
pub(crate) async fn rows(fluxa: &Fluxa, key: &Key, count: usize) -> Vec<Value> {
    quiet(fluxa).await;
    let query = format!("key={}", key.id);
    let found = eventually(&format!("{count} rows"), async || {
        let rows = logs(fluxa, &query).await;
        (rows.len() >= count).then_some(rows)
    })
    .await;
    assert_eq!(found.len(), count, "{found:#?}");
    found
}

/// All rows that a filter finds, oldest first.
pub(crate) async fn logs(fluxa: &Fluxa, query: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let (status, page) = fluxa.admin("GET", &format!("/admin/logs?limit=500&{query}{cursor}"), Value::Null).await;
        assert_eq!(status, 200, "{page}");
        found.extend(page["data"].as_array().expect("data").iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    found.reverse();
    found
}

/// Waits until no call runs and every row is in the ledger.
pub(crate) async fn quiet(fluxa: &Fluxa) {
    eventually("quiet", async || {
        let (_, health) = fluxa.admin("GET", "/admin/health", Value::Null).await;
        (health["in_flight"] == 0 && health["ledger"]["waiting_rows"] == 0).then_some(())
    })
    .await;
}

/// Looks again and again until there is something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE / 4;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// `spend` of a key for `daily`, `weekly`, `monthly` or `total`.
pub(crate) async fn spend(fluxa: &Fluxa, key: &Key, period: &str) -> Value {
    let (status, shown) = fluxa.admin("GET", &format!("/admin/keys/{}", key.id), Value::Null).await;
    assert_eq!(status, 200, "{shown}");
    let rows = shown["spend"].as_array().unwrap_or_else(|| panic!("no spend: {shown}"));
    rows.iter().find(|row| row["period"] == period).unwrap_or_else(|| panic!("no {period}: {shown}")).clone()
}

/// What a key used and has reserved in its lifetime: nano-dollars, then tokens.
pub(crate) async fn used(fluxa: &Fluxa, key: &Key) -> [i64; 4] {
    let total = spend(fluxa, key, "total").await;
    ["used_usd_nanos", "reserved_usd_nanos", "used_tokens", "reserved_tokens"].map(|name| number(&total[name]))
}

/// The sum of `cost_nanos`.
pub(crate) fn cost(rows: &[Value]) -> i64 {
    rows.iter().map(|row| number(&row["cost_nanos"])).sum()
}

/// The sum of all tokens in and out.
pub(crate) fn tokens(rows: &[Value]) -> i64 {
    let counted = ["input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "output"];
    rows.iter().flat_map(|row| counted.map(|name| number(&row["usage"][name]))).sum()
}

/// What the mock bills for requests at these prices.
pub(crate) fn billed(records: &[Record], rates: Rates) -> i64 {
    let one = |r: &Record| {
        (r.prompt_tokens - r.cached_tokens) * rates.input + r.cached_tokens * rates.cached + r.completion_tokens * rates.output
    };
    i64::try_from(records.iter().map(one).sum::<u64>()).expect("an amount")
}

/// The bodies that the mock received, as JSON.
pub(crate) fn bodies(mock: &Mock) -> Vec<Value> {
    mock.requests().iter().map(|record| serde_json::from_slice(&record.body).expect("JSON")).collect()
}

/// A call in either dialect, by its model; read to its end.
pub(crate) async fn ask(fluxa: &Fluxa, key: &Key, body: &Value) -> Answer {
    let answer = open(fluxa, key, body).await.rest().await;
    settled(fluxa).await;
    answer
}

/// In a cluster a call is settled a moment after its answer; in one process, with it.
pub(crate) async fn settled(fluxa: &Fluxa) {
    if !is_cluster() {
        return;
    }
    eventually("all calls to be settled", async || {
        let (_, health) = fluxa.admin("GET", "/admin/health", Value::Null).await;
        (health["settles_pending"] == 0).then_some(())
    })
    .await;
}

/// The same, read as it comes.
pub(crate) async fn open(fluxa: &Fluxa, key: &Key, body: &Value) -> Stream {
    let anthropic = body["model"].as_str().is_some_and(|model| model.contains("claude"));
    let path = if anthropic { "/v1/messages" } else { "/v1/chat/completions" };
    fluxa.stream(path, &key.secret, &[], body).await
}

/// A body with one message.
pub(crate) fn body(model: &str, more: Value) -> Value {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": "How much is it?"}]});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("fields").clone());
    body
}

/// Reads `count` events that carry text; false when the stream ended before.
pub(crate) async fn read_texts(stream: &mut Stream, count: usize) -> bool {
    let mut seen = 0;
    while seen < count {
        let Some(event) = stream.event().await else { return false };
        let is_text = event.contains(r#""content":"w"#) || event.contains(r#""content":" w"#) || event.contains("text_delta");
        seen += usize::from(is_text);
    }
    true
}

pub(crate) fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("not a whole number: {value}"))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}
