//! Circuit breaker of one target: after enough failures in a row, leave it alone for a while.
//!
//! Pure: `now` is an argument. Never done here: deciding what a failure is. Start at [`Breaker`].

use crate::time::Micros;

/// Failures in a row that open the breaker: enough that one bad call or its retry does not.
pub const FAILURES: u32 = 5;
/// Seconds that an open breaker refuses, and that a probe may take: longer than a restart of a
/// typical upstream's load balancer, shorter than a person's patience.
pub const OPEN_S: i64 = 10;

/// The state of one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Calls flow; so many failed in a row.
    Closed { failures: u32 },
    /// No calls until then.
    Open { until: Micros },
    /// One call is out to try; if nothing is heard of it until then, another may.
    Probing { until: Micros },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// A call went well: the breaker closes.
    pub const fn on_success(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// A call failed for the target's own reasons; the fifth in a row opens the breaker, a failed probe opens it again.
    pub const fn on_failure(&mut self, now: Micros) {
        self.state = match self.state {
            State::Closed { failures } if failures + 1 < FAILURES => State::Closed { failures: failures + 1 },
            State::Closed { .. } | State::Probing { .. } => State::Open { until: now.plus_seconds(OPEN_S) },
            // A straggler sent before it opened: it says nothing new.
            State::Open { until } => State::Open { until },
        };
    }

    /// Whether a call may be sent. Saying yes after the pause makes that call the probe.
    pub fn allows(&mut self, now: Micros) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until } | State::Probing { until } if now < until => false,
            State::Open { .. } | State::Probing { .. } => {
                self.state = State::Probing { until: now.plus_seconds(OPEN_S) };
                true
            }
        }
    }

    /// True while calls are refused or one probe is out: for health pages.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Micros {
        Micros(0).plus_seconds(seconds)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            assert!(breaker.allows(at(0)));
            breaker.on_failure(at(0));
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_for_ten_seconds() {
        let mut breaker = opened();
        assert!(breaker.is_open());
        assert!(!breaker.allows(at(0)));
        assert!(!breaker.allows(Micros(at(10).0 - 1)));
        assert!(breaker.allows(at(10)));
    }

    #[test]
    fn a_success_between_failures_starts_the_count_anew() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 0..FAILURES - 1 {
                breaker.on_failure(at(0));
            }
            breaker.on_success();
        }
        assert!(breaker.allows(at(0)));
        assert!(!breaker.is_open());
    }

    #[test]
    fn only_one_probe_goes_out() {
        let mut breaker = opened();
        assert!(breaker.allows(at(11)));
        assert!(!breaker.allows(at(11)));
        assert!(!breaker.allows(at(20)));
        // A probe that was never heard of again does not close the door for ever.
        assert!(breaker.allows(at(21)));
    }

    #[test]
    fn a_probe_decides() {
        let mut breaker = opened();
        assert!(breaker.allows(at(10)));
        breaker.on_failure(at(12));
        assert!(!breaker.allows(at(21)));
        assert!(breaker.allows(at(22)));
        breaker.on_success();
        assert!(breaker.allows(at(22)));
        assert!(breaker.allows(at(22)));
    }

    #[test]
    fn a_straggler_does_not_prolong_the_pause() {
        let mut breaker = opened();
        breaker.on_failure(at(9));
        assert!(breaker.allows(at(10)));
    }
}
