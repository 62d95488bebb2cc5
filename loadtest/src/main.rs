//! The command line of the load harness.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use countersign_loadtest::compare::CompareArgs;
use countersign_loadtest::render::RenderArgs;
use countersign_loadtest::scenario::{lifecycle, waiters};
use countersign_loadtest::server::ServerArgs;

/// Puts a Countersign server under load and says how long it took to answer.
#[derive(Parser)]
#[command(name = "countersign-loadtest", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Scenario(Scenario),
    /// The page or the Markdown of a report, from its JSON file.
    Render(RenderArgs),
    /// What changed from one report to another, and what of it is more than noise.
    Compare(CompareArgs),
}

#[derive(Subcommand)]
enum Scenario {
    /// Whole lifecycles in a closed loop.
    Lifecycle(Run<lifecycle::LifecycleArgs>),
    /// Many parked polls, some of which are decided one by one.
    Waiters(Run<waiters::WaitersArgs>),
}

#[derive(clap::Args)]
struct Run<S: clap::Args> {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    scenario: S,
    /// Report as JSON.
    #[arg(long)]
    json: bool,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Scenario(scenario) => run(scenario),
        Command::Render(args) => args.run(std::io::stdout()).map_err(Into::into),
        Command::Compare(args) => args.run(std::io::stdout()).map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where even this cannot be written, the exit code says it.
            let _ = writeln!(std::io::stderr(), "countersign-loadtest: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(scenario: Scenario) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (report, json) = runtime.block_on(async {
        Ok::<_, Failure>(match scenario {
            Scenario::Lifecycle(Run { server, scenario, json }) => {
                let (target, _server) = server.prepare().await?;
                (lifecycle::run(&target, &scenario).await?, json)
            }
            Scenario::Waiters(Run { server, scenario, json }) => {
                countersign_loadtest::descriptors::allow(scenario.count as u64)?;
                let (target, _server) = server.prepare().await?;
                (waiters::run(&target, &scenario).await?, json)
            }
        })
    })?;
    let mut out = std::io::stdout();
    if json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(())
}
