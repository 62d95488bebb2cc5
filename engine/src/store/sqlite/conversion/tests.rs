//! Test of the conversion of a large file: its time, its room and its memory.

use std::path::Path;

use countersign_core::action::{Action, ActionState};
use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::id::{AccountKey, AuthenticatorId, ChallengeId, TenantId, UserId};
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use countersign_testkit::{layouts, records, sample};
use rusqlite::Connection;
use tokio::time::Instant;

use super::*;
use crate::store::record::Stored as _;
use crate::store::sqlite::{schema, sql_int};

/// Default number of users, each with a device and an approved action. `COUNTERSIGN_CONVERTED`
/// overrides it, and then the test is to run alone, because it measures the memory of the process.
const USERS: u64 = 2_000;
/// Largest growth of the resident memory, in KiB, for any number of users.
const MEMORY_KIB_MAX: u64 = 200 << 10;

const ACCOUNT: &str =
    "INSERT INTO accounts(tenant, user_id, revision, email, row) VALUES(?1, ?2, 4, ?3, ?4)";
const DEVICE: &str =
    "INSERT INTO devices(tenant, user_id, id, thumbprint, row) VALUES(?1, ?2, ?3, ?4, ?5)";
const ACTION: &str =
    "INSERT INTO actions(tenant, user_id, code, idempotency_key, created_at, state, row)
     VALUES(?1, ?2, ?3, ?4, ?5, 5, ?6)";
const CHALLENGE: &str =
    "INSERT INTO challenges(tenant, id, user_id, issued_at, expires_at, held, ended_at, row)
     VALUES(?1, ?2, ?3, ?4, ?5, 0, ?6, ?7)";

/// Writes a file of layout 2 with so many users.
fn write(path: &Path, users: u64) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").unwrap();
    connection.execute_batch(&layouts::tables()).unwrap();
    connection.execute_batch("BEGIN").unwrap();
    let put = |sql: &str, params: &[&dyn rusqlite::ToSql]| {
        connection.prepare_cached(sql).unwrap().execute(params).unwrap();
    };
    for n in 0..users {
        let tenant = TenantId::parse("demo").unwrap();
        let key = AccountKey { tenant, user: UserId::parse(&format!("user-{n}")).unwrap() };
        let (device, action, challenge) = lifecycle(&key, n);
        let (tenant, user) = (key.tenant.as_str(), key.user.as_str());
        let record = records::record();
        let email = record.profile.email.as_ref().map(|line| line.as_str().to_owned());
        put(ACCOUNT, &[&tenant, &user, &email, &record.to_row()]);
        let thumbprint = device.key.thumbprint();
        put(
            DEVICE,
            &[&tenant, &user, &device.id.as_str(), &thumbprint.as_bytes(), &device.to_row()],
        );
        let (code, instance) = (action.key.code.as_str(), action.key.idempotency_key.as_str());
        let created_at = sql_int(action.created_at.0);
        put(ACTION, &[&tenant, &user, &code, &instance, &created_at, &action.to_row()]);
        let (issued_at, expires_at) =
            (sql_int(challenge.issued_at.0), sql_int(challenge.expires_at.0));
        let ended_at = challenge.ended.as_ref().map(|ended| sql_int(ended.at.0));
        let id = challenge.id.as_str();
        put(
            CHALLENGE,
            &[&tenant, &id, &user, &issued_at, &expires_at, &ended_at, &challenge.to_row()],
        );
    }
    connection.execute_batch("COMMIT; PRAGMA journal_mode = WAL").unwrap();
}

fn bytes<const N: usize>(n: u64) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes
}

fn lifecycle(account: &AccountKey, n: u64) -> (Device, Action, Challenge) {
    let now = UnixMillis(1_790_000_000_000 + 2 * n);
    let id = AuthenticatorId::from_entropy(bytes(n));
    let device = Device { id: id.clone(), ..records::device(account, 1) };
    let key = sample::action_key("signIn", &format!("instance-of-{n}"));
    let action = Action {
        state: ActionState::ChallengeSucceeded,
        key: key.clone(),
        decided_by: Some(id.clone()),
        ..records::action(account, "one", now.0)
    };
    let challenge = Challenge {
        id: ChallengeId::from_entropy(&bytes(n)),
        targets: vec![id],
        action: key,
        ..records::challenge(account, 1, now.0)
    };
    (device, action, records::ended(&challenge, Outcome::Approved, now.0 + 4_000 + n % 7_000))
}

/// Returns the largest resident memory of this process so far, in KiB.
fn memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_large_file_is_converted_in_bounded_memory() {
    let asked = std::env::var("COUNTERSIGN_CONVERTED").ok().map(|users| users.parse().unwrap());
    let users = asked.unwrap_or(USERS);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    write(&path, users);
    let old_bytes = path.metadata().unwrap().len();
    let (before, began) = (memory_kib(), Instant::now());
    at_open(&Files::prepare(&path).unwrap()).unwrap();
    let (took, grown) = (began.elapsed(), memory_kib() - before);
    let new_bytes = path.metadata().unwrap().len();
    println!(
        "{users} users with a device and a lifecycle: {took:.1?}, {} bytes a user before and {} \
         after, {grown} KiB more memory",
        old_bytes / users,
        new_bytes / users,
    );
    let connection = schema::open_reader(&path).unwrap();
    scan::verify(&connection).unwrap();
    for table in ["accounts", "devices", "cases"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let rows: i64 = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(rows.cast_unsigned(), users, "{table}");
    }
    assert!(asked.is_none() || grown < MEMORY_KIB_MAX, "{grown} KiB");
    assert!(new_bytes < old_bytes, "{new_bytes} bytes, {old_bytes} before");
}

#[test]
fn only_an_empty_or_foreign_file_has_no_layout() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    fs::write(&path, "").unwrap();
    assert_eq!(old::layout(&path).ok().unwrap(), None);
    fs::write(&path, "no database at all".repeat(100)).unwrap();
    assert!(old::layout(&path).is_err());
    fs::remove_file(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE other(a)").unwrap();
    assert_eq!(old::layout(&path).ok().unwrap(), None);
    connection.execute_batch(&layouts::tables()).unwrap();
    assert_eq!(old::layout(&path).ok().unwrap(), Some(2));
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'meta'";
    let page: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |r| r.get(0)).unwrap();
    connection.close().unwrap();
    // Nobody knows the layout of a file in which the page that tells it is damaged.
    let mut bytes = fs::read(&path).unwrap();
    bytes[usize::try_from((page - 1) * page_bytes).unwrap()] = 0xff;
    fs::write(&path, bytes).unwrap();
    assert!(old::layout(&path).is_err());
}
