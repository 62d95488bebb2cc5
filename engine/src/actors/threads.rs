//! Threads that run the actors and the background tasks.

use std::future::Future;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use actix::{Actor, Addr, Arbiter, Context};

/// Threads that run the actors: a fixed number of threads, or the event loop of the caller that
/// activates the actor. The second choice saves a request most of its hops between threads.
pub(crate) struct ActorThreads {
    threads: Vec<Arbiter>,
    at_askers: bool,
}

impl ActorThreads {
    /// Starts `count` threads for actors. With 0, each actor runs on the event loop of the caller
    /// that activates it, and one thread is started for background tasks. It needs a running actix
    /// system.
    pub(crate) fn start(count: usize) -> Self {
        let threads = (0..count.max(1)).map(|_| Arbiter::new()).collect();
        Self { threads, at_askers: count == 0 }
    }

    /// Starts an actor. If [`Self::start`] got a `count` of 0, the actor runs on the caller's event
    /// loop, if there is one. Otherwise the hash of its key selects the thread.
    pub(crate) fn start_actor<K, A>(
        &self,
        key: K,
        make: impl FnOnce(K) -> A + Send + 'static,
    ) -> Addr<A>
    where
        K: Hash + Send + 'static,
        A: Actor<Context = Context<A>>,
    {
        // The arbiter's handle starts the actor, because the caller may run on this thread's
        // runtime and yet outside its local tasks, where actors live.
        if let Some(here) = Arbiter::try_current().filter(|_| self.at_askers) {
            return A::start_in_arbiter(&here, |_| make(key));
        }
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&key);
        let count = self.threads.len() as u64;
        let index = usize::try_from(hash % count).expect("less than the number of threads");
        A::start_in_arbiter(&self.threads[index].handle(), |_| make(key))
    }

    /// Starts a background task on the first thread.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.threads[0].spawn(task);
    }

    /// Stops the threads, and with them their actors.
    pub(crate) fn stop(&self) {
        for arbiter in &self.threads {
            arbiter.stop();
        }
    }
}
