//! A sign-in as a server records it, and lifecycles of any content.

use countersign_core::action::{Action, ActionContext, ActionState};
use countersign_core::challenge::{Challenge, Ended, Shown};
use countersign_core::display::DisplayText;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, IdempotencyKey, TenantId,
    UserId,
};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::{AskedNumber, Number};
use countersign_core::outcome::Outcome;
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;

use super::super::{action_part_with, parts, read, signature};
use crate::ports::store::StoreError;

/// An action with its challenges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) action: Action,
    pub(super) challenges: Vec<Challenge>,
}

impl Case {
    pub(super) fn to_parts(&self) -> Vec<u8> {
        parts(Some(&self.action), &self.challenges)
    }

    pub(super) fn from_parts(owner: &AccountKey, parts: &[u8]) -> Result<Self, StoreError> {
        let (action, challenges) = read(owner, parts)?;
        Ok(Self { action: action.unwrap(), challenges })
    }
}

pub(super) fn action_part(action: &Action) -> Vec<u8> {
    action_part_with(action, &[] as &[Challenge])
}

pub(super) const AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
                                (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
pub(super) const CUSTOM: &str = r#"{"amount":125000,"currency":"EUR","payee":"Bob"}"#;

pub(super) fn owner() -> AccountKey {
    AccountKey { tenant: TenantId::parse("shop").unwrap(), user: UserId::parse("ann-7").unwrap() }
}

/// Returns bytes without a pattern, which are the same in every run.
pub(super) fn noise<const N: usize>(seed: u64) -> [u8; N] {
    let mut state = seed;
    std::array::from_fn(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
}

pub(super) fn line(text: &str) -> Option<Line> {
    Some(Line::parse(text, 512).unwrap())
}

/// Returns an action with all that a relying party tells of a browser.
pub(super) fn action() -> Action {
    let at = UnixMillis(1_795_930_123_456);
    Action {
        account: owner(),
        key: ActionKey {
            code: ActionCode::parse("signIn").unwrap(),
            idempotency_key: IdempotencyKey::from_entropy(noise(1)),
        },
        state: ActionState::ChallengeRequired,
        context: ActionContext {
            ip_address: line("198.51.100.7"),
            user_agent: line(AGENT),
            device_id: line(AuthenticatorId::from_entropy(noise(2)).as_str()),
            custom: Some(CUSTOM.into()),
        },
        created_at: at,
        state_updated_at: at,
        decided_by: None,
        approved: None,
        revision: 61,
    }
}

pub(super) fn display(action: &Action, custom: &str, seconds: u64) -> DisplayText {
    let text = format!(
        "{{\"action\":\"{}\",{custom}\"ipAddress\":\"198.51.100.7\",\"issuedAt\":{seconds},\
         \"requester\":\"shop\",\"userAgent\":\"{AGENT}\"}}",
        action.key.code
    );
    DisplayText::restore(&text)
}

/// Returns the open challenge of [`action`], with a number.
pub(super) fn open() -> Challenge {
    let action = action();
    let issued_at = action.created_at.plus_ms(700);
    Challenge {
        id: ChallengeId::from_entropy(&noise(3)),
        account: owner(),
        action: action.key.clone(),
        targets: vec![AuthenticatorId::from_entropy(noise(4))],
        issued_at,
        expires_at: issued_at.plus_ms(300_000),
        held: false,
        notifications: 1,
        ended: None,
        number: Some(AskedNumber { number: Number::restore("42"), tries: 1 }),
        shown: Some(Shown {
            nonce: Nonce::from_entropy(&noise(5)),
            display: display(&action, "\"browser\":\"Chrome on Windows\",", issued_at.seconds()),
        }),
    }
}

/// Returns the lifecycle of [`action`] after the user has approved.
pub(super) fn approved() -> Case {
    let (mut action, mut challenge) = (action(), open());
    let at = challenge.issued_at.plus_ms(8_250);
    challenge.ended = Some(Ended {
        outcome: Outcome::Approved,
        at,
        by: challenge.targets.first().cloned(),
        signature: Some(signature::der(&noise(6))),
    });
    action.state = ActionState::ChallengeSucceeded;
    action.state_updated_at = at;
    action.decided_by = challenge.targets.first().cloned();
    action.approved = challenge.shown.as_ref().map(|shown| shown.display.clone());
    Case { action, challenges: vec![challenge] }
}
