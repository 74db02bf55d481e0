//! Asks a provider for its models: the cheapest question there is that needs the address, the key and the protocol to be right.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fluxa_domain::net::EgressPolicy;
use fluxa_domain::provider::Provider;
use fluxa_domain::vendors::Style;
use fluxa_wire::address::{AddressStyle, target};
use hyper::Method;
use hyper::header::HeaderMap;

use crate::head::RequestHead;
use crate::health::Health;
use crate::settings::Settings;
use crate::snapshot::{Door, ProviderView};
use crate::upstream::{Ask, Connector, Pool, Progress, Scratch, Timers, TlsSetup, exchange};

/// The whole probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a model list that are read.
const MAX_LIST_BYTES: usize = 8 * 1024 * 1024;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeReport {
    /// The provider answers as it should.
    pub ok: bool,
    /// Its HTTP status, if it answered.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
    /// What is wrong and what to do, or what was found.
    pub message: String,
    /// Models that it lists.
    pub models: Option<u64>,
}

impl ProbeReport {
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self { ok: false, status: None, latency_ms: 0, message: message.into(), models: None }
    }
}

/// Asks a provider that need not be stored: what `fluxa check` does.
pub async fn probe(provider: Provider, settings: Settings) -> ProbeReport {
    let kind = provider.record.kind.clone();
    match ProviderView::build(provider, &settings, &Health::default()) {
        Some(view) => run(Arc::new(view), settings.egress).await,
        None => ProbeReport::bad(format!("kind {kind} is not known")),
    }
}

/// Runs the probe on a thread of its own, as the client of vendors is made for one thread.
pub(crate) async fn run(provider: Arc<ProviderView>, egress: EgressPolicy) -> ProbeReport {
    let probing = tokio::task::spawn_blocking(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return ProbeReport::bad(format!("cannot probe: {error}")),
        };
        runtime.block_on(async {
            let asking = tokio::time::timeout(PROBE_TIMEOUT, ask(&provider, egress)).await;
            asking.unwrap_or_else(|_| ProbeReport::bad("no answer within 10 seconds: check the address"))
        })
    });
    probing.await.unwrap_or_else(|_| ProbeReport::bad("the probe failed"))
}

async fn ask(provider: &ProviderView, egress: EgressPolicy) -> ProbeReport {
    let Some(door) = provider.door(provider.vendor.dialect) else {
        return ProbeReport::bad("has no address: set its base_url");
    };
    if door.is_signed() && provider.keys.is_empty() {
        return connect(provider, door, egress).await;
    }
    let style = match door.style {
        Style::AnthropicV1 => AddressStyle::AnthropicV1,
        Style::Azure => AddressStyle::ResourceV1,
        Style::Plain | Style::Gemini | Style::Bedrock => AddressStyle::Plain,
    };
    let path = target(style, &door.base_path, "models", "", None, None);
    let head = RequestHead {
        method: &Method::GET,
        target: &path,
        door,
        provider,
        key: provider.keys.first(),
        client: &HeaderMap::new(),
        content_type: "",
        body_bytes: 0,
        needs_version: door.style == Style::AnthropicV1,
        more: &[],
    }
    .write();
    let connector = Connector { egress, tls: Arc::new(TlsSetup::default()) };
    let (pool, scratch) = (Rc::new(Pool::default()), Scratch::new());
    let timers = Timers { connect: provider.connect_timeout, first_byte: provider.first_byte_timeout };
    let began = Instant::now();
    let answer = exchange(&connector, &pool, &scratch, Ask { origin: &door.origin, head, body: &[] }, timers).await;
    let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(fault) => return ProbeReport { latency_ms, ..ProbeReport::bad(fault.to_string()) },
    };
    answer.unpack();
    let status = answer.head.status;
    let mut body = Vec::new();
    loop {
        let read = std::future::poll_fn(|cx| answer.body.poll_data(cx, &scratch, |data| body.extend_from_slice(data))).await;
        if !matches!(read, Ok(Progress::Data)) || body.len() > MAX_LIST_BYTES {
            break;
        }
    }
    let (ok, message, models) = judge(status, &body);
    ProbeReport { ok, status: Some(status), latency_ms, message, models }
}

/// Where requests are signed, the list of models is at another host: only the way there is tried.
async fn connect(provider: &ProviderView, door: &Door, egress: EgressPolicy) -> ProbeReport {
    let connector = Connector { egress, tls: Arc::new(TlsSetup::default()) };
    let began = Instant::now();
    let connected = connector.connect(&door.origin, provider.connect_timeout).await;
    let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match connected {
        Ok(_) => {
            let message = String::from("can be reached; the credentials are proved by the first call");
            ProbeReport { ok: true, status: None, latency_ms, message, models: None }
        }
        Err(error) => ProbeReport { latency_ms, ..ProbeReport::bad(error.to_string()) },
    }
}

fn judge(status: u16, body: &[u8]) -> (bool, String, Option<u64>) {
    let list: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let count = list
        .as_ref()
        .and_then(|list| list.get("data").or_else(|| list.get("models")).unwrap_or(list).as_array())
        .map(|models| models.len() as u64);
    match (status, count) {
        (200, Some(count)) => (true, format!("answers, and lists {count} models"), Some(count)),
        (200, None) => (false, String::from("answers, but not as an API of this kind does: check the base address"), None),
        (401 | 403, _) => (false, String::from("answers, but refuses the key: check the API key and the region"), None),
        (404 | 405, _) => (true, String::from("answers; it has no list of models, so the key could not be checked"), None),
        (300..=399, _) => (false, String::from("answers with a redirect, which is never followed: use the address it points to"), None),
        _ => (false, format!("answers with status {status}"), None),
    }
}
