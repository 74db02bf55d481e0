//! Rate limits that slide: in any 60 seconds, never more than the limit.
//!
//! A pure state machine: `now` is an argument, nothing is locked. Never done here: deciding
//! whether to admit; the caller compares [`Sliding::used`] with its limit, over all its scopes
//! at once, and then calls [`Sliding::add`]. Start reading at [`Sliding`].

use std::collections::VecDeque;

use crate::time::Micros;

/// Seconds of the window.
pub const WINDOW_S: u64 = 60;

/// Microseconds of one granule. What came in one granule leaves together; it counts for 60 to
/// 60.25 seconds, never less than 60, so the limit holds in every window, aligned or not.
const GRANULE: i64 = 250_000;

/// Granules of a window.
const GRANULES: i64 = 240;

/// What came in during the last 60 seconds, in granules of a quarter second.
///
/// An idle one is empty; a busy one holds at most 241 granules of 16 bytes.
/// A clock that steps back counts as standing still.
#[derive(Clone, Debug, Default)]
pub struct Sliding {
    /// (granule number, amount), oldest first, no granule twice.
    granules: VecDeque<(i64, u64)>,
    /// The sum of all amounts.
    total: u64,
    /// The newest granule number seen, in use only while `granules` is not empty.
    newest: i64,
}

impl Sliding {
    /// The amount of the 60 seconds before `now`.
    pub fn used(&mut self, now: Micros) -> u64 {
        self.forget(now);
        self.total
    }

    /// Counts `n` more at `now`.
    pub fn add(&mut self, now: Micros, n: u64) {
        let granule = self.forget(now);
        if n == 0 {
            return;
        }
        self.newest = granule;
        self.total = self.total.saturating_add(n);
        match self.granules.back_mut() {
            Some((last, amount)) if *last == granule => *amount = amount.saturating_add(n),
            _ => self.granules.push_back((granule, n)),
        }
    }

    /// Changes what was counted at `at` by `delta`, when the real amount is known.
    ///
    /// What already left the window is not corrected. A decrease never takes more than is there.
    pub fn correct(&mut self, at: Micros, delta: i64) {
        let granule = at.0.div_euclid(GRANULE);
        let found = self.granules.partition_point(|(g, _)| *g < granule);
        let amount = delta.unsigned_abs();
        if delta < 0 {
            // The granule itself, or the next one when the clock had stepped back at `add`.
            let mut left = amount;
            for (_, held) in self.granules.iter_mut().skip(found) {
                let taken = left.min(*held);
                *held -= taken;
                left -= taken;
                self.total -= taken;
                if left == 0 {
                    break;
                }
            }
            self.granules.retain(|(_, held)| *held > 0);
            return;
        }
        if self.granules.is_empty() || granule.saturating_add(GRANULES) < self.newest || amount == 0 {
            return;
        }
        self.total = self.total.saturating_add(amount);
        match self.granules.get_mut(found) {
            Some((g, held)) if *g == granule => *held = held.saturating_add(amount),
            _ => self.granules.insert(found, (granule, amount)),
        }
        self.newest = self.newest.max(granule);
    }

    /// Whole seconds, 1 or more, after which `need` more fit under `limit`.
    ///
    /// The whole window when they never will (`need > limit`).
    pub fn retry_after(&mut self, now: Micros, limit: u64, need: u64) -> u64 {
        self.forget(now);
        let Some(room) = limit.checked_sub(need) else { return WINDOW_S };
        let mut left = self.total;
        for (granule, amount) in &self.granules {
            if left <= room {
                break;
            }
            left = left.saturating_sub(*amount);
            if left <= room {
                return seconds_until(*granule, now).clamp(1, WINDOW_S + 1);
            }
        }
        1
    }

    /// Whole seconds until nothing is counted any more; 0 when nothing is.
    pub fn reset_seconds(&mut self, now: Micros) -> u64 {
        self.forget(now);
        self.granules.back().map_or(0, |(granule, _)| seconds_until(*granule, now).clamp(1, WINDOW_S + 1))
    }

    /// Drops what left the window; gives the granule that counts as the current one.
    fn forget(&mut self, now: Micros) -> i64 {
        let granule = now.0.div_euclid(GRANULE);
        let granule = if self.granules.is_empty() { granule } else { granule.max(self.newest) };
        while let Some((oldest, amount)) = self.granules.front().copied() {
            if oldest.saturating_add(GRANULES) >= granule {
                break;
            }
            self.total = self.total.saturating_sub(amount);
            self.granules.pop_front();
        }
        granule
    }
}

/// Whole seconds, rounded up, until `granule` leaves the window.
fn seconds_until(granule: i64, now: Micros) -> u64 {
    let leaves_at = granule.saturating_add(GRANULES + 1).saturating_mul(GRANULE);
    let left = u64::try_from(leaves_at.saturating_sub(now.0)).unwrap_or(0);
    left.div_ceil(Micros::PER_SECOND.unsigned_abs())
}

#[cfg(test)]
mod tests;
