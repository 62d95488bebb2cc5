//! A server that the harness has stopped, with its data folder, for commands on its store.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::Command;

use crate::LoadError;

/// A stopped server. Its data are deleted when this value is dropped.
pub struct Stopped {
    pub(super) binary: PathBuf,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) folder: TempDir,
}

impl Stopped {
    /// Returns the data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command of the server's program with the server's configuration.
    ///
    /// # Errors
    /// [`LoadError::Server`], with the last line of the command's errors.
    pub async fn run(&self, arguments: &[&str]) -> Result<(), LoadError> {
        let mut command = Command::new(&self.binary);
        command.args(arguments).env_clear().envs(self.environment.iter().cloned());
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        Err(LoadError::Server(format!("countersign {}: {}", arguments.join(" "), last.trim())))
    }
}
