//! Tests of the SQLite adapter that need its internals: query plans, counted writes and pragmas.

mod plans;
mod pruning;
mod reads;
mod writes;

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
        let failures = Failures::default();
        let work = writer::in_group(move |medium| change::commit(medium, &change, &failures));
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
        .map(str::to_owned)
        .chain(scan::statements())
        .chain(plans::user_queries())
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
