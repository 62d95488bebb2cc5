//! Tests of tickets: a ticket finds its account exactly as long as the account has it.

use countersign_core::account::{AccountRecord, Grant};
use countersign_core::change::Write;
use countersign_core::id::{AccountKey, AuthenticatorId, TenantId, UserId};
use countersign_core::statement::Digest;
use countersign_core::ticket::Ticket;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store;
use countersign_testkit::records::*;

fn ticket(name: &str) -> Ticket {
    let grant = Grant {
        action: action_key("enroll", "one"),
        issued_at: UnixMillis(1_000),
        is_verified: false,
        born: None,
    };
    let (digest, ends_at) = (Digest::of(name), UnixMillis(601_000));
    let (made_at, set_backs) = (UnixMillis(1_500), 2);
    Ticket { digest, grant, may_add: true, made_at, set_backs, ends_at, used_by: None }
}

fn with(names: &[&str]) -> Write {
    let tickets = names.iter().map(|name| ticket(name)).collect();
    Write::Account(AccountRecord { tickets, ..record() })
}

/// Records an account with two tickets of 600 seconds.
pub(crate) async fn two_are_recorded(store: &impl Store) {
    recorded(store, &user("ann"), 0, [with(&["a", "b"])]).await;
}

async fn found(store: &impl Store, name: &str) -> Option<AccountKey> {
    store.account_of_ticket(&Digest::of(name)).await.unwrap()
}

pub(crate) async fn a_ticket_leads_to_its_account_while_that_has_it(store: impl Store) {
    let (ann, bob) = (user("ann"), user("bob"));
    let other = TenantId::parse("other").unwrap();
    let elsewhere = AccountKey { tenant: other, user: UserId::parse("a:b c").unwrap() };
    recorded(&store, &ann, 0, [with(&["a", "b"])]).await;
    recorded(&store, &bob, 0, [with(&["c"])]).await;
    recorded(&store, &elsewhere, 0, [with(&["d"])]).await;
    for (name, account) in [("a", &ann), ("b", &ann), ("c", &bob), ("d", &elsewhere)] {
        assert_eq!(found(&store, name).await.as_ref(), Some(account), "{name}");
    }
    assert_eq!(found(&store, "unknown").await, None);
    recorded(&store, &ann, 1, [with(&["b", "e"])]).await;
    assert_eq!(found(&store, "a").await, None, "another has its place");
    for name in ["b", "e"] {
        assert_eq!(found(&store, name).await.as_ref(), Some(&ann), "{name}");
    }
    // A unit without the account's own record does not change its tickets.
    recorded(&store, &ann, 2, [Write::Device(device(&ann, 1).into())]).await;
    assert_eq!(found(&store, "b").await.as_ref(), Some(&ann));
    recorded(&store, &ann, 3, [Write::RemoveAccount]).await;
    for name in ["b", "e"] {
        assert_eq!(found(&store, name).await, None, "{name} of a removed user");
    }
    assert_eq!(found(&store, "c").await.as_ref(), Some(&bob));
}

pub(crate) async fn a_ticket_comes_back_as_it_was_recorded(store: impl Store) {
    let ann = user("ann");
    let used_by = Some(AuthenticatorId::from_entropy([1; 16]));
    let tickets = vec![ticket("a"), Ticket { used_by, may_add: false, ..ticket("b") }];
    let record = AccountRecord { tickets, ..record() };
    recorded(&store, &ann, 0, [Write::Account(record.clone())]).await;
    assert_eq!(store.account(&ann).await.unwrap().record, Some(record));
    // A used ticket is still found, so that its device can repeat the request.
    assert_eq!(found(&store, "b").await, Some(ann));
}

pub(crate) async fn a_ticket_of_a_refused_unit_leads_nowhere(store: impl Store) {
    let ann = user("ann");
    recorded(&store, &ann, 0, [with(&["a"])]).await;
    let stale = store.commit(unit(&ann, 0, [with(&["b"])])).await;
    assert!(stale.is_ok_and(|c| c != countersign_engine::ports::store::Committed::Recorded));
    assert_eq!(found(&store, "b").await, None);
    assert_eq!(found(&store, "a").await, Some(ann));
}
