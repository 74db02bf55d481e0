//! `fluxa migrate`: brings the schema up to date, after a bounded wait for the database, and says what it did.
//!
//! Never done here: anything to the rows of a release that still runs; migrations only add.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use fluxa_store::{Store, StoreError};

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
    let applied = loop {
        match Store::migrate(backends::migration_options(config)).await {
            Ok(applied) => break applied,
            Err(error) if error.is_away() && tokio::time::Instant::now() + LOOK_EVERY <= deadline => {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Err(error) => return Err(refused(error)).with_context(|| format!("cannot migrate {}", backends::database_name(config))),
        }
    };
    banner::print(&told(&backends::database_name(config), &applied), false);
    Ok(ExitCode::SUCCESS)
}

fn refused(error: StoreError) -> anyhow::Error {
    anyhow::Error::new(error)
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
