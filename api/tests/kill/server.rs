//! The server as a process.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

pub(crate) const TENANT: &str = "demo";
pub(crate) const SECRET: &str = "a-secret-for-tests-only";
/// A start with a log to replay is to be over long before.
const START: Duration = Duration::from_secs(60);
/// The thread that looks through a large file behind a start, and how long that may take.
const LOOKS_THROUGH: &str = "store-check";
const LOOK_MAX: Duration = Duration::from_secs(300);

/// Options of a start, empty for a plain one.
#[derive(Default)]
pub(crate) struct Launch {
    /// The program that it runs under, with its arguments.
    pub(crate) under: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
}

impl Launch {
    /// Runs under strace, which writes its output to `trace`. It is a Debian package that `make
    /// tools` installs.
    pub(crate) fn traced(trace: &Path, options: &[&str]) -> Self {
        let found = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
        assert!(found.is_ok(), "strace is missing: run make tools, or apt-get install strace");
        let trace = trace.display().to_string();
        let strace =
            ["strace", "-f", "-qq", "-o", &trace].into_iter().chain(options.iter().copied());
        Self { under: strace.map(str::to_owned).collect(), env: Vec::new() }
    }
}

/// A running server; it is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    /// The output of its start, to the end.
    stdout: Option<BufReader<ChildStdout>>,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts the server on the file in `folder` and a free port. It must listen soon.
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_as(folder, &Launch::default()).await
    }

    /// Starts a server with further settings, as environment variables.
    pub(crate) async fn start_with(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let env = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self::start_as(folder, &Launch { env, ..Launch::default() }).await
    }

    /// Starts the server in another way. It must listen soon.
    pub(crate) async fn start_as(folder: &Path, launch: &Launch) -> Self {
        let started = Self::try_start(folder, launch).await;
        started.unwrap_or_else(|(_, log)| panic!("did not start: {log}"))
    }

    /// Starts the server. One that ends before it listens gives its exit code and its log.
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
            // Unoptimised, under a crowd: late by nature.
            .env("COUNTERSIGN__SERVER__QUEUE_DELAY_MS_MAX", "10000")
            // A machine that allows few open files would be warned of.
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

    /// Gives the address for operators, which the settings must enable.
    pub(crate) fn operations(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        let said = line.strip_prefix("operations on ").and_then(|line| line.split_once(": "));
        said.unwrap_or_else(|| panic!("no address of operators: {line}")).0.to_owned()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Gives the server's own process, which is the only child of the program that it runs under,
    /// if any.
    fn pid(&self) -> u32 {
        let own = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
        children.ok().and_then(|ids| ids.split_whitespace().next()?.parse().ok()).unwrap_or(own)
    }

    /// SIGTERM; the answer is the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        signal(self.pid(), "TERM");
        self.child.wait().unwrap().code()
    }

    /// Waits for an end that it comes to by itself.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Sends it a signal, such as STOP and CONT.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Bytes of memory that are its own.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Counts the processor time of its requests, without that of looking through a large file,
    /// which a start does in the background.
    pub(crate) fn processor_time(&self) -> Duration {
        let spent = |thread: PathBuf| {
            // A thread may end meanwhile.
            let name = std::fs::read_to_string(thread.join("comm")).ok()?;
            let spent = std::fs::read_to_string(thread.join("schedstat")).ok()?;
            let nanoseconds = spent.split(' ').next()?.parse::<u64>().ok()?;
            (name.trim() != LOOKS_THROUGH).then_some(nanoseconds)
        };
        Duration::from_nanos(self.threads().filter_map(spent).sum())
    }

    /// Waits until it has looked through its file.
    pub(crate) async fn looked_through(&self) {
        let is_at_it = |thread: PathBuf| {
            std::fs::read_to_string(thread.join("comm")).is_ok_and(|n| n.trim() == LOOKS_THROUGH)
        };
        let began = tokio::time::Instant::now();
        while self.threads().any(is_at_it) {
            assert!(began.elapsed() < LOOK_MAX, "it looks through its file for too long");
            // Far longer than `until` waits: the file may be of a million users.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Lists the kernel's folder of each of its threads.
    fn threads(&self) -> impl Iterator<Item = PathBuf> + use<> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        threads.filter_map(|thread| Some(thread.ok()?.path()))
    }

    /// SIGKILL: nothing of it runs after this.
    pub(crate) fn kill(&mut self) {
        signal(self.pid(), "KILL");
        self.child.wait().unwrap();
    }

    /// No start, and nothing between, had anything to complain about.
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
        // It may have been killed before. A tracer ends with its process, and not the other way: to
        // kill the tracer too would leave the process with its lock for a moment.
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
