//! What one connection may hold: it is let go when it is not answered for too long, and after its
//! last request.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, rt, web};
use countersign::connection::{self, REQUESTS_PER_CONNECTION_MAX, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Connection, PATIENCE, Server};

/// Far shorter than the silence that the server allows, and than [`PATIENCE`].
const SILENCE: Duration = Duration::from_secs(1);

#[actix_web::test]
async fn a_second_head_that_stays_partial_is_let_go() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let settings = Settings {
        workers: std::num::NonZeroUsize::new(1),
        head_read: PATIENCE * 10,
        keep_alive: PATIENCE * 10,
        silence: SILENCE,
        ahead_bytes_max: 4096,
        shutdown: SILENCE,
    };
    let app =
        || App::new().wrap(from_fn(connection::count)).route("/", web::get().to(HttpResponse::Ok));
    let server = connection::serve(listener, settings, app).unwrap();
    let handle = server.handle();
    let serving = rt::spawn(server);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHos").await.unwrap();
    let mut answers = Vec::new();
    // It ends: whether in order or by a reset is the operating system's affair.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answers)).await.expect("it is let go");
    assert!(answers.starts_with(b"HTTP/1.1 200"), "{answers:?}");
    handle.stop(false).await;
    serving.await.unwrap().unwrap();
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
