//! One suite for every mechanism that counts: in memory and in Redis.

#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod model;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod rates;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod world;
