//! Notices that the configuration changed. A hint: the revision in the database is the truth, and every node polls it.
//!
//! Never done here: carrying the change itself. A notice that is lost costs seconds, never correctness.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fluxa_domain::change::Revision;
use tokio::sync::mpsc;

use crate::shared::BoxFuture;

/// How long `announce` waits for subscribers in this process. They reload in a few milliseconds; one that hangs must not hang
/// the operator's change.
pub const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_millis(500);

/// Notices that wait for a slow subscriber; what does not fit is dropped, polling the revision repairs it.
const BACKLOG: usize = 64;

/// What changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// The configuration's new number.
    pub revision: Revision,
    /// Ids of the virtual keys that changed or went; forget what is cached of them.
    pub keys: Vec<String>,
}

impl Notice {
    /// Notices may have been lost: look into the database, and forget all that is cached of keys.
    #[must_use]
    pub const fn resync() -> Self {
        Self { revision: Revision(0), keys: Vec::new() }
    }

    /// Whether it is [`Notice::resync`]: revisions begin at 1.
    #[must_use]
    pub const fn is_resync(&self) -> bool {
        self.revision.0 == 0
    }
}

/// A notice that waits to be applied. Dropping it says that it is.
#[derive(Debug)]
pub struct Delivery {
    /// What changed.
    pub notice: Notice,
    /// Closed when dropped, which is all that the announcer waits for.
    _acknowledge: Option<mpsc::Sender<()>>,
}

/// The notices for one subscriber, from its subscription on.
#[derive(Debug)]
pub struct NoticeStream {
    queue: mpsc::Receiver<Delivery>,
}

impl NoticeStream {
    /// The next notice; apply it, then drop it. `None` when the bulletin is gone.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.queue.recv().await
    }
}

/// Tells every node that the configuration changed.
pub trait Bulletin: Send + Sync {
    /// Sends a notice to all nodes; returns when the subscribers of this process have applied it, or after 500 ms.
    fn announce(&self, notice: Notice) -> BoxFuture<'_, ()>;

    /// Subscribes to the notices from now on.
    fn subscribe(&self) -> NoticeStream;
}

/// The bulletin of a single process.
#[derive(Debug, Default)]
pub struct MemoryBulletin {
    subscribers: Mutex<Vec<mpsc::Sender<Delivery>>>,
}

impl MemoryBulletin {
    /// A bulletin nobody has subscribed to.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells the subscribers, and waits for none.
    pub(crate) fn post(&self, notice: &Notice) {
        self.deliver(notice, None);
    }

    fn deliver(&self, notice: &Notice, acknowledge: Option<&mpsc::Sender<()>>) {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| {
            let delivery = Delivery { notice: notice.clone(), _acknowledge: acknowledge.cloned() };
            !matches!(subscriber.try_send(delivery), Err(mpsc::error::TrySendError::Closed(_)))
        });
    }
}

impl Bulletin for MemoryBulletin {
    fn announce(&self, notice: Notice) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let (acknowledge, mut acknowledged) = mpsc::channel(1);
            self.deliver(&notice, Some(&acknowledge));
            drop(acknowledge);
            // Nothing is ever sent: the channel closes when the last delivery is dropped.
            let late = tokio::time::timeout(ACKNOWLEDGE_TIMEOUT, acknowledged.recv()).await.is_err();
            if late {
                tracing::warn!(revision = notice.revision.0, "a subscriber has not applied revision {} yet", notice.revision.0);
            }
        })
    }

    fn subscribe(&self) -> NoticeStream {
        let (sender, queue) = mpsc::channel(BACKLOG);
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        NoticeStream { queue }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn notice(revision: i64) -> Notice {
        Notice { revision: Revision(revision), keys: vec![String::from("k")] }
    }

    #[tokio::test]
    async fn announce_returns_after_every_subscriber_has_applied() {
        let bulletin = Arc::new(MemoryBulletin::new());
        let (mut first, mut second) = (bulletin.subscribe(), bulletin.subscribe());
        let applied = Arc::new(Mutex::new(0));
        let apply = |stream: Delivery| {
            *applied.lock().unwrap() += 1;
            drop(stream);
        };
        let (_, (), ()) = tokio::join!(
            async {
                bulletin.announce(notice(7)).await;
                assert_eq!(*applied.lock().unwrap(), 2);
            },
            async { apply(first.next().await.unwrap()) },
            async { apply(second.next().await.unwrap()) },
        );
    }

    #[tokio::test]
    async fn a_subscriber_that_is_gone_is_not_waited_for() {
        let bulletin = MemoryBulletin::new();
        drop(bulletin.subscribe());
        bulletin.announce(notice(1)).await;
        assert!(bulletin.subscribers.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscriber_that_hangs_is_waited_for_half_a_second() {
        let bulletin = MemoryBulletin::new();
        let mut stream = bulletin.subscribe();
        let started = tokio::time::Instant::now();
        bulletin.announce(notice(1)).await;
        assert_eq!(started.elapsed(), ACKNOWLEDGE_TIMEOUT);
        assert_eq!(stream.next().await.unwrap().notice, notice(1), "late, not lost");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_fit_into_the_backlog_is_dropped() {
        let bulletin = MemoryBulletin::new();
        let mut stream = bulletin.subscribe();
        for revision in 0..100 {
            bulletin.post(&notice(revision));
        }
        let mut count = 0;
        while stream.queue.try_recv().is_ok() {
            count += 1;
        }
        assert_eq!(count, BACKLOG);
    }
}
