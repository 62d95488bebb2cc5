//! The body of an action's part.
//!
//! Two bytes of flags, then the code, the idempotency key, the context, the times, the decision and
//! the revision, as far as the flags announce them.

use std::borrow::Borrow;
use std::net::{Ipv4Addr, Ipv6Addr};

use countersign_core::action::{Action, ActionContext};
use countersign_core::challenge::Challenge;
use countersign_core::display::DisplayText;
use countersign_core::id::{AccountKey, ActionCode, ActionKey, IdempotencyKey};
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;

use super::super::rows::{line, state_code, state_of};
use super::cursor::{Cursor, Fault, key_uuid, put_authenticator, put_number, put_time, uuid};
use super::reference::{Known, Reference};
use super::squeeze::{put_text, text};

/// The first byte has the state in its low bits, then the form of the address, then that of the
/// browser's name.
const STATE: u8 = 0x0f;
const ADDRESS: u32 = 4;
const DEVICE: u32 = 6;
/// Forms of an address and of a browser's name, in two bits. 0: there is none.
const FORM: u8 = 0x03;
const AS_TEXT: u8 = 1;
const AS_IPV4: u8 = 2;
const AS_IPV6: u8 = 3;
const AS_UUID: u8 = 2;

/// Bits of the second byte.
const KEY_IS_UUID: u8 = 1;
const USER_AGENT: u8 = 1 << 1;
const CUSTOM: u8 = 1 << 2;
const DECIDED: u8 = 1 << 3;
const APPROVED: u8 = 1 << 4;
/// The decision is that of the deciding challenge, and is not in the part.
const DECIDED_THERE: u8 = 1 << 5;
const APPROVED_THERE: u8 = 1 << 6;

/// An action as its part has it.
pub(super) struct Packed {
    action: Action,
    decided_there: bool,
    approved_there: bool,
}

/// Returns the challenge that decided an action: the first one of a device's decision at the time
/// at which the action entered its state.
fn deciding<'a, C: Borrow<Challenge>>(
    action: &Action,
    challenges: &'a [C],
) -> Option<&'a Challenge> {
    let decided = |challenge: &Challenge| {
        let ended = challenge.ended.as_ref();
        ended.is_some_and(|ended| ended.by.is_some() && ended.at == action.state_updated_at)
    };
    challenges.iter().map(Borrow::borrow).find(|challenge| decided(challenge))
}

impl Packed {
    /// Completes the action with the decision of one of its challenges.
    pub(super) fn completed<C: Borrow<Challenge>>(self, challenges: &[C]) -> Result<Action, Fault> {
        let Self { mut action, decided_there, approved_there } = self;
        if decided_there || approved_there {
            let challenge = deciding(&action, challenges);
            let challenge = challenge.ok_or(Fault("the challenge that decided it is missing"))?;
            if decided_there {
                action.decided_by = challenge.ended.as_ref().and_then(|ended| ended.by.clone());
            }
            if approved_there {
                let shown = challenge.shown.as_ref();
                action.approved = shown.map(|shown| shown.display.clone());
            }
        }
        Ok(action)
    }

    /// Returns the action without a decision that a challenge has.
    pub(super) const fn undecided(&self) -> &Action {
        &self.action
    }
}

/// Writes an action. The challenges are those that the reader certainly knows.
pub(super) fn put<C: Borrow<Challenge>>(out: &mut Vec<u8>, action: &Action, challenges: &[C]) {
    let ActionContext { ip_address, user_agent, device_id, custom } = &action.context;
    let key = key_uuid(&action.key.idempotency_key);
    let address = ip_address.as_ref().map(Line::as_str).map(Address::of);
    let device = device_id.as_ref().map(|line| (line.as_str(), uuid(line.as_str())));
    let deciding = deciding(action, challenges);
    let decided_there = action.decided_by.is_some()
        && deciding.and_then(|c| c.ended.as_ref()?.by.as_ref()) == action.decided_by.as_ref();
    let approved_there = action.approved.is_some()
        && deciding.and_then(|c| Some(&c.shown.as_ref()?.display)) == action.approved.as_ref();
    let device_form = device.map_or(0, |(_, uuid)| if uuid.is_some() { AS_UUID } else { AS_TEXT });
    out.push(
        state_code(action.state)
            | (address.as_ref().map_or(0, Address::form) << ADDRESS)
            | (device_form << DEVICE),
    );
    let flags = [
        (key.is_some(), KEY_IS_UUID),
        (user_agent.is_some(), USER_AGENT),
        (custom.is_some(), CUSTOM),
        (action.decided_by.is_some() && !decided_there, DECIDED),
        (action.approved.is_some() && !approved_there, APPROVED),
        (decided_there, DECIDED_THERE),
        (approved_there, APPROVED_THERE),
    ];
    out.push(flags.into_iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, bit)| all | bit));
    put_text(out, action.key.code.as_str(), None);
    match key {
        Some(uuid) => out.extend(uuid),
        None => put_text(out, action.key.idempotency_key.as_str(), None),
    }
    match address {
        Some(Address::V4(address)) => out.extend(address.octets()),
        Some(Address::V6(address)) => out.extend(address.octets()),
        Some(Address::Text(address)) => put_text(out, address, None),
        None => {}
    }
    if let Some(agent) = user_agent {
        put_text(out, agent.as_str(), None);
    }
    match device {
        Some((_, Some(uuid))) => out.extend(uuid),
        Some((text, None)) => put_text(out, text, None),
        None => {}
    }
    if let Some(custom) = custom {
        put_text(out, custom, None);
    }
    put_number(out, action.created_at.0);
    put_time(out, action.created_at, action.state_updated_at);
    if let Some(by) = action.decided_by.as_ref().filter(|_| !decided_there) {
        put_authenticator(out, by);
    }
    if let Some(approved) = action.approved.as_ref().filter(|_| !approved_there) {
        let reference = Reference::of(action);
        let known = Known { reference: &reference, near: action.created_at };
        put_text(out, approved.as_str(), Some(&known));
    }
    put_number(out, action.revision);
}

/// Reads what [`put`] wrote.
pub(super) fn read(owner: &AccountKey, bytes: &mut Cursor<'_>) -> Result<Packed, Fault> {
    let (first, flags) = (bytes.byte()?, bytes.byte()?);
    let state = state_of(first & STATE).map_err(|_| Fault("its state is unknown"))?;
    let has = |bit: u8| flags & bit != 0;
    let code = ActionCode::parse(&text(bytes, None)?)?;
    let idempotency_key = if has(KEY_IS_UUID) {
        bytes.uuid(IdempotencyKey::parse)?
    } else {
        IdempotencyKey::parse(&text(bytes, None)?)?
    };
    let address = match (first >> ADDRESS) & FORM {
        AS_TEXT => Some(text(bytes, None)?),
        AS_IPV4 => Some(Ipv4Addr::from(bytes.array::<4>()?).to_string()),
        AS_IPV6 => Some(Ipv6Addr::from(bytes.array::<16>()?).to_string()),
        _ => None,
    };
    let user_agent = has(USER_AGENT).then(|| text(bytes, None)).transpose()?;
    let device_id = match (first >> DEVICE) & FORM {
        AS_TEXT => Some(text(bytes, None)?),
        AS_UUID => Some(bytes.uuid(|text| Ok(text.to_owned()))?),
        0 => None,
        _ => return Err(Fault("its browser's name has an unknown form")),
    };
    let custom = has(CUSTOM).then(|| text(bytes, None)).transpose()?;
    let created_at = UnixMillis(bytes.number()?);
    let state_updated_at = bytes.time(created_at)?;
    let decided_by = has(DECIDED).then(|| bytes.authenticator()).transpose()?;
    let mut action = Action {
        account: owner.clone(),
        key: ActionKey { code, idempotency_key },
        state,
        context: ActionContext {
            ip_address: line(address.as_deref()),
            user_agent: line(user_agent.as_deref()),
            device_id: line(device_id.as_deref()),
            custom: custom.map(Into::into),
        },
        created_at,
        state_updated_at,
        decided_by,
        approved: None,
        revision: 0,
    };
    if has(APPROVED) {
        let reference = Reference::of(&action);
        let known = Known { reference: &reference, near: action.created_at };
        action.approved = Some(DisplayText::restore(&text(bytes, Some(&known))?));
    }
    action.revision = bytes.number()?;
    let (decided_there, approved_there) = (has(DECIDED_THERE), has(APPROVED_THERE));
    Ok(Packed { action, decided_there, approved_there })
}

/// An address in its shortest form.
enum Address<'a> {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    Text(&'a str),
}

impl<'a> Address<'a> {
    fn of(text: &'a str) -> Self {
        let v4 = text.parse().ok().filter(|address: &Ipv4Addr| address.to_string() == text);
        let v6 = || text.parse().ok().filter(|address: &Ipv6Addr| address.to_string() == text);
        match v4 {
            Some(address) => Self::V4(address),
            None => v6().map_or(Self::Text(text), Self::V6),
        }
    }

    const fn form(&self) -> u8 {
        match self {
            Self::V4(_) => AS_IPV4,
            Self::V6(_) => AS_IPV6,
            Self::Text(_) => AS_TEXT,
        }
    }
}
