//! Entry point of the load harness.

use std::io::Write as _;
use std::process::ExitCode;

use countersign_loadtest::cli::Cli;

fn main() -> ExitCode {
    Cli::parsed().run().unwrap_or_else(|error| {
        // If this write fails, the exit code still shows the error.
        let _ = writeln!(std::io::stderr(), "countersign-loadtest: {error}");
        ExitCode::FAILURE
    })
}
