//! Tests of the rule: which lifecycles a commit leaves under way, and which answers it gets.

use countersign_core::action::ActionContext;
use countersign_core::challenge::Ended;
use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::id::{
    AccountKey, ActionCode, AuthenticatorId, IdempotencyKey, TenantId, UserId,
};
use countersign_core::outcome::Outcome;

use super::*;
use crate::ports::store::Committed;
use crate::store::record::hot;

fn ann() -> AccountKey {
    AccountKey { tenant: TenantId::parse("demo").unwrap(), user: UserId::parse("ann").unwrap() }
}

fn key(name: &str) -> ActionKey {
    ActionKey {
        code: ActionCode::parse("pay").unwrap(),
        idempotency_key: IdempotencyKey::parse(name).unwrap(),
    }
}

fn action(name: &str, state: ActionState, at: u64) -> Arc<Action> {
    Arc::new(Action {
        account: ann(),
        key: key(name),
        state,
        context: ActionContext::default(),
        created_at: UnixMillis(at),
        state_updated_at: UnixMillis(at),
        decided_by: None,
        approved: None,
        revision: 0,
    })
}

fn pending(name: &str, at: u64) -> Arc<Action> {
    action(name, ActionState::ChallengeRequired, at)
}

fn open(name: &str, n: u8, at: u64) -> Arc<Challenge> {
    Arc::new(Challenge {
        id: ChallengeId::from_entropy(&[n; 24]),
        account: ann(),
        action: key(name),
        targets: vec![AuthenticatorId::from_entropy([1; 16])],
        issued_at: UnixMillis(at),
        expires_at: UnixMillis(at + 300),
        held: false,
        notifications: 0,
        ended: None,
        number: None,
        shown: None,
    })
}

fn ended(challenge: &Challenge, outcome: Outcome, at: u64) -> Arc<Challenge> {
    let ended = Some(Ended::without_device(outcome, UnixMillis(at)));
    Arc::new(Challenge { ended, ..challenge.clone() })
}

/// An account with cases, as a store keeps them.
#[derive(Default)]
struct Account {
    hot: Hot,
    cases: Vec<Found>,
    commits: u64,
}

impl Account {
    fn change(&mut self, writes: Vec<Write>) -> Change {
        self.commits += 1;
        let id = CommitId(self.commits);
        Change { account: ann(), parent: self.hot.version, id, writes }
    }

    /// Commits writes from the account's version.
    fn commit(&mut self, writes: Vec<Write>) -> Committed {
        let change = self.change(writes);
        self.submit(&change)
    }

    fn submit(&mut self, change: &Change) -> Committed {
        let named = named(&self.hot, change);
        let is_touched = |case: &&Found| {
            change.writes.contains(&Write::RemoveAccount) || named.contains(&&case.lifecycle.key)
        };
        let touched: Vec<_> = self.cases.iter().filter(is_touched).cloned().collect();
        if let Some(answer) = judge(&self.hot, &touched, change) {
            return answer;
        }
        let Moved { ended, changed, gone } = apply(&mut self.hot, touched, change);
        self.cases.retain(|case| !gone.contains(&case.id));
        for Found { id, lifecycle } in changed {
            self.cases.iter_mut().find(|case| case.id == id).unwrap().lifecycle = lifecycle;
        }
        let next = self.cases.iter().map(|case| case.id).max().unwrap_or(0) + 1;
        let ended = (next..).zip(ended).map(|(id, lifecycle)| Found { id, lifecycle });
        self.cases.extend(ended);
        // Every state that a rule makes is one that a row can hold.
        let row = hot::seal(&ann(), &self.hot);
        assert_eq!(hot::open(&ann(), &row).as_ref(), Ok(&self.hot));
        for Found { lifecycle, .. } in &self.cases {
            let read = Lifecycle::from_bytes(&ann(), &lifecycle.to_bytes());
            assert_eq!(read.as_ref(), Ok(lifecycle));
        }
        Committed::Recorded
    }

    fn under_way(&self) -> usize {
        self.hot.lifecycles.len()
    }
}

#[test]
fn a_lifecycle_is_under_way_until_its_decision_and_then_one_case() {
    let mut account = Account::default();
    let asked = open("one", 1, 20);
    account.commit(vec![Write::Track(pending("one", 10))]);
    account.commit(vec![Write::Challenge(asked.clone())]);
    assert_eq!((account.under_way(), account.cases.len()), (1, 0));
    assert_eq!(account.hot.due(), Some(UnixMillis(320)));
    let done = action("one", ActionState::ChallengeSucceeded, 10);
    let approved = ended(&asked, Outcome::Approved, 30);
    account.commit(vec![Write::Challenge(approved.clone()), Write::Action(done.clone())]);
    assert_eq!((account.under_way(), account.hot.due()), (0, None));
    let lifecycle = Lifecycle { key: key("one"), action: Some(done), challenges: vec![approved] };
    assert_eq!(lifecycle.end(), UnixMillis(30));
    assert_eq!(account.cases, [Found { id: 1, lifecycle }]);
}

#[test]
fn a_case_that_is_challenged_again_is_under_way_again_with_all_its_challenges() {
    let mut account = Account::default();
    let denied = ended(&open("one", 1, 20), Outcome::Denied, 30);
    let failed = action("one", ActionState::ChallengeFailed, 10);
    account.commit(vec![Write::Action(failed), Write::Challenge(denied.clone())]);
    assert_eq!((account.under_way(), account.cases.len()), (0, 1));
    let again = open("one", 2, 40);
    account.commit(vec![Write::Action(pending("one", 10)), Write::Challenge(again.clone())]);
    assert_eq!((account.under_way(), account.cases.len()), (1, 0));
    assert_eq!(account.hot.lifecycles[0].challenges, [denied, again]);
    // An operator's override ends it. Another override changes the case in its place.
    for state in [ActionState::Block, ActionState::Allow] {
        let cancelled = ended(&open("one", 2, 40), Outcome::Cancelled, 50);
        let writes = vec![Write::Challenge(cancelled), Write::Action(action("one", state, 10))];
        assert_eq!(account.commit(writes), Committed::Recorded);
        assert_eq!((account.under_way(), account.cases.len()), (0, 1));
        let recorded = account.cases[0].lifecycle.action.as_ref().unwrap();
        assert_eq!(recorded.state, state);
    }
}

#[test]
fn a_new_action_does_not_get_an_open_challenge_of_an_old_one() {
    let mut account = Account::default();
    let asked = open("one", 1, 20);
    account.commit(vec![Write::Challenge(asked.clone())]);
    account.commit(vec![Write::Track(pending("one", 40))]);
    let parts = |account: &Account| {
        let of = |l: &Lifecycle| (l.action.is_some(), l.challenges.len());
        account.hot.lifecycles.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(parts(&account), [(false, 1), (true, 0)]);
    // Its own challenge comes to it, and the old one ends where it was.
    account.commit(vec![Write::Challenge(open("one", 2, 50))]);
    assert_eq!(parts(&account), [(false, 1), (true, 1)]);
    account.commit(vec![Write::Challenge(ended(&asked, Outcome::Expired, 320))]);
    assert_eq!(parts(&account), [(true, 1)]);
    assert_eq!(account.cases[0].lifecycle.challenges.len(), 1);
}

#[test]
fn names_of_one_checksum_have_different_digests() {
    let names = ["n577105044", "n841678834"].map(key);
    let sum = |key: &ActionKey| {
        let name = format!("{}\0{}", key.code.as_str(), key.idempotency_key.as_str());
        crc32c::crc32c(name.as_bytes())
    };
    assert_eq!(sum(&names[0]), sum(&names[1]));
    assert_ne!(digest(&names[0]), digest(&names[1]));
    assert!(names.iter().all(|name| digest(name) >= 0 && digest(name) > i64::from(u32::MAX)));
}

#[test]
fn a_lifecycle_does_not_end_before_its_action_was_tracked() {
    let mut tracked = Action::clone(&action("one", ActionState::Allow, 10));
    tracked.created_at = UnixMillis(30);
    let lifecycle = Lifecycle { action: Some(tracked.into()), ..Lifecycle::new(key("one")) };
    assert_eq!(lifecycle.end(), UnixMillis(30));
}

#[test]
fn the_youngest_pending_actions_are_under_way_and_older_ones_when_they_are_challenged() {
    let mut account = Account::default();
    for n in 0..20 {
        account.commit(vec![Write::Track(pending(&format!("{n}"), n))]);
    }
    assert_eq!((account.under_way(), account.cases.len()), (PENDING_MAX, 4));
    let names: Vec<_> = account.cases.iter().map(|c| c.lifecycle.key.clone()).collect();
    assert_eq!(names, ["0", "1", "2", "3"].map(key));
    account.commit(vec![Write::Challenge(open("2", 1, 30))]);
    assert_eq!((account.under_way(), account.cases.len()), (PENDING_MAX + 1, 3));
    // Its expiry leaves it behind the younger ones again.
    account.commit(vec![Write::Challenge(ended(&open("2", 1, 30), Outcome::Expired, 330))]);
    assert_eq!((account.under_way(), account.cases.len()), (PENDING_MAX, 4));
    assert_eq!(account.cases[3].lifecycle.challenges.len(), 1);
}

#[test]
fn large_pending_actions_are_fewer_and_at_least_one() {
    let with = |name: &str, at, bytes: usize| {
        let custom = Some("x".repeat(bytes).into());
        let context = ActionContext { custom, ..ActionContext::default() };
        let action = Action { context, ..Action::clone(&pending(name, at)) };
        Write::Track(action.into())
    };
    let mut account = Account::default();
    for n in 0..8 {
        account.commit(vec![with(&format!("{n}"), n, 4_000)]);
    }
    assert_eq!((account.under_way(), account.cases.len()), (4, 4));
    account.commit(vec![with("large", 9, 40_000)]);
    assert_eq!((account.under_way(), account.cases.len()), (1, 8));
    assert_eq!(account.hot.lifecycles[0].key, key("large"));
}

#[test]
fn the_challenges_of_an_action_that_is_asked_for_ever_do_not_stay_in_the_hot_state() {
    let mut account = Account::default();
    account.commit(vec![Write::Track(pending("one", 0))]);
    for n in 0..40 {
        let asked = open("one", n, u64::from(n));
        account.commit(vec![Write::Challenge(asked.clone())]);
        account.commit(vec![Write::Challenge(ended(&asked, Outcome::Expired, 400))]);
    }
    assert_eq!(account.hot.lifecycles[0].challenges.len(), ENDED_MAX);
    assert!(account.cases.iter().all(|case| case.lifecycle.action.is_none()));
    // The end of a challenge in such a case is final too.
    let other = ended(&open("one", 0, 0), Outcome::Denied, 401);
    let refused = account.commit(vec![Write::Challenge(other)]);
    assert!(matches!(refused, Committed::Ended { .. }), "{refused:?}");
    assert!(matches!(account.commit(vec![Write::Track(pending("one", 1))]), Committed::Known(_)));
}

#[test]
fn a_removal_leaves_challenges_and_the_version_and_frees_names() {
    let mut account = Account::default();
    let done = action("one", ActionState::ChallengeSucceeded, 10);
    let approved = ended(&open("one", 1, 20), Outcome::Approved, 30);
    account.commit(vec![Write::Action(done), Write::Challenge(approved.clone())]);
    account.commit(vec![Write::Action(action("bare", ActionState::Allow, 10))]);
    account.commit(vec![Write::Track(pending("two", 40))]);
    account.commit(vec![Write::RemoveAccount]);
    assert_eq!((account.under_way(), account.cases.len()), (0, 1));
    assert_eq!(account.cases[0].lifecycle.action, None);
    assert_eq!(account.hot.version.number, 4);
    let again = action("one", ActionState::Allow, 50);
    assert_eq!(account.commit(vec![Write::Track(again)]), Committed::Recorded);
    assert_eq!(account.cases.len(), 2);
    let repeated = account.commit(vec![Write::Challenge(approved.clone())]);
    assert_eq!((repeated, account.cases.len()), (Committed::Recorded, 2));
    let holders = account.cases.iter().filter(|c| c.lifecycle.challenge(&approved.id).is_some());
    assert_eq!(holders.count(), 1);
}

#[test]
fn answers_come_in_the_order_of_the_checks() {
    let mut account = Account::default();
    let first = ended(&open("one", 1, 10), Outcome::Approved, 20);
    let change = account.change(vec![
        Write::Track(action("one", ActionState::Allow, 5)),
        Write::Challenge(first.clone()),
    ]);
    assert_eq!(account.submit(&change), Committed::Recorded);
    let before = account.hot.clone();
    // The same commit again, even after others of the account.
    assert_eq!(account.submit(&change), Committed::Recorded);
    assert_eq!(account.hot, before, "nothing is written again");
    for _ in 0..7 {
        account.commit(vec![]);
    }
    assert_eq!(account.submit(&change), Committed::Recorded);
    account.commit(vec![]);
    let stale = Committed::Stale { recorded: account.hot.version };
    assert_eq!(account.submit(&change), stale, "its name is forgotten");
    // A recorded end is the better answer to a stale change, and staleness to a known action.
    let other = Change {
        writes: vec![
            Write::Track(pending("one", 6)),
            Write::Challenge(ended(&first, Outcome::Denied, 21)),
        ],
        ..change.clone()
    };
    assert!(matches!(account.submit(&other), Committed::Ended { .. }));
    let known = Change { writes: vec![Write::Track(pending("one", 6))], ..change };
    assert_eq!(account.submit(&known), stale);
    let known = Change { parent: account.hot.version, ..known };
    let Committed::Known(recorded) = account.submit(&known) else { panic!("tracked twice") };
    assert_eq!(recorded.created_at, UnixMillis(5));
}

#[test]
fn a_commit_without_a_name_is_never_taken_for_a_recorded_one() {
    let mut account = Account::default();
    for number in 0..2 {
        let parent = Version { number, commit: CommitId::NONE };
        let change = Change { account: ann(), parent, id: CommitId::NONE, writes: vec![] };
        account.submit(&change);
        assert_eq!(account.hot.version.number, number + 1);
    }
}

#[test]
fn a_damaged_or_foreign_row_is_an_error() {
    let mut account = Account::default();
    let writes = vec![Write::Track(pending("one", 10)), Write::Challenge(open("one", 1, 20))];
    account.commit(writes);
    let bob = AccountKey { user: UserId::parse("bob").unwrap(), ..ann() };
    let row = hot::seal(&ann(), &account.hot);
    assert!(hot::open(&bob, &row).is_err());
    for length in 0..row.len() {
        assert!(hot::open(&ann(), &row[..length]).is_err());
    }
    let orphans = Lifecycle { action: None, ..account.hot.lifecycles[0].clone() };
    for lifecycle in [&orphans, &account.hot.lifecycles[0]] {
        let bytes = lifecycle.to_bytes();
        assert!(Lifecycle::from_bytes(&bob, &bytes).is_err());
        for length in 0..bytes.len() {
            // Without its last part, a lifecycle is one with fewer challenges.
            let cut = Lifecycle::from_bytes(&ann(), &bytes[..length]);
            assert!(cut.is_err() || cut.is_ok_and(|cut| cut.challenges.is_empty()), "{length}");
        }
    }
}
