//! Parser of one hop's address, as proxies write it: bare or in brackets, with or without a port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Maximum length of an address with its brackets and port, in bytes. It is generous.
const NODE_BYTES_MAX: usize = 96;

/// Parses an address. Returns `None` for `unknown`, for an identifier that a proxy made up
/// (`_hidden`), and for any other text.
pub(super) fn address(node: &[u8]) -> Option<IpAddr> {
    if node.len() > NODE_BYTES_MAX {
        return None;
    }
    let text = std::str::from_utf8(node).ok()?;
    let address = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (inner, port) = bracketed.split_once(']')?;
            let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
            inner.parse::<Ipv6Addr>().ok().filter(|_| is_port)?.into()
        }
        None => text.parse().ok().or_else(|| {
            let (address, _) = text.split_once(':').filter(|(_, port)| is_port(port))?;
            address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
        })?,
    };
    Some(address.to_canonical())
}

/// Returns true if a text is a port: a number, or a name that begins with an underscore (RFC 7239,
/// section 6).
fn is_port(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let is_number = (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number || text.strip_prefix('_').is_some_and(is_name)
}
