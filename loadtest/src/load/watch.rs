//! One answer as it is read: what of it goes into the tally, and the verdict at its end.

use std::time::Instant;

use super::{check::Check, tally::Tally};
use crate::client::Failure;

/// An answer that is being read.
#[derive(Debug)]
pub struct Watch {
    due: Instant,
    stream: bool,
    counted: bool,
    check: Check,
    last: Option<Instant>,
    started: bool,
}

impl Watch {
    /// For a request due at this time; one that is not counted leaves no times behind.
    pub fn new(due: Instant, stream: bool, counted: bool) -> Self {
        Self { due, stream, counted, check: Check::default(), last: None, started: false }
    }

    /// Takes a part of the body.
    pub fn read(&mut self, tally: &mut Tally, status: u16, part: &[u8]) {
        tally.body_bytes += part.len() as u64;
        if !self.stream || status >= 300 {
            return;
        }
        let now = Instant::now();
        if !std::mem::replace(&mut self.started, true) && self.counted {
            tally.first.record(now - self.due);
        }
        let (counted, last) = (self.counted, &mut self.last);
        self.check.feed(part, |seen| {
            if !counted {
                return;
            }
            tally.events += 1;
            if let Some(last) = last.replace(now) {
                tally.gap.record(now - last);
            }
            if let Some(us) = seen.delay_us {
                tally.delay.record_us(us);
            }
        });
    }

    /// Counts the answer, which ended with this status or failure; `events` is how many a stream should have had.
    pub fn end(&self, tally: &mut Tally, ended: Result<u16, Failure>, events: Option<u64>) -> Result<(), Failure> {
        let outcome = ended.and_then(|status| match Failure::of_status(status) {
            Some(failure) => Err(failure),
            None if self.stream && !self.check.intact(events) => Err(Failure::Broken),
            None => Ok(()),
        });
        if !self.counted {
            return outcome;
        }
        if self.stream {
            tally.events_lost += events.map_or(0, |events| events.saturating_sub(self.check.events));
        }
        match outcome {
            Ok(()) => {
                tally.ok += 1;
                tally.streams_intact += u64::from(self.stream);
                tally.latency.record(self.due.elapsed());
            }
            Err(failure) => tally.fail(failure),
        }
        outcome
    }
}
