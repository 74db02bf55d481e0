//! Slows guessing down: a bucket of wrong credentials per address, in bounded memory.
//!
//! Only *different* wrong credentials count: a dashboard that repeats one stale key is not guessing,
//! and must not lock its own address out. The bucket refills steadily, so a lock ends seconds after
//! the guessing does.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use fluxa_domain::key::KeyHash;
use fluxa_domain::time::Micros;

/// Wrong credentials an address may try at once: more than any person mistypes.
const BURST: i64 = 30;
/// One more try every two seconds: 43,200 guesses a day, nothing against a random key.
const REFILL_MICROS: i64 = 2 * Micros::PER_SECOND;
/// Wrong credentials remembered per address, so that repeating one is free.
const REMEMBERED: usize = 8;
/// Addresses remembered: 4,096 rows of about 100 bytes.
const MAX_ADDRESSES: usize = 4_096;

/// Failed logins by address.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    guesses: Mutex<HashMap<IpAddr, Guesses>>,
}

#[derive(Debug)]
struct Guesses {
    /// When the bucket will be full again.
    full_at: i64,
    recent: [u64; REMEMBERED],
    next: usize,
}

impl Throttle {
    /// Seconds until `ip` may try again; `None` when it may now.
    pub(crate) fn wait_s(&self, ip: Option<IpAddr>, now: Micros) -> Option<u64> {
        let guesses = self.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = guesses.get(&room_of(ip))?.full_at.saturating_sub(now.0) - (BURST - 1) * REFILL_MICROS;
        (wait > 0).then(|| u64::try_from(wait / Micros::PER_SECOND).unwrap_or(0) + 1)
    }

    /// Counts a wrong credential of `ip`.
    pub(crate) fn failed(&self, ip: Option<IpAddr>, credential: &KeyHash, now: Micros) {
        let mut guesses = self.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        let room = room_of(ip);
        if guesses.len() >= MAX_ADDRESSES && !guesses.contains_key(&room) {
            make_place(&mut guesses, now);
        }
        let row = guesses.entry(room).or_insert(Guesses { full_at: now.0, recent: [0; REMEMBERED], next: 0 });
        let mark = credential.iter().take(8).fold(0_u64, |mark, &byte| mark << 8 | u64::from(byte));
        if row.recent.contains(&mark) {
            return;
        }
        if let Some(slot) = row.recent.get_mut(row.next) {
            *slot = mark;
        }
        row.next = (row.next + 1) % REMEMBERED;
        row.full_at = row.full_at.max(now.0).saturating_add(REFILL_MICROS);
    }
}

/// Drops the addresses whose buckets are full again; failing that, the one that is nearest to it.
fn make_place(guesses: &mut HashMap<IpAddr, Guesses>, now: Micros) {
    guesses.retain(|_, row| row.full_at > now.0);
    if guesses.len() >= MAX_ADDRESSES {
        let nearest = guesses.iter().min_by_key(|(_, row)| row.full_at).map(|(ip, _)| *ip);
        if let Some(ip) = nearest {
            guesses.remove(&ip);
        }
    }
}

/// One bucket per IPv4 address or IPv6 /64: a client owns a whole /64. Unknown peers share one.
fn room_of(ip: Option<IpAddr>) -> IpAddr {
    match ip {
        Some(IpAddr::V6(v6)) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        Some(v4) => v4,
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, last]))
    }

    fn credential(n: u8) -> KeyHash {
        [n; 32]
    }

    #[test]
    fn different_guesses_are_slowed_and_recover() {
        let throttle = Throttle::default();
        let now = Micros(1_000_000_000);
        for n in 1..=30 {
            assert_eq!(throttle.wait_s(ip(1), now), None, "guess {n}");
            throttle.failed(ip(1), &credential(n), now);
        }
        let wait = throttle.wait_s(ip(1), now).unwrap();
        assert!(wait <= 3, "{wait}");
        assert_eq!(throttle.wait_s(ip(2), now), None);
        assert_eq!(throttle.wait_s(ip(1), now.plus_seconds(3)), None);
    }

    #[test]
    fn repeating_one_wrong_key_locks_nobody_out() {
        let throttle = Throttle::default();
        for _ in 0..1_000 {
            throttle.failed(ip(1), &credential(9), Micros(5));
        }
        assert_eq!(throttle.wait_s(ip(1), Micros(5)), None);
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..10_000_u32 {
            throttle.failed(Some(IpAddr::from(n.to_be_bytes())), &credential(1), Micros(5));
        }
        assert!(throttle.guesses.lock().unwrap().len() <= MAX_ADDRESSES);
    }
}
