//! Test of a server that is suspended while another server takes over its Redis, and that then
//! continues.

use crate::caller::{Caller, Failed};
use crate::invariants::{self, Counted};
use crate::life::{Life, Step};
use crate::server::{Server, begun_redis};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_slept_while_another_took_over_writes_nothing_and_ends() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let redis = begun_redis();
    let settings = [("COUNTERSIGN_STORE", &*redis.url())];
    let mut first = Server::start_with(folder.path(), &settings).await;
    let caller = Caller::new(first.url(), None);
    let mut life = Life::new(0, 1);
    life.live(&caller).await;
    assert_eq!(life.deciding, Step::Acknowledged);
    first.signal("STOP");
    // The second server waits until the lock of the suspended server expires.
    let second = Server::start_with(other.path(), &settings).await;
    // This request arrives while the first server is suspended. The server finds it when it wakes,
    // before it can know of the other server.
    let late = tokio::spawn(async move { caller.track("late").await });
    let mut meanwhile = Life::new(0, 2);
    meanwhile.live(&Caller::new(second.url(), None)).await;
    first.signal("CONT");
    assert!(!matches!(first.ended(), None | Some(0)), "{}", first.read_log());
    let late = late.await.unwrap();
    assert!(matches!(late, Err(Failed::Gone | Failed::Status(503, _))), "{late:?}");
    let log = first.read_log();
    let said = "countersign: the store is unavailable: another server has taken over this Redis";
    assert_eq!(log.matches(said).count(), 1, "{log}");
    // The second server has the steps that either server has acknowledged, and not the request that
    // the first one received while it was suspended.
    let caller = Caller::new(second.url(), None);
    assert!(caller.action(&life.user).await.is_ok());
    let unknown = caller.action("late").await;
    assert!(matches!(unknown, Err(Failed::Status(404, _))), "{unknown:?}");
    let counted = invariants::check(&second, &[life, meanwhile]).await;
    assert_eq!(counted, Counted::all_decided(2));
    second.assert_log_is_clean();
}
