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

/// The bytes of format 1, which later servers must read.
#[test]
fn the_bytes_of_format_1_are_pinned() {
    let case = approved();
    let together = "\
         1146a567f81f6c82a562cb804d109632be89c8513ebfc63364079b9caf3331b31fc4eab05d357047c6b2\
         f3dbb48489924dcd313235d830d0da426f62ef1fc0d99baea234ec8b013dc8731e06129d01511d1c53bc\
         589e61807b8db3f8e040c1e7da3fc471c93b70e87c75bbc75307514a31a974150cfdf93c68f80ac0cf24\
         018e0101f48001258cdd4ada32ed9c9ff54e63756ae582fb8fab2ac721f2c8e676a72768513d939f63dd\
         db55609133f29adf86ec9929dccb52c1c5fd2ff7e21bd15325a4b4b32ccd23d24f714274e744343237b9\
         3290f511f6425f98e64459ff203e8985083ffd80838c9a02001f2a9bc01f";
    assert_eq!(hex(&case.to_parts()), together);
    assert_eq!(Case::from_parts(&owner(), &unhex(together)).as_ref(), Ok(&case));
    let action = "\
         115da51ff81f6c82a562cb804d109632be89c8513ebfc63364079b9caf3331b31fc4eab05d357047c6b2\
         f3dbb48489924dcd313235d830d0da426f62ef1fc0d99baea234ec8b0175bbc75307514a31a974150cfd\
         f93c6880838c9a02021f3d42079035";
    assert_eq!(hex(&action_part(&case.action)), action);
    assert_eq!(read(&owner(), &unhex(action)), Ok((Some(case.action), Vec::new())));
    let challenge = "\
         12a601001cf81f016c82a562cb804d109632be89c8513ebf1c53bc589e61807b8db3f8e040c1e7da3fc4\
         71c93b70e87c75bbc75307514a31a974150cfdf93c68f8bdb7dcc468c0cf24018e0101cd23d24f714274\
         e744343237b93290f511f6425f98e64459ff203e8985083ffd80838c9a883139382e35312e31d82e37e8\
         6973737565644174ec313739353933303132348a73686f70e8757365724167656e74e99b9caf3331b3ef\
         1f296d1ac1";
    assert_eq!(hex(&challenge_part(&open(), None)), challenge);
    assert_eq!(challenge_from(&owner(), None, &unhex(challenge)), Ok(open()));
}
