//! Addresses: where the gateway may connect, and who really asks behind proxies.
//!
//! Both are judged on socket addresses, never on text. Never done here: resolving names.
//! Start reading at [`egress_allowed`] and [`client_ip`].

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod egress;
mod forwarded;
mod ranges;

pub use egress::{EgressPolicy, egress_allowed};
pub use forwarded::client_ip;
pub use ranges::{Class, classify};

/// A range of addresses, written `10.0.0.0/8` or, for one address, `10.1.2.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr(IpNet);

impl Cidr {
    /// Whether `ip` lies in the range; an IPv4-mapped IPv6 address counts as the IPv4 address it holds.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip.to_canonical())
    }
}

impl FromStr for Cidr {
    type Err = String;

    /// Reads a range or an address. Bits behind the prefix are cleared (`10.1.2.3/8` is `10.0.0.0/8`);
    /// an IPv4-mapped IPv6 range of 96 bits or more becomes the IPv4 range it means.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let net = match text.parse::<IpNet>() {
            Ok(net) => net,
            Err(_) => text.parse::<IpAddr>().map(IpNet::from).map_err(|_| format!("\"{text}\" is no address range like 10.0.0.0/8"))?,
        };
        let IpNet::V6(v6) = net else { return Ok(Self(net.trunc())) };
        let mapped = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
        let net = match mapped {
            Some((v4, bits)) => ipnet::Ipv4Net::new(v4, bits).map_or(net, IpNet::V4),
            None => net,
        };
        Ok(Self(net.trunc()))
    }
}

impl From<IpAddr> for Cidr {
    fn from(ip: IpAddr) -> Self {
        Self(IpNet::from(ip.to_canonical()))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            return fmt::Display::fmt(&self.0.addr(), f);
        }
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
