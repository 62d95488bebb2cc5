//! The body of every kind of row, and its conversions. Structs are written as arrays, in field
//! order.

mod account;
mod event;

use std::sync::Arc;

pub(super) use account::AccountRow;
pub(super) use event::EventRow;

use countersign_core::action::{Action, ActionContext, ActionState};
use countersign_core::challenge::{Challenge, Ended, Outcome, Shown};
use countersign_core::device::{Device, Platform, PushToken, Signing};
use countersign_core::display::DisplayText;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, IdempotencyKey, InvalidId,
    TenantId, UserId,
};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::{AskedNumber, Number};
use countersign_core::signature::{Algorithm, InvalidKey, PublicKey, SignatureFormat};
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// Why the body of an intact row is not a record. It never quotes the row.
pub(super) struct Invalid(pub(super) String);

impl From<InvalidId> for Invalid {
    fn from(error: InvalidId) -> Self {
        Self(error.to_string())
    }
}

impl From<InvalidKey> for Invalid {
    fn from(error: InvalidKey) -> Self {
        Self(error.to_string())
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceRow<'a> {
    id: &'a str,
    tenant: &'a str,
    user: &'a str,
    algorithm: &'a str,
    #[serde(with = "serde_bytes")]
    spki: &'a [u8],
    name: Option<&'a str>,
    platform: Option<u8>,
    push_token: Option<&'a str>,
    created_at: u64,
    verified_at: u64,
    last_verified_at: Option<u64>,
    /// Absent from format 1, whose keys have the first format of their algorithm.
    #[serde(borrow, default)]
    signature_format: Option<&'a str>,
    /// Absent from format 1, whose keys sign challenge ids.
    #[serde(default)]
    signing: Option<u8>,
    /// Absent from format 1, where it shows in that something was signed after the enrollment.
    #[serde(default)]
    confirmed: Option<bool>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ActionRow<'a> {
    tenant: &'a str,
    user: &'a str,
    code: &'a str,
    idempotency_key: &'a str,
    state: u8,
    ip_address: Option<&'a str>,
    user_agent: Option<&'a str>,
    device_id: Option<&'a str>,
    custom: Option<&'a str>,
    created_at: u64,
    state_updated_at: u64,
    decided_by: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ChallengeRow<'a> {
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

#[derive(Serialize, Deserialize)]
pub(super) struct SecretRow<'a>(#[serde(borrow, with = "serde_bytes")] &'a [u8]);

#[derive(Serialize, Deserialize)]
pub(super) struct TimeRow(u64);

/// Numbers that stand for the variants of an enum, for ever.
macro_rules! coded {
    ($name:ident, $code:ident, $of:ident, { $($variant:ident = $number:literal),+ $(,)? }) => {
        pub(in crate::store) const fn $code(value: $name) -> u8 {
            match value {
                $($name::$variant => $number,)+
            }
        }

        fn $of(number: u8) -> Result<$name, Invalid> {
            match number {
                $($number => Ok($name::$variant),)+
                _ => Err(Invalid(format!("{} {number} is unknown", stringify!($name)))),
            }
        }
    };
}

coded!(ActionState, state_code, state_of, {
    Allow = 1, Block = 2, ChallengeFailed = 3, ChallengeRequired = 4, ChallengeSucceeded = 5,
    ReviewFailed = 6, ReviewRequired = 7, ReviewSucceeded = 8,
});
coded!(Outcome, outcome_code, outcome_of, {
    Approved = 1, Cancelled = 2, Denied = 3, Expired = 4, Failed = 5, Reported = 6, Revoked = 7,
    Superseded = 8,
});
coded!(Signing, signing_code, signing_of, { ChallengeId = 1, StatementV1 = 2 });
coded!(Platform, platform_code, platform_of, { Ios = 1, Android = 2, Web = 3 });

fn text(line: &Option<Line>) -> Option<&str> {
    line.as_ref().map(Line::as_str)
}

/// Lines are cleaned, not refused: a character that the core comes to refuse must not lock a user
/// out.
fn line(text: Option<&str>) -> Option<Line> {
    text.map(|text| Line::cleaned(text, usize::MAX))
}

fn authenticator(id: Option<&str>) -> Result<Option<AuthenticatorId>, InvalidId> {
    id.map(AuthenticatorId::parse).transpose()
}

fn account_key(tenant: &str, user: &str) -> Result<AccountKey, InvalidId> {
    Ok(AccountKey { tenant: TenantId::parse(tenant)?, user: UserId::parse(user)? })
}

fn action_key(code: &str, idempotency_key: &str) -> Result<ActionKey, InvalidId> {
    let idempotency_key = IdempotencyKey::parse(idempotency_key)?;
    Ok(ActionKey { code: ActionCode::parse(code)?, idempotency_key })
}

impl<'a> From<&'a Device> for DeviceRow<'a> {
    fn from(device: &'a Device) -> Self {
        Self {
            id: device.id.as_str(),
            tenant: device.account.tenant.as_str(),
            user: device.account.user.as_str(),
            algorithm: device.key.algorithm().name(),
            spki: device.key.spki(),
            name: text(&device.name),
            platform: device.platform.map(platform_code),
            push_token: device.push_token.as_ref().map(PushToken::reveal),
            created_at: device.created_at.0,
            verified_at: device.verified_at.0,
            last_verified_at: device.last_verified_at.map(|at| at.0),
            signature_format: Some(device.key.format().name()),
            signing: Some(signing_code(device.signing)),
            confirmed: Some(device.confirmed),
        }
    }
}

impl TryFrom<DeviceRow<'_>> for Device {
    type Error = Invalid;

    fn try_from(row: DeviceRow<'_>) -> Result<Self, Invalid> {
        let algorithm = Algorithm::from_name(row.algorithm)
            .ok_or_else(|| Invalid("its signature algorithm is unknown".to_owned()))?;
        let format = row.signature_format.map(|name| {
            let unknown = || Invalid("its signature format is unknown".to_owned());
            SignatureFormat::from_name(name).ok_or_else(unknown)
        });
        let key = match format.transpose()? {
            Some(format) => PublicKey::with_format(algorithm, format, row.spki)?,
            None => PublicKey::from_spki(algorithm, row.spki)?,
        };
        let signed_since = row.last_verified_at.is_some_and(|at| at > row.verified_at);
        Ok(Self {
            id: AuthenticatorId::parse(row.id)?,
            account: account_key(row.tenant, row.user)?,
            key,
            signing: row.signing.map(signing_of).transpose()?.unwrap_or_default(),
            confirmed: row.confirmed.unwrap_or(signed_since),
            name: line(row.name),
            platform: row.platform.map(platform_of).transpose()?,
            push_token: row.push_token.map(PushToken::new),
            created_at: UnixMillis(row.created_at),
            verified_at: UnixMillis(row.verified_at),
            last_verified_at: row.last_verified_at.map(UnixMillis),
        })
    }
}

impl<'a> From<&'a Action> for ActionRow<'a> {
    fn from(action: &'a Action) -> Self {
        Self {
            tenant: action.account.tenant.as_str(),
            user: action.account.user.as_str(),
            code: action.key.code.as_str(),
            idempotency_key: action.key.idempotency_key.as_str(),
            state: state_code(action.state),
            ip_address: text(&action.context.ip_address),
            user_agent: text(&action.context.user_agent),
            device_id: text(&action.context.device_id),
            custom: action.context.custom.as_deref(),
            created_at: action.created_at.0,
            state_updated_at: action.state_updated_at.0,
            decided_by: action.decided_by.as_ref().map(AuthenticatorId::as_str),
        }
    }
}

impl TryFrom<ActionRow<'_>> for Action {
    type Error = Invalid;

    fn try_from(row: ActionRow<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            account: account_key(row.tenant, row.user)?,
            key: action_key(row.code, row.idempotency_key)?,
            state: state_of(row.state)?,
            context: ActionContext {
                ip_address: line(row.ip_address),
                user_agent: line(row.user_agent),
                device_id: line(row.device_id),
                custom: row.custom.map(Arc::from),
            },
            created_at: UnixMillis(row.created_at),
            state_updated_at: UnixMillis(row.state_updated_at),
            decided_by: authenticator(row.decided_by)?,
        })
    }
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

impl<'a> From<&'a [u8; 32]> for SecretRow<'a> {
    fn from(secret: &'a [u8; 32]) -> Self {
        Self(secret)
    }
}

impl TryFrom<SecretRow<'_>> for [u8; 32] {
    type Error = Invalid;

    fn try_from(row: SecretRow<'_>) -> Result<Self, Invalid> {
        row.0.try_into().map_err(|_| Invalid("it is not 32 bytes".to_owned()))
    }
}

impl From<&UnixMillis> for TimeRow {
    fn from(time: &UnixMillis) -> Self {
        Self(time.0)
    }
}

impl TryFrom<TimeRow> for UnixMillis {
    type Error = Invalid;

    fn try_from(row: TimeRow) -> Result<Self, Invalid> {
        Ok(Self(row.0))
    }
}
