use std::net::IpAddr;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

/// First, middle and last addresses of every special range, and what they are.
const SPECIAL: &[(Class, &str)] = &[
    (
        Class::Metadata,
        "169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 ::ffff:169.254.169.254",
    ),
    (Class::Unspecified, "0.0.0.0 0.0.0.1 0.255.255.255 :: ::ffff:0.0.0.0"),
    (Class::Loopback, "127.0.0.1 127.0.0.53 127.255.255.255 ::1 ::ffff:127.0.0.1"),
    (
        Class::Private,
        "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.1 192.168.255.255 fc00:: fd12:3456::1 fdff:ffff::1 ::ffff:10.0.0.1",
    ),
    (Class::Shared, "100.64.0.0 100.100.100.100 100.127.255.255 ::ffff:100.64.0.1"),
    (Class::LinkLocal, "169.254.0.1 169.254.255.255 fe80::1 febf:ffff::1 fec0::1 feff::1"),
    (
        Class::Special,
        "192.0.0.0 192.0.0.8 192.0.0.9 192.0.0.10 192.0.0.170 192.0.0.171 192.0.0.255 192.0.2.0 192.0.2.255 192.31.196.1 192.52.193.1 \
         192.88.99.1 192.88.99.2 192.175.48.1 198.18.0.0 198.19.255.255 198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255 \
         64:ff9b:1:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff 100:: 100::1 100:0:0:1::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 \
         2001:1::3 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1 2001:30::1 2001:1ff:ffff::1 2001:db8::1 2002:: 2002:a00:1::1 \
         2620:4f:8000::1 3fff::1 3fff:fff:ffff::1 5f00::1 5f00:ffff::1 ::2 ::7f00:1 ::808:808",
    ),
    (Class::Multicast, "224.0.0.0 224.0.0.251 239.255.255.255 ff00::1 ff02::1 ffff::1"),
    (
        Class::Reserved,
        "240.0.0.0 250.1.2.3 255.255.255.254 255.255.255.255 4000::1 5eff::1 5f01::1 8000::1 e000::1 fe00::1 200::1 400::1 1fff::1 ::1:0:0:0 64:ff9a::1 64:ff9b:2::1 101::1",
    ),
];

const GLOBAL: &str = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15 169.253.255.255 \
     169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.31.195.255 192.31.197.0 192.52.192.255 192.88.98.255 \
     192.88.100.0 192.167.255.255 192.169.0.0 192.175.47.255 192.175.49.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 \
     203.0.114.0 223.255.255.255 2000::1 2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1 2003::1 2606:4700::1111 2620:4f:8001::1 \
     2a00:1450::1 3ffe::1 3fff:1000::1 64:ff9b::808:808";

#[test]
fn every_special_range_is_known() {
    for (class, addresses) in SPECIAL {
        for address in addresses.split_whitespace() {
            assert_eq!(classify(ip(address)), *class, "{address}");
            let denied = egress_allowed(&EgressPolicy::default(), ip(address));
            assert_eq!(denied, Err(class.name()), "{address}");
        }
    }
    for address in GLOBAL.split_whitespace() {
        assert_eq!(classify(ip(address)), Class::Global, "{address}");
        assert_eq!(egress_allowed(&EgressPolicy::default(), ip(address)), Ok(()), "{address}");
    }
}

/// The registries once more, as ranges: nothing at either edge of a range nor inside it passes by default.
#[test]
fn no_edge_of_a_registered_range_is_open() {
    let ranges = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 \
         192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 \
         255.255.255.255/32 ::/128 ::1/128 ::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 \
         3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8 4000::/2 8000::/1";
    for range in ranges.split_whitespace() {
        let net: IpNet = range.parse().unwrap();
        let middle = match (net.network(), net.broadcast()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => IpAddr::V4((u32::from(a) + (u32::from(b) - u32::from(a)) / 2).into()),
            (IpAddr::V6(a), IpAddr::V6(b)) => IpAddr::V6((u128::from(a) + (u128::from(b) - u128::from(a)) / 2).into()),
            _ => unreachable!(),
        };
        for inside in [net.network(), middle, net.broadcast()] {
            assert!(egress_allowed(&EgressPolicy::default(), inside).is_err(), "{inside} of {range}");
            if let IpAddr::V4(v4) = inside {
                assert!(egress_allowed(&EgressPolicy::default(), IpAddr::V6(v4.to_ipv6_mapped())).is_err(), "mapped {inside}");
            }
        }
    }
}

#[test]
fn an_ipv4_address_inside_an_ipv6_address_is_judged_too() {
    let open = EgressPolicy { allow_private: vec![cidr("::/0")], ..EgressPolicy::default() };
    let check = |policy: &EgressPolicy, address: &str, expect: Result<(), &'static str>| {
        assert_eq!(egress_allowed(policy, ip(address)), expect, "{address}");
    };
    let default = EgressPolicy::default();
    // NAT64, whose well-known prefix is global: the address inside decides.
    check(&default, "64:ff9b::169.254.169.254", Err(Class::Metadata.name()));
    check(&default, "64:ff9b::127.0.0.1", Err(Class::Loopback.name()));
    check(&default, "64:ff9b::10.0.0.1", Err(Class::Private.name()));
    check(&default, "64:ff9b::100.64.0.1", Err(Class::Shared.name()));
    check(&default, "64:ff9b::8.8.8.8", Ok(()));
    // Even where an operator opened all of IPv6, the IPv4 address inside is not.
    check(&open, "64:ff9b:1::169.254.169.254", Err(Class::Metadata.name()));
    check(&open, "64:ff9b:1::10.0.0.1", Err(Class::Private.name()));
    check(&open, "2002:a9fe:a9fe::1", Err(Class::Metadata.name()));
    check(&open, "2002:7f00:1::", Err(Class::Loopback.name()));
    check(&open, "2002:808:808::1", Ok(()));
    check(&open, "::169.254.169.254", Err(Class::Metadata.name()));
    check(&open, "::127.0.0.1", Err(Class::Loopback.name()));
    // Teredo: the server's address, and the client's with its bits turned over (0x5601_5601 is 169.254.169.254).
    check(&open, "2001:0:a9fe:a9fe::f7f7:f7f7", Err(Class::Metadata.name()));
    check(&open, "2001:0:808:808:0:0:5601:5601", Err(Class::Metadata.name()));
    check(&open, "2001:0:808:808::f7f7:f7f7", Ok(()));
    // ISATAP under a global prefix.
    check(&default, "2a00:1450::5efe:a9fe:a9fe", Err(Class::Metadata.name()));
    check(&default, "2a00:1450::200:5efe:10.0.0.1", Err(Class::Private.name()));
}

#[test]
fn each_permission_opens_its_own_door_only() {
    let check = |policy: &EgressPolicy, allowed: &str, denied: &str| {
        for address in allowed.split_whitespace() {
            assert_eq!(egress_allowed(policy, ip(address)), Ok(()), "{address}");
        }
        for address in denied.split_whitespace() {
            assert!(egress_allowed(policy, ip(address)).is_err(), "{address}");
        }
    };
    let none = EgressPolicy::default();
    let metadata = "169.254.169.254 100.100.100.200 168.63.129.16 fd00:ec2::254 ::ffff:169.254.169.254";
    let loopback = EgressPolicy { allow_loopback: true, ..none.clone() };
    check(&loopback, "127.0.0.1 ::1 ::ffff:127.0.0.1", "10.0.0.1 0.0.0.0 :: 169.254.1.1 fc00::1");
    let private = EgressPolicy { allow_private_ranges: true, ..none.clone() };
    check(&private, "10.0.0.1 172.16.0.1 192.168.1.1 fd12::1", "127.0.0.1 100.64.0.1 169.254.1.1 198.18.0.1 0.0.0.0 fe80::1");
    check(&private, "", metadata);
    let everything = vec![cidr("0.0.0.0/0"), cidr("::/0")];
    let listed = EgressPolicy { allow_private: everything, allow_loopback: true, allow_private_ranges: true, ..none.clone() };
    check(
        &listed,
        "100.64.0.1 198.18.0.1 169.254.1.1 192.0.2.1 fe80::1 2001:db8::1",
        "0.0.0.0 0.1.2.3 224.0.0.1 255.255.255.255 240.0.0.1 :: ff02::1",
    );
    check(&listed, "", metadata);
    check(&EgressPolicy { allow_metadata: true, ..none.clone() }, metadata, "10.0.0.1 127.0.0.1 169.254.1.1");
    let one = EgressPolicy { allow_private: vec![cidr("10.1.2.3")], ..none };
    check(&one, "10.1.2.3 ::ffff:10.1.2.3", "10.1.2.4");
}

#[test]
fn ranges_are_read_and_written() {
    let check = |text: &str, expect: &str| assert_eq!(cidr(text).to_string(), expect, "{text}");
    check("10.0.0.0/8", "10.0.0.0/8");
    check("10.1.2.3/8", "10.0.0.0/8");
    check("10.1.2.3", "10.1.2.3");
    check("10.1.2.3/32", "10.1.2.3");
    check("::ffff:10.0.0.0/104", "10.0.0.0/8");
    check("::ffff:10.0.0.1", "10.0.0.1");
    check("2001:DB8::/32", "2001:db8::/32");
    for bad in ["", "10.0.0.0/33", "10.0.0", "example.org", "010.0.0.1", "10.0.0.0/-1", "fe80::1%eth0", "0x7f.1"] {
        assert!(bad.parse::<Cidr>().is_err(), "{bad}");
    }
    assert!(cidr("10.0.0.0/8").contains(ip("::ffff:10.9.9.9")));
    assert!(!cidr("::/0").contains(ip("10.0.0.1")));
    let json = serde_json::to_string(&[cidr("10.0.0.0/8"), cidr("::1")]).unwrap();
    assert_eq!(json, r#"["10.0.0.0/8","::1"]"#);
    assert_eq!(serde_json::from_str::<Vec<Cidr>>(&json).unwrap(), [cidr("10.0.0.0/8"), cidr("::1")]);
    assert!(serde_json::from_str::<Cidr>("7").is_err());
}

#[test]
fn the_client_is_the_right_most_hop_that_is_not_ours() {
    let trusted = [cidr("10.0.0.0/8"), cidr("fd00::/8")];
    let check = |peer: &str, values: &[&str], expect: &str| {
        let found = client_ip(ip(peer), values.iter().map(|value| value.as_bytes()), &trusted);
        assert_eq!(found, ip(expect), "{peer} {values:?}");
    };
    // A stranger's header says nothing.
    check("203.0.113.9", &["1.2.3.4"], "203.0.113.9");
    check("203.0.113.9", &["10.0.0.1"], "203.0.113.9");
    check("::ffff:203.0.113.9", &["1.2.3.4"], "203.0.113.9");
    // From a proxy of ours.
    check("10.0.0.1", &[], "10.0.0.1");
    check("10.0.0.1", &["198.51.100.7"], "198.51.100.7");
    check("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7");
    check("fd00::1", &["2001:db8::7"], "2001:db8::7");
    check("10.0.0.1", &["1.1.1.1, 198.51.100.7"], "198.51.100.7");
    check("10.0.0.1", &["1.1.1.1,198.51.100.7 , 10.0.0.2"], "198.51.100.7");
    check("10.0.0.1", &["1.1.1.1", "198.51.100.7", "10.0.0.2"], "198.51.100.7");
    check("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
    // Ports and brackets, as some proxies write them.
    check("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7");
    check("10.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7");
    check("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7");
    check("10.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7");
    // An unreadable hop ends the walk at the last address known to be true.
    check("10.0.0.1", &["1.1.1.1, unknown"], "10.0.0.1");
    check("10.0.0.1", &["1.1.1.1, , 10.0.0.2"], "10.0.0.2");
    check("10.0.0.1", &[""], "10.0.0.1");
    check("10.0.0.1", &["198.51.100.7, 0x0a.1, 10.0.0.2"], "10.0.0.2");
    let bytes: &[u8] = b"1.1.1.1, \xff\xfe";
    assert_eq!(client_ip(ip("10.0.0.1"), [bytes].into_iter(), &trusted), ip("10.0.0.1"));
    // A header that is all ours and endless.
    let endless = "10.0.0.9,".repeat(100_000) + "10.0.0.8";
    check("10.0.0.1", &[&endless], "10.0.0.9");
}

#[test]
fn nobody_is_trusted_by_default() {
    let found = client_ip(ip("10.0.0.1"), [b"1.2.3.4".as_slice()].into_iter(), &[]);
    assert_eq!(found, ip("10.0.0.1"));
}
