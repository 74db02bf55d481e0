//! The words and the rules of the house: keys, budgets, prices, routes, vendors, changes.
//!
//! Nothing here does I/O, reads a clock, an environment variable or randomness, or logs:
//! `now` and random bytes are arguments. Start reading at `key.rs` (who may ask), `route.rs`
//! (where a call goes) and `price.rs` (what it costs).

pub mod breaker;
pub mod budget;
pub mod cache;
pub mod change;
pub mod dialect;
pub mod entry;
pub mod estimate;
pub mod firewall;
pub mod id;
pub mod import;
pub mod key;
pub mod limit;
pub mod models;
pub mod money;
pub mod net;
pub mod price;
pub mod prices;
pub mod provider;
pub mod rbac;
pub mod refusal;
pub mod route;
pub mod scope;
pub mod secret;
pub mod team;
pub mod time;
pub mod usage;
pub mod validate;
pub mod vendors;
