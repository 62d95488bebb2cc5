//! Issuing challenges and recording how they end.

use std::sync::Arc;

use super::{Account, AccountRecord, end};
use crate::action::{Action, ActionState};
use crate::challenge::{Challenge, Ended, Outcome, Shown};
use crate::change::{Transition, Write};
use crate::device::Device;
use crate::id::{AuthenticatorId, ChallengeId};
use crate::number_match::{AskedNumber, Matched, Number, Seed};
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
    /// True if the challenge supersedes an open one of the same action code.
    pub supersede: bool,
    /// True if decisions are refused until the relying party has accepted the notification.
    pub held: bool,
    /// The content of a statement about the challenge.
    pub shown: Shown,
    /// Seed of the number that the person has to type, where one is asked for.
    pub number_seed: Seed,
}

/// The answer to [`Account::issue`].
#[derive(Clone, Debug)]
pub struct Issued {
    /// The challenge.
    pub challenge: Arc<Challenge>,
    /// Its action.
    pub action: Arc<Action>,
    /// The devices that may answer it.
    pub devices: Vec<Arc<Device>>,
}

/// Evidence for a decision besides its signer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// Shows that the right number was typed.
    pub number: Option<&'a Matched>,
    /// True if the key's holder has signed the displayed text, or a read of it.
    pub display: bool,
}

impl Account {
    /// Issues a challenge for an action, and counts the prompt in the same change. A refused
    /// challenge counts for nothing.
    ///
    /// # Errors
    /// [`Refusal`] if the action has ended, no device could answer, or a limit is reached.
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
        // Until its deadline a decision that arrived in time may be on its way.
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

    /// Counts one more notification about a held challenge, and has it offered to its devices. It
    /// is to be recorded once there is a connection for the notification, and before that is sent.
    ///
    /// # Errors
    /// [`Refusal::NotificationsMax`] if there were as many as may be, [`Refusal::ChallengeEnded`]
    /// if it is not held any more.
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

    /// Cancels a held challenge whose notification has failed. If nobody was offered it, the
    /// relying party has not heard of it either, and its prompt is given back.
    ///
    /// Only this gives a prompt back: an end of another kind may come while the notification is
    /// still on its way, and prompts bound how many of those a user can have.
    ///
    /// # Errors
    /// [`Refusal::ChallengeEnded`] if it has ended meanwhile.
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

    /// Lets a held challenge be answered.
    ///
    /// # Errors
    /// [`Refusal::ChallengeEnded`] if it has ended meanwhile.
    pub fn release(&self, id: &ChallengeId) -> Result<Transition<Arc<Challenge>>, Refusal> {
        let open = self.open_challenge(id).ok_or(Refusal::ChallengeEnded)?;
        let challenge = Arc::new(Challenge { held: false, ..open.clone() });
        Ok(self.transition(vec![Write::Challenge(challenge.clone())], challenge))
    }

    /// Counts the number that an approval came with, if one did. It is to be recorded before the
    /// number is compared, so that nothing that happens later takes the attempt back.
    ///
    /// None where the challenge asks for no number.
    ///
    /// # Errors
    /// [`Refusal`] if the approval could not be recorded, no number was typed, or none may be
    /// compared for the account (for a while) or for the challenge (any more). None of these is an
    /// attempt.
    pub fn count_number(
        &self,
        id: &ChallengeId,
        approval: &Ended,
        typed: bool,
        limits: &Limits,
    ) -> Result<Option<Transition<AskedNumber>>, Refusal> {
        let open = self.open_challenge(id).ok_or(Refusal::ChallengeEnded)?;
        self.decider(open, approval)?;
        let Some(AskedNumber { number, tries }) = &open.number else { return Ok(None) };
        if !typed {
            return Err(Refusal::NumberMissing);
        }
        let record = self.record.as_ref().ok_or(Refusal::ActionUnknown)?;
        let retry_after_ms = record.counters.number_wait_ms(approval.at, limits);
        if retry_after_ms > 0 {
            let hold = record.counters.number_hold(limits);
            return Err(Refusal::TooManyNumbers { hold, retry_after_ms });
        }
        if *tries >= limits.numbers_per_challenge_max {
            return Err(Refusal::NumberWrong { last: true });
        }
        let asked = AskedNumber { number: number.clone(), tries: tries + 1 };
        let challenge = Challenge { number: Some(asked.clone()), ..open.clone() };
        let counters = record.counters.numbered(approval.at);
        let record = AccountRecord { counters, ..record.clone() };
        let writes = vec![Write::Account(record), Write::Challenge(challenge.into())];
        Ok(Some(self.transition(writes, asked)))
    }

    /// Records the end of an open challenge, with its effects on the action and the account's
    /// counters.
    ///
    /// # Errors
    /// [`Refusal`] if the challenge has ended, the device that decided may not (any more) or was
    /// late, or `action` is not the challenge's own. An approval needs its action, and a matched
    /// number where the challenge asks for one.
    pub fn settle(
        &self,
        id: &ChallengeId,
        ended: Ended,
        action: Option<&Action>,
        evidence: Evidence<'_>,
    ) -> Result<Transition<Arc<Challenge>>, Refusal> {
        let open = self.open_challenge(id).ok_or(Refusal::ChallengeEnded)?;
        if ended.outcome == Outcome::Approved && open.number.is_some() && evidence.number.is_none()
        {
            return Err(Refusal::NumberMissing);
        }
        let of_challenge = |a: &Action| a.account == self.key && a.key == open.action;
        if !action.map_or(ended.outcome != Outcome::Approved, of_challenge) {
            return Err(Refusal::ActionUnknown);
        }
        let mut writes = Vec::with_capacity(4);
        if let Some(device) = self.decider(open, &ended)? {
            let last_verified_at = device.last_verified_at.max(Some(ended.at));
            // A person who denies says nothing about whose the key is.
            let confirmed = device.confirmed || ended.outcome == Outcome::Approved;
            let device = Device { last_verified_at, confirmed, ..device.clone() };
            writes.push(Write::Device(device.into()));
        }
        if let (Some(action), Some(state)) = (action, state_after(ended.outcome)) {
            let decided_by = ended.by.clone();
            let shown = open.shown.as_ref().filter(|_| evidence.display);
            let approved = shown.filter(|_| ended.outcome == Outcome::Approved);
            let approved = approved.map(|shown| shown.display.clone());
            let action = Action { decided_by, approved, ..action.in_state(state, ended.at) };
            writes.push(Write::Action(action.into()));
        }
        if let Some(record) = &self.record {
            let counters = record.counters.after(ended.outcome, ended.at);
            if counters != record.counters {
                writes.push(Write::Account(AccountRecord { counters, ..record.clone() }));
            }
        }
        let challenge = Arc::new(Challenge { ended: Some(ended), ..open.clone() });
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

    /// Tells whether an approval still holds: nobody has overridden the action's state since, and
    /// the approving authenticator is still enrolled.
    #[must_use]
    pub fn approval_stands(&self, action: &Action, ended: &Ended) -> bool {
        let by = ended.by.as_ref().and_then(|by| self.device(by));
        ended.outcome == Outcome::Approved
            && action.state == ActionState::ChallengeSucceeded
            && by.is_some_and(|device| action.decided_by.as_ref() == Some(&device.id))
    }

    /// The devices that may answer: those that sign as much as is asked for.
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

/// The state that an outcome puts its action in; after the others it may be challenged again as it
/// is.
const fn state_after(outcome: Outcome) -> Option<ActionState> {
    match outcome {
        Outcome::Approved => Some(ActionState::ChallengeSucceeded),
        Outcome::Denied | Outcome::Failed | Outcome::Reported => Some(ActionState::ChallengeFailed),
        Outcome::Cancelled | Outcome::Expired | Outcome::Revoked | Outcome::Superseded => None,
    }
}
