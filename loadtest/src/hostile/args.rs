//! The command line of `hostile`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::{ALL, Attackers, Hostile, Listener, Outcome, Rule, Run, Timing, alone, named, pairs};
use crate::LoadError;
use crate::host::pin::{self, Cores};
use crate::out::files;
use crate::out::output::output;
use crate::run::stop::Stop;
use crate::server::{check_store, key, program_beside};

/// Default length of a run in seconds: of one abuse, and of a pair.
const ALONE_SECONDS: u64 = 60;
const PAIR_SECONDS: u64 = 15;
/// Maximum length of the quiet span.
const QUIET_MAX: Duration = Duration::from_secs(10);
/// Maximum length of the recovery span.
const RECOVERY_MAX: Duration = Duration::from_secs(3);

/// The abuses and their length.
#[derive(Args, Clone, Debug)]
pub struct HostileArgs {
    /// The server to start: this `countersign`, or the one beside this program.
    #[arg(long, value_name = "PATH", num_args = 0..=1)]
    spawn: Option<Option<PathBuf>>,
    /// Store of the server: `sqlite`, `memory:` or a Redis of this machine; may be repeated.
    #[arg(long, default_value = "sqlite")]
    store: Vec<String>,
    /// A key of the server's configuration, such as `server.requests_in_flight_max=1000`.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key)]
    set: Vec<(String, String)>,
    /// Run these abuses only.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    only: Vec<String>,
    /// Attack this listener only.
    #[arg(long, value_enum)]
    listener: Option<Listener>,
    /// Run each pair of abuses on the public listener, instead of each abuse alone.
    #[arg(long, conflicts_with = "listener")]
    pairs: bool,
    /// Seconds of each run [default: 60, or 15 for a pair]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: Option<u64>,
    /// Sign-ins that begin each second.
    #[arg(long, default_value_t = 40.0, value_parser = rate)]
    rate: f64,
    /// Allow sign-ins to be refused with 429 or 503.
    #[arg(long)]
    allow_refused: bool,
    /// Pin no process to a core.
    #[arg(long)]
    no_pin: bool,
    /// File with all figures.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// List the abuses with their rates, and exit.
    #[arg(long)]
    list: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (1.0..=1_000.0).contains(rate));
    rate.ok_or_else(|| "it is a number from 1 to 1000".to_owned())
}

impl HostileArgs {
    /// Runs the command. The exit code is a success only if the server withstood every abuse.
    ///
    /// # Errors
    /// [`LoadError`] if the arguments are invalid, a server does not start, or the file cannot be
    /// written.
    pub fn run(self) -> Result<ExitCode, LoadError> {
        if self.list {
            return list().map(|()| ExitCode::SUCCESS);
        }
        let runs = self.runs()?;
        let hostile = self.hostile()?;
        if let Some(path) = &self.json {
            files::check(path).map_err(|why| output(path, why))?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let mut figures = Vec::new();
        let done = runtime.block_on(async {
            let stop = Stop::default();
            stop.on_signals()?;
            let note = |text: &str| drop(writeln!(std::io::stderr(), "{text}"));
            let show = |outcome: &Outcome| {
                figures.push(outcome.json());
                drop(write!(std::io::stdout(), "{outcome}"));
            };
            tokio::select! {
                done = hostile.run(runs, note, show) => done,
                () = stop.called() => Err(LoadError::Server("cut short: interrupted".to_owned())),
            }
        });
        if let Some(path) = &self.json {
            let all = Value::Array(figures);
            let written = files::write(path, |out| writeln!(out, "{all:#}"));
            written.map_err(|why| output(path, why))?;
        }
        conclude(&done?)
    }

    fn runs(&self) -> Result<Vec<Run>, LoadError> {
        for store in &self.store {
            check_store(store, false)?;
        }
        let abuses = named(&self.only)?;
        if self.pairs {
            return Ok(pairs(&self.store, &abuses));
        }
        let both = [Listener::Public, Listener::Operators];
        let listeners = self.listener.map_or_else(|| both.to_vec(), |one| vec![one]);
        Ok(alone(&self.store, &listeners, &abuses))
    }

    fn hostile(&self) -> Result<Hostile, LoadError> {
        let seconds = if self.pairs { PAIR_SECONDS } else { ALONE_SECONDS };
        let abuse = Duration::from_secs(self.seconds.unwrap_or(seconds));
        Ok(Hostile {
            binary: self.spawn.clone().flatten().map_or_else(program_beside, Ok)?,
            set: self.set.clone(),
            cores: if self.no_pin { Cores::default() } else { pin::split(&pin::allowed()?, 1) },
            attackers: Attackers::this_program(&["attack"])?,
            timing: Timing {
                abuse,
                quiet: abuse.min(QUIET_MAX),
                recovery: abuse.min(RECOVERY_MAX),
                sign_ins_per_second: self.rate,
            },
            rule: Rule { refused_share: f64::from(u8::from(self.allow_refused)), ..Rule::strict() },
        })
    }
}

/// Prints a summary. Returns the exit code of a success only if no run failed.
fn conclude(outcomes: &[Outcome]) -> Result<ExitCode, LoadError> {
    let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.wrong.is_empty()).collect();
    writeln!(std::io::stdout(), "{} of {} runs failed", failed.len(), outcomes.len())?;
    for Outcome { run, wrong, .. } in &failed {
        let (listener, store) = (run.listener.name(), run.store.split(':').next());
        let (store, first) = (store.unwrap_or_default(), wrong.first());
        let first = first.map_or("", |first| first);
        writeln!(std::io::stdout(), "  {listener} {store} {}: {first}", run.name())?;
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list() -> Result<(), LoadError> {
    let mut out = std::io::stdout();
    for abuse in ALL {
        let both = abuse.is_for(Listener::Operators);
        let on = if both { "both listeners" } else { "public listener" };
        writeln!(out, "{:<19}{}; {on}\n{:<19}{}", abuse.name, abuse.about, "", (abuse.rate)())?;
    }
    Ok(())
}
