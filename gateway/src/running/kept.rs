//! Keeps the configuration that a start without the database begins with close to what is in force.

use std::sync::Arc;
use std::time::Duration;

use super::Gateway;
use crate::last_known::Configuration;

/// How often the file is compared with what is in force.
const KEEP_EVERY: Duration = Duration::from_secs(1);

impl Gateway {
    /// Forgets these keys, here and in what is kept.
    pub(super) fn forget_keys(&self, ids: &[String]) {
        self.keys.forget(ids);
        if let Some(kept) = &self.settings.last_known {
            kept.forget(ids);
        }
    }

    /// Forgets all keys, here and in what is kept.
    pub(super) fn forget_all_keys(&self) {
        self.keys.forget_all();
        if let Some(kept) = &self.settings.last_known {
            kept.forget_all();
        }
    }

    /// Writes the file whenever it is behind, as long as the process runs.
    pub(super) async fn keep_last_known(self: Arc<Self>) {
        let Some(kept) = self.settings.last_known.clone() else { return };
        let mut tick = tokio::time::interval(KEEP_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            kept.merge(|| self.keys.known());
            if !kept.is_behind(self.view.load().revision) {
                continue;
            }
            // When the database is away there is nothing newer to be kept.
            let Ok(configuration) = Configuration::read(&self.store).await else { continue };
            let kept = Arc::clone(&kept);
            let written = tokio::task::spawn_blocking(move || kept.write(&configuration, crate::clock::now())).await;
            if let Ok(Err(error)) = written {
                tracing::warn!(%error, "the configuration cannot be kept for a start without the database");
            }
        }
    }
}
