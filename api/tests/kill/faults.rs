//! Tests of disk errors. strace injects them into the real program.

use std::path::Path;

use futures_util::{StreamExt as _, stream};

use crate::caller::Caller;
use crate::invariants::{self, Counted};
use crate::life::Life;
use crate::number;
use crate::server::{Launch, Server};

/// System calls that sync a file to the disk.
const SYNCS: &str = "fsync,fdatasync";
/// Number of injected errors in each test.
const PLACES: usize = 4;
/// Lifecycles that run while an error is injected.
const LIVES: usize = 24;

/// Runs lifecycles against a server that may refuse requests, or end, at any moment.
async fn live(server: &Server, round: usize) -> Vec<Life> {
    let caller = Caller::new(server.url(), None);
    let lives = (0..LIVES).map(|number| {
        let (mut life, caller) = (Life::new(round, number), caller.clone());
        life.may_be_refused = true;
        async move {
            life.live(&caller).await;
            life
        }
    });
    stream::iter(lives).buffer_unordered(8).collect().await
}

/// Counts these system calls during one start of the server.
async fn calls_of_a_start(folder: &Path, calls: &str) -> usize {
    let trace = folder.join("trace");
    let launch = Launch::traced(&trace, &["-e", &format!("trace={calls}")]);
    drop(Server::start_as(folder, &launch).await);
    count(&std::fs::read_to_string(&trace).unwrap(), calls)
}

fn count(trace: &str, calls: &str) -> usize {
    let is_one = |line: &&str| calls.split(',').any(|call| line.contains(&format!(" {call}(")));
    trace.lines().filter(is_one).count()
}

/// Injects `error` into one of these system calls while lifecycles are under way. The server must
/// log the error and exit with an error. No caller may have received a success for a record that is
/// lost.
///
/// The places of the error are spread over the first calls, `of_each` for each lifecycle. The
/// lifecycles make more calls than that, and the late places come after decisions.
async fn ends_at(calls: &str, error: &str, of_each: usize) {
    let folder = tempfile::tempdir().unwrap();
    drop(Server::start(folder.path()).await);
    let start = calls_of_a_start(folder.path(), calls).await;
    let places = number("COUNTERSIGN_PLACES").map_or(PLACES, |n| n.try_into().unwrap());
    let mut random = fastrand::Rng::with_seed(1);
    let mut counted = Vec::new();
    for place in 0..places {
        let share = LIVES * of_each / places;
        let at = start + 1 + place * share + random.usize(..share.max(1));
        let trace = folder.path().join("trace");
        // The error is injected only once, so that a repeated call would succeed although the data
        // are lost. The server must not repeat it.
        let inject = format!("inject={calls}:error={error}:when={at}");
        let launch = Launch::traced(&trace, &["-e", &format!("trace={calls}"), "-e", &inject]);
        let mut server = Server::start_as(folder.path(), &launch).await;
        let lives = live(&server, place).await;
        assert_ne!(server.ended(), Some(0), "{error} at {calls} {at}");
        let log = server.read_log();
        assert!(log.contains("the store records nothing any more"), "{log}");
        assert!(log.contains("countersign: the store is unavailable: disk I/O error"), "{log}");
        let trace = std::fs::read_to_string(&trace).unwrap();
        let after = trace.split_once("INJECTED").expect("it was injected").1;
        assert_eq!(count(after, SYNCS), 0, "nothing is synced after the error");
        let server = Server::start(folder.path()).await;
        counted.push(invariants::check(&server, &lives).await);
    }
    // An early error leaves few records, but all rounds together leave some.
    let Counted { enrolled, decided, in_flight, .. } = counted.iter().copied().sum();
    assert!(enrolled > 0 && decided > 0 && in_flight > 0, "{counted:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_sync_nobody_is_told_yes_and_the_process_ends() {
    ends_at(SYNCS, "EIO", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_write_nobody_is_told_yes_and_the_process_ends() {
    ends_at("pwrite64", "EIO", 8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_that_is_used_up_and_a_disk_that_became_read_only_are_failed_writes() {
    ends_at("pwrite64", "EDQUOT", 8).await;
    ends_at("pwrite64", "EROFS", 8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_without_room_is_refused_and_the_next_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    drop(Server::start(folder.path()).await);
    let start = calls_of_a_start(folder.path(), "pwrite64").await;
    let trace = folder.path().join("trace");
    let inject = format!("inject=pwrite64:error=ENOSPC:when={}..{}", start + 40, start + 44);
    let launch = Launch::traced(&trace, &["-e", "trace=pwrite64", "-e", &inject]);
    let mut server = Server::start_as(folder.path(), &launch).await;
    let mut lives = live(&server, 0).await;
    // The same process continues, as if there had been no error.
    lives.extend(live(&server, 1).await);
    assert!(server.is_running(), "{}", server.read_log());
    assert!(std::fs::read_to_string(&trace).unwrap().contains("INJECTED"));
    assert!(server.read_log().contains("database or disk is full"), "{}", server.read_log());
    let counted = invariants::check(&server, &lives).await;
    // A refused lifecycle may have been refused before any step that counts.
    let Counted { enrolled, decided, removed, .. } = counted;
    assert!(enrolled > 0 && decided > 0 && removed > 0, "{counted:?}");
    server.kill();
    drop(server);
    assert_eq!(invariants::check(&Server::start(folder.path()).await, &lives).await, counted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_during_the_start_is_said_and_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    drop(Server::start(folder.path()).await);
    let trace = folder.path().join("trace");
    let launch = Launch::traced(&trace, &["-e", "inject=fsync,fdatasync:error=EIO:when=1"]);
    let Err((code, log)) = Server::try_start(folder.path(), &launch).await else {
        panic!("it started");
    };
    assert_ne!(code, Some(0));
    assert!(log.contains("disk I/O error") && log.contains("\ncountersign: "), "{log}");
    drop(Server::start(folder.path()).await);
}
