//! `fluxa migrate`: brings the schema up to date, after a bounded wait for the database, and says what it did.
//!
//! Never done here: anything to the rows of a release that still runs; migrations only add.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use fluxa_store::{ServerState, Store, StoreError};

use crate::config::Config;
use crate::{backends, banner};

/// Between two looks at a database that does not answer yet.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Waits at most `wait` for the database, then applies what is missing.
///
/// # Errors
/// When the database does not answer in time, or refuses.
pub async fn run(config: &Config, wait: Duration) -> Result<ExitCode> {
    let deadline = tokio::time::Instant::now() + wait;
    let Some(url) = config.database.migration_url.as_ref().or(config.database.url.as_ref()) else {
        let file = backends::database_name(config);
        banner::print(
            &format!("{file} is brought up to date by every start; nothing to do (for Postgres, set FLUXA_DATABASE_URL)\n"),
            false,
        );
        return Ok(ExitCode::SUCCESS);
    };
    let applied = loop {
        match apply(url.expose()).await {
            Ok(applied) => break applied,
            Err(error) if error.is_away() && tokio::time::Instant::now() + LOOK_EVERY <= deadline => {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Err(error) => return Err(error).with_context(|| format!("cannot migrate {}", backends::database_name(config))),
        }
    };
    banner::print(&told(&backends::database_name(config), &applied), false);
    Ok(ExitCode::SUCCESS)
}

/// Applies what is missing, and names it. Another process may have been faster: then both did it together.
async fn apply(url: &str) -> Result<Vec<String>, StoreError> {
    let before = ServerState::of(url).await?;
    Store::migrate(url).await?;
    Ok(before.missing)
}

/// One line for each step, and one for the whole.
fn told(database: &str, applied: &[String]) -> String {
    let mut out: String = applied.iter().map(|step| format!("applied  {step}\n")).collect();
    out += &match applied.len() {
        0 => format!("{database} is up to date; nothing to do\n"),
        1 => format!("{database} is up to date; 1 migration applied\n"),
        n => format!("{database} is up to date; {n} migrations applied\n"),
    };
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_it_did() {
        assert_eq!(told("d", &[]), "d is up to date; nothing to do\n");
        assert_eq!(told("d", &[String::from("4 teams")]), "applied  4 teams\nd is up to date; 1 migration applied\n");
    }
}
