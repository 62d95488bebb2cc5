//! Overload: ten times as many sign-ins as the server can handle. The program measures the
//! decisions on admitted sign-ins, the refusals, the memory, and the recovery afterwards.
//!
//! Server and driver have one core each. Sign-ins arrive on a schedule, even if earlier ones are
//! still in progress.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use countersign_benches::pinned::{Failure, Pinned, Server, exit_code};
use countersign_benches::sign_in::{EXISTING, NEW, SignIn, UNSENT, WITHOUT_TIME};
use countersign_loadtest::host::peaks::Peaks;
use countersign_loadtest::host::process::rss_bytes;
use countersign_loadtest::out::report::model::Failures;
use countersign_loadtest::out::report::step;
use countersign_loadtest::run::drive::{closed_loop, for_time, open_loop};
use countersign_loadtest::run::schedule::{Schedule, Shape};
use countersign_loadtest::run::stop::Stop;
use countersign_loadtest::run::tally::Tally;
use countersign_loadtest::run::times::Times;

/// Number of users in the closed loop that measures the capacity.
const CLOSED: usize = 64;
/// Longest time to wait at the end of a phase for sign-ins in progress.
const DRAIN: Duration = Duration::from_secs(60);

/// Measures a server under more sign-ins than it can take.
#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    pinned: Pinned,
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
}

fn main() -> ExitCode {
    let settings = Settings::parse();
    let connections = settings.connections + settings.users;
    let measured =
        settings.pinned.run(connections, &[], async |server| measure(&settings, server).await);
    exit_code("overload", measured)
}

async fn measure(settings: &Settings, server: &Server) -> Result<(), Failure> {
    let human = Duration::from_millis(settings.human_ms);
    let mut users = SignIn::enroll(server, settings.users, settings.connections, human).await?;
    capacity(&users, 1).await;
    let capacity = capacity(&users, 3).await;
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
    users = phase(out, users, "half", capacity / 2.0, 3).await?;
    let before = rss_bytes(server.pid())?;
    let peaks = Peaks::watch(server.pid(), u64::MAX);
    users = phase(out, users, "over", capacity * settings.times, settings.seconds).await?;
    let most = peaks.highest().memory;
    for second in 1..=10 {
        users = phase(out, users, &format!("+{second} s"), capacity / 2.0, 1).await?;
    }
    let [before, most, after] = [before, most, rss_bytes(server.pid())?].map(|bytes| bytes >> 20);
    writeln!(out, "memory: {before} MiB before, {most} at most in it, {after} after it")?;
    Ok(())
}

/// Measures the capacity in sign-ins per second. It runs a closed loop of [`CLOSED`] users, who
/// decide without a delay.
async fn capacity(users: &[SignIn], seconds: u64) -> f64 {
    let tally = Arc::new(Tally::new(step::WHOLE));
    let some: Vec<_> = users.iter().take(CLOSED).map(SignIn::at_once).collect();
    closed_loop(some, for_time(Duration::from_secs(seconds)), &tally, &Stop::default()).await;
    tally.totals().completed as f64 / seconds as f64
}

/// Runs sign-ins at a constant rate, even if earlier ones are still in progress, and prints their
/// figures. Returns the users.
async fn phase(
    out: &mut impl io::Write,
    users: Vec<SignIn>,
    name: &str,
    rate: f64,
    seconds: u64,
) -> io::Result<Vec<SignIn>> {
    let tally = Arc::new(Tally::new(step::WHOLE));
    let time = Duration::from_secs(seconds);
    let schedule = Schedule { shape: Shape::Constant, rate, time, seed: 0 };
    let users = open_loop(users, schedule, DRAIN, &tally, &Stop::default()).await;
    let times = |steps: &[&str]| tally.times_of(steps);
    let count = |name| times(&[name]).count();
    writeln!(
        out,
        "{name:>6} {:>8} {:>8} {:>8} {:>8} {:>9} {:>17} {:>17} {:>17} {:>8.1}",
        tally.totals().offered,
        count(step::REFUSAL),
        count(step::CHALLENGE),
        count(step::DECIDE),
        tally.totals().completed,
        both(&times(&NEW)),
        both(&times(&EXISTING)),
        both(&times(&[step::REFUSAL])),
        tally.lateness().ms(0.99)
    )?;
    failures(out, &tally.errors())?;
    Ok(users)
}

/// Prints the unexpected failures: requests without an idle connection, refusals without
/// `Retry-After`, refusals of admitted sign-ins, and all errors that are no refusals.
fn failures(out: &mut impl io::Write, all: &[Failures]) -> io::Result<()> {
    let sum = |is: &dyn Fn(&Failures) -> bool| -> u64 {
        all.iter().filter(|failures| is(failures)).map(|failures| failures.count).sum()
    };
    let is_unsent = |failures: &Failures| failures.kind == UNSENT;
    let is_rude = |failures: &Failures| {
        let existing = EXISTING.contains(&&*failures.step);
        failures.kind == WITHOUT_TIME || (failures.refusal && existing)
    };
    let (unsent, rude) = (sum(&is_unsent), sum(&is_rude));
    if unsent + rude > 0 {
        writeln!(out, "       unsent {unsent}, refused without a time or later {rude}")?;
    }
    let is_other = |failures: &Failures| !failures.refusal && !is_unsent(failures);
    if let Some(first) = all.iter().find(|failures| is_other(failures)) {
        writeln!(out, "       failed {} times, first: {}", sum(&is_other), first.first)?;
    }
    Ok(())
}

fn both(times: &Times) -> String {
    format!("{:.1} / {:.1}", times.ms(0.5), times.ms(0.99))
}
