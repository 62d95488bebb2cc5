//! The server as a process with two workers.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running server. Dropping it kills the process.
pub(crate) struct Server {
    child: Child,
    pub(crate) public: SocketAddr,
    pub(crate) operators: SocketAddr,
    folder: TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .arg("serve")
            .env_clear()
            .env("COUNTERSIGN_TENANT_ID", "demo")
            .env("COUNTERSIGN_SECRET_KEY", "a-secret-for-tests-only")
            .env("COUNTERSIGN_LISTEN", "127.0.0.1:0")
            .env("COUNTERSIGN_STORE", "memory:")
            .env("COUNTERSIGN__SERVER__WORKERS", "2")
            .env("COUNTERSIGN__SERVER__DATA_DIR", folder.path())
            .env("COUNTERSIGN__OPERATIONS__LISTEN", "127.0.0.1:0")
            .env("COUNTERSIGN__LOG__LEVEL", "warn")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut listens = |on: &str| {
            let line = said.next().expect("it says where it listens").unwrap();
            let address = line.strip_prefix(on).expect(&line).to_owned();
            let address = address.strip_prefix("http://").expect(&line);
            address.split(": ").next().unwrap().parse().expect(&line)
        };
        let (public, operators) = (listens("listening on "), listens("operations on "));
        Self { child, public, operators, folder }
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.child.id())
    }

    /// Returns the process's resident memory in bytes, or `None` if the process has ended.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        Some(line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024)
    }

    /// Counts the process's open descriptors.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(self.proc("fd")).unwrap().count()
    }

    /// Returns the server's log: its warnings, errors and panics.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
