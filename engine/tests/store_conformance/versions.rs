//! Commits that depend on the recorded version: actions to track, and commits that are sent again.

use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::outcome::Outcome;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::Committed;
use countersign_testkit::records::{
    action, challenge, ended, record, recorded, stale, unit, user, version,
};

pub(crate) async fn an_action_to_track_that_is_known_is_answered_and_nothing_is_written(
    store: impl Store,
) {
    let ann = user("ann");
    let first = action(&ann, "one", 10);
    recorded(&store, &ann, 0, [Write::Track(first.clone().into())]).await;
    let again = [Write::Account(record()), Write::Track(action(&ann, "one", 11).into())];
    let known = Ok(Committed::Known(first.clone().into()));
    assert_eq!(store.commit(unit(&ann, 1, again.clone())).await, known);
    assert_eq!(store.action(&ann, &first.key).await, Ok(Some(first)));
    let snapshot = store.account(&ann).await.unwrap();
    assert_eq!((snapshot.version, snapshot.record), (version(1), None));
    assert_eq!(store.commit(unit(&ann, 0, again)).await, Ok(stale(1)), "a stale change is stale");
}

pub(crate) async fn a_commit_that_is_sent_again_is_answered_and_not_written_again(
    store: impl Store,
) {
    let ann = user("ann");
    let named = |parent, commit: u64, custom: &str| {
        let mut record = record();
        record.profile.custom = Some(custom.into());
        let parent = Version { number: parent, commit: CommitId(commit - 1) };
        Change { parent, id: CommitId(commit), ..unit(&ann, 0, [Write::Account(record)]) }
    };
    let recorded = Ok(Committed::Recorded);
    let first = Change { parent: Version::NONE, ..named(0, 1, "{}") };
    assert_eq!(store.commit(first.clone()).await, recorded);
    for n in 1..9 {
        assert_eq!(store.commit(first.clone()).await, recorded, "{n} commits later");
        let next = named(n, n + 1, &format!("{{\"n\":{n}}}"));
        assert_eq!(store.commit(next.clone()).await, recorded);
        assert_eq!(store.commit(next).await, recorded, "sent again");
        let version = store.account(&ann).await.unwrap().version;
        assert_eq!(version, Version { number: n + 1, commit: CommitId(n + 1) });
    }
    // The names of the last eight commits are kept.
    let ninth = Committed::Stale { recorded: Version { number: 9, commit: CommitId(9) } };
    assert_eq!(store.commit(first).await, Ok(ninth.clone()));
    let parent = Version { number: 9, commit: CommitId(77) };
    let change = unit(&ann, 0, [Write::Account(record())]);
    let change = Change { parent, id: CommitId(10), ..change };
    assert_eq!(store.commit(change).await, Ok(ninth), "the number fits, the name does not");
}

pub(crate) async fn two_accounts_may_have_challenges_of_one_id(store: impl Store) {
    let (ann, bob) = (user("ann"), user("bob"));
    let (hers, his) = (challenge(&ann, 1, 10), challenge(&bob, 1, 20));
    recorded(&store, &bob, 0, [Write::Challenge(his.clone().into())]).await;
    recorded(&store, &ann, 0, [Write::Challenge(hers.clone().into())]).await;
    let denied = ended(&his, Outcome::Denied, 30);
    recorded(&store, &bob, 1, [Write::Challenge(denied.clone().into())]).await;
    assert_eq!(store.challenge(&ann, &hers.id).await, Ok(Some(hers)));
    assert_eq!(store.challenge(&bob, &his.id).await, Ok(Some(denied)));
}
