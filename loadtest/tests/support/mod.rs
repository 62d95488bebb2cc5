//! Runs the program and reads its output.

use std::path::Path;
use std::process::{Command, Output};

use countersign_loadtest::out::report::json;
use countersign_loadtest::out::report::model::Report;

use crate::fake::{Fake, SECRET, TENANT};

/// Builds the command of the program with these arguments, which are separated by spaces.
pub(crate) fn program(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-loadtest"));
    command.args(arguments.split_ascii_whitespace()).env_remove("COUNTERSIGN_SECRET");
    command
}

/// Builds the command of the program with these arguments, against a fake server.
pub(crate) fn against(fake: &Fake, arguments: &str) -> Command {
    let mut command = program(arguments);
    let url = fake.url();
    command.args(["--target", url.as_str(), "--tenant", TENANT]).env("COUNTERSIGN_SECRET", SECRET);
    command
}

/// Returns the text that the program wrote to the standard error.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Reads the report from a file.
pub(crate) fn report(path: &Path) -> Report {
    json::read(&std::fs::read(path).unwrap()).unwrap()
}
