//! Runs the program, and reads its output.

use std::path::Path;
use std::process::{Command, Output};

use countersign_loadtest::out::report::json;
use countersign_loadtest::out::report::model::Report;

use crate::fake::{Fake, SECRET, TENANT};

/// The program with these arguments, separated by spaces.
pub(crate) fn program(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-loadtest"));
    command.args(arguments.split_ascii_whitespace()).env_remove("COUNTERSIGN_SECRET");
    command
}

/// The program with these arguments, against a fake.
pub(crate) fn against(fake: &Fake, arguments: &str) -> Command {
    let mut command = program(arguments);
    let url = fake.url();
    command.args(["--target", url.as_str(), "--tenant", TENANT]).env("COUNTERSIGN_SECRET", SECRET);
    command
}

/// Gives its output to the standard error.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The report in a file.
pub(crate) fn report(path: &Path) -> Report {
    json::read(&std::fs::read(path).unwrap()).unwrap()
}
