//! HTTP/2 without TLS: the same routes and limits, and what only HTTP/2 can be attacked by.
//! Frames are written byte by byte, as no client library would.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use countersign::connection::Settings;
use countersign::connection::http2::{BODIES_MAX, HEAD_BYTES_MAX, HEADERS_MAX, STREAMS_MAX};

use crate::connections::{SHORT, Small, settings};
use crate::long_poll::{park, told};
use crate::support::{Device, PATIENCE, Server, Setup, SignIn};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const REFUSED_STREAM: u8 = 7;

/// `GET /` of the host `x`, in HPACK without a table.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 1, b'x'];
/// Client settings that give no answer's body any room.
const NO_WINDOW: &[u8] = &[0, 4, 0, 0, 0, 0];

/// `POST` likewise to the route that waits.
fn wait() -> Vec<u8> {
    let path = b"/v1/client/wait/push";
    [&[0x83, 0x86, 0x04, path.len() as u8], &path[..], &[0x41, 1, b'x']].concat()
}

struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

struct Frames(TcpStream);

impl Frames {
    async fn open(server: &Server) -> Self {
        Self::open_at(server.address, &[]).await
    }

    async fn open_at(address: SocketAddr, settings: &[u8]) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(PREFACE).await.unwrap();
        let mut frames = Self(stream);
        frames.write(&frame(SETTINGS, 0, 0, settings)).await;
        frames
    }

    /// The stream and the body of the next answer that has one.
    async fn body(&mut self) -> (u32, String) {
        loop {
            let frame = self.find(DATA).await.expect("there is an answer");
            if !frame.payload.is_empty() {
                return (frame.stream, String::from_utf8(frame.payload).unwrap());
            }
        }
    }

    /// Asks with this head on the first stream, and gives the answer's status if it is 200, or its
    /// body.
    async fn ask(server: &Server, head: &[u8]) -> Result<(), String> {
        let mut frames = Self::open(server).await;
        frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, head)).await;
        // 200 stands in the table of HPACK.
        let is_ok = frames.find(HEADERS).await.unwrap().payload[0] == 0x88;
        if is_ok { Ok(()) } else { Err(frames.body().await.1) }
    }

    /// A server that has had enough may have closed.
    async fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    async fn read(&mut self) -> Option<Frame> {
        timeout(PATIENCE, async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(Frame { kind: head[3], stream, payload })
        })
        .await
        .expect("it is answered, or closed, in time")
    }

    /// Reads on until a frame of that kind comes; `None` if the server closes before.
    async fn find(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.read().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The id of a client's stream, from 0.
fn id(number: u32) -> u32 {
    1 + 2 * number
}

#[tokio::test]
async fn a_sign_in_goes_over_one_connection_with_its_poll() {
    let it = SignIn::on(Server::start().over_http2(), Device::new()).await;
    let (early, parked) = park(4, || it.server.verify(&it.token, &it.challenge)).await;
    assert_eq!(early.ok()["isConsumed"], false);
    assert_eq!(it.server.signed_pending(&it.device).await["challengeId"], it.challenge.as_str());
    assert_eq!(it.decide(true).await["isVerified"], true);
    for answer in told(parked).await {
        assert_eq!(answer.ok()["outcome"], "approved");
    }
}

#[tokio::test]
async fn refusals_are_those_of_http1() {
    let server = Setup::default().set("server.body_bytes_max", "1024").start().over_http2();
    server.get("/nowhere").refused(404, "invalid_request").await;
    server.post("/users/u-1/actions/a").refused(401, "unauthorized").await;
    let long = json!({ "custom": "x".repeat(2000) });
    let call = server.post("/users/u-1/actions/a").secret().json(&long);
    call.refused(413, "invalid_request").await;
    // The connection goes on.
    server.token("u-1").await;
}

#[tokio::test]
async fn the_server_says_how_many_streams_and_how_long_heads_it_takes() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    let settings = frames.find(SETTINGS).await.unwrap().payload;
    let setting = |id: u8| {
        let found = settings.chunks(6).find(|setting| setting[..2] == [0, id]);
        found.map(|setting| u32::from_be_bytes(setting[2..].try_into().unwrap()))
    };
    assert_eq!(setting(3), Some(STREAMS_MAX));
    assert_eq!(setting(6), Some(HEAD_BYTES_MAX));
}

#[tokio::test]
async fn one_stream_too_many_is_refused_and_those_before_it_are_not() {
    let server = Server::start();
    let mut frames = Frames::open_at(server.address, NO_WINDOW).await;
    // Their answers are not taken: they are under way until their time is over.
    for number in 0..STREAMS_MAX {
        frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, id(number), GET)).await;
    }
    frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, id(STREAMS_MAX), GET)).await;
    let reset = frames.find(RST_STREAM).await.unwrap();
    assert_eq!((reset.stream, reset.payload[3]), (id(STREAMS_MAX), REFUSED_STREAM));
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    // A literal header `a` whose value has 20,000 bytes: 127 and the rest in groups of seven bits.
    let rest = 20_000 - 127_u32;
    let length =
        [0x7f, 0x80 | (rest & 0x7f) as u8, 0x80 | (rest >> 7 & 0x7f) as u8, (rest >> 14) as u8];
    let mut head = [GET, &[0, 1, b'a'], &length].concat();
    head.extend([b'v'; 20_000]);
    let (first, more) = head.split_at(16_000);
    frames.write(&frame(HEADERS, END_STREAM, 1, first)).await;
    frames.write(&frame(CONTINUATION, END_HEADERS, 1, more)).await;
    let refused = loop {
        let frame = frames.read().await.expect("the stream alone is refused");
        if matches!(frame.kind, HEADERS | RST_STREAM) {
            break frame;
        }
    };
    // 431, as a literal behind the name `:status`.
    let text = String::from_utf8_lossy(&refused.payload);
    assert!(refused.kind == RST_STREAM || !refused.payload.starts_with(&[0x88]), "{text:?}");
    Server::token(&server, "u-1").await;
}

#[tokio::test]
async fn a_head_without_an_end_is_cut_off() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    frames.write(&frame(HEADERS, 0, 1, GET)).await;
    for _ in 0..10_000 {
        frames.write(&frame(CONTINUATION, 0, 1, &[0; 0])).await;
    }
    assert!(frames.find(GOAWAY).await.is_some_and(|goaway| goaway.payload[7] != 0));
    server.token("u-1").await;
}

#[tokio::test]
async fn streams_that_are_reset_at_once_end_the_connection() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    for number in 0..20_000 {
        let head = frame(HEADERS, END_HEADERS | END_STREAM, id(number), GET);
        let reset = frame(RST_STREAM, 0, id(number), &[0, 0, 0, 8]);
        frames.write(&[head, reset].concat()).await;
    }
    // It is told to go, and the connection ends long before all have been looked at.
    assert!(frames.find(GOAWAY).await.is_none_or(|goaway| id(19_999) > last_of(&goaway)));
    server.token("u-1").await;
}

fn last_of(goaway: &Frame) -> u32 {
    u32::from_be_bytes(goaway.payload[..4].try_into().unwrap())
}

#[tokio::test]
async fn a_preface_that_is_cut_short_is_let_go() {
    let server = Server::start();
    for start in [&PREFACE[..5], &PREFACE[..11]] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(start).await.unwrap();
        let mut byte = [0];
        let read = timeout(PATIENCE, stream.read(&mut byte)).await.expect("it is closed");
        assert!(!matches!(read, Ok(1..)));
    }
}

#[tokio::test]
async fn a_preface_may_come_in_two_parts() {
    let server = Server::start();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(&PREFACE[..7]).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    stream.write_all(&PREFACE[7..]).await.unwrap();
    let mut frames = Frames(stream);
    frames.write(&frame(SETTINGS, 0, 0, &[])).await;
    frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, GET)).await;
    let answer = frames.find(HEADERS).await.unwrap();
    assert_eq!(answer.payload[0], 0x88, "200, from the table of HPACK");
}

#[tokio::test]
async fn bodies_that_do_not_come_take_few_places_from_others() {
    let setup = Setup::default().set("server.requests_in_flight_max", "16");
    let server = setup.set("server.new_work_in_flight_max", "1").start();
    let mut frames = Frames::open(&server).await;
    let held = u32::try_from(BODIES_MAX).unwrap();
    for number in 0..STREAMS_MAX {
        frames.write(&frame(HEADERS, END_HEADERS, id(number), &wait())).await;
    }
    let (stream, body) = frames.body().await;
    assert!(stream >= id(held) && body.contains("\"temporarily_unavailable\""), "{body}");
    server.token("u-1").await;
}

#[tokio::test]
async fn bodies_that_come_behind_many_heads_are_all_let_in() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    let heads = (0..STREAMS_MAX).map(|number| frame(HEADERS, END_HEADERS, id(number), &wait()));
    frames.write(&heads.collect::<Vec<_>>().concat()).await;
    let bodies = (0..STREAMS_MAX).map(|number| frame(DATA, END_STREAM, id(number), b"{}"));
    frames.write(&bodies.collect::<Vec<_>>().concat()).await;
    for _ in 0..STREAMS_MAX {
        let (_, body) = frames.body().await;
        assert!(body.contains("\"unauthorized\"") || body.contains("\"invalid_"), "{body}");
    }
}

#[tokio::test]
async fn a_head_of_too_many_lines_is_refused() {
    let server = Server::start();
    let head = |lines| [GET, &[0, 1, b'a', 1, b'v'].repeat(lines)].concat();
    Frames::ask(&server, &head(HEADERS_MAX)).await.expect("they are taken");
    let refused = Frames::ask(&server, &head(HEADERS_MAX + 1)).await.unwrap_err();
    assert!(refused.contains("\"invalid_request\"") && refused.contains("too long"), "{refused}");
}

#[tokio::test]
async fn a_head_that_names_no_path_or_two_hosts_is_refused() {
    let server = Server::start();
    let connect = [&[2, 7], &b"CONNECT"[..], &[0x41, 1, b'x']].concat();
    // `host` is the 38th of the table of HPACK.
    let host = |host| [0x0f, 23, 1, host];
    let other = [GET, &host(b'y')].concat();
    let twice = [GET, &host(b'x'), &host(b'x')].concat();
    for head in [connect, other, twice] {
        let refused = Frames::ask(&server, &head).await.unwrap_err();
        assert!(refused.contains("\"invalid_request\""), "{refused}");
    }
    Frames::ask(&server, &[GET, &host(b'x')].concat()).await.expect("both name the same");
}

#[actix_web::test]
async fn a_connection_that_asks_for_nothing_is_let_go() {
    let small = Small::start(Settings { head_read: SHORT, ..settings() });
    let mut frames = Frames::open_at(small.address, &[]).await;
    while frames.read().await.is_some() {}
    let mut frames = Frames::open_at(small.address, &[]).await;
    // A head that has no end.
    frames.write(&frame(HEADERS, 0, 1, GET)).await;
    while frames.read().await.is_some() {}
    small.stop(false).await;
}

#[actix_web::test]
async fn answers_that_nobody_takes_end_the_connection() {
    let small = Small::start(Settings { silence: SHORT, ..settings() });
    let mut frames = Frames::open_at(small.address, NO_WINDOW).await;
    frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, GET)).await;
    assert!(frames.find(HEADERS).await.is_some());
    while frames.read().await.is_some() {}
    small.stop(false).await;
}

#[actix_web::test]
async fn who_says_nothing_does_not_hold_up_the_end() {
    let small = Small::start(Settings { shutdown: PATIENCE * 10, ..settings() });
    let mut frames = Frames::open_at(small.address, &[]).await;
    frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, GET)).await;
    frames.body().await;
    timeout(PATIENCE, small.stop(true)).await.expect("it ends");
}
