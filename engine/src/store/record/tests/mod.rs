//! Tests of rows. They pin the bytes of every kind, so that an unintended change of a format fails.

pub(super) mod samples;

use std::fmt::Debug;

use countersign_core::account::Profile;
use countersign_core::action::ActionState;
use countersign_core::challenge::Ended;
use countersign_core::device::{Platform, Signing};
use countersign_core::fatigue::Counters;
use countersign_core::outcome::Outcome;
use countersign_core::signature::{Algorithm, PublicKey, SignatureFormat};
use countersign_core::time::UnixMillis;
use proptest::prelude::*;

use self::samples::*;
use super::properties::sealed;
use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[track_caller]
fn pinned<T: Stored + PartialEq + Debug>(record: &T, expected: &str) {
    assert_eq!(hex(&record.to_row()), expected);
    assert_eq!(T::from_row(&unhex(expected)).as_ref(), Ok(record));
}

#[test]
fn the_bytes_of_an_account_are_pinned() {
    pinned(
        &account(),
        "019acd03e8af616e6e406578616d706c652e636f6dc3a42b343931c2a3616e6ea3416e6ea26465a27b7d\
        9692cd03e8cd07d001cd0bb8cd0fa002cd1388e715740b",
    );
}

#[test]
fn an_account_that_was_recorded_before_there_were_counters_begins_to_count() {
    let before = "0199cd03e8af616e6e406578616d706c652e636f6dc3a42b343931c2a3616e6ea3416e6ea26465\
        a27b7d3fbfaa70";
    let counters = Counters::default();
    let expected = AccountRecord { counters, ..account() };
    assert_eq!(AccountRecord::from_row(&unhex(before)), Ok(expected));
}

#[test]
fn the_bytes_of_an_account_with_a_ticket_are_pinned() {
    pinned(
        &AccountRecord { tickets: vec![ticket()], ..account() },
        "019bcd03e8af616e6e406578616d706c652e636f6dc3a42b343931c2a3616e6ea3416e6ea26465a27b7d\
        9692cd03e8cd07d001cd0bb8cd0fa002cd13889199c42003030303030303030303030303030303030303\
        03030303030303030303030303a67369676e496ea26b31cd03e8c3c3ce00092ba8d92430313031303130\
        312d303130312d343130312d383130312d303130313031303130313031920703c911a2ec",
    );
}

#[test]
fn the_bytes_of_an_action_are_pinned() {
    pinned(
        &action(),
        "019ea464656d6fa3616e6ea67369676e496ea26b3105ab3230332e302e3131332e37a742726f77736572\
        c0a27b7dcd03e8cd07d0d92430313031303130312d303130312d343130312d383130312d303130313031\
        303130313031a27b7d03d3224017",
    );
}

#[test]
fn an_action_of_before_there_were_approved_texts_is_read_without_one() {
    let before = "019ca464656d6fa3616e6ea67369676e496ea26b3105ab3230332e302e3131332e37a742726f7773\
        6572c0a27b7dcd03e8cd07d0d92430313031303130312d303130312d343130312d383130312d30313031\
        3031303130313031622d83f6";
    let expected = Action { approved: None, revision: 0, ..action() };
    assert_eq!(Action::from_row(&unhex(before)), Ok(expected));
}

#[test]
fn the_bytes_of_a_challenge_are_pinned() {
    pinned(
        &challenge(),
        "029dd9204167494341674943416749434167494341674943416749434167494341674943a464656d6fa3\
        616e6ea67369676e496ea26b3191d92430313031303130312d303130312d343130312d383130312d3031\
        30313031303130313031cd03e8ce000497c8c39401cd07d0d92430313031303130312d303130312d3431\
        30312d383130312d303130313031303130313031c404a5a5a5a592a33034320192c42007070707070707\
        07070707070707070707070707070707070707070707070707a27b7d0250a703e6",
    );
}

#[test]
fn the_bytes_of_a_device_are_pinned() {
    pinned(
        &device(),
        "029ed92430313031303130312d303130312d343130312d383130312d303130313031303130313031a464\
         656d6fa3616e6ea765643235353139c42c302a300506032b6570032100ea4a6c63e29c520abef5507b13\
         2ec5f9954776aebebe7b92421eea691446d22ca570686f6e6503a5746f6b656ecd03e8cd07d0cd0bb8a3\
         72617702c3d4cbdae2",
    );
    let token = Device::from_row(&device().to_row()).unwrap().push_token.unwrap();
    assert_eq!(token.reveal(), "token");
}

/// Rows as servers wrote them before signed statements existed (format 1).
const CHALLENGE_1: &str = "\
     019bd9204167494341674943416749434167494341674943416749434167494341674943a464656d6fa3\
     616e6ea67369676e496ea26b3191d92430313031303130312d303130312d343130312d383130312d3031\
     30313031303130313031cd03e8ce000497c8c39401cd07d0d92430313031303130312d303130312d3431\
     30312d383130312d303130313031303130313031c404a5a5a5a592a330343201ee7f3170";
const DEVICE_1: &str = "\
     019bd92430313031303130312d303130312d343130312d383130312d303130313031303130313031a464\
     656d6fa3616e6ea765643235353139c42c302a300506032b6570032100ea4a6c63e29c520abef5507b13\
     2ec5f9954776aebebe7b92421eea691446d22ca570686f6e6503a5746f6b656ecd03e8cd07d0cd0bb848\
     71f503";

#[test]
fn a_challenge_of_before_there_were_statements_is_read_without_what_they_are_over() {
    let expected = Challenge { shown: None, notifications: 0, ..challenge() };
    assert_eq!(Challenge::from_row(&unhex(CHALLENGE_1)), Ok(expected));
}

#[test]
fn a_device_of_before_there_were_statements_signs_challenge_ids() {
    let device = Device::from_row(&unhex(DEVICE_1)).unwrap();
    assert_eq!(device, Device { signing: Signing::ChallengeId, confirmed: true, ..self::device() });
    assert_eq!(device.key.format(), SignatureFormat::Raw);
    // A device that has signed nothing since its enrollment is not confirmed.
    let unused = unhex(DEVICE_1);
    let last_verified = unused.len() - CHECKSUM_BYTES - 3;
    let unused = [&unused[1..last_verified], &[0xcd, 0x07, 0xd0]].concat();
    assert!(!Device::from_row(&sealed(1, &unused)).unwrap().confirmed);
}

#[test]
fn a_device_keeps_what_it_signs_and_in_which_format() {
    let spki = "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a4\
                40f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315e\
                cecbb6406837bf51f5";
    for format in [SignatureFormat::Der, SignatureFormat::P1363] {
        let key = PublicKey::with_format(Algorithm::Es256, format, &unhex(spki)).unwrap();
        for signing in [Signing::ChallengeId, Signing::StatementV1] {
            let device = Device { key: key.clone(), signing, ..device() };
            let read = Device::from_row(&device.to_row()).unwrap();
            assert_eq!((read.key.format(), read.signing), (format, signing));
        }
    }
}

#[test]
fn the_bytes_of_an_event_are_pinned() {
    pinned(
        &event(),
        "019bd92430313031303130312d303130312d383130312d383130312d30313031303130313031303101a4\
        64656d6fa3616e6ed9204167494341674943416749434167494341674943416749434167494341674943\
        a67369676e496ea26b31d92430313031303130312d303130312d343130312d383130312d303130313031\
        303130313031cd03e801cd7918ab0e103f",
    );
}

#[test]
fn an_event_with_the_state_of_its_endpoint_is_read() {
    let row = event().to_row();
    let (head, fields) = (row[1], &row[2..row.len() - CHECKSUM_BYTES]);
    // A nested value of a later server: a list with a number and a text.
    let state = [0x92, 0x07, 0xa1, b'x'];
    let with = |more: u8, fields: &[u8]| sealed(1, &[&[head + more][..], fields].concat());
    let longer = with(1, &[fields, &state].concat());
    assert_eq!(Event::from_row(&longer), Ok(event()));
    let beyond = with(2, &[fields, &state, &state].concat());
    assert!(Event::from_row(&beyond).is_err(), "there is one such place");
}

#[test]
fn the_bytes_of_a_secret_are_pinned() {
    pinned(
        &[9; 32],
        "01c420090909090909090909090909090909090909090909090909090909090909090912049a6a",
    );
}

#[test]
fn every_number_of_a_variant_is_pinned() {
    use ActionState as S;
    use Outcome as O;
    let states = [
        S::Allow,
        S::Block,
        S::ChallengeFailed,
        S::ChallengeRequired,
        S::ChallengeSucceeded,
        S::ReviewFailed,
        S::ReviewRequired,
        S::ReviewSucceeded,
    ];
    for (number, state) in (1..).zip(states) {
        let row = Action { state, ..action() }.to_row();
        assert_eq!(Action::from_row(&row).unwrap().state, state);
        // Before the state are: the format, the array header, "demo", "ann", "signIn" and "k1".
        assert_eq!(row[1 + 1 + 5 + 4 + 7 + 3], number, "{state:?}");
    }
    let outcomes = [
        O::Approved,
        O::Cancelled,
        O::Denied,
        O::Expired,
        O::Failed,
        O::Reported,
        O::Revoked,
        O::Superseded,
    ];
    for (number, outcome) in (1..).zip(outcomes) {
        let ended = Some(Ended::without_device(outcome, UnixMillis(0)));
        let row = Challenge { ended, number: None, shown: None, ..challenge() }.to_row();
        assert_eq!(Challenge::from_row(&row).unwrap().ended.unwrap().outcome, outcome);
        // After the outcome are: the time, no device, no signature, no number, nothing shown, the
        // notifications and the checksum.
        assert_eq!(row[row.len() - 4 - 7], number, "{outcome:?}");
    }
    for (number, platform) in (1..).zip([Platform::Ios, Platform::Android, Platform::Web]) {
        let row = Device { platform: Some(platform), push_token: None, ..device() }.to_row();
        assert_eq!(Device::from_row(&row).unwrap().platform, Some(platform));
        // After the platform are: no token, three times of three bytes each, `raw`, two more fields
        // and the checksum.
        assert_eq!(row[row.len() - 4 - 2 - 4 - 9 - 1 - 1], number, "{platform:?}");
    }
}

#[test]
fn a_record_of_absent_attributes_comes_back() {
    let counters = Counters::default();
    let bare = AccountRecord { profile: Profile::default(), counters, ..account() };
    assert_eq!(AccountRecord::from_row(&bare.to_row()), Ok(bare));
    let open = Challenge { ended: None, targets: vec![], number: None, ..challenge() };
    assert_eq!(Challenge::from_row(&open.to_row()), Ok(open));
    let bare = Device { name: None, platform: None, push_token: None, ..device() };
    assert_eq!(Device::from_row(&bare.to_row()), Ok(bare));
}

#[test]
fn any_changed_bit_and_any_cut_is_noticed() {
    let row = challenge().to_row();
    for bit in 0..row.len() * 8 {
        let mut damaged = row.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let message = "challenge: its checksum is wrong".to_owned();
        assert_eq!(Challenge::from_row(&damaged), Err(StoreError::Unreadable(message)), "{bit}");
    }
    for length in 0..row.len() {
        assert!(Challenge::from_row(&row[..length]).is_err(), "{length}");
    }
}

/// Checks a property for each input of a target, whole, cut and changed. Returns their number.
fn replay(target: &str, property: fn(&[u8])) -> usize {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus is committed") {
        let body = std::fs::read(entry.unwrap().path()).unwrap();
        property(&body);
        for at in 0..body.len() {
            property(&body[..at]);
            for other in [0, 0x80, 0xa0, 0xc0, 0xc4, 0xcf, 0xdd, 0xff] {
                let mut changed = body.clone();
                changed[at] = other;
                property(&changed);
            }
        }
        inputs += 1;
    }
    inputs
}

#[test]
fn the_corpus_keeps_its_properties_whole_cut_and_changed() {
    assert!(replay("row", properties::row) >= 20);
    assert!(replay("case", properties::case) >= 6);
    assert!(replay("case", properties::packed_text) >= 6);
}

#[test]
fn an_unknown_format_is_refused_by_its_number() {
    let row = challenge().to_row();
    let newer = sealed(9, &row[1..row.len() - CHECKSUM_BYTES]);
    let message = "challenge: its format 9 is unknown, 1 to 2 are known".to_owned();
    assert_eq!(Challenge::from_row(&newer), Err(StoreError::Unreadable(message)));
}

#[test]
fn a_row_of_another_kind_is_refused() {
    assert!(Challenge::from_row(&action().to_row()).is_err());
    assert!(Device::from_row(&account().to_row()).is_err());
    assert!(<[u8; 32]>::from_row(&sealed(1, &[0xc4, 1, 7])).is_err());
}

proptest! {
    #[test]
    fn no_intact_row_of_any_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        properties::row(&body);
    }
}
