//! Retries may be a tenth of the traffic and no more, so that a vendor in trouble is not asked twice as often.

use std::cell::Cell;
use std::time::Instant;

/// Retries that every call earns.
const PER_CALL: f64 = 0.08;
/// Retries that every second earns, so that a quiet gateway can retry too; few, or a quiet gateway would ask a vendor in trouble
/// again and again.
const PER_SECOND: f64 = 0.02;
/// Retries that can be saved up by a process. With what calls earn, a storm stays below a tenth of them.
const MOST: f64 = 5.0;

/// Retries that a thread starts with at least.
const LEAST: f64 = 2.0;

/// The retries one data-plane thread may still make.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    left: Cell<f64>,
    seen: Cell<Instant>,
}

impl RetryBudget {
    /// The stock of one of `threads`: together they begin with what one may save up, but none with less than two.
    pub(crate) fn new(threads: usize) -> Self {
        let threads = u32::try_from(threads.max(1)).map_or(MOST, f64::from);
        Self { left: Cell::new((MOST / threads).max(LEAST)), seen: Cell::new(Instant::now()) }
    }

    /// A call came in.
    pub(crate) fn call(&self) {
        self.left.set((self.left.get() + PER_CALL).min(MOST));
    }

    /// Whether one more retry may be made; counts it if so.
    pub(crate) fn allows(&self) -> bool {
        let now = Instant::now();
        let earned = now.duration_since(self.seen.replace(now)).as_secs_f64() * PER_SECOND;
        let left = (self.left.get() + earned).min(MOST);
        let allowed = left >= 1.0;
        self.left.set(if allowed { left - 1.0 } else { left });
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_not_made_worse() {
        let budget = RetryBudget::new(1);
        let allowed = (0..10_000).filter(|_| {
            budget.call();
            budget.allows()
        });
        let allowed = allowed.count();
        assert!((750..=850).contains(&allowed), "{allowed} retries for 10000 calls");
    }

    #[test]
    fn many_threads_do_not_begin_with_many_retries() {
        let stock = |threads: usize| {
            let budget = RetryBudget::new(threads);
            (0..100).filter(|_| budget.allows()).count()
        };
        assert_eq!((stock(1), stock(4), stock(64)), (5, 2, 2));
    }
}
