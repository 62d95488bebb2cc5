//! Tests of damaged files: if a file was cut or a bit has flipped, the damage is detected or
//! harmless, and never causes a wrong answer.

use std::path::{Path, PathBuf};

use countersign_core::challenge::Challenge;
use countersign_core::change::Write;
use countersign_core::device::Device;
use countersign_core::id::AccountKey;
use countersign_core::outcome::Outcome;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::StoreError;
use countersign_engine::store::SqliteStore;
use countersign_testkit::records::*;

/// Number of users, each recorded by one commit.
const USERS: u8 = 12;
/// Suffixes of the database, its log, the index of the log, and the lock file.
const SUFFIXES: [&str; 4] = ["", "-wal", "-shm", ".lock"];

/// Returns the distance between two damaged places: `step`, or 1 if `COUNTERSIGN_EVERY_BYTE` is
/// set.
fn sampled(step: usize) -> usize {
    if std::env::var_os("COUNTERSIGN_EVERY_BYTE").is_some() { 1 } else { step }
}

fn file(folder: &Path, suffix: &str) -> PathBuf {
    folder.join(format!("store.db{suffix}"))
}

fn who(n: u8) -> AccountKey {
    user(&format!("user-{n}"))
}

fn decided(n: u8) -> Challenge {
    ended(&challenge(&who(n), n, u64::from(n)), Outcome::Approved, 100)
}

fn phone(n: u8) -> Device {
    device(&who(n), n)
}

/// Copies the files of an open store into a folder. They are in the state that a killed server
/// leaves.
async fn killed(folder: &Path) {
    let at_work = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&file(at_work.path(), "")).unwrap();
    for n in 0..USERS {
        let writes = [
            Write::Account(record()),
            Write::Device(phone(n).into()),
            Write::Action(action(&who(n), "one", u64::from(n)).into()),
            Write::Challenge(decided(n).into()),
        ];
        recorded(&store, &who(n), 0, writes).await;
    }
    for suffix in SUFFIXES {
        std::fs::copy(file(at_work.path(), suffix), file(folder, suffix)).unwrap();
    }
}

fn copy(from: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for suffix in SUFFIXES {
        std::fs::copy(file(from, suffix), file(folder.path(), suffix)).unwrap();
    }
    folder
}

/// Opens a store on these files, and reads every record. Returns the error of the opening, or the
/// number of reads that failed. A wrong answer fails the test.
async fn said(folder: &Path, damage: &str) -> Result<usize, StoreError> {
    let store = SqliteStore::open(&file(folder, ""))?;
    let mut refused = 0;
    for n in 0..USERS {
        match store.account(&who(n)).await {
            Ok(snapshot) => {
                assert_eq!((snapshot.version.number, &snapshot.open), (1, &vec![]), "{damage}");
                assert_eq!(snapshot.record, Some(record()), "{damage}");
                assert_eq!(snapshot.devices, [phone(n)], "{damage}");
            }
            Err(_) => refused += 1,
        }
        match store.challenge(&who(n), &challenge_id(n)).await {
            Ok(found) => assert_eq!(found, Some(decided(n)), "{damage}"),
            Err(_) => refused += 1,
        }
        match store.action(&who(n), &action_key("signIn", "one")).await {
            Ok(found) => {
                assert_eq!(found, Some(action(&who(n), "one", u64::from(n))), "{damage}");
            }
            Err(_) => refused += 1,
        }
    }
    match store.devices_of_key(&phone(0).credential()).await {
        Ok(found) => assert_eq!(found.len(), usize::from(USERS), "{damage}"),
        Err(_) => refused += 1,
    }
    Ok(refused)
}

#[tokio::test]
async fn a_log_that_was_cut_anywhere_is_refused_with_its_name_and_the_place() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path()).await;
    assert_eq!(said(folder.path(), "none").await, Ok(0));
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path()).await;
    let log = std::fs::read(file(folder.path(), "-wal")).unwrap();
    // Many lengths within the last three frames, and some of the whole log before them.
    let (last, step) = (log.len() - 3 * 4120, sampled(97));
    for length in (last..log.len()).step_by(step).chain((1..last).step_by(41 * step)) {
        let cut = copy(folder.path());
        std::fs::write(file(cut.path(), "-wal"), &log[..length]).unwrap();
        let refused = said(cut.path(), &format!("cut at {length}")).await;
        let Err(StoreError::Unreadable(message)) = refused else {
            panic!("cut at {length}: {refused:?}");
        };
        assert!(message.contains("store.db-wal"), "{message}");
    }
    let gone = copy(folder.path());
    std::fs::remove_file(file(gone.path(), "-wal")).unwrap();
    let refused = said(gone.path(), "no log").await.unwrap_err().to_string();
    assert!(refused.contains("recorded frames are missing"), "{refused}");
}

#[tokio::test]
async fn a_bit_of_the_log_that_flipped_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path()).await;
    let log = std::fs::read(file(folder.path(), "-wal")).unwrap();
    let mut refused = 0;
    for (round, at) in (0..log.len()).step_by(sampled(log.len() / 120)).enumerate() {
        let flipped = copy(folder.path());
        let mut bytes = log.clone();
        bytes[at] ^= 1 << (round % 8);
        std::fs::write(file(flipped.path(), "-wal"), &bytes).unwrap();
        match said(flipped.path(), &format!("bit {} of byte {at}", round % 8)).await {
            Err(error) => {
                assert!(error.to_string().contains("store.db-wal"), "{at}: {error}");
                refused += 1;
            }
            Ok(answers) => assert_eq!(answers, 0, "harmless, or refused at the start: {at}"),
        }
    }
    assert!(refused >= 110, "only {refused}");
}

/// Checks a log without its index, because after a power cut the index cannot be trusted.
#[tokio::test]
async fn a_flip_before_the_last_commit_is_seen_without_the_index_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path()).await;
    for suffix in ["-shm", ".lock"] {
        std::fs::write(file(folder.path(), suffix), "").unwrap();
    }
    let log = std::fs::read(file(folder.path(), "-wal")).unwrap();
    let mut bytes = log.clone();
    bytes[log.len() / 2] ^= 1;
    std::fs::write(file(folder.path(), "-wal"), &bytes).unwrap();
    let refused = said(folder.path(), "a flip").await.unwrap_err().to_string();
    assert!(refused.contains("damaged or cut at byte"), "{refused}");
    // An unfinished commit is not damage. All records before it are there.
    std::fs::write(file(folder.path(), "-wal"), &log).unwrap();
    let torn = [&log[..], &log[log.len() - 4120..log.len() - 100]].concat();
    std::fs::write(file(folder.path(), "-wal"), torn).unwrap();
    assert_eq!(said(folder.path(), "a torn commit").await, Ok(0));
}

#[tokio::test]
async fn a_bit_of_the_database_that_flipped_never_makes_a_wrong_answer() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path()).await;
    SqliteStore::open(&file(folder.path(), "")).unwrap().close().await.unwrap();
    let database = std::fs::read(file(folder.path(), "")).unwrap();
    let mut detected = 0;
    for (round, at) in (0..database.len()).step_by(sampled(database.len() / 300)).enumerate() {
        let flipped = copy(folder.path());
        let mut bytes = database.clone();
        bytes[at] ^= 1 << (round % 8);
        std::fs::write(file(flipped.path(), ""), &bytes).unwrap();
        if said(flipped.path(), &format!("bit {} of byte {at}", round % 8)).await != Ok(0) {
            detected += 1;
        }
    }
    // Most flips hit free space of a page, where they do no harm.
    assert!(detected > 30, "only {detected}");
}

#[tokio::test]
async fn a_database_that_was_cut_never_makes_a_wrong_answer() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path()).await;
    SqliteStore::open(&file(folder.path(), "")).unwrap().close().await.unwrap();
    let database = std::fs::read(file(folder.path(), "")).unwrap();
    let (mut detected, mut cuts) = (0, 0);
    for length in (0..database.len()).step_by(sampled(2039)) {
        let cut = copy(folder.path());
        std::fs::write(file(cut.path(), ""), &database[..length]).unwrap();
        if said(cut.path(), &format!("cut at {length}")).await != Ok(0) {
            detected += 1;
        }
        cuts += 1;
    }
    // A cut through the last page may remove only free space. Then every answer is right.
    assert!(detected + 2 >= cuts, "{detected} of {cuts}");
}
