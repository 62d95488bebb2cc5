//! Tests of the limits of one connection. The server closes it after too long a silence, and after
//! its last request.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::rt::task::JoinHandle;
use actix_web::{App, HttpResponse, rt, web};
use countersign::admission::ClientShares;
use countersign::connection::{self, OF_PUBLIC, REQUESTS_PER_CONNECTION_MAX, Settings};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Connection, PATIENCE, Server};

/// A limit for tests, far shorter than the server's own limits and than [`PATIENCE`].
pub(crate) const SHORT: Duration = Duration::from_secs(1);

pub(crate) fn settings() -> Settings {
    Settings {
        listener: "small",
        workers: std::num::NonZeroUsize::new(1),
        connections_max: 16,
        head_read: PATIENCE * 10,
        keep_alive: PATIENCE * 10,
        giving_way: OF_PUBLIC,
        silence: PATIENCE * 10,
        body_bytes_max: 4096,
        shutdown: SHORT,
    }
}

/// A small server in this process, whose connection limits a test can choose.
pub(crate) struct Small {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
}

impl Small {
    pub(crate) fn start(settings: Settings) -> Self {
        Self::sharing(settings, ClientShares::default())
    }

    pub(crate) fn sharing(settings: Settings, clients: ClientShares) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let root = || async { HttpResponse::Ok().body("here") };
        let app =
            move || App::new().wrap(from_fn(connection::count)).route("/", web::get().to(root));
        let server = connection::serve(listener, settings, clients, app).unwrap();
        Self { address, handle: server.handle(), serving: rt::spawn(server) }
    }

    pub(crate) async fn stop(self, graceful: bool) {
        self.handle.stop(graceful).await;
        self.serving.await.unwrap().unwrap();
    }
}

/// Sends bytes to a small server, and returns all that the server sends until it closes the
/// connection.
async fn answered(settings: Settings, sent: &[u8]) -> String {
    let small = Small::start(settings);
    let mut stream = TcpStream::connect(small.address).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut answers = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answers)).await.expect("it is let go");
    read.expect("in order, not by a reset");
    small.stop(false).await;
    String::from_utf8(answers).unwrap()
}

fn is_too_slow(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 400 Bad Request\r\n")
        && answer.contains("\r\nconnection: close\r\n")
        && answer.contains("\r\ncontent-type: application/json\r\n")
        && answer.contains("\"errorCode\":\"invalid_request\"")
        && answer.contains("was not complete after")
}

#[actix_web::test]
async fn a_head_that_is_too_slow_is_refused() {
    let settings = Settings { head_read: SHORT, ..settings() };
    let answers = answered(settings, b"GET / HTTP/1.1\r\nHos").await;
    assert!(is_too_slow(&answers), "{answers:?}");
}

#[actix_web::test]
async fn a_second_head_that_stays_partial_is_refused_in_the_end() {
    let settings = Settings { silence: SHORT, ..settings() };
    let sent = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHos";
    let answers = answered(settings, sent).await;
    let (first, second) = answers.split_once("here").unwrap();
    assert!(first.starts_with("HTTP/1.1 200"), "{answers:?}");
    assert!(is_too_slow(second), "{answers:?}");
}

#[actix_web::test]
async fn a_connection_that_asks_for_nothing_is_closed_in_the_time_of_a_head() {
    let settings = Settings { head_read: SHORT, ..settings() };
    assert_eq!(answered(settings, b"").await, "");
    // `P` is the first letter of `POST` and of the preface of HTTP/2.
    assert_eq!(answered(settings, b"P").await, "");
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let server = Server::start();
    let mut connection = Connection::open(&server).await;
    for byte in Server::request("POST /v1/nowhere", "", b"") {
        connection.write(&[byte]).await;
        tokio::task::yield_now().await;
    }
    connection.read().await.refused(404, "invalid_request");
}

#[tokio::test]
async fn the_answer_to_the_last_request_closes() {
    let server = Server::start();
    let request = Server::request("GET /v1/nowhere", "", b"");
    let mut connection = Connection::open(&server).await;
    for _ in 1..REQUESTS_PER_CONNECTION_MAX {
        connection.write(&request).await;
        let answer = connection.read().await;
        assert!(!answer.headers.contains_key("connection"), "{answer:?}");
    }
    connection.write(&request).await;
    assert_eq!(connection.read().await.headers["connection"], "close");
    assert!(connection.is_closed().await);
}

/// Finds the server's end of a connection. It is a socket of this process too, because the server
/// runs in it.
fn servers_end(ours: SocketAddr) -> std::net::TcpStream {
    let myself = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    // Only sockets are copied, because closing the copy of a file would release the file's locks.
    let is_socket = |path: &PathBuf| {
        path.read_link().is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
    };
    let sockets = open.map(|entry| entry.unwrap().path()).filter(is_socket);
    let numbers = sockets.filter_map(|path| path.file_name()?.to_str()?.parse().ok());
    let copies = numbers.filter_map(|fd| pidfd_getfd(&myself, fd, PidfdGetfdFlags::empty()).ok());
    let mut sockets = copies.map(std::net::TcpStream::from);
    let end = sockets.find(|socket| socket.peer_addr().is_ok_and(|peer| peer == ours));
    end.expect("the server has accepted the connection")
}

#[tokio::test]
async fn what_is_answered_does_not_wait_for_the_clients_word() {
    let server = Server::start();
    let mut connection = Connection::open(&server).await;
    connection.write(&Server::request("GET /v1/users/u-1", "", b"")).await;
    assert_eq!(connection.read().await.status, 200);
    assert!(servers_end(connection.address()).nodelay().unwrap(), "TCP_NODELAY is set");
}
