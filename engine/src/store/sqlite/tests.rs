//! Tests of the SQLite adapter that need its internals: query plans, pragmas and damage.

use countersign_core::account::{Grant, Profile};
use countersign_core::action::{ActionContext, ActionState};
use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::fatigue::Counters;
use countersign_core::id::{ActionCode, IdempotencyKey};
use countersign_core::text::Line;
use countersign_core::ticket::Ticket;

use super::actions::{OF_CODE, OF_STATE, ROW};
use super::outbox::DUE_EVENTS;
use super::queries::{
    ACCOUNT, ACTION, CHALLENGE, DEVICES, DEVICES_OF_KEY, DUE, HELD, OPEN, users_sql,
};
use super::tickets::ACCOUNT_OF;
use super::*;
use super::{change, writer};
use crate::store::commit_queue::unit::{Call, Caller, Unit};
use crate::store::commit_queue::{Backend as _, Failure};
use crate::store::record::Stored as _;

struct Fixture {
    writer: WritingConnection,
    _folder: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    Fixture { writer: writer(&folder.path().join("store.db")), _folder: folder }
}

const fn version(number: u64) -> Version {
    Version { number, commit: CommitId::NONE }
}

fn unit(parent: u64, custom: &str) -> Change {
    let tenant = TenantId::parse("demo").unwrap();
    let account = AccountKey { tenant, user: UserId::parse("ann").unwrap() };
    let profile = Profile { custom: Some(custom.into()), ..Profile::default() };
    let (counters, tickets) = (Counters::default(), Vec::new());
    let record = AccountRecord { created_at: UnixMillis(0), profile, counters, tickets };
    let (parent, id) = (version(parent), CommitId::NONE);
    Change { account, parent, id, writes: vec![Write::Account(record)] }
}

/// Records a group of changes, and returns its answers.
fn record(
    writer: &mut WritingConnection,
    changes: Vec<Change>,
) -> Result<Vec<Result<Committed, StoreError>>, Failure> {
    let unit = |change: Change| {
        let (reply, answer) = oneshot::channel();
        let work = writer::in_group(move |c| change::commit(c, &change));
        let unit: Unit<rusqlite::Connection> = Box::new(Call::new(work, Caller::Waits(reply)));
        (unit, answer)
    };
    let (mut units, answers): (Vec<_>, Vec<_>) = changes.into_iter().map(unit).unzip();
    writer.record(&mut units)?;
    units.into_iter().for_each(|unit| unit.answer(Ok(())));
    Ok(answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).collect())
}

const RECORDED: Result<Committed, StoreError> = Ok(Committed::Recorded);

/// Returns SQLite's query plan for a statement.
fn plan(fixture: &Fixture, sql: &str) -> Vec<String> {
    let connection = fixture.writer.connection();
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    for number in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(number, 1).unwrap();
    }
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get(3).unwrap());
    }
    steps
}

fn user_queries() -> impl Iterator<Item = String> {
    let asked = |bit: bool| bit.then(String::new);
    (0..8).map(move |set| {
        users_sql(&UserQuery {
            email: asked(set & 1 != 0),
            phone_number: asked(set & 2 != 0),
            username: asked(set & 4 != 0),
            ..UserQuery::default()
        })
    })
}

#[test]
fn no_statement_scans_a_table() {
    let fixture = fixture();
    let reads = [ACCOUNT, ACTION, CHALLENGE, DEVICES, DEVICES_OF_KEY, DUE, HELD, OPEN];
    let more = [ACCOUNT_OF, DUE_EVENTS, OF_CODE, OF_STATE, ROW];
    let statements = reads
        .into_iter()
        .chain(more)
        .chain(change::STATEMENTS)
        .chain(writer::STATEMENTS)
        .map(str::to_owned);
    for sql in statements.chain(user_queries()) {
        let steps = plan(&fixture, &sql);
        assert!(!steps.iter().any(|s| s.contains("SCAN")), "{sql}: {steps:?}");
    }
    // Checks that a statement without an index would be noticed.
    let steps = plan(&fixture, "SELECT row FROM accounts WHERE row = ?1");
    assert!(steps.iter().any(|s| s.contains("SCAN")), "{steps:?}");
}

#[test]
fn no_ordered_read_sorts_what_it_found() {
    let fixture = fixture();
    let ordered = [OF_CODE, OF_STATE, DUE, DUE_EVENTS, HELD];
    for sql in ordered.into_iter().map(str::to_owned).chain(user_queries()) {
        let steps = plan(&fixture, &sql);
        assert!(!steps.iter().any(|s| s.contains("TEMP B-TREE")), "{sql}: {steps:?}");
    }
}

#[test]
fn actions_are_listed_from_an_index_alone() {
    let fixture = fixture();
    for (sql, index) in [(OF_STATE, "actions_state"), (OF_CODE, "actions_code")] {
        let steps = plan(&fixture, sql);
        assert!(steps.iter().any(|s| s.contains("COVERING") && s.contains(index)), "{steps:?}");
    }
}

#[test]
fn a_file_of_the_first_layout_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let fixture = Fixture { writer: writer(&path), _folder: folder };
    let connection = fixture.writer.connection();
    let objects: Vec<String> = connection
        .prepare("SELECT format('DROP TABLE %s', name) FROM sqlite_schema WHERE type = 'table'")
        .and_then(|mut names| names.query_map([], |row| row.get(0))?.collect())
        .unwrap();
    objects.iter().for_each(|drop| connection.execute_batch(drop).unwrap());
    connection.execute_batch(schema::TABLES).unwrap();
    connection.execute("INSERT INTO meta VALUES('schema', 1)", []).unwrap();
    let account = AccountKey {
        tenant: TenantId::parse("demo").unwrap(),
        user: UserId::parse("ann").unwrap(),
    };
    let action = Action {
        account: account.clone(),
        key: ActionKey {
            code: ActionCode::parse("pay").unwrap(),
            idempotency_key: IdempotencyKey::parse("one").unwrap(),
        },
        state: ActionState::ChallengeSucceeded,
        context: ActionContext::default(),
        created_at: UnixMillis(7),
        state_updated_at: UnixMillis(8),
        decided_by: None,
        approved: None,
        revision: 0,
    };
    let insert = "INSERT INTO actions VALUES('demo', 'ann', 'pay', ?1, 7, ?2)";
    connection.execute(insert, ("one", action.to_row())).unwrap();
    connection.execute(insert, ("damaged", vec![0_u8; 9])).unwrap();
    let Fixture { writer: first, _folder } = fixture;
    first.close().unwrap();

    let second = writer(&path);
    let query =
        ActionQuery { from: UnixMillis(0), codes: vec![], state: Some(action.state), limit: 9 };
    let listed = actions::actions(second.connection(), &account, &query);
    assert_eq!(listed.map_err(StoreError::from), Ok(vec![action]));
    second.close().unwrap();
    writer(&path).close().unwrap();
}

#[test]
fn an_address_in_a_file_of_an_older_version_is_found_in_any_case() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let tenant = TenantId::parse("demo").unwrap();
    let account = AccountKey { tenant: tenant.clone(), user: UserId::parse("ann").unwrap() };
    let email = Some(Line::cleaned("Ann@Example.com", 100));
    let profile = Profile { email, ..Profile::default() };
    let account_record = AccountRecord {
        created_at: UnixMillis(0),
        profile,
        counters: Counters::default(),
        tickets: Vec::new(),
    };
    let writes = vec![Write::Account(account_record)];
    let change = Change { account, parent: Version::NONE, id: CommitId::NONE, writes };
    let mut first = writer(&path);
    assert_eq!(record(&mut first, vec![change]).ok().unwrap(), [RECORDED]);
    let old = "DROP INDEX accounts_email_nocase;
        CREATE INDEX accounts_email ON accounts(tenant, email, user_id) WHERE email IS NOT NULL";
    first.connection().execute_batch(old).unwrap();
    first.close().unwrap();

    let fixture = Fixture { writer: writer(&path), _folder: folder };
    for text in ["ann@example.com", "Ann@Example.com", "ANN@EXAMPLE.COM"] {
        let query = UserQuery { email: Some(text.to_owned()), limit: 9, ..UserQuery::default() };
        let found = queries::users(fixture.writer.connection(), &tenant, &query);
        assert_eq!(found.map_err(StoreError::from).map(|users| users.len()), Ok(1), "{text}");
        let steps = plan(&fixture, &users_sql(&query));
        assert!(steps.iter().any(|s| s.contains("accounts_email_nocase")), "{steps:?}");
    }
    let indexes = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'accounts_email%'";
    let connection = fixture.writer.connection();
    assert_eq!(connection.query_row(indexes, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

fn writer(path: &Path) -> WritingConnection {
    WritingConnection::open(Arc::new(Files::prepare(path).unwrap())).unwrap()
}

#[test]
fn an_attribute_that_is_asked_for_is_found_by_its_index() {
    let fixture = fixture();
    for sql in user_queries().skip(1) {
        let steps = plan(&fixture, &sql);
        let index = |s: &String| s.contains("INDEX accounts_");
        assert!(steps.iter().any(index), "{sql}: {steps:?}");
    }
}

/// Limits the file to this number of pages.
fn limit(fixture: &Fixture, pages: i64) {
    let connection = fixture.writer.connection();
    let read = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    connection.pragma_update_and_check(None, "max_page_count", pages, read).unwrap();
}

#[test]
fn a_full_disk_refuses_a_group_and_leaves_the_store_usable() {
    let mut fixture = fixture();
    assert_eq!(record(&mut fixture.writer, vec![unit(0, "{}")]).ok().unwrap(), [RECORDED]);
    // The file may not grow, because SQLite raises this limit to the current size.
    limit(&fixture, 1);
    let big = "x".repeat(4_000_000);
    let group = vec![unit(1, "{}"), unit(2, &big)];
    let Err(Failure::Refused(StoreError::Unavailable(message))) =
        record(&mut fixture.writer, group)
    else {
        panic!("recorded, or poisoned");
    };
    assert!(message.contains("full"), "{message}");
    limit(&fixture, 1_000_000);
    // No unit of the group was recorded, not even the one for which there was room.
    let again = record(&mut fixture.writer, vec![unit(1, "{}")]).ok().unwrap();
    assert_eq!(again, [RECORDED]);
}

#[test]
fn any_other_error_of_a_write_is_not_survived() {
    let mut fixture = fixture();
    fixture.writer.connection().execute_batch("DROP TABLE accounts").unwrap();
    let failed = record(&mut fixture.writer, vec![unit(0, "{}")]);
    assert!(matches!(failed, Err(Failure::Broken(StoreError::Unavailable(_)))));
}

#[test]
fn the_index_of_tickets_holds_those_of_the_record_until_they_are_pruned() {
    let mut fixture = fixture();
    let ticket = |name: &str| Ticket {
        digest: Digest::of(name),
        grant: Grant {
            action: ActionKey {
                code: ActionCode::parse("enroll").unwrap(),
                idempotency_key: IdempotencyKey::parse("one").unwrap(),
            },
            issued_at: UnixMillis(0),
            is_verified: false,
            born: None,
        },
        may_add: false,
        made_at: UnixMillis(0),
        set_backs: 0,
        ends_at: UnixMillis(1_000),
        used_by: None,
    };
    let with = |expected, names: &[&str]| {
        let mut change = unit(expected, "{}");
        if let Some(Write::Account(record)) = change.writes.first_mut() {
            record.tickets = names.iter().map(|name| ticket(name)).collect();
        }
        change
    };
    let count = |fixture: &Fixture| {
        let sql = "SELECT count(*) FROM tickets";
        fixture.writer.connection().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    record(&mut fixture.writer, vec![with(0, &["a", "b"])]).ok().unwrap();
    assert_eq!(count(&fixture), 2);
    record(&mut fixture.writer, vec![with(1, &["b", "c", "d"])]).ok().unwrap();
    assert_eq!(count(&fixture), 3);
    let prune = |fixture: &Fixture, before| {
        let connection = fixture.writer.connection();
        writer::prune(connection, UnixMillis(0), UnixMillis(before)).ok().unwrap()
    };
    prune(&fixture, 1_000);
    assert_eq!(count(&fixture), 3);
    prune(&fixture, 1_001);
    assert_eq!(count(&fixture), 0);
}

#[test]
fn a_refused_unit_does_not_keep_the_rest_of_its_group_from_being_recorded() {
    let mut fixture = fixture();
    let group = vec![unit(0, "1"), unit(0, "2"), unit(1, "3")];
    let stale = Ok(Committed::Stale { recorded: version(1) });
    let answers = record(&mut fixture.writer, group).ok().unwrap();
    assert_eq!(answers, [RECORDED, stale, RECORDED]);
}

#[test]
fn a_checkpoint_copies_the_log_and_closing_empties_it() {
    let mut fixture = fixture();
    let path = fixture.writer.connection().path().unwrap().to_owned();
    let size = |path: &str| std::fs::metadata(path).unwrap().len();
    let before = size(&path);
    for n in 0..300 {
        assert_eq!(
            record(&mut fixture.writer, vec![unit(n, &"x".repeat(500))]).ok().unwrap(),
            [RECORDED]
        );
    }
    assert_eq!(size(&path), before, "SQLite copies nothing by itself");
    fixture.writer.maintain(true).unwrap();
    assert!(size(&path) > before);
    fixture.writer.close().unwrap();
    assert_eq!(size(&format!("{path}-wal")), 0);
}

#[test]
fn a_reading_connection_cannot_write() {
    let fixture = fixture();
    let path = fixture.writer.connection().path().unwrap().to_owned();
    let reader = schema::open_reader(Path::new(&path)).unwrap();
    assert!(reader.execute("DELETE FROM accounts", []).is_err());
}
