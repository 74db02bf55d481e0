//! Notices to all processes, by publishing them in Redis.
//!
//! A notice is a hint and may be lost; whenever it may have been, subscribers get [`Notice::resync`]. The invariants: revisions
//! never go backwards, nothing is delivered twice. Never done here: carrying the change itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fluxa_domain::change::Revision;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::link::{Link, Script, Subscription, Task, jitter};
use crate::shared::BoxFuture;
use crate::shared::bulletin::{Bulletin, MemoryBulletin, Notice, NoticeStream};

/// Where notices are published.
const CHANNEL: &str = "fluxa:bulletin";

/// The highest revision that was announced, for who comes later.
const REVISION: &str = "fluxa:revision";

/// Messages that are remembered, to know them when they come twice.
const REMEMBERED: usize = 256;

/// More keys than this are not named: forgetting everything is cheaper than such a message.
const MAX_KEYS: usize = 10_000;

/// Between two attempts to subscribe: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

const ANNOUNCE: &str = r"
local known = tonumber(redis.call('GET', KEYS[1]) or '0')
if tonumber(ARGV[1]) > known then redis.call('SET', KEYS[1], ARGV[1]) end
return redis.call('PUBLISH', ARGV[2], ARGV[3])";

/// The bulletin of a cluster.
#[derive(Debug)]
pub struct RedisBulletin {
    link: Link,
    local: Arc<MemoryBulletin>,
    announce: Script,
    /// This process among all, so that it knows its own messages.
    origin: String,
    sent: AtomicU64,
    _listener: Task,
}

/// What is published.
#[derive(Serialize, Deserialize)]
struct Message {
    origin: String,
    number: u64,
    revision: i64,
    keys: Vec<String>,
    #[serde(default)]
    resync: bool,
}

/// What is known of messages that came.
#[derive(Default)]
struct Seen {
    recent: VecDeque<(String, u64)>,
    revision: i64,
}

impl RedisBulletin {
    /// Subscribes in the background, on the runtime of the caller.
    #[must_use]
    pub fn new(link: Link) -> Self {
        let local = Arc::new(MemoryBulletin::new());
        let mut random = [0; 16];
        // Without randomness all origins are the same, and notices of others are lost: polling repairs that.
        if let Err(error) = getrandom::fill(&mut random) {
            tracing::error!("no random numbers: notices of other processes are not told from our own: {error}");
        }
        let origin = uuid::Uuid::from_bytes(random).simple().to_string();
        let listener = Task::start(listen(link.clone(), Arc::clone(&local), origin.clone()));
        Self { link, local, announce: Script::new(ANNOUNCE), origin, sent: AtomicU64::new(0), _listener: listener }
    }

    async fn publish(&self, notice: &Notice) {
        let resync = notice.is_resync() || notice.keys.len() > MAX_KEYS;
        let message = Message {
            origin: self.origin.clone(),
            number: self.sent.fetch_add(1, Ordering::Relaxed),
            revision: notice.revision.0,
            keys: if resync { Vec::new() } else { notice.keys.clone() },
            resync,
        };
        let Ok(text) = serde_json::to_vec(&message) else { return };
        let revision = notice.revision.0.to_string();
        let published = self.link.script(&self.announce, &[REVISION], &[revision.as_bytes(), CHANNEL.as_bytes(), &text]).await;
        if let Err(fault) = published {
            tracing::warn!(
                revision = notice.revision.0,
                "revision {} is not announced, others will find it in the database: {fault}",
                notice.revision.0
            );
        }
    }
}

impl Bulletin for RedisBulletin {
    fn announce(&self, notice: Notice) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            tokio::join!(self.publish(&notice), self.local.announce(notice.clone()));
        })
    }

    fn subscribe(&self) -> NoticeStream {
        self.local.subscribe()
    }
}

async fn listen(link: Link, local: Arc<MemoryBulletin>, origin: String) {
    let mut seen = Seen::default();
    let mut changes = link.server_changes();
    let mut wait = RETRY.0;
    loop {
        match link.subscribe(CHANNEL).await {
            Ok(subscription) => {
                wait = RETRY.0;
                local.post(&Notice::resync());
                tokio::select! {
                    () = hear(subscription, &local, &origin, &mut seen) => {}
                    // Messages are published where the masters are now.
                    _ = changes.changed() => {}
                }
            }
            Err(fault) => {
                tracing::debug!("cannot subscribe to notices: {fault}");
                wait = (wait * 2).min(RETRY.1);
            }
        }
        sleep(wait * (896 + u32::from(jitter())) / 1024).await;
    }
}

async fn hear(mut subscription: Subscription, local: &MemoryBulletin, origin: &str, seen: &mut Seen) {
    while let Some(text) = subscription.next().await {
        match serde_json::from_slice::<Message>(&text) {
            Ok(message) if message.origin == origin => {}
            Ok(message) => {
                if let Some(notice) = seen.notice(message) {
                    local.post(&notice);
                }
            }
            // A newer version may say more than this one understands.
            Err(_) => local.post(&Notice::resync()),
        }
    }
}

impl Seen {
    /// What subscribers are told of a message; nothing, when they were.
    fn notice(&mut self, message: Message) -> Option<Notice> {
        let id = (message.origin, message.number);
        if self.recent.contains(&id) {
            return None;
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(id);
        self.revision = self.revision.max(message.revision);
        Some(if message.resync { Notice::resync() } else { Notice { revision: Revision(self.revision), keys: message.keys } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_and_late_messages_never_go_backwards() {
        let mut seen = Seen::default();
        let mut told = |number: u64, revision: i64| {
            let message = Message { origin: String::from("a"), number, revision, keys: vec![format!("k{revision}")], resync: false };
            seen.notice(message).map(|notice| (notice.revision.0, notice.keys))
        };
        assert_eq!(told(1, 6), Some((6, vec![String::from("k6")])));
        assert_eq!(told(1, 6), None);
        assert_eq!(told(0, 5), Some((6, vec![String::from("k5")])), "its keys are news, its revision is not");
        for number in 2..500 {
            assert!(told(number, 7).is_some());
        }
        assert!(seen.recent.len() <= REMEMBERED);
    }
}
