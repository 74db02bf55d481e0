//! Messages of a channel, over a connection of its own.
//!
//! The invariant: when messages may have been lost, the subscription ends; whoever subscribes again knows that.

use std::time::Duration;

use futures_util::StreamExt as _;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::time::timeout;

use super::Link;
use super::dial::{CONNECT_TIMEOUT, within};
use super::fault::Fault;

/// A connection that was silent for so long is tried; what is half-open never says so by itself.
const SILENCE: Duration = Duration::from_secs(2);

/// The messages of one channel, from the subscription on.
pub struct Subscription {
    sink: PubSubSink,
    stream: PubSubStream,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

impl Link {
    /// Subscribes to a channel.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn subscribe(&self, channel: &str) -> Result<Subscription, Fault> {
        let (_, client) = self.inner.dial.client().await?;
        let (mut sink, stream) = within(CONNECT_TIMEOUT, client.get_async_pubsub()).await?.split();
        within(CONNECT_TIMEOUT, sink.subscribe(channel)).await?;
        Ok(Subscription { sink, stream })
    }
}

impl Subscription {
    /// The next message; `None` when the connection is gone, and messages with it.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Ok(message) = timeout(SILENCE, self.stream.next()).await {
                return Some(message?.get_payload_bytes().to_vec());
            }
            within(CONNECT_TIMEOUT, self.sink.ping::<redis::Value>()).await.ok()?;
        }
    }
}
