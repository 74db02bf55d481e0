//! What kind of address an address is, after IANA's registries of special-purpose addresses
//! (IPv4 and IPv6), with everything that is not plainly global refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The kind of an address, as far as connecting to it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Globally routable unicast.
    Global,
    /// The metadata service of a cloud: an open door to its credentials.
    Metadata,
    /// This machine.
    Loopback,
    /// Private use (RFC 1918, unique local).
    Private,
    /// Shared with a carrier's NAT, 100.64.0.0/10.
    Shared,
    /// Link-local and the old site-local.
    LinkLocal,
    /// Documentation, benchmarks, protocol assignments, translation and tunnels.
    Special,
    /// 0.0.0.0/8 and ::, which many systems connect to this machine.
    Unspecified,
    /// Multicast.
    Multicast,
    /// Reserved for ever or for later, broadcast included.
    Reserved,
}

impl Class {
    /// The words for a log line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global => "a public address",
            Self::Metadata => "a cloud metadata address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::Shared => "a carrier-grade nat address",
            Self::LinkLocal => "a link-local address",
            Self::Special => "a special-purpose address",
            Self::Unspecified => "an unspecified address",
            Self::Multicast => "a multicast address",
            Self::Reserved => "a reserved address",
        }
    }
}

/// The kind of `ip`; an IPv4-mapped address is the IPv4 address it holds.
#[must_use]
pub fn classify(ip: IpAddr) -> Class {
    match ip.to_canonical() {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

fn classify_v4(ip: Ipv4Addr) -> Class {
    match ip.octets() {
        // EC2, GCE, Azure, Oracle, DigitalOcean, …; ECS tasks; EKS pods; Alibaba; Azure's wire server; Oracle's older one.
        [169, 254, 169, 254] | [169, 254, 170, 2 | 23] | [100, 100, 100, 200] | [168, 63, 129, 16] | [192, 0, 0, 192] => Class::Metadata,
        [0, ..] => Class::Unspecified,
        [127, ..] => Class::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private,
        [100, 64..=127, ..] => Class::Shared,
        [169, 254, ..] => Class::LinkLocal,
        // Protocol assignments; documentation ×3; AS112 ×2; AMT; the 6to4 relay; benchmarks.
        [192, 0, 0 | 2, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [192, 31, 196, _]
        | [192, 175, 48, _]
        | [192, 52, 193, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..] => Class::Special,
        [224..=239, ..] => Class::Multicast,
        [240..=255, ..] => Class::Reserved,
        _ => Class::Global,
    }
}

fn classify_v6(ip: Ipv6Addr) -> Class {
    match ip.segments() {
        // EC2's metadata service and EKS's pod identity; Google's metadata server.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254 | 0x0023] | [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254] => Class::Metadata,
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Loopback,
        // NAT64's well-known prefix is global; what it leads to is judged by the address inside.
        [0x0064, 0xff9b, 0, 0, 0, 0, _, _] => Class::Global,
        // NAT64 for local use; discard-only ×2; IPv4-compatible and everything else in the first block.
        [0x0064, 0xff9b, 1, ..] | [0x0100, 0, 0, 0 | 1, ..] | [0, 0, 0, 0, 0, 0, _, _] => Class::Special,
        // Protocol assignments (Teredo, benchmarks, ORCHID, AMT, …); documentation ×2; 6to4; AS112; segment routing.
        [0x2001, 0..=0x01ff, ..]
        | [0x2001, 0x0db8, ..]
        | [0x3fff, 0..=0x0fff, ..]
        | [0x2002, ..]
        | [0x2620, 0x004f, 0x8000, ..]
        | [0x5f00, ..] => Class::Special,
        [0xfc00..=0xfdff, ..] => Class::Private,
        [0xfe80..=0xfeff, ..] => Class::LinkLocal,
        [0xff00..=0xffff, ..] => Class::Multicast,
        // Global unicast is 2000::/3; IANA has given out nothing else.
        [0x2000..=0x3fff, ..] => Class::Global,
        _ => Class::Reserved,
    }
}

/// The IPv4 addresses inside an IPv6 address: compatible, NAT64 (both prefixes), 6to4, Teredo (server and client), ISATAP.
pub(super) fn embedded_v4(ip: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let octets = ip.octets();
    let at = |from: usize| -> Option<Ipv4Addr> {
        let four: [u8; 4] = octets.get(from..from + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(four))
    };
    match ip.segments() {
        // :: and ::1 are judged as what they are.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => [None, None],
        [0, 0, 0, 0, 0, 0, _, _] | [0x0064, 0xff9b, ..] => [at(12), None],
        [0x2002, ..] => [at(2), None],
        [0x2001, 0, ..] => [at(4), at(12).map(|client| Ipv4Addr::from(!u32::from(client)))],
        [_, _, _, _, 0 | 0x0200, 0x5efe, _, _] => [at(12), None],
        _ => [None, None],
    }
}
