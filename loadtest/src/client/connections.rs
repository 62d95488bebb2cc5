//! Connections to the server: their number, protocol and source addresses.

use std::net::{IpAddr, Ipv4Addr};

use countersign_client::{Connecting, Http};

use crate::LoadError;

/// Maximum number of connections from one source address to one port. Linux assigns about 28,000
/// ports, and keeps the port of a closed connection reserved for a minute.
const PER_ADDRESS: usize = 20_000;

/// The HTTP version of the harness's requests, and the number of streams on an HTTP/2 connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// HTTP/2 from the first byte on, instead of HTTP/1.1.
    pub http2: bool,
    /// Maximum number of concurrent requests on one HTTP/2 connection.
    pub streams: usize,
}

impl Protocol {
    /// Returns the number of connections for `requests` concurrent requests.
    pub const fn connections(self, requests: usize) -> usize {
        if self.http2 { requests.div_ceil(self.streams) } else { requests }
    }
}

/// A set of HTTP clients, over which the users are spread.
#[derive(Clone, Debug)]
pub struct Connections {
    all: Vec<Http>,
}

impl Connections {
    /// Creates clients for `requests` concurrent requests. If the server is on this machine
    /// (`loopback`) and one source address has too few ports, the clients use several loopback
    /// addresses.
    ///
    /// # Errors
    /// [`LoadError::Request`] if a client cannot be created.
    pub fn new(protocol: Protocol, requests: usize, loopback: bool) -> Result<Self, LoadError> {
        let connections = protocol.connections(requests);
        let addresses = if loopback { connections.div_ceil(PER_ADDRESS).max(1) } else { 1 };
        let clients = if protocol.http2 { connections.max(1) } else { addresses };
        let client = |index| {
            let from = (addresses > 1).then(|| IpAddr::V4(address(index % addresses)));
            Http::with(Connecting { http2: protocol.http2, from })
        };
        let all = (0..clients).map(client).collect::<Result<_, _>>();
        Ok(Self { all: all.map_err(LoadError::at("connect"))? })
    }

    /// Returns the client of the user with this number.
    pub fn of(&self, user: usize) -> &Http {
        &self.all[user % self.all.len()]
    }
}

/// Returns a source address. All of 127.0.0.0/8 is this machine.
const fn address(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, (index / 250) as u8, (index % 250) as u8 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_connections_come_from_several_addresses_of_this_machine() {
        let one = Protocol { http2: false, streams: 1 };
        assert_eq!(Connections::new(one, PER_ADDRESS, true).unwrap().all.len(), 1);
        assert_eq!(Connections::new(one, PER_ADDRESS + 1, true).unwrap().all.len(), 2);
        assert_eq!(Connections::new(one, PER_ADDRESS + 1, false).unwrap().all.len(), 1);
        assert_eq!((address(0), address(251)), ([127, 0, 0, 1].into(), [127, 0, 1, 2].into()));
    }

    #[test]
    fn http2_has_as_many_connections_as_its_streams_ask_for() {
        let two = Protocol { http2: true, streams: 50 };
        let connections = Connections::new(two, 101, true).unwrap();
        assert_eq!((connections.all.len(), two.connections(101)), (3, 3));
    }
}
