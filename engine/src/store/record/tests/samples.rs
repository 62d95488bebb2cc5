//! One sample of every kind of record, with most of its fields set.

use countersign_core::account::{Grant, Profile};
use countersign_core::action::{ActionContext, ActionState, Birth};
use countersign_core::challenge::{Ended, Shown};
use countersign_core::device::{Platform, PushToken, Signing};
use countersign_core::display::DisplayText;
use countersign_core::event::EventKind;
use countersign_core::fatigue::Counters;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, EventId, IdempotencyKey,
    TenantId, UserId,
};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::{AskedNumber, Number};
use countersign_core::outcome::Outcome;
use countersign_core::signature::{Algorithm, PublicKey};
use countersign_core::statement::Digest;
use countersign_core::text::Line;
use countersign_core::ticket::Ticket;
use countersign_core::time::UnixMillis;

use super::super::*;
use super::unhex;

pub(in crate::store::record) fn line(text: &str) -> Option<Line> {
    Some(Line::parse(text, 256).unwrap())
}

pub(in crate::store::record) fn account_key() -> AccountKey {
    AccountKey { tenant: TenantId::parse("demo").unwrap(), user: UserId::parse("ann").unwrap() }
}

pub(in crate::store::record) fn action_key() -> ActionKey {
    ActionKey {
        code: ActionCode::parse("signIn").unwrap(),
        idempotency_key: IdempotencyKey::parse("k1").unwrap(),
    }
}

pub(in crate::store::record) fn authenticator() -> AuthenticatorId {
    AuthenticatorId::from_entropy([1; 16])
}

pub(in crate::store::record) fn account() -> AccountRecord {
    AccountRecord {
        created_at: UnixMillis(1_000),
        profile: Profile {
            email: line("ann@example.com"),
            email_verified: true,
            phone_number: line("+491"),
            phone_number_verified: false,
            username: line("ann"),
            display_name: line("Ann"),
            locale: line("de"),
            custom: Some("{}".into()),
        },
        counters: Counters {
            prompts: vec![UnixMillis(1_000), UnixMillis(2_000)],
            denials: 1,
            denied_at: UnixMillis(3_000),
            reported_at: Some(UnixMillis(4_000)),
            numbers: 2,
            number_at: UnixMillis(5_000),
            unreached: Vec::new(),
        },
        tickets: Vec::new(),
    }
}

pub(in crate::store::record) fn ticket() -> Ticket {
    let (action, issued_at) = (action_key(), UnixMillis(1_000));
    Ticket {
        digest: Digest::from_bytes([3; 32]),
        grant: Grant {
            action,
            issued_at,
            is_verified: true,
            born: Some(Birth { at: UnixMillis(7), revision: 3 }),
        },
        may_add: true,
        made_at: issued_at,
        set_backs: 0,
        ends_at: UnixMillis(601_000),
        used_by: Some(authenticator()),
    }
}

pub(in crate::store::record) fn action() -> Action {
    Action {
        account: account_key(),
        key: action_key(),
        state: ActionState::ChallengeSucceeded,
        context: ActionContext {
            ip_address: line("203.0.113.7"),
            user_agent: line("Browser"),
            device_id: None,
            custom: Some("{}".into()),
        },
        created_at: UnixMillis(1_000),
        state_updated_at: UnixMillis(2_000),
        decided_by: Some(authenticator()),
        approved: Some(DisplayText::new("{}").unwrap()),
        revision: 3,
    }
}

pub(in crate::store::record) fn challenge() -> Challenge {
    Challenge {
        id: ChallengeId::from_entropy(&[2; 24]),
        account: account_key(),
        action: action_key(),
        targets: vec![authenticator()],
        issued_at: UnixMillis(1_000),
        expires_at: UnixMillis(301_000),
        held: true,
        notifications: 2,
        ended: Some(Ended {
            outcome: Outcome::Approved,
            at: UnixMillis(2_000),
            by: Some(authenticator()),
            signature: Some(vec![0xa5; 4]),
        }),
        number: Some(AskedNumber { number: Number::restore("042"), tries: 1 }),
        shown: Some(Shown {
            nonce: Nonce::from_entropy(&[7; 32]),
            display: DisplayText::new("{}").unwrap(),
        }),
    }
}

pub(in crate::store::record) fn event() -> Event {
    Event {
        id: EventId::parse("01010101-0101-8101-8101-010101010101").unwrap(),
        kind: EventKind::Reported,
        account: account_key(),
        challenge: ChallengeId::from_entropy(&[2; 24]),
        action: action_key(),
        by: Some(authenticator()),
        at: UnixMillis(1_000),
        calls: 1,
        due_at: UnixMillis(31_000),
    }
}

pub(in crate::store::record) fn device() -> Device {
    // The public key for the Ed25519 secret key of 32 bytes of 7.
    let point = "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c";
    let spki = unhex(&format!("302a300506032b6570032100{point}"));
    Device {
        id: authenticator(),
        account: account_key(),
        key: PublicKey::from_spki(Algorithm::Ed25519, &spki).unwrap(),
        signing: Signing::StatementV1,
        confirmed: true,
        name: line("phone"),
        platform: Some(Platform::Web),
        push_token: Some(PushToken::new("token")),
        created_at: UnixMillis(1_000),
        verified_at: UnixMillis(2_000),
        last_verified_at: Some(UnixMillis(3_000)),
    }
}
