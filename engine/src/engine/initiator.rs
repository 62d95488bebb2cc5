//! Calls of the browser in which an action began.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_core::account::{Grant, Issued};
use countersign_core::challenge::{Challenge, Ended};
use countersign_core::id::{AccountKey, ActionKey, AuthenticatorId, ChallengeId};
use countersign_core::outcome::Outcome;
use countersign_core::policy::WAIT_MS_MAX;
use countersign_core::refusal::Refusal;

use super::Engine;
use crate::account::AccountWriter;
use crate::actors::Shared;
use crate::error::Error;
use crate::ports::Delivery;
use crate::ports::delivery::{DeliveryResult, NotOffered, Offering};
use crate::system::Stopwatch;
use crate::telemetry;
use crate::tenant::Tenant;
use crate::wait_time::WaitTime;

/// Time for which a poll still waits after a challenge's deadline, in milliseconds, so that the
/// expiry can be recorded.
const RECORDING_MS_MAX: u64 = 1000;

/// Pause between two calls for the notification about one challenge.
const NOTIFY_PAUSE: Duration = Duration::from_millis(250);
/// Time after which a notification is not repeated, in seconds. One call takes up to 5 seconds, so
/// an initiator waits for about 7 seconds at most.
const NOTIFY_AGAIN_SECONDS: f64 = 2.0;

/// A challenge that was started.
#[derive(Clone, Debug)]
pub struct Started {
    /// The challenge.
    pub challenge: Arc<Challenge>,
    /// Results for the devices that the delivery adapter itself has notified.
    pub deliveries: Vec<DeliveryResult>,
}

/// The state of a challenge, as a poll returns it.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The challenge.
    pub challenge: Arc<Challenge>,
    /// True if the poll was answered at once, because too many polls wait.
    pub crowded: bool,
}

impl Verdict {
    /// Returns the recorded end, if there is one.
    #[must_use]
    pub fn ended(&self) -> Option<&Ended> {
        self.challenge.ended.as_ref()
    }
}

impl Engine {
    /// Issues a challenge for an action, and notifies the relying party if the tenant has a
    /// webhook. A notification that was lost on its way is repeated. If the relying party does not
    /// accept the notification, the challenge is cancelled; no device can have answered it, because
    /// it was held. The challenge counts as no prompt if no connection was made.
    ///
    /// # Errors
    /// [`Error::Refused`] if a rule does not allow the challenge, or [`Error::Delivery`] if the
    /// relying party does not accept the notification.
    pub async fn start_challenge(
        &self,
        account: &AccountKey,
        grant: Grant,
        target: Option<AuthenticatorId>,
        supersede: bool,
    ) -> Result<Started, Error> {
        let tenant = self.shared.tenants.get(&account.tenant)?;
        let issue = async move |w: &mut AccountWriter| w.issue(&grant, target, supersede).await;
        let Some(delivery) = tenant.delivery.clone() else {
            let issued = self.shared.account(account, issue).await?;
            return Ok(Started { challenge: issued.challenge, deliveries: Vec::new() });
        };
        // The task runs to its end even if the browser disconnects, because a challenge must not
        // stay held.
        let (shared, account) = (self.shared.clone(), account.clone());
        let started = tokio::spawn(async move {
            let issued = shared.account(&account, issue).await?;
            announce(&shared, &tenant, &*delivery, &issued).await
        });
        started.await.unwrap_or_else(|_| Err(Error::lost()))
    }

    /// Waits until a challenge of an action has ended, for the caller's `wait` at most, and returns
    /// its state then. It does not wait if too many polls wait.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is not a challenge of that action of that user.
    pub async fn await_outcome(
        &self,
        account: &AccountKey,
        action: &ActionKey,
        id: &ChallengeId,
        wait: impl WaitTime,
    ) -> Result<Verdict, Error> {
        let wait_ms = wait.ms();
        let permit = self.permit_to_wait(wait_ms);
        let key = (account.clone(), id.clone());
        let watched = self.shared.watch(&key, permit.is_some()).await?;
        let mut challenge = watched.challenge;
        if challenge.action != *action {
            return Err(Refusal::ChallengeUnknown.into());
        }
        let Some(end) = watched.end else {
            let crowded = wait_ms > 0 && challenge.ended.is_none();
            if challenge.ended.is_none() {
                self.shared.ports.store.vouches(account)?;
            }
            return Ok(Verdict { challenge, crowded });
        };
        let left_ms = challenge.expires_at.ms_since(self.shared.ports.clock.now());
        let grace_ms = self.shared.tenants.get(&account.tenant)?.limits.decision_grace_ms;
        let wait_ms = wait_ms.min(WAIT_MS_MAX).min(left_ms + grace_ms + RECORDING_MS_MAX);
        let _waiting = (telemetry::waiting("challenge"), wait.begin());
        if let Ok(Ok(ended)) = tokio::time::timeout(Duration::from_millis(wait_ms), end).await {
            challenge = ended;
        }
        if challenge.ended.is_none() {
            // Another server can have recorded an end meanwhile.
            self.shared.ports.store.vouches(account)?;
        }
        Ok(Verdict { challenge, crowded: false })
    }

    /// Returns true if the approval of a granted action is still valid; see
    /// [`Account::approval_stands`].
    ///
    /// [`Account::approval_stands`]: countersign_core::account::Account::approval_stands
    ///
    /// # Errors
    /// [`Error::Refused`] if the action is unknown, or the grant is no longer valid.
    pub async fn approval_stands(
        &self,
        account: &AccountKey,
        grant: Grant,
        ended: Ended,
    ) -> Result<bool, Error> {
        let asked = self.shared.account(account, async move |w| {
            let action = w.granted(&grant).await?;
            Ok(w.account().approval_stands(&action, &ended))
        });
        asked.await
    }

    /// Returns the open challenge of a granted action, including a challenge that is still held.
    ///
    /// # Errors
    /// [`Error::Refused`] if the action is unknown, or the grant is no longer valid.
    pub async fn open_challenge(
        &self,
        account: &AccountKey,
        grant: Grant,
    ) -> Result<Option<ChallengeId>, Error> {
        let asked = self.shared.account(account, async move |w| {
            let action = w.granted(&grant).await?;
            let open = w.account().open().iter().find(|c| c.action == action.key);
            Ok(open.map(|challenge| challenge.id.clone()))
        });
        asked.await
    }

    /// Cancels a challenge of an action, and returns the recorded end. A challenge that has ended
    /// already keeps its end.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is not a challenge of that action of that user.
    pub async fn cancel(
        &self,
        account: &AccountKey,
        action: &ActionKey,
        id: ChallengeId,
    ) -> Result<Ended, Error> {
        let verdict = self.await_outcome(account, action, &id, 0).await?;
        if let Some(ended) = verdict.ended() {
            return Ok(ended.clone());
        }
        let now = self.shared.ports.clock.now();
        let cancelled =
            async move |w: &mut AccountWriter| w.end(&id, Outcome::Cancelled, now).await;
        self.shared.account(account, cancelled).await
    }

    /// Cancels a challenge as [`Engine::cancel`] does, unless a poll waits for its end. Returns
    /// `None` in that case.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is not a challenge of that action of that user.
    pub async fn cancel_if_left(
        &self,
        account: &AccountKey,
        action: &ActionKey,
        id: ChallengeId,
    ) -> Result<Option<Ended>, Error> {
        let watched = self.shared.watch(&(account.clone(), id.clone()), false).await?;
        if watched.is_waited_for {
            return Ok(None);
        }
        self.cancel(account, action, id).await.map(Some)
    }
}

/// Notifies the relying party of a held challenge. The challenge is released if the relying party
/// accepts the notification, and withdrawn otherwise.
async fn announce(
    shared: &Arc<Shared>,
    tenant: &Tenant,
    delivery: &dyn Delivery,
    issued: &Issued,
) -> Result<Started, Error> {
    let Challenge { id, account, .. } = &*issued.challenge;
    let id = id.clone();
    let calls_max = tenant.limits.notifications_per_challenge_max;
    match notify(shared, delivery, issued, calls_max).await {
        Ok(deliveries) => {
            let released = shared.account(account, async move |w| w.release(&id).await).await?;
            Ok(Started { challenge: released, deliveries })
        }
        Err(error) => {
            shared.account(account, async move |w| w.withdraw(&id).await).await?;
            Err(error)
        }
    }
}

/// Sends the notification. If it was lost on its way, it is repeated after [`NOTIFY_PAUSE`], with
/// `calls_max` calls in total at most, and only during the first [`NOTIFY_AGAIN_SECONDS`].
async fn notify(
    shared: &Arc<Shared>,
    delivery: &dyn Delivery,
    issued: &Issued,
    calls_max: u32,
) -> Result<Vec<DeliveryResult>, Error> {
    let watch = Stopwatch::start();
    let mut calls = 0;
    loop {
        let (offering, refused) = offering(shared, issued);
        calls += 1;
        let error = match delivery.deliver(issued, offering).await {
            Ok(deliveries) => return Ok(deliveries),
            Err(error) => error,
        };
        if let Some(refused) = refused.get() {
            return Err(refused.clone());
        }
        let again = error.passing && calls < calls_max;
        if !again || watch.seconds() > NOTIFY_AGAIN_SECONDS {
            return Err(error.into());
        }
        tokio::time::sleep(NOTIFY_PAUSE).await;
    }
}

/// Makes the future that offers a challenge to its devices, which is awaited once the notification
/// has a connection. If the offer fails, the returned cell gets the error.
fn offering(shared: &Arc<Shared>, issued: &Issued) -> (Offering, Arc<OnceLock<Error>>) {
    let (shared, challenge) = (shared.clone(), issued.challenge.clone());
    let refused = Arc::new(OnceLock::new());
    let keep = refused.clone();
    let offering = async move {
        let id = challenge.id.clone();
        let counted = shared.account(&challenge.account, async move |w| w.notify(&id).await).await;
        counted.map(drop).map_err(|error| {
            // The cell is set once, because an offering is awaited once.
            let _ = keep.set(error);
            NotOffered
        })
    };
    (Box::pin(offering), refused)
}
