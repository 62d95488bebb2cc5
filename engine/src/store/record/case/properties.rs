//! Properties of parts and texts of any bytes.

use countersign_core::action::{Action, ActionContext, ActionState};
use countersign_core::id::{AccountKey, ActionCode, ActionKey, IdempotencyKey, TenantId, UserId};
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;

use super::cursor::{Cursor, put_number};
use super::reference::{Known, Reference, owner_checksum};
use super::squeeze::{put_text, text};
use super::{ACTION, CHALLENGE, Part, parts, read};

/// Checks the properties with these bytes as parts, and as the bodies of an action and of a
/// challenge with valid checksums. The first byte is the length of the action's body. Parts that
/// can be read must be encoded and decoded again without a change.
pub fn case(bytes: &[u8]) {
    let owner = owner();
    written_again(&owner, bytes);
    let Some((length, bodies)) = bytes.split_first() else { return };
    let Some((action, challenge)) = bodies.split_at_checked(usize::from(*length)) else { return };
    let seed = owner_checksum(&owner);
    written_again(&owner, &sealed(CHALLENGE, seed, challenge));
    let action = sealed(ACTION, seed, action);
    let Ok(packed) = Part::only(&action).and_then(|part| part.action(&owner)) else { return };
    let seed = Reference::of(packed.undecided()).checksum;
    written_again(&owner, &[action.clone(), sealed(CHALLENGE, seed, challenge)].concat());
    written_again(&owner, &action);
}

/// Checks that every text comes back, with an action that says a part of it.
pub fn packed_text(bytes: &[u8]) {
    let all = String::from_utf8_lossy(bytes);
    let middle = (0..=all.len() / 2).rev().find(|at| all.is_char_boundary(*at)).unwrap_or_default();
    let (said, rest) = all.split_at(middle);
    let action = Action {
        context: ActionContext {
            ip_address: Some(Line::cleaned(said, 16)),
            user_agent: Some(Line::cleaned(rest, 64)),
            device_id: None,
            custom: Some(said.into()),
        },
        ..bare()
    };
    let reference = Reference::of(&action);
    let known = Known { reference: &reference, near: UnixMillis(1_795_930_123_456) };
    let mut ending = b"{".to_vec();
    known.put_ending(middle as u64, &mut ending);
    let ending = String::from_utf8(ending).expect("it is made of texts");
    for expected in [said, rest, &all, &ending, &format!("{rest}{said}{ending}{said}{ending}")] {
        comes_back(expected, None);
        comes_back(expected, Some(&known));
    }
    // No bytes panic.
    let _ = text(&mut Cursor::new(bytes), Some(&known));
}

fn comes_back(expected: &str, known: Option<&Known<'_>>) {
    let mut bytes = Vec::new();
    put_text(&mut bytes, expected, known);
    // A run of other bytes has at least one, with a code and a length before it.
    assert!(bytes.len() <= 3 * expected.len() + 1, "{} bytes", bytes.len());
    bytes.push(0);
    let mut cursor = Cursor::new(&bytes);
    assert_eq!(text(&mut cursor, known).as_deref(), Ok(expected));
    assert_eq!(cursor.rest(), [0], "the text's own bytes are read");
}

fn written_again(owner: &AccountKey, bytes: &[u8]) {
    let Ok((action, challenges)) = read(owner, bytes) else { return };
    let written = parts(action.as_ref(), &challenges);
    let again = read(owner, &written);
    assert_eq!(again.as_ref(), Ok(&(action, challenges)));
    let again = again.map(|(action, challenges)| parts(action.as_ref(), &challenges));
    assert_eq!(again, Ok(written));
}

/// Makes a part of a body, with a valid checksum.
pub(super) fn sealed(tag: u8, seed: u32, body: &[u8]) -> Vec<u8> {
    let mut part = vec![tag];
    put_number(&mut part, body.len() as u64);
    part.extend(body);
    let checksum = crc32c::crc32c_append(seed, &part);
    part.extend(checksum.to_be_bytes());
    part
}

fn owner() -> AccountKey {
    let (tenant, user) = (TenantId::parse("shop"), UserId::parse("ann-7"));
    AccountKey { tenant: tenant.expect("a tenant's id"), user: user.expect("a user's id") }
}

fn bare() -> Action {
    let (code, key) = (ActionCode::parse("signIn"), IdempotencyKey::parse("k1"));
    Action {
        account: owner(),
        key: ActionKey { code: code.expect("a code"), idempotency_key: key.expect("a key") },
        state: ActionState::Allow,
        context: ActionContext::default(),
        created_at: UnixMillis(0),
        state_updated_at: UnixMillis(0),
        decided_by: None,
        approved: None,
        revision: 0,
    }
}
