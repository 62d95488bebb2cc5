//! Issue, notification, release and withdrawal of challenges.

use std::sync::Arc;

use super::{Account, AccountRecord, end};
use crate::action::{Action, ActionState};
use crate::challenge::{Challenge, Shown};
use crate::change::{Transition, Write};
use crate::device::Device;
use crate::id::{AuthenticatorId, ChallengeId};
use crate::number_match::{AskedNumber, Number, Seed};
use crate::outcome::Outcome;
use crate::policy::Limits;
use crate::refusal::Refusal;
use crate::time::UnixMillis;

/// Content of a challenge to be issued.
#[derive(Clone, Debug)]
pub struct Issue {
    /// The challenge's id.
    pub id: ChallengeId,
    /// The only authenticator that may answer. `None` means all authenticators of the user.
    pub target: Option<AuthenticatorId>,
    /// True if the challenge supersedes an open challenge of the same action code.
    pub supersede: bool,
    /// True if decisions are refused until the relying party has accepted the notification.
    pub held: bool,
    /// The nonce and text of a statement about the challenge.
    pub shown: Shown,
    /// Seed of the number that the user has to type, for a tenant that asks for one.
    pub number_seed: Seed,
}

/// The answer to [`Account::issue`].
#[derive(Clone, Debug)]
pub struct Issued {
    /// The challenge.
    pub challenge: Arc<Challenge>,
    /// The challenge's action.
    pub action: Arc<Action>,
    /// The devices that may answer it.
    pub devices: Vec<Arc<Device>>,
}

impl Account {
    /// Issues a challenge for an action and counts the prompt in the same change. A refused
    /// challenge is not counted.
    ///
    /// # Errors
    /// [`Refusal`] if the user or the action is unknown, the action cannot be challenged, no device
    /// may answer, another challenge of the action is open and must not be superseded, or a limit
    /// is reached.
    pub fn issue(
        &self,
        issue: &Issue,
        action: &Arc<Action>,
        now: UnixMillis,
        limits: &Limits,
    ) -> Result<Transition<Issued>, Refusal> {
        let record = self.record.as_ref().filter(|_| action.account == self.key);
        let record = record.ok_or(Refusal::ActionUnknown)?;
        if !action.may_be_challenged() {
            return Err(Refusal::ActionEnded);
        }
        let devices = self.targets(issue.target.as_ref(), limits)?;
        let (same, others): (Vec<_>, Vec<_>) =
            self.open.iter().partition(|c| c.action.code == action.key.code);
        // Until the deadline, a decision that arrived in time may still be in progress.
        let undecided = |c: &&&Arc<Challenge>| !issue.supersede && now < c.deadline(limits);
        if let Some(open) = same.iter().find(undecided) {
            return Err(Refusal::OpenChallenge(open.id.clone()));
        }
        if others.len() >= limits.open_challenges_per_account_max {
            return Err(Refusal::OpenChallengesMax { max: limits.open_challenges_per_account_max });
        }
        if let Some((hold, retry_after_ms)) = record.counters.prompt_hold(now, limits) {
            return Err(Refusal::TooManyPrompts { hold, retry_after_ms });
        }
        let challenge = Arc::new(Challenge {
            id: issue.id.clone(),
            account: self.key.clone(),
            action: action.key.clone(),
            targets: devices.iter().map(|d| d.id.clone()).collect(),
            issued_at: now,
            expires_at: now.plus_ms(limits.challenge_lifetime_ms),
            held: issue.held,
            notifications: 0,
            ended: None,
            number: limits.number_match.map(|digits| AskedNumber {
                number: Number::from_entropy(digits, &issue.number_seed),
                tries: 0,
            }),
            shown: Some(issue.shown.clone()),
        });
        let mut writes: Vec<_> = same
            .iter()
            .map(|c| {
                let late = now >= c.expires_at;
                let outcome = if late { Outcome::Expired } else { Outcome::Superseded };
                Write::Challenge(end(c, outcome, now).into())
            })
            .collect();
        let mut required = action.clone();
        if action.state != ActionState::ChallengeRequired {
            required = action.in_state(ActionState::ChallengeRequired, now).into();
            writes.push(Write::Action(required.clone()));
        }
        writes.push(Write::Challenge(challenge.clone()));
        let counters = record.counters.prompted(now, limits);
        writes.push(Write::Account(AccountRecord { counters, ..record.clone() }));
        Ok(self.transition(writes, Issued { challenge, action: required, devices }))
    }

    /// Counts one notification about a held challenge, which makes the challenge visible to its
    /// devices. The caller records the change after a connection for the notification is open and
    /// before the notification is sent.
    ///
    /// # Errors
    /// [`Refusal::NotificationsMax`] if the challenge had its maximum of notifications,
    /// [`Refusal::ChallengeEnded`] if it has ended or is not held.
    pub fn notify(
        &self,
        id: &ChallengeId,
        limits: &Limits,
    ) -> Result<Transition<Arc<Challenge>>, Refusal> {
        let open = self.open_challenge(id).filter(|c| c.held).ok_or(Refusal::ChallengeEnded)?;
        let max = limits.notifications_per_challenge_max;
        if open.notifications >= max {
            return Err(Refusal::NotificationsMax { max });
        }
        let challenge = Challenge { notifications: open.notifications + 1, ..open.clone() };
        let challenge = Arc::new(challenge);
        Ok(self.transition(vec![Write::Challenge(challenge.clone())], challenge))
    }

    /// Cancels a held challenge because its notification has failed. If no notification had begun,
    /// neither the devices nor the relying party have seen the challenge. Then its prompt is not
    /// counted any more, but it is counted among the challenges that reached nobody.
    ///
    /// No other end of a challenge takes its prompt out of the count, because a notification may
    /// still be in progress then, and the limit of prompts bounds these notifications.
    ///
    /// # Errors
    /// [`Refusal::ChallengeEnded`] if the challenge is not open.
    pub fn withdraw(
        &self,
        id: &ChallengeId,
        now: UnixMillis,
    ) -> Result<Transition<Arc<Challenge>>, Refusal> {
        let open = self.open_challenge(id).ok_or(Refusal::ChallengeEnded)?;
        let challenge = Arc::new(end(open, Outcome::Cancelled, now));
        let mut writes = Vec::with_capacity(2);
        if let Some(record) = self.record.as_ref().filter(|_| !open.is_offered()) {
            let counters = record.counters.unprompted(open.issued_at);
            writes.push(Write::Account(AccountRecord { counters, ..record.clone() }));
        }
        writes.push(Write::Challenge(challenge.clone()));
        Ok(self.transition(writes, challenge))
    }

    /// Releases a held challenge, so that it can be answered.
    ///
    /// # Errors
    /// [`Refusal::ChallengeEnded`] if the challenge is not open.
    pub fn release(&self, id: &ChallengeId) -> Result<Transition<Arc<Challenge>>, Refusal> {
        let open = self.open_challenge(id).ok_or(Refusal::ChallengeEnded)?;
        let challenge = Arc::new(Challenge { held: false, ..open.clone() });
        Ok(self.transition(vec![Write::Challenge(challenge.clone())], challenge))
    }

    /// Returns the devices that may answer: the target, or all. Only devices count whose signing
    /// mode is at least [`Limits::signing_min`].
    fn targets(
        &self,
        target: Option<&AuthenticatorId>,
        limits: &Limits,
    ) -> Result<Vec<Arc<Device>>, Refusal> {
        if self.devices.is_empty() {
            return Err(Refusal::NoAuthenticator);
        }
        let able = |d: &&Arc<Device>| d.signing >= limits.signing_min;
        if let Some(target) = target {
            let device = self.devices.iter().find(|d| d.id == *target);
            let device = device.ok_or(Refusal::AuthenticatorUnknown)?;
            let able = Some(device).filter(able).ok_or(Refusal::StatementRequired)?;
            return Ok(vec![able.clone()]);
        }
        let devices: Vec<_> = self.devices.iter().filter(able).cloned().collect();
        if devices.is_empty() { Err(Refusal::StatementRequired) } else { Ok(devices) }
    }
}
