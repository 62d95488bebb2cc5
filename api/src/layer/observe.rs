//! Metrics and log of requests: latency by route and status, and one line for each request at
//! `debug`.
//!
//! Both have only the route's pattern. They never have the path or the query, which name users and
//! may contain tokens.

use std::cell::RefCell;

use actix_web::dev::ServiceResponse;
use actix_web::http::{Method, StatusCode};
use countersign_engine::system::Stopwatch;
use metrics::{Histogram, histogram};

use crate::telemetry::HTTP_SECONDS;

/// Latency histograms of one route, by method and status. They are cached, because a look-up takes
/// longer than a measurement. The routes store it as application data.
pub struct Series {
    route: String,
    known: RefCell<Vec<(&'static str, StatusCode, Histogram)>>,
}

impl Series {
    /// Creates the histograms of a route. `route` is its pattern.
    pub const fn of(route: String) -> Self {
        Self { route, known: RefCell::new(Vec::new()) }
    }

    fn record(&self, method: &'static str, status: StatusCode, seconds: f64) {
        let mut known = self.known.borrow_mut();
        let at = known.iter().position(|(m, s, _)| (*m, *s) == (method, status));
        let at = at.unwrap_or_else(|| {
            known.push((method, status, latencies(self.route.clone(), method, status)));
            known.len() - 1
        });
        known[at].2.record(seconds);
    }
}

fn latencies(route: String, method: &'static str, status: StatusCode) -> Histogram {
    let status = status.as_str().to_owned();
    histogram!(HTTP_SECONDS, "route" => route, "method" => method, "status" => status)
}

/// Records the latency of a response, and logs it.
pub fn observe<B>(response: &ServiceResponse<B>, watch: &Stopwatch) {
    let request = response.request();
    let (method, status, seconds) = (known(request.method()), response.status(), watch.seconds());
    let series = request.app_data::<Series>();
    let route = series.map_or("none", |series| &series.route);
    tracing::debug!(
        http.method = method,
        http.route = route,
        http.status = status.as_u16(),
        seconds
    );
    match series {
        Some(series) => series.record(method, status, seconds),
        None => latencies(route.to_owned(), method, status).record(seconds),
    }
}

/// Returns a method's name for a metric's label. All unknown methods share one label.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
