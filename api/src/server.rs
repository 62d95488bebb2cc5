//! Builds the server from its configuration, runs it, and shuts it down.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::rt::task::JoinHandle;
use actix_web::web::Data;
use countersign_core::time::UnixMillis;
use countersign_engine::delivery::Calls;
use countersign_engine::ports::{Clock, Entropy, Store};
use countersign_engine::system::{SystemClock, SystemEntropy};
use countersign_engine::{Engine, Ports};
use countersign_wire::paths;
use metrics_exporter_prometheus::PrometheusHandle;
use url::Url;

use crate::admission::Pulse;
use crate::config::{self, Config};
use crate::connection;
use crate::descriptors::{self, Budget, Needs, TooFew};
use crate::error::ServeError;
use crate::listeners::{self, OPERATORS_CONNECTIONS_MAX};
use crate::operator::OperatorKey;
use crate::routes::pages::demo::{self, Demo};
use crate::setup::{engine_tenant, open_store_to_serve, store_descriptors};
use crate::state::{AppState, RequestLimits, TenantFace};
use crate::token::Tokens;

/// Time that the listeners have to stop when the store is broken.
const BROKEN_SHUTDOWN: Duration = Duration::from_millis(500);

/// Time after which the operators' listener begins to report the opening of the store.
const OPENING_SLOW: Duration = Duration::from_secs(1);

/// 2026-11-01. A wall clock with an earlier time was never set, because this program is younger. A
/// machine whose clock has no battery starts in 1970, and the server would store such times.
const CLOCK_MIN: UnixMillis = UnixMillis(1_793_491_200_000);

/// A server that accepts connections.
pub struct Running {
    /// Address of the public listener.
    pub address: SocketAddr,
    /// Address of the operators' listener.
    pub operations: Option<SocketAddr>,
    /// Key for an operator's commands.
    pub operator_key: OperatorKey,
    /// Shares of the open files.
    pub budget: Budget,
    engine: Engine,
    shutdown: Duration,
    servers: Vec<Serving>,
}

/// Opens the store, starts the engine and listens. The caller must have a running actix system, and
/// the wall clock must be set.
///
/// # Errors
/// [`ServeError`].
pub async fn start(config: &Config, metrics: PrometheusHandle) -> Result<Running, ServeError> {
    is_set(SystemClock.wall())?;
    let queue_delay_max = config.server.queue_delay_max;
    start_at(config, metrics, Arc::new(SystemClock), move || Pulse::new(queue_delay_max)).await
}

/// Refuses a wall clock that was not set after the machine's start.
fn is_set(wall: UnixMillis) -> Result<(), ServeError> {
    let wall_seconds = wall.seconds();
    if wall < CLOCK_MIN { Err(ServeError::ClockUnset { wall_seconds }) } else { Ok(()) }
}

/// Starts the server with a clock that may be another than the system's. `pulse` creates the pulse
/// of each worker.
///
/// # Errors
/// [`ServeError`].
pub async fn start_at(
    config: &Config,
    metrics: PrometheusHandle,
    clock: Arc<dyn Clock>,
    pulse: impl Fn() -> Pulse + Clone + Send + 'static,
) -> Result<Running, ServeError> {
    let budget = budget(config)?;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let store = open_store(config, entropy.clone()).await?;
    let ports = Ports { store, clock: clock.clone(), entropy: entropy.clone() };
    let called = config.tenants.iter().filter(|tenant| tenant.push.webhook_url.is_some()).count();
    let calls = Calls::new(budget.webhook_calls, called);
    let mut tenants = HashMap::new();
    for tenant in &config.tenants {
        tenants.insert(tenant.id.clone(), engine_tenant(tenant, &clock, &calls)?);
    }
    let engine = Engine::start(&config.engine, ports, tenants);
    // The kernel accepts connections from here on, so that no caller is rejected after operators
    // see the server as ready.
    let listener = listen("server.listen or COUNTERSIGN_LISTEN", config.server.listen)?;
    let address = listener.local_addr()?;
    let mut servers = Vec::new();
    let (mut operations, operator_key) = (None, OperatorKey::from_entropy(&entropy.bytes()));
    if let Some(address) = config.operations {
        // The operators' listener starts first, so that operators see the progress of the recovery.
        let settings = listeners::connection_settings(&config.server, OPERATORS_CONNECTIONS_MAX);
        let listener = listen("operations.listen or COUNTERSIGN__OPERATIONS__LISTEN", address)?;
        operations = Some(listener.local_addr()?);
        let server = listeners::operators(listener, settings, &engine, &metrics, &operator_key)?;
        servers.push(Serving::begin(server));
    }
    engine.recover().await?;
    let mut secrets = Vec::new();
    for tenant in &config.tenants {
        secrets.push((tenant.id.clone(), engine.token_secret(&tenant.id).await?));
    }
    let tokens = Tokens::new(secrets, config.token_lifetime.as_secs()).after(engine.set_backs());
    let secret = config.tenants.iter().find(|tenant| tenant.id.as_str() == config::demo::TENANT_ID);
    let secret = secret.filter(|_| config.demo).and_then(|tenant| tenant.secret_keys.first());
    let state = Data::new(state(config, engine.clone(), tokens, address));
    let demo = secret.map(|secret| demo(address, secret.expose())).transpose()?;
    let settings = listeners::connection_settings(&config.server, budget.connections);
    servers.push(Serving::begin(listeners::public(
        config,
        (state, demo),
        listener,
        settings,
        pulse,
    )?));
    let shutdown = config.server.shutdown;
    Ok(Running { address, operations, operator_key, budget, engine, shutdown, servers })
}

/// Opens the store. The operators' listener reports an opening that takes long, because a file of
/// an older layout is converted.
async fn open_store(
    config: &Config,
    entropy: Arc<dyn Entropy>,
) -> Result<Arc<dyn Store>, ServeError> {
    let mut opening = pin!(open_store_to_serve(config, entropy));
    tokio::select! {
        opened = &mut opening => return opened,
        () = tokio::time::sleep(OPENING_SLOW) => {}
    }
    let early = config.operations.map(|address| {
        let settings = listeners::connection_settings(&config.server, OPERATORS_CONNECTIONS_MAX);
        let listener = connection::listen(address)?;
        listeners::opening(listener, settings).map(Serving::begin)
    });
    let opened = opening.await;
    // The listener starts again after the opening, which reports an address that is in use.
    if let Some(Ok(early)) = early {
        early.handle.stop(false).await;
    }
    opened
}

/// Raises the limit of open files, and divides them.
fn budget(config: &Config) -> Result<Budget, TooFew> {
    let operators = config.operations.map_or(0, |_| OPERATORS_CONNECTIONS_MAX);
    let needs = Needs {
        workers: connection::workers(config.server.workers).get() + 1,
        store: store_descriptors(&config.store.url),
        operators,
        webhooks: config.tenants.iter().any(|tenant| tenant.push.webhook_url.is_some()),
        demo: if config.demo { demo::DESCRIPTORS } else { 0 },
        requests_max: config.server.requests_in_flight_max,
    };
    let budget = Budget::of(descriptors::raise(), &needs)?;
    if let Some(wanted) = budget.wanted {
        let Budget { limit, connections, .. } = budget;
        tracing::warn!(
            "{limit} open files leave room for {connections} connections, fewer than \
             server.requests_in_flight_max ({}): raise the hard limit to {wanted} (ulimit -Hn, \
             LimitNOFILE, ulimits of compose), or lower that key",
            needs.requests_max
        );
    }
    Ok(budget)
}

/// A listener that serves.
struct Serving {
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    fn begin(server: Server) -> Self {
        Self { handle: server.handle(), task: actix_web::rt::spawn(server) }
    }
}

impl Running {
    /// Serves until `stop` resolves. Then it ends parked polls with a response, lets other requests
    /// finish, writes all records, and returns. If the store breaks, the engine acknowledges
    /// nothing more and the server returns at once with an error, because only a new process can
    /// read the stored state.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn until(self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let broken = tokio::select! {
            () = stop => None,
            error = self.engine.broken() => Some(error),
        };
        self.engine.drain();
        if let Some(error) = broken {
            self.stop_listening(false, BROKEN_SHUTDOWN).await;
            return Err(error.into());
        }
        tracing::info!("stopping");
        self.stop_listening(true, self.shutdown).await;
        self.engine.close().await?;
        tracing::info!("stopped");
        Ok(())
    }

    async fn stop_listening(&self, graceful: bool, within: Duration) {
        let stopping = self.servers.iter().map(|serving| serving.handle.stop(graceful));
        let stopped = tokio::time::timeout(within, futures_util::future::join_all(stopping));
        if stopped.await.is_err() {
            tracing::warn!("requests were still under way at the end");
            self.servers.iter().for_each(|serving| serving.task.abort());
        }
    }
}

fn state(config: &Config, engine: Engine, tokens: Tokens, address: SocketAddr) -> AppState {
    let limits = RequestLimits {
        body_bytes_max: config.server.body_bytes_max,
        body_read_seconds: config.server.body_read.as_secs(),
    };
    let face = |tenant: &config::Tenant| TenantFace {
        origins: tenant.allowed_origins.clone(),
        custom_public: tenant.push.custom_public.iter().cloned().collect(),
        brand: tenant.brand.clone(),
        has_sent_other_address: AtomicBool::new(false),
    };
    let tenants = config.tenants.iter().map(|t| (t.id.clone(), face(t))).collect();
    let secrets = config.tenants.iter().flat_map(|tenant| {
        tenant.secret_keys.iter().map(|secret| (secret.expose(), tenant.id.clone()))
    });
    let public_url = config.server.public_url_at(address);
    AppState::new(engine, limits, public_url, tenants, secrets, tokens)
}

/// Creates the demo's backend, which calls the server at the address of its listener.
fn demo(address: SocketAddr, secret: &str) -> Result<Data<Demo>, ServeError> {
    let base = Url::parse(&format!("http://{}{}", config::reachable(address), paths::VERSION));
    let base = base.expect("an address and a port are a host and a port");
    Ok(Data::new(Demo::new(&base, secret)?))
}

fn listen(key: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    connection::listen(address).map_err(|source| ServeError::Listen { key, address, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_not_set_is_refused_with_what_to_do() {
        for unset in [UnixMillis(0), UnixMillis(42_000), CLOCK_MIN.minus_ms(1)] {
            let refusal = is_set(unset).unwrap_err().to_string();
            assert!(refusal.contains("Set the clock"), "{refusal}");
            assert!(refusal.contains(&format!("{} seconds", unset.seconds())), "{refusal}");
        }
        is_set(CLOCK_MIN).unwrap();
        is_set(SystemClock.wall()).unwrap();
    }
}
