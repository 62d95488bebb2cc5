//! The actor of a challenge: keeps its latest known record, holds the polls that wait for its end,
//! and asks the account to expire it. The actor makes no decision itself.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, ContextFutureSpawner};
use actix::{Handler, Message, WrapFuture};
use tokio::sync::oneshot;

use countersign_core::challenge::Challenge;
use countersign_core::refusal::Refusal;

use super::{ChallengeKey, Doubt, Drain, RETRY, Reply, Shared, stops_cleanly};
use crate::registry::Leave;
use crate::tenant::Tenant;

/// Message: the store has recorded this state of the challenge.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Recorded(pub(crate) Arc<Challenge>);

/// Message that asks for the challenge's state, and with `wait` also for its end.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Watch {
    /// True if the caller wants to wait for the end.
    pub(crate) wait: bool,
    pub(crate) reply: Reply<Watched>,
}

/// Answer to [`Watch`]: the state of the challenge.
pub(crate) struct Watched {
    pub(crate) challenge: Arc<Challenge>,
    /// Receives the challenge when it ends. `None` if it has ended already, if the caller did not
    /// want to wait, if too many polls wait, or if the server is shutting down.
    pub(crate) end: Option<oneshot::Receiver<Arc<Challenge>>>,
    /// True if other polls wait for the end.
    pub(crate) is_waited_for: bool,
}

pub(crate) struct ChallengeActor {
    key: ChallengeKey,
    shared: Arc<Shared>,
    tenant: Option<Arc<Tenant>>,
    /// `None` before the first load, and for an unknown challenge.
    recorded: Option<Arc<Challenge>>,
    waiters: Vec<oneshot::Sender<Arc<Challenge>>>,
    /// True while the actor reads the challenge from the store because a commit's result is
    /// unknown, including the pauses between retries.
    in_doubt: bool,
}

impl ChallengeActor {
    pub(super) fn new(
        key: ChallengeKey,
        shared: Arc<Shared>,
        recorded: Option<Arc<Challenge>>,
    ) -> Self {
        let tenant = shared.tenants.get(&key.0.tenant).ok();
        Self { key, shared, tenant, recorded, waiters: Vec::new(), in_doubt: false }
    }

    /// Returns the challenge if it is known and has not ended.
    fn open(&self) -> Option<&Arc<Challenge>> {
        self.recorded.as_ref().filter(|recorded| recorded.ended.is_none())
    }

    /// Takes over a newer recorded state. If the challenge has ended, every waiting poll gets the
    /// state.
    fn learn(&mut self, recorded: Arc<Challenge>) {
        let Some(known) = &mut self.recorded else { return };
        known.learn(recorded);
        if known.ended.is_none() {
            return;
        }
        for waiter in self.waiters.drain(..) {
            // Sending fails if the poll no longer waits, which does no harm.
            let _ = waiter.send(known.clone());
        }
    }

    /// Reads the challenge from the store. Messages wait until the read is done, because the state
    /// in them may be newer than the one that the store returns.
    fn look(&mut self, ctx: &mut Context<Self>) {
        self.shared
            .ports
            .store
            .challenge(&self.key.0, &self.key.1)
            .into_actor(self)
            .map(|read, actor, ctx| match read {
                Ok(recorded) => {
                    actor.in_doubt = false;
                    let Some(recorded) = recorded.map(Arc::new) else { return };
                    if actor.recorded.is_some() {
                        return actor.learn(recorded);
                    }
                    actor.recorded = Some(recorded);
                    actor.wait_for_expiry(ctx);
                }
                Err(error) => {
                    tracing::warn!(%error, "challenge not read");
                    if actor.recorded.is_none() {
                        return ctx.stop();
                    }
                    ctx.run_later(RETRY, Self::look);
                }
            })
            .wait(ctx);
    }

    fn wait_for_expiry(&mut self, ctx: &mut Context<Self>) {
        let (Some(open), Some(tenant)) = (self.open(), &self.tenant) else { return };
        let ms = open.deadline(&tenant.limits).ms_since(self.shared.ports.clock.now());
        ctx.run_later(Duration::from_millis(ms), Self::expire);
    }

    /// Asks the account to expire the challenge, and repeats that every second until it has ended.
    fn expire(&mut self, ctx: &mut Context<Self>) {
        let (Some(open), Some(tenant)) = (self.open(), &self.tenant) else { return };
        if self.shared.ports.clock.now() < open.deadline(&tenant.limits) {
            // The timer fired before the clock reached the deadline.
            return self.wait_for_expiry(ctx);
        }
        let (shared, account, id) = (self.shared.clone(), open.account.clone(), open.id.clone());
        let expired = async move {
            let _ = shared.account(&account, async move |w| w.expire(&id).await).await;
        };
        expired
            .into_actor(self)
            .map(|_, _, ctx| {
                ctx.run_later(RETRY, Self::expire);
            })
            .spawn(ctx);
    }
}

impl Actor for ChallengeActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.recorded.is_some() {
            return self.wait_for_expiry(ctx);
        }
        // The read misses no commit, because the actor is registered and later commits are sent to
        // it.
        self.look(ctx);
    }

    stops_cleanly!(challenges);
}

impl Handler<Recorded> for ChallengeActor {
    type Result = ();

    fn handle(&mut self, Recorded(challenge): Recorded, _: &mut Self::Context) {
        self.learn(challenge);
    }
}

impl Handler<Doubt> for ChallengeActor {
    type Result = ();

    fn handle(&mut self, _: Doubt, ctx: &mut Self::Context) {
        if !std::mem::replace(&mut self.in_doubt, true) {
            self.look(ctx);
        }
    }
}

impl Handler<Watch> for ChallengeActor {
    type Result = ();

    fn handle(&mut self, Watch { wait, reply }: Watch, _: &mut Self::Context) {
        let Some(challenge) = self.recorded.clone() else {
            let _ = reply.send(Err(Refusal::ChallengeUnknown.into()));
            return self.shared.challenges.dismiss(&self.key);
        };
        self.waiters.retain(|w| !w.is_closed());
        let is_waited_for = !self.waiters.is_empty();
        let max = self.tenant.as_ref().map_or(0, |t| t.limits.waiters_per_challenge_max);
        let may_wait = wait && challenge.ended.is_none() && self.waiters.len() < max;
        let end = (may_wait && !self.shared.is_draining()).then(|| {
            let (waiter, end) = oneshot::channel();
            self.waiters.push(waiter);
            end
        });
        let _ = reply.send(Ok(Watched { challenge, end, is_waited_for }));
    }
}

impl Handler<Drain> for ChallengeActor {
    type Result = ();

    fn handle(&mut self, _: Drain, _: &mut Self::Context) {
        self.waiters.clear();
    }
}

impl Handler<Leave> for ChallengeActor {
    type Result = ();

    fn handle(&mut self, Leave { seen }: Leave, ctx: &mut Self::Context) {
        self.waiters.retain(|w| !w.is_closed());
        if self.open().is_some() && !self.waiters.is_empty() {
            return;
        }
        if self.shared.challenges.leave(&self.key, seen) {
            ctx.stop();
        }
    }
}
