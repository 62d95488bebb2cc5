//! Tests of streams: a whole stream is read as it was written, and any damage is detected.

use countersign_core::account::{AccountRecord, Profile};
use countersign_core::fatigue::Counters;
use countersign_core::id::{TenantId, UserId};
use countersign_core::time::UnixMillis;

use super::*;

fn records() -> Vec<Record> {
    let tenant = TenantId::parse("demo").unwrap();
    let key = AccountKey { tenant: tenant.clone(), user: UserId::parse("ann").unwrap() };
    let (profile, counters) = (Profile::default(), Counters::default());
    let (created_at, tickets) = (UnixMillis(1), Vec::new());
    let account = AccountRecord { created_at, profile, counters, tickets };
    vec![
        Record::Secret(tenant, [7; 32]),
        Record::Account(key, account),
        Record::LatestTime(UnixMillis(9)),
    ]
}

fn written() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    records().iter().for_each(|record| writer.write(record).unwrap());
    let (bytes, count) = writer.finish().unwrap();
    assert_eq!(count, 3);
    bytes
}

fn read(bytes: &[u8]) -> Result<Vec<Record>, StreamError> {
    let mut reader = Reader::new(bytes)?;
    let mut all = Vec::new();
    while let Some(record) = reader.read()? {
        all.push(record);
    }
    Ok(all)
}

#[test]
fn a_stream_comes_back_as_it_was_written() {
    assert_eq!(read(&written()).unwrap(), records());
}

#[test]
fn a_stream_that_was_cut_anywhere_is_refused() {
    let bytes = written();
    for length in 0..bytes.len() {
        let refused = read(&bytes[..length]).unwrap_err();
        let is_cut = matches!(refused, StreamError::Cut(_) | StreamError::NotAStream);
        assert!(is_cut, "{length}: {refused}");
    }
}

#[test]
fn a_stream_with_any_other_bit_is_refused() {
    let bytes = written();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&damaged).is_err(), "{bit}");
    }
}

#[test]
fn a_stream_from_which_a_record_was_taken_is_refused() {
    let bytes = written();
    let first = MAGIC.len();
    let length = u32::from_be_bytes(bytes[first..first + 4].try_into().unwrap()) as usize;
    let without = [&bytes[..first], &bytes[first + 4 + length..]].concat();
    assert!(matches!(read(&without), Err(StreamError::Damaged(2))));
}

#[test]
fn a_record_of_a_kind_that_is_not_known_is_refused_by_its_number() {
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.write(&records()[2]).unwrap();
    let (mut bytes, _) = writer.finish().unwrap();
    // A frame is its format, the header of an array of four, the kind, three more fields and the
    // checksum.
    let (from, to) = (MAGIC.len() + 4, bytes.len() - 16);
    bytes[from + 2] = 77;
    let sum = crc32c::crc32c(&bytes[from..to - 4]).to_be_bytes();
    bytes[to - 4..to].copy_from_slice(&sum);
    let refused = read(&bytes).unwrap_err().to_string();
    assert!(
        refused.contains("record 1") && refused.contains("its kind 77 is unknown"),
        "{refused}"
    );
}
