//! Stories of the mock vendor and of the load generator, over HTTP.

#[cfg(test)]
mod agents;
mod dialects;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod load;
mod misbehaviour;
#[cfg(test)]
mod proxy;
