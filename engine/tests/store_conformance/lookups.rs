//! Tests of look-ups by attribute, time and key, and of records that are pruned.

use countersign_core::account::{AccountRecord, Profile};
use countersign_core::action::{Action, ActionState};
use countersign_core::change::Write;
use countersign_core::device::Device;
use countersign_core::id::{AccountKey, ActionCode, TenantId, UserId};
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::{ActionQuery, UserQuery};
use countersign_testkit::records::*;

fn profile(email: &str, phone: &str, username: &str) -> AccountRecord {
    with_profile(Profile {
        email: line(email),
        phone_number: line(phone),
        username: line(username),
        ..Profile::default()
    })
}

async fn found(store: &impl Store, tenant: &TenantId, query: UserQuery) -> Vec<String> {
    let users = store.users(tenant, query).await.unwrap();
    users.into_iter().map(|(user, _)| user.as_str().to_owned()).collect()
}

async fn add(store: &impl Store, name: &str, record: AccountRecord) {
    recorded(store, &user(name), 0, [Write::Account(record)]).await;
}

pub(crate) async fn users_are_found_by_all_the_attributes_that_are_given(store: impl Store) {
    add(&store, "ann", profile("a@x", "+1", "a")).await;
    add(&store, "bob", profile("a@x", "+2", "b")).await;
    add(&store, "eve", profile("e@x", "+2", "a")).await;
    add(&store, "nobody", with_profile(Profile::default())).await;
    let ask = |email: Option<&str>, phone: Option<&str>, username: Option<&str>| UserQuery {
        email: email.map(str::to_owned),
        phone_number: phone.map(str::to_owned),
        username: username.map(str::to_owned),
        ..all_users()
    };
    for (query, expected) in [
        (ask(None, None, None), &["ann", "bob", "eve", "nobody"][..]),
        (ask(Some("a@x"), None, None), &["ann", "bob"]),
        (ask(None, Some("+2"), None), &["bob", "eve"]),
        (ask(None, None, Some("a")), &["ann", "eve"]),
        (ask(Some("a@x"), Some("+2"), None), &["bob"]),
        (ask(Some("a@x"), None, Some("a")), &["ann"]),
        (ask(None, Some("+2"), Some("a")), &["eve"]),
        (ask(Some("e@x"), Some("+2"), Some("a")), &["eve"]),
        (ask(Some("e@x"), Some("+1"), Some("a")), &[]),
        (ask(Some("A@X"), None, None), &["ann", "bob"]),
        (ask(Some("A@X"), Some("+2"), None), &["bob"]),
        (ask(None, None, Some("A")), &[]),
        (ask(Some("a@"), None, None), &[]),
        (ask(Some("' OR 1=1 --"), None, None), &[]),
    ] {
        assert_eq!(found(&store, &tenant(), query.clone()).await, expected, "{query:?}");
    }
    let users = store.users(&tenant(), ask(Some("e@x"), None, None)).await;
    let eve = UserId::parse("eve").unwrap();
    assert_eq!(users, Ok(vec![(eve, profile("e@x", "+2", "a"))]));
}

pub(crate) async fn a_changed_or_removed_attribute_is_not_found_any_more(store: impl Store) {
    let by_email = |text: &str| UserQuery { email: Some(text.to_owned()), ..all_users() };
    add(&store, "ann", profile("old@x", "+1", "a")).await;
    recorded(&store, &user("ann"), 1, [Write::Account(profile("new@x", "+1", "a"))]).await;
    assert_eq!(found(&store, &tenant(), by_email("old@x")).await, [""; 0]);
    assert_eq!(found(&store, &tenant(), by_email("new@x")).await, ["ann"]);
    recorded(&store, &user("ann"), 2, [Write::RemoveAccount]).await;
    assert_eq!(found(&store, &tenant(), by_email("new@x")).await, [""; 0]);
    assert_eq!(found(&store, &tenant(), all_users()).await, [""; 0]);
}

/// Letters outside ASCII are not folded, because `Ä` and `ä` may be different people.
pub(crate) async fn an_address_is_found_in_any_case_of_its_ascii_letters(store: impl Store) {
    let by_email = |text: &str| UserQuery { email: Some(text.to_owned()), ..all_users() };
    for (name, email) in [("ann", "Ann@Example.com"), ("bob", "ann@example.COM"), ("eve", "Ä@x")] {
        add(&store, name, profile(email, "+1", "a")).await;
    }
    for text in ["ann@example.com", "ANN@EXAMPLE.COM", "Ann@Example.com"] {
        assert_eq!(found(&store, &tenant(), by_email(text)).await, ["ann", "bob"], "{text}");
    }
    assert_eq!(found(&store, &tenant(), by_email("Ä@X")).await, ["eve"]);
    assert_eq!(found(&store, &tenant(), by_email("ä@x")).await, [""; 0]);
    let page = UserQuery { limit: 1, ..by_email("ann@example.com") };
    assert_eq!(found(&store, &tenant(), page.clone()).await, ["ann"]);
    let after = UserQuery { after: Some(UserId::parse("ann").unwrap()), ..page };
    assert_eq!(found(&store, &tenant(), after).await, ["bob"]);
    // The new spelling of the address replaces the old one.
    recorded(&store, &user("ann"), 1, [Write::Account(profile("ANN@example.com", "+1", "a"))])
        .await;
    assert_eq!(found(&store, &tenant(), by_email("ann@example.com")).await, ["ann", "bob"]);
    recorded(&store, &user("ann"), 2, [Write::Account(profile("else@x", "+1", "a"))]).await;
    assert_eq!(found(&store, &tenant(), by_email("ann@example.com")).await, ["bob"]);
}

pub(crate) async fn users_come_in_pages_by_id(store: impl Store) {
    for name in ["ö", "c", " ", "B", "a", "d"] {
        let email = if name == "c" { "other@x" } else { "same@x" };
        add(&store, name, profile(email, "+1", "u")).await;
    }
    for (email, expected) in
        [(None, &[" ", "B", "a", "c", "d", "ö"][..]), (Some("same@x"), &[" ", "B", "a", "d", "ö"])]
    {
        let mut seen = Vec::new();
        let mut query = UserQuery { email: email.map(str::to_owned), limit: 2, ..all_users() };
        loop {
            let page = found(&store, &tenant(), query.clone()).await;
            assert!(page.len() <= 2);
            let Some(last) = page.last() else { break };
            query.after = Some(UserId::parse(last).unwrap());
            seen.extend(page);
        }
        assert_eq!(seen, expected);
    }
    let none = UserQuery { limit: 0, ..all_users() };
    assert_eq!(found(&store, &tenant(), none).await, [""; 0]);
}

pub(crate) async fn users_of_another_tenant_are_not_found(store: impl Store) {
    let other = TenantId::parse("other").unwrap();
    let foreign = AccountKey { tenant: other.clone(), user: UserId::parse("ann").unwrap() };
    recorded(&store, &foreign, 0, [Write::Account(record())]).await;
    let open = challenge(&foreign, 1, 10);
    recorded(&store, &foreign, 1, [Write::Challenge(open.clone().into())]).await;
    let by_email = UserQuery { email: Some("ann@example.com".to_owned()), ..all_users() };
    for query in [all_users(), by_email] {
        assert_eq!(found(&store, &tenant(), query.clone()).await, [""; 0]);
        assert_eq!(found(&store, &other, query).await, ["ann"]);
    }
    assert_eq!(store.account(&user("ann")).await.unwrap().version.number, 0);
    assert_eq!(store.challenge(&user("ann"), &open.id).await, Ok(None));
    assert_eq!(store.challenge(&foreign, &open.id).await, Ok(Some(open)));
}

pub(crate) async fn actions_come_newest_first_and_filtered(store: impl Store) {
    let ann = user("ann");
    let mut pay = action(&ann, "pay-1", 20);
    pay.key = action_key("pay", "pay-1");
    let mut done = action(&ann, "done", 30);
    done.state = ActionState::ChallengeSucceeded;
    let all = [
        action(&ann, "first", 10),
        pay.clone(),
        action(&ann, "z", 30),
        done.clone(),
        action(&ann, "a", 30),
    ];
    recorded(&store, &ann, 0, all.clone().map(|record| Write::Action(record.into()))).await;
    recorded(&store, &user("bob"), 0, [Write::Action(action(&user("bob"), "first", 10).into())])
        .await;
    // Writing an action again does not make it newer.
    recorded(&store, &ann, 1, [Write::Action(all[2].clone().into())]).await;
    let newest = [&all[4], &all[3], &all[2], &all[1], &all[0]].map(Clone::clone);
    assert_eq!(store.actions(&ann, all_actions()).await, Ok(newest.to_vec()));

    let code = |text: &str| ActionCode::parse(text).unwrap();
    let codes = |codes: Vec<ActionCode>| ActionQuery { codes, ..all_actions() };
    let asked: [(ActionQuery, &[Action]); 7] = [
        (ActionQuery { from: UnixMillis(20), ..all_actions() }, &newest[..4]),
        (ActionQuery { from: UnixMillis(21), ..all_actions() }, &newest[..3]),
        (ActionQuery { limit: 2, ..all_actions() }, &newest[..2]),
        (codes(vec![code("pay")]), std::slice::from_ref(&pay)),
        (codes(vec![code("pay"), code("signIn")]), &newest),
        (ActionQuery { state: Some(done.state), ..all_actions() }, std::slice::from_ref(&done)),
        (ActionQuery { state: Some(done.state), ..codes(vec![code("pay")]) }, &[]),
    ];
    for (query, expected) in asked {
        let found = store.actions(&ann, query.clone()).await.unwrap();
        assert_eq!(found, expected, "{query:?}");
    }
    // The limit counts the listed actions, not the examined ones.
    let one = ActionQuery { limit: 1, ..codes(vec![code("pay")]) };
    assert_eq!(store.actions(&ann, one).await, Ok(vec![pay]));
}

pub(crate) async fn an_action_is_listed_in_the_state_that_it_has(store: impl Store) {
    let ann = user("ann");
    let (first, second) = (action(&ann, "first", 10), action(&ann, "second", 10));
    let code = || vec![ActionCode::parse("signIn").unwrap()];
    let ask = |state, codes| ActionQuery { state: Some(state), codes, ..all_actions() };
    recorded(&store, &ann, 0, [&first, &second].map(|a| Write::Action(a.clone().into()))).await;
    let done = first.in_state(ActionState::ChallengeSucceeded, UnixMillis(20));
    recorded(&store, &ann, 1, [Write::Action(done.clone().into())]).await;
    for codes in [vec![], code()] {
        let required = store.actions(&ann, ask(ActionState::ChallengeRequired, codes.clone()));
        assert_eq!(required.await, Ok(vec![second.clone()]));
        let succeeded = store.actions(&ann, ask(ActionState::ChallengeSucceeded, codes.clone()));
        assert_eq!(succeeded.await, Ok(vec![done.clone()]));
        // Actions keep the order in which they were tracked, whatever their states.
        let all = ActionQuery { codes, ..all_actions() };
        assert_eq!(store.actions(&ann, all).await, Ok(vec![second.clone(), done.clone()]));
    }
    let twice = ActionQuery { codes: [code(), code()].concat(), ..all_actions() };
    assert_eq!(store.actions(&ann, twice).await, Ok(vec![second, done]));
    assert_eq!(store.prune(UnixMillis(11), UnixMillis(0)).await, Ok(2));
    assert_eq!(store.actions(&ann, all_actions()).await, Ok(vec![]));
}

pub(crate) async fn a_key_is_found_with_all_its_bindings_on_its_tenant(store: impl Store) {
    let other = TenantId::parse("other").unwrap();
    let foreign = AccountKey { tenant: other.clone(), user: UserId::parse("ann").unwrap() };
    let (ann, bob) = (device(&user("ann"), 2), device(&user("bob"), 1));
    let another_key = Device { key: key(8), ..device(&user("bob"), 3) };
    for device in [&ann, &bob, &device(&foreign, 4)] {
        recorded(&store, &device.account, 0, [Write::Device(device.clone().into())]).await;
    }
    recorded(&store, &bob.account, 1, [Write::Device(another_key.clone().into())]).await;
    assert_eq!(store.devices_of_key(&ann.credential()).await, Ok(vec![bob, ann]));
    assert_eq!(store.devices_of_key(&another_key.credential()).await, Ok(vec![another_key]));
}

pub(crate) async fn the_first_token_secret_of_a_tenant_is_kept(store: impl Store) {
    let other = TenantId::parse("other").unwrap();
    assert_eq!(store.token_secret(&tenant(), [1; 32]).await, Ok([1; 32]));
    assert_eq!(store.token_secret(&other, [2; 32]).await, Ok([2; 32]));
    assert_eq!(store.token_secret(&tenant(), [3; 32]).await, Ok([1; 32]));
}
