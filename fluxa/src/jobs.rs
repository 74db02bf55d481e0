//! Work by the clock: pruning old log rows. Counters are reaped in `gateway`, which owns them.

use std::time::Duration;

use fluxa_domain::time::Micros;
use tracing::{info, warn};

/// How often old rows are looked for.
pub const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// The first look comes this long after the start, when the process has better things to do.
pub const FIRST_PRUNE: Duration = Duration::from_mins(1);

/// The moment before which rows are removed.
#[must_use]
pub fn horizon(now: Micros, keep: Duration) -> Micros {
    Micros(now.0.saturating_sub(i64::try_from(keep.as_micros()).unwrap_or(i64::MAX)))
}

/// Prunes for ever; the caller's task set ends it. A failure is told and tried again in an hour.
pub async fn retention<F>(keep: Duration, now: impl Fn() -> Micros, mut prune: impl FnMut(Micros) -> F)
where
    F: Future<Output = Result<u64, String>>,
{
    tokio::time::sleep(FIRST_PRUNE).await;
    let mut clock = tokio::time::interval(PRUNE_EVERY);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        match prune(horizon(now(), keep)).await {
            Ok(0) => {}
            Ok(rows) => info!(rows, "removed {rows} log rows past their retention"),
            Err(error) => warn!(%error, "cannot remove old log rows: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_horizon_lies_the_retention_back() {
        assert_eq!(horizon(Micros(90_000_000), Duration::from_secs(30)), Micros(60_000_000));
        assert!(horizon(Micros(0), Duration::MAX).0 < 0);
    }
}
