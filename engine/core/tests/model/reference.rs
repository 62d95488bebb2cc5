//! Reference model: the expected behaviour in few lines. It has no revisions, changes or
//! signatures, and does not use the core's rules, which it checks.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::action::ActionState;
use countersign_core::device::Signing;
use countersign_core::outcome::Outcome;
use countersign_core::refusal::Refusal;
use countersign_core::time::UnixMillis;

use crate::event::Event;
use crate::names::{ActionName, USERS, challenge_id, limits};
use crate::world::Arrived;

/// A challenge in the model.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) action: ActionName,
    /// The devices that the challenge asked, and those of them that have not been removed.
    pub(crate) asked: BTreeSet<usize>,
    pub(crate) left: BTreeSet<usize>,
    pub(crate) held: bool,
    /// Number of notifications that were begun.
    pub(crate) notified: u32,
    pub(crate) expires_at: UnixMillis,
    pub(crate) end: Option<(Outcome, Option<usize>)>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Reference {
    /// The known users.
    pub(crate) users: BTreeSet<usize>,
    /// The user and the key of each device, by the device's number.
    pub(crate) devices: BTreeMap<usize, (usize, usize)>,
    /// The devices that sign statements, and the confirmed devices.
    pub(crate) raised: BTreeSet<usize>,
    pub(crate) confirmed: BTreeSet<usize>,
    pub(crate) actions: BTreeMap<ActionName, ActionState>,
    pub(crate) challenges: BTreeMap<usize, Asked>,
    /// The action whose state the last event has overridden, if it was an override.
    pub(crate) overridden: Option<ActionName>,
    versions: [u64; USERS],
}

impl Reference {
    /// Returns the number of changes of a user so far.
    pub(crate) fn version(&self, user: usize) -> u64 {
        self.versions[user]
    }

    pub(crate) fn devices_of(&self, user: usize) -> BTreeSet<usize> {
        self.devices.iter().filter(|(_, (owner, _))| *owner == user).map(|(d, _)| *d).collect()
    }

    /// Returns the state after an event at `at`, or the refusal of the event.
    pub(crate) fn after(&self, event: &Event, at: UnixMillis) -> Result<Self, Refusal> {
        let mut next = self.clone();
        next.happen(event, at)?;
        Ok(next)
    }

    fn happen(&mut self, event: &Event, at: UnixMillis) -> Result<(), Refusal> {
        self.overridden = None;
        match event {
            Event::Track(action) if self.actions.contains_key(action) => return Ok(()),
            Event::Track(action) => self.track(*action),
            Event::Issue { .. } => self.issue(event, at)?,
            Event::Notify { challenge, .. } => self.notify(*challenge)?,
            Event::Withdraw { challenge, .. } => {
                self.open(*challenge)?.end = Some((Outcome::Cancelled, None));
            }
            Event::Release { challenge, .. } => self.open(*challenge)?.held = false,
            Event::Decide { arrived, .. } => {
                // A repeated decision changes nothing.
                if self.decide(arrived)?.is_some() {
                    return Ok(());
                }
                let outcome = if arrived.approve { Outcome::Approved } else { Outcome::Denied };
                self.settle(arrived.challenge, outcome, arrived.device)?;
            }
            Event::End { challenge, outcome, .. } => {
                let asked = self.open(*challenge)?;
                if [Outcome::Approved, Outcome::Denied].contains(outcome) {
                    return Err(Refusal::ChallengeUnknown);
                }
                asked.end = Some((*outcome, None));
            }
            Event::Expire { challenge, .. } => {
                let asked = self.challenges.get_mut(challenge);
                let deadline = |asked: &Asked| asked.expires_at.plus_ms(limits().decision_grace_ms);
                let over = asked.filter(|asked| asked.end.is_none() && at >= deadline(asked));
                let Some(asked) = over else { return Ok(()) };
                asked.end = Some((Outcome::Expired, None));
            }
            Event::Override { action, state } => {
                self.actions.insert(*action, *state);
                self.overridden = Some(*action);
                self.end_all(Outcome::Cancelled, |asked| asked.action == *action);
            }
            Event::Enroll { user, device, key, may_add, raise } => {
                self.enroll(*user, *device, *key, *may_add, *raise)?;
            }
            Event::RemoveDevice { user, device } => {
                if !self.devices_of(*user).contains(device) {
                    return Err(Refusal::AuthenticatorUnknown);
                }
                self.devices.remove(device);
                let last = BTreeSet::from([*device]);
                self.end_all(Outcome::Revoked, |asked| asked.left == last);
                let open = self.challenges.values_mut().filter(|asked| asked.end.is_none());
                open.for_each(|asked| _ = asked.left.remove(device));
            }
            Event::RemoveUser(user) if !self.users.contains(user) => return Ok(()),
            Event::RemoveUser(user) => {
                self.end_all(Outcome::Revoked, |asked| asked.action.user == *user);
                self.users.remove(user);
                self.devices.retain(|_, (owner, _)| owner != user);
                self.actions.retain(|action, _| action.user != *user);
            }
            // The arrival of a decision changes nothing recorded, and neither does the passing of
            // time.
            Event::Answer { challenge, device, approve, signed, .. } => {
                return self.arrive(*challenge, *device, *approve, challenge == signed).map(|_| ());
            }
            Event::Pass(_) | Event::Late(_) | Event::Repeat | Event::Crash { .. } => {
                return Ok(());
            }
        }
        self.versions[event.user()] += 1;
        Ok(())
    }

    fn track(&mut self, action: ActionName) {
        let enrolled = !self.devices_of(action.user).is_empty();
        let state = if enrolled { ActionState::ChallengeRequired } else { ActionState::Allow };
        self.users.insert(action.user);
        self.actions.insert(action, state);
    }

    fn issue(&mut self, event: &Event, at: UnixMillis) -> Result<(), Refusal> {
        let Event::Issue { challenge, action, target, supersede, held } = event else {
            unreachable!("called for issues only")
        };
        let state = self.actions[action];
        if [ActionState::ChallengeSucceeded, ActionState::Block].contains(&state) {
            return Err(Refusal::ActionEnded);
        }
        let mut asked = self.devices_of(action.user);
        if asked.is_empty() {
            return Err(Refusal::NoAuthenticator);
        }
        if let Some(target) = target {
            asked.retain(|device| device == target);
            if asked.is_empty() {
                return Err(Refusal::AuthenticatorUnknown);
            }
        }
        let of_user = |a: &&Asked| a.end.is_none() && a.action.user == action.user;
        let open = self.challenges.iter().filter(|(_, a)| of_user(a));
        let (same, others): (Vec<_>, Vec<_>) =
            open.partition(|(_, a)| a.action.code == action.code);
        let replaced = same.first().map(|(number, asked)| (**number, asked.expires_at));
        if let Some((number, expires_at)) = replaced
            && !supersede
            && at < expires_at.plus_ms(limits().decision_grace_ms)
        {
            return Err(Refusal::OpenChallenge(challenge_id(number)));
        }
        let max = limits().open_challenges_per_account_max;
        if others.len() == max {
            return Err(Refusal::OpenChallengesMax { max });
        }
        if let Some((number, expires_at)) = replaced {
            let outcome = if at < expires_at { Outcome::Superseded } else { Outcome::Expired };
            self.open(number)?.end = Some((outcome, None));
        }
        self.actions.insert(*action, ActionState::ChallengeRequired);
        let expires_at = at.plus_ms(limits().challenge_lifetime_ms);
        let (left, held, action) = (asked.clone(), *held, *action);
        let asked = Asked { action, asked, left, held, notified: 0, expires_at, end: None };
        self.challenges.insert(*challenge, asked);
        Ok(())
    }

    fn notify(&mut self, challenge: usize) -> Result<(), Refusal> {
        let max = limits().notifications_per_challenge_max;
        let asked = self.open(challenge)?;
        if !asked.held {
            return Err(Refusal::ChallengeEnded);
        }
        if asked.notified == max {
            return Err(Refusal::NotificationsMax { max });
        }
        asked.notified += 1;
        Ok(())
    }

    /// Returns the server's answer when a decision arrives: `None` if the challenge is open, the
    /// recorded outcome if the decision repeats it, or a refusal. `signed` means that the signature
    /// is for this challenge.
    pub(crate) fn arrive(
        &self,
        challenge: usize,
        device: usize,
        approve: bool,
        signed: bool,
    ) -> Result<Option<Outcome>, Refusal> {
        let asked = &self.challenges[&challenge];
        let outcome = if approve { Outcome::Approved } else { Outcome::Denied };
        match asked.end {
            _ if !signed || !asked.left.contains(&device) => Err(Refusal::ChallengeUnknown),
            Some(end) if end == (outcome, Some(device)) => Ok(Some(outcome)),
            Some(_) => Err(Refusal::ChallengeEnded),
            None => Ok(None),
        }
    }

    /// Returns the account's answer to a decision that has arrived: `None` if the decision is to be
    /// recorded, the recorded outcome if the decision repeats it, or a refusal.
    fn decide(&self, arrived: &Arrived) -> Result<Option<Outcome>, Refusal> {
        let &Arrived { challenge, device, approve, at, ref decision } = arrived;
        let known = self.arrive(challenge, device, approve, true)?;
        let asked = &self.challenges[&challenge];
        let is_too_low = self.raised.contains(&device) && decision.signing() < Signing::StatementV1;
        match known {
            Some(outcome) => Ok(Some(outcome)),
            None if is_too_low => Err(Refusal::StatementRequired),
            None if asked.held => Err(Refusal::ChallengeHeld),
            None if at >= asked.expires_at => Err(Refusal::ChallengeEnded),
            None => Ok(None),
        }
    }

    fn settle(&mut self, challenge: usize, outcome: Outcome, device: usize) -> Result<(), Refusal> {
        let asked = self.open(challenge)?;
        asked.end = Some((outcome, Some(device)));
        let action = asked.action;
        let state = if outcome == Outcome::Approved {
            self.confirmed.insert(device);
            ActionState::ChallengeSucceeded
        } else {
            ActionState::ChallengeFailed
        };
        self.actions.insert(action, state);
        Ok(())
    }

    fn enroll(
        &mut self,
        user: usize,
        device: usize,
        key: usize,
        may_add: bool,
        raise: bool,
    ) -> Result<(), Refusal> {
        let limits = limits();
        let of_key: Vec<_> = self.devices.iter().filter(|(_, (_, bound))| *bound == key).collect();
        if !raise && of_key.iter().any(|(device, _)| self.raised.contains(device)) {
            return Err(Refusal::SigningLowered);
        }
        let max = limits.users_per_key_max;
        let others = of_key.iter().filter(|(_, (owner, _))| *owner != user);
        if others.filter(|(device, _)| self.confirmed.contains(device)).count() >= max {
            return Err(Refusal::UsersPerKeyMax { max });
        }
        if !self.users.contains(&user) {
            return Err(Refusal::ActionUnknown);
        }
        let known = of_key.iter().find(|(_, (owner, _))| *owner == user);
        let known = known.map(|(device, _)| **device);
        if known.is_none() {
            self.add(user, device, key, may_add)?;
        }
        if raise {
            self.raise(key);
            self.confirmed.insert(known.unwrap_or(device));
        }
        Ok(())
    }

    /// Raises the signing mode of every user's binding of a key to statements.
    fn raise(&mut self, key: usize) {
        for (device, (user, bound)) in &self.devices {
            if *bound == key && self.raised.insert(*device) {
                self.versions[*user] += 1;
            }
        }
    }

    fn add(
        &mut self,
        user: usize,
        device: usize,
        key: usize,
        may_add: bool,
    ) -> Result<(), Refusal> {
        let limits = limits();
        let devices = self.devices_of(user).len();
        if devices > 0 && !may_add {
            return Err(Refusal::AddScopeMissing);
        }
        let max = limits.authenticators_per_account_max;
        if devices == max {
            return Err(Refusal::AuthenticatorsMax { max });
        }
        self.devices.insert(device, (user, key));
        Ok(())
    }

    fn open(&mut self, challenge: usize) -> Result<&mut Asked, Refusal> {
        let asked = self.challenges.get_mut(&challenge).filter(|asked| asked.end.is_none());
        asked.ok_or(Refusal::ChallengeEnded)
    }

    fn end_all(&mut self, outcome: Outcome, which: impl Fn(&Asked) -> bool) {
        let open = self.challenges.values_mut().filter(|asked| asked.end.is_none());
        open.filter(|asked| which(asked)).for_each(|asked| asked.end = Some((outcome, None)));
    }
}
