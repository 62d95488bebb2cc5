//! Parser of a browser's IP address as a relying party forwards it.

use std::net::{IpAddr, Ipv4Addr};

use countersign_core::policy::CONTEXT_BYTES_MAX;
use countersign_core::text::Line;

/// Returns the one IP address in a text, in canonical spelling, without a port and brackets.
/// Returns `None` for anything else. A chain of addresses gives `None` too, because the server does
/// not know which of its entries are trustworthy.
pub(crate) fn single(text: &str) -> Option<Line> {
    let address = parse(text.trim_ascii())?;
    Some(Line::cleaned(&address.to_string(), CONTEXT_BYTES_MAX))
}

fn parse(text: &str) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        return (port.is_empty() || is_port(port.strip_prefix(':')?))
            .then(|| address.parse().ok())
            .flatten();
    }
    let address = text.parse().ok();
    // Without brackets, only an IPv4 address can have a port.
    address.or_else(|| {
        let (address, _) = text.split_once(':').filter(|(_, port)| is_port(port))?;
        address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
    })
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_address_loses_its_port_and_brackets() {
        for (text, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:51234", "203.0.113.7"),
            ("[203.0.113.7]", "203.0.113.7"),
            (" 203.0.113.7 ", "203.0.113.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:203.0.113.7", "::ffff:203.0.113.7"),
            // The parser cannot tell a port from the last group of an IPv6 address.
            ("2001:db8::1:443", "2001:db8::1:443"),
        ] {
            assert_eq!(single(text).unwrap().as_str(), expected, "{text}");
        }
    }

    #[test]
    fn a_chain_or_anything_else_is_none() {
        for text in [
            "",
            " ",
            "203.0.113.7, 10.0.0.1",
            "203.0.113.7 10.0.0.1",
            "unknown",
            "_hidden",
            "localhost",
            "203.0.113.7:",
            "203.0.113.7:65536",
            "203.0.113.7:+80",
            "203.0.113.7:80:80",
            "203.0.113",
            "203.0.113.007",
            "203.0.113.7/32",
            "[2001:db8::1",
            "[2001:db8::1]443",
            "[2001:db8::1]:",
            "2001:db8::1]",
            "[[2001:db8::1]]",
            "fe80::1%eth0",
            "\"203.0.113.7\"",
        ] {
            assert!(single(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_address_is_found_with_and_without_a_port(bits: [u8; 16], port: u16) {
            let four = Ipv4Addr::new(bits[0], bits[1], bits[2], bits[3]);
            let six = std::net::Ipv6Addr::from(bits);
            for (text, address) in [
                (format!("{four}"), IpAddr::V4(four)),
                (format!("{four}:{port}"), IpAddr::V4(four)),
                (format!("{six}"), IpAddr::V6(six)),
                (format!("[{six}]:{port}"), IpAddr::V6(six)),
            ] {
                prop_assert_eq!(parse(&text), Some(address));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = single(&text);
        }
    }
}
