//! Configuration of the server: one TOML file, with environment variables that override it. The
//! whole configuration is validated before anything starts. `deploy/countersign.example.toml`
//! documents every key.
//!
//! This module opens no socket, store or log. Only [`demo`] writes to the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_core::id::TenantId;
use countersign_core::policy;
use countersign_engine::EngineSettings;
use url::{Host, Url};

mod address;
mod brand;
mod check;
mod clients;
pub mod demo;
pub mod environment;
mod error;
mod file;
mod keys;
pub mod limits;
mod lines;
mod nearest;
mod origins;
mod tenants;

pub use brand::Brand;
pub use countersign_engine::secret::Secret;
pub use countersign_engine::store::{Bound, Durability};
pub use error::ConfigError;
pub use file::numbers;
pub use origins::AllowedOrigins;

use crate::client_address::ClientAddresses;

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Settings of the public listener.
    pub server: Server,
    /// Address of the operators' listener, if there is one.
    pub operations: Option<SocketAddr>,
    /// Settings of the log.
    pub log: Log,
    /// Settings of the store.
    pub store: Store,
    /// Limits of the engine.
    pub engine: EngineSettings,
    /// Lifetime of the tokens that `track` returns.
    pub token_lifetime: Duration,
    /// Tenants, with unique ids and secrets. The list is empty only if there is no file and no
    /// variable sets a tenant. In that case the server adds the tenant of [`demo::prepare`].
    pub tenants: Vec<Tenant>,
    /// True if the server hosts the demo relying party. Its tenant is [`demo::TENANT_ID`].
    pub demo: bool,
}

/// Settings of the public listener.
#[derive(Clone, Debug)]
pub struct Server {
    /// Address of the listener. Port 0 chooses a free port.
    pub listen: SocketAddr,
    /// URL for clients, if it is configured. See [`Server::public_url_at`].
    pub public_url: Option<Url>,
    /// Folder of all files that the server keeps.
    pub data_dir: PathBuf,
    /// Number of worker threads; `None` means one per core.
    pub workers: Option<NonZeroUsize>,
    /// Maximum size of a request's body, in bytes.
    pub body_bytes_max: usize,
    /// Time within which a request's body must arrive.
    pub body_read: Duration,
    /// Maximum number of requests in flight, parked polls included.
    pub requests_in_flight_max: usize,
    /// Maximum number of requests in flight that begin something.
    pub new_work_in_flight_max: usize,
    /// Target of the time that requests wait for their worker. A worker above it counts as late and
    /// rejects new work.
    pub queue_delay_max: Duration,
    /// Rules to find a client's address; `None` if clients have no limits.
    pub client_addresses: Option<ClientAddresses>,
    /// Percentage of connections, requests, parked polls and new work that one client address may
    /// hold.
    pub client_share_percent: usize,
    /// Time from SIGTERM to the end of the process.
    pub shutdown: Duration,
}

/// Settings of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Format of a line.
    pub format: LogFormat,
    /// Filter directives. They are valid for `tracing_subscriber::EnvFilter`.
    pub level: String,
}

/// Format of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Settings of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Kind and place of the store.
    pub url: StoreUrl,
    /// Moment at which a commit is acknowledged: before or after it is on disk.
    pub durability: Durability,
    /// True if a Redis may be set so that it can lose acknowledged commits.
    pub may_lose: bool,
}

/// Kinds of stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// A store in memory, which is lost when the process ends.
    Memory,
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A Redis server. Its URL may have a password.
    Redis(countersign_wire::secret::Secret),
}

/// One relying party.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Id of the tenant.
    pub id: TenantId,
    /// Active secrets, at least one. Each of them signs every webhook.
    pub secret_keys: Vec<Secret>,
    /// Look of the tenant's pages.
    pub brand: Brand,
    /// Origins of the pages that may call the Client API.
    pub allowed_origins: AllowedOrigins,
    /// Push verification.
    pub push: Push,
}

/// Push verification of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// URL of the webhook. If it is `None`, devices find challenges only by polling.
    pub webhook_url: Option<Url>,
    /// Hosts that the webhook may reach by http or at a private address, in the form of
    /// [`Url::host`].
    pub webhook_allow_hosts: BTreeSet<Host>,
    /// Members of an action's custom data that devices show.
    pub custom_public: BTreeSet<String>,
    /// State that `track` returns for a user without an authenticator.
    pub unenrolled: policy::Unenrolled,
    /// Limits of the core, as configured for this tenant.
    pub limits: policy::Limits,
}

impl Config {
    /// Reads the file, if there is one, and the environment (see [`environment::of_process`]).
    ///
    /// # Errors
    /// [`ConfigError`] names the first key or variable that is refused. It holds no secret.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let (mut table, lines) = match file.map(file::read).transpose()? {
            Some((table, lines)) => (table, Some(lines)),
            None => (toml::Table::new(), None),
        };
        let placed = |error: ConfigError| error.with_source(|key| lines.as_ref()?.place(key));
        keys::check(&table).map_err(placed)?;
        let sources = environment::apply(&mut table, env)?;
        let config = keys::check(&table).and_then(|()| {
            // Cannot fail, because all names and types were compared with the same structs. The
            // text is ours, because serde's text would quote the value.
            let same_again = |_: toml::de::Error| {
                ConfigError::value("the configuration", "cannot be read", "known keys are allowed")
            };
            check::config(table.try_into().map_err(same_again)?)
        });
        let config = config.map_err(|e| e.with_source(|key| source_of(key, &sources)));
        let config = config.map_err(placed);
        // Without a file we name the variable, because such a user does not know the file's keys.
        let config = match file {
            Some(_) => config?,
            None => config.map_err(|e| e.named_by_variable(environment::short_name))?,
        };
        if file.is_some() && config.tenants.is_empty() {
            let allowed = "a file needs at least one [[tenants]] section";
            return Err(placed(ConfigError::value("tenants", "is empty", allowed)));
        }
        Ok(config)
    }
}

/// Describes the variable that set `key`, or that set the list of which `key` is an entry.
fn source_of(key: &str, sources: &BTreeMap<String, String>) -> Option<String> {
    let list = key.rsplit_once('[').map_or(key, |(list, _)| list);
    let variable = sources.get(key).or_else(|| sources.get(list))?;
    Some(environment::source(variable))
}

/// Returns the address at which this machine reaches a listener: the loopback address if the
/// listener is bound to all addresses.
pub fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, bound.port())
}

impl Server {
    /// Returns the URL for clients of a server that listens on `bound`: the configured URL, or
    /// `http://<bound>`. If `bound` means all addresses, the loopback address replaces it.
    pub fn public_url_at(&self, bound: SocketAddr) -> Url {
        let reached = || Url::parse(&format!("http://{}", reachable(bound)));
        let configured = self.public_url.clone().map_or_else(reached, Ok);
        configured.expect("an address and a port are a host and a port")
    }
}
