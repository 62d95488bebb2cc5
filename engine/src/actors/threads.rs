//! The threads that actors live on, and the tasks that run beside them.

use std::future::Future;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use actix::{Actor, Addr, Arbiter, Context};

/// Threads of the actors: a fixed number, or the event loop of the caller that activates the actor,
/// which spares a request most of its way from thread to thread.
pub(crate) struct ActorThreads {
    threads: Vec<Arbiter>,
    at_askers: bool,
}

impl ActorThreads {
    /// Starts that many threads for actors. With none, actors live where they are activated, and
    /// one thread runs the work beside them. This needs a running actix system.
    pub(crate) fn start(count: usize) -> Self {
        let threads = (0..count.max(1)).map(|_| Arbiter::new()).collect();
        Self { threads, at_askers: count == 0 }
    }

    /// Starts an actor on this thread, or on the one that its key belongs to.
    pub(crate) fn start_actor<K, A>(
        &self,
        key: K,
        make: impl FnOnce(K) -> A + Send + 'static,
    ) -> Addr<A>
    where
        K: Hash + Send + 'static,
        A: Actor<Context = Context<A>>,
    {
        // Starts it by the arbiter's handle, because the asker may run on a thread's runtime and
        // yet not among its local tasks, where actors live.
        if let Some(here) = Arbiter::try_current().filter(|_| self.at_askers) {
            return A::start_in_arbiter(&here, |_| make(key));
        }
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&key);
        let count = self.threads.len() as u64;
        let index = usize::try_from(hash % count).expect("less than the number of threads");
        A::start_in_arbiter(&self.threads[index].handle(), |_| make(key))
    }

    /// Runs a task beside the actors.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.threads[0].spawn(task);
    }

    /// Stops the threads. Actors stop with them.
    pub(crate) fn stop(&self) {
        for arbiter in &self.threads {
            arbiter.stop();
        }
    }
}
