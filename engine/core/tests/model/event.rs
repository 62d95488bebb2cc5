//! Events of the model. The generator makes steps, which name things by their positions in lists,
//! because such steps shrink well. A step is then resolved to an event in the present state.

use countersign_core::action::ActionState;
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use proptest::prelude::*;

use crate::names::{ActionName, CODES, INSTANCES, KEYS, USERS};
use crate::reference::{Asked, Reference};
use crate::world::{Arrived, World};

/// A generated step. If `lost` is true, its commit does not reach the store.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    pub(crate) lost: bool,
}

/// The kind of a step. Its numbers are positions in a list, counted from the newest entry, modulo
/// the length of the list.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Track(ActionName),
    Issue { action: ActionName, target: Option<usize>, supersede: bool, held: bool },
    Notify(usize),
    Withdraw(usize),
    Release(usize),
    Answer { challenge: usize, device: usize, approve: bool, other: bool },
    Decide(usize),
    Pass(u64),
    Expire(usize),
    Cancel(usize),
    Forge(usize),
    Override { action: ActionName, state: ActionState },
    Enroll { user: usize, key: usize, may_add: bool, raise: bool },
    RemoveDevice { user: usize, device: usize },
    RemoveUser(usize),
    Late(usize),
    Repeat,
    Crash { back_ms: u64 },
}

/// A step after its positions are resolved. Challenges and devices are named by numbers.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Track(ActionName),
    Issue {
        challenge: usize,
        action: ActionName,
        target: Option<usize>,
        supersede: bool,
        held: bool,
    },
    Notify {
        user: usize,
        challenge: usize,
    },
    Withdraw {
        user: usize,
        challenge: usize,
    },
    Release {
        user: usize,
        challenge: usize,
    },
    /// A phone's decision about `challenge` arrives, and its signature is checked. `signed` is the
    /// challenge whose message was signed.
    Answer {
        user: usize,
        challenge: usize,
        device: usize,
        approve: bool,
        signed: usize,
    },
    /// The account handles a decision that arrived before.
    Decide {
        user: usize,
        arrived: Arrived,
    },
    /// A challenge is ended at `at` without a device.
    End {
        user: usize,
        challenge: usize,
        outcome: Outcome,
        at: UnixMillis,
    },
    Pass(u64),
    Expire {
        user: usize,
        challenge: usize,
    },
    Override {
        action: ActionName,
        state: ActionState,
    },
    Enroll {
        user: usize,
        device: usize,
        key: usize,
        may_add: bool,
        /// True if the enrollment asks for statements and proves possession of the key.
        raise: bool,
    },
    RemoveDevice {
        user: usize,
        device: usize,
    },
    RemoveUser(usize),
    Late(usize),
    /// The last recorded commit arrives a second time.
    Repeat,
    /// The process dies and another starts, with a clock that is `back_ms` milliseconds behind.
    Crash {
        back_ms: u64,
    },
}

impl Event {
    /// Returns the user whose account the event is about, and 0 for events of no account.
    pub(crate) fn user(&self) -> usize {
        match self {
            Self::Track(action) | Self::Issue { action, .. } | Self::Override { action, .. } => {
                action.user
            }
            Self::Notify { user, .. }
            | Self::Withdraw { user, .. }
            | Self::Release { user, .. }
            | Self::Answer { user, .. }
            | Self::Decide { user, .. }
            | Self::End { user, .. }
            | Self::Expire { user, .. }
            | Self::Enroll { user, .. }
            | Self::RemoveDevice { user, .. }
            | Self::RemoveUser(user) => *user,
            Self::Pass(_) | Self::Late(_) | Self::Repeat | Self::Crash { .. } => 0,
        }
    }
}

fn action() -> impl Strategy<Value = ActionName> {
    // User 0 is drawn most often, so that limits are reached. The other users show that accounts
    // are not mixed up.
    let user = prop_oneof![2 => Just(0), 1 => 0..USERS];
    let parts = (user, 0..CODES, 0..INSTANCES);
    parts.prop_map(|(user, code, instance)| ActionName { user, code, instance })
}

fn state() -> impl Strategy<Value = ActionState> {
    prop::sample::select(vec![
        ActionState::Allow,
        ActionState::ChallengeRequired,
        ActionState::ChallengeSucceeded,
        ActionState::ChallengeFailed,
        ActionState::Block,
    ])
}

fn kind() -> impl Strategy<Value = Kind> {
    let target = prop_oneof![3 => Just(None), 1 => (0_usize..4).prop_map(Some)];
    let rarely = || prop::bool::weighted(0.2);
    let issue = (action(), target, prop::bool::weighted(0.7), rarely());
    let recent = 0_usize..4;
    let answer = (recent.clone(), 0_usize..6, any::<bool>(), prop::bool::weighted(0.1));
    prop_oneof![
        4 => action().prop_map(Kind::Track),
        20 => issue.prop_map(|(action, target, supersede, held)| {
            Kind::Issue { action, target, supersede, held }
        }),
        5 => recent.clone().prop_map(Kind::Notify),
        1 => recent.clone().prop_map(Kind::Withdraw),
        4 => recent.clone().prop_map(Kind::Release),
        20 => answer.prop_map(|(challenge, device, approve, other)| {
            Kind::Answer { challenge, device, approve, other }
        }),
        18 => recent.clone().prop_map(Kind::Decide),
        6 => prop_oneof![1_u64..50, 300_u64..700, Just(1000)].prop_map(Kind::Pass),
        6 => recent.clone().prop_map(Kind::Expire),
        2 => recent.clone().prop_map(Kind::Cancel),
        1 => recent.clone().prop_map(Kind::Forge),
        3 => (action(), state()).prop_map(|(action, state)| Kind::Override { action, state }),
        16 => (0..USERS, 0..KEYS, prop::bool::weighted(0.9), any::<bool>())
            .prop_map(|(user, key, may_add, raise)| Kind::Enroll { user, key, may_add, raise }),
        3 => (0..USERS, 0_usize..4)
            .prop_map(|(user, device)| Kind::RemoveDevice { user, device }),
        1 => (0..USERS).prop_map(Kind::RemoveUser),
        4 => recent.prop_map(Kind::Late),
        2 => Just(Kind::Repeat),
        2 => prop_oneof![3 => Just(0), 1 => 1_u64..1500]
            .prop_map(|back_ms| Kind::Crash { back_ms }),
    ]
}

/// Generates a step. The commit of one step in ten is lost.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    (kind(), prop::bool::weighted(0.1)).prop_map(|(kind, lost)| Step { kind, lost })
}

/// Returns the entry at a position, counted from the newest and modulo the length.
fn newest<T: Clone>(entries: &[T], position: usize) -> Option<T> {
    entries.iter().rev().cycle().nth(position % entries.len().max(1)).cloned()
}

/// Returns the user and the number of a challenge to notify: for the positions 0 to 2 an open, held
/// one, for position 3 any challenge.
fn notified(position: usize, reference: &Reference) -> Option<(usize, usize)> {
    let challenges = reference.challenges.iter();
    let among =
        |(_, asked): &(&usize, &Asked)| position == 3 || (asked.held && asked.end.is_none());
    let among: Vec<_> = challenges.filter(among).map(|(n, a)| (a.action.user, *n)).collect();
    newest(&among, position)
}

/// Resolves a step to an event. `None` if the step's challenge, device or action does not exist.
pub(crate) fn resolve(step: &Step, world: &World, reference: &Reference) -> Option<Event> {
    let issued: Vec<_> = reference.challenges.keys().copied().collect();
    let challenge = |position| {
        let challenge = newest(&issued, position)?;
        Some((reference.challenges[&challenge].action.user, challenge))
    };
    let of = |position, event: fn((usize, usize)) -> Event| challenge(position).map(event);
    let ended = |position, outcome| {
        let at = world.now;
        challenge(position).map(|(user, challenge)| Event::End { user, challenge, outcome, at })
    };
    let (next_challenge, next_device) = (world.next, world.next);
    Some(match step.kind.clone() {
        Kind::Track(action) => Event::Track(action),
        // A step that needs a tracked action or a known user becomes a tracking if there is none,
        // so that fewer steps have no effect.
        Kind::Issue { action, .. } if !reference.actions.contains_key(&action) => {
            Event::Track(action)
        }
        Kind::Enroll { user, may_add: true, .. } if !reference.users.contains(&user) => {
            Event::Track(ActionName { user, code: 0, instance: 0 })
        }
        Kind::Issue { action, target, supersede, held } => {
            // The target is any device that ever existed: of this user, of another user, or
            // removed.
            let target = target.and_then(|position| newest(&world.devices, position));
            Event::Issue { challenge: next_challenge, action, target, supersede, held }
        }
        Kind::Notify(at) => {
            let (user, challenge) = notified(at, reference)?;
            Event::Notify { user, challenge }
        }
        Kind::Withdraw(at) => of(at, |(user, challenge)| Event::Withdraw { user, challenge })?,
        Kind::Release(at) => of(at, |(user, challenge)| Event::Release { user, challenge })?,
        Kind::Expire(at) => of(at, |(user, challenge)| Event::Expire { user, challenge })?,
        Kind::Cancel(at) => ended(at, Outcome::Cancelled)?,
        Kind::Forge(at) => ended(at, Outcome::Approved)?,
        Kind::Answer { challenge: position, device, approve, other } => {
            let (user, challenge) = challenge(position)?;
            // The device is one that the challenge asked for four of six positions, else any that
            // ever existed.
            let asked: Vec<_> = reference.challenges[&challenge].asked.iter().copied().collect();
            let device = newest(if device < 4 { &asked } else { &world.devices }, device)?;
            let signed = if other { challenge + 1 } else { challenge };
            Event::Answer { user, challenge, device, approve, signed }
        }
        Kind::Decide(position) => {
            let arrived = newest(&world.arrived, position)?;
            let user = reference.challenges[&arrived.challenge].action.user;
            Event::Decide { user, arrived }
        }
        Kind::Pass(ms) => Event::Pass(ms),
        Kind::Override { action, state } => {
            reference.actions.get(&action)?;
            Event::Override { action, state }
        }
        Kind::Enroll { user, key, may_add, raise } => {
            Event::Enroll { user, device: next_device, key, may_add, raise }
        }
        Kind::RemoveDevice { user, device } => {
            Event::RemoveDevice { user, device: newest(&world.devices, device)? }
        }
        Kind::RemoveUser(user) => Event::RemoveUser(user),
        Kind::Repeat => Event::Repeat,
        Kind::Crash { back_ms } => Event::Crash { back_ms },
        Kind::Late(position) => {
            let count = world.lost.len();
            Event::Late(position.checked_rem(count)?)
        }
    })
}
