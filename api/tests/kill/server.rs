//! The server as a process that tests can kill.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use countersign_testkit::redis_server::Redis;

pub(crate) const TENANT: &str = "demo";
pub(crate) const SECRET: &str = "a-secret-for-tests-only";
/// Longest time of a start. A start with a log to replay takes far less.
const START: Duration = Duration::from_secs(60);
/// Name of the thread that checks a large file in the background after a start. `LOOK_MAX` limits
/// the time of this check.
const LOOKS_THROUGH: &str = "store-check";
const LOOK_MAX: Duration = Duration::from_secs(300);

/// Options of a start. The default is a plain start.
#[derive(Default)]
pub(crate) struct Launch {
    /// Command and arguments of the program that runs the server, such as strace. Empty for none.
    pub(crate) under: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
}

impl Launch {
    /// Makes a launch under strace, which writes its output to `trace`. `make tools` installs
    /// strace, a Debian package.
    pub(crate) fn traced(trace: &Path, options: &[&str]) -> Self {
        let found = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
        assert!(found.is_ok(), "strace is missing: run make tools, or apt-get install strace");
        let trace = trace.display().to_string();
        let strace =
            ["strace", "-f", "-qq", "-o", &trace].into_iter().chain(options.iter().copied());
        Self { under: strace.map(str::to_owned).collect(), env: Vec::new() }
    }
}

/// Starts a Redis, and begins a store in it.
pub(crate) fn begun_redis() -> Redis {
    let redis = Redis::durable();
    let begun = begin(&redis.url(), &[]);
    assert!(begun.status.success(), "{}", String::from_utf8_lossy(&begun.stderr));
    redis
}

/// Runs `countersign store begin` with further settings, given as environment variables.
pub(crate) fn begin(url: &str, settings: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["store", "begin"])
        .env_clear()
        .env("COUNTERSIGN_TENANT_ID", TENANT)
        .env("COUNTERSIGN_SECRET_KEY", SECRET)
        .env("COUNTERSIGN_STORE", url)
        .envs(settings.iter().copied())
        .output()
        .unwrap()
}

/// A running server. Dropping it kills the process.
pub(crate) struct Server {
    child: Child,
    /// Output of the server's start, up to the end of the process.
    stdout: Option<BufReader<ChildStdout>>,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts the server on the file in `folder` and on a free port. The server must listen soon.
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_as(folder, &Launch::default()).await
    }

    /// Starts a server with further settings, given as environment variables.
    pub(crate) async fn start_with(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let env = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self::start_as(folder, &Launch { env, ..Launch::default() }).await
    }

    /// Starts the server with these options. The server must listen soon.
    pub(crate) async fn start_as(folder: &Path, launch: &Launch) -> Self {
        let started = Self::try_start(folder, launch).await;
        started.unwrap_or_else(|(_, log)| panic!("did not start: {log}"))
    }

    /// Starts the server with these options. Returns the exit code and the log if it ends before it
    /// listens.
    pub(crate) async fn try_start(
        folder: &Path,
        launch: &Launch,
    ) -> Result<Self, (Option<i32>, String)> {
        let log = folder.join("log");
        let appended = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut command = launch.under.clone();
        command.push(env!("CARGO_BIN_EXE_countersign").to_owned());
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .arg("serve")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("COUNTERSIGN_TENANT_ID", TENANT)
            .env("COUNTERSIGN_SECRET_KEY", SECRET)
            .env("COUNTERSIGN_LISTEN", "127.0.0.1:0")
            .env("COUNTERSIGN_STORE", format!("sqlite:{}", folder.join("store").display()))
            .env("COUNTERSIGN__OPERATIONS__LISTEN", "off")
            .env("COUNTERSIGN__SERVER__DATA_DIR", folder)
            // A debug build under many requests is slow without being overloaded.
            .env("COUNTERSIGN__SERVER__QUEUE_DELAY_MS_MAX", "10000")
            // With the default, the server would log a warning on a machine that allows few open
            // files.
            .env("COUNTERSIGN__SERVER__REQUESTS_IN_FLIGHT_MAX", "2000")
            .env("COUNTERSIGN__LOG__LEVEL", "warn")
            .envs(launch.env.clone())
            .stdout(Stdio::piped())
            .stderr(appended)
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut server = Self { child, stdout: None, url: String::new(), log };
        let greeting = tokio::task::spawn_blocking(move || {
            let (mut stdout, mut line) = (BufReader::new(stdout), String::new());
            stdout.read_line(&mut line).map(|_| (line, stdout))
        });
        let greeting = tokio::time::timeout(START, greeting).await.expect("it starts quickly");
        let (line, stdout) = greeting.unwrap().unwrap();
        server.stdout = Some(stdout);
        match line.trim_end().strip_prefix("listening on ") {
            Some(url) => url.clone_into(&mut server.url),
            None => return Err((server.child.wait().unwrap().code(), server.read_log())),
        }
        Ok(server)
    }

    /// Returns the address of the operators' listener, which the settings must enable.
    pub(crate) fn operations(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        let said = line.strip_prefix("operations on ").and_then(|line| line.split_once(": "));
        said.unwrap_or_else(|| panic!("no address of operators: {line}")).0.to_owned()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the id of the server's own process. If the server runs under another program, it is
    /// that program's only child.
    fn pid(&self) -> u32 {
        let own = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
        children.ok().and_then(|ids| ids.split_whitespace().next()?.parse().ok()).unwrap_or(own)
    }

    /// Sends SIGTERM, and returns the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        signal(self.pid(), "TERM");
        self.child.wait().unwrap().code()
    }

    /// Waits until the server ends by itself, and returns the exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Sends a signal to the server, such as STOP or CONT.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Returns the process's resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Returns the processor time of the server's threads. The background check of a large file is
    /// left out.
    pub(crate) fn processor_time(&self) -> Duration {
        let spent = |thread: PathBuf| {
            // The thread may have ended in the meantime.
            let name = std::fs::read_to_string(thread.join("comm")).ok()?;
            let spent = std::fs::read_to_string(thread.join("schedstat")).ok()?;
            let nanoseconds = spent.split(' ').next()?.parse::<u64>().ok()?;
            (name.trim() != LOOKS_THROUGH).then_some(nanoseconds)
        };
        Duration::from_nanos(self.threads().filter_map(spent).sum())
    }

    /// Waits until the server has finished the background check of its file.
    pub(crate) async fn looked_through(&self) {
        let is_at_it = |thread: PathBuf| {
            std::fs::read_to_string(thread.join("comm")).is_ok_and(|n| n.trim() == LOOKS_THROUGH)
        };
        let began = tokio::time::Instant::now();
        while self.threads().any(is_at_it) {
            assert!(began.elapsed() < LOOK_MAX, "it looks through its file for too long");
            // This loop has its own limit, far longer than that of `until`, because the file may
            // have a million users.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Lists the folder in `/proc` of each of the server's threads.
    fn threads(&self) -> impl Iterator<Item = PathBuf> + use<> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        threads.filter_map(|thread| Some(thread.ok()?.path()))
    }

    /// Sends SIGKILL, after which the server runs no more code.
    pub(crate) fn kill(&mut self) {
        signal(self.pid(), "KILL");
        self.child.wait().unwrap();
    }

    /// Checks that the log has no errors and no panics, over all starts.
    pub(crate) fn assert_log_is_clean(&self) {
        let log = self.read_log();
        assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
    }

    pub(crate) fn read_log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The test may have killed the server before. Only the server is killed: strace ends when
        // its process ends, but a killed strace would leave the process running, with its lock, for
        // a moment.
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal(self.pid(), "KILL");
        }
        let _ = self.child.wait();
    }
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(sent.unwrap().success(), "kill -{name} {pid}");
}
