//! A run from start to end: prepares the server, measures the scenario, and builds the report.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use clap::Args;
use serde_json::json;
use tokio::time::Instant;

use crate::LoadError;
use crate::client::connections::{Connections, Protocol};
use crate::client::people::{PhoneKind, UserFactory};
use crate::host::pin::Cores;
use crate::host::{descriptors, process};
use crate::out::output::OutputArgs;
use crate::out::progress::Progress;
use crate::out::report::model::{FORMAT, Machine, Report, Totals};
use crate::run::meter::{Meter, own_cpu_seconds};
use crate::run::sampler::Sampler;
use crate::run::stop::Stop;
use crate::run::tally::Tally;
use crate::scenario::{Figures, RunContext, Scenario, figures};
use crate::server::{Prepared, ServerArgs};

/// Time that a scenario gets to end after the stop signal.
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
    pub phones: Vec<PhoneKind>,
    /// Seed of the random numbers.
    #[arg(long, help_heading = "Clients", default_value_t = 1)]
    pub seed: u64,
    /// Destinations of the report.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs a scenario and returns its report. The report names the reason if the run was cut short.
///
/// # Errors
/// [`LoadError`] if the options are invalid, or if the server or the scenario could not be
/// prepared.
pub async fn run<S: Scenario>(
    args: &RunArgs,
    scenario: &S,
    stop: &Stop,
) -> Result<Report, LoadError> {
    scenario.check()?;
    let session = Session::new(args, stop, scenario.requests())?;
    let server = session.start().await?;
    let report = session.measure(scenario, &server).await;
    let stopped = server.stop().await;
    let mut report = report?;
    if let Err(error) = stopped {
        report.cut_short.get_or_insert_with(|| error.to_string());
    }
    Ok(report)
}

impl RunArgs {
    pub(crate) fn protocol(&self) -> Protocol {
        Protocol { http2: self.http == 2, streams: self.streams.into() }
    }
}

/// The options, the stop signal, the machine and the cores, which all parts of a run share.
#[derive(Clone)]
pub(crate) struct Session<'a> {
    pub(crate) args: &'a RunArgs,
    pub(crate) stop: &'a Stop,
    pub(crate) machine: Machine,
    pub(crate) cores: Cores,
}

impl<'a> Session<'a> {
    /// Checks the options before anything starts, and pins this process.
    ///
    /// # Errors
    /// [`LoadError`] for an invalid option, or if the system refuses.
    pub(crate) fn new(
        args: &'a RunArgs,
        stop: &'a Stop,
        requests: usize,
    ) -> Result<Self, LoadError> {
        args.output.check()?;
        // The machine is described before this process is pinned, because a pinned process sees
        // fewer cores.
        let machine = Machine::here();
        let cores = args.server.place()?;
        descriptors::allow(args.protocol().connections(requests) as u64)?;
        Ok(Self { args, stop, machine, cores })
    }

    /// Prepares the server, which is started if `--spawn` is given.
    ///
    /// # Errors
    /// [`LoadError`], also after the stop signal.
    pub(crate) async fn start(&self) -> Result<Prepared, LoadError> {
        unless_stopped(self.stop, self.args.server.prepare(self.cores.clone())).await
    }

    /// Runs a scenario on a prepared server.
    ///
    /// # Errors
    /// [`LoadError`] if the scenario could not be prepared.
    pub(crate) async fn measure<S: Scenario>(
        &self,
        scenario: &S,
        server: &Prepared,
    ) -> Result<Report, LoadError> {
        let Self { args, stop, .. } = *self;
        let (target, loopback) = (server.target.clone(), server.target.is_loopback());
        let connections = Connections::new(args.protocol(), scenario.requests(), loopback)?;
        let phone_kinds = args.phones.clone();
        let context = RunContext {
            factory: UserFactory { target, connections, phone_kinds },
            tally: Arc::new(Tally::new(S::MAIN)),
            stop: stop.clone(),
            metrics: server.metrics.clone(),
            progress: Progress::new(args.output.quiet),
            pid: server.pid,
            seed: args.seed,
        };
        unless_stopped(stop, server.target.probe(context.factory.connections.of(0))).await?;
        let ready = unless_stopped(stop, scenario.prepare(&context)).await;
        let ready = ready.inspect_err(|_| context.progress.end())?;
        Ok(self.report(scenario, ready, &context, server).await)
    }

    async fn report<S: Scenario>(
        &self,
        scenario: &S,
        ready: S::Ready,
        context: &RunContext,
        server: &Prepared,
    ) -> Report {
        let cpu = || server.pid.and_then(|pid| process::cpu_seconds(pid).ok());
        let sampler = Sampler::start(server.pid, server.metrics.clone()).await;
        let started_at = utc_now();
        let (server_before, client_before, start) = (cpu(), own_cpu_seconds(), Instant::now());
        let (tally, stop) = (context.tally.clone(), context.stop.clone());
        let meter = Meter::start(tally, stop, sampler, context.progress.clone(), scenario.length());
        let done = until_stopped(context.stop.called(), scenario.measure(ready, context)).await;
        let took = start.elapsed();
        let used = cpu().zip(server_before).map(|(after, before)| after - before);
        let client_cpu_seconds = own_cpu_seconds() - client_before;
        let series = meter.end().await;
        let failure = done.as_ref().err().map(ToString::to_string);
        let mut figures = done.unwrap_or_default();
        scenario.conclude(&series, &mut figures);
        Report {
            format: FORMAT,
            scenario: S::NAME.to_owned(),
            command: command(std::env::args()),
            started_at,
            took_seconds: took.as_secs_f64(),
            cut_short: cut_short(server, context.stop.reason().or(failure)),
            machine: self.machine.clone(),
            server: server.described(),
            settings: settings(self.args, scenario),
            totals: Totals {
                server_cpu_seconds: used,
                client_cpu_seconds,
                ..context.tally.totals()
            },
            steps: context.tally.steps(),
            series,
            errors: context.tally.errors(),
            figures,
            capacity: None,
        }
    }
}

/// Waits for the figures of a measurement. After the stop signal `called` it waits for [`GRACE`]
/// only, and then returns no figures.
async fn until_stopped(
    called: impl Future<Output = ()>,
    measured: impl Future<Output = Result<Figures, LoadError>>,
) -> Result<Figures, LoadError> {
    let over = async {
        called.await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        done = measured => done,
        () = over => Ok(Figures::new()),
    }
}

/// Returns the reason for an early end; `None` if there is none. If the server has ended, the
/// reason has the last line of its log.
fn cut_short(server: &Prepared, reason: Option<String>) -> Option<String> {
    if server.pid.is_none_or(process::is_alive) {
        return reason;
    }
    let said = server.spawned.as_ref().map(|spawned| spawned.last_words());
    Some(format!("the server has ended{}", said.unwrap_or_default()))
}

/// Returns the settings of a scenario, together with the settings that every run has.
fn settings<S: Scenario>(args: &RunArgs, scenario: &S) -> Figures {
    let mut settings = figures(serde_json::to_value(scenario).unwrap_or_default());
    settings.insert("http".to_owned(), json!(args.http));
    settings.insert("phones".to_owned(), json!(args.phones));
    settings.insert("seed".to_owned(), json!(args.seed));
    settings
}

/// Waits for `done`, and fails if the stop signal comes first.
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

/// Returns the command line without secrets.
fn command(arguments: impl Iterator<Item = String>) -> String {
    let mut shown = Vec::new();
    let mut hide = false;
    for (index, argument) in arguments.enumerate() {
        let secret = argument.starts_with("--secret");
        if index == 0 {
            let name = argument.rsplit('/').next().unwrap_or_default();
            shown.push(name.to_owned());
        } else if std::mem::take(&mut hide) || (secret && argument.contains('=')) {
            // The secret is left out. A reader can set it through the environment variable.
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
