//! Tests of properties that only a store with a file has: restarts, a second server, damage.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use countersign_core::change::Write;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::StoreError;
use countersign_engine::store::SqliteStore;
use countersign_testkit::records::*;
use rusqlite::Connection;

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    path.with_extension(format!("db{suffix}"))
}

#[tokio::test]
async fn a_reopened_store_has_everything_that_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let ann = user("ann");
    let (phone, sign_in, open_one) =
        (device(&ann, 1), action(&ann, "one", 1), challenge(&ann, 1, 10));
    let store = open(&path);
    let writes = [
        Write::Account(record()),
        Write::Device(phone.clone().into()),
        Write::Action(sign_in.clone().into()),
        Write::Challenge(open_one.clone().into()),
    ];
    recorded(&store, &ann, 0, writes).await;
    store.token_secret(&tenant(), [1; 32]).await.unwrap();
    store.close().await.unwrap();

    let store = open(&path);
    let snapshot = store.account(&ann).await.unwrap();
    assert_eq!((snapshot.version.number, snapshot.record), (1, Some(record())));
    assert_eq!((snapshot.devices, snapshot.open), (vec![phone], vec![open_one]));
    assert_eq!(store.actions(&ann, all_actions()).await, Ok(vec![sign_in]));
    assert_eq!(store.token_secret(&tenant(), [2; 32]).await, Ok([1; 32]));
}

#[tokio::test]
async fn a_copy_of_the_files_of_a_running_store_has_what_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path);
    recorded(&store, &user("ann"), 0, [Write::Account(record())]).await;
    // Copies of the files are in the state that a killed server leaves.
    let copy = folder.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(beside(&path, "-wal"), beside(&copy, "-wal")).unwrap();
    assert_eq!(open(&copy).account(&user("ann")).await.unwrap().record, Some(record()));
}

#[tokio::test]
async fn a_second_server_on_one_file_is_refused_until_the_first_has_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let link = folder.path().join("link.db");
    let first = open(&path);
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for name in [&path, &link] {
        let Err(StoreError::Unavailable(message)) = SqliteStore::open(name) else {
            panic!("opened twice");
        };
        assert!(message.contains("another server has"), "{message}");
    }
    recorded(&first, &user("ann"), 0, [Write::Account(record())]).await;
    first.close().await.unwrap();
    assert_eq!(open(&path).account(&user("ann")).await.unwrap().version.number, 1);
}

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a").join("b").join("store.db");
    let store = open(&path);
    recorded(&store, &user("ann"), 0, [Write::Account(record())]).await;
    for suffix in ["", "-wal", "-shm", ".lock"] {
        assert_eq!(mode(&beside(&path, suffix)), 0o600, "{suffix}");
    }
    assert_eq!(mode(&folder.path().join("a")), 0o700);
    assert_eq!(mode(&folder.path().join("a").join("b")), 0o700);
    store.close().await.unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    drop(open(&path));
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn a_damaged_row_is_refused_and_the_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (ann, bob) = (user("ann"), user("bob"));
    let store = open(&path);
    for who in [&ann, &bob] {
        recorded(&store, who, 0, [Write::Account(record()), Write::Device(device(who, 1).into())])
            .await;
    }
    let expired = [challenge(&ann, 1, 10), challenge(&ann, 2, 20)];
    recorded(&store, &ann, 1, expired.clone().map(|record| Write::Challenge(record.into()))).await;
    store.close().await.unwrap();
    let other = Connection::open(&path).unwrap();
    let flip =
        "UPDATE devices SET row = CAST(substr(row, 1, 20) || x'00' || substr(row, 22) AS BLOB)
         WHERE user_id = 'ann'";
    assert_eq!(other.execute(flip, []).unwrap(), 1);
    let format =
        "UPDATE challenges SET row = CAST(x'07' || substr(row, 2) AS BLOB) WHERE expires_at = 310";
    assert_eq!(other.execute(format, []).unwrap(), 1);
    other.close().unwrap();

    let store = open(&path);
    let unreadable = |kind: &str| StoreError::Unreadable(format!("{kind}: its checksum is wrong"));
    assert_eq!(store.account(&ann).await.unwrap_err(), unreadable("device"));
    assert_eq!(store.challenge(&ann, &expired[0].id).await, Err(unreadable("challenge")));
    assert_eq!(store.account(&bob).await.unwrap().devices, [device(&bob, 1)]);
    // A damaged challenge does not block the expiry of the next one.
    let overdue = store.overdue(countersign_core::time::UnixMillis(1_000), record().created_at, 1);
    assert_eq!(overdue.await, Ok(vec![expired[1].clone()]));
    // Two calls failed because of a damaged row, and the third skipped one.
    assert_eq!((store.unreadable(), store.ready()), (3, Ok(())), "others are served");
}

#[test]
fn a_file_that_is_not_of_this_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "not a database, but long enough to look like one".repeat(100)).unwrap();
    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t(a)").unwrap();
    let newer = folder.path().join("newer.db");
    open_and_close(&newer);
    let other = Connection::open(&newer).unwrap();
    other.execute("UPDATE meta SET value = 9 WHERE key = 'schema'", []).unwrap();
    drop(other);
    for (path, expected) in
        [(&text, "not a database"), (&foreign, "not one of this store"), (&newer, "layout 9")]
    {
        match SqliteStore::open(path).map(|_| ()) {
            Err(StoreError::Unreadable(message)) => {
                assert!(message.contains(expected), "{message}")
            }
            other => panic!("{}: {other:?}", path.display()),
        }
    }
}

fn open_and_close(path: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { open(path).close().await }).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.join("store.db"), PathBuf::from("/"), PathBuf::new()] {
        let opened = SqliteStore::open(&path).map(|_| ());
        assert!(
            matches!(opened, Err(StoreError::Unavailable(_))),
            "{}: {opened:?}",
            path.display()
        );
    }
}
