//! When a server is not asked: after failures in a row, for a while; then once.
//!
//! The invariant: while a circuit is open nobody waits. Never done here: deciding what a failure is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that open a circuit: one may be an accident.
const FAILURES: u32 = 2;

/// How long it stays open, before jitter.
const OPEN: Duration = Duration::from_secs(1);

/// Slots of a cluster that share a circuit: masters own ranges of slots, so that a master's failure opens its own ranges only.
const SLOTS_A_CIRCUIT: u16 = 256;

/// Slots of a cluster.
const SLOTS: u16 = 16_384;

/// The circuits of a way: one, or one for each range of slots of a cluster.
#[derive(Debug)]
pub(super) struct Circuits {
    each: Vec<Arc<Breaker>>,
}

/// One circuit.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    why: String,
    probing: bool,
}

/// Leave to send one command. Dropped without a word (the caller went away), it says nothing of the server.
#[derive(Debug)]
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    probe: bool,
}

impl Circuits {
    pub(super) fn single() -> Self {
        Self { each: vec![Arc::default()] }
    }

    pub(super) fn of_a_cluster() -> Self {
        Self { each: (0..SLOTS / SLOTS_A_CIRCUIT).map(|_| Arc::default()).collect() }
    }

    /// Leave to send a command to a slot, or why not.
    pub(super) fn enter(&self, slot: u16, now: Instant) -> Result<Pass, String> {
        let count = self.each.len().max(1);
        let breaker = self.each.get(usize::from(slot / SLOTS_A_CIRCUIT) % count).cloned().unwrap_or_default();
        let probe = breaker.enter(now)?;
        Ok(Pass { breaker, probe })
    }

    /// Why some commands are not sent now.
    pub(super) fn open(&self, now: Instant) -> Option<String> {
        self.each.iter().find_map(|breaker| breaker.why(now))
    }
}

impl Breaker {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the command is a probe.
    fn enter(&self, now: Instant) -> Result<bool, String> {
        let mut state = self.lock();
        match &mut state.open {
            None => Ok(false),
            Some(open) if open.probing || now < open.until => Err(open.why.clone()),
            Some(open) => {
                open.probing = true;
                Ok(true)
            }
        }
    }

    fn why(&self, now: Instant) -> Option<String> {
        self.lock().open.as_ref().filter(|open| now < open.until || open.probing).map(|open| open.why.clone())
    }
}

impl Pass {
    /// The server answered.
    pub(super) fn answered(self) {
        let mut state = self.breaker.lock();
        state.failures = 0;
        state.open = None;
    }

    /// It did not serve; whether the circuit opened by that. `jitter` in 0..=255 spreads the probes of many processes.
    pub(super) fn failed(self, why: &str, now: Instant, jitter: u8) -> bool {
        let mut state = self.breaker.lock();
        state.failures = state.failures.saturating_add(1);
        // Commands that were under way when it opened do not hold it open for longer.
        if state.failures < FAILURES || state.open.is_some() && !self.probe {
            return false;
        }
        let until = now + OPEN * (896 + u32::from(jitter)) / 1024;
        state.open = Some(Open { until, why: why.to_owned(), probing: false });
        true
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.probe
            && let Some(open) = &mut self.breaker.lock().open
        {
            open.probing = false;
        }
    }
}

/// The slot of a key in a cluster: of what is in its braces, where there is something.
pub(super) fn slot(key: &[u8]) -> u16 {
    let tag = key
        .iter()
        .position(|byte| *byte == b'{')
        .and_then(|open| key.get(open + 1..))
        .and_then(|rest| rest.iter().position(|byte| *byte == b'}').and_then(|close| rest.get(..close)))
        .filter(|tag| !tag.is_empty())
        .unwrap_or(key);
    // CRC-16/XMODEM, as the Redis Cluster specification says.
    let crc = tag.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        for (key, expect) in
            [("123456789", 0x31C3 % SLOTS), ("{user1000}.following", slot(b"user1000")), ("foo{}{bar}", slot(b"foo{}{bar}"))]
        {
            assert_eq!(slot(key.as_bytes()), expect, "{key}");
        }
        assert_eq!(slot(b"foo"), 12_182);
        assert_ne!(slot(b"foo{}{bar}"), slot(b"bar"), "empty braces are no tag");
    }

    #[test]
    fn two_failures_open_a_circuit_and_one_probe_closes_it() {
        let (circuits, start) = (Circuits::single(), Instant::now());
        let enter = |ms: u64| circuits.enter(0, start + Duration::from_millis(ms));
        assert!(!enter(0).unwrap().failed("first", start, 0));
        enter(0).unwrap().answered();
        assert!(!enter(0).unwrap().failed("second", start, 0), "an answer between them forgives the first");
        let under_way = enter(0).unwrap();
        assert!(enter(0).unwrap().failed("third", start, 0));
        assert_eq!(enter(500).unwrap_err(), "third");
        assert!(!under_way.failed("late", start + Duration::from_millis(600), 255));
        assert_eq!(circuits.open(start + Duration::from_millis(500)).as_deref(), Some("third"));

        let probe = enter(900).unwrap();
        assert!(enter(900).is_err(), "one probe at a time");
        drop(probe);
        assert!(enter(900).unwrap().failed("fourth", start + Duration::from_millis(900), 255), "a probe that was given up says nothing");
        assert_eq!(enter(1_900).unwrap_err(), "fourth");
        enter(2_100).unwrap().answered();
        enter(2_100).unwrap().answered();
        assert_eq!(circuits.open(start), None);
    }

    #[test]
    fn a_range_of_slots_has_a_circuit_of_its_own() {
        let (circuits, now) = (Circuits::of_a_cluster(), Instant::now());
        for _ in 0..2 {
            let _ = circuits.enter(5_000, now).unwrap().failed("its master is gone", now, 0);
        }
        assert!(circuits.enter(5_001, now).is_err());
        assert!(circuits.enter(12_000, now).is_ok());
    }
}
