//! The actor of an account: lets one request at a time to the account's [`AccountWriter`].

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

/// A piece of work with exclusive access to the account. It runs to its end even if its caller has
/// left.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Call(pub(super) Run);

pub(crate) struct AccountActor {
    key: AccountKey,
    shared: Arc<Shared>,
    /// Absent while a call has it, and until it is loaded.
    writer: Option<AccountWriter>,
}

impl AccountActor {
    pub(super) const fn new(key: AccountKey, shared: Arc<Shared>) -> Self {
        Self { key, shared, writer: None }
    }

    /// Loads the account's records. Calls wait for the load.
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
            // A bug in one call is not to take those with it that wait behind it.
            let panicked = AssertUnwindSafe(run(&mut writer)).catch_unwind().await.is_err();
            (writer, panicked)
        };
        let returned =
            called.into_actor(self).map(|(mut writer, panicked), actor: &mut Self, ctx| {
                // A call that panicked has notified nobody.
                actor.shared.notify(writer.take_notices());
                // A writer in doubt about the records is dropped.
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
