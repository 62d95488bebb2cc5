//! The actor of an account: lets one request at a time to the account's [`AccountWriter`].

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix::{Actor, ActorContext, ActorFutureExt, AtomicResponse, Context};
use actix::{ContextFutureSpawner, Handler, Message, WrapFuture};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use tokio::sync::oneshot;

use super::stops_cleanly;
use super::writer::AccountWriter;
use crate::error::Error;
use crate::registry::Leave;
use crate::shared::Shared;
use countersign_core::id::AccountKey;

type Run = Box<dyn for<'w> FnOnce(&'w mut AccountWriter) -> LocalBoxFuture<'w, ()> + Send>;

/// Something to do with the account, alone. It is done even if the asker has gone away.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Call(Run);

pub(crate) struct AccountActor {
    key: AccountKey,
    shared: Arc<Shared>,
    /// Absent while a call has it, and until it is loaded.
    writer: Option<AccountWriter>,
}

impl AccountActor {
    pub(crate) const fn new(key: AccountKey, shared: Arc<Shared>) -> Self {
        Self { key, shared, writer: None }
    }

    /// Loads the account's records. Calls wait for the load.
    fn load(&mut self, ctx: &mut Context<Self>) {
        AccountWriter::load(self.key.clone(), self.shared.clone())
            .into_actor(self)
            .map(|loaded, actor, ctx| match loaded {
                Ok(writer) => actor.writer = Some(writer),
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
        let returned = called.into_actor(self).map(|(writer, panicked), actor: &mut Self, ctx| {
            // A writer in doubt about the records must not go on.
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

impl Shared {
    /// Runs a transition on an account, one at a time, and returns its result.
    pub(crate) async fn account<T, F>(
        self: &Arc<Self>,
        key: &AccountKey,
        run: F,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'w> FnOnce(&'w mut AccountWriter) -> LocalBoxFuture<'w, Result<T, Error>>,
        F: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let call: Run = Box::new(move |writer| {
            Box::pin(async move {
                // The caller may have gone. The work is done all the same.
                let _ = reply.send(run(writer).await);
            })
        });
        self.accounts.send(key, Call(call), || {
            let (key, shared) = (key.clone(), self.clone());
            self.arbiters.start_actor(&key.clone(), move || AccountActor::new(key, shared))
        })?;
        answer.await.unwrap_or_else(|_| Err(Error::lost()))
    }
}
