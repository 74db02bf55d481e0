//! Who owns the tasks: one place that starts them, counts them and lets shutdown wait for them.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use tokio::sync::Notify;

/// The tasks of one data-plane thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    inner: Rc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    live: Cell<usize>,
    /// The runtime is going: nothing can be started any more.
    closed: Cell<bool>,
    ended: Notify,
}

/// Counts one task until it is dropped, also when the task panics.
struct Ticket(Rc<Inner>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.live.set(self.0.live.get().saturating_sub(1));
        if self.0.live.get() == 0 {
            self.0.ended.notify_waiters();
        }
    }
}

impl Tasks {
    /// Starts a task that shutdown waits for.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        if self.inner.closed.get() {
            return;
        }
        self.inner.live.set(self.inner.live.get() + 1);
        let ticket = Ticket(Rc::clone(&self.inner));
        Self::start(async move {
            future.await;
            drop(ticket);
        });
    }

    /// Starts a task that lives as long as the thread: shutdown does not wait for it.
    pub(crate) fn spawn_service(&self, future: impl Future<Output = ()> + 'static) {
        Self::start(future);
    }

    #[expect(clippy::disallowed_methods, reason = "the one place of a data-plane thread that starts tasks")]
    fn start(future: impl Future<Output = ()> + 'static) {
        tokio::task::spawn_local(future);
    }

    /// From now on nothing is started: what a dropped task leaves to be done is left to its deadline.
    pub(crate) fn close(&self) {
        self.inner.closed.set(true);
    }

    /// Resolves when no task is left.
    pub(crate) async fn idle(&self) {
        loop {
            let ended = self.inner.ended.notified();
            if self.inner.live.get() == 0 {
                return;
            }
            ended.await;
        }
    }
}
