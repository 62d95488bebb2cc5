//! Tests of commits: their records, their refusals, and their order.

use std::sync::Arc;

use countersign_core::account::{Profile, Snapshot};
use countersign_core::action::ActionState;
use countersign_core::change::Write;
use countersign_core::display::DisplayText;
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::{Committed, StoreError};
use countersign_testkit::records::*;

pub(crate) async fn an_unknown_user_is_empty(store: impl Store) {
    let Snapshot { version, record, devices, open } = store.account(&user("ann")).await.unwrap();
    assert_eq!((version.number, record, devices, open), (0, None, vec![], vec![]));
    assert_eq!(store.action(&user("ann"), &action_key("signIn", "one")).await, Ok(None));
    assert_eq!(store.challenge(&user("ann"), &challenge_id(1)).await, Ok(None));
    assert_eq!(store.actions(&user("ann"), all_actions()).await, Ok(vec![]));
    assert_eq!(store.devices_of_key(&device(&user("ann"), 1).credential()).await, Ok(vec![]));
    assert_eq!(store.users(&tenant(), all_users()).await, Ok(vec![]));
}

pub(crate) async fn every_record_comes_back_as_it_was_committed(store: impl Store) {
    let ann = user("ann|ü?x");
    let profile = Profile {
        email: line("ann@example.com"),
        email_verified: true,
        phone_number: line("+4930123456"),
        phone_number_verified: true,
        username: line("ann"),
        display_name: line("Ann 👩\u{200d}💻"),
        locale: line("de"),
        custom: Some(r#"{"a":[1]}"#.into()),
    };
    let (account, phone) = (with_profile(profile), device(&ann, 1));
    let mut sign_in = action(&ann, "one", 5_000);
    sign_in.decided_by = Some(phone.id.clone());
    sign_in.approved = Some(DisplayText::new(r#"{"action":"signIn"}"#).unwrap());
    sign_in.revision = 7;
    sign_in.context.user_agent = line("Browser");
    let open = challenge(&ann, 1, 6_000);
    let closed = ended(&challenge(&ann, 2, 6_001), Outcome::Denied, 6_002);
    let writes = [
        Write::Account(account.clone()),
        Write::Device(phone.clone().into()),
        Write::Action(sign_in.clone().into()),
        Write::Challenge(open.clone().into()),
        Write::Challenge(closed.clone().into()),
    ];
    recorded(&store, &ann, 0, writes).await;
    let snapshot = store.account(&ann).await.unwrap();
    assert_eq!((snapshot.version.number, snapshot.record), (1, Some(account)));
    assert_eq!(snapshot.devices, std::slice::from_ref(&phone));
    let token = |d: &countersign_core::device::Device| d.push_token.clone().unwrap();
    assert_eq!(token(&snapshot.devices[0]).reveal(), token(&phone).reveal());
    assert_eq!(snapshot.open, std::slice::from_ref(&open));
    assert_eq!(store.action(&ann, &sign_in.key).await, Ok(Some(sign_in)));
    assert_eq!(store.challenge(&ann, &open.id).await, Ok(Some(open)));
    assert_eq!(store.challenge(&ann, &closed.id).await, Ok(Some(closed)));
}

pub(crate) async fn a_unit_from_another_revision_is_refused_and_told_the_recorded_one(
    store: impl Store,
) {
    let ann = user("ann");
    let stale = |recorded| Ok(stale(recorded));
    assert_eq!(store.commit(unit(&ann, 4, [Write::Account(record())])).await, stale(0));
    recorded(&store, &ann, 0, [Write::Account(record())]).await;
    for other in [0, 2, u64::MAX] {
        assert_eq!(store.commit(unit(&ann, other, [Write::Account(record())])).await, stale(1));
    }
    recorded(&store, &ann, 1, [Write::Account(record())]).await;
    assert_eq!(store.account(&ann).await.unwrap().version.number, 2);
}

pub(crate) async fn a_unit_without_the_account_raises_its_revision_too(store: impl Store) {
    let ann = user("ann");
    recorded(&store, &ann, 0, [Write::Action(action(&ann, "one", 1).into())]).await;
    recorded(&store, &ann, 1, []).await;
    let snapshot = store.account(&ann).await.unwrap();
    assert_eq!((snapshot.version.number, snapshot.record), (2, None));
    assert_eq!(store.users(&tenant(), all_users()).await, Ok(vec![]));
    recorded(&store, &ann, 2, [Write::Account(record())]).await;
    recorded(&store, &ann, 3, [Write::Device(device(&ann, 1).into())]).await;
    let snapshot = store.account(&ann).await.unwrap();
    assert_eq!((snapshot.version.number, snapshot.record), (4, Some(record())));
}

pub(crate) async fn nothing_of_a_stale_unit_is_written(store: impl Store) {
    let ann = user("ann");
    let phone = device(&ann, 1);
    recorded(&store, &ann, 0, [Write::Account(record()), Write::Device(phone.clone().into())])
        .await;
    let writes = [
        Write::Account(with_profile(Profile::default())),
        Write::Action(action(&ann, "one", 1).into()),
        Write::Challenge(challenge(&ann, 1, 1).into()),
        Write::Device(device(&ann, 2).into()),
        Write::RemoveDevice(phone.id.clone()),
    ];
    let committed = store.commit(unit(&ann, 0, writes)).await;
    assert_eq!(committed, Ok(stale(1)));
    let removal = store.commit(unit(&ann, 7, [Write::RemoveAccount])).await;
    assert_eq!(removal, Ok(stale(1)));
    let Snapshot { version, record: account, devices, open } = store.account(&ann).await.unwrap();
    assert_eq!((version.number, account, devices, open), (1, Some(record()), vec![phone], vec![]));
    assert_eq!(store.actions(&ann, all_actions()).await, Ok(vec![]));
}

pub(crate) async fn removing_a_user_takes_devices_and_actions_and_leaves_challenges(
    store: impl Store,
) {
    let (ann, bob) = (user("ann"), user("bob"));
    for who in [&ann, &bob] {
        let writes = [
            Write::Account(record()),
            Write::Device(device(who, 1).into()),
            Write::Action(action(who, "one", 1).into()),
        ];
        recorded(&store, who, 0, writes).await;
    }
    let open = challenge(&ann, 1, 10);
    recorded(&store, &ann, 1, [Write::Challenge(open.clone().into())]).await;
    let revoked = ended(&open, Outcome::Revoked, 20);
    let removal = [Write::Challenge(revoked.clone().into()), Write::RemoveAccount];
    recorded(&store, &ann, 2, removal).await;

    an_unknown_user_but_for(&store, &ann, &bob).await;
    assert_eq!(store.challenge(&ann, &open.id).await, Ok(Some(revoked)));
}

async fn an_unknown_user_but_for(
    store: &impl Store,
    gone: &countersign_core::id::AccountKey,
    left: &countersign_core::id::AccountKey,
) {
    let Snapshot { version, record: account, devices, open } = store.account(gone).await.unwrap();
    assert_eq!((version.number, account, devices, open), (3, None, vec![], vec![]));
    assert_eq!(store.actions(gone, all_actions()).await, Ok(vec![]));
    assert_eq!(store.action(gone, &action_key("signIn", "one")).await, Ok(None));
    let credential = device(left, 1).credential();
    assert_eq!(store.devices_of_key(&credential).await, Ok(vec![device(left, 1)]));
    let users = store.users(&tenant(), all_users()).await;
    assert_eq!(users, Ok(vec![(left.user.clone(), record())]));
    assert_eq!(store.actions(left, all_actions()).await.unwrap().len(), 1);
}

pub(crate) async fn a_late_commit_never_meets_a_user_who_is_made_anew(store: impl Store) {
    let ann = user("ann");
    let late =
        |expected| store.commit(unit(&ann, expected, [Write::Device(device(&ann, 1).into())]));
    recorded(&store, &ann, 0, [Write::Account(record())]).await;
    recorded(&store, &ann, 1, [Write::RemoveAccount]).await;
    for expected in [0, 1, 3] {
        assert_eq!(late(expected).await, Ok(stale(2)));
    }
    recorded(&store, &ann, 2, [Write::Account(record())]).await;
    for expected in [0, 1, 2] {
        assert_eq!(late(expected).await, Ok(stale(3)));
    }
    let both = [Write::RemoveAccount, Write::Account(record())];
    recorded(&store, &ann, 3, both).await;
    let snapshot = store.account(&ann).await.unwrap();
    assert_eq!((snapshot.version.number, snapshot.record), (4, Some(record())));
    assert!(snapshot.devices.is_empty());
}

pub(crate) async fn the_revision_of_a_removed_user_is_forgotten_after_a_day(store: impl Store) {
    const DAY: u64 = 24 * 60 * 60 * 1000;
    let (ann, bob) = (user("ann"), user("bob"));
    let prune = |over| store.prune(UnixMillis(0), UnixMillis(over));
    for who in [&ann, &bob] {
        recorded(&store, who, 0, [Write::Account(record())]).await;
        recorded(&store, who, 1, [Write::RemoveAccount]).await;
    }
    // The day counts from the first pruning after the removal, not from the removal.
    assert_eq!(prune(5 * DAY).await, Ok(0));
    recorded(&store, &bob, 2, [Write::Account(record())]).await;
    assert_eq!(prune(6 * DAY - 1).await, Ok(0));
    assert_eq!(store.account(&ann).await.unwrap().version.number, 2);
    assert_eq!(prune(6 * DAY).await, Ok(1));
    assert_eq!(store.account(&ann).await.unwrap().version.number, 0);
    assert_eq!(prune(60 * DAY).await, Ok(0));
    assert_eq!(store.account(&bob).await.unwrap().record, Some(record()));
}

pub(crate) async fn a_removed_device_is_found_nowhere(store: impl Store) {
    let ann = user("ann");
    let (first, second) = (device(&ann, 1), device(&ann, 2));
    let both = [Write::Device(second.clone().into()), Write::Device(first.clone().into())];
    recorded(&store, &ann, 0, both).await;
    recorded(&store, &ann, 1, [Write::RemoveDevice(first.id.clone())]).await;
    assert_eq!(store.account(&ann).await.unwrap().devices, std::slice::from_ref(&second));
    assert_eq!(store.devices_of_key(&first.credential()).await, Ok(vec![second.clone()]));
    // If a device is written again with another key, the index of its old key does not find it any
    // more.
    let renewed = countersign_core::device::Device { key: key(8), ..second.clone() };
    recorded(&store, &ann, 2, [Write::Device(renewed.clone().into())]).await;
    assert_eq!(store.devices_of_key(&second.credential()).await, Ok(vec![]));
    assert_eq!(store.devices_of_key(&renewed.credential()).await, Ok(vec![renewed]));
}

pub(crate) async fn commits_of_one_account_stay_in_order_under_eight_threads(store: impl Store) {
    const UNITS: u64 = 40;
    let store = Arc::new(store);
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let (store, who) = (Arc::clone(&store), user(&format!("user-{n}")));
            std::thread::spawn(move || {
                // Each commit is submitted without waiting for the previous one, although it is
                // valid only after that.
                let answers: Vec<_> = (0..UNITS)
                    .map(|at| {
                        let state = Write::Action(
                            action(&who, "one", 1)
                                .in_state(
                                    if at % 2 == 0 {
                                        ActionState::Allow
                                    } else {
                                        ActionState::Block
                                    },
                                    UnixMillis(at),
                                )
                                .into(),
                        );
                        store.commit(unit(&who, at, [Write::Account(record()), state]))
                    })
                    .collect();
                (who, answers)
            })
        })
        .collect();
    for thread in threads {
        let (who, answers) = thread.join().unwrap();
        for answer in answers {
            assert_eq!(answer.await, Ok(Committed::Recorded));
        }
        let snapshot = store.account(&who).await.unwrap();
        assert_eq!(snapshot.version.number, UNITS);
        let last = store.action(&who, &action_key("signIn", "one")).await.unwrap().unwrap();
        assert_eq!(last.state_updated_at, UnixMillis(UNITS - 1));
    }
}

pub(crate) async fn closing_records_what_is_queued_and_refuses_what_comes_later(store: impl Store) {
    let ann = user("ann");
    let queued: Vec<_> =
        (0..50).map(|at| store.commit(unit(&ann, at, [Write::Account(record())]))).collect();
    assert_eq!(store.close().await, Ok(()));
    for answer in queued {
        assert_eq!(answer.await, Ok(Committed::Recorded));
    }
    let closed = |e: &StoreError| matches!(e, StoreError::Closed);
    assert!(store.ready().is_err_and(|e| closed(&e)));
    assert!(store.commit(unit(&ann, 50, [])).await.is_err_and(|e| closed(&e)));
    assert!(store.account(&ann).await.is_err_and(|e| closed(&e)));
    assert!(store.token_secret(&tenant(), [1; 32]).await.is_err_and(|e| closed(&e)));
    assert!(store.close().await.is_err_and(|e| closed(&e)));
}
