//! Test of a full disk. The server responds with 503 until there is room again, and the same
//! process continues.

use reqwest::Client;

use crate::caller::{Caller, Failed};
use crate::disk::Disk;
use crate::invariants::{self, Counted};
use crate::life::Life;
use crate::server::{SECRET, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_answered_503_and_room_ends_that() {
    let disk = Disk::mount(8 << 20);
    let mut server = Server::start(disk.path()).await;
    let caller = Caller::new(server.url(), None);
    let mut before = Life::new(0, 1);
    before.live(&caller).await;
    for round in 0..3 {
        let ballast = disk.fill();
        let refused = refused_track(&server).await;
        assert_eq!(refused, (503, true), "no room, and when to come again");
        assert!(matches!(caller.track("nobody").await, Err(Failed::Status(503, _))));
        // The server still responds to a request that writes nothing.
        assert!(caller.validate(before.token.as_ref().unwrap()).await.is_ok());
        std::fs::remove_file(ballast).unwrap();
        let mut after = Life::new(1 + round, 1);
        after.live(&caller).await;
        assert!(after.valid.is_some(), "it lived to its end");
    }
    assert!(server.is_running());
    let counted = invariants::check(&server, std::slice::from_ref(&before)).await;
    assert_eq!(counted, Counted::all_decided(1));
    server.kill();
    drop(server);
    let server = Server::start(disk.path()).await;
    assert_eq!(invariants::check(&server, std::slice::from_ref(&before)).await, counted);
}

/// Tracks actions of new users until the server refuses one, because the log may have room for a
/// few. Returns the status, and true if the response has `Retry-After`.
async fn refused_track(server: &Server) -> (u16, bool) {
    let http = Client::builder().no_proxy().build().unwrap();
    for n in 0..100 {
        let url = format!("{}/v1/users/full-{n}/actions/signIn", server.url());
        let answer = http.post(url).basic_auth(SECRET, Some("")).send().await.unwrap();
        if !answer.status().is_success() {
            return (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
        }
    }
    panic!("there was room for a hundred");
}
