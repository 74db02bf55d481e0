//! Mock vendors, and the load that proves the latency promise.
//!
//! [`vendor`] is the mock that tests and demos talk to; [`load`] and [`streams`] generate load and measure it; [`mod@bench`]
//! compares a fluxa binary with nginx. Nothing here is part of the gateway. Start at [`vendor::Mock`].

pub mod backends;
pub mod bench;
pub mod chaos;
pub mod client;
pub mod conformance;
pub mod detection;
pub mod filler;
pub mod load;
pub mod proxy;
pub mod streams;
pub mod vendor;
