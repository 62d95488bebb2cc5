//! Tests of pruning that need its steps: its bounded units, its mark, and damaged rows.

use countersign_core::action::{Action, ActionContext, ActionState};
use countersign_core::challenge::{Challenge, Ended};
use countersign_core::outcome::Outcome;

use super::*;

pub(super) fn ann() -> AccountKey {
    unit(0, "{}").account
}

pub(super) fn key(name: &str) -> ActionKey {
    ActionKey {
        code: ActionCode::parse("pay").unwrap(),
        idempotency_key: IdempotencyKey::parse(name).unwrap(),
    }
}

pub(super) fn action(account: &AccountKey, name: &str, state: ActionState, at: u64) -> Write {
    let action = Action {
        account: account.clone(),
        key: key(name),
        state,
        context: ActionContext::default(),
        created_at: UnixMillis(at),
        state_updated_at: UnixMillis(at),
        decided_by: None,
        approved: None,
        revision: 0,
    };
    Write::Action(action.into())
}

/// A challenge that was denied at `at`, of an action that is allowed since then.
pub(super) fn denied(account: &AccountKey, name: &str, n: u8, at: u64) -> [Write; 2] {
    let challenge = Challenge {
        id: ChallengeId::from_entropy(&[n; 24]),
        account: account.clone(),
        action: key(name),
        targets: vec![],
        issued_at: UnixMillis(at - 1),
        expires_at: UnixMillis(at + 1),
        held: false,
        notifications: 0,
        ended: Some(Ended::without_device(Outcome::Denied, UnixMillis(at))),
        number: None,
        shown: None,
    };
    [Write::Challenge(challenge.into()), action(account, name, ActionState::ChallengeFailed, at)]
}

pub(super) fn commit(fixture: &mut Fixture, account: &AccountKey, number: u64, writes: Vec<Write>) {
    let (parent, id) = (version(number), CommitId(number + 1));
    let change = Change { account: account.clone(), parent, id, writes };
    assert_eq!(record(&mut fixture.writer, vec![change]).ok().unwrap(), [RECORDED]);
}

/// Runs all steps. Returns the number of deleted records, and the largest number in one unit.
fn prune(fixture: &mut Fixture, actions: u64, challenges: u64) -> (u32, u32) {
    let before = Before { actions: UnixMillis(actions), challenges: UnixMillis(challenges) };
    let (mut total, mut most, mut next) = (0, 0, Some(Step::Hot(0)));
    while let Some(step) = next {
        let (medium, failures) = (&mut fixture.writer.medium, Failures::default());
        medium.connection.execute_batch("BEGIN").unwrap();
        let (gone, following) = prune::step(medium, step, before, &failures).ok().unwrap();
        medium.connection.execute_batch("COMMIT").unwrap();
        (total, most, next) = (total + gone, most.max(gone), following);
    }
    (total, most)
}

pub(super) fn count(fixture: &Fixture, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    connection(fixture).query_row(&sql, [], |row| row.get(0)).unwrap()
}

pub(super) fn challenge(fixture: &Fixture, account: &AccountKey, n: u8) -> Option<Challenge> {
    let id = ChallengeId::from_entropy(&[n; 24]);
    actions::challenge(connection(fixture), account, &id).ok().unwrap()
}

#[test]
fn challenges_are_cut_out_of_cases_once_and_actions_stay() {
    let mut fixture = fixture();
    for n in 0..4 {
        let at = 100 + u64::from(n);
        commit(&mut fixture, &ann(), u64::from(n), denied(&ann(), &n.to_string(), n, at).into());
    }
    assert_eq!(prune(&mut fixture, 0, 102), (2, 2));
    let found: Vec<_> = (0..4).map(|n| challenge(&fixture, &ann(), n).is_some()).collect();
    assert_eq!(found, [false, false, true, true]);
    assert_eq!(count(&fixture, "cases"), 4);
    assert_eq!(prune(&mut fixture, 0, 102), (0, 0));
    // A case that ends before the mark comes behind it, so that its challenge is cut as well.
    commit(&mut fixture, &ann(), 4, denied(&ann(), "late", 9, 50).into());
    assert!(challenge(&fixture, &ann(), 9).is_some());
    assert_eq!(prune(&mut fixture, 0, 103), (2, 2));
    // The mark is in the file.
    let path = connection(&fixture).path().unwrap().to_owned();
    let Fixture { writer: first, _folder } = fixture;
    let mark = first.medium.case_ids.pruned;
    first.close().unwrap();
    let mut fixture = Fixture { writer: writer(Path::new(&path)), _folder };
    assert_eq!(fixture.writer.medium.case_ids.pruned, mark);
    // Where actions go earlier than challenges, the challenges stay without them.
    assert_eq!(prune(&mut fixture, 1_000, 103).0, 5);
    assert_eq!((count(&fixture, "cases"), challenge(&fixture, &ann(), 3).is_some()), (1, true));
    assert_eq!(prune(&mut fixture, 1_000, 1_000), (1, 1));
    assert_eq!(count(&fixture, "cases"), 0);
}

#[test]
fn a_refused_group_takes_back_its_mark() {
    let mut fixture = fixture();
    commit(&mut fixture, &ann(), 0, denied(&ann(), "one", 1, 100).into());
    let before = Before { actions: UnixMillis(0), challenges: UnixMillis(200) };
    let (reply, _answer) = oneshot::channel();
    let work = move |medium: &mut Medium| -> Result<Result<(), StoreError>, Failure> {
        let pruned = prune::step(medium, Step::Marked, before, &Failures::default());
        assert_eq!(pruned.ok().unwrap().0, 1);
        Err(Failure::Refused(refused("no room")))
    };
    let unit: Unit<Medium> = Box::new(Call::new(work, Caller::Waits(reply)));
    assert!(fixture.writer.record(&mut [unit]).is_err());
    assert!(challenge(&fixture, &ann(), 1).is_some());
    assert_eq!(prune(&mut fixture, 0, 200), (1, 1));
}

#[test]
fn the_hot_states_of_many_accounts_are_pruned_in_small_units() {
    let mut fixture = fixture();
    let user = |n: u32| AccountKey { user: UserId::parse(&n.to_string()).unwrap(), ..ann() };
    let change = |n: u32| Change {
        account: user(n),
        parent: version(0),
        id: CommitId(1),
        writes: vec![action(&user(n), "one", ActionState::ChallengeRequired, u64::from(n % 2))],
    };
    let changes = (0..5_000).map(change).collect();
    assert!(record(&mut fixture.writer, changes).is_ok());
    assert_eq!(prune(&mut fixture, 1, 0), (2_500, 500));
    assert_eq!(prune(&mut fixture, 1, 0), (0, 0));
    let pending = "hot WHERE oldest IS NOT NULL";
    assert_eq!(count(&fixture, pending), 2_500);
    // The writer's memory agrees with the file.
    let again = change(0);
    let stale = Change { parent: Version::NONE, id: CommitId(2), ..again };
    let answer = record(&mut fixture.writer, vec![stale]).ok().unwrap();
    assert_eq!(answer, [Ok(Committed::Stale { recorded: version(1) })]);
}

#[test]
fn a_removed_account_is_kept_while_a_challenge_of_it_is() {
    const DAY: u64 = 24 * 60 * 60 * 1000;
    let mut fixture = fixture();
    commit(&mut fixture, &ann(), 0, denied(&ann(), "one", 1, 5 * DAY).into());
    commit(&mut fixture, &ann(), 1, vec![Write::RemoveAccount]);
    // The mark, and a day later the account could go but for its challenge.
    for day in [1, 2, 4] {
        assert_eq!(prune(&mut fixture, 0, day * DAY + 1), (0, 0));
        assert!(challenge(&fixture, &ann(), 1).is_some());
    }
    assert_eq!(prune(&mut fixture, 0, 5 * DAY + 1), (2, 1));
    let rows = ["accounts", "hot", "cases"].map(|table| count(&fixture, table));
    assert_eq!(rows, [0, 0, 0]);
    commit(&mut fixture, &ann(), 0, vec![]);
}

#[test]
fn a_damaged_row_does_not_keep_the_others_from_being_pruned() {
    let mut fixture = fixture();
    let bob = AccountKey { user: UserId::parse("bob").unwrap(), ..ann() };
    for account in [&ann(), &bob] {
        let mut writes = denied(account, "one", 1, 100).to_vec();
        writes.push(action(account, "two", ActionState::ChallengeRequired, 100));
        commit(&mut fixture, account, 0, writes);
    }
    let zero = "UPDATE hot SET row = x'00' WHERE account = 1;
         UPDATE cases SET row = x'00' WHERE account = 1";
    connection(&fixture).execute_batch(zero).unwrap();
    fixture.writer.medium.accounts.clear();
    assert_eq!(prune(&mut fixture, 0, 200), (1, 1));
    assert_eq!((count(&fixture, "cases"), challenge(&fixture, &bob, 1)), (2, None));
    // Of a case whose time is over nothing needs to be read.
    assert_eq!(prune(&mut fixture, 200, 200), (3, 2));
    assert_eq!(count(&fixture, "cases"), 0);
}

#[test]
fn two_cases_of_one_time_get_different_ids_even_after_a_restart() {
    let mut fixture = fixture();
    commit(&mut fixture, &ann(), 0, vec![action(&ann(), "one", ActionState::Allow, 7)]);
    fixture.writer.medium.case_ids = cases::CaseIds::after(0, 0);
    commit(&mut fixture, &ann(), 1, vec![action(&ann(), "two", ActionState::Allow, 7)]);
    let end = vec![action(&ann(), "three", ActionState::Allow, u64::MAX)];
    commit(&mut fixture, &ann(), 2, end);
    let ids = cases::ids_of(connection(&fixture), 1).ok().unwrap();
    assert_eq!(ids.len(), 3);
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "{ids:?}");
}

#[test]
fn cases_of_a_full_millisecond_go_into_the_next_one() {
    let mut fixture = fixture();
    let (time, next) = (cases::id_at(UnixMillis(7)), cases::id_at(UnixMillis(8)));
    let put = |fixture: &mut Fixture, name: &str, number| {
        let allowed = action(&ann(), name, ActionState::Allow, 7);
        commit(fixture, &ann(), number, vec![allowed]);
        cases::ids_of(connection(fixture), 1).ok().unwrap()
    };
    // The counter comes round.
    fixture.writer.medium.case_ids = cases::CaseIds::after(next - 2, 0);
    assert_eq!(put(&mut fixture, "one", 0), [next - 1]);
    assert_eq!(put(&mut fixture, "two", 1), [next, next - 1]);
    // The id is taken, and so is the last one of its time.
    fixture.writer.medium.case_ids = cases::CaseIds::after(next - 2, 0);
    assert_eq!(put(&mut fixture, "three", 2), [next + 1, next, next - 1]);
    // A source that opens the file goes on where the last one was.
    fixture.writer.medium.case_ids = cases::CaseIds::at_open(connection(&fixture)).ok().unwrap();
    assert_eq!(put(&mut fixture, "four", 3), [next + 1, next, next - 1, time + 2]);
}
