//! Tests of cases: sizes, pinned bytes, damage, and round trips of any content.

mod any;
mod damage;
mod samples;
mod texts;

use countersign_core::action::{ActionContext, ActionState};
use countersign_core::challenge::Ended;
use countersign_core::display::DisplayText;
use countersign_core::id::{AuthenticatorId, ChallengeId, IdempotencyKey, TenantId};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::{AskedNumber, Number};
use countersign_core::outcome::Outcome;
use countersign_core::text::Line;
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

#[track_caller]
fn pinned(parts: &[u8], expected: &str) {
    assert_eq!(hex(parts), expected);
}

#[test]
fn the_bytes_of_format_1_are_pinned() {
    let case = approved();
    pinned(&case.to_parts(), "");
}

#[test]
fn the_bytes_of_parts_on_their_own_are_pinned() {
    pinned(&action_part(&approved().action), "");
    pinned(&challenge_part(&open(), None), "");
}

#[test]
fn zz_measure() {
    let n: u32 = std::env::var("N").map_or(0, |n| n.parse().unwrap());
    let what = std::env::var("WHAT").unwrap_or_default();
    let case = approved();
    let parts = case.to_parts();
    let apart = [
        action_part(&case.action),
        challenge_part(&open(), None),
        challenge_part(&open(), Some(&case.action)),
    ];
    for _ in 0..n {
        match what.as_str() {
            "enc" => {
                std::hint::black_box(case.to_parts());
            }
            "dec" => {
                std::hint::black_box(Case::from_parts(&owner(), &parts).unwrap());
            }
            "row" => {
                std::hint::black_box((case.action.to_row(), case.challenges[0].to_row()));
            }
            "act" => {
                std::hint::black_box(action_part(&case.action));
            }
            "none" => {
                std::hint::black_box(challenge_part(&open(), None));
            }
            _ => {}
        }
    }
    if n == 0 {
        let dir = "/tmp/casecorpus";
        std::fs::create_dir_all(dir).unwrap();
        let body = |part: &[u8]| Part::first(part).unwrap().0.body.to_vec();
        let (_, rest) = Part::first(&parts).unwrap();
        let write = |name: &str, a: &[u8], c: &[u8]| {
            std::fs::write(format!("{dir}/{name}"), [&[a.len() as u8][..], a, c].concat()).unwrap();
        };
        write("approved", &body(&parts), &body(rest));
        write("open", &body(&action_part(&action())), &body(&apart[2]));
        write("open-alone", &[], &body(&apart[1]));
        write("action-alone", &body(&apart[0]), &[]);
    }
}
