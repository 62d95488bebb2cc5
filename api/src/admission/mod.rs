//! How much is let in at once: requests in flight, new work among them, and polls that wait. Who is
//! turned away is told so before anything is read or looked up for them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_core::id::TenantId;
use dashmap::DashMap;
use metrics::counter;

mod lane;
mod lateness;
mod line;
mod pulse;

pub use lane::Lane;
pub use lateness::Lateness;
pub use pulse::Pulse;

/// Requests that were turned away, by lane and reason: `full` where as many are in flight as may
/// be, `late` where the worker is late, and for what exists, where it did not come to its turn.
pub const REQUESTS_REFUSED: &str = "countersign_requests_refused_total";

/// Places for requests of one sort.
#[derive(Clone)]
pub struct Gate {
    taken: Arc<AtomicUsize>,
    max: usize,
}

impl Gate {
    /// A gate with that many places.
    pub fn new(max: usize) -> Self {
        Self { taken: Arc::default(), max }
    }

    /// Takes a place, if there is one.
    pub fn enter(&self) -> Option<Place> {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        // Given back at once where there was none.
        let place = Place(self.taken.clone());
        (taken < self.max).then_some(place)
    }

    fn is_full(&self) -> bool {
        self.taken.load(Ordering::Relaxed) >= self.max
    }
}

/// A place, given back when it is dropped.
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The place of a request among new work. It is taken when the request's body is there, so that
/// slow senders hold none, and given back when the last clone is dropped.
#[derive(Clone)]
pub struct Seat {
    gate: Gate,
    place: Rc<RefCell<Option<Place>>>,
}

impl Seat {
    /// Takes the place; `false` if there is none.
    pub fn take(&self) -> bool {
        let place = self.gate.enter();
        if place.is_none() {
            count(Lane::New, "full");
        }
        *self.place.borrow_mut() = place;
        self.place.borrow().is_some()
    }
}

/// What a request in flight holds while it is answered.
pub struct Entered {
    /// Where it is new work, its place there.
    pub seat: Option<Seat>,
    _place: Place,
}

/// The gates of the server.
pub struct Admission {
    /// Requests in flight, polls among them.
    requests: Gate,
    /// New work among them.
    new_work: Gate,
    /// Polls that wait. One more is answered as if its time was over.
    waits: Gate,
    /// The share that one tenant's polls may have of the places to wait.
    waits_of_tenant: Shares,
    /// The share that one tenant's challenges may have of the places for new work while they begin:
    /// its webhook may hang.
    starts_of_tenant: Shares,
}

/// Places that each tenant has for itself.
struct Shares {
    gates: DashMap<TenantId, Gate>,
    max: usize,
}

impl Shares {
    fn new(max: usize) -> Self {
        Self { gates: DashMap::new(), max }
    }

    fn enter(&self, tenant: &TenantId) -> Option<Place> {
        match self.gates.get(tenant) {
            Some(gate) => gate.enter(),
            None => self.gates.entry(tenant.clone()).or_insert_with(|| Gate::new(self.max)).enter(),
        }
    }
}

impl Admission {
    /// Gates for that many requests, and for that many of new work among them. Polls may take half
    /// of the places, and those of one tenant half of that, so that neither shuts out what needs no
    /// waiting, or another tenant.
    pub fn new(requests_max: usize, new_work_max: usize) -> Self {
        for lane in [Lane::New, Lane::Existing] {
            for reason in ["full", "late"] {
                counter!(REQUESTS_REFUSED, "lane" => lane.name(), "reason" => reason).absolute(0);
            }
        }
        let waits_max = requests_max / 2;
        Self {
            requests: Gate::new(requests_max),
            new_work: Gate::new(new_work_max),
            waits: Gate::new(waits_max),
            waits_of_tenant: Shares::new(waits_max.div_ceil(2)),
            starts_of_tenant: Shares::new(new_work_max.div_ceil(2)),
        }
    }

    /// Whether a request is let in: new work is not while the worker is late or enough of it is
    /// under way.
    pub fn admits(&self, lane: Lane, pulse: &Pulse) -> bool {
        let refused = match lane {
            // Asked with every request: what keeps a worker late may be of either lane.
            _ if !pulse.admits(lane) => "late",
            Lane::New if self.new_work.is_full() => "full",
            Lane::New | Lane::Existing => return true,
        };
        count(lane, refused);
        false
    }

    /// Takes a place for a request in flight, if there is one.
    pub fn enter(&self, lane: Lane) -> Option<Entered> {
        let Some(place) = self.requests.enter() else {
            count(lane, "full");
            return None;
        };
        Some(Entered { seat: self.seat(lane), _place: place })
    }

    fn seat(&self, lane: Lane) -> Option<Seat> {
        let seat = || Seat { gate: self.new_work.clone(), place: Rc::default() };
        (lane == Lane::New).then(seat)
    }

    /// Takes a place to wait, if there is one.
    pub fn wait(&self, tenant: &TenantId) -> Option<(Place, Place)> {
        Some((self.waits_of_tenant.enter(tenant)?, self.waits.enter()?))
    }

    /// Takes a place of a tenant to begin a challenge, if there is one.
    pub fn start(&self, tenant: &TenantId) -> Option<Place> {
        let place = self.starts_of_tenant.enter(tenant);
        if place.is_none() {
            count(Lane::New, "full");
        }
        place
    }
}

/// Counts a request that was turned away.
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
        let waiting: Vec<_> = (0..4).map(|_| admission.wait(&acme)).collect();
        assert!(waiting.iter().all(Option::is_some));
        assert!(admission.wait(&acme).is_none());
        assert!(admission.wait(&beta).is_some());
        drop(waiting);
        assert!(admission.wait(&acme).is_some());
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

    #[test]
    fn a_full_gate_lets_nobody_in_until_somebody_leaves() {
        let gate = Gate::new(2);
        let first = gate.enter();
        let second = gate.enter();
        assert!(first.is_some() && second.is_some());
        assert!(gate.enter().is_none());
        drop(first);
        assert!(gate.enter().is_some());
    }

    #[actix_web::test]
    async fn new_work_that_is_full_leaves_room_for_the_rest() {
        let (admission, pulse) = (Admission::new(3, 1), Pulse::new(Duration::from_secs(1)));
        let enter = |lane| admission.admits(lane, &pulse).then(|| admission.enter(lane)).flatten();
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
