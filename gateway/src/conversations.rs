//! Responses that clients go on with by `previous_response_id`, at vendors that keep none themselves.
//!
//! What was said so far is kept as items, sealed, for the key that said it, until it expires; a short memory bridges the moment until
//! it is written. Vendors with responses of their own keep their own. Start at [`Conversations::resume`].

use std::sync::Arc;
use std::time::Duration;

use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::time::Micros;
use fluxa_store::Store;
use fluxa_wire::body::fields::Outline;
use fluxa_wire::client::responses::{items_of_answer, items_of_request, previous_response_id, with_history};
use moka::sync::Cache;
use serde_json::{Value, json};

use crate::worker::Worker;

/// A conversation larger than this is not kept: pictures are in it as text.
const MAX_KEPT_BYTES: usize = 8 * 1024 * 1024;
/// Conversations on their way to the database, and those just written: clients go on within seconds.
const MAX_RECENT_BYTES: u64 = 32 * 1024 * 1024;
const RECENT_FOR: Duration = Duration::from_secs(120);

/// The conversations of all clients.
#[derive(Debug)]
pub(crate) struct Conversations {
    recent: Cache<(String, String), Arc<Vec<u8>>>,
    keep_for: Option<Duration>,
}

/// A conversation that is kept once its answer is there.
#[derive(Debug)]
pub(crate) struct Keeping {
    key_id: String,
    items: Vec<Value>,
    expires_at: Micros,
}

impl Conversations {
    pub(crate) fn new(keep_for: Option<Duration>) -> Self {
        let weigh = |_: &(String, String), plain: &Arc<Vec<u8>>| u32::try_from(plain.len()).unwrap_or(u32::MAX);
        Self { recent: Cache::builder().max_capacity(MAX_RECENT_BYTES).weigher(weigh).time_to_live(RECENT_FOR).build(), keep_for }
    }

    /// The body with what was said before in front of its own input; nothing where it goes on from no response.
    ///
    /// # Errors
    /// [`RefusalKind::InvalidRequest`] where nothing is kept under the id (any more) for this key.
    pub(crate) async fn resume(&self, store: &Store, key_id: &str, body: &[u8], now: Micros) -> Result<Option<Vec<u8>>, Refusal> {
        let Some(id) = previous_response_id(body) else { return Ok(None) };
        let unknown = || {
            let text = "no response is kept under this previous_response_id for this key: it may have expired, or store was false";
            let mut refusal = Refusal::new(RefusalKind::InvalidRequest, text).param("previous_response_id");
            refusal.code = Some("previous_response_not_found".into());
            refusal
        };
        let kept = self.find(store, key_id, &id, now).await?.ok_or_else(unknown)?;
        let items = kept.get("items").and_then(Value::as_array).ok_or_else(unknown)?;
        Ok(Some(with_history(body, items)))
    }

    /// The response object that a client was given under this id.
    pub(crate) async fn response(&self, store: &Store, key_id: &str, id: &str, now: Micros) -> Result<Option<Value>, Refusal> {
        Ok(self.find(store, key_id, id, now).await?.and_then(|mut kept| kept.get_mut("response").map(Value::take)))
    }

    /// Forgets a response; false where there is none of this key.
    pub(crate) async fn forget(&self, store: &Store, key_id: &str, id: &str) -> Result<bool, Refusal> {
        let recent = self.recent.remove(&(key_id.to_owned(), id.to_owned())).is_some();
        let written = store.forget_response(id, key_id).await.map_err(|error| unreadable(&error))?;
        Ok(recent || written)
    }

    async fn find(&self, store: &Store, key_id: &str, id: &str, now: Micros) -> Result<Option<Value>, Refusal> {
        if let Some(plain) = self.recent.get(&(key_id.to_owned(), id.to_owned())) {
            return Ok(serde_json::from_slice(&plain).ok());
        }
        let written = store.response(id, key_id, now).await.map_err(|error| unreadable(&error))?;
        Ok(written.and_then(|plain| serde_json::from_slice(plain.expose()).ok()))
    }

    /// What is to be kept of a call; nothing where the client or the operator does not want it.
    pub(crate) fn keeping(&self, key_id: &str, outline: &Outline, body: &[u8], now: Micros) -> Option<Keeping> {
        let keep_for = self.keep_for.filter(|_| outline.store != Some(false))?;
        let expires_at = Micros(now.0.saturating_add(i64::try_from(keep_for.as_micros()).unwrap_or(i64::MAX)));
        (body.len() <= MAX_KEPT_BYTES).then(|| Keeping { key_id: key_id.to_owned(), items: items_of_request(body), expires_at })
    }
}

impl Keeping {
    /// Keeps the conversation with the finished `response` at its end. The database is not waited for.
    pub(crate) fn keep(mut self, worker: &Worker, response: &[u8]) {
        let Ok(answer) = serde_json::from_slice::<Value>(response) else { return };
        let Some(id) = answer.get("id").and_then(Value::as_str).map(str::to_owned) else { return };
        self.items.extend(items_of_answer(response));
        let plain = json!({"items": self.items, "response": answer}).to_string().into_bytes();
        if plain.len() > MAX_KEPT_BYTES {
            return;
        }
        let plain = Arc::new(plain);
        worker.gateway.conversations.recent.insert((self.key_id.clone(), id.clone()), Arc::clone(&plain));
        let store = Arc::clone(&worker.gateway.store);
        worker.tasks.spawn(async move {
            if let Err(error) = store.keep_response(&id, &self.key_id, self.expires_at, &plain).await {
                tracing::warn!(%error, "a response could not be kept: its client cannot go on with it for long");
            }
        });
    }

    /// The same for a stream: `frames` is its end, which holds the whole response. Where it does not, the end may be still to come.
    pub(crate) fn keep_stream(self, worker: &Worker, frames: &[u8]) -> Option<Self> {
        let Some(response) = last_response(frames) else { return Some(self) };
        self.keep(worker, response.to_string().as_bytes());
        None
    }
}

/// The response in the last event of a stream that came to its end, be it the answer's own or the bound's.
fn last_response(frames: &[u8]) -> Option<Value> {
    const LAST: [&[u8]; 2] = [b"event: response.completed\ndata: ", b"event: response.incomplete\ndata: "];
    let at = LAST.iter().find_map(|last| Some(memchr::memmem::rfind(frames, last)? + last.len()))?;
    let rest = frames.get(at..)?;
    let line = rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len()))?;
    serde_json::from_slice::<Value>(line).ok()?.get_mut("response").map(Value::take)
}

fn unreadable(error: &fluxa_store::StoreError) -> Refusal {
    tracing::error!(%error, "kept responses cannot be read");
    Refusal::new(RefusalKind::BudgetStoreUnavailable, "kept responses cannot be read at the moment").retry_after(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_event_of_a_stream_holds_the_response() {
        let id = |frames: &str| last_response(frames.as_bytes()).map(|response| response["id"].clone());
        let created = "event: response.created\ndata: {\"response\":{\"id\":\"r\"}}\n\n";
        assert_eq!(id(created), None);
        for last in ["completed", "incomplete"] {
            let frames = format!("{created}event: response.{last}\ndata: {{\"response\":{{\"id\":\"{last}\"}}}}\n\n");
            assert_eq!(id(&frames), Some(json!(last)));
        }
        assert_eq!(id("event: response.completed\ndata: {\"respo"), None);
    }
}
