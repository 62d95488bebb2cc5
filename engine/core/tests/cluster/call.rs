//! Calls of clients to a node, and the transition of an account that a call makes.

use std::sync::Arc;

use countersign_core::account::{Evidence, Issue, ProfilePatch, Track};
use countersign_core::action::ActionContext;
use countersign_core::challenge::{Challenge, Shown};
use countersign_core::change::Change;
use countersign_core::decision::VerifiedDecision;
use countersign_core::display::DisplayText;
use countersign_core::id::{ActionKey, ChallengeId};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::Seed;
use countersign_core::outcome::Outcome;
use countersign_core::policy::{Limits, Unenrolled};
use countersign_core::time::UnixMillis;

use crate::redis::{Stored, Unit};

/// The operation that a call asks for.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Track(ActionKey),
    Issue(ActionKey),
    Decide(Arc<VerifiedDecision>),
    Cancel(ChallengeId),
    /// Waits for the challenge's end, at most until this time in milliseconds.
    Poll(ChallengeId, u64),
}

impl Op {
    /// Returns the challenge that the operation is about, if there is one.
    pub(crate) fn challenge(&self) -> Option<&ChallengeId> {
        match self {
            Self::Track(_) | Self::Issue(_) => None,
            Self::Decide(decision) => Some(decision.challenge()),
            Self::Cancel(id) | Self::Poll(id, _) => Some(id),
        }
    }
}

/// The answer that a client receives to a call.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Tracked(ActionKey),
    Issued(Arc<Challenge>),
    Ended(Outcome),
    Pending,
    Refused,
    /// The node cannot answer now, or does not know the result: status 503.
    Unavailable,
}

/// Progress of a call in its node.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// The call waits for a connection, or for the end of a pause.
    Idle,
    Reading,
    /// The call's unit was sent. After it is recorded, the node gives this answer.
    Committing(Box<Unit>, Told),
    /// The call found a recorded end and waits until the replica confirms it.
    Confirming(Outcome),
    /// The poll waits for news of its account.
    Parked,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) user: usize,
    pub(crate) op: Op,
    pub(crate) begun: u64,
    pub(crate) stage: Stage,
    /// True if news of its account make the call read again.
    pub(crate) registered: bool,
    /// True if news arrived while the call was reading.
    pub(crate) again: bool,
    /// True if a reply to its unit may have been lost.
    pub(crate) resent: bool,
    /// Number of times that a unit of the call was sent.
    pub(crate) tries: u32,
    /// Sequence number of the partition at the call's last read.
    pub(crate) sequence: u64,
}

impl Call {
    pub(crate) const fn new(id: u64, user: usize, op: Op, begun: u64) -> Self {
        let (stage, registered, again, resent) = (Stage::Idle, false, false, false);
        let (tries, sequence) = (0, 0);
        Self { id, user, op, begun, stage, registered, again, resent, tries, sequence }
    }
}

/// The next step of a call, which the account's state decides.
pub(crate) enum Next {
    Commit(Change, Told),
    /// The result is already recorded.
    Known(Told),
    /// The challenge has ended, as the account's record shows.
    Ended(Outcome),
    /// The challenge is open, so a poll waits.
    Open,
    Refused,
}

/// Runs the transition of a call on an account, at `now`. `fresh` is the number for a new
/// challenge.
pub(crate) fn run(call: &Call, stored: &Stored, now: u64, fresh: u64, limits: &Limits) -> Next {
    let account = &stored.account;
    let open = call.op.challenge().and_then(|id| account.open_challenge(id));
    let ended = call
        .op
        .challenge()
        .and_then(|id| stored.ended.get(id))
        .and_then(|c| Some((c.clone(), c.ended.as_ref()?.outcome)));
    let action = open.and_then(|c| stored.actions.get(&c.action));
    let at = UnixMillis(now);
    match (&call.op, ended) {
        (Op::Track(key), _) => {
            let (context, profile) = (ActionContext::default(), ProfilePatch::default());
            let track = Track { key: key.clone(), context, profile };
            match account.track(&track, stored.actions.get(key), Unenrolled::Allow, at) {
                Ok((Some(transition), _)) => {
                    Next::Commit(transition.change, Told::Tracked(key.clone()))
                }
                Ok((None, _)) => Next::Known(Told::Tracked(key.clone())),
                Err(_) => Next::Refused,
            }
        }
        (Op::Issue(key), _) => {
            let Some(action) = stored.actions.get(key) else { return Next::Refused };
            match account.issue(&issue(fresh), action, at, limits) {
                Ok(issued) => Next::Commit(issued.change, Told::Issued(issued.answer.challenge)),
                Err(_) => Next::Refused,
            }
        }
        (Op::Decide(decision), Some((challenge, outcome))) => match challenge.repeated(decision) {
            Some(Ok(_)) => Next::Ended(outcome),
            _ => Next::Refused,
        },
        (Op::Cancel(_) | Op::Poll(..), Some((_, outcome))) => Next::Ended(outcome),
        (Op::Decide(decision), None) => {
            let judged = account.decide(decision, UnixMillis(call.begun), limits);
            let settled = judged.and_then(|j| j.settle(action.map(|a| &**a), Evidence::default()));
            match settled {
                Ok(settled) => {
                    let told = Told::Ended(decision.decision().outcome());
                    Next::Commit(settled.change, told)
                }
                Err(_) => Next::Refused,
            }
        }
        (Op::Cancel(id), None) => match account.end(id, Outcome::Cancelled, at, None) {
            Ok(ended) => Next::Commit(ended.change, Told::Ended(Outcome::Cancelled)),
            Err(_) => Next::Refused,
        },
        (Op::Poll(..), None) if open.is_some() => Next::Open,
        (Op::Poll(..), None) => Next::Refused,
    }
}

fn issue(fresh: u64) -> Issue {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&fresh.to_be_bytes());
    let id = ChallengeId::from_entropy(bytes.first_chunk().expect("32 bytes hold 24"));
    let display = DisplayText::new("{}").expect("an object");
    let shown = Shown { nonce: Nonce::from_entropy(&bytes), display };
    Issue { id, target: None, supersede: true, held: false, shown, number_seed: Seed([0; 8]) }
}
