//! The actor of a challenge: runs its state machine, proposes its outcomes and holds its waiters.

mod ask;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, ContextFutureSpawner};
use actix::{Handler, Message, ResponseActFuture, WrapFuture};
use tokio::sync::oneshot;

use countersign_core::challenge::{Challenge, Ended, Machine, Phase, Step};
use countersign_core::decision::{Decision, VerifiedDecision};
use countersign_core::device::Signing;
use countersign_core::id::AuthenticatorId;
use countersign_core::number_match::TypedNumber;
use countersign_core::refusal::Refusal;
use countersign_core::time::UnixMillis;

use super::{Doubt, Drain, RETRY, Reply, stops_cleanly};
use crate::error::Error;
use crate::registry::Leave;
use crate::shared::{ChallengeKey, Shared, Tenant};

/// The recorded state of a challenge.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Recorded(pub(crate) Arc<Challenge>);

/// Asks how the challenge stands.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Watch {
    /// True if the caller waits for the end.
    pub(crate) wait: bool,
    pub(crate) reply: Reply<Watched>,
}

/// The state of a challenge, for a poll.
pub(crate) struct Watched {
    pub(crate) challenge: Arc<Challenge>,
    /// Tells of the end; absent if there is one, if the asker did not want to wait, or may not.
    pub(crate) end: Option<oneshot::Receiver<Arc<Challenge>>>,
    /// True if others wait for the end.
    pub(crate) is_waited_for: bool,
}

/// A device's verified answer.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Decide {
    pub(crate) decision: VerifiedDecision,
    pub(crate) arrived_at: UnixMillis,
    /// True if the device has signed a read of the displayed text.
    pub(crate) read: bool,
    pub(crate) reply: Reply<Ended>,
}

pub(crate) struct ChallengeActor {
    key: ChallengeKey,
    shared: Arc<Shared>,
    tenant: Option<Arc<Tenant>>,
    /// Absent until it is loaded, and where there is no such challenge.
    machine: Option<Machine>,
    waiters: Vec<oneshot::Sender<Arc<Challenge>>>,
    /// Proposals that are not answered yet.
    proposing: usize,
    /// The store is being asked for the recorded state, or will be asked again.
    in_doubt: bool,
}

impl ChallengeActor {
    fn new(key: ChallengeKey, shared: Arc<Shared>, recorded: Option<Arc<Challenge>>) -> Self {
        let tenant = shared.tenant(&key.0).ok();
        let machine = recorded.map(Machine::new);
        let waiters = Vec::new();
        Self { key, shared, tenant, machine, waiters, proposing: 0, in_doubt: false }
    }

    fn settle(&mut self, ended: Ended) -> Result<Ended, Error> {
        let machine = self.machine.as_mut().ok_or(Refusal::ChallengeUnknown)?;
        let ended = machine.settle(ended).clone();
        self.tell_waiters();
        Ok(ended)
    }

    fn learn(&mut self, recorded: Arc<Challenge>) {
        if let Some(machine) = &mut self.machine {
            machine.learn(recorded);
            self.tell_waiters();
        }
    }

    /// Tells those who wait, once there is an end.
    fn tell_waiters(&mut self) {
        let Some(challenge) = self.machine.as_ref().map(Machine::challenge) else { return };
        if challenge.ended.is_none() {
            return;
        }
        for waiter in self.waiters.drain(..) {
            // A waiter that has gone away needs no answer.
            let _ = waiter.send(challenge.clone());
        }
    }

    /// Reads the recorded state. Messages wait meanwhile, because they may be newer.
    fn look(&mut self, ctx: &mut Context<Self>) {
        self.shared
            .store
            .challenge(&self.key.0, &self.key.1)
            .into_actor(self)
            .map(|read, actor, ctx| match read {
                Ok(recorded) => {
                    actor.in_doubt = false;
                    recorded.into_iter().for_each(|recorded| actor.learn(recorded.into()));
                }
                Err(error) => {
                    tracing::warn!(%error, "challenge not looked at");
                    ctx.run_later(RETRY, Self::look);
                }
            })
            .wait(ctx);
    }

    fn unsettled(&mut self) {
        if let Some(machine) = &mut self.machine {
            machine.unsettled();
        }
    }

    /// Asks the account to have an end recorded; the answer is the end that is. `typed` is the
    /// number in a device's answer, and `display` is true if the device has signed the shown text,
    /// or a read of it.
    fn propose(
        &mut self,
        ended: Ended,
        typed: Option<TypedNumber>,
        display: bool,
    ) -> ResponseActFuture<Self, Result<Ended, Error>> {
        self.proposing += 1;
        let shared = self.shared.clone();
        let challenge = self.machine.as_ref().map(|m| m.challenge().clone());
        let proposed = async move {
            let challenge = challenge.ok_or(Refusal::ChallengeUnknown)?;
            let id = challenge.id.clone();
            shared
                .account(&challenge.account, move |w| {
                    Box::pin(async move { w.decide(&id, ended, typed.as_ref(), display).await })
                })
                .await
        };
        let settled = proposed.into_actor(self).map(|recorded, actor: &mut Self, _| {
            actor.proposing -= 1;
            match recorded {
                Ok(ended) => actor.settle(ended),
                Err(error) => {
                    actor.unsettled();
                    Err(error)
                }
            }
        });
        Box::pin(settled)
    }

    fn wait_for_expiry(&mut self, ctx: &mut Context<Self>) {
        let (Some(machine), Some(tenant)) = (&self.machine, &self.tenant) else { return };
        if matches!(machine.phase(), Phase::Closed(_)) {
            return;
        }
        let ms = machine.deadline(&tenant.limits).ms_since(self.shared.clock.now());
        ctx.run_later(Duration::from_millis(ms), Self::expire);
    }

    fn expire(&mut self, ctx: &mut Context<Self>) {
        let (Some(machine), Some(tenant)) = (&mut self.machine, &self.tenant) else { return };
        let now = self.shared.clock.now();
        match machine.expire(now, &tenant.limits) {
            Some(Step::Propose(ended)) => self
                .propose(ended, None, false)
                .map(|recorded, _, ctx| {
                    if recorded.is_err() {
                        ctx.run_later(RETRY, Self::expire);
                    }
                })
                .spawn(ctx),
            Some(Step::Known(_)) => {}
            // The timer ran ahead of the clock, or the challenge has ended.
            None => self.wait_for_expiry(ctx),
        }
    }
}

impl Actor for ChallengeActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.machine.is_some() {
            return self.wait_for_expiry(ctx);
        }
        // Commits after the registration of this actor are sent to it as well.
        self.shared
            .store
            .challenge(&self.key.0, &self.key.1)
            .into_actor(self)
            .map(|loaded, actor, ctx| match loaded {
                Ok(recorded) => {
                    actor.machine = recorded.map(Machine::new);
                    actor.wait_for_expiry(ctx);
                }
                Err(error) => {
                    tracing::warn!(%error, "challenge not loaded");
                    ctx.stop();
                }
            })
            .wait(ctx);
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
        let Some(machine) = &self.machine else {
            let _ = reply.send(Err(Refusal::ChallengeUnknown.into()));
            return self.shared.challenges.dismiss(&self.key);
        };
        self.waiters.retain(|w| !w.is_closed());
        let challenge = machine.challenge().clone();
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

impl Handler<Decide> for ChallengeActor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, decide: Decide, _: &mut Self::Context) -> Self::Result {
        let Decide { decision, arrived_at, read, reply } = decide;
        let step = match (&mut self.machine, &self.tenant) {
            (Some(machine), Some(tenant)) => machine.decide(&decision, arrived_at, &tenant.limits),
            (None, _) | (_, None) => Err(Refusal::ChallengeUnknown),
        };
        let proposed = match step {
            Ok(Step::Propose(ended)) => ended,
            Ok(Step::Known(ended)) => {
                let _ = reply.send(Ok(ended));
                return Box::pin(actix::fut::ready(()));
            }
            Err(refusal) => {
                let _ = reply.send(Err(refusal.into()));
                return Box::pin(actix::fut::ready(()));
            }
        };
        let typed = decision.number().cloned();
        let display = read || decision.signing() >= Signing::StatementV1;
        let answered = self.propose(proposed, typed, display).map(move |recorded, _, _| {
            let _ = reply
                .send(recorded.and_then(|ended| judge(&ended, decision.decision(), decision.by())));
        });
        Box::pin(answered)
    }
}

/// Answers the device from the recorded end, which may be another one than its own.
fn judge(ended: &Ended, decision: Decision, by: &AuthenticatorId) -> Result<Ended, Error> {
    Ok(Challenge::repeated(ended, decision, by)?)
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
        let open = self.machine.as_ref().is_some_and(|m| !matches!(m.phase(), Phase::Closed(_)));
        if self.proposing > 0 || (open && !self.waiters.is_empty()) {
            return;
        }
        if self.shared.challenges.leave(&self.key, seen) {
            ctx.stop();
        }
    }
}
