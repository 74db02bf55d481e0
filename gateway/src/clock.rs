//! The wall clock and random bytes: the two things that pure rooms get as arguments.

use std::time::{SystemTime, UNIX_EPOCH};

use fluxa_domain::time::Micros;

/// Now, in microseconds since 1970.
pub(crate) fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
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
