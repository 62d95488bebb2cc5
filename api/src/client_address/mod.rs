//! Addresses of clients: the TCP peer's own, or the one that trusted proxies name in a header.
//!
//! The header is read from the right, because each proxy appends the address that it was called
//! from. A client can only write further to the left, and the reading never gets there: it ends at
//! the first entry that is not a trusted proxy, and that entry is the client.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;

mod entries;
mod node;
#[cfg(test)]
mod tests;

use self::entries::{Syntax, entries};

/// Entries that are read of a header, at most: trusted proxies, one behind the other.
pub const HOPS_MAX: usize = 32;

/// Bits of an IPv6 address that make a client: a subscriber has a network of that size, or more.
const IPV6_CLIENT_BITS: u32 = 64;

/// A client as it is counted: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

impl Client {
    /// The client that an address belongs to. An IPv4 address in an IPv6 wrapping is one of IPv4.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let host_bits = u128::BITS - IPV6_CLIENT_BITS;
                Ipv6Addr::from_bits(v6.to_bits() >> host_bits << host_bits).into()
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }

    /// Its address; of IPv6, the first of its network.
    pub const fn address(self) -> IpAddr {
        self.0
    }
}

/// Knows clients by their addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAddresses {
    proxies: Vec<IpNet>,
    header: Option<HeaderName>,
}

impl ClientAddresses {
    /// Takes every peer for a client, and reads no header.
    pub const fn direct() -> Self {
        Self { proxies: Vec::new(), header: None }
    }

    /// Believes `header` where the peer is in one of the networks. Any other peer is a client.
    pub const fn behind(proxies: Vec<IpNet>, header: HeaderName) -> Self {
        Self { proxies, header: Some(header) }
    }

    /// The client of a connection; `None` for a trusted proxy, whose connections are of many.
    pub fn of_peer(&self, peer: IpAddr) -> Option<Client> {
        (!self.trusts(peer.to_canonical())).then(|| Client::of(peer))
    }

    /// The client of a request; `None` where trusted proxies name none.
    pub fn of_request(&self, peer: IpAddr, headers: &HeaderMap) -> Option<Client> {
        let Some(header) = &self.header else { return self.of_peer(peer) };
        let lines = headers.get_all(header).map(|line| line.as_bytes());
        self.read(peer, lines).map(Client::of)
    }

    /// Reads a client's address off the lines of the header, in their order. Anything but an
    /// address ends the reading without one: whatever stands to the left of it, nobody vouches for.
    fn read<'l>(
        &self,
        peer: IpAddr,
        lines: impl DoubleEndedIterator<Item = &'l [u8]>,
    ) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return Some(peer);
        }
        let syntax = Syntax::of(self.header.as_ref()?);
        for entry in lines.rev().flat_map(|line| entries(line, syntax)).take(HOPS_MAX) {
            let address = syntax.node(entry).and_then(|node| node::address(&node))?;
            if !self.trusts(address) {
                return Some(address);
            }
        }
        None
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&address))
    }
}
