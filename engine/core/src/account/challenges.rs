//! Issuing challenges and recording how they end.

use super::{Account, end};
use crate::action::{Action, ActionState};
use crate::challenge::{Challenge, Ended, Outcome};
use crate::change::{Transition, Write};
use crate::device::Device;
use crate::id::{AuthenticatorId, ChallengeId};
use crate::policy::Limits;
use crate::refusal::Refusal;
use crate::time::UnixMillis;

/// A challenge to be issued.
#[derive(Clone, Debug)]
pub struct Issue {
    /// Its name.
    pub id: ChallengeId,
    /// The one authenticator that may answer; absent means all the user has.
    pub target: Option<AuthenticatorId>,
    /// Whether it takes the place of an open challenge of the same action code.
    pub supersede: bool,
    /// Whether nobody may answer until the relying party has accepted the notification.
    pub held: bool,
}

/// The answer to [`Account::issue`].
#[derive(Clone, Debug)]
pub struct Issued {
    /// The challenge.
    pub challenge: Challenge,
    /// Its action.
    pub action: Action,
    /// The devices that may answer it.
    pub devices: Vec<Device>,
}

impl Account {
    /// Issues a challenge for an action.
    ///
    /// # Errors
    /// [`Refusal`] if the action has ended, no device could answer, or a limit is reached.
    pub fn issue(
        &self,
        issue: &Issue,
        action: &Action,
        now: UnixMillis,
        limits: &Limits,
    ) -> Result<Transition<Issued>, Refusal> {
        if action.account != self.key {
            return Err(Refusal::ActionUnknown);
        }
        if !action.may_be_challenged() {
            return Err(Refusal::ActionEnded);
        }
        let devices = self.targets(issue.target.as_ref())?;
        let (same, others): (Vec<_>, Vec<_>) =
            self.open.iter().partition(|c| c.action.code == action.key.code);
        // Until its deadline a decision that arrived in time may be on its way.
        let undecided = |c: &&&Challenge| !issue.supersede && now < c.deadline(limits);
        if let Some(open) = same.iter().find(undecided) {
            return Err(Refusal::OpenChallenge(open.id.clone()));
        }
        if others.len() >= limits.open_challenges_per_account_max {
            return Err(Refusal::OpenChallengesMax { max: limits.open_challenges_per_account_max });
        }
        let challenge = Challenge {
            id: issue.id.clone(),
            account: self.key.clone(),
            action: action.key.clone(),
            targets: devices.iter().map(|d| d.id.clone()).collect(),
            issued_at: now,
            expires_at: now.plus_ms(limits.challenge_lifetime_ms),
            held: issue.held,
            ended: None,
        };
        let mut writes: Vec<_> = same
            .iter()
            .map(|c| {
                let late = now >= c.expires_at;
                let outcome = if late { Outcome::Expired } else { Outcome::Superseded };
                Write::Challenge(end(c, outcome, now))
            })
            .collect();
        let required = action.in_state(ActionState::ChallengeRequired, now);
        if required != *action {
            writes.push(Write::Action(required.clone()));
        }
        writes.push(Write::Challenge(challenge.clone()));
        Ok(self.transition(writes, Issued { challenge, action: required, devices }))
    }

    /// Lets a held challenge be answered.
    ///
    /// # Errors
    /// [`Refusal::ChallengeEnded`] if it has ended meanwhile.
    pub fn release(&self, id: &ChallengeId) -> Result<Transition<Challenge>, Refusal> {
        let open = self.open_challenge(id).ok_or(Refusal::ChallengeEnded)?;
        let challenge = Challenge { held: false, ..open.clone() };
        Ok(self.transition(vec![Write::Challenge(challenge.clone())], challenge))
    }

    /// Records the end of an open challenge, and what follows for its action.
    ///
    /// # Errors
    /// [`Refusal`] if the challenge has ended, the device that decided may not (any more) or was
    /// late, or `action` is not the challenge's own. An approval needs its action.
    pub fn settle(
        &self,
        id: &ChallengeId,
        ended: Ended,
        action: Option<&Action>,
    ) -> Result<Transition<Challenge>, Refusal> {
        let open = self.open_challenge(id).ok_or(Refusal::ChallengeEnded)?;
        let of_challenge = |a: &Action| a.account == self.key && a.key == open.action;
        if !action.map_or(ended.outcome != Outcome::Approved, of_challenge) {
            return Err(Refusal::ActionUnknown);
        }
        let mut writes = Vec::with_capacity(3);
        if let Some(device) = self.decider(open, &ended)? {
            let last_verified_at = device.last_verified_at.max(Some(ended.at));
            writes.push(Write::Device(Device { last_verified_at, ..device.clone() }));
        }
        if let (Some(action), Some(state)) = (action, state_after(ended.outcome)) {
            let decided_by = ended.by.clone();
            writes.push(Write::Action(Action { decided_by, ..action.in_state(state, ended.at) }));
        }
        let challenge = Challenge { ended: Some(ended), ..open.clone() };
        writes.push(Write::Challenge(challenge.clone()));
        Ok(self.transition(writes, challenge))
    }

    /// The device that brought an end about, if it may: the account's last word, whatever a machine
    /// with an older state of the challenge has let through.
    fn decider(&self, open: &Challenge, ended: &Ended) -> Result<Option<&Device>, Refusal> {
        let Some(by) = &ended.by else {
            let possible = !ended.outcome.needs_device();
            return if possible { Ok(None) } else { Err(Refusal::ChallengeUnknown) };
        };
        let device = self.device(by).filter(|_| open.targets.contains(by));
        let device = device.ok_or(Refusal::ChallengeUnknown)?;
        if open.held {
            return Err(Refusal::ChallengeHeld);
        }
        if ended.at >= open.expires_at {
            return Err(Refusal::ChallengeEnded);
        }
        Ok(Some(device))
    }

    /// Whether an approval still holds: nobody has overridden the action's state since, and the
    /// authenticator that approved was not taken away.
    #[must_use]
    pub fn approval_stands(&self, action: &Action, ended: &Ended) -> bool {
        let by = ended.by.as_ref().and_then(|by| self.device(by));
        ended.outcome == Outcome::Approved
            && action.state == ActionState::ChallengeSucceeded
            && by.is_some_and(|device| action.decided_by.as_ref() == Some(&device.id))
    }

    fn targets(&self, target: Option<&AuthenticatorId>) -> Result<Vec<Device>, Refusal> {
        if self.devices.is_empty() {
            return Err(Refusal::NoAuthenticator);
        }
        let Some(target) = target else { return Ok(self.devices.clone()) };
        let device = self.device(target).ok_or(Refusal::AuthenticatorUnknown)?;
        Ok(vec![device.clone()])
    }
}

/// The state that an outcome puts its action in; after the others it may be challenged again as it
/// is.
const fn state_after(outcome: Outcome) -> Option<ActionState> {
    match outcome {
        Outcome::Approved => Some(ActionState::ChallengeSucceeded),
        Outcome::Denied | Outcome::Failed | Outcome::Reported => Some(ActionState::ChallengeFailed),
        Outcome::Cancelled | Outcome::Expired | Outcome::Revoked | Outcome::Superseded => None,
    }
}
