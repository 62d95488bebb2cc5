//! One lifecycle, and its acknowledged steps.

use countersign_client::SoftwareKey;
use countersign_wire::names::Outcome;
use tokio::time::Instant;

use crate::caller::{Answer, Caller, Failed, phone};

/// The test's knowledge about a step that may change records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Unasked,
    /// The request was sent without a response. The server may have carried it out.
    InFlight,
    Acknowledged,
}

/// One user's sign-in, from the first request to the last.
pub(crate) struct Life {
    pub(crate) user: String,
    pub(crate) phone: SoftwareKey,
    /// True if the phone approves, false if it denies.
    pub(crate) approves: bool,
    /// True if the phone is removed at the end.
    removes: bool,
    /// True if the test expects that the server may respond with 503.
    pub(crate) may_be_refused: bool,
    pub(crate) token: Option<String>,
    pub(crate) enrolling: Step,
    pub(crate) authenticator: Option<String>,
    pub(crate) challenge: Option<String>,
    pub(crate) deciding: Step,
    /// Time at which the device or the waiter first received the outcome.
    pub(crate) decided_at: Option<Instant>,
    pub(crate) removing: Step,
    /// Every outcome that the test received, with its receiver: the device or the waiter.
    pub(crate) told: Vec<(&'static str, Outcome)>,
    /// `is_valid` in the response of `validate`.
    pub(crate) valid: Option<bool>,
}

impl Life {
    pub(crate) fn new(kill: usize, number: usize) -> Self {
        Self {
            user: format!("user-{kill}-{number}"),
            phone: phone(),
            approves: !number.is_multiple_of(3),
            removes: number.is_multiple_of(4),
            may_be_refused: false,
            token: None,
            enrolling: Step::Unasked,
            authenticator: None,
            challenge: None,
            deciding: Step::Unasked,
            decided_at: None,
            removing: Step::Unasked,
            told: Vec::new(),
            valid: None,
        }
    }

    pub(crate) const fn wanted(&self) -> Outcome {
        if self.approves { Outcome::Approved } else { Outcome::Denied }
    }

    /// Runs the steps until the last one, or until the server is gone. Any error response fails the
    /// test, except an expected 503.
    pub(crate) async fn live(&mut self, caller: &Caller) {
        match self.steps(caller).await {
            Ok(()) | Err(Failed::Gone) => {}
            // A server without room responds with 503. It may or may not have carried out the
            // request.
            Err(Failed::Status(503, _)) if self.may_be_refused => {}
            Err(Failed::Status(status, body)) => panic!("{}: {status} {body}", self.user),
        }
    }

    async fn steps(&mut self, caller: &Caller) -> Answer<()> {
        let token = caller.track(&self.user).await?.token.into_string();
        self.token = Some(token.clone());
        self.enrolling = Step::InFlight;
        let enrolled = caller.enroll(&token, &self.phone).await?;
        self.enrolling = Step::Acknowledged;
        self.authenticator = Some(enrolled.user_authenticator_id);
        let id = caller.challenge(&token).await?.challenge_id;
        self.challenge = Some(id.clone());
        let waiter = caller.verify(&token, &id, Some(30));
        self.deciding = Step::InFlight;
        let deciding = caller.decide(&self.phone, &id, self.approves);
        let (told, decided) = tokio::join!(noted(waiter), noted(deciding));
        let ((told, told_at), (decided, decided_at)) = (told, decided);
        let told_at = told.as_ref().is_ok_and(|told| told.outcome.is_some()).then_some(told_at);
        self.decided_at = decided.is_ok().then_some(decided_at).into_iter().chain(told_at).min();
        // An outcome that the device or the waiter received counts, even if the other request
        // failed.
        if let Ok(decided) = &decided {
            self.deciding = Step::Acknowledged;
            self.told.push(("the device", decided.outcome));
        }
        if let Ok(told) = &told {
            match told.outcome {
                Some(outcome) => self.told.push(("the waiter", outcome)),
                // A server that shuts down answers parked polls as pending.
                None => assert!(self.may_be_refused, "it waits until the end"),
            }
        }
        decided?;
        told?;
        self.valid = Some(caller.validate(&token).await?.is_valid);
        if self.removes {
            self.removing = Step::InFlight;
            caller.remove(&self.phone).await?;
            self.removing = Step::Acknowledged;
        }
        Ok(())
    }
}

/// Awaits a response. Returns it with the time of its arrival.
async fn noted<T>(asked: impl Future<Output = T>) -> (T, Instant) {
    (asked.await, Instant::now())
}
