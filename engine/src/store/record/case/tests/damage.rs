//! Damaged parts, parts of another owner or action, and parts of another time.

use countersign_core::id::UserId;

use super::*;

fn unreadable_as(reason: &str) -> Result<(Option<Action>, Vec<Challenge>), StoreError> {
    Err(StoreError::Unreadable(format!("case: {reason}")))
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let case = approved();
    let second = Challenge { id: ChallengeId::from_entropy(&noise(9)), ..open() };
    let whole = [case.to_parts(), challenge_part(&second, None)].concat();
    assert!(read(&owner(), &whole).is_ok());
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let found = read(&owner(), &damaged);
        assert!(matches!(found, Err(StoreError::Unreadable(_))), "{bit}: {found:?}");
    }
    for part in [action_part(&case.action), challenge_part(&open(), None), case.to_parts()] {
        for length in 1..part.len() {
            let found = read(&owner(), &part[..length]);
            assert!(matches!(found, Err(StoreError::Unreadable(_))), "{length}");
        }
    }
    assert_eq!(read(&owner(), &[]), Ok((None, Vec::new())));
}

#[test]
fn parts_of_another_owner_are_not_read() {
    let case = approved();
    let mut others = [owner(), owner()];
    others[0].user = UserId::parse("ann-8").unwrap();
    others[1].tenant = TenantId::parse("shop2").unwrap();
    for other in others {
        let wrong = unreadable_as("its checksum is wrong");
        assert_eq!(read(&other, &case.to_parts()), wrong);
        for of in [None, Some(&case.action)] {
            assert!(read(&other, &challenge_part(&open(), of)).is_err());
            assert!(challenge_from(&other, of, &challenge_part(&open(), of)).is_err());
        }
    }
}

#[test]
fn a_challenge_is_read_with_the_action_that_it_was_written_with() {
    let case = approved();
    let part = challenge_part(&open(), Some(&case.action));
    assert_eq!(read(&owner(), &part), unreadable_as("its action is missing"));
    let in_any_state = Action { revision: 9, approved: None, ..action() };
    assert_eq!(challenge_from(&owner(), Some(&in_any_state), &part), Ok(open()));
    let mut later = action();
    later.created_at = later.created_at.plus_ms(1);
    let mut otherwise = action();
    otherwise.context.custom = Some("{}".into());
    let mut elsewhere = action();
    elsewhere.context.ip_address = line("198.51.100.8");
    for other in [later, otherwise, elsewhere] {
        let wrong = StoreError::Unreadable("case: its checksum is wrong".to_owned());
        assert_eq!(challenge_from(&owner(), Some(&other), &part), Err(wrong));
        let both = [action_part(&action()), action_part(&other)].concat();
        assert_eq!(read(&owner(), &both), unreadable_as("a part of it is of another action"));
    }
}

#[test]
fn challenges_of_two_actions_are_no_case() {
    let mut other = open();
    other.action.idempotency_key = IdempotencyKey::parse("k1").unwrap();
    for parts in [
        [action_part(&action()), challenge_part(&other, None)],
        [challenge_part(&open(), None), challenge_part(&other, None)],
    ] {
        let foreign = unreadable_as("a part of it is of another action");
        assert_eq!(read(&owner(), &parts.concat()), foreign);
    }
}

#[test]
fn a_later_part_replaces_an_earlier_one_at_its_place() {
    let Case { action, challenges } = approved();
    let second = Challenge { id: ChallengeId::from_entropy(&noise(9)), ..open() };
    let parts = [
        challenge_part(&open(), Some(&action)),
        action_part(&super::action()),
        challenge_part(&second, None),
        parts(Some(&action), &challenges),
    ];
    let expected = Case { action, challenges: vec![challenges[0].clone(), second] };
    assert_eq!(Case::from_parts(&owner(), &parts.concat()), Ok(expected));
}

#[test]
fn the_decision_of_a_missing_challenge_is_missed() {
    let case = approved();
    let together = case.to_parts();
    let (_, challenge) = Part::first(&together).unwrap();
    let action = &together[..together.len() - challenge.len()];
    let missing = "the challenge that decided it is missing";
    assert_eq!(read(&owner(), action), unreadable_as(missing));
    let alone = action_part(&case.action);
    assert_eq!(read(&owner(), &alone), Ok((Some(case.action), Vec::new())));
}

#[test]
fn an_unknown_format_or_kind_is_refused() {
    for tag in [0, ACTION + 2, ACTION | 0x20, CHALLENGE | 0x20, 0xff] {
        let mut part = action_part(&action());
        part[0] = tag;
        assert_eq!(read(&owner(), &part), unreadable_as("its format or kind is unknown"));
    }
    let challenges = [challenge_part(&open(), None), challenge_part(&open(), None)].concat();
    for other in [challenges, action_part(&action())] {
        assert!(challenge_from(&owner(), None, &other).is_err(), "it is not one challenge");
    }
}

#[test]
fn a_part_with_one_more_field_is_read() {
    let case = approved();
    for part in [action_part(&case.action), challenge_part(&open(), None)] {
        let (first, _) = Part::first(&part).unwrap();
        let longer = [first.body, &[7, 7, 7]].concat();
        let longer = properties::sealed(first.tag, owner_checksum(&owner()), &longer);
        assert_eq!(read(&owner(), &longer), read(&owner(), &part));
        let shorter = &first.body[..first.body.len() - 1];
        let shorter = properties::sealed(first.tag, owner_checksum(&owner()), shorter);
        assert_eq!(read(&owner(), &shorter), unreadable_as("it ends early"));
    }
}

/// A length in the bytes does not decide how much memory is taken.
#[test]
fn a_length_beyond_the_bytes_takes_no_memory() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let part = [&[ACTION][..], &huge].concat();
    assert_eq!(read(&owner(), &part), unreadable_as("it ends early"));
    let body = [&[0, 0xf0, b'c', 0x1f, 0, b'k', 0x1f][..], &[0; 24], &huge].concat();
    let part = properties::sealed(CHALLENGE, owner_checksum(&owner()), &body);
    assert_eq!(read(&owner(), &part), unreadable_as("it ends early"));
    let part = [&[ACTION][..], &huge[..9], &[0x02]].concat();
    assert_eq!(read(&owner(), &part), unreadable_as("a number in it is too large"));
}
