//! The house rules, as tests: walls between the rooms, sizes and names of files, what no room may say or do.
//!
//! Nothing here is part of the product. Every rule is a pure function from text to findings (`path:line: what is wrong`),
//! tried on a bad sample beside it; only `tree.rs` reads files. Start reading at `rooms.rs` (the walls), then
//! `tests/house.rs`, which holds the real tree against all of it.

pub mod code;
pub mod dependencies;
pub mod docs;
pub mod files;
pub mod manifest;
pub mod migrations;
pub mod pages;
pub mod portable;
pub mod purity;
pub mod refused;
pub mod rooms;
pub mod tree;
pub mod vendors;

/// What a rule has against a line: `path:line: sentence`. No findings, no complaint.
pub type Findings = Vec<String>;
