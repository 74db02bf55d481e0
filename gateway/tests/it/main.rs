//! Stories about the data plane on its own: a store in memory, counters that may be away, a mock vendor. Start at `harness.rs`.

#[cfg(test)]
mod away;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod harness;
