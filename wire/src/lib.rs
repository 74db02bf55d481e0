//! Bytes: what a body says, how it is changed by spans, how streams are framed, watched and ended.
//!
//! Nothing here does I/O, reads a clock, spawns a task or knows a vendor: what differs between vendors
//! arrives as a shape. Start reading at `body/outline.rs` (what the client asks), `relay.rs` (what the
//! upstream streams) and `answer.rs` (what it answers whole). Where client and vendor speak different dialects, `neutral.rs`
//! is the form between them and `translate.rs` the machine.

pub mod address;
pub mod answer;
pub mod body;
mod civil;
pub mod client;
pub mod count;
pub mod count_tokens;
pub mod facts;
pub mod frame;
mod json;
pub mod leaf;
pub mod limits;
pub mod models;
pub mod neutral;
mod percent;
pub mod refuse;
pub mod refused_field;
pub mod relay;
pub mod retry;
pub mod screen;
pub mod sigv4;
pub mod stream_end;
mod tap;
pub mod translate;
pub mod upstream;
pub mod upstream_error;
pub mod usage;
