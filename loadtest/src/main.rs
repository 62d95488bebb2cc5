//! The program of the load harness.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use countersign_loadtest::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run().unwrap_or_else(|error| {
        // Where even this cannot be written, the exit code says it.
        let _ = writeln!(std::io::stderr(), "countersign-loadtest: {error}");
        ExitCode::FAILURE
    })
}
