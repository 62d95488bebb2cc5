//! Events for a relying party, which are the entries of its outbox.
//!
//! An event is recorded in the same commit as the change that it reports, so that neither exists
//! without the other. The server calls the relying party until it accepts the event, at most
//! [`EVENT_CALLS_MAX`] times. Each call is recorded before it is made, so that a process that dies
//! during a call causes neither too many calls nor early ones.

use crate::challenge::Challenge;
use crate::id::{AccountKey, ActionKey, AuthenticatorId, ChallengeId, EventId};
use crate::outcome::Outcome;
use crate::policy::{EVENT_CALLS_MAX, EVENT_RETRY_MS};
use crate::time::UnixMillis;

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A user reported a challenge, because somebody else caused it.
    Reported,
}

impl EventKind {
    /// Returns the kind's name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reported => "push.reported",
        }
    }
}

/// An event for the relying party, with the number of calls that were begun to deliver it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event's id. It is the same in every call, so that the receiver recognises a repeated
    /// event.
    pub id: EventId,
    /// The kind of the event.
    pub kind: EventKind,
    /// The account that the challenge belongs to.
    pub account: AccountKey,
    /// Id of the challenge that the user reported.
    pub challenge: ChallengeId,
    /// The challenge's action.
    pub action: ActionKey,
    /// The authenticator that decided the challenge.
    pub by: Option<AuthenticatorId>,
    /// Time of the challenge's end.
    pub at: UnixMillis,
    /// Number of calls that were begun.
    pub calls: u32,
    /// Time from which the next call may be made.
    pub due_at: UnixMillis,
}

impl Event {
    /// Makes the event that reports the end of a challenge. `None` unless the challenge has ended
    /// as reported.
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

    /// Returns the event with one more call counted. The caller records it before it makes the
    /// call. `None` if the event had all its calls.
    #[must_use]
    pub fn called(&self, now: UnixMillis) -> Option<Self> {
        let calls = self.calls.checked_add(1).filter(|calls| *calls <= EVENT_CALLS_MAX)?;
        Some(Self { calls, due_at: now.plus_ms(EVENT_RETRY_MS), ..self.clone() })
    }

    /// Returns true if the event had all its calls.
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
