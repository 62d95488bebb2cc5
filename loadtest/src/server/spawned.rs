//! A server that the harness starts, as a separate process with its own data folder.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use countersign_client::wire::secret::Secret;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::Stopped;
use crate::LoadError;
use crate::client::target::Target;
use crate::host::pin;

/// Longest time until a started server prints its addresses.
const START: Duration = Duration::from_secs(20);
/// Longest time until a server ends after a SIGTERM.
const END: Duration = Duration::from_secs(12);
/// Tenant id of a started server.
const TENANT: &str = "load";
/// Name of the server's log file in its folder.
const LOG: &str = "server.log";
/// Maximum number of bytes that one read of the log returns.
const LOG_BYTES_MAX: u64 = 16 << 20;
/// Path of the program that sets the limits of its process and then runs another program in that
/// process. The path is absolute, because the child has no `PATH` after `env_clear`.
const PRLIMIT: &str = "/usr/bin/prlimit";

/// Settings of a server to start.
#[derive(Clone, Debug, Default)]
pub struct SpawnSettings {
    /// Store of the server: `memory:`, `sqlite` or the address of a Redis.
    pub store: String,
    /// Number of the server's worker threads; 0 means one per core.
    pub workers: usize,
    /// The cores that the server may use; if empty, all cores.
    pub cores: Vec<usize>,
    /// Additional configuration keys, such as `server.body_bytes_max`, with their values.
    pub keys: Vec<(String, String)>,
    /// Soft and hard limit of the server's descriptors; `None` keeps the limits of this process.
    pub descriptors: Option<(u64, u64)>,
}

/// A running server process, which is killed when this value is dropped.
pub struct Spawned {
    /// Address and credentials.
    pub target: Target,
    /// Process id.
    pub pid: u32,
    /// Handle that kills the process when it is dropped.
    process: Child,
    _output: Lines<BufReader<ChildStdout>>,
    binary: PathBuf,
    environment: Vec<(OsString, OsString)>,
    folder: TempDir,
}

impl Spawned {
    /// Starts a server with one tenant, whose users have no practical limit of prompts. Only
    /// `settings` configures it further. The operating system chooses its ports.
    ///
    /// # Errors
    /// [`LoadError::Server`], with the last line of the server's log.
    pub async fn start(binary: &Path, settings: &SpawnSettings) -> Result<Self, LoadError> {
        let folder = tempfile::tempdir().map_err(|error| {
            let (all, kind) = (std::env::temp_dir(), error.kind());
            let all = all.display();
            LoadError::Server(format!("the server's folder cannot be made in {all}: {kind}"))
        })?;
        let secret = secret();
        begin_store(binary, settings, folder.path(), &secret).await;
        let log = File::create(folder.path().join(LOG))?;
        let environment = environment(settings, folder.path(), &secret);
        let mut command = command(binary, settings.descriptors)?;
        command
            .arg("serve")
            .env_clear()
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            // The server gets its own process group, so that an interrupt from the terminal reaches
            // only the harness. The harness then stops the server.
            .process_group(0)
            .kill_on_drop(true);
        let started = pin::while_on(&settings.cores, || command.spawn())?;
        let failed = |error: std::io::Error| {
            let missing = error.kind() == ErrorKind::NotFound;
            let why = if missing && settings.descriptors.is_some() {
                format!("{PRLIMIT} is missing: install the package util-linux")
            } else if missing {
                return self::missing(binary);
            } else {
                format!("it cannot be started: {error}")
            };
            LoadError::Server(format!("{}: {why}", binary.display()))
        };
        let mut process = started.map_err(failed)?;
        let output = process.stdout.take().expect("its output is piped");
        let mut output = BufReader::new(output).lines();
        let greeted = tokio::time::timeout(START, greeting(&mut output)).await;
        let greeted = greeted.unwrap_or_else(|_| Err("it says nothing".to_owned()));
        let (public, operations) = greeted.map_err(|what| {
            let said = last_words(folder.path());
            LoadError::Server(format!("{} did not start: {what}{said}", binary.display()))
        })?;
        let target = Target {
            base: format!("{public}/v1"),
            tenant: TENANT.to_owned(),
            secret: Secret::new(secret),
            operations: Some(operations),
        };
        let pid = process.id().ok_or_else(|| LoadError::Server("it has ended".to_owned()))?;
        let binary = binary.to_path_buf();
        Ok(Self { target, pid, process, _output: output, binary, environment, folder })
    }

    /// Returns the server's data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the last line of the server's log after a colon; empty if the log is empty.
    pub fn last_words(&self) -> String {
        last_words(self.folder.path())
    }

    /// Reads the server's log from this byte on. Returns the text, and the offset for the next
    /// read. One read returns at most 16 MiB.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn log_from(&self, offset: u64) -> std::io::Result<(String, u64)> {
        let mut file = File::open(self.folder.path().join(LOG))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        let read = file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok((String::from_utf8_lossy(&bytes).into_owned(), offset + read as u64))
    }

    /// Kills the server, and waits until it has ended.
    ///
    /// # Errors
    /// If the system cannot kill it.
    pub async fn kill(mut self) -> std::io::Result<()> {
        self.process.kill().await
    }

    /// Sends SIGTERM to the server, and waits until it has ended. Returns its data.
    ///
    /// # Errors
    /// [`LoadError::Server`] if the server does not end in time. It is then killed.
    pub async fn stop(mut self) -> Result<Stopped, LoadError> {
        if let Some(pid) = self.process.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ended_already = kill_process(pid, Signal::TERM);
        }
        match tokio::time::timeout(END, self.process.wait()).await {
            Ok(_) => {
                let Self { binary, environment, folder, .. } = self;
                Ok(Stopped { binary, environment, folder })
            }
            Err(_) => Err(LoadError::Server("it did not end when it was asked to".to_owned())),
        }
    }
}

/// Begins a store in Redis, which a server does not do by itself. The result does not matter: Redis
/// may have the store of an earlier server, and a server that finds none names the reason.
async fn begin_store(binary: &Path, settings: &SpawnSettings, folder: &Path, secret: &str) {
    if !settings.store.starts_with("redis") {
        return;
    }
    let mut command = Command::new(binary);
    command.args(["store", "begin"]).env_clear().envs(environment(settings, folder, secret));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _begun_before = command.status().await;
}

/// Builds the command of the server, with its limits of descriptors if they are set.
///
/// # Errors
/// [`LoadError::Server`] if the program does not exist. Without limits this is not checked here.
fn command(binary: &Path, descriptors: Option<(u64, u64)>) -> Result<Command, LoadError> {
    let Some((soft, hard)) = descriptors else { return Ok(Command::new(binary)) };
    if !binary.is_file() {
        return Err(missing(binary));
    }
    // `prlimit` replaces itself with the server, so the started process id is the server's.
    let mut command = Command::new(PRLIMIT);
    command.arg(format!("--nofile={soft}:{hard}")).arg(binary);
    Ok(command)
}

fn missing(binary: &Path) -> LoadError {
    LoadError::Server(format!(
        "{}: there is no such program: `cargo build --release -p countersign` makes it, --spawn \
         PATH names another",
        binary.display()
    ))
}

fn environment(settings: &SpawnSettings, folder: &Path, secret: &str) -> Vec<(OsString, OsString)> {
    let store = if settings.store == "sqlite" { "sqlite:" } else { &settings.store };
    let own: [(&str, OsString); 12] = [
        ("COUNTERSIGN_TENANT_ID", TENANT.into()),
        ("COUNTERSIGN_SECRET_KEY", secret.into()),
        ("COUNTERSIGN__SERVER__LISTEN", "127.0.0.1:0".into()),
        ("COUNTERSIGN__OPERATIONS__LISTEN", "127.0.0.1:0".into()),
        ("COUNTERSIGN__SERVER__DATA_DIR", folder.into()),
        ("COUNTERSIGN__SERVER__WORKERS", settings.workers.to_string().into()),
        ("COUNTERSIGN__STORE__URL", store.into()),
        ("COUNTERSIGN__LOG__LEVEL", "warn".into()),
        ("COUNTERSIGN__TENANTS__0__PUSH__PROMPTS_MAX", "1000".into()),
        ("COUNTERSIGN__TENANTS__0__PUSH__PROMPTS_WINDOW_SECONDS", "1".into()),
        ("COUNTERSIGN__TENANTS__0__PUSH__DENIAL_WAIT_SECONDS", "0".into()),
        ("COUNTERSIGN__TENANTS__0__PUSH__REPORT_HOLD_SECONDS", "0".into()),
    ];
    let mut all: Vec<(OsString, OsString)> =
        own.into_iter().map(|(name, value)| (name.into(), value)).collect();
    for (key, value) in &settings.keys {
        let name = format!("COUNTERSIGN__{}", key.replace('.', "__").to_ascii_uppercase());
        all.retain(|(known, _)| *known != *name);
        all.push((name.into(), value.into()));
    }
    all
}

/// Generates a random secret, so that other users of the machine cannot guess it.
#[expect(clippy::disallowed_methods, reason = "a secret of a test, outside of the engine")]
fn secret() -> String {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the addresses of the public and of the operators' listener from the server's output.
async fn greeting(output: &mut Lines<BufReader<ChildStdout>>) -> Result<(String, String), String> {
    let mut public = None;
    while let Some(line) = output.next_line().await.map_err(|error| error.to_string())? {
        if let Some(address) = line.strip_prefix("listening on ") {
            public = Some(address.to_owned());
        } else if let Some(rest) = line.strip_prefix("operations on ") {
            let public = public.ok_or("it listens nowhere")?;
            let address = rest.split_once(": ").map_or(rest, |(address, _)| address);
            return Ok((public, address.to_owned()));
        }
    }
    Err("it ended before it listened".to_owned())
}

fn last_words(folder: &Path) -> String {
    let log = std::fs::read_to_string(folder.join(LOG)).unwrap_or_default();
    let last = log.lines().rfind(|line| !line.trim().is_empty());
    last.map_or_else(String::new, |line| format!(": {}", line.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_configuration_becomes_its_variable_and_wins() {
        let keys = [("server.workers", "3"), ("tenants.0.push.prompts_max", "7")];
        let keys = keys.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let settings =
            SpawnSettings { store: "sqlite".to_owned(), keys, ..SpawnSettings::default() };
        let all = environment(&settings, Path::new("/x"), "secret");
        let of = |name: &str| {
            let values = all.iter().filter(|(known, _)| known == name).map(|(_, value)| value);
            values.map(|value| value.to_str().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(of("COUNTERSIGN__SERVER__WORKERS"), ["3"]);
        assert_eq!(of("COUNTERSIGN__TENANTS__0__PUSH__PROMPTS_MAX"), ["7"]);
        assert_eq!(of("COUNTERSIGN__STORE__URL"), ["sqlite:"]);
    }
}
