//! Tests of the migration of e-mail addresses that an older version has indexed by case.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::account::{AccountRecord, Profile};
use countersign_engine::ports::Store as _;
use countersign_engine::ports::store::UserQuery;
use countersign_engine::store::RedisStore;
use countersign_testkit::records::*;
use countersign_testkit::redis_server::Redis;
use sha2::{Digest as _, Sha256};

use crate::{account, open};

/// Returns the index in which older versions kept this spelling of an address.
fn index(email: &str) -> String {
    let mut hash = Sha256::new();
    for part in [tenant().as_str(), email] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let tag: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("countersign:{{{tag}}}:email:{}", URL_SAFE_NO_PAD.encode(digest))
}

fn with_email(email: &str) -> AccountRecord {
    with_profile(Profile { email: line(email), ..Profile::default() })
}

async fn found(store: &RedisStore, email: &str) -> Vec<String> {
    let query = UserQuery { email: Some(email.to_owned()), ..all_users() };
    let users = store.users(&tenant(), query).await.unwrap();
    users.into_iter().map(|(user, _)| user.as_str().to_owned()).collect()
}

#[tokio::test]
async fn an_address_of_an_older_version_is_found_in_any_case() {
    let redis = Redis::durable();
    let store = open(&redis.url()).await;
    let emails = [("ann", "Ann@Example.com"), ("bob", "ann@example.com"), ("eve", "EVE@x")];
    for (name, email) in emails {
        recorded(&store, &user(name), 0, [account(with_email(email))]).await;
    }
    store.close().await.unwrap();
    // Restores the indexes of an older version.
    let folded = index("ann@example.com");
    assert_eq!(redis.command(&["ZREM", &folded, "ann"]), ":1\r\n");
    assert_eq!(redis.command(&["ZADD", &index("Ann@Example.com"), "0", "ann"]), ":1\r\n");
    assert_eq!(redis.command(&["RENAME", &index("eve@x"), &index("EVE@x")]), "+OK\r\n");
    assert_eq!(redis.command(&["HDEL", "countersign:state", "emails-folded"]), ":1\r\n");
    // A key that belongs to no account is skipped.
    redis.command(&["SET", "countersign:{0123456789abcdef}:account:planted", "x"]);

    let store = open(&redis.url()).await;
    for email in ["ann@example.com", "Ann@Example.com", "ANN@EXAMPLE.COM"] {
        assert_eq!(found(&store, email).await, ["ann", "bob"], "{email}");
    }
    assert_eq!(found(&store, "eve@X").await, ["eve"]);
    assert_eq!(redis.command(&["EXISTS", &index("Ann@Example.com"), &index("EVE@x")]), ":0\r\n");
    // The migration is marked as done.
    assert_eq!(redis.command(&["HGET", "countersign:state", "emails-folded"]), "$1\r\n1\r\n");
    store.close().await.unwrap();
}
