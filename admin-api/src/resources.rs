//! One file a resource: how its body is read, which change it makes, how it is shown.

pub(crate) mod audit;
pub(crate) mod firewall;
pub(crate) mod keys;
mod limits;
pub(crate) mod logs;
pub(crate) mod organizations;
pub(crate) mod prices;
pub(crate) mod providers;
pub(crate) mod routes;
mod spend;
pub(crate) mod status;
pub(crate) mod teams;
pub(crate) mod usage;
pub(crate) mod vendors;
