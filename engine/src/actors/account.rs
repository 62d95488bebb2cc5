//! The actor of an account, which gives one call at a time access to the account's
//! [`AccountWriter`].

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix::{Actor, ActorContext, ActorFutureExt, AtomicResponse, Context};
use actix::{ContextFutureSpawner, Handler, Message, WrapFuture};
use countersign_core::id::AccountKey;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;

use super::{Shared, stops_cleanly};
use crate::account::AccountWriter;
use crate::registry::Leave;

pub(super) type Run =
    Box<dyn for<'w> FnOnce(&'w mut AccountWriter) -> LocalBoxFuture<'w, ()> + Send>;

/// A call with exclusive access to the account's writer. It runs to its end even if its caller no
/// longer waits.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Call(pub(super) Run);

pub(crate) struct AccountActor {
    key: AccountKey,
    shared: Arc<Shared>,
    /// `None` until the account is loaded, and while a call uses the writer.
    writer: Option<AccountWriter>,
}

impl AccountActor {
    pub(super) const fn new(key: AccountKey, shared: Arc<Shared>) -> Self {
        Self { key, shared, writer: None }
    }

    /// Loads the account's records. Calls wait until they are loaded.
    fn load(&mut self, ctx: &mut Context<Self>) {
        let (key, shared) = (self.key.clone(), self.shared.clone());
        let loaded = async move {
            let tenant = shared.tenants.get(&key.tenant)?;
            AccountWriter::load(key, shared.ports.clone(), tenant, &shared.set_backs()).await
        };
        loaded
            .into_actor(self)
            .map(|loaded, actor, ctx| match loaded {
                Ok(mut writer) => {
                    actor.shared.notify(writer.take_notices());
                    actor.writer = Some(writer);
                }
                Err(error) => {
                    tracing::warn!(%error, "account not loaded");
                    ctx.stop();
                }
            })
            .wait(ctx);
    }
}

impl Actor for AccountActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.load(ctx);
    }

    stops_cleanly!(accounts);
}

impl Handler<Call> for AccountActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, Call(run): Call, _: &mut Self::Context) -> Self::Result {
        let writer = self.writer.take().expect("loaded before the first call, returned after each");
        let called = async move {
            let mut writer = writer;
            // A panic in one call must not lose the calls that wait behind it.
            let panicked = AssertUnwindSafe(run(&mut writer)).catch_unwind().await.is_err();
            (writer, panicked)
        };
        let returned =
            called.into_actor(self).map(|(mut writer, panicked), actor: &mut Self, ctx| {
                // A call that panicked has not sent its notices.
                actor.shared.notify(writer.take_notices());
                // A writer that does not know the recorded state is dropped, and the records are
                // loaded again.
                if panicked || writer.is_lost() {
                    actor.load(ctx);
                } else {
                    actor.writer = Some(writer);
                }
            });
        AtomicResponse::new(Box::pin(returned))
    }
}

impl Handler<Leave> for AccountActor {
    type Result = ();

    fn handle(&mut self, Leave { seen }: Leave, ctx: &mut Self::Context) {
        if self.shared.accounts.leave(&self.key, seen) {
            ctx.stop();
        }
    }
}
