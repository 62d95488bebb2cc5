//! The threads that actors live on, and the tasks that run beside them.

use std::future::Future;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use actix::{Actor, Addr, Arbiter, Context};

/// A fixed number of threads, each with an event loop.
pub(crate) struct Arbiters {
    arbiters: Vec<Arbiter>,
}

impl Arbiters {
    /// Starts the threads. It needs a running actix system.
    pub(crate) fn start(count: usize) -> Self {
        Self { arbiters: (0..count.max(1)).map(|_| Arbiter::new()).collect() }
    }

    /// Starts an actor on the thread that its key belongs to.
    pub(crate) fn start_actor<A>(
        &self,
        key: &impl Hash,
        make: impl FnOnce() -> A + Send + 'static,
    ) -> Addr<A>
    where
        A: Actor<Context = Context<A>>,
    {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        let count = self.arbiters.len() as u64;
        let index = usize::try_from(hash % count).expect("less than the number of threads");
        A::start_in_arbiter(&self.arbiters[index].handle(), |_| make())
    }

    /// Runs a task beside the actors.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.arbiters[0].spawn(task);
    }

    /// Stops the threads. Actors stop with them.
    pub(crate) fn stop(&self) {
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
    }
}
