//! A run from its begin to its end: the server is prepared, the scenario measured, the report made.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use clap::Args;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::LoadError;
use crate::client::lines::{Lines, Protocol};
use crate::client::people::{Crowd, Speech};
use crate::host::pin::Cores;
use crate::host::{descriptors, process};
use crate::out::output::OutputArgs;
use crate::out::progress::Progress;
use crate::out::report::model::{FORMAT, Machine, Point, Report, Server};
use crate::run::meter::{Meter, own_cpu_seconds};
use crate::run::sampler::Sampler;
use crate::run::stop::Stop;
use crate::run::tally::Tally;
use crate::scenario::{Figures, Scenario, Stage};
use crate::server::{Prepared, ServerArgs};

/// Time that a scenario may take to end when it is asked to.
const GRACE: Duration = Duration::from_millis(500);

/// Options that every run has.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// The server.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Version of HTTP: 1 for HTTP/1.1, 2 for HTTP/2 by prior knowledge.
    #[arg(long, help_heading = "Clients", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=2))]
    pub http: u8,
    /// Concurrent requests on one HTTP/2 connection.
    #[arg(long, help_heading = "Clients", default_value_t = 64)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub streams: u16,
    /// Protocols that the phones speak, in turn.
    #[arg(long, help_heading = "Clients", value_enum, value_delimiter = ',')]
    #[arg(default_value = "android,ios,statement")]
    pub phones: Vec<Speech>,
    /// Seed of the random numbers.
    #[arg(long, help_heading = "Clients", default_value_t = 1)]
    pub seed: u64,
    /// Destinations of the report.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The measurements, and the reason if they are incomplete.
struct Measured {
    points: Vec<Point>,
    figures: Figures,
    failure: Option<LoadError>,
    took: Duration,
    started_at: String,
    server_cpu_seconds: Option<f64>,
    client_cpu_seconds: f64,
}

/// Runs a scenario. The report says if it was cut short.
///
/// # Errors
/// [`LoadError`] if nothing could be measured.
pub async fn run<S: Scenario>(
    args: &RunArgs,
    scenario: &S,
    stop: &Stop,
) -> Result<Report, LoadError> {
    scenario.check()?;
    let place = place(args, scenario.requests())?;
    let prepared = start(args, &place, stop).await?;
    let report = on(args, scenario, stop, &prepared, &place).await;
    let stopped = prepared.stop().await;
    let mut report = report?;
    if let Err(error) = stopped {
        report.cut_short.get_or_insert_with(|| error.to_string());
    }
    Ok(report)
}

/// Placement of the processes.
pub(crate) struct Place {
    machine: Machine,
    /// Cores of each process.
    pub(crate) cores: Cores,
}

/// Checks the options before anything starts, and pins this process.
///
/// # Errors
/// [`LoadError`].
pub(crate) fn place(args: &RunArgs, requests: usize) -> Result<Place, LoadError> {
    args.output.check()?;
    // Pinned, it has fewer cores than the machine.
    let machine = Machine::here();
    let cores = args.server.place()?;
    descriptors::allow(args.protocol().connections(requests) as u64)?;
    Ok(Place { machine, cores })
}

/// Starts the server, if need be.
///
/// # Errors
/// [`LoadError`], also if it is called to stop.
pub(crate) async fn start(
    args: &RunArgs,
    place: &Place,
    stop: &Stop,
) -> Result<Prepared, LoadError> {
    unless_stopped(stop, args.server.prepare(place.cores.clone())).await
}

impl RunArgs {
    pub(crate) fn protocol(&self) -> Protocol {
        Protocol { http2: self.http == 2, streams: self.streams.into() }
    }
}

/// Runs a scenario on a server that is ready.
///
/// # Errors
/// [`LoadError`] if nothing could be measured.
pub(crate) async fn on<S: Scenario>(
    args: &RunArgs,
    scenario: &S,
    stop: &Stop,
    server: &Prepared,
    place: &Place,
) -> Result<Report, LoadError> {
    let lines = Lines::new(args.protocol(), scenario.requests(), server.target.is_loopback())?;
    let stage = Stage {
        crowd: Crowd { target: server.target.clone(), lines, speeches: args.phones.clone() },
        tally: Arc::new(Tally::new(S::MAIN)),
        stop: stop.clone(),
        metrics: server.metrics.clone(),
        progress: Progress::new(args.output.quiet),
        pid: server.pid,
        seed: args.seed,
    };
    unless_stopped(stop, server.target.probe(stage.crowd.lines.of(0))).await?;
    let ready = unless_stopped(stop, scenario.prepare(&stage)).await;
    let ready = ready.inspect_err(|_| stage.progress.end())?;
    let mut measured = measure(scenario, ready, &stage, server).await;
    scenario.conclude(&measured.points, &mut measured.figures);
    Ok(report(args, scenario, &stage, server, measured, place))
}

async fn measure<S: Scenario>(
    scenario: &S,
    ready: S::Ready,
    stage: &Stage,
    server: &Prepared,
) -> Measured {
    let cpu = || server.pid.and_then(|pid| process::cpu_seconds(pid).ok());
    let sampler = Sampler::start(server.pid, server.metrics.clone()).await;
    let started_at = utc_now();
    let (server_before, client_before, start) = (cpu(), own_cpu_seconds(), Instant::now());
    let (tally, stop) = (stage.tally.clone(), stage.stop.clone());
    let meter = Meter::start(tally, stop, sampler, stage.progress.clone(), scenario.length());
    let over = async {
        stage.stop.called().await;
        tokio::time::sleep(GRACE).await;
    };
    let done = tokio::select! {
        done = scenario.measure(ready, stage) => done,
        () = over => Ok(Figures::new()),
    };
    let took = start.elapsed();
    let (figures, failure) = match done {
        Ok(figures) => (figures, None),
        Err(error) => (Figures::new(), Some(error)),
    };
    let used = cpu().zip(server_before).map(|(after, before)| after - before);
    let client_cpu_seconds = own_cpu_seconds() - client_before;
    let points = meter.end().await;
    let server_cpu_seconds = used;
    Measured { points, figures, failure, took, started_at, server_cpu_seconds, client_cpu_seconds }
}

fn report<S: Scenario>(
    args: &RunArgs,
    scenario: &S,
    stage: &Stage,
    server: &Prepared,
    measured: Measured,
    place: &Place,
) -> Report {
    let mut totals = stage.tally.totals();
    totals.server_cpu_seconds = measured.server_cpu_seconds;
    totals.client_cpu_seconds = measured.client_cpu_seconds;
    let dead = server.pid.is_some_and(|pid| !process::is_alive(pid));
    let said = server.spawned.as_ref().filter(|_| dead).map(|spawned| spawned.last_words());
    let reason = stage.stop.reason().or(measured.failure.map(|error| error.to_string()));
    let reason = if dead { Some("the server has ended".to_owned()) } else { reason };
    let settings = match serde_json::to_value(scenario) {
        Ok(Value::Object(settings)) => settings,
        _ => Map::new(),
    };
    let mut report = Report {
        format: FORMAT,
        scenario: S::NAME.to_owned(),
        command: command(std::env::args()),
        started_at: measured.started_at,
        took_seconds: measured.took.as_secs_f64(),
        cut_short: reason.map(|reason| reason + &said.unwrap_or_default()),
        machine: place.machine.clone(),
        server: Server {
            url: server.target.base.clone(),
            spawned: server.spawned.is_some(),
            store: server.store.clone(),
            workers: server.workers,
            cores: server.cores.server.clone(),
            client_cores: server.cores.client.clone(),
        },
        settings,
        totals,
        steps: stage.tally.steps(),
        series: measured.points,
        errors: stage.tally.errors(),
        figures: measured.figures,
        capacity: None,
    };
    report.settings.insert("http".to_owned(), json!(args.http));
    report.settings.insert("phones".to_owned(), json!(args.phones));
    report.settings.insert("seed".to_owned(), json!(args.seed));
    report
}

/// Does something, unless it is called to stop meanwhile.
pub(crate) async fn unless_stopped<T>(
    stop: &Stop,
    done: impl Future<Output = Result<T, LoadError>>,
) -> Result<T, LoadError> {
    tokio::select! {
        done = done => done,
        () = stop.called() => {
            let reason = stop.reason().unwrap_or_default();
            Err(LoadError::Input(format!("{reason} before anything was measured")))
        }
    }
}

/// The command line without secrets.
fn command(arguments: impl Iterator<Item = String>) -> String {
    let mut shown = Vec::new();
    let mut hide = false;
    for (index, argument) in arguments.enumerate() {
        let secret = argument.starts_with("--secret");
        if index == 0 {
            let name = argument.rsplit('/').next().unwrap_or_default();
            shown.push(name.to_owned());
        } else if std::mem::take(&mut hide) || (secret && argument.contains('=')) {
            // A secret comes from the variable as well.
        } else if secret {
            hide = true;
        } else {
            shown.push(crate::server::without_password(&argument));
        }
    }
    shown.join(" ")
}

fn utc_now() -> String {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let now = i64::try_from(since.as_millis()).ok().and_then(DateTime::from_timestamp_millis);
    now.unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_shown_without_secrets() {
        let given = [
            "/x/countersign-loadtest",
            "lifecycle",
            "--secret",
            "geheim",
            "--secret=geheim",
            "--store=redis://u:geheim@127.0.0.1/0",
            "--store",
            "redis://u:geheim@127.0.0.1/0",
        ];
        let shown = command(given.into_iter().map(str::to_owned));
        assert!(!shown.contains("geheim"), "{shown}");
        assert!(shown.starts_with("countersign-loadtest lifecycle --store"), "{shown}");
        assert!(shown.ends_with("--store redis://127.0.0.1/0"), "{shown}");
    }

    #[test]
    fn a_report_says_when_in_utc() {
        let now = utc_now();
        assert!(now.ends_with('Z') && DateTime::parse_from_rfc3339(&now).is_ok(), "{now}");
    }
}
