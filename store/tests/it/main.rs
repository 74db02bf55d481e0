//! Stories of the store, each on a database in memory, on a file and on a server.

#[cfg(test)]
mod configuration;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod firewall;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod server;
#[cfg(test)]
mod usage;
