//! A server in this process with two tenants and a memory store, and the requests that tests send
//! to it.

mod answer;
mod device;
mod flow;
mod raw;
mod source;
mod statement;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::rt::System;
use countersign::admission::Pulse;
use countersign::config::Config;
use countersign::error::ServeError;
use countersign::operator::OperatorKey;
use countersign::server;
use countersign_engine::ports::Clock;
use countersign_engine::system::SystemClock;
use countersign_wire::basic;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::sync::oneshot;

pub(crate) use answer::{Answer, assert_keys, is_iso_time};
pub(crate) use countersign_testkit::hook::Hook;
pub(crate) use device::{Device, Dialect};
pub(crate) use flow::{CREDENTIAL, PUSH, SignIn};
pub(crate) use raw::Connection;
pub(crate) use statement::{Stated, Statements};

/// First active secret of tenant `demo`.
pub(crate) const SECRET: &str = "first-secret-of-demo";
/// Second active secret of tenant `demo`.
pub(crate) const NEXT_SECRET: &str = "second-secret-of-demo";
/// Secret of tenant `other`.
pub(crate) const OTHER_SECRET: &str = "the-secret-of-other";

/// Longest time that a test waits for a response.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Configuration of a server before its start.
pub(crate) struct Setup(BTreeMap<String, String>);

impl Default for Setup {
    fn default() -> Self {
        Self(BTreeMap::new())
            .set("server.listen", "127.0.0.1:0")
            .set("server.workers", "1")
            .set("server.shutdown_seconds", "5")
            // A debug build that runs beside other tests is slow without being overloaded.
            .set("server.queue_delay_ms_max", "10000")
            .set("operations.listen", "127.0.0.1:0")
            .set("store.url", "memory:")
            .set("tenants.0.id", "demo")
            .set("tenants.0.secret_keys", &format!("{SECRET},{NEXT_SECRET}"))
            .set("tenants.0.push.custom_public", "amount")
            // Most tests do not test the wait after a denial, and many of them deny.
            .set("tenants.0.push.denial_wait_seconds", "0")
            .set("tenants.1.id", "other")
            .set("tenants.1.secret_keys", OTHER_SECRET)
    }
}

impl Setup {
    /// Sets a configuration key, as an environment variable would.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        let name = format!("COUNTERSIGN__{}", key.replace('.', "__").to_uppercase());
        self.0.insert(name, value.to_owned());
        self
    }

    /// Removes a key that was set, so that its default applies.
    pub(crate) fn unset(mut self, key: &str) -> Self {
        let name = format!("COUNTERSIGN__{}", key.replace('.', "__").to_uppercase());
        self.0.remove(&name).expect("it was set");
        self
    }

    /// Makes the default configuration, with this webhook for tenant `demo`.
    pub(crate) fn told_by(hook: &Hook) -> Self {
        Self::default()
            .set("tenants.0.push.webhook_url", &hook.url())
            .set("tenants.0.push.webhook_allow_hosts", "127.0.0.1")
    }

    /// Starts the server on its own thread.
    pub(crate) fn start(self) -> Server {
        self.start_at(Arc::new(SystemClock))
    }

    /// Starts the server on its own thread, with this clock.
    pub(crate) fn start_at(self, clock: Arc<dyn Clock>) -> Server {
        let config = self.config();
        let delay_max = config.server.queue_delay_max;
        Self::run(config, clock, move || Pulse::new(delay_max))
    }

    /// Starts the server on its own thread. `pulse` makes the pulse that measures whether a worker
    /// is late.
    pub(crate) fn start_with(self, pulse: impl Fn() -> Pulse + Clone + Send + 'static) -> Server {
        Self::run(self.config(), Arc::new(SystemClock), pulse)
    }

    fn config(self) -> Config {
        Config::load(None, self.0.into_iter()).expect("a sound configuration")
    }

    fn run(
        config: Config,
        clock: Arc<dyn Clock>,
        pulse: impl Fn() -> Pulse + Clone + Send + 'static,
    ) -> Server {
        let (tell, ready) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                let running = server::start_at(&config, metrics(), clock, pulse).await?;
                let operations = running.operations.expect("it is configured");
                let told = (running.address, operations, running.operator_key.clone());
                tell.send(told).expect("the test waits for it");
                // A test that ends without stopping the server drops its end of the channel. This
                // stops the server too.
                running.until(async { drop(stopped.await) }).await
            })
        });
        let (address, operations, operator_key) = ready.recv().expect("the server starts");
        // Each request opens a new connection, so that no idle one is left when the server stops.
        let http = Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(PATIENCE);
        let http = http.build().expect("a client without special wishes");
        Server { address, operations, operator_key, http, stop: Some(stop), thread: Some(thread) }
    }
}

/// Returns the only metrics recorder of the process. A test that reads metrics therefore sees the
/// counts of all tests.
fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let install =
        || PrometheusBuilder::new().install_recorder().expect("the first in this process");
    HANDLE.get_or_init(install).clone()
}

/// A server that runs until a test stops or drops it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) operations: SocketAddr,
    pub(crate) operator_key: OperatorKey,
    http: Client,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Setup::default().start()
    }

    /// Makes the client send all further requests over one HTTP/2 connection.
    pub(crate) fn over_http2(mut self) -> Self {
        let http = Client::builder().no_proxy().http2_prior_knowledge().timeout(PATIENCE);
        self.http = http.build().expect("a client without special wishes");
        self
    }

    /// Begins a request to a path below `/v1`.
    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        self.call_at(method, &format!("/v1{path}"))
    }

    /// Begins a request to a path.
    pub(crate) fn call_at(&self, method: Method, path: &str) -> Call {
        Call(self.http.request(method, format!("http://{}{path}", self.address)))
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub(crate) fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// Begins a request to the operators' listener.
    pub(crate) fn operator_call(&self, method: Method, path: &str) -> Call {
        Call(self.http.request(method, format!("http://{}{path}", self.operations)))
    }

    /// Tells the server to stop.
    pub(crate) fn tell_to_stop(&mut self) {
        let stop = self.stop.take().expect("told once");
        stop.send(()).expect("it runs until it is told");
    }

    /// Waits until the server ends, and returns its result.
    pub(crate) async fn ended(mut self) -> Result<(), ServeError> {
        let thread = self.thread.take().expect("waited for once");
        let joined = tokio::task::spawn_blocking(|| thread.join()).await.expect("it ran");
        joined.expect("the server does not panic")
    }
}

/// A request before it is sent.
pub(crate) struct Call(RequestBuilder);

impl Call {
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// Authorizes the request as the backend of tenant `demo`.
    pub(crate) fn secret(self) -> Self {
        self.with_secret(SECRET)
    }

    pub(crate) fn with_secret(self, secret: &str) -> Self {
        self.header("Authorization", &format!("Basic {}", basic::encode_standard(secret)))
    }

    /// Authorizes the request as a device of tenant `demo`.
    pub(crate) fn tenant(self) -> Self {
        self.with_tenant("demo")
    }

    pub(crate) fn with_tenant(self, tenant: &str) -> Self {
        self.header("Authorization", &format!("Basic {}", basic::encode_standard(tenant)))
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn wait(self, seconds: u64) -> Self {
        self.header("Prefer", &format!("wait={seconds}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    pub(crate) fn body(self, body: impl Into<reqwest::Body>) -> Self {
        Self(self.0.body(body))
    }

    pub(crate) async fn send(self) -> Answer {
        Answer::of(self.0.send().await.expect("the server answers")).await
    }

    /// Returns the request itself, for a test that sends it byte by byte.
    pub(crate) fn into_request(self) -> reqwest::Request {
        self.0.build().expect("a sound request")
    }

    /// Sends the request, checks that it succeeds, and returns the response's body.
    pub(crate) async fn ok(self) -> Value {
        self.send().await.ok()
    }

    /// Sends the request, checks that the server refuses it with this status and code, and returns
    /// the response's body.
    pub(crate) async fn refused(self, status: u16, code: &str) -> Value {
        self.send().await.refused(status, code)
    }
}
