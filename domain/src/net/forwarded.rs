//! Who really asks, behind proxies that we trust.

use std::net::{IpAddr, SocketAddr};

use super::Cidr;

/// Hops read from the right before giving up: no honest chain is longer, and the header is the client's to fill.
const MAX_HOPS: usize = 64;

/// The client's address: the right-most hop of `X-Forwarded-For` that is not one of ours.
///
/// `forwarded_for` gives all values of the header in the order of the request. It is read only when the
/// `peer` that connected is `trusted`, and only as far as every hop to the right is; an unreadable hop
/// ends the walk at the last address known to be true. No other header is ever believed.
pub fn client_ip<'a>(peer: IpAddr, forwarded_for: impl Iterator<Item = &'a [u8]>, trusted: &[Cidr]) -> IpAddr {
    let mut known = peer.to_canonical();
    let is_trusted = |ip: IpAddr| trusted.iter().any(|range| range.contains(ip));
    if !is_trusted(known) {
        return known;
    }
    let values: Vec<&[u8]> = forwarded_for.collect();
    let hops = values.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
    for hop in hops.take(MAX_HOPS) {
        let Some(ip) = read_hop(hop) else { return known };
        known = ip;
        if !is_trusted(known) {
            return known;
        }
    }
    known
}

/// Reads `1.2.3.4`, `1.2.3.4:5`, `2001:db8::1` or `[2001:db8::1]:5`.
fn read_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let ip = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|addr| addr.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().ok().map(IpAddr::V6))?;
    Some(ip.to_canonical())
}
