//! Overload: ten times as many sign-ins as the server can take. The program measures the decisions
//! on admitted sign-ins, the refusals, the memory, and the time until all is as before.
//!
//! Server and driver have a core each. Sign-ins arrive by the clock, whatever the server does.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use countersign_benches::crowd::{Crowd, Fared, watch_memory};
use countersign_benches::pinned::{Failure, Server, build, ended};
use countersign_benches::table::quantile;
use countersign_loadtest::descriptors;
use countersign_loadtest::host::pin;
use countersign_loadtest::host::process::rss_bytes;
use tokio::task::LocalSet;

/// Measures a server under more sign-ins than it can take.
#[derive(Parser)]
struct Settings {
    /// The `countersign` to measure; it is built if none is given.
    #[arg(long)]
    server: Option<PathBuf>,
    /// The store.
    #[arg(long, default_value = "memory:")]
    store: String,
    /// Arrivals, as a multiple of the server's capacity.
    #[arg(long, default_value_t = 10.0)]
    times: f64,
    /// Seconds of overload.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Milliseconds that a person takes to decide.
    #[arg(long, default_value_t = 1000)]
    human_ms: u64,
    /// Enrolled users.
    #[arg(long, default_value_t = 12_000)]
    users: usize,
    /// Connections, at most.
    #[arg(long, default_value_t = 2000)]
    connections: usize,
    /// Cores of the server and of the driver.
    #[arg(long, value_delimiter = ',', default_value = "0,1")]
    cores: Vec<usize>,
}

fn main() -> ExitCode {
    ended("overload", run(&Settings::parse()))
}

fn run(settings: &Settings) -> Result<(), Failure> {
    let [of_server, of_driver] = settings.cores[..] else {
        return Err("--cores takes two, such as 0,1".into());
    };
    let binary = settings.server.clone().map_or_else(build, Ok)?;
    descriptors::allow((settings.connections + settings.users) as u64)?;
    pin::this_process(&[of_driver])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(async {
        let server = Server::start(&binary, &settings.store, &[of_server], &[]).await?;
        measure(settings, &server).await
    }))
}

async fn measure(settings: &Settings, server: &Server) -> Result<(), Failure> {
    let (users, connections) = (settings.users, settings.connections);
    let human = Duration::from_millis(settings.human_ms);
    let crowd = Crowd::enroll(server, users, connections, human).await?;
    crowd.closed(Duration::from_secs(1)).await;
    let capacity = crowd.closed(Duration::from_secs(3)).await;
    let out = &mut io::stdout();
    writeln!(out, "capacity: {capacity:.0} sign-ins a second, a decision takes {human:?}")?;
    writeln!(
        out,
        "{:>6} {:>8} {:>8} {:>8} {:>8} {:>9} {:>17} {:>17} {:>17} {:>8}",
        "load",
        "due",
        "refused",
        "started",
        "decided",
        "approved",
        "new p50/p99 ms",
        "existing p50/p99",
        "refusal p50/p99",
        "late p99"
    )?;
    phase(out, &crowd, "half", capacity / 2.0, 3).await?;
    let before = rss_bytes(server.pid())?;
    let (most, watch) = watch_memory(server);
    phase(out, &crowd, "over", capacity * settings.times, settings.seconds).await?;
    watch.abort();
    for second in 1..=10 {
        phase(out, &crowd, &format!("+{second} s"), capacity / 2.0, 1).await?;
    }
    let after = rss_bytes(server.pid())?;
    let (before, most, after) = (mib(before), mib(*most.borrow()), mib(after));
    writeln!(out, "memory: {before} MiB before, {most} at most in it, {after} after it")?;
    Ok(())
}

async fn phase(
    out: &mut impl io::Write,
    crowd: &Rc<Crowd>,
    name: &str,
    rate: f64,
    seconds: u64,
) -> Result<(), Failure> {
    let fared = crowd.open(rate, Duration::from_secs(seconds)).await;
    let Fared { due, started, decided, completed, .. } = fared;
    let ms = |us: &[f64], q| quantile(us, q) / 1e3;
    let both = |us: &[f64]| format!("{:.1} / {:.1}", ms(us, 0.5), ms(us, 0.99));
    write!(out, "{name:>6} {due:>8} {:>8} ", fared.refused_us.len())?;
    writeln!(
        out,
        "{started:>8} {decided:>8} {completed:>9} {:>17} {:>17} {:>17} {:>8.1}",
        both(&fared.new_us),
        both(&fared.existing_us),
        both(&fared.refused_us),
        ms(&fared.late_us, 0.99)
    )?;
    if fared.unsent + fared.rude > 0 {
        writeln!(
            out,
            "       unsent {}, refused without a time or later {}",
            fared.unsent, fared.rude
        )?;
    }
    if let Some((first, times)) = fared.failed {
        writeln!(out, "       failed {times} times, first: {first}")?;
    }
    Ok(())
}

const fn mib(bytes: u64) -> u64 {
    bytes >> 20
}
