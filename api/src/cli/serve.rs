//! `countersign serve`: runs the server until a signal stops it.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use clap::Args;
use countersign_engine::ports::Entropy as _;
use countersign_engine::system::SystemEntropy;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::{Map, Value};
use tokio::signal::unix::{SignalKind, signal};

use super::json_line::JsonLine;
use super::{ConfigArgs, log, panics};
use crate::config::{Config, LogFormat, demo};
use crate::descriptors::Budget;
use crate::error::ServeError;
use crate::operator::{self, OperatorFile};
use crate::server::{self, Running};
use crate::telemetry;

/// Upper bounds of the buckets of every latency histogram, in seconds.
const SECONDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// Interval at which measurements are added to their buckets.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Arguments of `countersign serve`.
#[derive(Args, Default)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Serve the demo too, as the tenant `demo`. Without a configured tenant it is always served.
    #[arg(long)]
    demo: bool,
}

/// Runs the server until a signal stops it.
///
/// # Errors
/// Any error that prevents a start or a clean shutdown. It is a [`JsonLine`] if the log is JSON.
pub(super) fn run(args: &ServeArgs) -> Result<(), Box<dyn Error>> {
    let config = args.config.load()?;
    log::start(&config)?;
    let format = config.log.format;
    serve(config, args.demo).map_err(|error| match format {
        LogFormat::Human => error,
        LogFormat::Json => JsonLine::new("ERROR", &error.to_string(), Map::new()).into(),
    })
}

fn serve(mut config: Config, with_demo: bool) -> Result<(), Box<dyn Error>> {
    demo::prepare_folder(&config.server.data_dir)?;
    let demo = if with_demo || config.tenants.is_empty() {
        let demo = demo::prepare(&config.server.data_dir, |bytes| SystemEntropy.fill(bytes))?;
        if config.tenants.iter().any(|tenant| tenant.id == demo.tenant.id) {
            return Err("--demo needs the tenant id `demo`, which is configured otherwise".into());
        }
        config.tenants.push(demo.tenant.clone());
        config.demo = true;
        Some(demo)
    } else {
        None
    };
    let metrics = start_metrics()?;
    panics::count();
    actix_web::rt::System::new().block_on(async move {
        actix_web::rt::spawn(keep_up(metrics.clone()));
        let running = server::start(&config, metrics).await;
        let running = running.map_err(|error| beside(&config.server.data_dir, error))?;
        if let Some(operations) = running.operations {
            let pid = std::process::id();
            OperatorFile::write(&config.server.data_dir, operations, &running.operator_key, pid)?;
        }
        let (out, demo) = (&mut io::stdout(), demo.as_ref());
        let greeted = match config.log.format {
            LogFormat::Human => greet(out, &running, demo),
            LogFormat::Json => greet_in_json(out, &running, demo),
        };
        if greeted.is_err() {
            tracing::warn!("the greeting could not be written to standard output");
        }
        let mut terminate = signal(SignalKind::terminate())?;
        running
            .until(async move {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
            })
            .await?;
        Ok(())
    })
}

/// Describes the error that prevented a start. If another server uses the same data folder, the
/// text names its process and a remedy.
fn beside(data_dir: &Path, error: ServeError) -> Box<dyn Error> {
    match (operator::neighbour(data_dir), &error) {
        (Some(pid), ServeError::Store(_) | ServeError::Listen { .. }) => {
            let folder = data_dir.display();
            format!(
                "{error}; process {pid} serves from {folder}: stop it, or give this server another \
                 server.data_dir and other addresses"
            )
            .into()
        }
        _ => error.into(),
    }
}

fn start_metrics() -> Result<PrometheusHandle, Box<dyn Error>> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(
            Matcher::Suffix("_units".to_owned()),
            &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0],
        )?;
    let handle = builder.install_recorder()?;
    metrics::gauge!(telemetry::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// Adds measurements to their buckets at an interval. Otherwise pending measurements would pile up
/// in memory while nobody reads the metrics.
async fn keep_up(metrics: PrometheusHandle) {
    let mut interval = tokio::time::interval(METRICS_UPKEEP);
    loop {
        interval.tick().await;
        metrics.run_upkeep();
    }
}

/// Prints the server's addresses as one line in the format of the JSON log, so that a collector of
/// both outputs can parse it.
fn greet_in_json(
    out: &mut impl Write,
    running: &Running,
    demo: Option<&demo::Demo>,
) -> io::Result<()> {
    let mut fields = Map::new();
    let mut say = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    say("address", format!("http://{}", running.address).into());
    if let Some(operations) = running.operations {
        say("operations", format!("http://{operations}").into());
    }
    say("connections_max", running.budget.connections.into());
    say("open_files_max", running.budget.limit.into());
    if let Some(demo) = demo {
        say("demo", format!("http://{}/demo", running.address).into());
        say("demo_secret_file", demo.secret_file.display().to_string().into());
    }
    writeln!(out, "{}", JsonLine::new("INFO", "listening", fields))?;
    out.flush()
}

/// Prints the server's addresses, and the first steps for a newcomer if the demo is served.
fn greet(out: &mut impl Write, running: &Running, demo: Option<&demo::Demo>) -> io::Result<()> {
    writeln!(out, "listening on http://{}", running.address)?;
    if let Some(operations) = running.operations {
        writeln!(out, "operations on http://{operations}: /metrics, /health/live, /health/ready")?;
    }
    let Budget { limit, connections, .. } = running.budget;
    writeln!(out, "room for {connections} connections, with {limit} open files")?;
    if let Some(demo) = demo {
        let (file, tenant) = (demo.secret_file.display(), &demo.tenant.id);
        let url = format!("http://{}", running.address);
        let program = std::env::args().next().unwrap_or_else(|| "countersign".to_owned());
        writeln!(
            out,
            "
Open {url}/demo to see a sign-in and a payment in the browser.

It is the tenant `{tenant}`, whose secret is in {file}.
To enroll a phone in the terminal for the user alice:

  curl -s -u \"$(cat {file}):\" -X POST \\
    {url}/v1/users/alice/actions/enroll
  {program} phone --url {url}/v1 --tenant demo enroll --token TOKEN

TOKEN is the field `token` in the first command's answer.
The README walks through a whole sign-in."
        )?;
    }
    out.flush()
}
