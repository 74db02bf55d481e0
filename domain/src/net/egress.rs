//! Where the gateway may connect. Judged on the connected address, so that no spelling of a host
//! and no second look-up of a name walks around it.

use std::net::IpAddr;

use super::Cidr;
use super::ranges::{Class, classify, embedded_v4};

/// What an installation allows beyond public addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    /// 127.0.0.0/8 and ::1.
    pub allow_loopback: bool,
    /// 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and fc00::/7.
    pub allow_private_ranges: bool,
    /// Further ranges, of any kind but metadata, multicast and reserved ones.
    pub allow_private: Vec<Cidr>,
    /// Cloud metadata services, which no other setting opens.
    pub allow_metadata: bool,
}

/// Whether the gateway may connect to `ip`.
///
/// An IPv6 address that carries an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo, ISATAP) must pass by both.
///
/// # Errors
/// What the address is, for a log line: `a loopback address`, `a cloud metadata address`, …
pub fn egress_allowed(policy: &EgressPolicy, ip: IpAddr) -> Result<(), &'static str> {
    let ip = ip.to_canonical();
    judge(policy, ip)?;
    if let IpAddr::V6(v6) = ip {
        for inner in embedded_v4(v6).into_iter().flatten() {
            judge(policy, IpAddr::V4(inner))?;
        }
    }
    Ok(())
}

fn judge(policy: &EgressPolicy, ip: IpAddr) -> Result<(), &'static str> {
    let class = classify(ip);
    let listed = || policy.allow_private.iter().any(|range| range.contains(ip));
    let allowed = match class {
        Class::Global => true,
        Class::Metadata => policy.allow_metadata,
        Class::Loopback => policy.allow_loopback || listed(),
        Class::Private => policy.allow_private_ranges || listed(),
        Class::Shared | Class::LinkLocal | Class::Special => listed(),
        Class::Unspecified | Class::Multicast | Class::Reserved => false,
    };
    if allowed { Ok(()) } else { Err(class.name()) }
}
