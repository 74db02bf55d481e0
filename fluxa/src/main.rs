//! The entry: parses the command line, runs a command, and turns an error into one clear line and an exit code.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration. Start reading at [`run`].

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory as _, Parser as _};

use fluxa::cli::{Cli, Command};
use fluxa::config::error::ConfigErrors;
use fluxa::config::mode::{self, Mode, Role};
use fluxa::load::{Loaded, env, load};
use fluxa::telemetry::{self, Format};
use fluxa::{audit, banner, check, healthcheck, migrate, seed, wiring};

/// Threads of the control plane (admin API, ledger, telemetry); the data plane brings its own.
const CONTROL_THREADS: usize = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            let code = if error.is::<ConfigErrors>() { 2 } else { 1 };
            // Nothing can be done about a closed standard error.
            let _ = writeln!(std::io::stderr(), "fluxa: {error:#}{}", hint(&error));
            ExitCode::from(code)
        }
    }
}

/// What to do about an error, where that is known.
fn hint(error: &anyhow::Error) -> &'static str {
    if error.is::<ConfigErrors>() {
        return "\n(correct it and try again; `fluxa check` shows every setting with its source)";
    }
    match error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind) {
        Some(std::io::ErrorKind::AddrInUse) => "\n(another process listens there; choose another with --port, --telemetry-listen)",
        Some(std::io::ErrorKind::PermissionDenied) => {
            "\n(the user who runs fluxa may not do that; ports below 1024 need CAP_NET_BIND_SERVICE)"
        }
        _ => "",
    }
}

fn run(cli: &Cli) -> Result<ExitCode> {
    match cli.chosen() {
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "fluxa", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Check => {
            let loaded = load(cli)?;
            runtime()?.block_on(checked(&loaded))
        }
        Command::Migrate { wait } => {
            let loaded = load(cli)?;
            runtime()?.block_on(migrate::run(&loaded.config, wait))
        }
        Command::Audit { org, json, repair } => {
            let loaded = load(cli)?;
            mode::judge(&loaded.config, Role::Serve)?;
            runtime()?.block_on(audit::run(&loaded.config, &audit::Wish { organization: org, json, repair }))
        }
        Command::Healthcheck { url } => {
            // Probes are many and short: the file is read for the port alone, and its mistakes are another command's.
            let listen = if url.is_some() { None } else { load(cli)?.config.telemetry.listen };
            runtime()?.block_on(healthcheck::run(url.as_deref(), listen))
        }
        command @ (Command::Serve | Command::Demo | Command::Gateway) => {
            let loaded = logged(cli)?;
            runtime()?.block_on(wiring::serve(loaded, command.role(), command == Command::Demo))
        }
        Command::Admin => {
            let loaded = logged(cli)?;
            runtime()?.block_on(wiring::administer(loaded))
        }
    }
}

/// Reads the configuration and starts logging.
fn logged(cli: &Cli) -> Result<Loaded> {
    let loaded = load(cli)?;
    telemetry::init(&loaded.config.logging.level, Format::of_stdout(loaded.config.logging.format));
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    Ok(loaded)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(CONTROL_THREADS).enable_all().build()?)
}

async fn checked(loaded: &Loaded) -> Result<ExitCode> {
    let file = loaded.file.as_deref();
    let mut lines = check::backends(&loaded.config).await;
    match seed::providers(&loaded.config.seeds, file, &env) {
        Ok(providers) => {
            // In a cluster, providers are usually in the database alone.
            if !(providers.is_empty() && Mode::of(&loaded.config) != Mode::Embedded) {
                lines.extend(check::providers(&providers, &*wiring::reach(&loaded.config)?).await);
            }
        }
        Err(found) => {
            lines.push(check::Line { ok: false, what: String::from("environment"), found, advice: String::from("correct the variable") });
        }
    }
    let (text, well) = check::report(&loaded.config, file, &loaded.warnings, &lines);
    banner::print(&text, false);
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
