//! What is counted while load runs, and the report made of it.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::client::Failure;

/// Longer times are counted as this: ten minutes.
const MAX_US: u64 = 600_000_000;

/// Times in microseconds, to three digits. Its buckets take 180 kB, so they come with the first time.
#[derive(Debug, Clone, Default)]
pub struct Times(Option<Histogram<u64>>);

/// Percentiles of times, in microseconds; all zero if there were none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percentiles {
    /// How many times there were.
    pub count: u64,
    /// Half were at most this.
    pub p50_us: u64,
    /// 90 % were at most this.
    pub p90_us: u64,
    /// 99 % were at most this.
    pub p99_us: u64,
    /// 99.9 % were at most this.
    pub p999_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// Everything counted about one target.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Answers complete and good.
    pub ok: u64,
    /// Failures by class.
    pub errors: BTreeMap<Failure, u64>,
    /// From due to the whole answer.
    pub latency: Times,
    /// From due to the first byte of a stream's body.
    pub first: Times,
    /// Between two text events of a stream.
    pub gap: Times,
    /// From the mock's write of an event to our read, if the mock stamps them.
    pub delay: Times,
    /// Text events seen.
    pub events: u64,
    /// Text events that should have come in streams that did not bring them.
    pub events_lost: u64,
    /// Streams that were whole.
    pub streams_intact: u64,
    /// Bytes of bodies read.
    pub body_bytes: u64,
}

/// A tally as it is shown and written.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TargetReport {
    /// What was asked: the address.
    pub target: String,
    /// Length of the window in seconds.
    pub seconds: f64,
    /// Good answers.
    pub ok: u64,
    /// Good answers a second.
    pub ok_per_second: f64,
    /// Failures by class.
    pub errors: BTreeMap<String, u64>,
    /// From due to the whole answer.
    pub latency: Percentiles,
    /// From due to the first byte of a stream's body.
    pub first: Percentiles,
    /// Between two text events of a stream.
    pub gap: Percentiles,
    /// From the mock's write of an event to our read.
    pub delay: Percentiles,
    /// Text events seen.
    pub events: u64,
    /// Text events that did not come.
    pub events_lost: u64,
    /// Streams that were whole.
    pub streams_intact: u64,
    /// Bytes of bodies read.
    pub body_bytes: u64,
}

impl Times {
    /// Counts one time.
    pub fn record(&mut self, time: Duration) {
        self.record_us(u64::try_from(time.as_micros()).unwrap_or(MAX_US));
    }

    /// Counts one time given in microseconds.
    pub fn record_us(&mut self, us: u64) {
        if self.0.is_none() {
            // Constant bounds that the histogram accepts; were they wrong, every report would be empty.
            self.0 = Histogram::new_with_bounds(1, MAX_US, 3).ok();
        }
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(us.min(MAX_US));
        }
    }

    /// The percentiles.
    pub fn percentiles(&self) -> Percentiles {
        let Some(histogram) = &self.0 else { return Percentiles::default() };
        let at = |quantile| histogram.value_at_quantile(quantile);
        Percentiles {
            count: histogram.len(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max(),
        }
    }
}

impl Percentiles {
    /// How much each percentile lies above that of `base`; 0 where it lies below.
    pub fn above(&self, base: &Self) -> Self {
        Self {
            count: self.count,
            p50_us: self.p50_us.saturating_sub(base.p50_us),
            p90_us: self.p90_us.saturating_sub(base.p90_us),
            p99_us: self.p99_us.saturating_sub(base.p99_us),
            p999_us: self.p999_us.saturating_sub(base.p999_us),
            max_us: self.max_us.saturating_sub(base.max_us),
        }
    }
}

impl Tally {
    /// Counts a failure.
    pub fn fail(&mut self, failure: Failure) {
        *self.errors.entry(failure).or_default() += 1;
    }

    /// Good answers and failures together.
    pub fn done(&self) -> u64 {
        self.ok + self.errors.values().sum::<u64>()
    }

    /// The report over a window of this length.
    pub fn report(&self, target: String, window: Duration) -> TargetReport {
        let seconds = window.as_secs_f64();
        TargetReport {
            target,
            seconds,
            ok: self.ok,
            ok_per_second: if seconds > 0.0 { self.ok as f64 / seconds } else { 0.0 },
            errors: self.errors.iter().map(|(failure, count)| (failure.name().to_owned(), *count)).collect(),
            latency: self.latency.percentiles(),
            first: self.first.percentiles(),
            gap: self.gap.percentiles(),
            delay: self.delay.percentiles(),
            events: self.events,
            events_lost: self.events_lost,
            streams_intact: self.streams_intact,
            body_bytes: self.body_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_times() {
        let mut times = Times::default();
        (1..=1000).for_each(|us| times.record_us(us));
        let got = times.percentiles();
        assert_eq!((got.count, got.p50_us, got.p90_us, got.p99_us, got.max_us), (1000, 500, 900, 990, 1000));
        assert_eq!(Times::default().percentiles(), Percentiles::default());
    }
}
