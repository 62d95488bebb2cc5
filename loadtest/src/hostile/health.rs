//! Health probes, as an orchestrator sends them: each over a new connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::span::Span;
use crate::LoadError;
use crate::client::raw::Connection;
use crate::client::recorder::Recorder;
use crate::out::report::step;
use crate::run::drive::{Work, open_loop};
use crate::run::schedule::{Schedule, Shape};
use crate::run::stop::Stop;
use crate::run::tally::Tally;

/// Number of probes that begin per second.
const RATE: f64 = 20.0;
/// Longest time for a response.
const ANSWER: Duration = Duration::from_secs(5);
/// Number of probes that may be open at the same time. It is large enough that no probe waits for
/// an unanswered one.
const PROBES: usize = 120;
/// The two routes, which the probes use in turn.
const ROUTES: [&str; 2] = ["/health/live", "/health/ready"];

/// A probe of one route.
struct Probe {
    operators: SocketAddr,
    route: &'static str,
}

/// Sends probes for `time`. Returns a span that has figures for health and for the client's own
/// delay only.
pub(super) async fn probe(operators: SocketAddr, time: Duration) -> Span {
    let routes = ROUTES.into_iter().cycle().take(PROBES);
    let probes = routes.map(|route| Probe { operators, route }).collect();
    let schedule = Schedule { shape: Shape::Constant, rate: RATE, time, seed: 0 };
    let tally = Arc::new(Tally::new(step::WHOLE));
    let drain = ANSWER + Duration::from_secs(1);
    open_loop(probes, schedule, drain, &tally, &Stop::default()).await;
    let totals = tally.totals();
    Span {
        health: tally.times_of(&[step::WHOLE]),
        unhealthy: totals.offered - totals.completed,
        first_unhealthy: tally.errors().into_iter().next().map(|failures| failures.first),
        own_delay: tally.lateness(),
        ..Span::default()
    }
}

impl Work for Probe {
    async fn once(&mut self, _: Instant, recorder: &mut Recorder) -> Result<(), LoadError> {
        let Self { operators, route } = self;
        let request = format!("GET {route} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let (sent, mut connection) = (Instant::now(), Connection::to(*operators));
        let wrong = match timeout(ANSWER, connection.call(request.as_bytes())).await {
            Ok(Ok(answer)) if answer.status == 200 => {
                recorder.record(step::WHOLE, sent.elapsed());
                return Ok(());
            }
            Ok(Ok(answer)) => answer.status.to_string(),
            Ok(Err(error)) => error.kind().to_string(),
            Err(_) => format!("nothing within {} s", ANSWER.as_secs()),
        };
        Err(LoadError::Server(format!("{route}: {wrong}")))
    }
}
