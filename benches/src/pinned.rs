//! A server as a separate process on its own core, and its driver on another core.

use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use clap::Args;
use countersign_loadtest::client::raw::{Connection, Person};
use countersign_loadtest::host::pin;
use countersign_loadtest::server::metrics::Metrics;
use countersign_loadtest::server::{SpawnSettings, Spawned};
use countersign_loadtest::{LoadError, descriptors};

/// Configuration key and value with which the server refuses no request on a busy machine, for
/// benchmarks of the cost of requests.
pub const PATIENT: (&str, &str) = ("server.queue_delay_ms_max", "10000");
/// Configuration key and value for a large number of parked polls, because one tenant gets only a
/// share of the places.
pub const ROOMY: (&str, &str) = ("server.requests_in_flight_max", "1000000");

/// The reason why a benchmark has no result.
pub type Failure = Box<dyn Error>;

/// Returns the exit code of the benchmark `name`, and prints its error.
pub fn exit_code(name: &str, done: Result<(), Failure>) -> ExitCode {
    let Err(error) = done else { return ExitCode::SUCCESS };
    // If this write fails, the exit code still shows the error.
    let _ = writeln!(io::stderr(), "{name}: {error}");
    ExitCode::FAILURE
}

/// Builds `countersign` in release mode, and returns the path of the program.
///
/// # Errors
/// If the build fails, or if this program was not started by cargo.
pub fn build() -> Result<PathBuf, Failure> {
    let cargo = std::env::var_os("CARGO").ok_or("give the server with --server")?;
    let build = ["build", "--release", "--locked", "-p", "countersign"];
    if !Command::new(cargo).args(build).status()?.success() {
        return Err("the server was not built".into());
    }
    Ok(std::env::current_exe()?.with_file_name("countersign"))
}

/// A server with one worker on one core, and its driver on another.
#[derive(Args)]
pub struct Pinned {
    /// The `countersign` to measure; it is built if none is given.
    #[arg(long)]
    server: Option<PathBuf>,
    /// The store.
    #[arg(long, default_value = "memory:")]
    pub store: String,
    /// Cores of the server and of the driver.
    #[arg(long, value_delimiter = ',', default_value = "0,1")]
    cores: Vec<usize>,
}

impl Pinned {
    /// Starts the server with additional configuration keys, and calls `drive` with it.
    /// `connections` is the number of connections that both processes may have.
    ///
    /// # Errors
    /// If the server does not start; and the errors of `drive`.
    pub fn run(
        &self,
        connections: usize,
        keys: &[(&str, &str)],
        drive: impl AsyncFnOnce(&Server) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let [of_server, of_driver] = self.cores[..] else {
            return Err("--cores takes two, such as 0,1".into());
        };
        let binary = self.server.clone().map_or_else(build, Ok)?;
        // The server inherits this limit, because it has as many connections as the driver.
        descriptors::allow(connections as u64)?;
        pin::this_process(&[of_driver])?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let server = Server::start(&binary, &self.store, &[of_server], keys).await?;
            drive(&server).await
        })
    }
}

/// A running `countersign`, which is killed when this value is dropped.
pub struct Server {
    spawned: Spawned,
    metrics: Metrics,
    /// Address of the public listener.
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server with one worker on `cores`; without cores it may use all. `keys` are
    /// additional configuration keys.
    ///
    /// # Errors
    /// If the server does not start.
    pub async fn start(
        binary: &Path,
        store: &str,
        cores: &[usize],
        keys: &[(&str, &str)],
    ) -> Result<Self, LoadError> {
        let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let settings = SpawnSettings {
            store: store.to_owned(),
            workers: 1,
            cores: cores.to_vec(),
            keys: keys.collect(),
            ..SpawnSettings::default()
        };
        let spawned = Spawned::start(binary, &settings).await?;
        let metrics = Metrics::new(spawned.target.operations.as_deref().unwrap_or_default())?;
        let address = spawned.target.address()?;
        Ok(Self { spawned, metrics, address })
    }

    /// Returns the process id.
    pub const fn pid(&self) -> u32 {
        self.spawned.pid
    }

    /// Enrolls `count` users, each with a P-256 key.
    ///
    /// # Errors
    /// If the server rejects an enrollment.
    pub async fn enroll(&self, count: usize) -> io::Result<Vec<Person>> {
        let callers = self.spawned.target.callers();
        let mut connection = Connection::to(self.address);
        let mut people = Vec::with_capacity(count);
        for number in 0..count {
            let name = format!("u-{number}");
            people.push(Person::enroll(callers.clone(), &name, &mut connection).await?);
        }
        Ok(people)
    }

    /// Returns the number of polls that the server holds; `None` if its metrics cannot be read.
    pub async fn polls(&self) -> Option<usize> {
        Some(self.metrics.read().await?.sum("countersign_waiters") as usize)
    }
}

/// A process of this program that serves a bare handler. It is killed when this value is dropped.
pub struct BareProcess {
    process: Child,
    /// Address of the bare server.
    pub address: SocketAddr,
}

impl BareProcess {
    /// Starts this program with these arguments, and reads the address that it prints.
    ///
    /// # Errors
    /// If the process does not start, or prints no address.
    pub fn start(arguments: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let command = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        // The value exists before the address is read, so that a process without an address is
        // killed too.
        let mut bare = Self { process: command.spawn()?, address: unknown };
        let output = bare.process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse();
        bare.address = address.map_err(|_| io::Error::other("the bare server did not start"))?;
        Ok(bare)
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for BareProcess {
    fn drop(&mut self) {
        // The kill fails only if the process has already ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
