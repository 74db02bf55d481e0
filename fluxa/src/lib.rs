//! The binary `fluxa`: configuration, wiring and the few things that only a process needs.
//!
//! Nothing is decided here that another room could decide: this room reads files, variables and flags, starts tasks
//! and prints. Start reading at `main.rs`, then `cli.rs` (what can be typed), `config.rs` (what can be configured)
//! and `wiring.rs` (who gets what). It is a library only so that the fuzz target and the tests can reach it.

pub mod admin_listener;
pub mod audit;
pub mod aws_environment;
pub mod backends;
pub mod banner;
pub mod boot;
pub mod check;
pub mod cli;
pub mod config;
pub mod demo;
pub mod healthcheck;
pub mod jobs;
pub mod load;
pub mod master;
pub mod migrate;
pub mod node_name;
pub mod seed;
pub mod shutdown;
pub mod telemetry;
pub mod wiring;
