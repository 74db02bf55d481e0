//! Recorded provider traffic, sent through a real gateway again: does every byte and every token arrive?
//!
//! A corpus of recordings is served by [`replay`] as if by the vendors; a gateway is started in front of it
//! ([`gateway`]), each recorded request is sent through it ([`ask`]), and the answer is compared with what the contract
//! promises for that recording ([`expect`], [`tokens`]). Nothing here uses the gateway's own code: the oracle would agree
//! with every mistake. Reasons are found by rule, never by the name of a case. Start at [`run()`].

pub mod ask;
pub mod check;
pub mod corpus;
pub mod ending;
pub mod expect;
pub mod gateway;
pub mod http;
pub mod pairs;
pub mod pieces;
pub mod replay;
pub mod report;
pub mod run;
pub mod sse;
pub mod tokens;

pub use run::{Options, run};
