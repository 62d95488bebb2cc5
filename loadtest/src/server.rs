//! The server under load: one that runs, or one started for the occasion in a process and a folder
//! of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use clap::Args;
use countersign_client::wire::secret::Secret;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::LoadError;

/// Longest time in which a server has to say where it listens.
const START: Duration = Duration::from_secs(20);

/// The tenant of a server that is started for the occasion.
const TENANT: &str = "load";

/// A server and how to call it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Base address, which ends in the version of the contract.
    pub base: String,
    /// The tenant.
    pub tenant: String,
    /// One of the tenant's secrets.
    pub secret: Secret,
    /// Where its metrics are, if they can be read.
    pub operations: Option<String>,
}

/// What the command line says about the server.
#[derive(Args)]
pub struct ServerArgs {
    /// Base address of a server that runs, such as `http://127.0.0.1:8080/v1`.
    #[arg(long, requires = "tenant", requires = "secret", required_unless_present = "spawn")]
    url: Option<String>,
    /// Its tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// A secret of the tenant.
    #[arg(long, env = "COUNTERSIGN_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Address of its operations listener, such as `http://127.0.0.1:9464`.
    #[arg(long, requires = "url")]
    operations: Option<String>,
    /// Start this `countersign` for the occasion.
    #[arg(long, conflicts_with = "url")]
    spawn: Option<PathBuf>,
    /// Store of the server that is started: `memory:` or `sqlite`.
    #[arg(long, default_value = "memory:", requires = "spawn")]
    store: String,
    /// Worker threads of the server that is started; 0 is one per core.
    #[arg(long, default_value_t = 0, requires = "spawn")]
    workers: usize,
}

impl ServerArgs {
    /// The server to put under load; it is started if need be, and then lives as long as what is
    /// returned.
    ///
    /// # Errors
    /// [`LoadError::Server`].
    pub async fn prepare(self) -> Result<(Target, Option<Spawned>), LoadError> {
        if let Some(binary) = &self.spawn {
            let spawned = Spawned::start(binary, &self.store, self.workers).await?;
            return Ok((spawned.target.clone(), Some(spawned)));
        }
        let missing = || LoadError::Server("--url, --tenant and --secret belong together".into());
        let target = Target {
            base: self.url.ok_or_else(missing)?,
            tenant: self.tenant.ok_or_else(missing)?,
            secret: Secret::new(self.secret.ok_or_else(missing)?),
            operations: self.operations,
        };
        Ok((target, None))
    }
}

/// A server in a process of its own, which ends with this.
pub struct Spawned {
    /// How to call it.
    pub target: Target,
    /// Its process.
    pub pid: u32,
    /// Killed when it is dropped.
    _process: Child,
    _output: Lines<BufReader<ChildStdout>>,
    _folder: TempDir,
}

impl Spawned {
    /// Starts a server with a tenant and nothing else configured but its store (`memory:` or
    /// `sqlite`) and its workers. It listens on ports of its own.
    ///
    /// # Errors
    /// [`LoadError::Server`].
    pub async fn start(binary: &Path, store: &str, workers: usize) -> Result<Self, LoadError> {
        let failed =
            |error: std::io::Error| LoadError::Server(format!("{}: {error}", binary.display()));
        let folder = tempfile::tempdir()?;
        let store = if store == "sqlite" { "sqlite:" } else { store };
        let secret = secret();
        let settings: [(&str, OsString); 8] = [
            ("COUNTERSIGN_TENANT_ID", TENANT.into()),
            ("COUNTERSIGN_SECRET_KEY", secret.clone().into()),
            ("COUNTERSIGN__SERVER__LISTEN", "127.0.0.1:0".into()),
            ("COUNTERSIGN__OPERATIONS__LISTEN", "127.0.0.1:0".into()),
            ("COUNTERSIGN__SERVER__DATA_DIR", folder.path().into()),
            ("COUNTERSIGN__SERVER__WORKERS", workers.to_string().into()),
            ("COUNTERSIGN__STORE__URL", store.into()),
            ("COUNTERSIGN__LOG__LEVEL", "warn".into()),
        ];
        let mut process = Command::new(binary)
            .arg("serve")
            .env_clear()
            .envs(settings)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let output = process.stdout.take().expect("its output is piped");
        let mut output = BufReader::new(output).lines();
        let greeted = tokio::time::timeout(START, greeting(&mut output)).await;
        let (public, operations) =
            greeted.map_err(|_| LoadError::Server("it says nothing".to_owned()))??;
        let target = Target {
            base: format!("{public}/v1"),
            tenant: TENANT.to_owned(),
            secret: Secret::new(secret),
            operations: Some(operations),
        };
        let pid = process.id().ok_or_else(|| LoadError::Server("it has ended".to_owned()))?;
        Ok(Self { target, pid, _process: process, _output: output, _folder: folder })
    }
}

/// A secret of the server's own, which other users of the machine cannot guess.
#[expect(clippy::disallowed_methods, reason = "a secret of a test, outside of the engine")]
fn secret() -> String {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The two addresses that a server says it listens on.
async fn greeting(
    output: &mut Lines<BufReader<ChildStdout>>,
) -> Result<(String, String), LoadError> {
    let mut public = None;
    while let Some(line) = output.next_line().await? {
        if let Some(address) = line.strip_prefix("listening on ") {
            public = Some(address.to_owned());
        } else if let Some(rest) = line.strip_prefix("operations on ") {
            let public = public.ok_or_else(|| LoadError::Server("it listens nowhere".into()))?;
            let address = rest.split_once(": ").map_or(rest, |(address, _)| address);
            return Ok((public, address.to_owned()));
        }
    }
    Err(LoadError::Server("it ended before it listened".to_owned()))
}
