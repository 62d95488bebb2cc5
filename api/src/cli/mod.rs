//! The command line.

mod json_line;
mod log;
mod operator;
mod panics;
pub mod phone;
mod serve;
mod store;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::json_line::JsonLine;
use crate::config::{Config, ConfigError, environment};

/// Self-hosted push verification.
#[derive(Parser)]
#[command(name = "countersign", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server. This is the default command.
    Serve(serve::ServeArgs),
    /// Begin, check, export or import the store of a stopped server.
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// List or revoke a user's devices on the running server.
    #[command(subcommand)]
    Device(operator::DeviceCommand),
    /// Show a user's account on the running server, or release its holds.
    #[command(subcommand)]
    Account(operator::AccountCommand),
    /// Act as a phone: a software device that speaks to a server over HTTP.
    Phone(phone::PhoneArgs),
}

/// Runs the command that the process was called with.
#[must_use]
pub fn main() -> ExitCode {
    let command =
        Cli::parse().command.unwrap_or_else(|| Command::Serve(serve::ServeArgs::default()));
    let done: Result<(), Box<dyn std::error::Error>> = match command {
        Command::Serve(args) => serve::run(&args),
        Command::Store(command) => wait(store::run(command, &mut std::io::stdout())),
        Command::Device(command) => wait(operator::device(command, &mut std::io::stdout())),
        Command::Account(command) => wait(operator::account(command, &mut std::io::stdout())),
        Command::Phone(args) => phone(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let program = if error.is::<JsonLine>() { "" } else { "countersign: " };
            // If this write fails, the exit code still shows the failure.
            let _ = writeln!(std::io::stderr(), "{program}{error}");
            ExitCode::FAILURE
        }
    }
}

/// The configuration that the server is started with: commands find its store and its data folder
/// there.
#[derive(Args, Default)]
struct ConfigArgs {
    /// Configuration file (TOML). The variable `COUNTERSIGN__SECTION__KEY` overrides a key.
    #[arg(long, env = "COUNTERSIGN_CONFIG")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref(), environment::of_process()?.into_iter())
    }
}

/// Runs a command on one thread. Only the server needs more, because other commands do one thing at
/// a time.
fn wait<T>(
    command: impl Future<Output = Result<T, Box<dyn std::error::Error>>>,
) -> Result<T, Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

fn phone(args: phone::PhoneArgs) -> Result<(), Box<dyn std::error::Error>> {
    let (mut out, mut input) = (std::io::stdout(), std::io::stdin().lock());
    wait(async { Ok(phone::run(args, &mut out, &mut input).await?) })
}
