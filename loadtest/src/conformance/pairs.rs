//! Every client dialect over every upstream dialect: is the translation what an independent reader of the recording says?
//!
//! [`wish`] makes the request of a case in each client dialect, [`record`] reads the recorded answer, [`answer`] reads what
//! the client got by the strict grammar of its dialect, [`sdk`] asks once more through the vendor's official library,
//! [`compare`] and [`refused`] judge, [`vendor_side`] looks at what the vendor was asked. Nothing here uses the gateway's
//! code. What a dialect cannot say is excused by a rule with a reason, never by the name of a case. Start at [`run()`].

pub mod answer;
pub mod compare;
pub mod dialect;
pub mod json;
pub mod pair;
pub mod record;
pub mod refused;
pub mod report;
pub mod run;
pub mod said;
pub mod sdk;
pub mod setup;
pub mod tear;
pub mod vendor_side;
pub mod wish;

pub use run::{Options, run};
