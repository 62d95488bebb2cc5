//! The server's configuration: one TOML file, overridden by the environment, checked as a whole
//! before anything starts. `deploy/countersign.example.toml` documents every key.
//!
//! It opens no socket, no store and no log; [`demo`] alone writes to the disk.

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

/// A configuration that has been checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The public listener.
    pub server: Server,
    /// Address of the operators' listener, if there is one.
    pub operations: Option<SocketAddr>,
    /// Logs.
    pub log: Log,
    /// The store.
    pub store: Store,
    /// Sizes of the engine.
    pub engine: EngineSettings,
    /// Life of the tokens that `track` gives.
    pub token_lifetime: Duration,
    /// The tenants, with unique ids and secrets. Empty only without a file and without a variable
    /// for a tenant: then [`demo::prepare`] makes one.
    pub tenants: Vec<Tenant>,
    /// True if the server hosts the demo relying party. Its tenant is [`demo::TENANT_ID`].
    pub demo: bool,
}

/// The public listener.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// URL for clients, if it is configured. See [`Server::public_url_at`].
    pub public_url: Option<Url>,
    /// The folder of everything that is kept.
    pub data_dir: PathBuf,
    /// Worker threads; `None` is one per core.
    pub workers: Option<NonZeroUsize>,
    /// Bytes of a request's body, at most.
    pub body_bytes_max: usize,
    /// Time in which a request's body must have arrived.
    pub body_read: Duration,
    /// Requests answered at the same time, at most.
    pub requests_in_flight_max: usize,
    /// Requests among them that begin something, at most.
    pub new_work_in_flight_max: usize,
    /// Wait of requests for their worker, above which such are turned away.
    pub queue_delay_max: Duration,
    /// Rules to find a client's address; `None` without shares.
    pub client_addresses: Option<ClientAddresses>,
    /// Percent of connections, requests, polls and new work that one client address may have.
    pub client_share_percent: usize,
    /// Time from SIGTERM to the exit.
    pub shutdown: Duration,
}

/// Logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Format of a line.
    pub format: LogFormat,
    /// Directives of `tracing_subscriber::EnvFilter`, which parse.
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

/// The store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The store.
    pub url: StoreUrl,
    /// Time at which commits are answered.
    pub durability: Durability,
}

/// Kinds of stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// A store in memory, which ends with the process.
    Memory,
    /// One file.
    Sqlite(PathBuf),
    /// One Redis, by its URL, which may hold a password.
    Redis(countersign_wire::secret::Secret),
}

/// One relying party.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its active secrets, at least one. Webhooks are signed with each.
    pub secret_keys: Vec<Secret>,
    /// Look of its pages.
    pub brand: Brand,
    /// Origins of the pages that may call the Client API.
    pub allowed_origins: AllowedOrigins,
    /// Push verification.
    pub push: Push,
}

/// Push verification of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Target of the webhook; `None` leaves devices to poll.
    pub webhook_url: Option<Url>,
    /// Hosts that a webhook may reach by http or at a private address, as [`Url::host`] gives them.
    pub webhook_allow_hosts: BTreeSet<Host>,
    /// Names of an action's custom data that devices see.
    pub custom_public: BTreeSet<String>,
    /// Answer of `track` for a user without authenticator.
    pub unenrolled: policy::Unenrolled,
    /// Limits of the core, with this tenant's life of a challenge.
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
            // Every name and type has been compared with the same structs: this cannot fail but for
            // a mistake of ours, and serde's own words would quote the value.
            let same_again = |_: toml::de::Error| {
                ConfigError::value("the configuration", "cannot be read", "known keys are allowed")
            };
            check::config(table.try_into().map_err(same_again)?)
        });
        let config = config.map_err(|e| e.with_source(|key| source_of(key, &sources)));
        let config = config.map_err(placed);
        // A user without a file does not know the names of its keys.
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

/// The variable that set `key`, or the list that `key` is an entry of, in words.
fn source_of(key: &str, sources: &BTreeMap<String, String>) -> Option<String> {
    let list = key.rsplit_once('[').map_or(key, |(list, _)| list);
    let variable = sources.get(key).or_else(|| sources.get(list))?;
    Some(environment::source(variable))
}

/// Address at which this machine reaches a listener: the loopback one if it listens on all.
pub fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, bound.port())
}

impl Server {
    /// URL for clients once the server listens on `bound`: as configured, or `http://<bound>`, with
    /// the loopback address if `bound` means every address.
    pub fn public_url_at(&self, bound: SocketAddr) -> Url {
        let reached = || Url::parse(&format!("http://{}", reachable(bound)));
        let configured = self.public_url.clone().map_or_else(reached, Ok);
        configured.expect("an address and a port are a host and a port")
    }
}
