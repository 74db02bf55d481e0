//! What may not leave: rules over text. Text in, findings out; no JSON documents, no HTTP, no clock.
//!
//! The invariant: what is found, and what a text becomes, does not depend on how the text is cut into pieces. That holds because
//! every match is local: a rule sees a bounded stretch before and after where it begins ([`limits`]), never the whole text.
//! Never done here: which fields of a request are texts (`wire`), who is told (`gateway`). No finding carries the value it found.
//!
//! Start reading at [`rule::Rule`] (one row of the tables in [`builtin`]), then [`ruleset::Ruleset::find`] (a text's findings),
//! [`plan::Plan`] (what a policy makes of them), [`call::CallFirewall`] (one call's texts) and [`channel::Channel`] (a stream's).

pub mod builtin;
pub mod call;
pub mod channel;
pub mod checks;
mod custom;
mod document;
mod flow;
pub mod limits;
mod mask;
pub mod plan;
pub mod pseudonyms;
pub mod rule;
pub mod ruleset;
mod scan;
pub mod view;

pub use call::{Blocked, CallFirewall, Inspected};
pub use channel::Channel;
pub use plan::Plan;
pub use ruleset::{Finding, RuleFault, Ruleset, bench_text};
pub use view::Form;
