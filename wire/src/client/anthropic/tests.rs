//! Requests in, neutral form out; neutral form in, answers and streams out.

mod answers;
mod requests;
mod streams;
