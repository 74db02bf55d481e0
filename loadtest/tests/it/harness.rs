//! A mock and a client for it: what every story needs.

use fluxa_loadtest::{
    client::{Buffer, Connection, Failure, Target},
    vendor::{Mock, MockConfig},
};
use serde_json::{Value, json};

/// An answer as it came, whether or not it came to its end.
pub(crate) struct Got {
    pub(crate) ended: Result<u16, Failure>,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// How many reads brought a part of the body.
    pub(crate) parts: usize,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        assert!(self.ended.is_ok(), "{:?}", self.ended);
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The events of a stream: the `event:` line (empty without), and the data.
    pub(crate) fn events(&self) -> Vec<(String, String)> {
        let text = self.text();
        let blocks = text.split("\n\n").filter(|block| !block.is_empty());
        let event = |block: &str| {
            let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
            (line("event: "), line("data: "))
        };
        blocks.map(event).collect()
    }

    /// The data of all events but `[DONE]`.
    pub(crate) fn chunks(&self) -> Vec<Value> {
        self.events().iter().filter(|(_, data)| data != "[DONE]").map(|(_, data)| serde_json::from_str(data).unwrap()).collect()
    }
}

pub(crate) async fn mock() -> Mock {
    Mock::start(MockConfig::default()).await.unwrap()
}

/// Posts to a path with more headers.
pub(crate) async fn post_with(mock: &Mock, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
    let target = Target { addr: mock.addr(), host: mock.addr().to_string(), path: path.to_owned() };
    let headers: Vec<(String, String)> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let request = target.post(&headers, body);
    exchange(mock, &request).await
}

pub(crate) async fn get(mock: &Mock, path: &str, headers: &str) -> Got {
    let request = format!("GET {path} HTTP/1.1\r\nhost: mock\r\n{headers}\r\n");
    exchange(mock, request.as_bytes()).await
}

/// Posts to the chat endpoint with an `x-mock` header.
pub(crate) async fn chat(mock: &Mock, options: &str, body: Value) -> Got {
    let headers = [("authorization", "Bearer sk-test"), ("x-mock", options)];
    post_with(mock, "/v1/chat/completions", &headers, &body.to_string()).await
}

/// Posts to Anthropic's endpoint with an `x-mock` header.
pub(crate) async fn messages(mock: &Mock, options: &str, body: Value) -> Got {
    let headers = [("x-api-key", "sk-ant-test"), ("anthropic-version", "2023-06-01"), ("x-mock", options)];
    post_with(mock, "/v1/messages", &headers, &body.to_string()).await
}

/// A request with one user message.
pub(crate) fn ask(text: &str, more: Value) -> Value {
    let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn exchange(mock: &Mock, request: &[u8]) -> Got {
    let (mut body, mut parts, mut status) = (Vec::new(), 0, 0);
    let mut connection = Connection::new(mock.addr(), Buffer::default());
    let ended = connection
        .exchange(request, |seen, part| {
            body.extend_from_slice(part);
            parts += 1;
            status = seen;
        })
        .await;
    Got { status: ended.unwrap_or(status), ended, body, parts }
}
