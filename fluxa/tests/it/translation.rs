//! Calls whose client and vendor speak different dialects, byte by byte: shapes, ends, breaks, and who pays for what.

use fluxa_loadtest::vendor::{Mock, MockConfig, Record};
use serde_json::{Value, json};

use crate::harness::{Answer, Fluxa, Setup, Stream, VENDOR_KEY};

const KINDS: [&str; 4] = ["openai", "anthropic", "gemini", "bedrock"];
const CLIENTS: [Client; 4] = [Client::Chat, Client::Responses, Client::Messages, Client::Gemini];

/// A client's way to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Chat,
    Responses,
    Messages,
    Gemini,
}

impl Client {
    fn request(self, model: &str, text: &str, stream: bool) -> (String, Value) {
        let messages = json!([{"role": "user", "content": text}]);
        match self {
            Self::Chat => ("/v1/chat/completions".to_owned(), json!({"model": model, "messages": messages, "stream": stream})),
            Self::Responses => ("/v1/responses".to_owned(), json!({"model": model, "input": text, "stream": stream})),
            Self::Messages => {
                ("/v1/messages".to_owned(), json!({"model": model, "max_tokens": 640, "messages": messages, "stream": stream}))
            }
            Self::Gemini => {
                let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                (format!("/v1beta/models/{model}:{method}"), json!({"contents": [{"role": "user", "parts": [{"text": text}]}]}))
            }
        }
    }

    /// The name of its dialect in a row.
    fn dialect(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses => "openai",
            Self::Messages => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// The text of a whole answer.
    fn text(self, answer: &Value) -> String {
        let found = match self {
            Self::Chat => &answer["choices"][0]["message"]["content"],
            Self::Responses => &answer["output"][0]["content"][0]["text"],
            Self::Messages => &answer["content"][0]["text"],
            Self::Gemini => &answer["candidates"][0]["content"]["parts"][0]["text"],
        };
        found.as_str().unwrap_or_default().to_owned()
    }

    /// The text in one event of a stream.
    fn delta(self, event: &Value) -> String {
        let found = match self {
            Self::Chat => &event["choices"][0]["delta"]["content"],
            Self::Responses if event["type"] == "response.output_text.delta" => &event["delta"],
            Self::Messages => &event["delta"]["text"],
            Self::Gemini => &event["candidates"][0]["content"]["parts"][0]["text"],
            Self::Responses => &Value::Null,
        };
        found.as_str().unwrap_or_default().to_owned()
    }

    /// Whether an event says that all is said.
    fn is_end(self, event: &str) -> bool {
        let json: Value = serde_json::from_str(event).unwrap_or_default();
        match self {
            Self::Chat => event == "[DONE]" || json["choices"][0]["finish_reason"].is_string(),
            Self::Responses => json["type"] == "response.completed",
            Self::Messages => json["type"] == "message_stop",
            Self::Gemini => json["candidates"][0]["finishReason"].is_string(),
        }
    }
}

/// A program before a mock, with a provider of every kind, and a key.
struct Town {
    fluxa: Fluxa,
    mock: Mock,
    key: String,
}

impl Town {
    async fn new() -> Self {
        let fluxa = Fluxa::start(Setup::default()).await;
        let mock = Mock::start(MockConfig::default()).await.expect("the mock starts");
        let key = fluxa.key(json!({})).await;
        Self { fluxa, mock, key }
    }

    /// A model at a vendor of this kind, which behaves so; none where client and vendor speak alike.
    async fn model(&self, client: Client, kind: &str, options: &str) -> Option<String> {
        // OpenAI itself has responses; 01.AI, whose dialect is the same, has none.
        let row = if client == Client::Responses && kind == "openai" { "zero-one" } else { kind };
        if client.dialect() == row {
            return None;
        }
        let name = format!("{kind}-{client:?}-{}", options.chars().filter(char::is_ascii_alphanumeric).collect::<String>()).to_lowercase();
        let host = format!("http://{}", self.mock.addr());
        let base = match kind {
            "openai" => format!("{host}/v1"),
            "gemini" => format!("{host}/v1beta"),
            _ => host,
        };
        let more = match kind {
            "bedrock" => json!({"region": "eu-west-1", "access_key_id": "AKIDEXAMPLE", "api_key": null,
                "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}),
            _ => json!({}),
        };
        let headers = json!({"headers": {"x-mock": format!("usage_unasked=1;{options}")}});
        self.fluxa.provider(&name, row, &base, crate::harness::with(more, headers)).await;
        let model = format!("model-{name}");
        self.fluxa.route(&model, json!({"provider": name, "retries": 0})).await;
        Some(model)
    }

    async fn ask(&self, client: Client, model: &str, text: &str, stream: bool) -> Answer {
        let (path, body) = client.request(model, text, stream);
        self.fluxa.call(&path, &self.key, &[], &body).await
    }

    async fn open(&self, client: Client, model: &str, text: &str) -> Stream {
        let (path, body) = client.request(model, text, true);
        self.fluxa.stream(&path, &self.key, &[], &body).await
    }

    fn last(&self) -> Record {
        self.mock.requests().pop().expect("a request")
    }
}

#[tokio::test]
async fn every_client_is_answered_over_every_vendor_in_its_own_shape() {
    let town = Town::new().await;
    for client in CLIENTS {
        for kind in KINDS {
            let Some(model) = town.model(client, kind, "cached_tokens=1;prompt_tokens=9").await else { continue };
            let what = format!("{client:?} over {kind}");
            let whole = town.ask(client, &model, "one two three", false).await;
            assert_eq!((whole.status, whole.header("content-type")), (200, Some("application/json")), "{what}: {}", whole.text());
            assert_eq!(client.text(&whole.json()), "one two three", "{what}");
            let streamed = town.ask(client, &model, "one two three", true).await;
            assert_eq!(streamed.header("content-type").map(|kind| kind.starts_with("text/event-stream")), Some(true), "{what}");
            let events = streamed.events();
            assert!(streamed.complete && client.is_end(&events[events.len() - 1]), "{what}: {}", streamed.text());
            let parsed = events.iter().map(|event| serde_json::from_str(event).unwrap_or_default());
            assert_eq!(parsed.map(|event: Value| client.delta(&event)).collect::<String>(), "one two three", "{what}");
            for answer in [whole, streamed] {
                let row = town.fluxa.log_row(&answer.id()).await;
                assert_eq!((&row["dialect_in"], &row["dialect_out"]), (&json!(client.dialect()), &json!(kind)), "{what}");
                assert_eq!(row["usage_state"], "reported", "{what}");
                let counts = ["input_uncached", "cache_read", "output"].map(|name| row["usage"][name].as_u64());
                assert_eq!(counts, [Some(8), Some(1), Some(3)], "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_the_clients_error_and_no_end() {
    let town = Town::new().await;
    for client in CLIENTS {
        for kind in KINDS {
            // Broken by the connection, by the vendor's word, and at its very end: only the last frames are missing.
            for options in ["events=40;abort_after_bytes=2500", "events=40;error_after_events=3"] {
                let Some(model) = town.model(client, kind, options).await else { continue };
                let what = format!("{client:?} over {kind}, {options}");
                let answer = town.ask(client, &model, "hello", true).await;
                assert_eq!(answer.status, 200, "{what}");
                let events = answer.events();
                assert!(!events.iter().any(|event| client.is_end(event)), "{what}: {}", answer.text());
                let last: Value = serde_json::from_str(&events[events.len() - 1]).unwrap_or_default();
                let error = if client == Client::Responses { &last["response"]["error"] } else { &last["error"] };
                assert!(error["message"].is_string(), "{what}: {last}");
                let text: String = events.iter().map(|event| client.delta(&serde_json::from_str(event).unwrap_or_default())).collect();
                assert!(text.starts_with("w0 w1 w2"), "{what}: {text}");
                let row = town.fluxa.log_row(&answer.id()).await;
                assert!(row["cost_nanos"].as_i64() >= Some(0) && row["usage_state"] == "estimated", "{what}: {row}");
            }
        }
    }
}

#[tokio::test]
async fn a_stream_is_the_same_however_it_is_cut() {
    const SAID: &str = "\u{e9}\u{65e5}\u{1f980} two \"three\"";
    let town = Town::new().await;
    for client in CLIENTS {
        for kind in KINDS {
            for cut in [0, 1, 3, 17] {
                let Some(model) = town.model(client, kind, &format!("chunk_bytes={cut}")).await else { continue };
                let answer = town.ask(client, &model, SAID, true).await;
                let events: Vec<Value> = answer.events().iter().map(|event| serde_json::from_str(event).unwrap_or_default()).collect();
                assert_eq!(events.iter().map(|event| client.delta(event)).collect::<String>(), SAID, "{client:?} over {kind}, {cut}");
                assert!(answer.events().last().is_some_and(|event| client.is_end(event)), "{client:?} over {kind}, {cut}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_vendor_and_pays_for_what_it_got() {
    let town = Town::new().await;
    for (client, kind) in
        [(Client::Chat, "anthropic"), (Client::Messages, "gemini"), (Client::Gemini, "bedrock"), (Client::Responses, "openai")]
    {
        let model = town.model(client, kind, "events=5000;interval_ms=5").await.expect("they differ");
        town.mock.clear();
        let mut stream = town.open(client, &model, "count").await;
        stream.read_bytes(2000).await;
        let id = stream.head().id();
        drop(stream);
        let bill = town.mock.until(|bill| bill.client_gone == 1).await.expect("the vendor is left too");
        let row = town.fluxa.log_row(&id).await;
        assert_eq!((&row["client_closed"], &row["usage_state"]), (&json!(true), &json!("estimated")), "{client:?} over {kind}");
        let output = row["usage"]["output"].as_u64().unwrap_or_default();
        assert!(output > 0 && output <= 4 * bill.completion_tokens, "{output} of {}", bill.completion_tokens);
    }
}

#[tokio::test]
async fn googles_client_may_want_a_list_and_send_its_key_in_the_address() {
    let town = Town::new().await;
    for kind in ["openai", "anthropic", "bedrock", "gemini"] {
        // Alike or not, a list is what comes.
        let model = match town.model(Client::Gemini, kind, "prompt_tokens=9").await {
            Some(model) => model,
            None => {
                town.fluxa.provider("native", "gemini", &format!("http://{}/v1beta", town.mock.addr()), json!({})).await;
                town.fluxa.route("native-model", json!("native")).await;
                "native-model".to_owned()
            }
        };
        let body = json!({"contents": [{"parts": [{"text": "one two"}]}]}).to_string();
        let path = format!("/v1beta/models/{model}:streamGenerateContent?key={}", town.key);
        let answer = town.fluxa.send("POST", &path, &[("content-type", "application/json")], body.as_bytes()).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{kind}: {}", answer.text());
        let chunks = answer.json();
        let texts: String = chunks.as_array().expect("a list").iter().map(|chunk| Client::Gemini.delta(chunk)).collect();
        assert_eq!(texts, "one two", "{kind}");
        let seen = town.last();
        let told = format!("{} {:?}", seen.path, seen.headers);
        assert!(!told.contains(&town.key) && !seen.path.contains("key="), "{told}");
        if kind != "bedrock" {
            assert!(seen.auth.is_some_and(|auth| auth.ends_with(VENDOR_KEY)));
        }
    }
    let refused = town.fluxa.send("POST", "/v1beta/models/native-model:generateContent?key=vk-nobody", &[], b"{}").await;
    assert_eq!((refused.status, &refused.json()["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
    assert!(!town.fluxa.logs_text().contains(&town.key));
}
