//! How long to wait before asking again.

/// First step of the backoff in milliseconds.
pub const BASE_MS: u64 = 200;
/// Longest wait that we choose ourselves, in milliseconds.
pub const CAP_MS: u64 = 8_000;
/// Longest wait that an upstream may ask for, in milliseconds: past it a client is better told.
pub const RETRY_AFTER_CAP_MS: u64 = 60_000;

/// Milliseconds to wait after failed attempt number `attempt` (0 is the first), from a random number.
///
/// Full jitter: anything from 0 to 200 ms × 2^`attempt`, at most 8 s, so that callers who failed together do not
/// come back together. An upstream's `retry_after_ms` is honoured up to a minute, with a little jitter after it.
#[must_use]
pub const fn backoff_ms(attempt: u32, retry_after_ms: Option<u64>, random: u64) -> u64 {
    let shift = if attempt > 16 { 16 } else { attempt };
    let doubled = BASE_MS << shift;
    let ceiling = if doubled > CAP_MS { CAP_MS } else { doubled };
    match retry_after_ms {
        Some(asked) if asked >= RETRY_AFTER_CAP_MS => RETRY_AFTER_CAP_MS,
        Some(asked) => {
            let with_jitter = asked + random % (BASE_MS + 1);
            if with_jitter > RETRY_AFTER_CAP_MS { RETRY_AFTER_CAP_MS } else { with_jitter }
        }
        None => random % (ceiling + 1),
    }
}
