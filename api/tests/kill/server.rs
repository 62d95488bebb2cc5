//! The server as a process.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) const TENANT: &str = "demo";
pub(crate) const SECRET: &str = "a-secret-for-tests-only";
/// A start with a log to replay is to be over long before.
const START: Duration = Duration::from_secs(20);

/// A running server; it is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts the server on the file in `folder` and a free port. It must listen soon.
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[]).await
    }

    /// The same, with further settings, as variables.
    pub(crate) async fn start_with(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let log = folder.join("log");
        let appended = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .arg("serve")
            .env_clear()
            .env("COUNTERSIGN_TENANT_ID", TENANT)
            .env("COUNTERSIGN_SECRET_KEY", SECRET)
            .env("COUNTERSIGN_LISTEN", "127.0.0.1:0")
            .env("COUNTERSIGN_STORE", format!("sqlite:{}", folder.join("store").display()))
            .env("COUNTERSIGN__OPERATIONS__LISTEN", "off")
            .env("COUNTERSIGN__SERVER__DATA_DIR", folder)
            .env("COUNTERSIGN__LOG__LEVEL", "warn")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(appended)
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut server = Self { child, url: String::new(), log };
        let greeting = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let greeting = tokio::time::timeout(START, greeting).await.expect("it starts quickly");
        let line = greeting.unwrap().unwrap();
        let url = line.trim_end().strip_prefix("listening on ");
        server.url = url
            .unwrap_or_else(|| panic!("did not start: {line:?} {}", server.read_log()))
            .to_owned();
        server
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// SIGKILL: nothing of it runs after this.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// No start, and nothing between, had anything to complain about.
    pub(crate) fn assert_log_is_clean(&self) {
        let log = self.read_log();
        assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
    }

    fn read_log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
