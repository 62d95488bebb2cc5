//! The body of a challenge row.

use countersign_core::challenge::{Challenge, Ended, Shown};
use countersign_core::display::DisplayText;
use countersign_core::id::{AuthenticatorId, ChallengeId, InvalidId};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::{AskedNumber, Number};
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Serialize};

use super::{Invalid, account_key, action_key, authenticator, outcome_code, outcome_of};

#[derive(Serialize, Deserialize)]
pub(in crate::store::record) struct ChallengeRow<'a> {
    id: &'a str,
    tenant: &'a str,
    user: &'a str,
    code: &'a str,
    idempotency_key: &'a str,
    #[serde(borrow)]
    targets: Vec<&'a str>,
    issued_at: u64,
    expires_at: u64,
    held: bool,
    ended: Option<EndedRow<'a>>,
    #[serde(borrow, default)]
    number: Option<NumberRow<'a>>,
    #[serde(borrow, default)]
    shown: Option<ShownRow<'a>>,
    #[serde(default)]
    notifications: u32,
}

#[derive(Serialize, Deserialize)]
struct ShownRow<'a> {
    #[serde(with = "serde_bytes")]
    nonce: &'a [u8],
    display: &'a str,
}

#[derive(Serialize, Deserialize)]
struct NumberRow<'a> {
    digits: &'a str,
    tries: u32,
}

#[derive(Serialize, Deserialize)]
struct EndedRow<'a> {
    outcome: u8,
    at: u64,
    by: Option<&'a str>,
    #[serde(borrow, with = "serde_bytes")]
    signature: Option<&'a [u8]>,
}

impl<'a> From<&'a Challenge> for ChallengeRow<'a> {
    fn from(challenge: &'a Challenge) -> Self {
        let ended = challenge.ended.as_ref().map(|ended| EndedRow {
            outcome: outcome_code(ended.outcome),
            at: ended.at.0,
            by: ended.by.as_ref().map(AuthenticatorId::as_str),
            signature: ended.signature.as_deref(),
        });
        Self {
            id: challenge.id.as_str(),
            tenant: challenge.account.tenant.as_str(),
            user: challenge.account.user.as_str(),
            code: challenge.action.code.as_str(),
            idempotency_key: challenge.action.idempotency_key.as_str(),
            targets: challenge.targets.iter().map(AuthenticatorId::as_str).collect(),
            issued_at: challenge.issued_at.0,
            expires_at: challenge.expires_at.0,
            held: challenge.held,
            ended,
            number: challenge
                .number
                .as_ref()
                .map(|asked| NumberRow { digits: asked.number.reveal(), tries: asked.tries }),
            notifications: challenge.notifications,
            shown: challenge.shown.as_ref().map(|shown| ShownRow {
                nonce: shown.nonce.as_bytes(),
                display: shown.display.as_str(),
            }),
        }
    }
}

impl TryFrom<ChallengeRow<'_>> for Challenge {
    type Error = Invalid;

    fn try_from(row: ChallengeRow<'_>) -> Result<Self, Invalid> {
        let targets: Result<_, InvalidId> =
            row.targets.into_iter().map(AuthenticatorId::parse).collect();
        Ok(Self {
            id: ChallengeId::parse(row.id)?,
            account: account_key(row.tenant, row.user)?,
            action: action_key(row.code, row.idempotency_key)?,
            targets: targets?,
            issued_at: UnixMillis(row.issued_at),
            expires_at: UnixMillis(row.expires_at),
            held: row.held,
            notifications: row.notifications,
            ended: row.ended.map(Ended::try_from).transpose()?,
            number: row.number.map(|NumberRow { digits, tries }| AskedNumber {
                number: Number::restore(digits),
                tries,
            }),
            shown: row.shown.map(Shown::try_from).transpose()?,
        })
    }
}

impl TryFrom<ShownRow<'_>> for Shown {
    type Error = Invalid;

    fn try_from(row: ShownRow<'_>) -> Result<Self, Invalid> {
        let nonce = row.nonce.try_into();
        let nonce = nonce.map_err(|_| Invalid("its nonce is not 32 bytes".to_owned()))?;
        Ok(Self { nonce: Nonce::from_entropy(nonce), display: DisplayText::restore(row.display) })
    }
}

impl TryFrom<EndedRow<'_>> for Ended {
    type Error = Invalid;

    fn try_from(row: EndedRow<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            outcome: outcome_of(row.outcome)?,
            at: UnixMillis(row.at),
            by: authenticator(row.by)?,
            signature: row.signature.map(<[u8]>::to_vec),
        })
    }
}
