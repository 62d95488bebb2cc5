//! A fake server, which answers the requests of a lifecycle after known delays. It checks only the
//! secret, and it is not a Countersign.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_client::wire::token::{self, Writer};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

/// The secret and the tenant that the fake accepts.
pub(crate) const SECRET: &str = "fake-secret-of-a-fake";
pub(crate) const TENANT: &str = "load";

/// Behaviour of the fake server.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manner {
    /// Delay of every response.
    pub(crate) delay: Duration,
    /// Number of tracked actions after which the fake stalls once, and the length of the stall.
    /// During the stall it sends no response.
    pub(crate) stall: Option<(u64, Duration)>,
    /// Number of tracked actions after which every further one gets a 503.
    pub(crate) full_after: Option<u64>,
    /// True if the fake accepts every secret.
    pub(crate) trusting: bool,
}

/// A running fake server with its own runtime. It ends when this value is dropped.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    runtime: tokio::runtime::Runtime,
}

struct State {
    manner: Manner,
    tracked: watch::Sender<u64>,
    connections: AtomicU64,
    peers: Mutex<BTreeSet<IpAddr>>,
    started: AtomicU64,
    http2_requests: AtomicU64,
    stalled_until: Mutex<Option<Instant>>,
    /// The pending challenge of each user: its id, and the sender that approves it.
    challenges: Mutex<HashMap<String, (String, watch::Sender<bool>)>>,
    /// The user of each enrolled key.
    keys: Mutex<HashMap<String, String>>,
}

impl Fake {
    pub(crate) fn start(manner: Manner) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let state = Arc::new(State {
            manner,
            tracked: watch::Sender::new(0),
            connections: AtomicU64::default(),
            peers: Mutex::default(),
            started: AtomicU64::default(),
            http2_requests: AtomicU64::default(),
            stalled_until: Mutex::default(),
            challenges: Mutex::default(),
            keys: Mutex::default(),
        });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, state.clone()));
        Self { address, state, runtime }
    }

    /// Returns the base URL of the fake.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the number of tracked actions.
    pub(crate) fn tracked(&self) -> u64 {
        *self.state.tracked.borrow()
    }

    /// Waits until `count` actions are tracked, and panics after 20 s.
    pub(crate) fn wait_for_tracked(&self, count: u64) {
        let mut tracked = self.state.tracked.subscribe();
        let enough = tracked.wait_for(|tracked| *tracked >= count);
        let enough = async { tokio::time::timeout(Duration::from_secs(20), enough).await.is_ok() };
        assert!(self.runtime.block_on(enough), "it takes too long");
    }

    /// Returns the addresses that connections came from.
    pub(crate) fn peers(&self) -> BTreeSet<IpAddr> {
        self.state.peers.lock().unwrap().clone()
    }

    /// Returns the number of connections, and the number of requests over HTTP/2.
    pub(crate) fn seen(&self) -> (u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (of(&self.state.connections), of(&self.state.http2_requests))
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, peer)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        state.connections.fetch_add(1, Ordering::Relaxed);
        state.peers.lock().unwrap().insert(peer.ip());
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, state.clone()));
            let connection = auto::Builder::new(TokioExecutor::new());
            // A client may close its connection at any time, so the result does not matter.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    if request.version() == Version::HTTP_2 {
        state.http2_requests.fetch_add(1, Ordering::Relaxed);
    }
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let authorization = head.headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
    let authorization = authorization.unwrap_or_default();
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    state.wait().await;
    let (status, answer) = state.route(path, query, authorization, &body).await;
    let response = Response::builder().status(status).header("content-type", "application/json");
    Ok(response.body(Full::from(answer.to_string())).unwrap())
}

impl State {
    async fn wait(&self) {
        let until = *self.stalled_until.lock().unwrap();
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
        tokio::time::sleep(self.manner.delay).await;
    }

    async fn route(
        &self,
        path: &str,
        query: &str,
        authorization: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let Some(path) = path.strip_prefix("/v1") else { return refused(404, "invalid_request") };
        let push = path.strip_prefix("/client/user-authenticators/push");
        let is_read = body.is_null();
        match (path, push) {
            (_, Some("")) => self.enroll(authorization, body),
            (_, Some("/challenge/sign")) => ok(json!({ "message": "nonce:1" })),
            (_, Some("/challenge")) if is_read => self.pending(query),
            (_, Some("/challenge")) => self.decide(body),
            ("/client/challenge/push", _) => self.challenge(authorization),
            ("/client/verify/push", _) => self.verify(authorization).await,
            ("/validate", _) => ok(json!({ "isValid": true })),
            _ if path.starts_with("/users/") => self.track(path, authorization),
            _ => refused(404, "invalid_request"),
        }
    }

    fn track(&self, path: &str, authorization: &str) -> (StatusCode, Value) {
        let expected = countersign_client::wire::basic::encode_standard(SECRET);
        let knows = authorization.strip_prefix("Basic ") == Some(&expected);
        if !knows && !self.manner.trusting {
            return refused(401, "unauthorized");
        }
        self.tracked.send_modify(|tracked| *tracked += 1);
        let count = *self.tracked.borrow();
        if self.manner.full_after.is_some_and(|after| count > after) {
            return refused(503, "temporarily_unavailable");
        }
        if let Some((after, time)) = self.manner.stall
            && count == after
        {
            *self.stalled_until.lock().unwrap() = Some(Instant::now() + time);
        }
        let user = path.split('/').nth(2).unwrap_or_default();
        ok(json!({
            "idempotencyKey": "k", "state": "CHALLENGE_REQUIRED", "url": "http://x",
            "token": token(user), "isEnrolled": true, "enrolledVerificationMethods": [],
            "allowedVerificationMethods": [], "ruleIds": [],
        }))
    }

    fn enroll(&self, authorization: &str, body: &Value) -> (StatusCode, Value) {
        let user = user(authorization);
        self.keys
            .lock()
            .unwrap()
            .insert(body["publicKey"].as_str().unwrap().to_owned(), user.clone());
        ok(json!({
            "userAuthenticatorId": "a", "userId": user, "verifiedAt": "2026-11-24T00:00:00.000Z",
        }))
    }

    fn challenge(&self, authorization: &str) -> (StatusCode, Value) {
        let user = user(authorization);
        let id = self.started.fetch_add(1, Ordering::Relaxed);
        let id = format!("{id:032x}");
        let open = (id.clone(), watch::Sender::new(false));
        self.challenges.lock().unwrap().insert(user, open);
        ok(json!({ "challengeId": id, "expiresAt": 1, "deliveryResults": [] }))
    }

    fn pending(&self, query: &str) -> (StatusCode, Value) {
        let key = key_of_query(query);
        let user = self.keys.lock().unwrap()[&key].clone();
        let mut answer = json!({ "userAuthenticatorId": "a", "challenges": [] });
        if let Some((id, _)) = self.challenges.lock().unwrap().get(&user) {
            answer["challenges"] = json!([{
                "userAuthenticatorId": "a", "challengeId": id, "userId": user,
                "actionCode": "signIn", "idempotencyKey": "k", "expiresAt": 1, "numberMatch": null,
            }]);
        }
        ok(answer)
    }

    fn decide(&self, body: &Value) -> (StatusCode, Value) {
        let key = body["publicKey"].as_str().unwrap().to_owned();
        let user = self.keys.lock().unwrap()[&key].clone();
        let challenges = self.challenges.lock().unwrap();
        let (id, ended) = &challenges[&user];
        assert_eq!(body["challengeId"].as_str(), Some(id.as_str()));
        ended.send_replace(true);
        ok(json!({ "isVerified": true, "outcome": "approved" }))
    }

    async fn verify(&self, authorization: &str) -> (StatusCode, Value) {
        let user = user(authorization);
        let mut ended = self.challenges.lock().unwrap()[&user].1.subscribe();
        ended.wait_for(|ended| *ended).await.unwrap();
        ok(json!({
            "isVerified": true, "isConsumed": true, "accessToken": token(&user),
            "outcome": "approved", "expiresAt": 1,
        }))
    }
}

fn ok(answer: Value) -> (StatusCode, Value) {
    (StatusCode::OK, answer)
}

fn refused(status: u16, code: &str) -> (StatusCode, Value) {
    let status = StatusCode::from_u16(status).unwrap();
    (status, json!({ "error": code, "errorCode": code, "errorDescription": "by a fake" }))
}

/// Builds a token that names its tenant and its user.
fn token(user: &str) -> String {
    Writer::begin(1, TENANT, user).seal(|_| [0; 32])
}

fn user(authorization: &str) -> String {
    let token = authorization.split_once(' ').unwrap().1;
    token::named(token).unwrap().1
}

/// Decodes the key of a query into the form that it has in bodies, because Android encodes it twice
/// in a query.
fn key_of_query(query: &str) -> String {
    use base64::Engine as _;
    let key = query.strip_prefix("publicKey=").unwrap();
    let key = base64::engine::general_purpose::STANDARD.decode(key).unwrap();
    String::from_utf8(key).unwrap()
}
