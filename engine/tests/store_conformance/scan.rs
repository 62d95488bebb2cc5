//! Tests of scans, which read every record of a store page by page.

use std::sync::Arc;

use countersign_core::challenge::Challenge;
use countersign_core::change::Write;
use countersign_core::id::ChallengeId;
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::Record;
use countersign_engine::store::transfer;
use countersign_testkit::layouts;
use countersign_testkit::records::*;

pub(crate) async fn every_record_is_in_some_page_of_a_scan(store: impl Store) {
    let mut expected = Vec::new();
    let secret = store.token_secret(&tenant(), [3; 32]).await.unwrap();
    expected.push(Record::Secret(tenant(), secret));
    for n in 0..150 {
        let who = user(&format!("user-{n:03}"));
        let at = u64::from(n);
        let open = Challenge { id: numbered(n), ..challenge(&who, 1, at) };
        let closed = Challenge { id: numbered(1_000 + n), ..ended(&open, Outcome::Denied, at + 1) };
        let (phone, sign_in) = (device(&who, 1), action(&who, "one", at));
        let writes = [
            Write::Account(record()),
            Write::Device(phone.clone().into()),
            Write::Action(sign_in.clone().into()),
            Write::Challenge(open.clone().into()),
            Write::Challenge(closed.clone().into()),
        ];
        recorded(&store, &who, 0, writes).await;
        expected.extend([
            Record::Account(who, record()),
            Record::Device(phone),
            Record::Action(sign_in),
            Record::Challenge(open),
            Record::Challenge(closed),
        ]);
    }
    store.observe(UnixMillis(9_000)).await.unwrap();
    expected.push(Record::LatestTime(UnixMillis(9_000)));
    let found = all(&store).await;
    let is_first = |r: &Record| matches!(r, Record::Secret(..) | Record::Account(..));
    let others = found.iter().skip_while(|record| is_first(record));
    assert!(!others.clone().any(is_first), "secrets and accounts come first");
    let text = |record: &Record| format!("{record:?}");
    let mut found: Vec<_> = found.iter().map(text).collect();
    let mut expected: Vec<_> = expected.iter().map(text).collect();
    found.sort();
    // A scan may return a record twice.
    found.dedup();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(store.verify().await, Ok(()));
}

pub(crate) async fn an_export_of_an_older_program_is_imported(store: impl Store) {
    let store = Arc::new(store);
    let imported = transfer::import(Arc::clone(&store) as Arc<dyn Store>, layouts::EXPORT, |_| {});
    assert_eq!(imported.await.unwrap(), 64);
    layouts::assert_same(all(&*store).await, layouts::records());
}

async fn all(store: &impl Store) -> Vec<Record> {
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let page = store.scan(from).await.unwrap();
        found.extend(page.records.into_iter().map(Result::unwrap));
        from = page.next;
        if from.is_none() {
            return found;
        }
    }
}

fn numbered(n: u16) -> ChallengeId {
    let mut bytes = [0; 24];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    ChallengeId::from_entropy(&bytes)
}
