//! The networks that a webhook must not reach: everything that is not a public unicast address.
//!
//! Sources: the IANA special-purpose address registries for IPv4 and IPv6. Registered blocks of
//! public anycast services (AS112, AMT) are not listed here, because no host inside a network
//! answers at their addresses. A NAT64 prefix that a network has chosen itself cannot be known
//! here, so it is not blocked.

use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;

/// Blocked prefixes, each with its kind. The first row that contains an address gives its kind, so
/// narrow prefixes come before wide ones.
const BLOCKED: &[(&str, &str)] = &[
    ("0.0.0.0/32", "the unspecified address"),
    ("0.0.0.0/8", "an address of this network"),
    ("10.0.0.0/8", "a private address"),
    ("100.64.0.0/10", "a carrier-grade NAT address"),
    ("127.0.0.0/8", "a loopback address"),
    ("168.63.129.16/32", "a cloud platform's metadata address"),
    ("169.254.0.0/16", "a link-local address"),
    ("172.16.0.0/12", "a private address"),
    ("192.0.0.0/24", "a protocol assignment"),
    ("192.0.2.0/24", "a documentation address"),
    ("192.88.99.0/24", "a 6to4 relay"),
    ("192.168.0.0/16", "a private address"),
    ("198.18.0.0/15", "a benchmarking address"),
    ("198.51.100.0/24", "a documentation address"),
    ("203.0.113.0/24", "a documentation address"),
    ("224.0.0.0/4", "a multicast address"),
    ("255.255.255.255/32", "the broadcast address"),
    ("240.0.0.0/4", "a reserved address"),
    ("::/128", "the unspecified address"),
    ("::1/128", "a loopback address"),
    ("::/96", "an IPv4-compatible address"),
    ("::ffff:0:0/96", "an IPv4-mapped address"),
    ("::ffff:0:0:0/96", "an IPv4-translated address"),
    ("64:ff9b::/96", "a NAT64 address"),
    ("64:ff9b:1::/48", "a NAT64 address"),
    ("100::/64", "a discard address"),
    ("2001::/32", "a Teredo address"),
    ("2001:2::/48", "a benchmarking address"),
    ("2001::/23", "a protocol assignment"),
    ("2001:db8::/32", "a documentation address"),
    ("2002::/16", "a 6to4 address"),
    ("3fff::/20", "a documentation address"),
    ("5f00::/16", "a segment routing identifier"),
    ("fc00::/7", "a unique local address"),
    ("fe80::/10", "a link-local address"),
    ("fec0::/10", "a site-local address"),
    ("ff00::/8", "a multicast address"),
    // Networks that together cover all addresses outside 2000::/3, the only space of public
    // addresses.
    ("::/3", "not a public address"),
    ("4000::/2", "not a public address"),
    ("8000::/1", "not a public address"),
];

static NETWORKS: LazyLock<Vec<(IpNet, &str)>> = LazyLock::new(|| {
    let parse = |(prefix, what): &(&str, &'static str)| {
        (prefix.parse().expect("a test parses every prefix"), *what)
    };
    BLOCKED.iter().map(parse).collect()
});

/// Returns the kind of an address that webhooks may not reach, or `None` for any other address. An
/// IPv4-mapped IPv6 address is checked by its IPv4 address.
pub(super) fn blocked(address: IpAddr) -> Option<&'static str> {
    let address = address.to_canonical();
    NETWORKS.iter().find(|(network, _)| network.contains(&address)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_parses_and_has_no_bits_beyond_its_length() {
        for (prefix, what) in BLOCKED {
            let network: IpNet = prefix.parse().unwrap();
            assert_eq!(network, network.trunc(), "{prefix}");
            assert!(!what.is_empty());
        }
    }

    #[test]
    fn both_ends_of_every_prefix_are_blocked() {
        for (prefix, _) in BLOCKED {
            let network: IpNet = prefix.parse().unwrap();
            // The ends of the IPv4-mapped prefix are checked as the IPv4 addresses that they
            // contain.
            assert!(blocked(network.network()).is_some(), "{prefix}");
            assert!(blocked(network.broadcast()).is_some(), "{prefix}");
        }
    }

    #[test]
    fn the_neighbours_of_blocked_networks_are_public() {
        let public = [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "2000::",
            "2001:200::",
            "2001:db7:ffff::1",
            "2001:db9::",
            "2003::",
            "2606:4700::1111",
            "3ffe:ffff::1",
            "3fff:1000::",
        ];
        for address in public {
            assert_eq!(blocked(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn a_wrapped_address_is_judged_as_what_it_wraps() {
        for (address, what) in [
            ("::ffff:169.254.169.254", "a link-local address"),
            ("::ffff:127.0.0.1", "a loopback address"),
            ("::127.0.0.1", "an IPv4-compatible address"),
            ("64:ff9b::7f00:1", "a NAT64 address"),
            ("2002:7f00:1::", "a 6to4 address"),
        ] {
            assert_eq!(blocked(address.parse().unwrap()), Some(what), "{address}");
        }
    }
}
