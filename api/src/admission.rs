//! How much is let in at once: requests in flight, and polls that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_core::id::TenantId;
use dashmap::DashMap;

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
}

/// A place, given back when it is dropped.
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The gates of the server.
pub struct Admission {
    /// Requests in flight, polls among them.
    requests: Gate,
    /// Polls that wait. One more is answered as if its time was over.
    waits: Gate,
    /// The share that one tenant's polls may have of the places to wait.
    waits_of_tenant: DashMap<TenantId, Gate>,
    waits_of_tenant_max: usize,
}

impl Admission {
    /// Gates for that many requests. Polls may take half of the places, and those of one tenant
    /// half of that, so that neither shuts out what needs no waiting, or another tenant.
    pub fn new(requests_max: usize) -> Self {
        let waits_max = requests_max / 2;
        Self {
            requests: Gate::new(requests_max),
            waits: Gate::new(waits_max),
            waits_of_tenant: DashMap::new(),
            waits_of_tenant_max: waits_max.div_ceil(2),
        }
    }

    /// Takes a place for a request in flight, if there is one.
    pub fn enter(&self) -> Option<Place> {
        self.requests.enter()
    }

    /// Takes a place to wait, if there is one.
    pub fn wait(&self, tenant: &TenantId) -> Option<(Place, Place)> {
        let share = || Gate::new(self.waits_of_tenant_max);
        let share = match self.waits_of_tenant.get(tenant) {
            Some(gate) => gate.enter(),
            None => self.waits_of_tenant.entry(tenant.clone()).or_insert_with(share).enter(),
        };
        Some((share?, self.waits.enter()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tenant_cannot_take_every_place_to_wait() {
        let admission = Admission::new(16);
        let [acme, beta] = ["acme", "beta"].map(|id| TenantId::parse(id).unwrap());
        let waiting: Vec<_> = (0..4).map(|_| admission.wait(&acme)).collect();
        assert!(waiting.iter().all(Option::is_some));
        assert!(admission.wait(&acme).is_none());
        assert!(admission.wait(&beta).is_some());
        drop(waiting);
        assert!(admission.wait(&acme).is_some());
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
}
