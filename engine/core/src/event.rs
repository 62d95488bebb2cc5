//! Events for a relying party: the entries of its outbox.
//!
//! An event is recorded in the same commit as the change that it reports, so that neither is there
//! without the other. It is told until it is accepted, a few times at most; each call is counted
//! before it is made, so that a process that dies in between neither calls too often nor too soon.

use crate::challenge::Challenge;
use crate::id::{AccountKey, ActionKey, AuthenticatorId, ChallengeId, EventId};
use crate::outcome::Outcome;
use crate::policy::{EVENT_CALLS_MAX, EVENT_RETRY_MS};
use crate::time::UnixMillis;

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A person said that it was not theirs.
    Reported,
}

impl EventKind {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reported => "push.reported",
        }
    }
}

/// An event for the relying party, with the number of calls about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name, the same in every call, so that a receiver knows it again.
    pub id: EventId,
    /// The kind.
    pub kind: EventKind,
    /// The account of the challenge.
    pub account: AccountKey,
    /// The challenge.
    pub challenge: ChallengeId,
    /// Its action.
    pub action: ActionKey,
    /// The authenticator that brought it about.
    pub by: Option<AuthenticatorId>,
    /// Time of the event.
    pub at: UnixMillis,
    /// Calls about it that were begun.
    pub calls: u32,
    /// Time of the next call.
    pub due_at: UnixMillis,
}

impl Event {
    /// The event that the end of a challenge is, if a relying party is to hear of such an end.
    #[must_use]
    pub fn of_end(challenge: &Challenge) -> Option<Self> {
        let ended = challenge.ended.as_ref().filter(|e| e.outcome == Outcome::Reported)?;
        let kind = EventKind::Reported;
        Some(Self {
            id: EventId::of(kind.name(), &challenge.account.tenant, &challenge.id),
            kind,
            account: challenge.account.clone(),
            challenge: challenge.id.clone(),
            action: challenge.action.clone(),
            by: ended.by.clone(),
            at: ended.at,
            calls: 0,
            due_at: ended.at,
        })
    }

    /// The event with one more call counted, which is to be recorded before that call is made. None
    /// where it was called often enough.
    #[must_use]
    pub fn called(&self, now: UnixMillis) -> Option<Self> {
        let calls = self.calls.checked_add(1).filter(|calls| *calls <= EVENT_CALLS_MAX)?;
        Some(Self { calls, due_at: now.plus_ms(EVENT_RETRY_MS), ..self.clone() })
    }

    /// Tells whether all calls are used up.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.calls >= EVENT_CALLS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::Ended;
    use crate::id::{ActionCode, IdempotencyKey, TenantId, UserId};

    fn ended(outcome: Outcome) -> Challenge {
        let by = Some(AuthenticatorId::from_entropy([7; 16]));
        Challenge {
            id: ChallengeId::from_entropy(&[1; 24]),
            account: AccountKey {
                tenant: TenantId::parse("t").unwrap(),
                user: UserId::parse("u").unwrap(),
            },
            action: ActionKey {
                code: ActionCode::parse("signIn").unwrap(),
                idempotency_key: IdempotencyKey::parse("k").unwrap(),
            },
            targets: Vec::new(),
            issued_at: UnixMillis(1_000),
            expires_at: UnixMillis(61_000),
            held: false,
            notifications: 0,
            ended: Some(Ended { outcome, at: UnixMillis(2_000), by, signature: None }),
            number: None,
            shown: None,
        }
    }

    #[test]
    fn only_a_report_is_told() {
        use Outcome as O;
        for outcome in [O::Approved, O::Cancelled, O::Denied, O::Expired, O::Failed, O::Revoked] {
            assert_eq!(Event::of_end(&ended(outcome)), None, "{outcome:?}");
        }
        assert_eq!(Event::of_end(&Challenge { ended: None, ..ended(O::Reported) }), None);
        let event = Event::of_end(&ended(O::Reported)).unwrap();
        assert_eq!((event.at, event.due_at, event.calls), (UnixMillis(2_000), event.at, 0));
        assert_eq!(event.kind.name(), "push.reported");
        assert_eq!(event.by, Some(AuthenticatorId::from_entropy([7; 16])));
    }

    #[test]
    fn it_is_called_three_times_half_a_minute_apart() {
        let mut event = Event::of_end(&ended(Outcome::Reported)).unwrap();
        for (calls, now) in (1..).zip([5_000, 35_000, 65_000]) {
            assert!(!event.is_spent());
            event = event.called(UnixMillis(now)).unwrap();
            assert_eq!((event.calls, event.due_at), (calls, UnixMillis(now + 30_000)));
        }
        assert!(event.is_spent());
        assert_eq!(event.called(UnixMillis(95_000)), None);
    }

    #[test]
    fn one_event_has_one_name_and_another_has_another() {
        let reported = ended(Outcome::Reported);
        let event = Event::of_end(&reported).unwrap();
        assert_eq!(Event::of_end(&reported).unwrap().id, event.id);
        assert_eq!(EventId::parse(event.id.as_str()), Ok(event.id.clone()));
        let tenant = TenantId::parse("t-2").unwrap();
        let others = [
            EventId::of("push.created", &reported.account.tenant, &reported.id),
            EventId::of(event.kind.name(), &tenant, &reported.id),
            EventId::of(
                event.kind.name(),
                &reported.account.tenant,
                &ChallengeId::from_entropy(&[2; 24]),
            ),
        ];
        assert!(!others.contains(&event.id));
    }
}
