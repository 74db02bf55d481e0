//! Stories over the admin API, on a store in memory.

#[cfg(test)]
mod access;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod firewall;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod prices;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod teams;
#[cfg(test)]
mod usage;
