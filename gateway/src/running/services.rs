//! What the data plane does beside its calls, as long as it runs: following changes, keeping the journal on the disk, removing what has expired.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fluxa_domain::change::Revision;
use fluxa_store::StoreError;

use super::Gateway;
use crate::health::Changed;
use crate::snapshot::View;

/// How often the revision in the database is compared with the one in force, in case a notice was lost.
const POLL_REVISION: Duration = Duration::from_secs(5);
/// The revision of a notice that tells of no change, but that others may not have come.
const RESYNC: i64 = 0;
/// A call waits no longer than this for a configuration that is known to be there.
const SEEK_WITHIN: Duration = Duration::from_millis(500);
/// Kept responses that have expired are removed this often.
const EXPIRE_EVERY: Duration = Duration::from_secs(600);
/// How often the journal is forced to the disk, for the day the power fails.
const SYNC_EVERY: Duration = Duration::from_secs(1);

impl Gateway {
    /// Reads the configuration again and puts it in force for the calls to come.
    pub(super) async fn refresh(&self) -> Result<(), StoreError> {
        let view = match View::load(&self.store, &self.settings, &self.health, Some(self.view.load_full())).await {
            Ok(view) => view,
            Err(error) => {
                self.metrics.background.reload_failures.fetch_add(1, Ordering::Relaxed);
                return Err(error);
            }
        };
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
        let mut notices = Some(self.shared.bulletin.subscribe());
        // What was kept on the disk may be older than its revision says: a process that begins with it has heard of nothing.
        let mut heard = Heard(if self.recalled { 0 } else { self.view.load().revision.0 });
        loop {
            let pause = tokio::time::sleep(crate::clock::around(POLL_REVISION));
            let delivery = tokio::select! {
                delivery = async {
                    match &mut notices {
                        Some(notices) => notices.next().await,
                        None => std::future::pending().await,
                    }
                } => delivery,
                () = pause => {
                    self.catch_up(&mut heard).await;
                    continue;
                }
            };
            let Some(delivery) = delivery else {
                tracing::warn!("notices of changes have ended: changes are seen by asking the database every few seconds");
                notices = None;
                continue;
            };
            self.forget_keys(&delivery.notice.keys);
            let revision = delivery.notice.revision.0;
            // Revisions begin at 1: this one says that notices may have been lost. It comes whenever the others can be heard again, also
            // while the database cannot be asked: then what is known is all there is.
            if revision == RESYNC || heard.missed_before(revision) {
                self.keys.doubt_all();
            }
            self.try_refresh().await;
            drop(delivery);
        }
    }

    /// Sees by the database what no notice told.
    async fn catch_up(&self, heard: &mut Heard) {
        match self.store.revision().await {
            Ok(revision) => {
                if heard.missed_until(revision.0) {
                    self.forget_all_keys();
                }
                if revision > self.view.load().revision {
                    self.try_refresh().await;
                }
            }
            Err(error) => tracing::warn!(%error, "cannot read the revision of the configuration"),
        }
    }

    /// The configuration in force, of this revision or a later one where that can be had. A key that was made with its team a moment
    /// ago may come before the notice of it: without the team's limits it would spend what others cannot see.
    pub(crate) async fn view_since(&self, revision: Revision) -> Arc<View> {
        let behind = || self.view.load().revision < revision && self.sought.load(Ordering::Acquire) < revision.0;
        if behind() {
            let seeking = async {
                let _turn = self.seeking.lock().await;
                if behind() {
                    self.try_refresh().await;
                    self.sought.fetch_max(revision.0, Ordering::AcqRel);
                }
            };
            let _ = tokio::time::timeout(SEEK_WITHIN, seeking).await;
            // Once, whatever came of it: a database that is away must not hold every call.
            self.sought.fetch_max(revision.0, Ordering::AcqRel);
        }
        self.view.load_full()
    }

    async fn try_refresh(&self) {
        if let Err(error) = self.refresh().await {
            tracing::error!(%error, "cannot read the changed configuration; the former stays in force");
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

    /// Completes the ledger from an earlier process's journal, once the database is back.
    pub(super) async fn recover_later(self: Arc<Self>) {
        loop {
            match crate::recovery::recover(&self.store, &self.shared, &self.journal).await {
                Ok(report) => {
                    if !report.is_empty() {
                        tracing::warn!(rows = report.written, "usage of an earlier process was completed from the journal");
                    }
                    self.settling.settle_later(report.unsettled);
                    self.due.push(report.recorded.into_iter());
                    return;
                }
                Err(error) => tracing::warn!(%error, "the journal of an earlier process waits"),
            }
            tokio::time::sleep(crate::clock::around(POLL_REVISION)).await;
        }
    }

    pub(super) async fn sync_journal(self: Arc<Self>) {
        let mut tick = tokio::time::interval(SYNC_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.queue.measure();
            let journal = Arc::clone(&self.journal);
            let synced = tokio::task::spawn_blocking(move || journal.sync()).await;
            if let Ok(Err(error)) = synced {
                tracing::error!(%error, "cannot force the journal to the disk");
            }
        }
    }
}

/// The last revision up to which every notice was heard, or everything was forgotten instead.
#[derive(Debug)]
struct Heard(i64);

impl Heard {
    /// A notice of this revision came. True when one before it did not: keys may have changed that it named.
    const fn missed_before(&mut self, revision: i64) -> bool {
        let missed = revision > self.0.saturating_add(1);
        if revision > self.0 {
            self.0 = revision;
        }
        missed
    }

    /// The database has this revision. True when its notice has not come (yet).
    const fn missed_until(&mut self, revision: i64) -> bool {
        let missed = revision > self.0;
        if missed {
            self.0 = revision;
        }
        missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_between_notices_is_seen() {
        let mut heard = Heard(5);
        assert!(!heard.missed_before(6));
        assert!(!heard.missed_before(6));
        assert!(heard.missed_before(8));
        assert!(!heard.missed_before(7), "late, and everything was forgotten already");
        assert!(!heard.missed_until(8));
        assert!(heard.missed_until(9));
        assert!(!heard.missed_before(9));
    }
}
