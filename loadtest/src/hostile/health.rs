//! Probes of health, as an orchestrator sends them: each on a connection of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::span::Span;
use crate::client::raw::Connection;

/// Time between two probes.
const EVERY: Duration = Duration::from_millis(50);
/// Longest time for an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// The two routes, in turn.
const ROUTES: [&str; 2] = ["/health/live", "/health/ready"];

/// Probes for that long. Gives a span with nothing but health and the client's own delay in it.
pub(super) async fn probe(operators: SocketAddr, time: Duration) -> Span {
    let span = Arc::new(Mutex::new(Span::default()));
    let lock = |span: &Arc<Mutex<Span>>, write: &dyn Fn(&mut Span)| {
        write(&mut span.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let mut under_way = JoinSet::new();
    let (mut due, mut routes) = (Instant::now(), ROUTES.iter().cycle());
    let end = due + time;
    while due < end {
        sleep_until(due).await;
        lock(&span, &|span| span.own_delay.add(due.elapsed()));
        let (span, route) = (span.clone(), *routes.next().expect("a cycle has no end"));
        under_way.spawn(async move {
            let sent = Instant::now();
            let answered = timeout(ANSWER, ask(operators, route)).await;
            let took = sent.elapsed();
            let wrong = match answered {
                Ok(Ok(200)) => return lock(&span, &|span| span.health.add(took)),
                Ok(Ok(status)) => format!("{route}: {status}"),
                Ok(Err(error)) => format!("{route}: {}", error.kind()),
                Err(_) => format!("{route}: nothing within {} s", ANSWER.as_secs()),
            };
            lock(&span, &|span| {
                span.unhealthy += 1;
                span.first_unhealthy.get_or_insert_with(|| wrong.clone());
            });
        });
        while under_way.try_join_next().is_some() {}
        due += EVERY;
    }
    while under_way.join_next().await.is_some() {}
    std::mem::take(&mut *span.lock().unwrap_or_else(PoisonError::into_inner))
}

async fn ask(operators: SocketAddr, route: &str) -> io::Result<u16> {
    let request = format!("GET {route} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    Ok(Connection::to(operators).call(request.as_bytes()).await?.status)
}
