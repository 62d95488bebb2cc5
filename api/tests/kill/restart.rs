//! Test of kills during a start. The next start must find every record, however often a start is
//! killed.

use crate::caller::Caller;
use crate::invariants;
use crate::server::{Launch, Server};
use crate::{live_until_killed, number};

/// Default number of killed starts. `COUNTERSIGN_RESTARTS` overrides it.
const RESTARTS: usize = 5;
/// System calls at which a start is killed. The kill comes at one of them, chosen at random.
const CALLS: &str = "openat,pread64,pwrite64,fsync,ftruncate,fcntl,mmap";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_was_killed_anywhere_takes_nothing_with_it() {
    let restarts = number("COUNTERSIGN_RESTARTS").map_or(RESTARTS, |n| n.try_into().unwrap());
    let mut random = fastrand::Rng::with_seed(1);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path()).await;
    // These lifecycles fill the log, so that each start has one to replay.
    let (lives, _) = live_until_killed(&mut server, 0, 300).await;
    let trace = folder.path().join("trace");
    let launch = Launch::traced(&trace, &["-e", &format!("trace={CALLS}")]);
    let mut traced = Server::start_as(folder.path(), &launch).await;
    traced.kill();
    drop(traced);
    let calls = std::fs::read_to_string(&trace).unwrap().lines().count();
    let (mut killed, mut tries) = (0, 0);
    while killed < restarts {
        tries += 1;
        assert!(tries <= 10 * restarts, "{killed} of {tries} starts were killed");
        let at = random.usize(1..=calls);
        let inject = format!("inject={CALLS}:signal=KILL:when={at}");
        let launch = Launch::traced(&trace, &["-e", &inject]);
        // strace counts the calls of each thread separately. A late place may therefore not be
        // reached before the server listens, and then this start is not killed.
        killed += usize::from(Server::try_start(folder.path(), &launch).await.is_err());
    }
    let server = Server::start(folder.path()).await;
    invariants::check(&server, &lives).await.assert_of_everything();
    assert!(Caller::new(server.url(), None).track("somebody new").await.is_ok());
}
