//! Signals: SIGTERM and SIGINT drain, a second one stops at once, SIGHUP reloads.

use std::process::ExitCode;
use std::time::Duration;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Stop accepting, finish what runs, exit 0.
    Drain,
    /// Stop now.
    Stop,
    /// Read the configuration again.
    Reload,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everything finished.
    Clean,
    /// The time was up; what ran was cut off and is in the ledger as such.
    Cut,
    /// A second signal came; the same is true of what ran.
    Stopped,
}

impl Drained {
    /// A drain within its time is success even when it had to cut: the ledger is flushed either way.
    #[must_use]
    pub const fn exit_code(self) -> ExitCode {
        ExitCode::SUCCESS
    }
}

/// The stream of wishes of this process.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
    draining: bool,
}

impl Signals {
    /// Takes over the signals of this process.
    ///
    /// # Errors
    /// When the system refuses a handler.
    #[cfg(unix)]
    pub fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            draining: false,
        })
    }

    /// Takes over Ctrl-C, the only signal there is.
    ///
    /// # Errors
    /// None.
    #[cfg(not(unix))]
    pub const fn new() -> std::io::Result<Self> {
        Ok(Self { draining: false })
    }

    /// Waits for the next wish. Safe to drop and call again.
    pub async fn next(&mut self) -> Wish {
        #[cfg(unix)]
        let end = tokio::select! {
            _ = self.terminate.recv() => true,
            _ = self.interrupt.recv() => true,
            _ = self.hang_up.recv() => false,
        };
        #[cfg(not(unix))]
        let end = {
            // An error means that there is no console to be interrupted from: wait for ever.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            true
        };
        self.wish(end)
    }

    const fn wish(&mut self, end: bool) -> Wish {
        match (end, self.draining) {
            (false, _) => Wish::Reload,
            (true, false) => {
                self.draining = true;
                Wish::Drain
            }
            (true, true) => Wish::Stop,
        }
    }

    /// Runs until a signal asks for an end, reloading in between.
    pub async fn until_drain(&mut self, mut reload: impl AsyncFnMut()) {
        loop {
            match self.next().await {
                Wish::Reload => reload().await,
                Wish::Drain | Wish::Stop => return,
            }
        }
    }

    /// Lets `work` finish within `limit`, unless a second signal comes.
    pub async fn drain(&mut self, limit: Duration, work: impl Future<Output = ()>) -> Drained {
        let impatient = async { while self.next().await != Wish::Stop {} };
        tokio::select! {
            () = work => Drained::Clean,
            () = tokio::time::sleep(limit) => Drained::Cut,
            () = impatient => Drained::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_end_drains_and_the_second_stops() {
        let mut signals = Signals::new().unwrap();
        assert_eq!(signals.wish(false), Wish::Reload);
        assert_eq!(signals.wish(true), Wish::Drain);
        assert_eq!(signals.wish(false), Wish::Reload);
        assert_eq!(signals.wish(true), Wish::Stop);
    }

    #[tokio::test]
    async fn a_drain_ends_with_its_work_or_its_time() {
        let mut signals = Signals::new().unwrap();
        assert_eq!(signals.drain(Duration::from_secs(60), async {}).await, Drained::Clean);
        assert_eq!(signals.drain(Duration::ZERO, std::future::pending()).await, Drained::Cut);
    }
}
