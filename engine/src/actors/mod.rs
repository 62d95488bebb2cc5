//! The actors: one per active account, credential and challenge. They own the core's state,
//! serialise its transitions and hold the waiters. They decide nothing by themselves.
//!
//! Waiting goes one way: a challenge and a device wait for an account, an account for the store,
//! and nobody for a challenge or a device. News flows the other way without waiting.

pub(crate) mod account;
pub(crate) mod challenge;
pub(crate) mod device;
pub(crate) mod threads;

use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::Error;

/// Channel of an answer.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// Stop waiting: every waiter is answered as if its time was over.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Drain;

/// A change was asked for of which it is not known whether it is recorded: the store is to be
/// looked at.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Doubt;

/// Time until a store that did not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Takes an actor out of its registry when it stops, be it by a panic. It does nothing else: a
/// second panic would end the process.
macro_rules! stops_cleanly {
    ($registry:ident) => {
        fn stopped(&mut self, ctx: &mut Self::Context) {
            self.shared.$registry.stopped(&self.key, &actix::AsyncContext::address(ctx));
        }
    };
}
pub(crate) use stops_cleanly;
