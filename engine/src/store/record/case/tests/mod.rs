//! Tests of cases: sizes, pinned bytes, damage, and round trips of any content.

mod any;
mod damage;
mod samples;
mod texts;

use countersign_core::action::ActionState;
use countersign_core::challenge::Ended;
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;

use self::samples::*;
use super::*;
use crate::store::record::Stored as _;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn rows_bytes(case: &Case) -> usize {
    case.action.to_row().len() + case.challenges.iter().map(|c| c.to_row().len()).sum::<usize>()
}

#[test]
fn a_finished_sign_in_is_small() {
    let case = approved();
    let together = case.to_parts();
    assert_eq!(Case::from_parts(&owner(), &together).as_ref(), Ok(&case));
    let apart =
        [action_part(&case.action), challenge_part(&case.challenges[0], Some(&case.action))];
    let bytes = (together.len(), apart[0].len(), apart[1].len(), rows_bytes(&case));
    assert_eq!(bytes, (240, 99, 164, 1_141));
}
