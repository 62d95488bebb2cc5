//! A time limit for connecting, and a permit that is held until connecting ends.
//!
//! If an idle connection becomes free first, the HTTP client uses it for the call, and continues to
//! connect in the background without a time limit. An endpoint that never completes its handshakes
//! would accumulate half-open connections of ours.

use std::time::Duration;

use tokio::time::timeout;
use tower::BoxError;

use super::calls::CallPermit;
use crate::ports::Later;

tokio::task_local! {
    /// The webhook call that the current task makes.
    static CALL: Call;
}

/// Data of a webhook call that its connecting needs.
#[derive(Clone)]
pub(super) struct Call {
    /// The permit. It is given back when both the call and its connecting have ended.
    pub(super) turn: CallPermit,
    /// Maximum duration of connecting, from the look-up to the end of the TLS handshake.
    pub(super) deadline: Duration,
}

impl Call {
    /// Runs the future of the call. Connecting that begins in it has the permit and deadline of
    /// this call.
    pub(super) async fn make<T>(self, call: impl Future<Output = T>) -> T {
        CALL.scope(self, call).await
    }
}

/// Error: connecting took longer than its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connecting takes longer than a call may")]
pub(super) struct Slow;

/// Limits connecting by the deadline of the current call, and holds the call's permit until
/// connecting ends.
pub(super) fn bounded<T: 'static>(
    connecting: Later<Result<T, BoxError>>,
) -> Later<Result<T, BoxError>> {
    let call = CALL.try_with(Call::clone);
    Box::pin(async move {
        // Connecting outside a call is an error, because it would have no limit.
        let Call { turn: _turn, deadline } = call?;
        timeout(deadline, connecting).await.map_err(|_| Slow)?
    })
}
