//! Tests of properties that only a store with a file has: restarts, a second server, damage.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use countersign_core::action::ActionState;
use countersign_core::change::Write;
use countersign_core::time::UnixMillis;
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
    let (ann, bob, eve) = (user("ann"), user("bob"), user("eve"));
    let store = open(&path);
    for (who, n) in [(&ann, 1), (&bob, 2), (&eve, 3)] {
        let writes = [
            Write::Account(record()),
            Write::Device(device(who, n).into()),
            Write::Action(
                action(who, "done", 1).in_state(ActionState::Block, UnixMillis(1)).into(),
            ),
            Write::Challenge(challenge(who, n, 10 * u64::from(n)).into()),
        ];
        recorded(&store, who, 0, writes).await;
    }
    store.close().await.unwrap();
    // The lifecycles under way of Ann, the case of Bob, and the device of Eve.
    for (table, who) in [("hot", "ann"), ("cases", "bob"), ("devices", "eve")] {
        let flip = format!(
            "UPDATE {table} SET row = CAST(substr(row, 1, 20) || x'00' || substr(row, 22) AS BLOB)
             WHERE account = (SELECT id FROM accounts WHERE user_id = '{who}')"
        );
        assert_eq!(Connection::open(&path).unwrap().execute(&flip, []).unwrap(), 1);
    }

    let store = open(&path);
    let unreadable = |kind: &str| StoreError::Unreadable(format!("{kind}: its checksum is wrong"));
    let damaged = |error: StoreError| {
        let StoreError::Unreadable(message) = error else { panic!("{error}") };
        message
    };
    assert_eq!(store.account(&ann).await.unwrap_err(), unreadable("hot state"));
    assert_eq!(store.challenge(&ann, &challenge_id(1)).await, Err(unreadable("hot state")));
    let commit = unit(&ann, 1, [Write::Challenge(challenge(&ann, 9, 10).into())]);
    assert_eq!(store.commit(commit).await, Err(unreadable("hot state")));
    let action = store.action(&bob, &action_key("signIn", "done")).await;
    assert!(damaged(action.unwrap_err()).contains("checksum is wrong"));
    assert_eq!(store.account(&bob).await.unwrap().devices, [device(&bob, 2)]);
    recorded(&store, &bob, 1, [Write::RemoveDevice(device(&bob, 2).id)]).await;
    assert_eq!(store.account(&eve).await.unwrap_err(), unreadable("device"));
    // A damaged challenge does not block the expiry of the next one.
    let overdue = store.overdue(UnixMillis(1_000), record().created_at, 1);
    assert_eq!(overdue.await, Ok(vec![challenge(&bob, 2, 20)]));
    // Five calls failed because of a damaged row, and another one skipped one.
    assert_eq!((store.unreadable(), store.ready()), (6, Ok(())), "others are served");
    // A scan names each damaged row.
    let found = countersign_engine::store::transfer::check(&store, |_| {}).await.unwrap();
    let named: Vec<_> = found.damaged.into_iter().map(damaged).collect();
    assert!(named.iter().any(|message| message.starts_with("hot, row 1: hot state")), "{named:?}");
    assert!(named.iter().any(|message| message.starts_with("cases, row")), "{named:?}");
    // Ann's account needs her hot state, and Eve's lifecycles are read with her device.
    assert_eq!((found.damaged_count, found.records["accounts"]), (4, 2), "{named:?}");
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
