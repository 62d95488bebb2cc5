//! Command-line options for the server under load.

use std::path::{Path, PathBuf};

use clap::Args;
use countersign_client::wire::secret::Secret;
use url::Url;

use super::{Prepared, SpawnSettings, Spawned};
use crate::LoadError;
use crate::client::target::{self, Target};
use crate::host::pin::{self, Cores};
use crate::host::process;
use crate::server::metrics::Metrics;

/// The server and its place.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub struct ServerArgs {
    /// Address of a running server, such as `http://127.0.0.1:8080`.
    #[arg(long, alias = "url", value_name = "URL", required_unless_present = "spawn")]
    #[arg(requires = "tenant", requires = "secret")]
    target: Option<String>,
    /// Tenant of the running server.
    #[arg(long)]
    tenant: Option<String>,
    /// Secret of the tenant. Prefer the variable, because other users can see arguments.
    #[arg(long, env = "COUNTERSIGN_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Operators' listener of the running server, such as `http://127.0.0.1:9464`, for its metrics.
    #[arg(long, value_name = "URL", requires = "target")]
    operations: Option<String>,
    /// Process id of the running server, to measure its use of this machine.
    #[arg(long, value_name = "PID", requires = "target")]
    server_pid: Option<u32>,
    /// Allow a server or a Redis on another machine. Its owner has to agree.
    #[arg(long)]
    allow_remote: bool,
    /// Start a new server: this `countersign`, or the one beside this program.
    #[arg(long, value_name = "PATH", conflicts_with = "target", num_args = 0..=1)]
    spawn: Option<Option<PathBuf>>,
    /// Store of the new server: `memory:`, `sqlite` or the address of a Redis.
    #[arg(long, default_value = "memory:", requires = "spawn")]
    store: String,
    /// Worker threads of the new server; 0: one per core.
    #[arg(long, default_value_t = 0, requires = "spawn")]
    workers: usize,
    /// Configuration key of the new server, such as `server.requests_in_flight_max=1000`.
    #[arg(long, value_name = "KEY=VALUE", requires = "spawn", value_parser = key)]
    set: Vec<(String, String)>,
    /// Cores of the new server [default: the first half]
    #[arg(long, value_delimiter = ',', requires = "spawn", value_name = "CORES")]
    server_cores: Vec<usize>,
    /// Cores of the harness [default: the other half, if it starts the server]
    #[arg(long, value_delimiter = ',', value_name = "CORES")]
    client_cores: Vec<usize>,
    /// Pin no process to a core.
    #[arg(long, conflicts_with_all = ["server_cores", "client_cores"])]
    no_pin: bool,
}

/// Parses a configuration key with its value.
///
/// # Errors
/// Returns the expected form as a text.
pub(crate) fn key(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it is KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

impl ServerArgs {
    /// Returns the store of the server that is started.
    pub fn store(&self) -> &str {
        &self.store
    }

    /// Returns a number that `--set` gives a key; `None` without it, or if it is no number.
    pub fn number(&self, key: &str) -> Option<f64> {
        let (_, value) = self.set.iter().rfind(|(known, _)| known == key)?;
        value.trim().parse().ok()
    }

    /// Returns the arguments of the same server with a default for a key. `--set` wins.
    pub fn with_default(&self, key: &str, value: &str) -> Self {
        let mut set = vec![(key.to_owned(), value.to_owned())];
        set.extend_from_slice(&self.set);
        Self { set, ..self.clone() }
    }

    /// Returns true if the harness starts the server.
    pub const fn is_spawned(&self) -> bool {
        self.spawn.is_some()
    }

    /// Returns the arguments of the same server with another store.
    ///
    /// # Errors
    /// [`LoadError::Input`] for an unknown kind of store, or for one on another machine that is not
    /// allowed.
    pub fn with_store(&self, store: &str) -> Result<Self, LoadError> {
        check_store(store, self.allow_remote)?;
        Ok(Self { store: store.to_owned(), ..self.clone() })
    }

    /// Checks the options as far as possible before anything starts, and pins this process. Returns
    /// the cores of both processes.
    ///
    /// # Errors
    /// [`LoadError::Input`] for an invalid option; [`LoadError::Io`] if the system refuses.
    pub fn place(&self) -> Result<Cores, LoadError> {
        if let Some(text) = &self.target {
            target::base(text, self.allow_remote)?;
        }
        if let Some(text) = &self.operations {
            target::parse(text, self.allow_remote)?;
        }
        if let Some(pid) = self.server_pid.filter(|pid| !process::is_alive(*pid)) {
            return Err(LoadError::Input(format!("there is no process {pid}")));
        }
        check_store(&self.store, self.allow_remote)?;
        let allowed = pin::allowed()?;
        pin::check(&[&*self.server_cores, &self.client_cores].concat(), &allowed)?;
        let automatic = self.spawn.is_some() && !self.no_pin;
        let halves = if automatic { pin::halves(&allowed) } else { Cores::default() };
        let or = |given: &[usize], other| if given.is_empty() { other } else { given.to_vec() };
        let cores = Cores {
            server: or(&self.server_cores, halves.server),
            client: or(&self.client_cores, halves.client),
        };
        if !cores.client.is_empty() {
            pin::this_process(&cores.client)?;
        }
        Ok(cores)
    }

    /// Prepares the server to put under load. It is started if `--spawn` is given.
    ///
    /// # Errors
    /// [`LoadError`] if the server does not start, or if an option is missing or invalid.
    pub async fn prepare(&self, cores: Cores) -> Result<Prepared, LoadError> {
        if let Some(binary) = &self.spawn {
            return self.start(binary.as_deref(), cores).await;
        }
        let missing = || LoadError::Input("--target, --tenant and a secret belong together".into());
        let base = target::base(self.target.as_deref().ok_or_else(missing)?, self.allow_remote)?;
        let target = Target {
            base,
            tenant: self.tenant.clone().ok_or_else(missing)?,
            secret: Secret::new(self.secret.clone().ok_or_else(missing)?),
            operations: self.operations.clone(),
        };
        let metrics = target.operations.as_deref().map(Metrics::new).transpose()?;
        if let Some(metrics) = &metrics
            && metrics.read().await.is_none()
        {
            return Err(LoadError::Input("--operations: no metrics can be read there".to_owned()));
        }
        let pid = self.server_pid;
        Ok(Prepared { target, spawned: None, pid, metrics, store: None, workers: None, cores })
    }

    async fn start(&self, binary: Option<&Path>, cores: Cores) -> Result<Prepared, LoadError> {
        let binary = binary.map_or_else(program_beside, |path| Ok(path.to_path_buf()))?;
        let settings = SpawnSettings {
            store: self.store.clone(),
            workers: self.workers,
            cores: cores.server.clone(),
            keys: self.set.clone(),
            ..SpawnSettings::default()
        };
        let spawned = Spawned::start(&binary, &settings).await?;
        let workers = match (self.workers, cores.server.len()) {
            (0, 0) => std::thread::available_parallelism().ok().map(Into::into),
            (0, pinned) => Some(pinned),
            (workers, _) => Some(workers),
        };
        Ok(Prepared {
            target: spawned.target.clone(),
            pid: Some(spawned.pid),
            metrics: spawned.target.operations.as_deref().map(Metrics::new).transpose()?,
            spawned: Some(spawned),
            store: Some(without_password(&self.store)),
            workers,
            cores,
        })
    }
}

/// Returns the path of the `countersign` program in the folder of this program.
pub(crate) fn program_beside() -> std::io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("countersign"))
}

/// Refuses an unknown kind of store, and a store on another machine unless `allow_remote` permits
/// it.
///
/// # Errors
/// [`LoadError::Input`] for such a store.
pub(crate) fn check_store(store: &str, allow_remote: bool) -> Result<(), LoadError> {
    if store == "sqlite" || store == "memory:" || store.starts_with("sqlite:") {
        return Ok(());
    }
    let wrong = || LoadError::Input(format!("{store:?} is none of memory:, sqlite, redis://…"));
    let url = Url::parse(store).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "redis" | "rediss") {
        return Err(wrong());
    }
    target::refuse_remote(&url, allow_remote)
}

/// Removes user and password from an address in a text, such as `--store=redis://…`, so that the
/// text can be shown.
pub(crate) fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) => format!("{scheme}://{}", &rest[user.len() + 1..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_of_a_store_is_not_shown() {
        assert_eq!(without_password("redis://u:geheim@127.0.0.1:1/0"), "redis://127.0.0.1:1/0");
        for plain in ["memory:", "sqlite", "redis://127.0.0.1:6379/0"] {
            assert_eq!(without_password(plain), plain);
        }
    }
}
