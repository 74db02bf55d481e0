//! Stories of the mechanisms in Redis, on real servers; what no server can be made to say, a fake one says.

#[cfg(test)]
mod bulletin;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod link;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod secure;
#[cfg(test)]
mod sentinel;
#[cfg(test)]
mod speed;
