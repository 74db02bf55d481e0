//! What the data plane does beside its calls, as long as it runs: following changes, keeping the journal on the disk, removing what has expired.

use std::sync::Arc;
use std::time::Duration;

use fluxa_store::StoreError;

use super::Gateway;
use crate::health::Changed;
use crate::last_known::Configuration;
use crate::snapshot::View;

/// How often the revision in the database is compared with the one in force, in case a notice was lost.
const POLL_REVISION: Duration = Duration::from_secs(5);
/// How often the configuration on the disk is compared with the one in force.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// How often reservations past their deadline are looked for.
const REAP_EVERY: Duration = Duration::from_secs(2);
/// Kept responses that have expired are removed this often.
const EXPIRE_EVERY: Duration = Duration::from_secs(600);
/// How often the journal is forced to the disk, for the day the power fails.
const SYNC_EVERY: Duration = Duration::from_secs(1);

impl Gateway {
    /// Reads the configuration again and puts it in force for the calls to come.
    pub(super) async fn refresh(&self) -> Result<(), StoreError> {
        let view = View::load(&self.store, &self.settings, &self.health).await?;
        let former = self.view.load_full();
        if view.revision < former.revision {
            return Ok(());
        }
        let changed: Vec<Changed<'_>> = view
            .providers
            .iter()
            .filter_map(|(name, new)| {
                let old = former.providers.get(name)?;
                let keys = !new.has_keys_of(old);
                (keys || new.record != old.record).then_some(Changed { name, keys })
            })
            .collect();
        self.health.keep(|name| view.providers.contains_key(name), &changed);
        drop(changed);
        self.view.store(Arc::new(view));
        Ok(())
    }

    pub(super) async fn follow_changes(self: Arc<Self>) {
        let mut notices = self.shared.bulletin.subscribe();
        let mut tick = tokio::time::interval(POLL_REVISION);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                delivery = notices.next() => {
                    let Some(delivery) = delivery else { break };
                    self.forget_keys(&delivery.notice.keys);
                    if let Err(error) = self.refresh().await {
                        tracing::error!(%error, "cannot read the changed configuration; the former stays in force");
                    }
                    drop(delivery);
                }
                _ = tick.tick() => self.catch_up().await,
            }
        }
        tracing::warn!("notices of changes have ended: changes are seen by asking the database every few seconds");
        loop {
            tick.tick().await;
            self.catch_up().await;
        }
    }

    pub(super) async fn catch_up(&self) {
        match self.store.revision().await {
            Ok(revision) if revision > self.view.load().revision => {
                self.forget_all_keys();
                if let Err(error) = self.refresh().await {
                    tracing::error!(%error, "cannot read the changed configuration; the former stays in force");
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot read the revision of the configuration"),
        }
    }

    fn forget_keys(&self, ids: &[String]) {
        self.keys.forget(ids);
        if let Some(kept) = &self.settings.last_known {
            kept.forget(ids);
        }
    }

    pub(super) fn forget_all_keys(&self) {
        self.keys.forget_all();
        if let Some(kept) = &self.settings.last_known {
            kept.forget_all();
        }
    }

    /// Keeps the file that a start without the database begins with close to what is in force.
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

    pub(super) async fn reap(self: Arc<Self>) {
        let mut tick = tokio::time::interval(REAP_EVERY);
        loop {
            tick.tick().await;
            for expired in self.shared.counters.expired(crate::clock::now()).await {
                tracing::warn!(id = %expired.id, "a reservation expired before its call ended; its estimate is charged until then");
            }
        }
    }

    /// What was kept of conversations does not outlive its time. Every replica sweeps: what another has removed is not there any more.
    pub(super) async fn expire_responses(self: Arc<Self>) {
        let mut tick = tokio::time::interval(EXPIRE_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(error) = self.store.expire_responses(crate::clock::now()).await {
                tracing::warn!(%error, "kept responses that have expired cannot be removed");
            }
        }
    }

    pub(super) async fn sync_journal(self: Arc<Self>) {
        let mut tick = tokio::time::interval(SYNC_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let journal = Arc::clone(&self.journal);
            let synced = tokio::task::spawn_blocking(move || journal.sync()).await;
            if let Ok(Err(error)) = synced {
                tracing::error!(%error, "cannot force the journal to the disk");
            }
        }
    }
}
