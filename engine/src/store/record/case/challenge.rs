//! The body of a challenge's part.
//!
//! Two bytes of flags, then the action's key if the part can be read without its action, the id,
//! the targets, the times, the number, the end, and what the device showed.

use countersign_core::action::Action;
use countersign_core::challenge::{Challenge, Ended, Shown};
use countersign_core::display::DisplayText;
use countersign_core::id::{AccountKey, ActionCode, ActionKey, AuthenticatorId, IdempotencyKey};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::{AskedNumber, Number};
use countersign_core::time::UnixMillis;

use super::super::rows::{outcome_code, outcome_of};
use super::cursor::{
    Cursor, Fault, key_uuid, put_authenticator, put_challenge_id, put_number, put_time,
};
use super::reference::{Known, Reference};
use super::signature;
use super::squeeze::{put_text, text};

/// The first byte has the outcome in its low bits (0: open), then who decided, then the form of the
/// signature.
const OUTCOME: u8 = 0x0f;
const BY: u32 = 4;
const BY_FIRST_TARGET: u8 = 1;
const BY_OTHER: u8 = 2;
const SIGNATURE: u32 = 6;
const AS_R_AND_S: u8 = 1;
const AS_64_BYTES: u8 = 2;
const AS_BYTES: u8 = 3;
const TWO_BITS: u8 = 0x03;

/// The second byte has flags in its low bits, then the number of targets.
const WITH_ACTION: u8 = 1;
const HELD: u8 = 1 << 1;
const NUMBER: u8 = 1 << 2;
const SHOWN: u8 = 1 << 3;
const TARGETS: u32 = 4;
/// The number of targets follows.
const MANY_TARGETS: u8 = 15;

/// The action that a challenge is read or written with.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) action: &'a Action,
    pub(super) reference: &'a Reference,
}

/// Tells whether the second byte of a body announces that its action is needed.
pub(super) fn is_with_action(body: &[u8]) -> bool {
    body.get(1).is_some_and(|flags| flags & WITH_ACTION != 0)
}

/// Writes a challenge.
pub(super) fn put(out: &mut Vec<u8>, challenge: &Challenge, of: Option<Of<'_>>) {
    let by = challenge.ended.as_ref().and_then(|ended| ended.by.as_ref());
    let by_first = by.is_some() && by == challenge.targets.first();
    let signature = challenge.ended.as_ref().and_then(|ended| ended.signature.as_deref());
    let signature = signature.map(Signature::of);
    let by_form = match by {
        None => 0,
        Some(_) if by_first => BY_FIRST_TARGET,
        Some(_) => BY_OTHER,
    };
    out.push(
        challenge.ended.as_ref().map_or(0, |ended| outcome_code(ended.outcome))
            | (by_form << BY)
            | (signature.as_ref().map_or(0, Signature::form) << SIGNATURE),
    );
    let targets = u8::try_from(challenge.targets.len()).unwrap_or(MANY_TARGETS).min(MANY_TARGETS);
    let flags = [
        (of.is_some(), WITH_ACTION),
        (challenge.held, HELD),
        (challenge.number.is_some(), NUMBER),
        (challenge.shown.is_some(), SHOWN),
    ];
    let flags = flags.into_iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, bit)| all | bit);
    out.push(flags | (targets << TARGETS));
    if of.is_none() {
        put_key(out, &challenge.action);
    }
    put_challenge_id(out, &challenge.id);
    if targets == MANY_TARGETS {
        put_number(out, challenge.targets.len() as u64);
    }
    challenge.targets.iter().for_each(|target| put_authenticator(out, target));
    let created_at = of.map_or(UnixMillis(0), |of| of.action.created_at);
    put_time(out, created_at, challenge.issued_at);
    put_time(out, challenge.issued_at, challenge.expires_at);
    put_number(out, challenge.notifications.into());
    if let Some(asked) = &challenge.number {
        put_asked(out, asked);
    }
    if let Some(ended) = &challenge.ended {
        put_time(out, challenge.issued_at, ended.at);
        if let Some(by) = by.filter(|_| !by_first) {
            put_authenticator(out, by);
        }
        if let Some(signature) = &signature {
            signature.put(out);
        }
    }
    if let Some(shown) = &challenge.shown {
        out.extend(shown.nonce.as_bytes());
        let known = of.map(|of| Known { reference: of.reference, near: challenge.issued_at });
        put_text(out, shown.display.as_str(), known.as_ref());
    }
}

/// Reads what [`put`] wrote, with the same action.
pub(super) fn read(
    owner: &AccountKey,
    of: Option<Of<'_>>,
    bytes: &mut Cursor<'_>,
) -> Result<Challenge, Fault> {
    let (first, flags) = (bytes.byte()?, bytes.byte()?);
    let action = match of {
        Some(of) => of.action.key.clone(),
        None => key(bytes)?,
    };
    let id = bytes.challenge_id()?;
    let count = match flags >> TARGETS {
        MANY_TARGETS => bytes.number()?,
        count => count.into(),
    };
    let targets = (0..count).map(|_| bytes.authenticator()).collect::<Result<Vec<_>, _>>()?;
    let issued_at = bytes.time(of.map_or(UnixMillis(0), |of| of.action.created_at))?;
    let expires_at = bytes.time(issued_at)?;
    let notifications = bytes.small()?;
    let number = (flags & NUMBER != 0).then(|| asked(bytes)).transpose()?;
    let ended = ended(first, issued_at, &targets, bytes)?;
    let shown = if flags & SHOWN == 0 {
        None
    } else {
        let nonce = Nonce::from_entropy(&bytes.array()?);
        let known = of.map(|of| Known { reference: of.reference, near: issued_at });
        Some(Shown { nonce, display: DisplayText::restore(&text(bytes, known.as_ref())?) })
    };
    let held = flags & HELD != 0;
    let account = owner.clone();
    Ok(Challenge {
        id,
        account,
        action,
        targets,
        issued_at,
        expires_at,
        held,
        notifications,
        ended,
        number,
        shown,
    })
}

fn put_key(out: &mut Vec<u8>, key: &ActionKey) {
    put_text(out, key.code.as_str(), None);
    let uuid = key_uuid(&key.idempotency_key);
    out.push(uuid.is_some().into());
    match uuid {
        Some(uuid) => out.extend(uuid),
        None => put_text(out, key.idempotency_key.as_str(), None),
    }
}

fn key(bytes: &mut Cursor<'_>) -> Result<ActionKey, Fault> {
    let code = ActionCode::parse(&text(bytes, None)?)?;
    let idempotency_key = match bytes.byte()? {
        0 => IdempotencyKey::parse(&text(bytes, None)?)?,
        _ => bytes.uuid(IdempotencyKey::parse)?,
    };
    Ok(ActionKey { code, idempotency_key })
}

fn ended(
    first: u8,
    issued_at: UnixMillis,
    targets: &[AuthenticatorId],
    bytes: &mut Cursor<'_>,
) -> Result<Option<Ended>, Fault> {
    if first & OUTCOME == 0 {
        return Ok(None);
    }
    let outcome = outcome_of(first & OUTCOME).map_err(|_| Fault("its outcome is unknown"))?;
    let at = bytes.time(issued_at)?;
    let by = match (first >> BY) & TWO_BITS {
        0 => None,
        BY_FIRST_TARGET => Some(targets.first().ok_or(Fault("it has no targets"))?.clone()),
        BY_OTHER => Some(bytes.authenticator()?),
        _ => return Err(Fault("who decided it has an unknown form")),
    };
    let signature = match (first >> SIGNATURE) & TWO_BITS {
        AS_R_AND_S => Some(signature::der(&bytes.array()?)),
        AS_64_BYTES => Some(bytes.array::<{ signature::BYTES }>()?.to_vec()),
        AS_BYTES => {
            let length = bytes.number()?;
            Some(bytes.bytes(length)?.to_vec())
        }
        _ => None,
    };
    Ok(Some(Ended { outcome, at, by, signature }))
}

/// A signature in its shortest form.
enum Signature<'a> {
    RAndS([u8; signature::BYTES]),
    Bytes(&'a [u8]),
}

impl<'a> Signature<'a> {
    fn of(signature: &'a [u8]) -> Self {
        signature::r_and_s(signature).map_or(Self::Bytes(signature), Self::RAndS)
    }

    const fn form(&self) -> u8 {
        match self {
            Self::RAndS(_) => AS_R_AND_S,
            Self::Bytes(bytes) if bytes.len() == signature::BYTES => AS_64_BYTES,
            Self::Bytes(_) => AS_BYTES,
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        let bytes = match self {
            Self::RAndS(both) => both,
            Self::Bytes(bytes) => *bytes,
        };
        if self.form() == AS_BYTES {
            put_number(out, bytes.len() as u64);
        }
        out.extend(bytes);
    }
}

/// Longest number that is written as a number, behind a leading 1.
const DIGITS_MAX: usize = 9;

fn put_asked(out: &mut Vec<u8>, AskedNumber { number, tries }: &AskedNumber) {
    let digits = number.reveal();
    let is_short = (1..=DIGITS_MAX).contains(&digits.len());
    let is_number = is_short && digits.bytes().all(|byte| byte.is_ascii_digit());
    match format!("1{digits}").parse().ok().filter(|_| is_number) {
        Some(value) => put_number(out, value),
        None => {
            put_number(out, 0);
            put_text(out, digits, None);
        }
    }
    put_number(out, (*tries).into());
}

fn asked(bytes: &mut Cursor<'_>) -> Result<AskedNumber, Fault> {
    let number = match bytes.number()? {
        0 => Number::restore(&text(bytes, None)?),
        value => {
            let written = value.to_string();
            let digits =
                written.strip_prefix('1').ok_or(Fault("its number has an unknown form"))?;
            Number::restore(digits)
        }
    };
    Ok(AskedNumber { number, tries: bytes.small()? })
}
