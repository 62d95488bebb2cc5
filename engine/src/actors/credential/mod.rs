//! The actor of a credential: it knows its bindings and their pending challenges, gives out its
//! nonces, and holds the polls of the app that has the key.

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

/// A question about the credential, answered at once.
pub(super) type Question = Box<dyn FnOnce(Result<&mut CredentialState, Error>) + Send>;

/// Asks something of a credential that has a binding.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Ask(pub(super) Question);

/// Binds the credential to an account.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Bind {
    pub(crate) account: AccountKey,
    pub(crate) grant: Grant,
    pub(crate) enroll: Enroll,
    pub(crate) reply: Reply<Enrolled>,
}

/// A key that is bound to an account.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The binding.
    pub device: Arc<Device>,
    /// The binding for which the key has no place; absent if there is none, or it is another
    /// user's and the caller has shown no proof of possession.
    pub crowded: Option<Crowded>,
}

/// A binding that is shown nothing because its key serves too many users; see [`Inbox`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowded {
    /// Another user's binding, whose place was taken.
    Other,
    /// The one that was just made.
    This,
}

pub(crate) struct CredentialActor {
    key: CredentialKey,
    shared: Arc<Shared>,
    /// Absent until it is loaded.
    state: Option<CredentialState>,
    /// The store is being asked for the recorded state, or will be asked again.
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
    /// Gives a binding its place, and says whose it took. That others have the key is told to its
    /// holder only: whoever has shown no proof may know no more of it than its public part.
    fn place(&mut self, device: Arc<Device>, is_proven: bool) -> Enrolled {
        let Some(state) = &mut self.state else { return Enrolled { device, crowded: None } };
        let mut without = state.inbox.bindings().to_vec();
        state.inbox.bind(device.clone());
        without.push(device.clone());
        without.retain(|b| state.inbox.bindings().iter().all(|kept| kept.id != b.id));
        for binding in &without {
            counter!(telemetry::BINDINGS_CROWDED_OUT).increment(1);
            // No warning: anybody who knows the key could fill the log with it. The count is
            // watched instead.
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

    /// Reads the recorded state. Messages wait meanwhile, because they may be newer.
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
        // Commits after the registration of this actor are sent to it as well.
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
        // A binding that had no place may have one, and something may be pending for it.
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

    /// Alone, so that two accounts cannot both take the last place that the key has.
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
                // A refused caller leaves nothing behind.
                if actor.state.as_ref().is_some_and(|state| state.inbox.is_empty()) {
                    actor.shared.credentials.dismiss(&actor.key);
                }
                // The asker may have gone.
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
