//! The actor of a credential: it knows its bindings and their pending challenges, gives out its
//! nonces, and holds the polls of the app that has the key.

mod credential;

use std::sync::Arc;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, AtomicResponse, Context};
use actix::{ContextFutureSpawner, Handler, Message, WrapFuture};
use metrics::counter;
use tokio::sync::oneshot;

use countersign_core::account::{Enroll, Grant};
use countersign_core::device::Device;
use countersign_core::id::{AccountKey, AuthenticatorId, ChallengeId, CredentialKey};
use countersign_core::inbox::{Inbox, Offer};
use countersign_core::nonce::NonceBook;

pub(crate) use credential::{Known, Look};

use super::{Doubt, Drain, RETRY, Reply, stops_cleanly};
use crate::error::{Error, Misbehaviour};
use crate::registry::Leave;
use crate::shared::Shared;
use crate::telemetry;

/// A commit that concerns this credential.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum News {
    Bound(Arc<Device>),
    Offered(Offer),
    Unbound(AuthenticatorId),
    Withdrawn(ChallengeId),
}

/// A question about the credential, answered at once.
pub(crate) type Question = Box<dyn FnOnce(Result<&mut Known, Error>) + Send>;

/// Asks something of a credential that has a binding.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Ask(Question);

/// Binds the credential to an account.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Bind {
    pub(crate) account: AccountKey,
    pub(crate) grant: Grant,
    pub(crate) enroll: Enroll,
    pub(crate) fresh_id: AuthenticatorId,
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

pub(crate) struct DeviceActor {
    key: CredentialKey,
    shared: Arc<Shared>,
    /// Absent until it is loaded.
    known: Option<Known>,
    /// The store is being asked for the recorded state, or will be asked again.
    in_doubt: bool,
}

impl DeviceActor {
    pub(crate) const fn new(key: CredentialKey, shared: Arc<Shared>) -> Self {
        Self { key, shared, known: None, in_doubt: false }
    }
}

async fn load(key: CredentialKey, shared: Arc<Shared>) -> Result<Inbox, Error> {
    let mut inbox = Inbox::new(&shared.tenant(&key.tenant)?.limits);
    for device in shared.store.devices_of_key(&key).await? {
        inbox.bind(device);
    }
    let accounts: Vec<_> = inbox.bindings().iter().map(|b| b.account.clone()).collect();
    for account in accounts {
        let snapshot = shared.store.account(&account).await?;
        let user_custom = snapshot.record.and_then(|r| r.profile.custom);
        for challenge in snapshot.open {
            let Some(action) = shared.store.action(&account, &challenge.action).await? else {
                continue;
            };
            let user_custom = user_custom.clone();
            inbox.offer(Offer { challenge: challenge.into(), action: action.into(), user_custom });
        }
    }
    Ok(inbox)
}

impl DeviceActor {
    fn know(&mut self, inbox: Inbox) -> Result<(), Error> {
        let tenant = self.shared.tenant(&self.key.tenant)?;
        let (shared, nonces, waiters) = (self.shared.clone(), NonceBook::default(), Vec::new());
        let read = Vec::new();
        self.known = Some(Known { shared, tenant, inbox, nonces, waiters, read });
        Ok(())
    }

    /// Gives a binding its place, and says whose it took. That others have the key is told to its
    /// holder only: whoever has shown no proof may know no more of it than its public part.
    fn place(&mut self, device: Arc<Device>, is_proven: bool) -> Enrolled {
        let Some(known) = &mut self.known else { return Enrolled { device, crowded: None } };
        let mut without = known.inbox.bindings().to_vec();
        known.inbox.bind(device.clone());
        without.push(device.clone());
        without.retain(|b| known.inbox.bindings().iter().all(|kept| kept.id != b.id));
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
                Ok(inbox) => {
                    actor.in_doubt = false;
                    if let Some(known) = &mut actor.known {
                        known.replace(inbox);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "device not looked at");
                    ctx.run_later(RETRY, Self::look);
                }
            })
            .wait(ctx);
    }
}

impl Actor for DeviceActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Commits after the registration of this actor are sent to it as well.
        load(self.key.clone(), self.shared.clone())
            .into_actor(self)
            .map(|loaded, actor, ctx| {
                if let Err(error) = loaded.and_then(|inbox| actor.know(inbox)) {
                    tracing::warn!(%error, "device not loaded");
                    ctx.stop();
                }
            })
            .wait(ctx);
    }

    stops_cleanly!(devices);
}

impl Handler<News> for DeviceActor {
    type Result = ();

    fn handle(&mut self, news: News, ctx: &mut Self::Context) {
        let Some(known) = &mut self.known else { return };
        let rebound = matches!(&news, News::Bound(_) | News::Unbound(_));
        known.learn(news);
        // A binding that had no place may have one, and something may be pending for it.
        if rebound && known.inbox.is_crowded() {
            self.look(ctx);
        }
    }
}

impl Handler<Doubt> for DeviceActor {
    type Result = ();

    fn handle(&mut self, _: Doubt, ctx: &mut Self::Context) {
        if !std::mem::replace(&mut self.in_doubt, true) {
            self.look(ctx);
        }
    }
}

impl Handler<Ask> for DeviceActor {
    type Result = ();

    fn handle(&mut self, Ask(question): Ask, _: &mut Self::Context) {
        match &mut self.known {
            Some(known) if !known.inbox.is_empty() => question(Ok(known)),
            Some(_) => {
                question(Err(Misbehaviour::UnknownCredential.into()));
                self.shared.devices.dismiss(&self.key);
            }
            None => question(Err(Error::lost())),
        }
    }
}

impl Handler<Bind> for DeviceActor {
    type Result = AtomicResponse<Self, ()>;

    /// Alone, so that two accounts cannot both take the last place that the key has.
    fn handle(&mut self, bind: Bind, _: &mut Self::Context) -> Self::Result {
        let Bind { account, grant, enroll, fresh_id, reply } = bind;
        let admitted = match &self.known {
            Some(known) => known.inbox.admit(&account, enroll.signing).map_err(Error::from),
            None => Err(Error::lost()),
        };
        let is_proven = enroll.is_proven();
        let shared = self.shared.clone();
        let bound = async move {
            admitted?;
            let enrolled = shared.account(&account, move |w| {
                Box::pin(async move { w.enroll(&grant, enroll, fresh_id).await })
            });
            enrolled.await
        };
        let answered = bound.into_actor(self).map(
            move |bound: Result<Arc<Device>, Error>, actor: &mut Self, _| {
                let bound = bound.map(|device| actor.place(device, is_proven));
                // A refused caller leaves nothing behind.
                if actor.known.as_ref().is_some_and(|known| known.inbox.is_empty()) {
                    actor.shared.devices.dismiss(&actor.key);
                }
                // The asker may have gone.
                let _ = reply.send(bound);
            },
        );
        AtomicResponse::new(Box::pin(answered))
    }
}

impl Handler<Drain> for DeviceActor {
    type Result = ();

    fn handle(&mut self, _: Drain, _: &mut Self::Context) {
        if let Some(known) = &mut self.known {
            known.waiters.clear();
        }
    }
}

impl Handler<Leave> for DeviceActor {
    type Result = ();

    fn handle(&mut self, Leave { seen }: Leave, ctx: &mut Self::Context) {
        let now = self.shared.clock.now();
        if let Some(known) = &mut self.known {
            known.waiters.retain(|w| !w.is_closed());
            let idle = known.waiters.is_empty() && !known.awaits_decision();
            if !idle || !known.nonces.is_empty(now, &known.tenant.limits) {
                return;
            }
        }
        if self.shared.devices.leave(&self.key, seen) {
            ctx.stop();
        }
    }
}

impl Shared {
    /// Asks a credential something, which is answered from memory.
    pub(crate) async fn device<T: Send + 'static>(
        self: &Arc<Self>,
        key: &CredentialKey,
        question: impl FnOnce(&mut Known) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let ask: Question = Box::new(move |known| {
            // The asker may have gone.
            let _ = reply.send(known.map(question));
        });
        self.devices.send(key, Ask(ask), || self.start_device(key))?;
        answer.await.unwrap_or_else(|_| Err(Error::lost()))
    }

    /// Binds a credential to an account.
    pub(crate) async fn bind(
        self: &Arc<Self>,
        key: &CredentialKey,
        bind: impl FnOnce(Reply<Enrolled>) -> Bind,
    ) -> Result<Enrolled, Error> {
        let (reply, answer) = oneshot::channel();
        self.devices.send(key, bind(reply), || self.start_device(key))?;
        answer.await.unwrap_or_else(|_| Err(Error::lost()))
    }

    fn start_device(self: &Arc<Self>, key: &CredentialKey) -> actix::Addr<DeviceActor> {
        let (key, shared) = (key.clone(), self.clone());
        self.arbiters.start_actor(&key.clone(), move || DeviceActor::new(key, shared))
    }
}
