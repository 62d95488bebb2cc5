//! Tests of damaged rows that hinder nothing but their own account, and of bounded searches.

use countersign_testkit::records;

use super::pruning::{ann, challenge, commit, count, denied};
use super::*;
use crate::ports::store::CASES_SEARCHED_MAX;

#[test]
fn a_damaged_hot_state_of_one_user_does_not_hinder_look_ups_of_others() {
    let mut fixture = fixture();
    let bob = AccountKey { user: UserId::parse("bob").unwrap(), ..ann() };
    let foreign = AccountKey { tenant: TenantId::parse("other").unwrap(), ..ann() };
    for account in [&ann(), &bob, &foreign] {
        let device = Write::Device(records::device(account, 1).into());
        commit(&mut fixture, account, 0, vec![Write::Account(records::record()), device]);
    }
    // Rows of another tenant are not even read.
    let zero = "UPDATE hot SET row = x'00' WHERE account = 1;
         UPDATE devices SET row = x'00' WHERE account = 3";
    connection(&fixture).execute_batch(zero).unwrap();
    let failures = Failures::default();
    let key = records::device(&ann(), 1).credential();
    let devices = queries::devices_of_key(connection(&fixture), &key, &failures).ok().unwrap();
    assert_eq!(devices, [records::device(&ann(), 1), records::device(&bob, 1)]);
    assert_eq!(failures.unreadable(), 1);
    let query = UserQuery { limit: 10, ..UserQuery::default() };
    let users = queries::users(connection(&fixture), &key.tenant, &query, &failures);
    let users = users.ok().unwrap();
    assert_eq!(users, [(ann().user, records::record()), (bob.user, records::record())]);
    assert_eq!(failures.unreadable(), 2);
    // Whoever needs the account itself gets the error.
    assert!(queries::account(connection(&fixture), &ann()).is_err());
}

#[test]
fn a_damaged_case_does_not_keep_a_user_from_being_removed() {
    let mut fixture = fixture();
    for n in 0..3 {
        let at = 100 + u64::from(n);
        commit(&mut fixture, &ann(), u64::from(n), denied(&ann(), &n.to_string(), n, at).into());
    }
    let last = "(SELECT max(id) FROM cases)";
    let zero = format!("UPDATE cases SET row = x'00' WHERE id = {last}");
    connection(&fixture).execute_batch(&zero).unwrap();
    let failures = Failures::default();
    let writes = vec![Write::RemoveAccount];
    let stale = Change { account: ann(), parent: version(2), id: CommitId(9), writes };
    let remove = Change { parent: version(3), ..stale.clone() };
    let medium = &mut fixture.writer.medium;
    let answer = change::commit(medium, &stale, &failures).ok().unwrap();
    assert_eq!(answer, Committed::Stale { recorded: version(3) });
    assert_eq!(count(&fixture, "cases"), 3);
    let medium = &mut fixture.writer.medium;
    assert_eq!(change::commit(medium, &remove, &failures).ok().unwrap(), Committed::Recorded);
    assert!(failures.unreadable() > 0);
    // The challenges in the intact ones stay.
    let found: Vec<_> = (0..3).map(|n| challenge(&fixture, &ann(), n).is_some()).collect();
    assert_eq!((found, count(&fixture, "cases")), (vec![true, true, false], 2));
}

#[test]
fn a_challenge_is_searched_in_the_newest_cases_only() {
    let mut fixture = fixture();
    let change = |n: u64| {
        let id = u8::try_from(n.min(2)).unwrap();
        let [challenge, action] = denied(&ann(), &n.to_string(), id, 100 + n);
        // Only the oldest two have challenges.
        let writes = if n < 2 { vec![challenge, action] } else { vec![action] };
        Change { account: ann(), parent: version(n), id: CommitId(n + 1), writes }
    };
    let max = u64::try_from(CASES_SEARCHED_MAX).unwrap();
    assert!(record(&mut fixture.writer, (0..=max).map(change).collect()).is_ok());
    assert_eq!(count(&fixture, "cases").cast_unsigned(), max + 1);
    let found = [0, 1].map(|n| challenge(&fixture, &ann(), n).is_some());
    assert_eq!(found, [false, true]);
}
