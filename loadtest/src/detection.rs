//! Corpora of secrets and personal data against the firewall of a real gateway: what is found, what is found wrongly, what leaves a stream.
//!
//! Only what the contract promises is used: `POST /admin/firewall/test`, policies, keys, and calls with a vendor of our own behind.
//! Nothing here uses the gateway's own code: the oracle would agree with every mistake. Start at [`run()`].

pub mod report;
pub mod rows;
pub mod run;
pub mod score;
pub mod streams;
pub mod vendor;

pub use run::{Options, run};
