//! Where events begin and end in a stream of bytes, whatever the cuts between reads.

pub mod event_stream;
pub mod json_array;
pub mod sse;
