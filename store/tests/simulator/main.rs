//! A simulator of the money protocol: nodes, counters and ledger in one process, driven by one seed.
//!
//! It holds the rules of the protocol against loss, delay, duplicates, reordering, crashes with and without the disk, outages, and
//! counters that are emptied or go back to older data. `make simulate SEED=… STEPS=…` runs it long; a failure prints its seed.
//! The scripts in Redis are modelled by `model.rs`; that they do the same is the conformance suite's to show.

#[cfg(test)]
mod check;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod model;
#[cfg(test)]
mod node;
#[cfg(test)]
mod rng;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod world;
