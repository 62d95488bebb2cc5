//! The list of runs: each abuse alone, or each pair of abuses.

use super::order::Listener;
use super::table::Abuse;

/// A run: abuses at the same time, on one listener of a server with one store.
#[derive(Clone)]
pub struct Run {
    /// The server's store, in the form of `--store`.
    pub store: String,
    /// The listener that is attacked.
    pub listener: Listener,
    /// The abuses, which run at the same time.
    pub abuses: Vec<&'static Abuse>,
}

impl Run {
    /// Returns the names of the abuses, joined by ` + `.
    pub fn name(&self) -> String {
        self.abuses.iter().map(|abuse| abuse.name).collect::<Vec<_>>().join(" + ")
    }

    /// Checks if another run can use the same server.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.store == other.store && self.listener == other.listener
    }
}

/// Plans each abuse alone, with each store and on each of the listeners that it applies to.
pub fn alone(stores: &[String], listeners: &[Listener], abuses: &[&'static Abuse]) -> Vec<Run> {
    let mut runs = Vec::new();
    for store in stores {
        for listener in listeners {
            let those = abuses.iter().filter(|abuse| abuse.is_for(*listener));
            runs.extend(those.map(|abuse| Run {
                store: store.clone(),
                listener: *listener,
                abuses: vec![abuse],
            }));
        }
    }
    runs
}

/// Plans each pair of abuses, with each store and on the public listener.
pub fn pairs(stores: &[String], abuses: &[&'static Abuse]) -> Vec<Run> {
    let mut runs = Vec::new();
    for store in stores {
        for (index, one) in abuses.iter().enumerate() {
            runs.extend(abuses[index + 1..].iter().map(|other| Run {
                store: store.clone(),
                listener: Listener::Public,
                abuses: vec![one, other],
            }));
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::table::{ALL, named};
    use super::*;

    #[test]
    fn every_abuse_is_paired_with_every_other_once() {
        let runs = pairs(&["sqlite".to_owned()], &named(&[]).unwrap());
        let names: HashSet<_> = runs.iter().map(Run::name).collect();
        assert_eq!(names.len(), runs.len());
        assert_eq!(runs.len(), ALL.len() * (ALL.len() - 1) / 2);
        assert!(runs.iter().all(|run| run.abuses.len() == 2));
    }

    #[test]
    fn alone_each_is_on_each_store_and_listener_for_which_it_makes_sense() {
        let stores = ["sqlite".to_owned(), "redis://127.0.0.1/0".to_owned()];
        let both = [Listener::Public, Listener::Operators];
        let runs = alone(&stores, &both, &named(&[]).unwrap());
        let for_operators = ALL.iter().filter(|abuse| abuse.is_for(Listener::Operators)).count();
        assert_eq!(runs.len(), 2 * (ALL.len() + for_operators));
        assert!((10..ALL.len()).contains(&for_operators));
    }
}
