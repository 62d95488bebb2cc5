//! Admission: limits of requests in flight, of new work among them, and of parked polls. Most
//! rejections happen before the server reads the request's body or a record. New work may also be
//! rejected after its body has arrived.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use actix_web::http::header::HeaderMap;
use countersign_core::id::TenantId;
use countersign_engine::permits::{Permit, Permits};
use metrics::counter;

mod clients;
mod lane;
mod overload;
mod pulse;
mod shares;
mod turn_queue;

pub use clients::{ClientShares, Kind, ShareTaken, Totals};
pub use lane::Lane;
pub use overload::Overload;
pub use pulse::Pulse;
pub use shares::{Share, Shares};

use crate::client_address::Client;
use crate::telemetry::REQUESTS_REFUSED;

const CLIENT_SHARE: &str = "client_share";

/// Permits for one request of new work: one of the server, and one in the client's share. The
/// request takes both after its body has arrived, so that slow senders hold none. Dropping the last
/// clone returns both.
#[derive(Clone)]
pub struct Seat {
    permits: Permits,
    clients: ClientShares,
    client: Option<Client>,
    places: Rc<RefCell<Option<SeatPlaces>>>,
}

/// A permit of the server, and one in the client's share if the client has a limit.
type SeatPlaces = (Permit, Option<Share>);

impl Seat {
    /// Takes both permits. Returns `false` if one of them is not available.
    pub fn take(&self) -> bool {
        let places = self.places().map_err(|reason| count(Lane::New, reason)).ok();
        self.places.replace(places);
        self.places.borrow().is_some()
    }

    /// Takes both permits, the client's first, so that a client above its limit takes no permit of
    /// the server. The error is the reason for the metrics.
    fn places(&self) -> Result<SeatPlaces, &'static str> {
        let share = self.clients.enter(Kind::NewWork, self.client);
        let share = share.map_err(|ShareTaken| CLIENT_SHARE)?;
        Ok((self.permits.take().ok_or("full")?, share))
    }
}

/// Permits of a parked poll: one of the server, and one in the client's share. The permit in the
/// tenant's share is a separate [`Share`].
pub struct PollPlace {
    _server: Permit,
    _client: Option<Share>,
}

/// Permits that a request in flight holds until its response.
pub struct Entered {
    /// Permits for new work; `None` for a request of the other lane.
    pub seat: Option<Seat>,
    _permit: Permit,
    _share: Option<Share>,
}

/// Permits of the server, and the limits of tenants and clients.
pub struct Admission {
    /// Permits of all requests in flight, parked polls included.
    requests: Permits,
    /// Permits of new work, each for a request in flight.
    new_work: Permits,
    /// Permits of parked polls. A poll without a permit gets its response at once, as after a
    /// timeout.
    waits: Permits,
    /// Limit of parked polls for each tenant: half of all.
    waits_of_tenant: Shares,
    /// Limit of challenges that each tenant may be starting at a time: half of new work. Without it
    /// a tenant whose webhook hangs could hold every permit of new work.
    starts_of_tenant: Shares,
    /// Limits of client addresses, if they are configured.
    clients: ClientShares,
}

impl Admission {
    /// Creates `requests_max` permits of requests and `new_work_max` of new work. Half of the
    /// requests may be parked polls, so that other requests always find permits. One tenant may
    /// hold half of the parked polls, and half of the new work, so that other tenants find permits.
    pub fn new(requests_max: usize, new_work_max: usize) -> Self {
        for lane in [Lane::New, Lane::Existing] {
            for reason in ["full", "late", CLIENT_SHARE] {
                counter!(REQUESTS_REFUSED, "lane" => lane.name(), "reason" => reason).absolute(0);
            }
        }
        let waits_max = Self::waits_max(requests_max);
        Self {
            requests: Permits::new(requests_max),
            new_work: Permits::new(new_work_max),
            waits: Permits::new(waits_max),
            waits_of_tenant: Shares::new(waits_max.div_ceil(2)),
            starts_of_tenant: Shares::new(new_work_max.div_ceil(2)),
            clients: ClientShares::default(),
        }
    }

    /// Returns the maximum of parked polls, given the maximum of requests in flight.
    pub const fn waits_max(requests_max: usize) -> usize {
        requests_max / 2
    }

    /// Adds limits for each client address.
    #[must_use]
    pub fn sharing(self, clients: ClientShares) -> Self {
        Self { clients, ..self }
    }

    /// Returns the client of a request, if clients have limits and the client is known.
    pub fn client(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Option<Client> {
        self.clients.client(peer, headers)
    }

    /// Checks, before the body is read, that the client has a permit of new work left. Without this
    /// check a client above its limit would send its body in vain.
    pub fn may_begin(&self, client: Option<Client>) -> bool {
        let looked = self.clients.look(Kind::NewWork, client);
        if looked.is_err() {
            count(Lane::New, CLIENT_SHARE);
        }
        looked.is_ok()
    }

    /// Decides whether a request is admitted. New work is rejected while the worker is late, and
    /// while no permit of new work is left.
    pub fn admits(&self, lane: Lane, pulse: &Pulse) -> bool {
        let refused = match lane {
            // We ask the pulse at every request, because requests of either lane can make a worker
            // late.
            _ if !pulse.admits(lane) => "late",
            Lane::New if self.new_work.is_empty() => "full",
            Lane::New | Lane::Existing => return true,
        };
        count(lane, refused);
        false
    }

    /// Takes the permits of a request in flight. Returns `None` if the server or the client has
    /// none left.
    pub fn enter(&self, lane: Lane, client: Option<Client>) -> Option<Entered> {
        let Ok(share) = self.clients.enter(Kind::Request, client) else {
            count(lane, CLIENT_SHARE);
            return None;
        };
        let Some(permit) = self.requests.take() else {
            count(lane, "full");
            return None;
        };
        let seat = || Seat {
            permits: self.new_work.clone(),
            clients: self.clients.clone(),
            client,
            places: Rc::default(),
        };
        let seat = (lane == Lane::New).then(seat);
        Some(Entered { seat, _permit: permit, _share: share })
    }

    /// Takes the permits of a parked poll. Returns `None` if the server or the client has none
    /// left. A poll takes one permit, however many challenges it waits for.
    pub fn wait(&self, client: Option<Client>) -> Option<PollPlace> {
        let share = self.clients.enter(Kind::Poll, client).ok()?;
        Some(PollPlace { _server: self.waits.take()?, _client: share })
    }

    /// Takes a permit in a tenant's share of parked polls, if one is left.
    pub fn wait_of(&self, tenant: &TenantId) -> Option<Share> {
        self.waits_of_tenant.enter(tenant)
    }

    /// Takes a permit in a tenant's share of new work, to start a challenge, if one is left.
    pub fn start(&self, tenant: &TenantId) -> Option<Share> {
        let place = self.starts_of_tenant.enter(tenant);
        if place.is_none() {
            count(Lane::New, "full");
        }
        place
    }
}

/// Counts a rejected request.
pub(crate) fn count(lane: Lane, reason: &'static str) {
    counter!(REQUESTS_REFUSED, "lane" => lane.name(), "reason" => reason).increment(1);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_tenant_cannot_take_every_place_to_wait() {
        let admission = Admission::new(16, 16);
        let [acme, beta] = ["acme", "beta"].map(|id| TenantId::parse(id).unwrap());
        let waiting: Vec<_> = (0..4).map(|_| admission.wait_of(&acme)).collect();
        assert!(waiting.iter().all(Option::is_some));
        assert!(admission.wait_of(&acme).is_none());
        assert!(admission.wait_of(&beta).is_some());
        drop(waiting);
        assert!(admission.wait_of(&acme).is_some());
    }

    #[test]
    fn one_tenant_whose_webhook_hangs_leaves_others_half_of_new_work() {
        let admission = Admission::new(16, 4);
        let [acme, beta] = ["acme", "beta"].map(|id| TenantId::parse(id).unwrap());
        let hanging = [admission.start(&acme), admission.start(&acme)];
        assert!(hanging.iter().all(Option::is_some));
        assert!(admission.start(&acme).is_none());
        assert!(admission.start(&beta).is_some());
        drop(hanging);
        assert!(admission.start(&acme).is_some());
    }

    #[actix_web::test]
    async fn new_work_that_is_full_leaves_room_for_the_rest() {
        let (admission, pulse) = (Admission::new(3, 1), Pulse::new(Duration::from_secs(1)));
        let enter =
            |lane| admission.admits(lane, &pulse).then(|| admission.enter(lane, None)).flatten();
        let slow = [enter(Lane::New).unwrap(), enter(Lane::New).unwrap()];
        assert!(slow[0].seat.as_ref().unwrap().take());
        assert!(!slow[1].seat.as_ref().unwrap().take(), "the first has the one place");
        assert!(enter(Lane::New).is_none());
        let existing = enter(Lane::Existing).unwrap();
        assert!(existing.seat.is_none());
        assert!(enter(Lane::Existing).is_none(), "all three places are taken");
        drop(slow);
        assert!(enter(Lane::New).unwrap().seat.unwrap().take());
    }
}
