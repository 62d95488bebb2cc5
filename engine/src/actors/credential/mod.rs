//! The actor of a credential: keeps the key's bindings and their pending challenges, issues its
//! nonces, and holds the long polls of the app that has the key.

mod state;

use std::sync::Arc;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, AtomicResponse, Context};
use actix::{ContextFutureSpawner, Handler, Message, WrapFuture};
use metrics::counter;

use countersign_core::account::{Enroll, Grant};
use countersign_core::device::Device;
use countersign_core::id::{AccountKey, CredentialKey};
use countersign_core::inbox::{Inbox, Offer};

pub(crate) use state::{CredentialState, PendingOffers};

use super::{Doubt, Drain, RETRY, Reply, Shared, stops_cleanly};
use crate::account::CredentialNotice;
use crate::error::{Error, Misbehaviour};
use crate::registry::Leave;
use crate::telemetry;
use crate::tenant::Tenant;

impl Message for CredentialNotice {
    type Result = ();
}

/// A function that reads or changes the credential's state, and sends an answer to the caller.
pub(super) type Question = Box<dyn FnOnce(Result<&mut CredentialState, Error>) + Send>;

/// Message: run a question. If the credential has no binding, the question gets the error
/// `UnknownCredential`.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Ask(pub(super) Question);

/// Message: bind the credential to an account.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Bind {
    pub(crate) account: AccountKey,
    pub(crate) grant: Grant,
    pub(crate) enroll: Enroll,
    pub(crate) reply: Reply<Enrolled>,
}

/// Result of an enrollment, which has bound a key to an account.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The binding.
    pub device: Arc<Device>,
    /// Binding that has no place at the key. `None` if every binding has a place, and also if
    /// another user's binding lost its place but the caller has not proven possession of the key.
    pub crowded: Option<Crowded>,
}

/// A binding that gets no challenges, because its key serves too many users; see [`Inbox`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowded {
    /// Another user's binding, which lost its place to the new binding.
    Other,
    /// The new binding, which got no place.
    This,
}

pub(crate) struct CredentialActor {
    key: CredentialKey,
    shared: Arc<Shared>,
    /// `None` until it is loaded from the store.
    state: Option<CredentialState>,
    /// True while the actor reads the credential from the store because a commit's result is
    /// unknown, including the pauses between retries.
    in_doubt: bool,
}

impl CredentialActor {
    pub(crate) const fn new(key: CredentialKey, shared: Arc<Shared>) -> Self {
        Self { key, shared, state: None, in_doubt: false }
    }
}

async fn load(key: CredentialKey, shared: Arc<Shared>) -> Result<(Arc<Tenant>, Inbox), Error> {
    let tenant = shared.tenants.get(&key.tenant)?;
    let mut inbox = Inbox::new(&tenant.limits);
    for device in shared.ports.store.devices_of_key(&key).await? {
        inbox.bind(device);
    }
    let accounts: Vec<_> = inbox.bindings().iter().map(|b| b.account.clone()).collect();
    for account in accounts {
        let snapshot = shared.ports.store.account(&account).await?;
        let user_custom = snapshot.record.and_then(|r| r.profile.custom);
        for challenge in snapshot.open {
            let Some(action) = shared.ports.store.action(&account, &challenge.action).await? else {
                continue;
            };
            let user_custom = user_custom.clone();
            inbox.offer(Offer { challenge: challenge.into(), action: action.into(), user_custom });
        }
    }
    Ok((tenant, inbox))
}

impl CredentialActor {
    /// Adds a binding to the inbox, and reports a binding that has no place now. Only a caller who
    /// has proven possession of the key is told about another user's binding, because any other
    /// caller may know nothing about the key but its public part.
    fn place(&mut self, device: Arc<Device>, is_proven: bool) -> Enrolled {
        let Some(state) = &mut self.state else { return Enrolled { device, crowded: None } };
        let mut without = state.inbox.bindings().to_vec();
        state.inbox.bind(device.clone());
        without.push(device.clone());
        without.retain(|b| state.inbox.bindings().iter().all(|kept| kept.id != b.id));
        for binding in &without {
            counter!(telemetry::BINDINGS_CROWDED_OUT).increment(1);
            // The line is at debug level, because anybody who knows the public key could fill the
            // log with warnings. Operators watch the counter instead.
            tracing::debug!(
                tenant = %self.key.tenant,
                authenticator = %binding.id,
                "a key serves too many users: this authenticator is shown nothing until it is \
                 enrolled again"
            );
        }
        let crowded = if without.iter().any(|b| b.id == device.id) {
            Some(Crowded::This)
        } else {
            (is_proven && !without.is_empty()).then_some(Crowded::Other)
        };
        Enrolled { device, crowded }
    }

    /// Reads the credential from the store. Messages wait until the read is done, because the state
    /// in them may be newer than the one that the store returns.
    fn look(&mut self, ctx: &mut Context<Self>) {
        load(self.key.clone(), self.shared.clone())
            .into_actor(self)
            .map(|read, actor, ctx| match read {
                Ok((tenant, inbox)) => {
                    actor.in_doubt = false;
                    match &mut actor.state {
                        Some(state) => state.replace(inbox),
                        state => {
                            let shared = actor.shared.clone();
                            *state = Some(CredentialState::new(shared, tenant, inbox));
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "credential not read");
                    if actor.state.is_none() {
                        return ctx.stop();
                    }
                    ctx.run_later(RETRY, Self::look);
                }
            })
            .wait(ctx);
    }
}

impl Actor for CredentialActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // The read misses no commit, because the actor is registered and later commits are sent to
        // it.
        self.look(ctx);
    }

    stops_cleanly!(credentials);
}

impl Handler<CredentialNotice> for CredentialActor {
    type Result = ();

    fn handle(&mut self, notice: CredentialNotice, ctx: &mut Self::Context) {
        let Some(state) = &mut self.state else { return };
        let rebound = matches!(&notice, CredentialNotice::Bound(_) | CredentialNotice::Unbound(_));
        state.learn(notice);
        // A binding without a place may have got one, and a challenge may be pending for it.
        if rebound && state.inbox.is_crowded() {
            self.look(ctx);
        }
    }
}

impl Handler<Doubt> for CredentialActor {
    type Result = ();

    fn handle(&mut self, _: Doubt, ctx: &mut Self::Context) {
        if !std::mem::replace(&mut self.in_doubt, true) {
            self.look(ctx);
        }
    }
}

impl Handler<Ask> for CredentialActor {
    type Result = ();

    fn handle(&mut self, Ask(question): Ask, _: &mut Self::Context) {
        match &mut self.state {
            Some(state) if !state.inbox.is_empty() => question(Ok(state)),
            Some(_) => {
                question(Err(Misbehaviour::UnknownCredential.into()));
                self.shared.credentials.dismiss(&self.key);
            }
            None => question(Err(Error::lost())),
        }
    }
}

impl Handler<Bind> for CredentialActor {
    type Result = AtomicResponse<Self, ()>;

    /// Handles one binding request at a time, so that two accounts cannot both take the key's last
    /// place.
    fn handle(&mut self, bind: Bind, _: &mut Self::Context) -> Self::Result {
        let Bind { account, grant, enroll, reply } = bind;
        let admitted = match &self.state {
            Some(state) => state.inbox.admit(&account, enroll.signing).map_err(Error::from),
            None => Err(Error::lost()),
        };
        let is_proven = enroll.is_proven();
        let shared = self.shared.clone();
        let bound = async move {
            admitted?;
            shared.account(&account, async move |w| w.enroll(&grant, enroll).await).await
        };
        let answered = bound.into_actor(self).map(
            move |bound: Result<Arc<Device>, Error>, actor: &mut Self, _| {
                let bound = bound.map(|device| actor.place(device, is_proven));
                // After a refused enrollment, the actor of a key without bindings is not kept in
                // memory.
                if actor.state.as_ref().is_some_and(|state| state.inbox.is_empty()) {
                    actor.shared.credentials.dismiss(&actor.key);
                }
                // The caller may no longer wait.
                let _ = reply.send(bound);
            },
        );
        AtomicResponse::new(Box::pin(answered))
    }
}

impl Handler<Drain> for CredentialActor {
    type Result = ();

    fn handle(&mut self, _: Drain, _: &mut Self::Context) {
        if let Some(state) = &mut self.state {
            state.waiters.clear();
        }
    }
}

impl Handler<Leave> for CredentialActor {
    type Result = ();

    fn handle(&mut self, Leave { seen }: Leave, ctx: &mut Self::Context) {
        let now = self.shared.ports.clock.now();
        if let Some(state) = &mut self.state {
            state.waiters.retain(|w| !w.is_closed());
            let idle = state.waiters.is_empty() && !state.awaits_decision();
            if !idle || !state.nonces.is_empty(now, &state.tenant.limits) {
                return;
            }
        }
        if self.shared.credentials.leave(&self.key, seen) {
            ctx.stop();
        }
    }
}
