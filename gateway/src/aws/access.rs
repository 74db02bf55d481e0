//! The credentials of the process, shared by all threads: at hand without waiting while they are fresh.
//!
//! A fetch belongs to nobody's call: it runs to its end on a thread of its own, so that a client that leaves takes nothing
//! from the others, and so that renewing costs no call any time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fluxa_domain::time::Micros;
use tokio::sync::watch;

use super::choice::{Choice, choose};
use super::environment::AwsEnvironment;
use super::fetch::fetch;
use super::slot::{Slot, Step};
use super::{AwsCredentials, AwsCredentialsError, Fetched};
use crate::upstream::TlsSetup;

/// One fetch, from the first file read to the last byte.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// The way to credentials. Clones share them.
#[derive(Clone, Debug)]
pub struct AwsAccess {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    environment: AwsEnvironment,
    choice: Result<Choice, AwsCredentialsError>,
    tls: Arc<TlsSetup>,
    slot: Mutex<Slot>,
    /// Changes when a fetch has ended.
    ended: watch::Sender<()>,
}

impl AwsAccess {
    /// For a process with this environment. Nothing is read or asked yet.
    #[must_use]
    pub fn new(environment: AwsEnvironment) -> Self {
        let choice = choose(&environment);
        let shared = Shared { environment, choice, tls: Arc::default(), slot: Mutex::default(), ended: watch::Sender::default() };
        Self { shared: Arc::new(shared) }
    }

    /// The region that the environment names.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.shared.environment.region.as_deref()
    }

    /// The credentials to use at `now`, for a provider without [keys of its own](AwsCredentials::own).
    ///
    /// `region` is the provider's; STS is asked there where the environment names none. Must be called on a tokio runtime.
    /// Waits only while there are none; then at most some ten seconds, shared with everybody who waits.
    ///
    /// # Errors
    /// When nothing is configured, or what is configured gives none. A failure is kept for a few seconds.
    pub async fn credentials(&self, region: &str, now: Micros) -> Result<Arc<AwsCredentials>, AwsCredentialsError> {
        match &self.shared.choice {
            Ok(Choice::Fixed(credentials)) => return Ok(Arc::clone(credentials)),
            Ok(Choice::Fetch(_)) => {}
            Err(error) => return Err(error.clone()),
        }
        loop {
            // Who subscribes under the lock hears of the end of every fetch that it saw running.
            let (step, mut ended) = {
                let mut slot = self.shared.slot();
                let step = slot.step(now);
                let ended = matches!(step, Step::Fetch | Step::Wait).then(|| self.shared.ended.subscribe());
                (step, ended)
            };
            match step {
                Step::Use(credentials) => return Ok(credentials),
                Step::UseAndFetch(credentials) => {
                    self.start(region, now);
                    return Ok(credentials);
                }
                Step::Refuse(error) => return Err(error),
                Step::Fetch => self.start(region, now),
                Step::Wait => {}
            }
            if let Some(ended) = &mut ended {
                // The sender lives in what `self` holds.
                let _ = ended.changed().await;
            }
        }
    }

    /// Starts the fetch that a step asked for.
    fn start(&self, region: &str, now: Micros) {
        let mut flight = Flight { shared: Arc::clone(&self.shared), now, began: Instant::now(), result: None };
        let region = region.to_owned();
        // The client of vendors is made for one thread, so it gets one.
        tokio::task::spawn_blocking(move || flight.fly(&region));
    }
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fetch(&self, region: &str) -> Result<Fetched, AwsCredentialsError> {
        let Ok(Choice::Fetch(sources)) = &self.choice else { return Err(AwsCredentialsError::Missing) };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| AwsCredentialsError::Unavailable(format!("cannot fetch AWS credentials: {error}")))?;
        let fetched = runtime.block_on(async {
            let fetching = fetch(sources, &self.environment, region, &self.tls);
            let late = |_| Err(AwsCredentialsError::Unavailable(String::from("no AWS credentials within ten seconds")));
            tokio::time::timeout(FETCH_TIMEOUT, fetching).await.unwrap_or_else(late)
        });
        // A look-up of a name that takes longer than the fetch may is left to itself.
        runtime.shutdown_background();
        fetched
    }
}

/// A fetch on its way. It lands however it ends, also when its thread is never started.
struct Flight {
    shared: Arc<Shared>,
    /// When it was begun, by the clock of the calls and by that of the machine.
    now: Micros,
    began: Instant,
    result: Option<Result<Fetched, AwsCredentialsError>>,
}

impl Flight {
    fn fly(&mut self, region: &str) {
        self.result = Some(self.shared.fetch(region));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let broken = || Err(AwsCredentialsError::Unavailable(String::from("fetching AWS credentials broke off")));
        let result = self.result.take().unwrap_or_else(broken);
        match &result {
            Ok(Fetched { expires_at: Some(end), .. }) => tracing::debug!(until = %end.to_rfc3339(), "fetched AWS credentials"),
            Ok(Fetched { expires_at: None, .. }) => tracing::debug!("read AWS credentials"),
            Err(error) => tracing::warn!(%error, "cannot fetch AWS credentials: {error}"),
        }
        let took = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.shared.slot().land(result, Micros(self.now.0.saturating_add(took)));
        self.shared.ended.send_replace(());
    }
}

#[cfg(test)]
mod tests;
