//! Processor time that a whole lifecycle costs the server, as a ratio to the sum of its parts. Both
//! are measured in the same run.
//!
//! The parts are bare JSON requests to a server that does nothing else, and bare signature checks.
//! An official app needs seven requests and two P-256 checks. A phone that signs statements and
//! reads with a device session needs six requests and one check of a batch.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use actix_web::rt::System;
use clap::{Args, Parser, Subcommand};
use countersign_benches::bare;
use countersign_benches::parts::Parts;
use countersign_benches::pinned::{BareProcess, Failure, PATIENT, build, exit_code};
use countersign_benches::table::{median, range};
use countersign_loadtest::LoadError;
use countersign_loadtest::client::connections::{Connections, Protocol};
use countersign_loadtest::client::people::{PhoneKind, UserFactory};
use countersign_loadtest::client::recorder::Recorder;
use countersign_loadtest::descriptors;
use countersign_loadtest::host::{pin, process};
use countersign_loadtest::out::report::model::Machine;
use countersign_loadtest::out::report::step;
use countersign_loadtest::run::drive::{Work, closed_loop};
use countersign_loadtest::run::stop::Stop;
use countersign_loadtest::run::tally::Tally;
use countersign_loadtest::scenario::lifecycle::{Cycle, Learn};
use countersign_loadtest::server::{self, Spawned};
use tokio::time::Instant;

/// Highest ratio that meets the target.
const TARGET: f64 = 1.3;
/// Number of bare signature checks in one round, for each kind of lifecycle.
const CHECKS: u32 = 10_000;
/// Number of lifecycles over which each part of the server is measured alone.
const LIFECYCLES_ALONE: u32 = 5_000;
/// Store whose lifecycles are shown by part.
const IN_PARTS: &str = "memory:";

/// A kind of lifecycle, with the numbers of its parts.
struct Kind {
    name: &'static str,
    phone_kind: PhoneKind,
    requests: f64,
    checks: f64,
    /// Function that measures the processor time of one bare check in microseconds, from this
    /// number of checks.
    check_us: fn(u32) -> io::Result<f64>,
    check: &'static str,
}

const KINDS: [Kind; 2] = [
    // The requests are track, challenge, nonce, read, decide, verify and validate. The phone signs
    // the read too.
    Kind {
        name: "P-256",
        phone_kind: PhoneKind::Android,
        requests: 7.0,
        checks: 2.0,
        check_us: bare::verification_us,
        check: "bare P-256 check",
    },
    // The phone reads with the device session from its enrollment, so it requests no nonce.
    Kind {
        name: "Ed25519, statement-v1",
        phone_kind: PhoneKind::Statement,
        requests: 6.0,
        checks: 1.0,
        check_us: bare::batched_verification_us,
        check: "bare Ed25519 check in a batch of 64",
    },
];

/// Measures the cost of one lifecycle as a ratio to the sum of its parts.
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
    /// Worker threads of every server. With one core or more for each side, the servers have half
    /// of the cores and this program the others.
    #[arg(long, default_value_t = 1)]
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
    exit_code("cost", done)
}

fn measure(settings: &Settings) -> Result<(), Failure> {
    let server = settings.server.clone().map_or_else(build, Ok)?;
    descriptors::allow(2 * settings.connections)?;
    let cores = pin::halves(&pin::allowed()?);
    if !cores.client.is_empty() {
        pin::this_process(&cores.client)?;
    }
    let alone = System::new().block_on(Parts::measure(LIFECYCLES_ALONE))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut parts = pin::while_on(&cores.server, || Bare::start(settings))??;
        let mut wholes = Vec::new();
        for store in &settings.stores {
            wholes.push(Whole::start(&server, store, &cores.server, settings).await?);
        }
        // The first round is a warm-up and does not count.
        for round in 0..=settings.rounds {
            let counted = round > 0;
            parts.round(settings, counted).await?;
            for whole in &mut wholes {
                whole.round(settings, counted).await?;
            }
        }
        print(settings, &parts, &wholes)?;
        Ok(print_by_part(&parts, &wholes, alone)?)
    })
}

/// The bare server, and the measured costs of the parts.
struct Bare {
    process: BareProcess,
    client: reqwest::Client,
    request_us: Vec<f64>,
    /// Microseconds of a bare check in each round, by kind of lifecycle.
    check_us: [Vec<f64>; KINDS.len()],
}

impl Bare {
    fn start(settings: &Settings) -> Result<Self, Failure> {
        let process = BareProcess::start(&["bare-server", &settings.workers.to_string()])?;
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        Ok(Self { process, client, request_us: Vec::new(), check_us: Default::default() })
    }

    async fn round(&mut self, settings: &Settings, counted: bool) -> Result<(), Failure> {
        let each = settings.requests / settings.connections;
        let url = format!("http://{}/json", self.process.address);
        let work = || BareRequests { client: self.client.clone(), url: url.clone() };
        let work = (0..settings.connections).map(|_| work());
        let used = used_by(self.process.pid(), work, each).await?;
        if counted {
            self.request_us.push(used);
        }
        for (kind, all) in KINDS.iter().zip(&mut self.check_us) {
            let check_us = tokio::task::spawn_blocking(|| (kind.check_us)(CHECKS)).await??;
            if counted {
                all.push(check_us);
            }
        }
        Ok(())
    }

    /// Returns the sum of the parts of a kind of lifecycle, for each round.
    fn sums(&self, kind: usize) -> Vec<f64> {
        let Kind { requests, checks, .. } = KINDS[kind];
        let both = self.request_us.iter().zip(&self.check_us[kind]);
        both.map(|(request, check)| requests * request + checks * check).collect()
    }
}

/// A worker that sends bare requests.
struct BareRequests {
    client: reqwest::Client,
    url: String,
}

impl Work for BareRequests {
    async fn once(&mut self, _: Instant, _: &mut Recorder) -> Result<(), LoadError> {
        let wrong = |_| LoadError::Wrong("the bare server does not answer as it should");
        let request = self.client.post(&self.url).json(&bare::Message::sample());
        let answer = request.send().await.map_err(wrong)?.error_for_status().map_err(wrong)?;
        answer.json::<bare::Message>().await.map_err(wrong)?;
        Ok(())
    }
}

/// A `countersign` with one store, and the measured costs of whole lifecycles.
struct Whole {
    store: String,
    server: Spawned,
    connections: Connections,
    /// Microseconds of a lifecycle in each round, by kind.
    lifecycle_us: [Vec<f64>; KINDS.len()],
}

impl Whole {
    async fn start(
        binary: &Path,
        store: &str,
        cores: &[usize],
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let (store, workers, cores) = (store.to_owned(), settings.workers, cores.to_vec());
        let keys = vec![(PATIENT.0.to_owned(), PATIENT.1.to_owned())];
        let how =
            server::SpawnSettings { store: store.clone(), workers, keys, cores, descriptors: None };
        let server = Spawned::start(binary, &how).await?;
        let protocol = Protocol { http2: false, streams: 1 };
        let connections = Connections::new(protocol, usize::try_from(settings.connections)?, true)?;
        Ok(Self { store, server, connections, lifecycle_us: Default::default() })
    }

    async fn round(&mut self, settings: &Settings, counted: bool) -> Result<(), Failure> {
        for (kind, all) in KINDS.iter().zip(&mut self.lifecycle_us) {
            let (target, connections) = (self.server.target.clone(), self.connections.clone());
            let factory = UserFactory { target, connections, phone_kinds: vec![kind.phone_kind] };
            let users = factory.enroll(usize::try_from(settings.connections)?, || ()).await?;
            let work = users.into_iter().map(|user| Cycle::approving(user, Learn::Asking));
            let each = settings.lifecycles / settings.connections;
            let used = used_by(self.server.pid, work, each).await?;
            if counted {
                all.push(used);
            }
        }
        Ok(())
    }
}

/// Measures the processor time that a process uses for one piece of work, in microseconds. Each
/// worker repeats the work `each` times.
async fn used_by<W: Work>(
    pid: u32,
    workers: impl Iterator<Item = W>,
    each: u64,
) -> Result<f64, Failure> {
    let before = process::cpu_seconds(pid)?;
    let tally = Arc::new(Tally::new(step::WHOLE));
    closed_loop(workers, move |times| times < each, &tally, &Stop::default()).await;
    let used_us = (process::cpu_seconds(pid)? - before) * 1e6;
    if let Some(failure) = tally.errors().into_iter().next() {
        return Err(failure.first.into());
    }
    Ok(used_us / tally.totals().completed as f64)
}

fn print(settings: &Settings, parts: &Bare, wholes: &[Whole]) -> io::Result<()> {
    let out = &mut io::stdout();
    writeln!(out, "{}", Machine::here())?;
    writeln!(
        out,
        "{} rounds after one to warm up; {} connections, {} workers; per round {} bare requests \
         and {} lifecycles of each kind",
        settings.rounds,
        settings.connections,
        settings.workers,
        settings.requests,
        settings.lifecycles
    )?;
    writeln!(out, "\nmicroseconds of processor time: median (smallest to largest)")?;
    row(out, "bare request", &parts.request_us)?;
    for (kind, check_us) in KINDS.iter().zip(&parts.check_us) {
        row(out, kind.check, check_us)?;
    }
    for (number, kind) in KINDS.iter().enumerate() {
        let sums = parts.sums(number);
        let Kind { name, requests, checks, .. } = kind;
        writeln!(
            out,
            "\n{name}: ratio to the parts of the same round, target {TARGET} for memory:"
        )?;
        row(out, &format!("parts: {requests} requests, {checks} checks"), &sums)?;
        for whole in wholes {
            let lifecycle_us = &whole.lifecycle_us[number];
            let ratios: Vec<_> = lifecycle_us.iter().zip(&sums).map(|(l, s)| l / s).collect();
            row(out, &format!("lifecycle, {}", whole.store), lifecycle_us)?;
            row(out, "ratio", &ratios)?;
        }
    }
    Ok(())
}

fn row(out: &mut impl io::Write, name: &str, values: &[f64]) -> io::Result<()> {
    let (smallest, largest) = range(values);
    writeln!(out, "  {name:<36}{:>9.2}   ({smallest:.2} to {largest:.2})", median(values))
}

/// Prints the parts of a P-256 lifecycle. The last one is the difference to the whole.
fn print_by_part(bare: &Bare, wholes: &[Whole], alone: Parts) -> io::Result<()> {
    let Some(whole) = wholes.iter().find(|whole| whole.store == IN_PARTS) else { return Ok(()) };
    let Kind { name, requests, checks, .. } = KINDS[0];
    let whole_us = median(&whole.lifecycle_us[0]);
    let requests_us = requests * median(&bare.request_us);
    let checks_us = checks * median(&bare.check_us[0]);
    let Parts { tokens_us, rules_us, store_us, engine_us } = alone;
    let actors_us = engine_us - checks_us - rules_us - store_us;
    let rest_us = whole_us - requests_us - tokens_us - engine_us;
    let out = &mut io::stdout();
    writeln!(out, "\n{name}, {IN_PARTS} by part, microseconds and share of the whole")?;
    for (part, us) in [
        ("bare requests", requests_us),
        ("bare checks of signatures", checks_us),
        ("tokens", tokens_us),
        ("rules of the account", rules_us),
        ("store", store_us),
        ("actors, texts to show, and pool", actors_us),
        ("routes, headers, bodies, admission", rest_us),
    ] {
        writeln!(out, "  {part:<36}{us:>9.2}   {:>3.0} %", us / whole_us * 100.0)?;
    }
    writeln!(out, "  {:<36}{whole_us:>9.2}", "lifecycle")
}
