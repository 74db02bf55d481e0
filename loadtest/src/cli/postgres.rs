//! `fluxa-loadtest postgres -- COMMAND`: one server for a whole run of tests, which each make databases of their own.

use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use fluxa_loadtest::backends::{POSTGRES_URL, Postgres};

/// The command.
#[derive(Debug, Args)]
pub(crate) struct PostgresArgs {
    /// The command and its arguments; it finds the server's address in FLUXA_TEST_POSTGRES_URL.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl PostgresArgs {
    /// Runs the command; the server ends with it.
    pub(crate) fn run(self) -> Result<()> {
        let Some((program, arguments)) = self.command.split_first() else { bail!("no command") };
        let server = Postgres::start()?;
        let status = Command::new(program).args(arguments).env(POSTGRES_URL, server.url()).status().with_context(|| program.clone())?;
        if !status.success() {
            bail!("{program} ended with {status}");
        }
        Ok(())
    }
}
