//! Kills during a start: the next start finds everything, however often that happens.

use crate::caller::Caller;
use crate::invariants;
use crate::server::{Launch, Server};
use crate::{live_until_killed, number};

/// Starts that are killed; `COUNTERSIGN_RESTARTS` says how many otherwise.
const RESTARTS: usize = 5;
/// System calls of which one is the last.
const CALLS: &str = "openat,pread64,pwrite64,fsync,ftruncate,fcntl,mmap";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_was_killed_anywhere_takes_nothing_with_it() {
    let restarts = number("COUNTERSIGN_RESTARTS").map_or(RESTARTS, |n| n.try_into().unwrap());
    let mut random = fastrand::Rng::with_seed(1);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path()).await;
    // A log to go through at each start.
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
        // Calls are counted by thread: a late one may be made by none before the server listens.
        killed += usize::from(Server::try_start(folder.path(), &launch).await.is_err());
    }
    let server = Server::start(folder.path()).await;
    invariants::check(&server, &lives).await.assert_of_everything();
    assert!(Caller::new(server.url(), None).track("somebody new").await.is_ok());
}
