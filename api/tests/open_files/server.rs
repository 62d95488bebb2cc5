//! The server as a process with a limit of open files.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

pub(crate) const SECRET: &str = "a-secret-for-tests-only";

/// A running server. Dropping it kills the process.
pub(crate) struct Server {
    pub(crate) public: SocketAddr,
    pub(crate) operations: SocketAddr,
    /// Number of connections for which the server reports to have room.
    pub(crate) room: usize,
    child: Child,
    _stdout: BufReader<ChildStdout>,
    folder: TempDir,
}

impl Server {
    /// Starts the server under `limit`, in the form of `prlimit`: the soft limit, a colon and the
    /// hard limit.
    pub(crate) fn start(limit: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = spawned(limit, &folder);
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = |start: &str| {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let rest = line.strip_prefix(start);
            let rest = rest.unwrap_or_else(|| panic!("{start:?} in {line:?}: {}", log(&folder)));
            rest.trim_end().to_owned()
        };
        let public = line("listening on http://").parse().unwrap();
        let operations = line("operations on http://");
        let operations = operations.split_once(": ").unwrap().0.parse().unwrap();
        let room = line("room for ").split_once(' ').unwrap().0.parse().unwrap();
        Self { public, operations, room, child, _stdout: stdout, folder }
    }

    /// Returns the log of a server that must fail to start.
    pub(crate) fn refused(limit: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut child = spawned(limit, &folder);
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(!child.wait().unwrap().success(), "it starts: {said}");
        log(&folder)
    }

    pub(crate) fn open_files(&self) -> usize {
        // The process id is that of `prlimit`, because the server replaces it in the same process.
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    pub(crate) fn log(&self) -> String {
        log(&self.folder)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log(folder: &TempDir) -> String {
    std::fs::read_to_string(folder.path().join("log")).unwrap()
}

fn spawned(limit: &str, folder: &TempDir) -> Child {
    let found = Command::new("prlimit").arg("--version").stdout(Stdio::null()).status();
    assert!(found.is_ok(), "prlimit is missing: apt-get install util-linux");
    let store = folder.path().join("store");
    Command::new("prlimit")
        .arg(format!("--nofile={limit}"))
        .arg(env!("CARGO_BIN_EXE_countersign"))
        .arg("serve")
        .env_clear()
        .env("COUNTERSIGN_TENANT_ID", "demo")
        .env("COUNTERSIGN_SECRET_KEY", SECRET)
        .env("COUNTERSIGN_LISTEN", "127.0.0.1:0")
        .env("COUNTERSIGN_STORE", format!("sqlite:{}", store.display()))
        .env("COUNTERSIGN__OPERATIONS__LISTEN", "127.0.0.1:0")
        .env("COUNTERSIGN__SERVER__DATA_DIR", folder.path())
        // A debug build under many requests is slow without being overloaded.
        .env("COUNTERSIGN__SERVER__QUEUE_DELAY_MS_MAX", "10000")
        .env("COUNTERSIGN__LOG__LEVEL", "warn")
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
        .spawn()
        .unwrap()
}
