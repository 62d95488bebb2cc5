//! The command line: one subcommand for each scenario.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::LoadError;
use crate::capacity_run::{self, CapacityArgs};
use crate::hostile::{self, HostileArgs};
use crate::out::compare::CompareArgs;
use crate::out::render::{self, RenderArgs};
use crate::out::report::model::Report;
use crate::run::stop::Stop;
use crate::scenario::{Scenario, enroll, lifecycle, phones, poison, soak, storm, waiters};
use crate::session::{self, RunArgs};

/// Puts a Countersign server under load, as backends, browsers and phones do, and reports the
/// results.
#[derive(Parser)]
#[command(name = "countersign-loadtest", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Scenario(Box<Load>),
    /// Render a report's JSON file as a page or as Markdown.
    Render(RenderArgs),
    /// Compare two reports, and separate changes from noise.
    Compare(CompareArgs),
    /// Measure sign-ins while attackers abuse the server, in one way or in two at a time.
    Hostile(HostileArgs),
    /// Run the attackers' process, which `hostile` starts.
    #[command(hide = true)]
    Attack,
}

#[derive(Subcommand)]
enum Load {
    /// Run whole lifecycles: track, challenge, poll, read, decide, validate.
    Lifecycle(Run<lifecycle::LifecycleArgs>),
    /// Park many browsers, and decide their challenges one by one or all at once.
    Waiters(Run<waiters::WaitersArgs>),
    /// Keep many apps on long polls, and send challenges to some of them.
    Phones(Run<phones::PhonesArgs>),
    /// Enroll new users.
    Enroll(Run<enroll::EnrollArgs>),
    /// Let everyone sign in within a short time, as at 09:00.
    Storm(Run<storm::StormArgs>),
    /// Run lifecycles among bad signatures, replays and garbage.
    Poison(Run<poison::PoisonArgs>),
    /// Run ordinary lifecycles for hours, and measure the growth of memory.
    Soak(Run<soak::SoakArgs>),
    /// Find the highest rate that meets an objective, and the costs for a planner.
    Capacity(Run<CapacityArgs>),
}

#[derive(clap::Args)]
struct Run<S: clap::Args> {
    #[command(flatten)]
    scenario: S,
    #[command(flatten)]
    run: RunArgs,
}

impl<S: Scenario + clap::Args> Run<S> {
    async fn report(&self, stop: &Stop) -> Result<ExitCode, LoadError> {
        let report = session::run(&self.run, &self.scenario, stop).await?;
        conclude(&report, &self.run)
    }
}

impl Cli {
    /// Parses the process's command line. An invalid one ends the process with an error of one
    /// line. `--help` and `--version` end the process too.
    pub fn parsed() -> Self {
        use std::io::Write as _;
        Self::try_parse().unwrap_or_else(|error| {
            let help = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
            if !error.use_stderr() || error.kind() == help {
                error.exit();
            }
            // If this write fails, the exit code still shows the error.
            let _ = writeln!(std::io::stderr(), "countersign-loadtest: {}", in_a_line(&error));
            std::process::exit(error.exit_code())
        })
    }

    /// Runs the chosen command.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn run(self) -> Result<ExitCode, LoadError> {
        match self.command {
            Command::Render(args) => args.run(std::io::stdout()).map(|()| ExitCode::SUCCESS),
            Command::Compare(args) => args.run(std::io::stdout()).map(|()| ExitCode::SUCCESS),
            Command::Hostile(args) => args.run(),
            Command::Attack => hostile::attack().map(|()| ExitCode::SUCCESS),
            Command::Scenario(scenario) => scenario.run(),
        }
    }
}

impl Load {
    fn run(self) -> Result<ExitCode, LoadError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let stop = Stop::default();
            stop.on_signals()?;
            match self {
                Self::Lifecycle(run) => run.report(&stop).await,
                Self::Waiters(run) => run.report(&stop).await,
                Self::Phones(run) => run.report(&stop).await,
                Self::Enroll(run) => run.report(&stop).await,
                Self::Storm(run) => run.report(&stop).await,
                Self::Poison(run) => run.report(&stop).await,
                Self::Soak(run) => run.report(&stop).await,
                Self::Capacity(Run { scenario, run }) => {
                    conclude(&capacity_run::run(&scenario, &run, &stop).await?, &run)
                }
            }
        })
    }
}

/// Formats an error of the command line and its remedy as one line, without the usage that `--help`
/// shows.
fn in_a_line(error: &clap::Error) -> String {
    let whole = error.to_string();
    let parts = whole.split("\n\n").filter(|part| !part.trim_start().starts_with("Usage:"));
    let said = parts.map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let said: Vec<_> = said.map(|part| part.trim_start_matches("error: ").to_owned()).collect();
    said.join("; ").replace("; For more information, try", ": see")
}

/// Prints a report and writes its files. A report of a run that was cut short, or that completed
/// nothing, is an error.
fn conclude(report: &Report, run: &RunArgs) -> Result<ExitCode, LoadError> {
    use std::io::Write as _;
    // The files are written even if the write to the standard output failed.
    let shown = write!(std::io::stdout(), "{report}");
    run.output.write(report)?;
    render::shown(shown)?;
    match (&report.cut_short, report.totals.completed) {
        (Some(why), _) => Err(LoadError::Server(format!("cut short: {why}"))),
        (None, 0) => {
            let first = report.errors.first().map_or("nothing came", |error| &*error.first);
            Err(LoadError::Server(format!("nothing was completed: {first}")))
        }
        (None, _) => Ok(ExitCode::SUCCESS),
    }
}
