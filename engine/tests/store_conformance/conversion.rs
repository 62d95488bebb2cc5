//! Tests of the conversion of a file of an older layout.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use countersign_core::id::{AccountKey, TenantId, UserId};
use countersign_engine::ports::Store;
use countersign_engine::ports::store::{Record, StoreError};
use countersign_engine::store::{SqliteStore, transfer};
use countersign_testkit::layouts;
use rusqlite::Connection;

/// A file of layout 2 in its folder.
struct Old {
    folder: tempfile::TempDir,
}

impl Old {
    fn new() -> Self {
        Self::with(layouts::write)
    }

    fn with(write: fn(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("store.db"));
        Self { folder }
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.folder.path().join(format!("store.db{suffix}"))
    }

    fn open(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(&self.path(""))
    }

    fn edit(&self, sql: &str) {
        Connection::open(self.path("")).unwrap().execute_batch(sql).unwrap();
    }

    /// Returns the names of the files beside the database.
    fn beside(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.folder.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut beside: Vec<_> =
            names.filter_map(|name| Some(name.strip_prefix("store.db")?.to_owned())).collect();
        beside.sort();
        beside
    }

    fn refused(&self) -> String {
        let before = std::fs::read(self.path("")).unwrap();
        let error = self.open().map(|_| ()).unwrap_err();
        assert!(!self.path(".converting").exists(), "{error}");
        assert!(!self.path(".layout-2").exists(), "{error}");
        assert_eq!(std::fs::read(self.path("")).unwrap(), before, "{error}");
        error.to_string()
    }
}

async fn records(store: &SqliteStore) -> Vec<Record> {
    let mut export = Vec::new();
    transfer::export(store, &mut export, |_| {}).await.unwrap();
    layouts::records_of(&export)
}

async fn converted(old: &Old) -> Vec<Record> {
    let store = old.open().unwrap();
    let records = records(&store).await;
    store.close().await.unwrap();
    records
}

fn account(tenant: &str, user: &str) -> AccountKey {
    AccountKey { tenant: TenantId::parse(tenant).unwrap(), user: UserId::parse(user).unwrap() }
}

#[tokio::test]
async fn a_converted_file_has_every_record_of_the_old_one() {
    let old = Old::new();
    layouts::assert_same(converted(&old).await, layouts::records());
    layouts::assert_same(converted(&old).await, layouts::records());
    assert_eq!(old.beside(), ["", "-shm", "-wal", ".layout-2", ".lock"]);
    let (new, kept) = (old.path(""), old.path(".layout-2"));
    for path in [&new, &kept] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_ne!(new.metadata().unwrap().ino(), kept.metadata().unwrap().ino());
}

#[tokio::test]
async fn the_kept_file_is_complete_without_its_log_and_can_be_converted_again() {
    let old = Old::new();
    assert!(old.path("-wal").metadata().unwrap().len() > 0, "the log has the records");
    converted(&old).await;
    let back = old.folder.path().join("back");
    std::fs::create_dir(&back).unwrap();
    let again = Old { folder: tempfile::tempdir_in(&back).unwrap() };
    std::fs::copy(old.path(".layout-2"), again.path("")).unwrap();
    layouts::assert_same(converted(&again).await, layouts::records());
}

#[tokio::test]
async fn a_file_of_the_first_layout_is_converted() {
    let old = Old::with(layouts::write_first);
    let is_known = |record: &Record| !matches!(record, Record::Event(_) | Record::LatestTime(_));
    let expected = layouts::records().into_iter().filter(is_known).collect();
    layouts::assert_same(converted(&old).await, expected);
    assert_eq!(old.beside(), ["", "-shm", "-wal", ".layout-1", ".lock"]);
}

#[tokio::test]
async fn revisions_outlive_a_conversion_also_those_of_removed_users() {
    let old = Old::new();
    let store = old.open().unwrap();
    for (user, revision) in [("Ann", 40), ("gone", 6), ("back", 4), ("nobody", 0)] {
        let snapshot = store.account(&account("demo", user)).await.unwrap();
        assert_eq!(snapshot.version.number, revision, "{user}");
    }
}

#[tokio::test]
async fn a_challenge_is_found_although_its_action_was_pruned() {
    let old = Old::new();
    old.edit("DELETE FROM actions WHERE idempotency_key = 'twice'");
    let gone = |record: &Record| {
        let Record::Action(action) = record else { return false };
        action.key.idempotency_key.as_str() == "twice"
    };
    let expected: Vec<_> = layouts::records().into_iter().filter(|r| !gone(r)).collect();
    let store = old.open().unwrap();
    let mut looked_up = 0;
    for record in &expected {
        if let Record::Challenge(challenge) = record {
            let found = store.challenge(&challenge.account, &challenge.id).await;
            assert_eq!(found, Ok(Some(challenge.clone())));
            looked_up += 1;
        }
    }
    assert_eq!(looked_up, 11);
    layouts::assert_same(records(&store).await, expected);
}

#[tokio::test]
async fn a_damaged_row_is_named_and_nothing_is_changed() {
    let old = Old::new();
    let flip = "row = CAST(substr(row, 1, 20) || x'00' || substr(row, 22) AS BLOB)";
    for table in ["secrets", "accounts", "devices", "actions", "challenges", "events", "clock"] {
        let whole = std::fs::read(old.path("")).unwrap();
        let log = std::fs::read(old.path("-wal")).unwrap();
        let flip = if table == "clock" { "row = x'00'" } else { flip };
        old.edit(&format!(
            "UPDATE {table} SET {flip} WHERE rowid = 1; PRAGMA wal_checkpoint(TRUNCATE)"
        ));
        let refused = old.refused();
        assert!(refused.contains(&format!("{table}, row 1: ")), "{refused}");
        assert!(refused.contains("deploy/README.md"), "{refused}");
        std::fs::write(old.path(""), whole).unwrap();
        std::fs::write(old.path("-wal"), log).unwrap();
        let _ = std::fs::remove_file(old.path("-shm"));
    }
    layouts::assert_same(converted(&old).await, layouts::records());
}

#[tokio::test]
async fn a_column_that_contradicts_its_row_is_named() {
    let old = Old::new();
    old.edit("UPDATE challenges SET held = 1 WHERE rowid = 2; PRAGMA wal_checkpoint(TRUNCATE)");
    assert!(old.refused().contains("challenges, row 2: its columns do not fit"));
}

#[test]
fn a_file_of_a_newer_layout_is_refused() {
    let old = Old::new();
    old.edit("UPDATE meta SET value = 4 WHERE key = 'schema'; PRAGMA wal_checkpoint(TRUNCATE)");
    let refused = old.refused();
    assert!(refused.contains("layout 4"), "{refused}");
}

#[tokio::test]
async fn leftovers_of_a_killed_conversion_are_no_obstacle() {
    let old = Old::new();
    old.edit("PRAGMA wal_checkpoint(TRUNCATE)");
    std::fs::write(old.path(".converting"), "half a file").unwrap();
    std::fs::write(old.path(".converting-journal"), "and its journal").unwrap();
    // The conversion was killed after it gave the old file its second name.
    std::fs::hard_link(old.path(""), old.path(".layout-2")).unwrap();
    layouts::assert_same(converted(&old).await, layouts::records());
    assert_eq!(old.beside(), ["", "-shm", "-wal", ".layout-2", ".lock"]);
}

#[tokio::test]
async fn a_file_that_was_kept_earlier_stays() {
    let old = Old::new();
    std::fs::write(old.path(".layout-2"), "from an earlier conversion").unwrap();
    layouts::assert_same(converted(&old).await, layouts::records());
    assert_eq!(std::fs::read(old.path(".layout-2")).unwrap(), b"from an earlier conversion");
    let kept = Connection::open(old.path(".layout-2.1")).unwrap();
    let actions: i64 = kept.query_row("SELECT count(*) FROM actions", [], |r| r.get(0)).unwrap();
    assert_eq!(actions, 37);
}

#[tokio::test]
async fn a_second_server_waits_until_the_file_is_free() {
    let old = Old::new();
    let lock = std::fs::File::create(old.path(".lock")).unwrap();
    lock.lock().unwrap();
    assert!(old.refused().contains("another server has"));
    drop(lock);
    layouts::assert_same(converted(&old).await, layouts::records());
}

#[tokio::test]
async fn a_program_that_reads_the_old_file_is_waited_for_and_named() {
    let old = Old::new();
    let reader = layouts::read(&old.path(""));
    let refused = old.open().map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("another program"), "{refused}");
    drop(reader);
    layouts::assert_same(converted(&old).await, layouts::records());
}
