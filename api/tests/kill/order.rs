//! Test of the order of a commit: write, sync, response. strace records the system calls, and no
//! response may be sent before its sync.

use crate::caller::Caller;
use crate::life::Life;
use crate::number;
use crate::server::{Launch, Server};

/// Default number of decisions. `COUNTERSIGN_DECISIONS` overrides it.
const DECISIONS: usize = 50;
/// End of the request line of a decision, which marks its arrival in the trace. The server reads
/// the first 12 bytes of a connection separately, to detect the protocol, so they are not part of
/// the text.
const ASKED: &str = "/user-authenticators/push/challenge HTTP/1.1";
const ANSWERED: &str = "HTTP/1.1 200 OK";

/// Events in the trace since the server has read a decision.
#[derive(Default)]
struct Since {
    /// True if the server has written to the log since.
    written: bool,
    /// Threads that have begun a sync after that write.
    syncing: Vec<String>,
    synced: bool,
}

/// Returns the number of decisions in the trace, and the number of those with a response after a
/// completed sync that began after the write.
fn synced_before_answered(trace: &str) -> (usize, usize) {
    let (mut asked, mut in_order) = (0, 0);
    let mut since: Option<Since> = None;
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or((line, ""));
        let call = call.trim_start();
        if call.contains(ASKED) {
            asked += 1;
            since = Some(Since::default());
            continue;
        }
        let Some(now) = &mut since else { continue };
        let is_sync = call.contains("fsync") || call.contains("fdatasync");
        if call.starts_with("pwrite64(") {
            now.written = true;
        } else if is_sync {
            let resumed = call.starts_with("<...");
            if !resumed && now.written {
                now.syncing.push(thread.to_owned());
            }
            if call.ends_with("= 0") && now.syncing.iter().any(|t| t == thread) {
                now.synced = true;
            }
        } else if call.contains(ANSWERED) {
            in_order += usize::from(now.synced);
            since = None;
        }
    }
    (asked, in_order)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_decision_is_synced_before_its_answer_leaves() {
    let decisions = number("COUNTERSIGN_DECISIONS").map_or(DECISIONS, |n| n.try_into().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let calls = "trace=fsync,fdatasync,pwrite64,read,recvfrom,write,writev,sendto,sendmsg";
    let launch = Launch::traced(&trace, &["-s", "128", "-e", calls]);
    let mut server = Server::start_as(folder.path(), &launch).await;
    let caller = Caller::new(server.url(), None);
    for n in 0..decisions {
        let life = Life::new(0, n);
        let token = caller.track(&life.user).await.unwrap().token.into_string();
        caller.enroll(&token, &life.phone).await.unwrap();
        let challenge = caller.challenge(&token).await.unwrap().challenge_id;
        // Only one request is in flight, so that every sync in the meantime belongs to it.
        caller.decide(&life.phone, &challenge, life.approves).await.unwrap();
    }
    assert_eq!(server.stop(), Some(0), "{}", server.read_log());
    let trace = std::fs::read_to_string(&trace).unwrap();
    assert_eq!(synced_before_answered(&trace), (decisions, decisions));
    println!("{decisions} of {decisions} decisions were synced before they were answered");
}

#[test]
fn an_answer_before_its_sync_would_be_seen() {
    let asked = format!("7 recvfrom(9, \"{ASKED}\", 99) = 99\n");
    let answered = format!("7 sendto(9, \"{ANSWERED}\", 99) = 99\n");
    let write = "8 pwrite64(5, \"x\", 1, 0) = 1\n";
    let good =
        format!("{asked}{write}8 fsync(5 <unfinished ...>\n8 <... fsync resumed>) = 0\n{answered}");
    assert_eq!(synced_before_answered(&good), (1, 1));
    let apart = good.replace(ASKED, &format!("ent{ASKED}"));
    let first = "7 recvfrom(9, \"POST /v1/cli\", 12) = 12\n";
    assert_eq!(synced_before_answered(&format!("{first}{apart}")), (1, 1));
    for bad in [
        format!("{asked}{write}{answered}8 fsync(5) = 0\n"),
        format!("{asked}{write}8 fsync(5 <unfinished ...>\n{answered}8 <... fsync resumed>) = 0\n"),
        format!("{asked}{write}8 fsync(5) = -1 EIO\n{answered}"),
        format!("{asked}8 fsync(5) = 0\n{write}{answered}"),
        format!("{write}8 fsync(5) = 0\n{asked}{answered}"),
    ] {
        assert_eq!(synced_before_answered(&bad), (1, 0), "{bad}");
    }
}
