//! Whether Postgres and Redis answer and are set up as they must be. Only reads.

use std::time::Duration;

use super::Line;
use crate::backends::{self, database_name};
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
    if config.database.url.is_some() {
        lines.push(database(config).await);
    }
    if let Some(url) = &config.redis.url {
        let what = format!("redis {}", redacted(url.expose()));
        match tokio::time::timeout(PATIENCE, redis(config)).await {
            Ok(Ok((found, eviction))) => {
                lines.push(ok(what.clone(), found));
                lines.extend(eviction.map(|policy| judge_eviction(what, &policy)));
            }
            Ok(Err(error)) => lines.push(fail(&what, error, "check the address, the password and whether it runs")),
            Err(_) => lines.push(fail(&what, String::from("no answer within 5 seconds"), "check the address and the firewall")),
        }
    }
    lines
}

fn judge_eviction(what: String, policy: &str) -> Line {
    let what = format!("{what} maxmemory-policy");
    if policy == "noeviction" {
        return ok(what, policy.to_owned());
    }
    fail(&what, policy.to_owned(), "counters would be thrown away when memory is short: set it to noeviction")
}

async fn database(config: &Config) -> Line {
    let what = format!("postgres {}", database_name(config));
    match tokio::time::timeout(PATIENCE, fluxa_store::Store::describe(backends::store_options(config))).await {
        Ok(Ok(found)) if found.missing == 0 => ok(what, format!("version {}, schema {}", found.server, found.schema)),
        Ok(Ok(found)) => {
            let found = format!("version {}, schema {} is {} migrations behind", found.server, found.schema, found.missing);
            fail(&what, found, "run `fluxa migrate`")
        }
        Ok(Err(error)) => fail(&what, error.to_string(), "check the address, the password and whether it runs"),
        Err(_) => fail(&what, String::from("no answer within 5 seconds"), "check the address and the firewall"),
    }
}

/// What the server says of itself, and what it throws away when its memory is short (managed servers may not tell).
async fn redis(config: &Config) -> Result<(String, Option<String>), String> {
    let link = backends::open_link(config).await.map_err(|error| error.to_string())?.ok_or("no address")?;
    let found = link.describe().await.map_err(|fault| fault.to_string())?;
    Ok((format!("version {}", found.version), found.maxmemory_policy))
}

fn ok(what: String, found: String) -> Line {
    Line { ok: true, what, found, advice: String::new() }
}

fn fail(what: &str, found: String, advice: &str) -> Line {
    Line { ok: false, what: what.to_owned(), found, advice: advice.to_owned() }
}
