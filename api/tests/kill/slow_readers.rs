//! Test of peers that send many requests and read no responses. Each may hold only little of the
//! server's memory, and other clients are served.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::caller::Caller;
use crate::server::Server;

const CONNECTIONS: usize = 300;
const PIPELINED: usize = 20;
/// Request for the largest file that the server serves.
const ASSET: &[u8] = b"GET /vendor/qr/decode.js HTTP/1.1\r\nHost: x\r\n\r\n";
const ASSET_BYTES: u64 = 131_072;
/// Maximum of the server's memory that one slow reader may hold, in bytes.
const HELD_BYTES_MAX: u64 = 65_536;

#[tokio::test]
async fn peers_that_read_nothing_hold_little_and_stop_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let caller = Caller::new(server.url(), None);
    caller.track("alice").await.unwrap();
    let address = server.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let before = server.resident_bytes();
    let mut peers = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut peer = TcpStream::connect(&address).await.unwrap();
        peer.write_all(&ASSET.repeat(PIPELINED)).await.unwrap();
        // The first byte of the first response shows that the server has read the request. The
        // remaining bytes wait.
        peer.read_exact(&mut [0]).await.unwrap();
        peers.push(peer);
    }
    for number in 0..20 {
        caller.track(&format!("u-{number}")).await.unwrap();
    }
    let held = server.resident_bytes().saturating_sub(before) / CONNECTIONS as u64;
    // A debug build reads the file from the disk for each request, so every response holds its own
    // copy.
    let file = if cfg!(debug_assertions) { ASSET_BYTES } else { 0 };
    assert!(held <= HELD_BYTES_MAX + file, "{held} bytes for each of {CONNECTIONS}");
    drop(peers);
    caller.track("bob").await.unwrap();
    server.assert_log_is_clean();
}
