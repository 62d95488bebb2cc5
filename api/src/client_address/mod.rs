//! Addresses of clients: that of the TCP peer, or one that trusted proxies name in a header.
//!
//! The header is read from the right, because each proxy appends the address of its own caller.
//! Reading ends at the first entry that is not a trusted proxy: this entry is the client. A client
//! can write only entries further to the left, and these are never read.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;

mod entries;
mod node;
#[cfg(test)]
mod tests;

use self::entries::{Syntax, entries};

/// Maximum number of entries that are read: the longest chain of trusted proxies.
pub const HOPS_MAX: usize = 32;

/// Bits of an IPv6 address that identify a client. A subscriber has a network of that size or a
/// larger one.
const IPV6_CLIENT_BITS: u32 = 64;

/// Client for limits: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

impl Client {
    /// Returns the client that an address belongs to. An IPv4 address mapped into IPv6 counts as
    /// IPv4.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let host_bits = u128::BITS - IPV6_CLIENT_BITS;
                Ipv6Addr::from_bits(v6.to_bits() >> host_bits << host_bits).into()
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }

    /// Returns the client's address. For IPv6 it is the first address of the network.
    pub const fn address(self) -> IpAddr {
        self.0
    }
}

/// Rules that identify clients by their addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAddresses {
    proxies: Vec<IpNet>,
    header: Option<HeaderName>,
}

impl ClientAddresses {
    /// Creates rules for a server without proxies: every peer is a client, and no header is read.
    pub const fn direct() -> Self {
        Self { proxies: Vec::new(), header: None }
    }

    /// Creates rules for a server behind proxies. `header` is read if the peer is in one of the
    /// networks; any other peer is a client.
    pub const fn behind(proxies: Vec<IpNet>, header: HeaderName) -> Self {
        Self { proxies, header: Some(header) }
    }

    /// Returns the client of a connection. Returns `None` for a trusted proxy, because its
    /// connections carry requests of many clients.
    pub fn of_peer(&self, peer: IpAddr) -> Option<Client> {
        (!self.trusts(peer.to_canonical())).then(|| Client::of(peer))
    }

    /// Returns the client of a request. Returns `None` if a trusted proxy named no valid client.
    pub fn of_request(&self, peer: IpAddr, headers: &HeaderMap) -> Option<Client> {
        let Some(header) = &self.header else { return self.of_peer(peer) };
        let lines = headers.get_all(header).map(|line| line.as_bytes());
        self.read(peer, lines).map(Client::of)
    }

    /// Finds the client's address in the header's lines, which are given in the order of the
    /// request. An entry that is not an address ends the search with `None`, because no trusted
    /// proxy vouches for the entries to its left.
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
