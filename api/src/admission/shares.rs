//! Limit of permits for each owner.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::Arc;

use dashmap::{DashMap, Entry};

/// Counts of the permits that each owner holds, with one limit for every owner. An owner is a
/// tenant or a client address. Clones share the counts.
///
/// An owner is in the table only while it holds a permit, so that the table has at most as many
/// rows as permits are taken.
#[derive(Clone)]
pub struct Shares(Arc<Table>);

struct Table {
    /// Number of permits taken, by the hash of the owner. The hash has a random key for each
    /// process, so that nobody can find two owners that share a row.
    taken: DashMap<u64, usize>,
    hash: RandomState,
    max: usize,
}

impl Shares {
    /// Creates a table with a limit of `max` permits for each owner, and of one if `max` is 0.
    pub fn new(max: usize) -> Self {
        let (taken, hash) = (DashMap::new(), RandomState::new());
        Self(Arc::new(Table { taken, hash, max: max.max(1) }))
    }

    /// Takes a permit of an owner, if it has one left.
    pub fn enter(&self, owner: impl Hash) -> Option<Share> {
        let owner = self.0.hash.hash_one(owner);
        let mut taken = self.0.taken.entry(owner).or_default();
        if *taken >= self.0.max {
            return None;
        }
        *taken += 1;
        Some(Share { table: self.0.clone(), owner })
    }

    /// Returns true if an owner has no permit left.
    pub fn is_full(&self, owner: impl Hash) -> bool {
        let owner = self.0.hash.hash_one(owner);
        self.0.taken.get(&owner).is_some_and(|taken| *taken >= self.0.max)
    }

    /// Returns the number of owners that hold a permit.
    #[cfg(test)]
    pub(super) fn owners(&self) -> usize {
        self.0.taken.len()
    }
}

/// Permit of an owner. Dropping it returns the permit.
pub struct Share {
    table: Arc<Table>,
    owner: u64,
}

impl Drop for Share {
    fn drop(&mut self) {
        let Entry::Occupied(mut taken) = self.table.taken.entry(self.owner) else { return };
        *taken.get_mut() -= 1;
        if *taken.get() == 0 {
            taken.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_has_its_share_and_leaves_others_theirs() {
        let shares = Shares::new(2);
        let taken = [shares.enter("a"), shares.enter("a")];
        assert!(taken.iter().all(Option::is_some));
        assert!(shares.is_full("a") && shares.enter("a").is_none());
        assert!(!shares.is_full("b") && shares.enter("b").is_some());
        drop(taken);
        assert!(shares.enter("a").is_some());
        assert!(Shares::new(0).enter("a").is_some(), "one at least");
    }

    #[test]
    fn an_owner_is_remembered_only_while_it_has_a_place() {
        let shares = Shares::new(2);
        let mut taken: Vec<_> = (0..1000).map(|owner| shares.enter(owner)).collect();
        assert_eq!(shares.owners(), 1000);
        taken.push(shares.enter(0));
        assert!(shares.enter(0).is_none(), "a refusal leaves nothing behind");
        assert_eq!(shares.owners(), 1000);
        taken.truncate(1);
        assert_eq!(shares.owners(), 1);
        drop(taken);
        assert_eq!(shares.owners(), 0);
    }

    #[test]
    fn places_that_many_threads_take_and_give_back_are_all_there_in_the_end() {
        let shares = Shares::new(3);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..10_000 {
                        let held = [shares.enter(n % 7), shares.enter(n % 5)];
                        drop(held);
                    }
                });
            }
        });
        assert_eq!(shares.owners(), 0);
    }
}
