//! Circuit breaker of one target: after enough failures in a row, leave it alone for a while.
//!
//! Pure: `now` and chance are arguments. Never done here: deciding what a failure is. Start at [`Breaker`].

use crate::time::Micros;

/// Failures in a row that open the breaker: enough that one bad call or its retry does not.
pub const FAILURES: u32 = 5;
/// Microseconds that a breaker stays open at first: longer than a hiccup, short enough that a vendor that is back is used again.
pub const OPEN_US: i64 = 1_000_000;
/// And at most, after every probe has failed: a recovery is noticed within five seconds, jitter included.
pub const MOST_OPEN_US: i64 = 4_000_000;
/// Seconds that a probe may take: longer than most answers; if nothing is heard of it until then, another may go.
pub const PROBE_S: i64 = 10;
/// Open times differ by so many percent up or down, so that replicas do not all probe at once.
const JITTER_PERCENT: i64 = 20;

/// The state of one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    state: State,
    /// Times it opened since the last success.
    opened: u8,
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
        self.opened = 0;
    }

    /// A call failed for the target's own reasons; the fifth in a row opens the breaker, a failed probe opens it again and for
    /// longer. `roll` is a random number that spreads the times.
    pub const fn on_failure(&mut self, now: Micros, roll: u64) {
        self.state = match self.state {
            State::Closed { failures } if failures + 1 < FAILURES => State::Closed { failures: failures + 1 },
            State::Closed { .. } | State::Probing { .. } => {
                let doubled = OPEN_US << if self.opened > 8 { 8 } else { self.opened };
                let pause = if doubled > MOST_OPEN_US { MOST_OPEN_US } else { doubled };
                self.opened = self.opened.saturating_add(1);
                // The remainder is small, so the cast changes nothing.
                let percent = 100 - JITTER_PERCENT + (roll % (2 * JITTER_PERCENT as u64 + 1)) as i64;
                State::Open { until: Micros(now.0.saturating_add(pause / 100 * percent)) }
            }
            // A straggler sent before it opened: it says nothing new.
            State::Open { until } => State::Open { until },
        };
    }

    /// Others had trouble with this target: one more failure opens it.
    pub const fn on_hint(&mut self) {
        if let State::Closed { failures: 0 } = self.state {
            self.state = State::Closed { failures: FAILURES - 1 };
        }
    }

    /// Whether a call may be sent. Saying yes after the pause makes that call the probe.
    pub fn allows(&mut self, now: Micros) -> bool {
        if self.refuses(now) {
            return false;
        }
        if self.is_open() {
            self.state = State::Probing { until: now.plus_seconds(PROBE_S) };
        }
        true
    }

    /// Whether a call would be refused; asking changes nothing.
    #[must_use]
    pub fn refuses(&self, now: Micros) -> bool {
        match self.state {
            State::Closed { .. } => false,
            State::Open { until } | State::Probing { until } => now < until,
        }
    }

    /// True while calls are refused or one probe is out: for health pages.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    /// True when nothing is held against the target.
    #[must_use]
    pub const fn is_spotless(&self) -> bool {
        matches!(self.state, State::Closed { failures: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The roll that changes no pause.
    const EVEN: u64 = JITTER_PERCENT as u64;

    const fn at(seconds: i64) -> Micros {
        Micros(0).plus_seconds(seconds)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            assert!(breaker.allows(at(0)));
            breaker.on_failure(at(0), EVEN);
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_for_a_second() {
        let mut breaker = opened();
        assert!(breaker.is_open());
        assert!(!breaker.allows(at(0)));
        assert!(!breaker.allows(Micros(at(1).0 - 1)));
        assert!(breaker.allows(at(1)));
    }

    #[test]
    fn a_success_between_failures_starts_the_count_anew() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 0..FAILURES - 1 {
                breaker.on_failure(at(0), EVEN);
            }
            breaker.on_success();
        }
        assert!(breaker.allows(at(0)));
        assert!(breaker.is_spotless());
    }

    #[test]
    fn only_one_probe_goes_out() {
        let mut breaker = opened();
        assert!(!breaker.refuses(at(2)) && !breaker.refuses(at(2)), "looking is not asking");
        assert!(breaker.allows(at(2)));
        assert!(!breaker.allows(at(2)));
        assert!(!breaker.allows(at(11)));
        // A probe that was never heard of again does not close the door for ever.
        assert!(breaker.allows(at(12)));
    }

    #[test]
    fn a_probe_decides_and_each_that_fails_makes_the_pause_longer() {
        let mut breaker = opened();
        let mut now = at(0);
        for pause in [1, 2, 4, 4] {
            assert!(!breaker.allows(Micros(now.plus_seconds(pause).0 - 1)), "{pause}");
            now = now.plus_seconds(pause);
            assert!(breaker.allows(now));
            breaker.on_failure(now, EVEN);
        }
        assert!(breaker.allows(now.plus_seconds(4)));
        breaker.on_success();
        assert!(breaker.allows(now) && breaker.allows(now));
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn pauses_are_spread_by_a_fifth() {
        let until = |roll| {
            let mut breaker = Breaker::default();
            (0..FAILURES).for_each(|_| breaker.on_failure(at(0), roll));
            (0..2_000).find(|ms| !breaker.refuses(Micros(ms * 1_000))).unwrap()
        };
        assert_eq!((until(0), until(EVEN), until(2 * EVEN)), (800, 1_000, 1_200));
    }

    #[test]
    fn a_straggler_does_not_prolong_the_pause() {
        let mut breaker = opened();
        breaker.on_failure(Micros(900_000), EVEN);
        assert!(breaker.allows(at(1)));
    }

    #[test]
    fn a_hint_makes_it_watchful() {
        let mut breaker = Breaker::default();
        breaker.on_hint();
        assert!(breaker.allows(at(0)));
        breaker.on_failure(at(0), EVEN);
        assert!(breaker.is_open());
        let mut trusted = Breaker::default();
        trusted.on_hint();
        trusted.on_success();
        trusted.on_failure(at(0), EVEN);
        assert!(!trusted.is_open());
    }
}
