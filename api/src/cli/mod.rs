//! The command line.

pub mod phone;
mod serve;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Self-hosted push verification.
#[derive(Parser)]
#[command(name = "countersign", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server. This is what happens without a command too.
    Serve(serve::ServeArgs),
    /// Be a phone: a software device that speaks to a server over HTTP.
    Phone(phone::PhoneArgs),
}

/// Runs the command that the process was called with.
#[must_use]
pub fn main() -> ExitCode {
    let command =
        Cli::parse().command.unwrap_or_else(|| Command::Serve(serve::ServeArgs::default()));
    let done: Result<(), Box<dyn std::error::Error>> = match command {
        Command::Serve(args) => serve::run(&args),
        Command::Phone(args) => phone(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where even this cannot be written, the exit code says it.
            let _ = writeln!(std::io::stderr(), "countersign: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The phone needs no actors: one thread that waits for one answer at a time.
fn phone(args: phone::PhoneArgs) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut out, mut input) = (std::io::stdout(), std::io::stdin().lock());
    Ok(runtime.block_on(phone::run(args, &mut out, &mut input))?)
}
