//! Credentials that end: when to use them, when to fetch new ones, and what to say when there are none. Pure.

use std::sync::Arc;

use fluxa_domain::time::Micros;

use super::{AwsCredentials, AwsCredentialsError, Fetched};

/// New ones are fetched so long before the old ones end: the time that AWS' own clients allow for.
const RENEW_BEFORE_SECONDS: i64 = 5 * 60;
/// Credentials that do not end may be replaced in their file; it is read again after so long.
const REREAD_SECONDS: i64 = 15 * 60;
/// After a failure nothing is fetched for so long: a source that is down is not asked by every call.
const RETRY_AFTER_SECONDS: i64 = 5;
/// Credentials that came with less than [`RENEW_BEFORE_SECONDS`] left are not asked for again sooner.
const MIN_KEPT_SECONDS: i64 = 30;

/// What a call does.
#[derive(Debug)]
pub(super) enum Step {
    Use(Arc<AwsCredentials>),
    /// Use these, and start fetching new ones.
    UseAndFetch(Arc<AwsCredentials>),
    /// Start fetching, and wait.
    Fetch,
    /// Somebody else is fetching: wait.
    Wait,
    Refuse(AwsCredentialsError),
}

/// The one place where fetched credentials are kept.
#[derive(Debug, Default)]
pub(super) struct Slot {
    held: Option<Held>,
    failed: Option<AwsCredentialsError>,
    /// Nothing is fetched before.
    next_fetch: Micros,
    fetching: bool,
}

#[derive(Debug)]
struct Held {
    credentials: Arc<AwsCredentials>,
    expires_at: Option<Micros>,
}

impl Slot {
    /// Decides at `now`. After [`Step::Fetch`] and [`Step::UseAndFetch`] the caller owes one [`Slot::land`].
    pub(super) fn step(&mut self, now: Micros) -> Step {
        let may_fetch = !self.fetching && now >= self.next_fetch;
        if let Some(held) = self.held.as_ref().filter(|held| held.expires_at.is_none_or(|end| now < end)) {
            let credentials = Arc::clone(&held.credentials);
            if may_fetch {
                self.fetching = true;
                return Step::UseAndFetch(credentials);
            }
            return Step::Use(credentials);
        }
        if self.fetching {
            return Step::Wait;
        }
        match &self.failed {
            Some(error) if !may_fetch => Step::Refuse(error.clone()),
            _ => {
                self.fetching = true;
                Step::Fetch
            }
        }
    }

    /// Takes what a fetch brought, at `now`.
    pub(super) fn land(&mut self, fetched: Result<Fetched, AwsCredentialsError>, now: Micros) {
        self.fetching = false;
        let fetched = fetched.and_then(|fetched| match fetched.expires_at {
            Some(end) if end <= now => {
                Err(AwsCredentialsError::Unavailable(String::from("the credentials that came have expired: is the clock right?")))
            }
            _ => Ok(fetched),
        });
        match fetched {
            Ok(Fetched { credentials, expires_at }) => {
                self.next_fetch = match expires_at {
                    Some(end) => end.plus_seconds(-RENEW_BEFORE_SECONDS).max(now.plus_seconds(MIN_KEPT_SECONDS)),
                    None => now.plus_seconds(REREAD_SECONDS),
                };
                self.held = Some(Held { credentials: Arc::new(credentials), expires_at });
                self.failed = None;
            }
            Err(error) => {
                self.failed = Some(error);
                self.next_fetch = now.plus_seconds(RETRY_AFTER_SECONDS);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluxa_domain::secret::Secret;

    fn fetched(token: &str, expires_at: Option<i64>) -> Result<Fetched, AwsCredentialsError> {
        Ok(Fetched { credentials: AwsCredentials::Bearer(Secret::new(token.to_owned())), expires_at: expires_at.map(at) })
    }

    fn down() -> Result<Fetched, AwsCredentialsError> {
        Err(AwsCredentialsError::Unavailable(String::from("down")))
    }

    fn at(seconds: i64) -> Micros {
        Micros(seconds * Micros::PER_SECOND)
    }

    /// What a call at `seconds` does.
    fn step(slot: &mut Slot, seconds: i64) -> String {
        let token = |credentials: &AwsCredentials| match credentials {
            AwsCredentials::Bearer(token) => token.expose().clone(),
            AwsCredentials::Keys { .. } => String::from("keys"),
        };
        match slot.step(at(seconds)) {
            Step::Use(credentials) => format!("use {}", token(&credentials)),
            Step::UseAndFetch(credentials) => format!("use {} and fetch", token(&credentials)),
            Step::Fetch => String::from("fetch"),
            Step::Wait => String::from("wait"),
            Step::Refuse(error) => format!("refuse: {error}"),
        }
    }

    #[test]
    fn credentials_are_renewed_before_they_end_by_one_call_at_a_time() {
        let mut slot = Slot::default();
        assert_eq!(step(&mut slot, 1000), "fetch");
        assert_eq!(step(&mut slot, 1000), "wait");
        slot.land(fetched("a", Some(4600)), at(1001));
        assert_eq!(step(&mut slot, 1001), "use a");
        assert_eq!(step(&mut slot, 4299), "use a");
        assert_eq!(step(&mut slot, 4300), "use a and fetch");
        assert_eq!(step(&mut slot, 4301), "use a");
        slot.land(fetched("b", Some(8200)), at(4302));
        assert_eq!(step(&mut slot, 4302), "use b");
        // Nobody asked for a long time.
        assert_eq!(step(&mut slot, 9000), "fetch");
    }

    #[test]
    fn old_ones_are_used_until_they_end_when_no_new_ones_come() {
        let mut slot = Slot::default();
        assert_eq!(step(&mut slot, 0), "fetch");
        slot.land(fetched("a", Some(3600)), at(0));
        assert_eq!(step(&mut slot, 3300), "use a and fetch");
        slot.land(down(), at(3301));
        assert_eq!(step(&mut slot, 3302), "use a");
        assert_eq!(step(&mut slot, 3306), "use a and fetch");
        // It takes until they have ended: who comes then waits for it.
        assert_eq!(step(&mut slot, 3600), "wait");
        slot.land(down(), at(3601));
        assert_eq!(step(&mut slot, 3600), "refuse: down");
        assert_eq!(step(&mut slot, 3605), "refuse: down");
        assert_eq!(step(&mut slot, 3606), "fetch");
        slot.land(fetched("b", Some(7200)), at(3607));
        assert_eq!(step(&mut slot, 3607), "use b");
    }

    #[test]
    fn short_lived_expired_and_endless_ones() {
        let mut slot = Slot::default();
        assert_eq!(step(&mut slot, 0), "fetch");
        slot.land(fetched("expired", Some(0)), at(0));
        assert_eq!(step(&mut slot, 1), "refuse: the credentials that came have expired: is the clock right?");
        assert_eq!(step(&mut slot, 5), "fetch");
        slot.land(fetched("short", Some(120)), at(5));
        assert_eq!(step(&mut slot, 34), "use short");
        assert_eq!(step(&mut slot, 35), "use short and fetch");
        slot.land(fetched("endless", None), at(36));
        assert_eq!(step(&mut slot, 935), "use endless");
        assert_eq!(step(&mut slot, 936), "use endless and fetch");
        slot.land(down(), at(937));
        assert_eq!(step(&mut slot, 1_000_000), "use endless and fetch");
    }
}
