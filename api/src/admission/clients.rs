//! Limits for each client address: its share of connections, of requests in flight, of parked polls
//! and of new work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::header::HeaderMap;
use metrics::counter;

use super::shares::{Share, Shares};
use crate::client_address::{Client, ClientAddresses};
use crate::telemetry::{CLIENT_SHARES_REFUSED, CLIENTS_UNNAMED};

/// Kind of a permit that has a limit for each client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Connections of the public listener.
    Connection,
    /// Requests in flight.
    Request,
    /// Parked polls. Each is also a request in flight.
    Poll,
    /// New work. Each is also a request in flight.
    NewWork,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Connection, Self::Request, Self::Poll, Self::NewWork];

    /// Returns the kind's name in metrics.
    const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Request => "request",
            Self::Poll => "poll",
            Self::NewWork => "new_work",
        }
    }
}

/// Error: the client already holds its whole share of permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareTaken;

/// Number of permits of each kind that the server has for all clients together.
#[derive(Clone, Copy, Debug)]
pub struct Totals {
    /// Connections of all workers.
    pub connections: usize,
    /// Requests in flight.
    pub requests: usize,
    /// Parked polls.
    pub polls: usize,
    /// New work in flight.
    pub new_work: usize,
}

/// Permits that clients hold, by kind and client address. The default value has no limits and
/// identifies no client. A clone shares the counts of its original.
#[derive(Clone, Default)]
pub struct ClientShares(Option<Arc<Kinds>>);

struct Kinds {
    addresses: ClientAddresses,
    has_warned: AtomicBool,
    /// Counts of each kind, in the order of [`Kind`].
    shares: [Shares; 4],
}

impl ClientShares {
    /// Creates limits of `percent` of each total for each client. A limit is at least one permit.
    pub fn new(addresses: ClientAddresses, percent: usize, of: Totals) -> Self {
        for kind in Kind::ALL {
            counter!(CLIENT_SHARES_REFUSED, "kind" => kind.name()).absolute(0);
        }
        counter!(CLIENTS_UNNAMED).absolute(0);
        let totals = [of.connections, of.requests, of.polls, of.new_work];
        Self(Some(Arc::new(Kinds {
            addresses,
            has_warned: AtomicBool::new(false),
            shares: totals.map(|total| Shares::new(total.saturating_mul(percent) / 100)),
        })))
    }

    /// Returns the client of a request. Returns `None` if clients have no limits, or if the client
    /// is unknown.
    pub fn client(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Option<Client> {
        let kinds = self.0.as_ref()?;
        let client = kinds.addresses.of_request(peer?.ip(), headers);
        if client.is_none() {
            kinds.note_unnamed();
        }
        client
    }

    /// Takes a permit for a connection of a client. A connection of a trusted proxy needs no
    /// permit, because it carries requests of many clients.
    ///
    /// # Errors
    /// [`ShareTaken`].
    pub fn connect(&self, peer: Option<SocketAddr>) -> Result<Option<Share>, ShareTaken> {
        let kinds = self.0.as_ref().zip(peer);
        let client = kinds.and_then(|(kinds, peer)| kinds.addresses.of_peer(peer.ip()));
        self.enter(Kind::Connection, client)
    }

    /// Takes a permit in a client's share. An unknown client has no limit and gets `None`.
    ///
    /// # Errors
    /// [`ShareTaken`].
    pub fn enter(&self, kind: Kind, client: Option<Client>) -> Result<Option<Share>, ShareTaken> {
        let (Some(kinds), Some(client)) = (&self.0, client) else { return Ok(None) };
        let share = kinds.of(kind).enter(client);
        share.map(Some).ok_or_else(|| refused(kind, client))
    }

    /// Checks that a client has a permit left, and takes none.
    ///
    /// # Errors
    /// [`ShareTaken`].
    pub fn look(&self, kind: Kind, client: Option<Client>) -> Result<(), ShareTaken> {
        let (Some(kinds), Some(client)) = (&self.0, client) else { return Ok(()) };
        if kinds.of(kind).is_full(client) { Err(refused(kind, client)) } else { Ok(()) }
    }
}

impl Kinds {
    fn note_unnamed(&self) {
        counter!(CLIENTS_UNNAMED).increment(1);
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a trusted proxy named no client in the header server.client_address_header: such \
                 requests are in nobody's share (this is said once)"
            );
        }
    }

    const fn of(&self, kind: Kind) -> &Shares {
        &self.shares[kind as usize]
    }
}

fn refused(kind: Kind, client: Client) -> ShareTaken {
    counter!(CLIENT_SHARES_REFUSED, "kind" => kind.name()).increment(1);
    tracing::debug!(client.address = %client.address(), kind = kind.name(), "share is taken");
    ShareTaken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(percent: usize) -> ClientShares {
        let totals = Totals { connections: 40, requests: 30, polls: 20, new_work: 5 };
        ClientShares::new(ClientAddresses::direct(), percent, totals)
    }

    fn taken(shares: &ClientShares, kind: Kind) -> usize {
        let client = Some(Client::of([192, 0, 2, 1].into()));
        let places: Vec<_> = std::iter::repeat_with(|| shares.enter(kind, client).ok())
            .take_while(Option::is_some)
            .take(100)
            .collect();
        assert_eq!(shares.look(kind, client), Err(ShareTaken));
        places.len()
    }

    #[test]
    fn a_share_is_so_many_percent_of_what_there_is_and_one_at_least() {
        for (percent, connections, requests, polls, new_work) in
            [(1, 1, 1, 1, 1), (10, 4, 3, 2, 1), (50, 20, 15, 10, 2), (100, 40, 30, 20, 5)]
        {
            let shares = shares(percent);
            assert_eq!(taken(&shares, Kind::Connection), connections, "{percent}");
            assert_eq!(taken(&shares, Kind::Request), requests, "{percent}");
            assert_eq!(taken(&shares, Kind::Poll), polls, "{percent}");
            assert_eq!(taken(&shares, Kind::NewWork), new_work, "{percent}");
        }
    }

    #[test]
    fn a_client_that_is_not_known_is_in_nobodys_share() {
        let shares = shares(1);
        let places: Vec<_> = (0..10).map(|_| shares.enter(Kind::Poll, None)).collect();
        assert!(places.iter().all(|place| matches!(place, Ok(None))));
        assert_eq!(shares.look(Kind::Poll, None), Ok(()));
        assert!(matches!(shares.connect(None), Ok(None)));
    }

    #[test]
    fn neighbours_in_an_ipv6_network_have_one_share() {
        let shares = shares(1);
        let peer = |text: &str| Some(text.parse().unwrap());
        let first = shares.connect(peer("[2001:db8::1]:1"));
        assert!(matches!(first, Ok(Some(_))));
        assert!(shares.connect(peer("[2001:db8::2]:2")).is_err());
        assert!(shares.connect(peer("[2001:db8:0:1::1]:3")).is_ok());
    }
}
