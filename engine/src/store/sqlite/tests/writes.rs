//! Counted writes and look-ups of a lifecycle.
//!
//! A write is a row that SQLite counts as changed, or an entry by which an index differs after the
//! commit. SQLite also writes an entry again that does not differ, if a statement sets a column of
//! its index, so a test checks that no statement of a lifecycle does that. A look-up is a run of a
//! statement that reads.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::action::{Action, ActionContext, ActionState};
use countersign_core::challenge::{Challenge, Ended};
use countersign_core::id::AuthenticatorId;
use countersign_core::outcome::Outcome;
use countersign_core::signature::{Algorithm, PublicKey};
use rusqlite::StatementStatus;

use super::*;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn after(ms: u64) -> UnixMillis {
    NOW.plus_ms(ms)
}

/// The commits of a user's lifecycle.
struct Commits {
    account: AccountKey,
    number: u64,
}

impl Commits {
    fn next(&mut self, writes: Vec<Write>) -> Change {
        let (account, parent) = (self.account.clone(), version(self.number));
        self.number += 1;
        Change { account, parent, id: CommitId(self.number), writes }
    }

    fn record(prompts: &[UnixMillis]) -> Write {
        let counters = Counters { prompts: prompts.to_vec(), ..Counters::default() };
        let profile = Profile::default();
        Write::Account(AccountRecord { created_at: NOW, profile, counters, tickets: vec![] })
    }

    fn device(&self, used: UnixMillis) -> Write {
        // The base point of the curve.
        let point = [&[0x58][..], &[0x66; 31]].concat();
        let spki = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", &point[..]].concat();
        let device = Device {
            id: AuthenticatorId::from_entropy([1; 16]),
            account: self.account.clone(),
            key: PublicKey::from_spki(Algorithm::Ed25519, &spki).unwrap(),
            signing: countersign_core::device::Signing::StatementV1,
            confirmed: true,
            name: None,
            platform: None,
            push_token: None,
            created_at: NOW,
            verified_at: NOW,
            last_verified_at: Some(used),
        };
        Write::Device(device.into())
    }

    fn action(&self, state: ActionState, at: UnixMillis) -> Action {
        Action {
            account: self.account.clone(),
            key: ActionKey {
                code: ActionCode::parse("pay").unwrap(),
                idempotency_key: IdempotencyKey::parse("one").unwrap(),
            },
            state,
            context: ActionContext::default(),
            created_at: after(1),
            state_updated_at: at,
            decided_by: None,
            approved: None,
            revision: 2,
        }
    }

    fn challenge(&self, ended: Option<Ended>) -> Write {
        let challenge = Challenge {
            id: ChallengeId::from_entropy(&[1; 24]),
            account: self.account.clone(),
            action: self.action(ActionState::ChallengeRequired, NOW).key,
            targets: vec![AuthenticatorId::from_entropy([1; 16])],
            issued_at: after(2),
            expires_at: after(300_002),
            held: false,
            notifications: 0,
            ended,
            number: None,
            shown: None,
        };
        Write::Challenge(challenge.into())
    }
}

/// Entries of all indexes, and runs of all statements.
struct Counted {
    rows: u64,
    entries: BTreeMap<String, BTreeSet<String>>,
    runs: BTreeMap<String, i32>,
}

fn counted(fixture: &Fixture) -> Counted {
    let connection = connection(fixture);
    let strings = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let rows = connection.total_changes();
    let selects = strings(
        "SELECT 'SELECT ' || (SELECT group_concat('quote(' || coalesce(i.name, 'rowid') || ')',
                              ' || '','' || ') FROM pragma_index_xinfo(s.name) AS i)
             || ' FROM ' || tbl_name || coalesce(substr(sql, nullif(instr(sql, ' WHERE '), 0)), '')
         FROM sqlite_schema AS s WHERE type = 'index'",
    );
    let entries = |select: String| (select.clone(), strings(&select).into_iter().collect());
    let runs = statements().map(|sql| {
        let statement = connection.prepare_cached(&sql).unwrap();
        let runs = statement.get_status(StatementStatus::Run);
        drop(statement);
        (sql, runs)
    });
    Counted { rows, runs: runs.collect(), entries: selects.into_iter().map(entries).collect() }
}

/// Returns the number of writes of a commit, and the statements that it ran.
fn cost(fixture: &mut Fixture, change: Change) -> (u64, Vec<(String, i32)>) {
    let before = counted(fixture);
    assert_eq!(record(&mut fixture.writer, vec![change]).ok().unwrap(), [RECORDED]);
    let after = counted(fixture);
    let differing = |(name, entries): (&String, &BTreeSet<String>)| {
        entries.symmetric_difference(&before.entries[name]).count() as u64
    };
    let writes = after.rows - before.rows + after.entries.iter().map(differing).sum::<u64>();
    let ran = after.runs.into_iter().map(|(sql, runs)| (sql.clone(), runs - before.runs[&sql]));
    (writes, ran.filter(|(_, runs)| *runs > 0).collect())
}

#[test]
fn a_lifecycle_takes_at_most_eight_writes_and_two_look_ups() {
    let mut fixture = fixture();
    let account = unit(0, "{}").account;
    let mut user = Commits { account, number: 0 };
    let enrolled = user.next(vec![Commits::record(&[]), user.device(NOW)]);
    cost(&mut fixture, enrolled);

    let tracked = Write::Track(user.action(ActionState::ChallengeRequired, after(1)).into());
    let by = Some(AuthenticatorId::from_entropy([1; 16]));
    let signature = Some(vec![9; 64]);
    let ended = Ended { outcome: Outcome::Approved, at: after(9), by, signature };
    let succeeded = Write::Action(user.action(ActionState::ChallengeSucceeded, after(9)).into());
    let commits = [
        user.next(vec![tracked]),
        user.next(vec![user.challenge(None), Commits::record(&[after(2)])]),
        user.next(vec![
            user.challenge(Some(ended)),
            succeeded,
            user.device(after(9)),
            Commits::record(&[]),
        ]),
    ];
    let costs = commits.map(|change| cost(&mut fixture, change));
    let ran = |expected: &[&str]| expected.iter().map(|sql| ((*sql).to_owned(), 1)).collect();
    let expected: [(u64, Vec<(String, i32)>); 3] = [
        (1, ran(&[cases::OF_NAME, hot::PUT])),
        (2, ran(&[cases::OF_NAME, hot::PUT_DUE])),
        (4, ran(&[cases::PUT, hot::PUT_DUE])),
    ];
    for (n, ((writes, mut ran), (expected, mut statements))) in
        std::iter::zip(costs, expected).enumerate()
    {
        ran.sort();
        statements.sort();
        assert_eq!((writes, ran), (expected, statements), "commit {n}");
    }
    let snapshot = queries::account(connection(&fixture), &user.account).ok().unwrap();
    assert_eq!(snapshot.version, version(4));
    assert_eq!(snapshot.devices[0].last_verified_at, Some(after(9)));
}

/// Tables and indexes that a statement may write.
fn written(fixture: &Fixture, sql: &str) -> BTreeSet<String> {
    let connection = connection(fixture);
    let mut statement = connection.prepare(&format!("EXPLAIN {sql}")).unwrap();
    for number in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(number, 1).unwrap();
    }
    let mut rows = statement.raw_query();
    let mut roots = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let (opcode, root): (String, i64) = (row.get(1).unwrap(), row.get(3).unwrap());
        if opcode == "OpenWrite" {
            roots.push(root);
        }
    }
    let name = "SELECT name FROM sqlite_schema WHERE rootpage = ?1";
    let name = |root| connection.query_row(name, [root], |row| row.get(0)).unwrap();
    roots.into_iter().map(name).collect()
}

#[test]
fn a_statement_writes_no_index_whose_column_it_does_not_change() {
    let fixture = fixture();
    for (sql, expected) in [
        (hot::PUT, &["hot"][..]),
        (hot::PUT_DUE, &["hot", "hot_due"]),
        (hot::PUT_HELD, &["hot", "hot_held"]),
        (cases::PUT, &["cases", "cases_name"]),
        (cases::CHANGE, &["cases"]),
        (change::PUT_ROW, &["accounts"]),
    ] {
        let expected = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(written(&fixture, sql), expected, "{sql}");
    }
}

#[test]
fn memory_holds_fewer_accounts_if_they_are_large() {
    let mut fixture = fixture();
    let custom = "x".repeat(6 << 20);
    for n in 0..24 {
        let user = UserId::parse(&n.to_string()).unwrap();
        let mut change = unit(0, &custom);
        change.account.user = user;
        assert_eq!(record(&mut fixture.writer, vec![change]).ok().unwrap(), [RECORDED]);
        // Two generations of 32 MiB, each with the account that filled it.
        assert!(fixture.writer.medium.accounts.len() <= 12);
    }
    assert!(fixture.writer.medium.accounts.len() > 6);
}
