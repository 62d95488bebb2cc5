//! A person with a phone, their browser, and the backend that asks for the confirmation.

use std::time::Duration;

use countersign_client::wire::challenge::{PushChallengeRequest, VerifyResponse};
use countersign_client::wire::names::Outcome;
use countersign_client::wire::secret::Secret;
use countersign_client::wire::track::TrackRequest;
use countersign_client::wire::validate::ValidateRequest;
use countersign_client::{Browser, ClientError, Http, RelyingParty, SoftwareKey};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::phone::{Phone, PhoneKind, Seen};
use crate::LoadError;
use crate::client::recorder::Recorder;
use crate::client::retry::retry_refused;
use crate::client::target::Target;
use crate::out::report::step;

const ACTION: &str = "signIn";
/// Longest long poll that a server grants, in seconds.
pub(crate) const WAIT_SECONDS: u64 = 30;

/// A user, who may be enrolled.
#[derive(Clone, Debug)]
pub struct User {
    name: String,
    http: Http,
    base: String,
    backend: RelyingParty,
    /// The user's phone.
    pub phone: Phone,
}

/// A challenge that the browser has started.
#[derive(Clone, Debug)]
pub struct Open {
    browser: Browser,
    /// The challenge's id.
    pub id: String,
    /// The number that the browser shows; `None` if an approval needs none.
    number: Option<Secret>,
}

/// A long poll in its own task. Dropping it aborts the poll.
pub struct Poll(JoinHandle<Answer>);

/// The result of a poll, and the time of its arrival.
type Answer = (Result<VerifyResponse, ClientError>, Instant);

impl User {
    /// Creates a user with a phone of this kind. The user is not enrolled yet.
    ///
    /// # Errors
    /// [`LoadError::Request`] for an invalid address, secret or tenant.
    pub fn new(
        name: String,
        target: &Target,
        http: &Http,
        phone_kind: PhoneKind,
        key: SoftwareKey,
    ) -> Result<Self, LoadError> {
        let backend = RelyingParty::new(http.clone(), &target.base, target.secret.reveal());
        let backend = backend.map_err(LoadError::at(step::TRACK))?;
        let phone =
            Phone::new(phone_kind, http, target, key).map_err(LoadError::at(step::ENROLL))?;
        Ok(Self { name, http: http.clone(), base: target.base.clone(), backend, phone })
    }

    /// Enrolls the phone for the user, and makes the phone read once.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn enroll(&self, meant: Instant, recorder: &mut Recorder) -> Result<(), LoadError> {
        let request = TrackRequest::default();
        let tracked = self.backend.track(&self.name, "enroll", &request);
        let token = recorder.timed(step::TRACK, meant, tracked).await?.token;
        let enrolling = self.phone.enroll(token.reveal());
        recorder.timed(step::ENROLL, Instant::now(), enrolling).await?;
        // The first read also opens a device session, or signs a nonce.
        recorder.timed(step::SESSION, Instant::now(), self.phone.pending(None)).await?;
        Ok(())
    }

    /// Tracks an action and returns its token.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn track(
        &self,
        meant: Instant,
        recorder: &mut Recorder,
    ) -> Result<Secret, LoadError> {
        let request = TrackRequest {
            ip_address: Some("198.51.100.7".to_owned()),
            user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101".to_owned()),
            ..TrackRequest::default()
        };
        let tracked = self.backend.track(&self.name, ACTION, &request);
        Ok(recorder.timed(step::TRACK, meant, tracked).await?.token)
    }

    /// Tracks an action and starts its challenge.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn challenge(
        &self,
        meant: Instant,
        recorder: &mut Recorder,
    ) -> Result<Open, LoadError> {
        let token = self.track(meant, recorder).await?;
        let browser = Browser::new(self.http.clone(), &self.base, token.reveal());
        let browser = browser.map_err(LoadError::at(step::CHALLENGE))?;
        let request = PushChallengeRequest::default();
        let started = browser.challenge_push(&request);
        let started = recorder.timed(step::CHALLENGE, Instant::now(), started).await?;
        Ok(Open { browser, id: started.challenge_id, number: started.number })
    }

    /// Starts a challenge outside the measured part. It retries while the server rejects the
    /// request because of overload.
    ///
    /// # Errors
    /// [`LoadError`].
    pub(crate) async fn challenge_with_retries(&self) -> Result<Open, LoadError> {
        retry_refused(async || self.challenge(Instant::now(), &mut Recorder::default()).await).await
    }

    /// Makes the phone read the pending challenge, which has to be `open`.
    ///
    /// # Errors
    /// [`LoadError`], also if another challenge or none is pending.
    pub async fn read(&self, open: &Open, recorder: &mut Recorder) -> Result<Seen, LoadError> {
        let reading = self.phone.pending(None);
        let seen = recorder.timed(step::READ, Instant::now(), reading).await?;
        let what = "the phone does not see the challenge";
        let seen = seen.filter(|seen| seen.challenge == open.id);
        let seen = seen.ok_or(LoadError::Unexpected { step: step::READ, what })?;
        Ok(Seen { number: open.number.clone(), ..seen })
    }

    /// Makes the phone approve or deny. Returns the time at which the answer was sent.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn answer(
        &self,
        seen: &Seen,
        approve: bool,
        recorder: &mut Recorder,
    ) -> Result<Instant, LoadError> {
        let sent = Instant::now();
        recorder.timed(step::DECIDE, sent, self.phone.answer(seen, approve)).await?;
        Ok(sent)
    }

    /// Makes the backend validate the browser's token.
    ///
    /// # Errors
    /// [`LoadError`], also if the token proves no approval.
    pub async fn validate(&self, token: Secret, recorder: &mut Recorder) -> Result<(), LoadError> {
        let request = ValidateRequest { token: Some(token), action: None, user_id: None };
        let asked = self.backend.validate(&request);
        let valid = recorder.timed(step::VALIDATE, Instant::now(), asked).await?;
        LoadError::check(valid.is_valid, step::VALIDATE, "the approval is not valid")
    }
}

impl Open {
    /// Begins one long poll in a new task.
    #[must_use]
    pub fn poll(&self) -> Poll {
        self.poll_on(Duration::ZERO)
    }

    /// Begins long polls in a new task, which polls again until the challenge ends, an error
    /// occurs, or `longest` is over.
    #[must_use]
    pub fn poll_on(&self, longest: Duration) -> Poll {
        let (browser, id) = (self.browser.clone(), self.id.clone());
        Poll(tokio::spawn(async move {
            let end = Instant::now() + longest;
            loop {
                let answer = browser.verify_push(&id, Some(WAIT_SECONDS)).await;
                let open = answer.as_ref().is_ok_and(|told| told.outcome.is_none());
                if !open || Instant::now() >= end {
                    return (answer, Instant::now());
                }
            }
        }))
    }

    /// Polls the challenge. The server waits for up to `wait` seconds while the challenge is
    /// pending.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ask(&self, wait: Option<u64>) -> Result<VerifyResponse, ClientError> {
        self.browser.verify_push(&self.id, wait).await
    }
}

impl Poll {
    /// Waits for the poll's response, which has to carry this decision. Returns the response and
    /// the time of its arrival.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn told(mut self, approve: bool) -> Result<(VerifyResponse, Instant), LoadError> {
        let what = "the poll was lost";
        let lost = |_| LoadError::Unexpected { step: step::OUTCOME, what };
        let (answer, at) = (&mut self.0).await.map_err(lost)?;
        let told = answer.map_err(LoadError::at(step::OUTCOME))?;
        expect_end(step::OUTCOME, &told, approve)?;
        Ok((told, at))
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Checks that the browser's response carries this decision.
///
/// # Errors
/// [`LoadError::Unexpected`] if it does not.
pub(crate) fn expect_end(
    step: &'static str,
    told: &VerifyResponse,
    approve: bool,
) -> Result<(), LoadError> {
    let is_told = if approve { told.is_verified } else { told.outcome == Some(Outcome::Denied) };
    LoadError::check(is_told, step, "the browser is not told of the decision")
}
