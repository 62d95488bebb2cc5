//! The two listeners: their routes, and the limits of their connections.

use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::time::Duration;

use actix_web::App;
use actix_web::dev::{Server, Service as _};
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig};
use countersign_core::policy::WAIT_MS_MAX;
use countersign_engine::Engine;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::admission::{Admission, ClientShares, Pulse, Totals};
use crate::config::{self, Config};
use crate::connection::{self, OF_OPERATORS, OF_PUBLIC};
use crate::layer::middleware::around;
use crate::operator::OperatorKey;
use crate::request::path;
use crate::routes;
use crate::routes::pages::demo::Demo;
use crate::state::AppState;
use crate::telemetry;

/// Maximum number of connections of the operators' listener.
pub const OPERATORS_CONNECTIONS_MAX: usize = 64;
/// Time within which a request's head must be complete.
const HEAD_READ: Duration = Duration::from_secs(5);
/// Time after which an idle connection is closed.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Longest time for which a poll may be parked.
const WAIT_MAX: Duration = Duration::from_millis(WAIT_MS_MAX);
/// Extra time for a response on a busy machine.
const ANSWER_MARGIN: Duration = Duration::from_secs(5);
/// Bytes of a request's body that may be read above its limit: for the size lines of chunks, and so
/// that the server notices that the body is too long.
const CHUNKING_BYTES_MAX: usize = 16_384;

/// Serves the routes of backends, browsers and devices.
///
/// # Errors
/// Those of [`connection::serve`].
pub fn public(
    config: &Config,
    (state, demo): (Data<AppState>, Option<Data<Demo>>),
    listener: TcpListener,
    settings: connection::Settings,
    pulse: impl Fn() -> Pulse + Clone + Send + 'static,
) -> io::Result<Server> {
    let origins = Data::new(state.all_origins());
    // The counter starts at 0, so that the metric is present before the first flood.
    metrics::counter!(telemetry::FRAME_FLOODS).increment(0);
    let (requests_max, new_work_max) =
        (config.server.requests_in_flight_max, config.server.new_work_in_flight_max);
    let clients = client_shares(&config.server, &settings);
    let admission = Admission::new(requests_max, new_work_max).sharing(clients.clone());
    let admission = Data::new(admission);
    let demo = move |config: &mut ServiceConfig| {
        if let Some(demo) = &demo {
            config.app_data(demo.clone());
        }
    };
    let factory = move || {
        App::new()
            .app_data(state.clone())
            .app_data(origins.clone())
            .app_data(admission.clone())
            .app_data(pulse())
            .configure(&demo)
            .configure(routes::configure)
            .wrap(from_fn(around))
    };
    connection::serve(listener, settings, clients, factory)
}

/// Returns the limits of client addresses. Without configured rules to identify clients, there are
/// none, and a log line says so.
fn client_shares(config: &config::Server, settings: &connection::Settings) -> ClientShares {
    let Some(addresses) = config.client_addresses.clone() else {
        tracing::info!(
            "no client address has a share, so that one client can fill the server: set \
             server.trusted_proxies and server.client_address_header behind a proxy, or \
             server.direct_clients"
        );
        return ClientShares::default();
    };
    let totals = Totals {
        connections: settings.connections_max,
        requests: config.requests_in_flight_max,
        polls: Admission::waits_max(config.requests_in_flight_max),
        new_work: config.new_work_in_flight_max,
    };
    ClientShares::new(addresses, config.client_share_percent, totals)
}

/// Returns the settings of the public listener's connections.
pub fn connection_settings(
    config: &config::Server,
    connections_max: usize,
) -> connection::Settings {
    connection::Settings {
        listener: "public",
        workers: config.workers,
        connections_max,
        head_read: HEAD_READ,
        keep_alive: KEEP_ALIVE,
        giving_way: OF_PUBLIC,
        // The sum of all regular waits between two responses.
        silence: KEEP_ALIVE + HEAD_READ + config.body_read + WAIT_MAX + ANSWER_MARGIN,
        body_bytes_max: config.body_bytes_max + CHUNKING_BYTES_MAX,
        shutdown: config.shutdown,
    }
}

/// Serves metrics, health and the operators' commands.
///
/// # Errors
/// Those of [`connection::serve`].
pub fn operators(
    listener: TcpListener,
    settings: connection::Settings,
    engine: &Engine,
    metrics: &PrometheusHandle,
    key: &OperatorKey,
) -> io::Result<Server> {
    let engine = Data::new(engine.clone());
    let metrics = Data::new(routes::ops::Texts::of(metrics.clone()));
    let key = Data::new(key.clone());
    let factory = move || {
        App::new()
            .app_data(engine.clone())
            .app_data(metrics.clone())
            .app_data(key.clone())
            .configure(routes::ops::configure)
            .wrap_fn(|mut request, service| {
                path::route_as_usual(&mut request, |_| "");
                service.call(request)
            })
            .wrap(from_fn(connection::count))
    };
    // Operators have no limits by client address, so no header is read to identify them.
    connection::serve(listener, of_operators(settings), ClientShares::default(), factory)
}

/// Serves the health of a server that is still opening its store.
///
/// # Errors
/// Those of [`connection::serve`].
pub fn opening(listener: TcpListener, settings: connection::Settings) -> io::Result<Server> {
    let factory =
        || App::new().configure(routes::ops::configure_opening).wrap(from_fn(connection::count));
    connection::serve(listener, of_operators(settings), ClientShares::default(), factory)
}

fn of_operators(settings: connection::Settings) -> connection::Settings {
    connection::Settings {
        listener: "operations",
        workers: NonZeroUsize::new(1),
        giving_way: OF_OPERATORS,
        ..settings
    }
}
