//! Tests of the SQLite adapter that need its internals: query plans, pragmas and damage.

use countersign_core::account::{Grant, Profile};
use countersign_core::change::{CommitId, Version, Write};
use countersign_core::fatigue::Counters;
use countersign_core::id::{ActionCode, IdempotencyKey};
use countersign_core::ticket::Ticket;

use super::outbox::DUE_EVENTS;
use super::queries::{ACCOUNT, DEVICES, DEVICES_OF_KEY, DUE, HELD, users_sql};
use super::tickets::{ACCOUNT_OF, FORGET};
use super::*;
use crate::store::commit_queue::unit::{Call, Caller, Unit};
use crate::store::commit_queue::{Backend as _, Failure};

struct Fixture {
    writer: WritingConnection,
    _folder: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    Fixture { writer: writer(&folder.path().join("store.db")), _folder: folder }
}

/// The version of an account after this many commits by [`unit`].
fn version(number: u64) -> Version {
    Version { number, commit: CommitId(number) }
}

fn unit(parent: u64, custom: &str) -> Change {
    let tenant = TenantId::parse("demo").unwrap();
    let account = AccountKey { tenant, user: UserId::parse("ann").unwrap() };
    let profile = Profile { custom: Some(custom.into()), ..Profile::default() };
    let (counters, tickets) = (Counters::default(), Vec::new());
    let record = AccountRecord { created_at: UnixMillis(0), profile, counters, tickets };
    let (parent, id) = (version(parent), CommitId(parent + 1));
    Change { account, parent, id, writes: vec![Write::Account(record)] }
}

fn writer(path: &Path) -> WritingConnection {
    WritingConnection::open(Arc::new(Files::prepare(path).unwrap())).unwrap()
}

/// Records a group of changes, and returns its answers.
fn record(
    writer: &mut WritingConnection,
    changes: Vec<Change>,
) -> Result<Vec<Result<Committed, StoreError>>, Failure> {
    let unit = |change: Change| {
        let (reply, answer) = oneshot::channel();
        let work = writer::in_group(move |medium| change::commit(medium, &change));
        let unit: Unit<Medium> = Box::new(Call::new(work, Caller::Waits(reply)));
        (unit, answer)
    };
    let (mut units, answers): (Vec<_>, Vec<_>) = changes.into_iter().map(unit).unzip();
    writer.record(&mut units)?;
    units.into_iter().for_each(|unit| unit.answer(Ok(())));
    Ok(answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).collect())
}

const RECORDED: Result<Committed, StoreError> = Ok(Committed::Recorded);

fn connection(fixture: &Fixture) -> &rusqlite::Connection {
    &fixture.writer.medium.connection
}

/// Returns SQLite's query plan for a statement.
fn plan(fixture: &Fixture, sql: &str) -> Vec<String> {
    let connection = connection(fixture);
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

/// Every statement that the store runs, except those that open a file or check it.
fn statements() -> impl Iterator<Item = String> {
    let reads = [ACCOUNT, DEVICES, DEVICES_OF_KEY, DUE, HELD, ACCOUNT_OF, DUE_EVENTS];
    let writes = [accounts::DEVICE, tickets::PUT, FORGET, tickets::PRUNE];
    reads
        .into_iter()
        .chain(writes)
        .chain(cases::STATEMENTS)
        .chain(change::STATEMENTS)
        .chain(hot::STATEMENTS)
        .chain(prune::STATEMENTS)
        .chain(writer::STATEMENTS)
        .chain(scan::statements())
        .map(str::to_owned)
        .chain(user_queries())
}

#[test]
fn no_statement_scans_a_table() {
    let fixture = fixture();
    for sql in statements() {
        let steps = plan(&fixture, &sql);
        assert!(!steps.iter().any(|s| s.contains("SCAN")), "{sql}: {steps:?}");
    }
    // Checks that a statement without an index would be noticed.
    let steps = plan(&fixture, "SELECT row FROM accounts WHERE row = ?1");
    assert!(steps.iter().any(|s| s.contains("SCAN")), "{steps:?}");
}

#[test]
fn no_read_sorts_what_it_found() {
    let fixture = fixture();
    for sql in statements() {
        let steps = plan(&fixture, &sql);
        assert!(!steps.iter().any(|s| s.contains("TEMP B-TREE")), "{sql}: {steps:?}");
    }
}

/// Each index with the read for which it exists.
#[test]
fn every_index_is_named_with_its_query() {
    let fixture = fixture();
    let one_of = |attribute: fn(&mut UserQuery) -> &mut Option<String>| {
        let mut query = UserQuery::default();
        *attribute(&mut query) = Some(String::new());
        users_sql(&query)
    };
    let queries = [
        ("sqlite_autoindex_accounts_1", ACCOUNT.to_owned()),
        ("accounts_email", one_of(|query| &mut query.email)),
        ("accounts_phone", one_of(|query| &mut query.phone_number)),
        ("accounts_username", one_of(|query| &mut query.username)),
        ("accounts_removed", prune::LONG_REMOVED.to_owned()),
        ("devices_key", DEVICES_OF_KEY.to_owned()),
        ("hot_due", DUE.to_owned()),
        ("hot_held", HELD.to_owned()),
        ("COVERING INDEX cases_name", cases::OF_ACCOUNT.to_owned()),
        ("INDEX cases_name (account=? AND name=?)", cases::OF_NAME.to_owned()),
        ("tickets_account", FORGET.to_owned()),
        ("tickets_end", tickets::PRUNE.to_owned()),
        ("sqlite_autoindex_events_1", outbox::REMOVE.to_owned()),
        ("events_due", DUE_EVENTS.to_owned()),
    ];
    for (index, sql) in &queries {
        let steps = plan(&fixture, sql);
        assert!(steps.iter().any(|s| s.contains(index)), "{index}: {steps:?}");
    }
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    let mut statement = connection(&fixture).prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    for name in names.map(Result::unwrap) {
        assert!(queries.iter().any(|(index, _)| index.contains(&name)), "{name} has no query");
    }
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
    let read = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    connection(fixture).pragma_update_and_check(None, "max_page_count", pages, read).unwrap();
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
    // No unit of the group was recorded, not even the one for which there was room, and the writer
    // has forgotten what it knew of the account.
    let again = record(&mut fixture.writer, vec![unit(2, "{}"), unit(1, "{}")]).ok().unwrap();
    assert_eq!(again, [Ok(Committed::Stale { recorded: version(1) }), RECORDED]);
}

#[test]
fn any_other_error_of_a_write_is_not_survived() {
    let mut fixture = fixture();
    connection(&fixture).execute_batch("DROP TABLE hot").unwrap();
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
    let with = |parent, names: &[&str]| {
        let mut change = unit(parent, "{}");
        if let Some(Write::Account(record)) = change.writes.first_mut() {
            record.tickets = names.iter().map(|name| ticket(name)).collect();
        }
        change
    };
    let count = |fixture: &Fixture| {
        let sql = "SELECT count(*) FROM tickets";
        connection(fixture).query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    record(&mut fixture.writer, vec![with(0, &["a", "b"])]).ok().unwrap();
    assert_eq!(count(&fixture), 2);
    record(&mut fixture.writer, vec![with(1, &["b", "c", "d"])]).ok().unwrap();
    assert_eq!(count(&fixture), 3);
    for (before, left) in [(1_000, 3), (1_001, 0)] {
        let before = Before { actions: UnixMillis(0), challenges: UnixMillis(before) };
        let failures = Failures::default();
        let medium = &mut fixture.writer.medium;
        prune::step(medium, Step::Tickets, before, &failures).ok().unwrap();
        assert_eq!(count(&fixture), left);
    }
}

#[test]
fn a_refused_unit_does_not_keep_the_rest_of_its_group_from_being_recorded() {
    let mut fixture = fixture();
    let other = Change { id: CommitId(9), ..unit(0, "2") };
    let group = vec![unit(0, "1"), other, unit(1, "3")];
    let stale = Ok(Committed::Stale { recorded: version(1) });
    let answers = record(&mut fixture.writer, group).ok().unwrap();
    assert_eq!(answers, [RECORDED, stale, RECORDED]);
}

#[test]
fn a_checkpoint_copies_the_log_and_closing_empties_it() {
    let mut fixture = fixture();
    let path = connection(&fixture).path().unwrap().to_owned();
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
    let path = connection(&fixture).path().unwrap().to_owned();
    let reader = schema::open_reader(Path::new(&path)).unwrap();
    assert!(reader.execute("DELETE FROM accounts", []).is_err());
}
