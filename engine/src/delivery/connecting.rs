//! Connecting that takes no longer than a call may, and that counts as a call until it ends.
//!
//! The client goes on connecting in the background, without an end, when another connection comes
//! free for the call first. An endpoint that leaves our connections half made would collect them.

use std::time::Duration;

use tokio::time::timeout;
use tower::BoxError;

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

/// Bounds connecting by the call that it serves.
pub(super) fn bounded<T: 'static>(
    connecting: Later<Result<T, BoxError>>,
) -> Later<Result<T, BoxError>> {
    let call = CALL.try_with(Call::clone);
    Box::pin(async move {
        // Without a call nothing would bound it.
        let Call { turn: _turn, deadline } = call?;
        timeout(deadline, connecting).await.map_err(|_| Slow)?
    })
}
