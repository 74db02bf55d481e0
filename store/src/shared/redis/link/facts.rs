//! What a server says of itself, and whether it will do.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::fault::Fault;

/// The oldest version whose scripts behave as ours need it (ACL, `TIME` before writes, effects replicated).
const OLDEST: (u32, u32) = (6, 2);

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// As it names it: `7.0.15`. Empty when it may not be asked.
    pub version: String,
    /// Another one after each start of a server, and on each server; of a cluster, those of all masters. Empty when it may not be asked.
    pub run_id: String,
    /// Whether it is a node of a Redis Cluster.
    pub is_cluster: bool,
    /// Whether it forgets keys when its memory is full; `None` when it does not say.
    pub evicts: Option<bool>,
    /// Whether it is a replica.
    pub(super) is_replica: bool,
}

impl ServerFacts {
    /// Reads an answer to `INFO`.
    pub(super) fn parse(info: &str) -> Self {
        let field =
            |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(|value| value.trim().to_owned());
        Self {
            version: field("redis_version").unwrap_or_default(),
            run_id: field("run_id").unwrap_or_default(),
            is_cluster: field("cluster_enabled").is_some_and(|value| value == "1"),
            evicts: field("maxmemory_policy").map(|policy| policy != "noeviction"),
            is_replica: field("role").is_some_and(|role| role == "slave"),
        }
    }

    /// Refuses a server that would lose or corrupt counters.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.evicts == Some(true) {
            return Err(Fault::Refused(String::from(
                "redis forgets keys when its memory is full (maxmemory-policy); budgets need maxmemory-policy noeviction",
            )));
        }
        let mut numbers = self.version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if !self.version.is_empty() && version < OLDEST {
            return Err(Fault::Refused(format!("redis is {}; 6.2 or newer is needed", self.version)));
        }
        Ok(())
    }

    /// Says so where the server may not be asked for what [`ServerFacts::check`] looks at.
    pub(super) fn warn_if_silent(&self) {
        if self.version.is_empty() || self.evicts.is_none() {
            tracing::warn!("redis does not say its version or maxmemory-policy; it must be 6.2 or newer, and noeviction");
        }
    }
}

/// The server that was last met, and a number that grows when another one is met.
#[derive(Debug)]
pub(super) struct Met {
    known: Mutex<Known>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Known {
    /// `None` until one was met.
    facts: Option<ServerFacts>,
    /// Somebody looked for one in vain before the first was met.
    missed: bool,
}

impl Met {
    /// Nobody yet, or this server.
    pub(super) fn first(facts: Option<ServerFacts>) -> Self {
        Self { known: Mutex::new(Known { facts, missed: false }), changes: watch::Sender::new(0) }
    }

    pub(super) fn facts(&self) -> ServerFacts {
        self.lock().facts.clone().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No server could be met. The first that is met after this counts as another: it may have been started from old data.
    pub(super) fn missed(&self) {
        self.lock().missed = true;
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// A server was met. One that does not say who it is counts as another: it may be.
    pub(super) fn meet(&self, facts: ServerFacts) {
        let mut known = self.lock();
        let same = match &known.facts {
            Some(before) => !facts.run_id.is_empty() && facts.run_id == before.run_id,
            None => !known.missed,
        };
        known.facts = Some(facts);
        drop(known);
        if !same {
            self.changes.send_modify(|count| *count += 1);
            tracing::warn!("another redis server answers now, or the same one after a restart");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_forget_or_are_too_old_are_refused() {
        for (info, expect) in [
            ("redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\n", ""),
            ("redis_version:6.2.0\r\nmaxmemory_policy:noeviction\r\n", ""),
            ("", ""),
            ("redis_version:6.0.16\r\nmaxmemory_policy:noeviction\r\n", "redis is 6.0.16; 6.2 or newer is needed"),
            ("redis_version:7.0.15\r\nmaxmemory_policy:allkeys-lru\r\n", "maxmemory-policy noeviction"),
        ] {
            let said = ServerFacts::parse(info).check().map_or_else(|fault| fault.to_string(), |()| String::new());
            assert!(said.ends_with(expect) && said.is_empty() == expect.is_empty(), "{info:?}: {said}");
        }
    }

    #[test]
    fn another_server_is_noticed_once() {
        let server = |run_id: &str| ServerFacts { run_id: run_id.to_owned(), ..ServerFacts::default() };
        let met = Met::first(Some(server("a")));
        let seen = |run_id: &str| {
            met.meet(server(run_id));
            *met.changes().borrow()
        };
        assert_eq!([seen("a"), seen("b"), seen("b"), seen("a"), seen(""), seen("")], [0, 1, 1, 2, 3, 4]);
    }

    #[test]
    fn the_first_server_is_another_where_it_was_waited_for() {
        for (waited, expect) in [(false, [0, 0]), (true, [1, 1])] {
            let met = Met::first(None);
            if waited {
                met.missed();
            }
            let seen = [0, 1].map(|_| {
                met.meet(ServerFacts { run_id: String::from("a"), ..ServerFacts::default() });
                *met.changes().borrow()
            });
            assert_eq!(seen, expect);
        }
    }
}
