//! Connecting that takes no longer than a call may, and that counts as a call until it ends.
//!
//! The client goes on connecting in the background, without an end, when another connection comes
//! free for the call first. An endpoint that leaves our connections half made would collect them.

use std::error::Error;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use tokio::time::timeout;
use tower::Service;

use super::calls::CallPermit;
use crate::ports::Later;

tokio::task_local! {
    /// The call that the task makes at present.
    static CALL: Call;
}

/// The part of a call that its connecting needs.
#[derive(Clone)]
pub(super) struct Call {
    /// The permit, which comes free when both the call and its connecting are over.
    pub(super) turn: CallPermit,
    /// The longest that connecting may take, from the look-up to the end of the TLS handshake.
    pub(super) deadline: Duration,
}

impl Call {
    /// Makes the call: connecting that it begins belongs to it.
    pub(super) async fn make<T>(self, call: impl Future<Output = T>) -> T {
        CALL.scope(self, call).await
    }
}

/// Connecting took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connecting takes longer than a call may")]
pub(super) struct Slow;

/// A connector that is bounded by the calls that it serves.
#[derive(Clone)]
pub(super) struct Bounded<C>(pub(super) C);

impl<C> Service<Uri> for Bounded<C>
where
    C: Service<Uri>,
    C::Error: Into<Box<dyn Error + Send + Sync>>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Later<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let call = CALL.try_with(Call::clone);
        let connecting = self.0.call(target);
        Box::pin(async move {
            // Without a call nothing would bound it.
            let Call { turn: _turn, deadline } = call?;
            timeout(deadline, connecting).await.map_err(|_| Slow)?.map_err(Into::into)
        })
    }
}
