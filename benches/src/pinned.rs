//! A server in a process of its own, on a core of its own.

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

/// A setting with which the server refuses nothing on a busy machine, for benchmarks of the cost of
/// requests.
pub const PATIENT: (&str, &str) = ("server.queue_delay_ms_max", "10000");
/// Places for as many polls as one likes: one tenant has a part of them only.
pub const ROOMY: (&str, &str) = ("server.requests_in_flight_max", "1000000");

/// Why a benchmark has no result.
pub type Failure = Box<dyn Error>;

/// Ends a benchmark of that name.
pub fn exit_code(name: &str, done: Result<(), Failure>) -> ExitCode {
    let Err(error) = done else { return ExitCode::SUCCESS };
    // If this write fails, the exit code still tells.
    let _ = writeln!(io::stderr(), "{name}: {error}");
    ExitCode::FAILURE
}

/// Builds `countersign` as it is released, beside this program, and gives where it is.
///
/// # Errors
/// If it does not build.
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
    /// Starts the server with further keys of its configuration, and drives it over so many
    /// connections.
    ///
    /// # Errors
    /// If the server does not start, and those of `drive`.
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
        // The server inherits the limit, and has as many connections.
        descriptors::allow(connections as u64)?;
        pin::this_process(&[of_driver])?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let server = Server::start(&binary, &self.store, &[of_server], keys).await?;
            drive(&server).await
        })
    }
}

/// A `countersign` that runs until this is dropped.
pub struct Server {
    spawned: Spawned,
    metrics: Metrics,
    /// The server's address.
    pub address: SocketAddr,
}

impl Server {
    /// Starts one with one worker, on those cores, or on any if there are none. `keys` are further
    /// keys of its configuration.
    ///
    /// # Errors
    /// If it does not start.
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

    /// Its process.
    pub const fn pid(&self) -> u32 {
        self.spawned.pid
    }

    /// Enrolls users.
    ///
    /// # Errors
    /// If the server does not take them.
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

    /// The polls that it holds; none if it does not say.
    pub async fn polls(&self) -> Option<usize> {
        Some(self.metrics.read().await?.sum("countersign_waiters") as usize)
    }
}

/// This program, started again to serve something bare, until this is dropped.
pub struct BareProcess {
    process: Child,
    /// The server's address.
    pub address: SocketAddr,
}

impl BareProcess {
    /// Starts it with those arguments; it has to say where it listens.
    ///
    /// # Errors
    /// If it does not.
    pub fn start(arguments: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let command = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        // Made first, so that a process that says nothing is ended too.
        let mut bare = Self { process: command.spawn()?, address: unknown };
        let output = bare.process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse();
        bare.address = address.map_err(|_| io::Error::other("the bare server did not start"))?;
        Ok(bare)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for BareProcess {
    fn drop(&mut self) {
        // It is gone already where that fails.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
