//! Tests in which Redis is killed while the server runs. Polls stay parked, and decisions from the
//! outage are completed when Redis is back.

use countersign_testkit::redis_server::{Redis, authority};
use countersign_testkit::until;
use countersign_wire::names::Outcome;

use crate::caller::{Caller, Failed, phone};
use crate::server::{Launch, Server, begin, begun_redis};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_poll_outlives_redis_and_is_told_the_decision() {
    let folder = tempfile::tempdir().unwrap();
    let mut redis = begun_redis();
    let server = Server::start_with(folder.path(), &[("COUNTERSIGN_STORE", &redis.url())]).await;
    let caller = Caller::new(server.url(), None);
    let ann = phone();
    let token = caller.track("ann").await.unwrap().token.into_string();
    caller.enroll(&token, &ann).await.unwrap();
    let id = caller.challenge(&token).await.unwrap().challenge_id;
    let parked = tokio::spawn({
        let (caller, token, id) = (caller.clone(), token.clone(), id.clone());
        async move { caller.verify(&token, &id, Some(30)).await }
    });
    // Without Redis, the server responds to a decision with 503 after a bounded time, because it
    // cannot know whether the decision was recorded.
    redis.kill();
    let refused = caller.decide(&ann, &id, true).await;
    assert!(matches!(refused, Err(Failed::Status(503, _))), "{refused:?}");
    assert!(!parked.is_finished(), "the poll waits on");
    redis.restart();
    // The phone retries, as it does after a 503.
    let decided =
        until("the decision is known", async || match caller.decide(&ann, &id, true).await {
            Ok(answer) => Some(answer.outcome),
            Err(Failed::Status(503, _)) => None,
            Err(failed) => panic!("{failed:?}"),
        });
    assert_eq!(decided.await, Outcome::Approved);
    assert_eq!(parked.await.unwrap().unwrap().outcome, Some(Outcome::Approved));
    assert!(caller.validate(&token).await.unwrap().is_valid);
    let denied = caller.decide(&ann, &id, false).await;
    assert!(matches!(denied, Err(Failed::Status(400, _))), "{denied:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_is_reached_by_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (redis, url) = Redis::encrypted();
    let authority = authority();
    let may_lose = ("COUNTERSIGN__STORE__MAY_LOSE", "true");
    let trusted = ("SSL_CERT_FILE", authority.to_str().unwrap());
    assert!(begin(&url, &[may_lose, trusted]).status.success());
    let settings = [("COUNTERSIGN_STORE", &*url), may_lose, trusted];
    let server = Server::start_with(folder.path(), &settings).await;
    let caller = Caller::new(server.url(), None);
    let token = caller.track("ann").await.unwrap().token.into_string();
    caller.enroll(&token, &phone()).await.unwrap();
    assert_eq!(redis.command(&["HEXISTS", "countersign:{m}:store", "owner"]), ":1\r\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_forgot_its_store_beside_a_dead_server_is_not_taken_for_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let redis = begun_redis();
    let env = vec![("COUNTERSIGN_STORE".to_owned(), redis.url())];
    let launch = Launch { env, ..Launch::default() };
    let mut server = Server::start_as(folder.path(), &launch).await;
    let caller = Caller::new(server.url(), None);
    let token = caller.track("ann").await.unwrap().token.into_string();
    caller.enroll(&token, &phone()).await.unwrap();
    server.kill();
    assert_eq!(redis.command(&["FLUSHALL"]), "+OK\r\n");
    // The server must refuse to start on the empty Redis. Every user would count as not enrolled,
    // and a relying party would let them in.
    let Err((code, log)) = Server::try_start(folder.path(), &launch).await else {
        panic!("it started");
    };
    assert_eq!(code, Some(1));
    assert!(log.contains("there is no store in this Redis"), "{log}");
    assert!(begin(&redis.url(), &[]).status.success());
    let server = Server::start_as(folder.path(), &launch).await;
    assert!(Caller::new(server.url(), None).track("ann").await.is_ok());
}
