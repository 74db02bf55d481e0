//! When each request of an open loop is due, told to the microsecond.
//!
//! Tokio's timers are a millisecond coarse, which is more than what is measured; so a thread of its own sleeps, and a
//! channel wakes the loop.

use std::{
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// One request that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Its number, from 0.
    pub index: u64,
    /// When it should be sent; latency is counted from here, however late it is.
    pub at: Instant,
}

/// A schedule: `count` requests, evenly spaced from `start`.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// When the first is due.
    pub start: Instant,
    /// Requests a second.
    pub rate: f64,
    /// How many.
    pub count: u64,
}

impl Schedule {
    /// When a request is due.
    pub fn due(&self, index: u64) -> Due {
        Due { index, at: self.start + Duration::from_secs_f64(index as f64 / self.rate) }
    }

    /// Starts the thread; the channel closes after the last. The thread ends when the receiver is dropped.
    pub fn run(self) -> UnboundedReceiver<Due> {
        // Unbounded, and yet bounded by `count`: a schedule must never wait for the loop it drives.
        let (due, receiver) = unbounded_channel();
        thread::spawn(move || {
            for index in 0..self.count {
                let next = self.due(index);
                let wait = next.at.saturating_duration_since(Instant::now());
                if !wait.is_zero() {
                    thread::sleep(wait);
                }
                if due.send(next).is_err() {
                    return;
                }
            }
        });
        receiver
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_evenly_spaced() {
        let start = Instant::now();
        let schedule = Schedule { start, rate: 200.0, count: 3 };
        assert_eq!(schedule.due(0).at, start);
        assert_eq!(schedule.due(2).at, start + Duration::from_millis(10));
    }
}
