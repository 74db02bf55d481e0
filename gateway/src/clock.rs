//! The wall clock and random bytes: the two things that pure rooms get as arguments.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fluxa_domain::time::Micros;

/// A clock that differs from the counters' by less than this is right: that is how well a difference can be measured.
const BELIEVED_US: i64 = 5_000;
/// The clock is set back by no more than this at a time, so that it always goes on: it is set every second.
const BACK_AT_ONCE_US: i64 = 500_000;
/// A moment is held for so long while the clock catches up. Whoever sets the system's clock back by more means it.
const HOLD_US: i64 = 1_000_000;

/// What is added to the system's clock, in microseconds.
static AHEAD_US: AtomicI64 = AtomicI64::new(0);

thread_local! {
    /// The last moment that this thread was told.
    static LAST_US: Cell<i64> = const { Cell::new(0) };
}

/// Now, in microseconds since 1970, by the clock of the shared counters where there are any ([`follow`]).
///
/// On one thread it does not go back when the clock is set back by up to a second: it stands still until it is passed.
pub(crate) fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let system = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    let now = system.saturating_add(AHEAD_US.load(Ordering::Relaxed));
    Micros(LAST_US.with(|last| {
        let told = onward(last.get(), now);
        last.set(told);
        told
    }))
}

/// Sets the clock by that of the counters, which is `ahead_us` ahead of the system's. To be called every second.
pub(crate) fn follow(ahead_us: i64) {
    let former = AHEAD_US.load(Ordering::Relaxed);
    let next = step(former, ahead_us);
    if next != former {
        AHEAD_US.store(next, Ordering::Relaxed);
    }
}

const fn onward(last: i64, now: i64) -> i64 {
    if now < last && last.saturating_sub(now) <= HOLD_US { last } else { now }
}

fn step(former: i64, ahead: i64) -> i64 {
    if ahead.abs_diff(former) < BELIEVED_US.unsigned_abs() {
        return former;
    }
    ahead.max(former.saturating_sub(BACK_AT_ONCE_US))
}

/// About `base`: four to six fifths of it, so that processes that started together do not go on together.
pub(crate) fn around(base: Duration) -> Duration {
    let part = f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX);
    base.mul_f64(0.8 + 0.4 * part)
}

/// A fast generator for ids, jitter and weighted picks: xoshiro256**, seeded by the operating system.
///
/// Not for secrets. Call ids need to be unique, not secret.
#[derive(Debug)]
pub(crate) struct Dice([u64; 4]);

impl Dice {
    /// Seeds from the operating system.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut state = [0_u64; 4];
        for word in &mut state {
            *word = getrandom::u64()?;
        }
        // The all-zero state is the one that never leaves itself.
        let [first, ..] = &mut state;
        *first |= 1;
        Ok(Self(state))
    }

    pub(crate) const fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = b << 17;
        let (c, d) = (c ^ a, d ^ b);
        let (b, a) = (b ^ c, a ^ d);
        self.0 = [a, b, c ^ t, d.rotate_left(45)];
        result
    }

    /// Ten bytes, as a call id takes them.
    pub(crate) fn ten(&mut self) -> [u8; 10] {
        let mut out = [0; 10];
        let (low, high) = (self.next().to_le_bytes(), self.next().to_le_bytes());
        for (slot, byte) in out.iter_mut().zip(low.into_iter().chain(high)) {
            *slot = byte;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_follows_at_once_ahead_and_in_steps_back() {
        for (former, ahead, expect) in [
            (0, 0, 0),
            (0, 4_999, 0),
            (0, -4_999, 0),
            (0, 5_000, 5_000),
            (0, 3_600_000_000, 3_600_000_000),
            (2_000_000, 0, 1_500_000),
            (100_000, 0, 0),
        ] {
            assert_eq!(step(former, ahead), expect, "{former} {ahead}");
        }
    }

    #[test]
    fn a_thread_is_not_told_an_earlier_moment_unless_the_clock_was_really_set_back() {
        assert_eq!(onward(10_000_000, 10_000_001), 10_000_001);
        assert_eq!(onward(10_000_000, 9_500_000), 10_000_000);
        assert_eq!(onward(10_000_000, 8_999_999), 8_999_999);
        let before = now();
        follow(60_000_000);
        let ahead = now();
        assert!(ahead.0 - before.0 >= 60_000_000);
        follow(59_600_000);
        assert!(now() >= ahead);
    }
}
