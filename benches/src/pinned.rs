//! A server in a process of its own, on a core of its own.

use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::person::Callers;

const TENANT: &str = "bench";
const SECRET: &str = "a-secret-of-the-benchmarks";

/// Builds `countersign`, and gives where it is.
///
/// # Errors
/// If it does not build.
pub fn build() -> io::Result<PathBuf> {
    let build = ["build", "--release", "--locked", "-p", "countersign"];
    let status = Command::new("cargo").args(build).status()?;
    let beside = std::env::current_exe()?.with_file_name("countersign");
    status.success().then_some(beside).ok_or_else(|| io::Error::other("countersign does not build"))
}

/// A server that runs until this is dropped.
pub struct Server {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
    _folder: Option<TempDir>,
}

impl Server {
    /// Starts `countersign` with one worker. `settings` are further variables of its environment.
    ///
    /// # Errors
    /// If it does not start.
    pub fn countersign(binary: &Path, store: &str, settings: &[(&str, &str)]) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(binary);
        command.arg("serve").env_clear().envs([
            ("COUNTERSIGN_TENANT_ID", TENANT),
            ("COUNTERSIGN_SECRET_KEY", SECRET),
            ("COUNTERSIGN__SERVER__LISTEN", "127.0.0.1:0"),
            ("COUNTERSIGN__OPERATIONS__LISTEN", "off"),
            ("COUNTERSIGN__SERVER__WORKERS", "1"),
            ("COUNTERSIGN__STORE__URL", store),
            ("COUNTERSIGN__LOG__LEVEL", "warn"),
        ]);
        command.envs(settings.iter().copied());
        command.env("COUNTERSIGN__SERVER__DATA_DIR", folder.path());
        Self::start(command, Some(folder))
    }

    /// Starts this program again, with other arguments; it has to say where it listens.
    ///
    /// # Errors
    /// If it does not.
    pub fn oneself(arguments: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments);
        Self::start(command, None)
    }

    fn start(mut command: Command, folder: Option<TempDir>) -> io::Result<Self> {
        let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        // Made first, so that a process that says nothing is ended too.
        let mut server = Self { process, address: unknown, _folder: folder };
        let output = server.process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().rsplit(['/', ' ']).next().and_then(|text| text.parse().ok());
        server.address = address.ok_or_else(|| io::Error::other("it says no address"))?;
        Ok(server)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What its callers show.
    #[must_use]
    pub fn callers(&self) -> Callers {
        Callers::new(TENANT, SECRET)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is gone already where that fails.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
