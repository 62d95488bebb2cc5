//! Test of one-time tickets over a kill. A used ticket stays used, and an unused one stays valid.

use std::path::Path;

use crate::caller::{Caller, Failed, phone};
use crate::life::Life;
use crate::server::{Server, begun_redis};

async fn outlives_a_kill(folder: &Path, settings: &[(&str, &str)]) {
    let mut server = Server::start_with(folder, settings).await;
    let caller = Caller::new(server.url(), None);
    let life = Life::new(9, 1);
    let token = caller.track(&life.user).await.unwrap().token.into_string();
    let used = caller.ticket(&token).await.unwrap().ticket.into_string();
    let unused = caller.ticket(&token).await.unwrap().ticket.into_string();
    let enrolled = caller.enroll(&used, &life.phone).await.unwrap();
    server.kill();
    let server = Server::start_with(folder, settings).await;
    let caller = Caller::new(server.url(), None);
    let again = caller.enroll(&used, &phone()).await;
    assert!(matches!(again, Err(Failed::Status(401, _))), "{again:?}");
    // The ticket grants no more than the token with which it was made. That token may not add a
    // second authenticator, and the user has one by now.
    let late = caller.enroll(&unused, &phone()).await;
    assert!(matches!(late, Err(Failed::Status(403, _))), "{late:?}");
    let known = caller.enroll(&unused, &life.phone).await.unwrap();
    assert_eq!(known.user_authenticator_id, enrolled.user_authenticator_id);
    assert_eq!(caller.authenticators(&life.user).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_in_a_file_outlive_a_kill() {
    outlives_a_kill(tempfile::tempdir().unwrap().path(), &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_in_redis_outlive_a_kill() {
    let redis = begun_redis();
    let settings = [("COUNTERSIGN_STORE", &*redis.url())];
    outlives_a_kill(tempfile::tempdir().unwrap().path(), &settings).await;
}
