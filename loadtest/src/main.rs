//! The program `fluxa-loadtest`: a mock vendor, a load generator, many streams, and the comparison with nginx.
//!
//! Only arguments and printing are here; the work is in the library.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let outcome = match cli::Cli::parse().command {
        cli::Command::Vendor(args) => args.run(),
        cli::Command::Chaos(args) => args.run(),
        cli::Command::Proxy(args) => args.run(),
        cli::Command::Load(args) => args.run(),
        cli::Command::Postgres(args) => args.run(),
        cli::Command::Streams(args) => args.run(),
        cli::Command::Bench(args) => args.run(),
        cli::Command::Replicas(args) => args.run(),
        cli::Command::Scale(args) => args.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cli::complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
