//! Test of a Redis that lost acknowledged commits: the server tells nobody that they never were,
//! until an operator accepts the loss.

use std::path::Path;

use countersign_testkit::until;

use crate::caller::{Caller, Failed, phone};
use crate::commands::{refused, run, run_on, said};
use crate::server::{Server, begun_redis};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_lost_is_refused_until_an_operator_accepts_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut redis = begun_redis();
    let url = redis.url();
    let accept = || run_on(folder.path(), &url, &["store", "accept-loss"]);
    assert!(said(&accept()).contains("no loss is recorded"));
    let settings = [("COUNTERSIGN_STORE", &*url)];
    let mut server = Server::start_with(folder.path(), &settings).await;
    let caller = Caller::new(server.url(), None);
    enroll(&caller, "ann").await;
    let without_bob = redis.backup();
    enroll(&caller, "bob").await;
    redis.kill();
    redis.restore(&without_bob);
    redis.restart();
    // Until the server notices the loss, it knows him from memory. He is never a new user.
    let noticed = async || match caller.track("bob").await {
        Ok(tracked) => {
            assert!(tracked.is_enrolled, "{tracked:?}");
            None
        }
        Err(failed) => Some(failed),
    };
    until("the loss is noticed", noticed).await;
    for _ in 0..3 {
        let tracked = caller.track("bob").await;
        assert!(matches!(tracked, Err(Failed::Status(503, _))), "{tracked:?}");
    }
    until("the other partitions go on", async || caller.track("ann").await.ok()).await;
    let running = refused(&accept());
    assert!(running.contains("another server uses this Redis"), "{running}");
    assert_eq!(server.stop(), Some(0));
    assert!(server.read_log().contains("Redis has lost up to"), "{}", server.read_log());
    // A later server knows of the loss.
    let mut server = Server::start_with(folder.path(), &settings).await;
    let tracked = Caller::new(server.url(), None).track("bob").await;
    assert!(matches!(tracked, Err(Failed::Status(503, _))), "{tracked:?}");
    assert_eq!(server.stop(), Some(0));
    let accepted = said(&accept());
    assert!(accepted.contains("commits are lost, noticed at Unix time"), "{accepted}");
    assert!(accepted.contains("the loss is accepted"), "{accepted}");
    let server = Server::start_with(folder.path(), &settings).await;
    let caller = Caller::new(server.url(), None);
    assert_eq!(caller.authenticators("ann").await.unwrap().len(), 1);
    enroll(&caller, "bob").await;
}

async fn enroll(caller: &Caller, user: &str) {
    let token = caller.track(user).await.unwrap().token.into_string();
    caller.enroll(&token, &phone()).await.unwrap();
}

#[test]
fn other_stores_have_no_beginning_and_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store");
    for command in ["begin", "accept-loss"] {
        let refused = refused(&run(folder.path(), Path::new(&file), &["store", command]));
        assert!(refused.contains("store.url is not a Redis"), "{refused}");
        assert!(!file.exists());
    }
}
