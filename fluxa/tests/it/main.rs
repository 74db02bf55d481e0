//! Stories about the whole binary, over HTTP. Each starts the program as an operator would, in a folder of its own, and
//! talks to it through sockets only. Start reading at `harness.rs`.

#[cfg(test)]
mod backend;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod basics;
#[cfg(test)]
mod books;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod firewall;
#[cfg(test)]
mod firewall_answers;
#[cfg(test)]
mod firewall_canary;
#[cfg(test)]
mod firewall_policies;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod http;
#[cfg(test)]
mod kept_answers;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod leaks;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod loopholes;
#[cfg(test)]
mod members;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod packed;
#[cfg(test)]
mod prices;
#[cfg(test)]
mod refused_fields;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod security;
#[cfg(test)]
mod slow_clients;
#[cfg(test)]
mod smuggling;
#[cfg(test)]
mod strategies;
#[cfg(test)]
mod tags;
#[cfg(test)]
mod teams;
#[cfg(test)]
mod translation;
#[cfg(test)]
mod upstreams;
#[cfg(test)]
mod usage;
#[cfg(test)]
mod vendor;
