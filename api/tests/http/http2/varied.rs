//! A server with one route for each way in which a stream can behave.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, rt, web};
use countersign::admission::ClientShares;
use countersign::connection::{self, Settings};
use countersign_testkit::http2::*;
use tokio::time::{sleep, timeout};

use super::frames::{Frame, Frames};
use crate::connections::settings;

/// Duration of a slow request. It is longer than the time until the server first checks a
/// connection that has got GOAWAY.
pub(crate) const PARKED: Duration = Duration::from_secs(3);
/// Size of a large response, in bytes. It is more than any test reads.
const LARGE: usize = 64 << 20;
/// Time that is far shorter than the default limits of these servers.
pub(crate) const SOON: Duration = Duration::from_secs(12);

/// A server with fixed routes: `/` responds at once, `/parked` late, and `/large` with a large
/// body. A `POST` gets the length of its body.
pub(crate) struct Varied {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
}

impl Varied {
    pub(crate) fn start(with: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let root = || async { HttpResponse::Ok().body("here") };
        let length = |body: web::Bytes| async move { body.len().to_string() };
        let large = || async { HttpResponse::Ok().body(vec![b'x'; LARGE]) };
        let parked = || async {
            sleep(PARKED).await;
            HttpResponse::Ok().body("told")
        };
        let app = move || {
            let app = App::new().wrap(from_fn(connection::count));
            app.route("/", web::get().to(root))
                .route("/", web::post().to(length))
                .route("/large", web::get().to(large))
                .route("/parked", web::get().to(parked))
        };
        let with = Settings { body_bytes_max: 65_536, ..with };
        let server = connection::serve(listener, with, ClientShares::default(), app).unwrap();
        let handle = server.handle();
        rt::spawn(server);
        Self { address, handle }
    }

    /// Starts a server that waits for long at its shutdown until requests under way have ended.
    pub(crate) fn patient() -> Self {
        Self::start(Settings { shutdown: SOON * 10, ..settings() })
    }

    /// Begins a graceful shutdown, so that the server sends GOAWAY on its connections.
    pub(crate) fn ends(&self) {
        rt::spawn(self.handle.stop(true));
    }
}

/// Encodes the head of `GET` of a path on the host `x`.
pub(crate) fn get(path: &str) -> Vec<u8> {
    [&[0x82, 0x86, 0x04, path.len() as u8], path.as_bytes(), &[0x41, 1, b'x']].concat()
}

/// Makes a request without a body on the stream with this number.
pub(crate) fn request(number: u32, head: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, id(number), head)
}

/// Writes the frames of `sent` every 100 ms until the server closes the connection. Returns the
/// frames that arrived.
pub(crate) async fn closed_although(
    frames: &mut Frames,
    mut sent: impl FnMut(u32) -> Vec<u8>,
) -> Vec<Frame> {
    let mut come = Vec::new();
    let ends = async {
        for number in 1.. {
            frames.write(&sent(number)).await;
            let (mut next, pause) = ([0], sleep(Duration::from_millis(100)));
            tokio::pin!(pause);
            // After a frame has begun to arrive, it is read completely, even if the pause ends
            // meanwhile.
            while tokio::select! {
                _ = frames.0.peek(&mut next) => true,
                () = &mut pause => false,
            } {
                match frames.read().await {
                    Some(frame) => come.push(frame),
                    None => return,
                }
            }
        }
    };
    timeout(SOON, ends).await.expect("the connection ends");
    come
}
