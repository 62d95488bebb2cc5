//! What one whole lifecycle costs the server, as a ratio to the sum of its parts, all measured in
//! one run: processor time of the server's process, not time that passes.
//!
//! The parts are seven bare JSON requests, of a server that does nothing else, and two bare P-256
//! checks.

use std::error::Error;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command as Process, ExitCode, Stdio};
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use countersign_benches::bare;
use countersign_benches::table::{median, range};
use countersign_loadtest::book::Book;
use countersign_loadtest::drive::{Work, closed_loop};
use countersign_loadtest::host::process;
use countersign_loadtest::lines::{Lines, Protocol};
use countersign_loadtest::people::{Crowd, Speech};
use countersign_loadtest::recorder::Recorder;
use countersign_loadtest::report::model::Machine;
use countersign_loadtest::scenario::lifecycle::{Cycle, Learn};
use countersign_loadtest::server::{self, Spawned};
use countersign_loadtest::step;
use countersign_loadtest::stop::Stop;
use countersign_loadtest::{LoadError, descriptors};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use tokio::time::Instant;

const REQUESTS_PER_LIFECYCLE: f64 = 7.0;
const VERIFICATIONS_PER_LIFECYCLE: f64 = 2.0;
/// What a lifecycle may cost, as a multiple of its parts.
const TARGET: f64 = 1.5;

type Failure = Box<dyn Error>;

/// What one lifecycle costs the server, as a ratio to the sum of its parts.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Hidden>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Hidden {
    /// Serve the bare route.
    #[command(hide = true)]
    BareServer {
        /// Worker threads.
        workers: usize,
    },
}

#[derive(Args)]
struct Settings {
    /// The `countersign` to measure; it is built if none is given.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Rounds; the figures are medians over them.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Lifecycles per round and store.
    #[arg(long, default_value_t = 4000)]
    lifecycles: u64,
    /// Bare requests per round.
    #[arg(long, default_value_t = 60_000)]
    requests: u64,
    /// Connections, each of which sends as soon as it was answered.
    #[arg(long, default_value_t = 32)]
    connections: u64,
    /// Worker threads of every server.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Stores to measure.
    #[arg(long, value_delimiter = ',', default_value = "memory:,sqlite")]
    stores: Vec<String>,
}

fn main() -> ExitCode {
    let Cli { command, settings } = Cli::parse();
    let done = match command {
        Some(Hidden::BareServer { workers }) => bare::serve(workers).map_err(Failure::from),
        None => measure(&settings),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where even this cannot be written, the exit code says it.
            let _ = writeln!(io::stderr(), "cost: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(settings: &Settings) -> Result<(), Failure> {
    let server = settings.server.clone().map_or_else(build, Ok)?;
    descriptors::allow(2 * settings.connections)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut parts = Bare::start(settings).await?;
        let mut wholes = Vec::new();
        for store in &settings.stores {
            wholes.push(Whole::start(&server, store, settings).await?);
        }
        // The first round warms up and is not counted.
        for round in 0..=settings.rounds {
            let counted = round > 0;
            parts.round(settings, counted).await?;
            for whole in &mut wholes {
                whole.round(settings, counted).await?;
            }
        }
        Ok(print(settings, &parts, &wholes)?)
    })
}

/// Builds the server as it is released, beside this program.
fn build() -> Result<PathBuf, Failure> {
    let cargo = std::env::var_os("CARGO").ok_or("give the server with --server")?;
    let built = Process::new(cargo)
        .args(["build", "--release", "--locked", "-p", "countersign"])
        .status()?;
    if !built.success() {
        return Err("the server was not built".into());
    }
    Ok(std::env::current_exe()?.with_file_name("countersign"))
}

/// The parts.
struct Bare {
    process: Child,
    url: String,
    client: reqwest::Client,
    request_us: Vec<f64>,
    verification_us: Vec<f64>,
}

impl Bare {
    async fn start(settings: &Settings) -> Result<Self, Failure> {
        let mut process = tokio::process::Command::new(std::env::current_exe()?)
            .args(["bare-server", &settings.workers.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().ok_or("its output is piped")?;
        let address = BufReader::new(output).lines().next_line().await?;
        let address = address.ok_or("the bare server did not start")?;
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        let url = format!("http://{address}/json");
        Ok(Self { process, url, client, request_us: Vec::new(), verification_us: Vec::new() })
    }

    async fn round(&mut self, settings: &Settings, counted: bool) -> Result<(), Failure> {
        let pid = self.process.id().ok_or("the bare server has ended")?;
        let each = settings.requests / settings.connections;
        let work = || Bareback { client: self.client.clone(), url: self.url.clone() };
        let used = used_by(pid, (0..settings.connections).map(|_| work()), each).await?;
        let verification_us =
            tokio::task::spawn_blocking(|| bare::verification_us(10_000)).await??;
        if counted {
            self.request_us.push(used);
            self.verification_us.push(verification_us);
        }
        Ok(())
    }

    /// The sum of the parts, round by round.
    fn sums(&self) -> impl Iterator<Item = f64> {
        let both = self.request_us.iter().zip(&self.verification_us);
        both.map(|(r, v)| REQUESTS_PER_LIFECYCLE * r + VERIFICATIONS_PER_LIFECYCLE * v)
    }
}

/// Sends bare requests.
struct Bareback {
    client: reqwest::Client,
    url: String,
}

impl Work for Bareback {
    async fn once(&mut self, _: Instant, _: &mut Recorder) -> Result<(), LoadError> {
        let wrong = |_| LoadError::Wrong("the bare server does not answer as it should");
        let request = self.client.post(&self.url).json(&bare::Message::sample());
        let answer = request.send().await.map_err(wrong)?.error_for_status().map_err(wrong)?;
        answer.json::<bare::Message>().await.map_err(wrong)?;
        Ok(())
    }
}

/// The whole, with one store.
struct Whole {
    store: String,
    server: Spawned,
    crowd: Crowd,
    lifecycle_us: Vec<f64>,
}

impl Whole {
    async fn start(
        binary: &std::path::Path,
        store: &str,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let (store, workers) = (store.to_owned(), settings.workers);
        let how = server::Settings { store: store.clone(), workers, ..server::Settings::default() };
        let server = Spawned::start(binary, &how).await?;
        let protocol = Protocol { http2: false, streams: 1 };
        let lines = Lines::new(protocol, usize::try_from(settings.connections)?, true)?;
        let target = server.target.clone();
        let crowd = Crowd { target, lines, speeches: vec![Speech::Android] };
        Ok(Self { store, server, crowd, lifecycle_us: Vec::new() })
    }

    async fn round(&mut self, settings: &Settings, counted: bool) -> Result<(), Failure> {
        let count = usize::try_from(settings.connections)?;
        let users = self.crowd.enroll(count, || ()).await?;
        let work = users.into_iter().map(|user| Cycle::approving(user, Learn::Asking));
        let each = settings.lifecycles / settings.connections;
        let used = used_by(self.server.pid, work, each).await?;
        if counted {
            self.lifecycle_us.push(used);
        }
        Ok(())
    }
}

/// Microseconds of processor time that a process uses for one piece of work.
async fn used_by<W: Work>(
    pid: u32,
    workers: impl Iterator<Item = W>,
    each: u64,
) -> Result<f64, Failure> {
    let before = process::cpu_seconds(pid)?;
    let book = Arc::new(Book::new(step::WHOLE));
    closed_loop(workers, move |times| times < each, &book, &Stop::default()).await;
    let used_us = (process::cpu_seconds(pid)? - before) * 1e6;
    if let Some(failure) = book.errors().into_iter().next() {
        return Err(failure.first.into());
    }
    Ok(used_us / book.totals().completed as f64)
}

fn print(settings: &Settings, parts: &Bare, wholes: &[Whole]) -> io::Result<()> {
    let out = &mut io::stdout();
    writeln!(out, "{}", Machine::here())?;
    writeln!(
        out,
        "{} rounds after one to warm up; {} connections, {} workers; per round {} bare requests \
         and {} lifecycles",
        settings.rounds,
        settings.connections,
        settings.workers,
        settings.requests,
        settings.lifecycles
    )?;
    writeln!(out, "\nmicroseconds of processor time: median (smallest to largest)")?;
    row(out, "bare request", &parts.request_us)?;
    row(out, "bare P-256 check", &parts.verification_us)?;
    let sums: Vec<_> = parts.sums().collect();
    row(out, "7 requests + 2 checks", &sums)?;
    for whole in wholes {
        row(out, &format!("lifecycle, {}", whole.store), &whole.lifecycle_us)?;
    }
    writeln!(out, "\nratio to the parts of the same round, target {TARGET} for memory:")?;
    for whole in wholes {
        let ratios: Vec<_> = whole.lifecycle_us.iter().zip(&sums).map(|(l, s)| l / s).collect();
        row(out, &whole.store, &ratios)?;
    }
    Ok(())
}

fn row(out: &mut impl io::Write, name: &str, values: &[f64]) -> io::Result<()> {
    let (smallest, largest) = range(values);
    writeln!(out, "  {name:<24}{:>9.2}   ({smallest:.2} to {largest:.2})", median(values))
}
