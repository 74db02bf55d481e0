//! Work by the clock: room for new log rows, pruning of old ones, by one process at a time. Counters are reaped in `gateway`, which owns them.

use std::time::Duration;

use fluxa_domain::time::Micros;
use tracing::{info, warn};

/// How often old rows are looked for.
pub const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// The first look comes this long after the start, when the process has better things to do.
pub const FIRST_PRUNE: Duration = Duration::from_mins(1);
/// The name of the lease of this work.
pub const RETENTION: &str = "retention";
/// Who has looked once goes on looking, unless it is gone: longer than the pause between two looks.
pub const LEASE: Duration = Duration::from_mins(90);

/// The moment before which rows are removed.
#[must_use]
pub fn horizon(now: Micros, keep: Duration) -> Micros {
    Micros(now.0.saturating_sub(i64::try_from(keep.as_micros()).unwrap_or(i64::MAX)))
}

/// Makes room for the weeks to come and prunes, for ever; the caller's task set ends it. `may` says whether it is this process's turn. A failure is told and tried again
/// in an hour.
pub async fn retention<M, R, P>(
    keep: Option<Duration>,
    now: impl Fn() -> Micros,
    mut may: impl FnMut() -> M,
    mut prepare: impl FnMut() -> R,
    mut prune: impl FnMut(Micros) -> P,
) where
    M: Future<Output = bool>,
    R: Future<Output = Result<(), String>>,
    P: Future<Output = Result<u64, String>>,
{
    tokio::time::sleep(FIRST_PRUNE).await;
    let mut clock = tokio::time::interval(PRUNE_EVERY);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        if !may().await {
            continue;
        }
        if let Err(error) = prepare().await {
            warn!(%error, "cannot make room for the weeks to come; their rows wait in the rest: {error}");
        }
        let Some(keep) = keep else { continue };
        let mut removed = 0;
        loop {
            match prune(horizon(now(), keep)).await {
                Ok(0) => break,
                Ok(rows) => removed += rows,
                Err(error) => {
                    warn!(%error, "cannot remove old log rows: {error}");
                    break;
                }
            }
        }
        if removed > 0 {
            info!(rows = removed, "removed {removed} log rows past their retention");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn the_horizon_lies_the_retention_back() {
        assert_eq!(horizon(Micros(90_000_000), Duration::from_secs(30)), Micros(60_000_000));
        assert!(horizon(Micros(0), Duration::MAX).0 < 0);
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_has_the_lease_prunes_and_until_nothing_is_left() {
        let left = RefCell::new(vec![0, 7, 5000, 5000]);
        let turns = RefCell::new(vec![true, false]);
        let work = retention(
            Some(Duration::from_secs(1)),
            || Micros(9),
            || std::future::ready(turns.borrow_mut().pop().unwrap_or(false)),
            || std::future::ready(Ok(())),
            |_| std::future::ready(Ok(left.borrow_mut().pop().unwrap_or(0))),
        );
        let _ = tokio::time::timeout(FIRST_PRUNE + PRUNE_EVERY / 2, work).await;
        assert_eq!(left.borrow().len(), 4, "the first turn was another's");
        let turns = RefCell::new(vec![true]);
        let work = retention(
            Some(Duration::from_secs(1)),
            || Micros(9),
            || std::future::ready(turns.borrow_mut().pop().unwrap_or(false)),
            || std::future::ready(Ok(())),
            |_| std::future::ready(Ok(left.borrow_mut().pop().unwrap_or(0))),
        );
        let _ = tokio::time::timeout(FIRST_PRUNE + PRUNE_EVERY / 2, work).await;
        assert!(left.borrow().is_empty(), "{left:?}");
    }
}
