//! Bodies of all kinds of rows, and their conversions. Structs are written as arrays, in the order
//! of their fields.

mod account;
mod challenge;
mod event;

use std::sync::Arc;

pub(super) use account::AccountRow;
pub(super) use challenge::ChallengeRow;
pub(super) use event::EventRow;

use countersign_core::action::{Action, ActionContext, ActionState};
use countersign_core::device::{Device, Platform, PushToken, Signing};
use countersign_core::display::DisplayText;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, IdempotencyKey, InvalidId, TenantId, UserId,
};
use countersign_core::outcome::Outcome;
use countersign_core::signature::{Algorithm, PublicKey, SignatureFormat};
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// Error of an undamaged row whose body cannot be converted into a record. The text never quotes
/// the row.
pub(super) struct Invalid(pub(super) String);

impl<E: std::error::Error> From<E> for Invalid {
    fn from(error: E) -> Self {
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
    /// Missing in format 1. Its keys use the first signature format of their algorithm.
    #[serde(borrow, default)]
    signature_format: Option<&'a str>,
    /// Missing in format 1. Its keys sign challenge ids.
    #[serde(default)]
    signing: Option<u8>,
    /// Missing in format 1. There a device counts as confirmed if it has signed something after its
    /// enrollment.
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
    /// Missing in older rows, which were written before this field was added.
    #[serde(borrow, default)]
    approved: Option<&'a str>,
    /// Missing in older rows, as `approved` is.
    #[serde(default)]
    revision: u64,
}

/// Assigns permanent numbers to the variants of an enum, and defines the conversions in both
/// directions.
macro_rules! coded {
    ($name:ident, $code:ident, $of:ident, { $($variant:ident = $number:literal),+ $(,)? }) => {
        pub(in crate::store) const fn $code(value: $name) -> u8 {
            match value {
                $($name::$variant => $number,)+
            }
        }

        pub(in crate::store) fn $of(number: u8) -> Result<$name, Invalid> {
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

/// Cleans a stored line instead of refusing it, because a character that a later core refuses must
/// not lock the user out.
pub(super) fn line(text: Option<&str>) -> Option<Line> {
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
            approved: action.approved.as_ref().map(DisplayText::as_str),
            revision: action.revision,
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
            approved: row.approved.map(DisplayText::restore),
            revision: row.revision,
        })
    }
}
