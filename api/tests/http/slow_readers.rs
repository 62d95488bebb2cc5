//! Tests of peers that do not read their responses. The server begins no further requests of
//! theirs, and a response that they read late is complete.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::rt::task::JoinHandle;
use actix_web::{App, HttpResponse, rt, web};
use countersign::admission::ClientShares;
use countersign::connection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::connections::settings;
use crate::support::{Connection, Server};

/// Response size that exceeds the socket buffers of both sides.
const LARGE: usize = 16 << 20;

/// A server with large responses, which counts the requests that it begins.
struct Generous {
    address: SocketAddr,
    begun: Arc<AtomicUsize>,
    handle: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
}

impl Generous {
    fn start(answer_bytes: usize) -> Self {
        let begun = Arc::new(AtomicUsize::new(0));
        let counted = begun.clone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let app = move || {
            let counted = counted.clone();
            let large = move || {
                counted.fetch_add(1, Ordering::Relaxed);
                async move { HttpResponse::Ok().body(vec![b'x'; answer_bytes]) }
            };
            let small = || async { HttpResponse::Ok().body("here") };
            let app = App::new().wrap(from_fn(connection::count));
            app.route("/large", web::get().to(large)).route("/", web::get().to(small))
        };
        let server = connection::serve(listener, settings(), ClientShares::default(), app).unwrap();
        Self { address, begun, handle: server.handle(), serving: rt::spawn(server) }
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// Sends twenty requests with a small receive buffer, and reads nothing.
    async fn ask(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        stream.write_all(&b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20)).await.unwrap();
        stream
    }

    async fn stop(self) {
        self.handle.stop(false).await;
        self.serving.await.unwrap().unwrap();
    }
}

#[actix_web::test]
async fn no_request_begins_before_the_answer_before_it_was_taken() {
    let server = Generous::start(LARGE);
    let mut stream = server.ask().await;
    let mut taken = vec![0; LARGE / 2];
    stream.read_exact(&mut taken).await.unwrap();
    assert_eq!(server.begun(), 1);
    stream.read_exact(&mut taken).await.unwrap();
    stream.read_exact(&mut taken).await.unwrap();
    assert_eq!(server.begun(), 2);
    drop(stream);
    server.stop().await;
}

#[actix_web::test]
async fn the_kernel_holds_no_more_answers_than_the_peer_takes() {
    let server = Generous::start(131_072);
    let mut stream = server.ask().await;
    stream.read_exact(&mut [0]).await.unwrap();
    // When these hundred requests have ended, the one worker has also served the slow peer, and has
    // written all that fits.
    for _ in 0..100 {
        let mut other = Connection::open_at(server.address).await;
        other.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(other.read().await.text, "here");
    }
    assert!(server.begun() <= 2, "{} of 20 answers were made", server.begun());
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn files_that_are_given_in_pieces_are_whole() {
    let server = Server::start();
    let file = include_str!("../../web/vendor/qr/decode.js");
    let get = b"GET /vendor/qr/decode.js HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut connection = Connection::open(&server).await;
    connection.write(&get.repeat(20)).await;
    for _ in 0..20 {
        let answer = connection.read().await;
        assert!(answer.status == 200 && answer.text == file, "{} bytes", answer.text.len());
    }
    let over_http2 = server.over_http2();
    let answer = over_http2.call_at(reqwest::Method::GET, "/vendor/qr/decode.js").send().await;
    assert!(answer.status == 200 && answer.text == file);
    let metrics = over_http2.operator_call(reqwest::Method::GET, "/metrics").send().await;
    assert!(metrics.text.ends_with('\n') && metrics.text.len() > 8192, "it has several pieces");
}
