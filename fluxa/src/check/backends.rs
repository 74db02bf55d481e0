//! Whether Postgres and Redis answer and are set up as they must be. Only reads.

use std::time::Duration;

use super::Line;
use fluxa_store::ServerState;

use crate::backends;
use crate::config::Config;
use crate::config::addresses::redacted;
use crate::config::mode::{self, Role};

/// A backend that does not answer within this is reported as away.
const PATIENCE: Duration = Duration::from_secs(5);

/// A line for what does not go together, one for Postgres, and what Redis says of itself.
pub async fn backends(config: &Config) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Err(error) = mode::judge(config, Role::Serve) {
        lines.push(fail("settings", error.to_string(), "correct them: no process starts like this"));
    }
    if let Some(url) = &config.database.url {
        lines.push(database(url.expose()).await);
    }
    if let Some(url) = &config.redis.url {
        lines.push(redis(config, url.expose()).await);
    }
    lines
}

/// Opening the way refuses servers that are too old or throw counters away when their memory is short.
async fn redis(config: &Config, url: &str) -> Line {
    let what = format!("redis {}", redacted(url));
    match tokio::time::timeout(PATIENCE, backends::open_link(config)).await {
        Ok(Ok(_)) => ok(what, String::from("answers, and keeps what it is given (noeviction)")),
        Ok(Err(error)) => fail(&what, format!("{error:#}"), "check the address, the password, whether it runs, and its maxmemory-policy"),
        Err(_) => fail(&what, String::from("no answer within 5 seconds"), "check the address and the firewall"),
    }
}

async fn database(url: &str) -> Line {
    let what = format!("postgres {}", redacted(url));
    match tokio::time::timeout(PATIENCE, ServerState::of(url)).await {
        Ok(Ok(found)) if found.missing.is_empty() => ok(what, format!("version {}, schema {}", found.version, found.schema)),
        Ok(Ok(found)) => {
            let found = format!("version {}, schema {} lacks {}", found.version, found.schema, found.missing.join(", "));
            fail(&what, found, "run `fluxa migrate`; with database.migrate: auto, `fluxa serve` does so at its start")
        }
        Ok(Err(error)) => fail(&what, error.to_string(), "check the address, the password and whether it runs"),
        Err(_) => fail(&what, String::from("no answer within 5 seconds"), "check the address and the firewall"),
    }
}

fn ok(what: String, found: String) -> Line {
    Line { ok: true, what, found, advice: String::new() }
}

fn fail(what: &str, found: String, advice: &str) -> Line {
    Line { ok: false, what: what.to_owned(), found, advice: advice.to_owned() }
}
