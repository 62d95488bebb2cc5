//! Tests of `/health/ready` while the store has no room, and after it has room again. No other
//! request is sent.

use countersign_testkit::redis_server::Redis;
use countersign_testkit::until;
use reqwest::Client;
use serde_json::Value;

use crate::caller::{Caller, Failed};
use crate::disk::Disk;
use crate::server::{Server, begin};

const ROOM: &str = "countersign_store_room_bytes ";
const MIB: usize = 1 << 20;

/// Client of a server's operators' listener.
struct Operators {
    http: Client,
    url: String,
}

impl Operators {
    fn of(server: &mut Server) -> Self {
        Self { http: Client::builder().no_proxy().build().unwrap(), url: server.operations() }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn ready(&self) -> (u16, Value) {
        let (status, text) = self.get("/health/ready").await;
        (status, serde_json::from_str(&text).unwrap())
    }

    /// Requests `/health/ready` until it has this status and a body that `is_meant` accepts.
    /// Returns the body.
    async fn until(&self, status: u16, is_meant: impl Fn(&Value) -> bool) -> Value {
        let body = until(&format!("{status} is said"), async || {
            let (found, body) = self.ready().await;
            (found == status && is_meant(&body)).then_some(body)
        })
        .await;
        assert_eq!(self.get("/health/live").await.0, 200);
        body
    }

    /// Returns the free room in bytes that the metrics report. None if they do not report it.
    async fn room(&self) -> Option<f64> {
        let (_, metrics) = self.get("/metrics").await;
        metrics.lines().find_map(|line| line.strip_prefix(ROOM)).map(|n| n.parse().unwrap())
    }
}

fn settings<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![
        ("COUNTERSIGN__OPERATIONS__LISTEN", "127.0.0.1:0"),
        ("COUNTERSIGN__STORE__ROOM_WARN_MIB", "4"),
        ("COUNTERSIGN__LOG__LEVEL", "info"),
    ];
    all.extend_from_slice(more);
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_warned_of_then_not_ready_and_ready_again_without_a_request() {
    let disk = Disk::mount(8 << 20);
    let mut server = Server::start_with(disk.path(), &settings(&[])).await;
    let operators = Operators::of(&mut server);
    operators.until(200, |body| body.get("warnings").is_none()).await;
    let room = until("the room is told", async || operators.room().await).await;
    let ballast = disk.take(5 * MIB);
    let body = operators.until(200, |body| body.get("warnings").is_some()).await;
    assert!(body["storeRoomBytes"].as_u64().unwrap() < 4 << 20, "{body}");
    assert!(operators.room().await.unwrap() < room);
    assert!(server.read_log().contains("the store has little room left"), "{}", server.read_log());
    std::fs::remove_file(ballast).unwrap();
    operators.until(200, |body| body.get("warnings").is_none()).await;
    // The server notices by itself that the disk is full, and that it has room again.
    for _ in 0..2 {
        let ballast = disk.fill();
        let body = operators.until(503, |_| true).await;
        assert_eq!(body["reason"], "store_unavailable", "{body}");
        let told = body["errorDescription"].as_str().unwrap();
        assert!(told.contains("database or disk is full"), "{body}");
        std::fs::remove_file(ballast).unwrap();
        operators.until(200, |body| body["status"] == "ready").await;
    }
    assert!(Caller::new(server.url(), None).track("ann").await.is_ok());
    assert!(server.is_running());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_refuses_a_caller_is_not_ready_by_the_next_question() {
    let disk = Disk::mount(8 << 20);
    let mut server = Server::start_with(disk.path(), &settings(&[])).await;
    let operators = Operators::of(&mut server);
    let caller = Caller::new(server.url(), None);
    let ballast = disk.fill();
    let mut users = (0..1_000).map(|n| format!("full-{n}"));
    loop {
        match caller.track(&users.next().unwrap()).await {
            Ok(_) => {}
            Err(Failed::Status(503, _)) => break,
            Err(failed) => panic!("{failed:?}"),
        }
    }
    assert_eq!(operators.ready().await.0, 503);
    std::fs::remove_file(ballast).unwrap();
    operators.until(200, |_| true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_without_memory_is_not_ready_and_ready_again_without_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::volatile();
    let url = redis.url();
    let may_lose = ("COUNTERSIGN__STORE__MAY_LOSE", "true");
    assert!(begin(&url, &[may_lose]).status.success());
    let settings = settings(&[("COUNTERSIGN_STORE", &url), may_lose]);
    let mut server = Server::start_with(folder.path(), &settings).await;
    let operators = Operators::of(&mut server);
    operators.until(200, |_| true).await;
    assert_eq!(operators.room().await, None, "its memory has no limit");
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "1"]), "+OK\r\n");
    let body = operators.until(503, |_| true).await;
    assert!(body["errorDescription"].as_str().unwrap().contains("OOM"), "{body}");
    // Redis gets a memory limit. At first it has room, later the limit is reached.
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "1gb"]), "+OK\r\n");
    operators.until(200, |_| true).await;
    let is_told = async || operators.room().await.filter(|room| *room >= 500e6);
    until("the room is told", is_told).await;
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "4mb"]), "+OK\r\n");
    operators.until(200, |body| body.get("warnings").is_some()).await;
    assert!(server.read_log().contains("the store has little room left"), "{}", server.read_log());
}
