//! Calls to vendors over HTTP/1.1: connections, request heads, answer heads and bodies.
//!
//! Why our own and not a client library: a relay wants what one read of the socket gave, at once,
//! and no buffer kept between events. Clients that hand over one frame at a time through a channel
//! cost 8 times nginx on bursts, and 8 kB and more a waiting stream. See `docs/decisions/0002-plumbing.md`.
//! Nothing here knows dialects, vendors or money. Redirects are never followed. Start at `exchange.rs`.

mod body;
mod chunked;
mod connect;
mod exchange;
mod head;
mod io;
mod origin;
mod pool;
mod tls;
mod unpack;

pub(crate) use body::BodyFault;
pub(crate) use body::{AnswerBody, Progress};
pub(crate) use connect::ConnectError;
pub(crate) use connect::Connector;
pub(crate) use exchange::{Answer, Ask, Fault, Timers, exchange};
pub(crate) use head::AnswerHead;
pub(crate) use io::Scratch;
pub(crate) use origin::Origin;
pub(crate) use pool::Pool;
pub(crate) use tls::TlsSetup;
