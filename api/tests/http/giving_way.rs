//! Tests of a listener that runs short of connections. It closes idle connections, and keeps those
//! with a request under way.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, rt, web};
use countersign::admission::ClientShares;
use countersign::connection::{self, OF_PUBLIC, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::connections::settings;
use crate::support::PATIENCE;

const PLACES: usize = 8;
/// Duration of a slow request. It is longer than the server keeps idle connections under pressure.
const PARKED: Duration = Duration::from_secs(3);
/// The preface of HTTP/2 with an empty SETTINGS frame.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const GOAWAY: u8 = 7;

/// Starts a server that accepts few connections. Without pressure, its connections may stay idle
/// for very long.
fn small() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let root = || async { HttpResponse::Ok().body("here") };
    let parked = || async {
        sleep(PARKED).await;
        HttpResponse::Ok().body("told")
    };
    let app = move || {
        let app = App::new().wrap(from_fn(connection::count));
        app.route("/", web::get().to(root)).route("/parked", web::get().to(parked))
    };
    let settings = Settings { connections_max: PLACES, ..settings() };
    rt::spawn(connection::serve(listener, settings, ClientShares::default(), app).unwrap());
    address
}

async fn open(address: SocketAddr, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    stream
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// Reads one response, which ends with `end`.
async fn answered(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = String::new();
    let reading = async {
        while !answer.ends_with(end) {
            let mut byte = [0];
            assert_eq!(stream.read(&mut byte).await.unwrap(), 1, "closed after {answer:?}");
            answer.push(byte[0].into());
        }
    };
    timeout(PATIENCE, reading).await.expect("it is answered");
    answer
}

/// Reads until the server closes the connection.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is closed");
    read.expect("in order, not by a reset");
    rest
}

async fn newcomer_is_answered(address: SocketAddr) {
    let mut newcomer = open(address, &get("/")).await;
    answered(&mut newcomer, "here").await;
}

#[actix_web::test]
async fn connections_that_say_nothing_give_way_to_a_newcomer() {
    for beginning in ["", "P", "GET / HTTP/1.1\r\nHos"] {
        let address = small();
        let mut silent = Vec::new();
        for _ in 0..PLACES {
            silent.push(open(address, beginning).await);
        }
        newcomer_is_answered(address).await;
    }
}

#[actix_web::test]
async fn connections_that_wait_for_their_next_request_give_way_the_longest_idle_first() {
    let address = small();
    let mut idle = Vec::new();
    for _ in 0..PLACES {
        let mut stream = open(address, &get("/")).await;
        answered(&mut stream, "here").await;
        idle.push(stream);
    }
    newcomer_is_answered(address).await;
    assert!(rest(idle.remove(0)).await.is_empty());
    // The server keeps the remaining idle connections, because they are few enough again.
    let mut last = idle.pop().unwrap();
    last.write_all(get("/").as_bytes()).await.unwrap();
    answered(&mut last, "here").await;
}

#[actix_web::test]
async fn idle_connections_over_http2_take_leave() {
    let address = small();
    let mut idle = Vec::new();
    for _ in 0..PLACES {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(HTTP2).await.unwrap();
        idle.push(stream);
    }
    newcomer_is_answered(address).await;
    let frames = rest(idle.remove(0)).await;
    let mut rest = &frames[..];
    let mut kinds = Vec::new();
    while let [a, b, c, kind, ..] = rest {
        kinds.push(*kind);
        rest = &rest[9 + u32::from_be_bytes([0, *a, *b, *c]) as usize..];
    }
    assert!(kinds.contains(&GOAWAY), "{kinds:?}");
}

#[actix_web::test]
async fn who_waits_for_an_answer_gets_it_however_few_places_are_left() {
    assert!(PARKED > OF_PUBLIC.patience * 2, "it is looked at meanwhile");
    let address = small();
    let mut parked = Vec::new();
    for _ in 0..PLACES {
        parked.push(open(address, &get("/parked")).await);
    }
    for mut stream in parked {
        answered(&mut stream, "told").await;
    }
}
