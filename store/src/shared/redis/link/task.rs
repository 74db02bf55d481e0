//! Tasks of the ways to Redis: they end with what they work for.

use tokio::task::JoinHandle;

/// A task that ends when this is dropped.
#[derive(Debug)]
pub(in crate::shared::redis) struct Task(JoinHandle<()>);

impl Task {
    /// Starts it on the runtime of the caller.
    #[expect(clippy::disallowed_methods, reason = "the handle is kept, and ends the task with its owner; it carries no call")]
    pub(in crate::shared::redis) fn start(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A random byte, to spread what many processes do at once.
pub(in crate::shared::redis) fn jitter() -> u8 {
    let mut byte = [0; 1];
    // Without randomness there is no jitter, which is all that is lost.
    let _ = getrandom::fill(&mut byte);
    byte[0]
}
