//! Neutral form in, requests out; answers and streams in, neutral form out.

mod answers;
mod models;
mod requests;
mod round_trip;
mod streams;
