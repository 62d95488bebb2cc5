//! Validates every configuration section except tenants.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use countersign_engine::EngineSettings;
use countersign_wire::paths;
use countersign_wire::secret::Secret;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use url::Url;

use super::address::{has_credentials, socket_address};
use super::error::ConfigError;
use super::file::{DAY_MS, File, LogSection, ServerSection, StoreSection};
use super::{Bound, Config, Durability, Log, LogFormat, Server, Store, StoreUrl, clients, tenants};

/// File of the default store, in the folder `server.data_dir`.
const SQLITE_FILE: &str = "countersign.db";

pub(super) fn config(written: File) -> Result<Config, ConfigError> {
    written.sections().iter().try_for_each(|section| section.check(""))?;
    let server = server(written.server)?;
    retention(&written.store)?;
    Ok(Config {
        operations: operations(&written.operations.listen, server.listen)?,
        log: log(written.log)?,
        store: store(&written.store, &server)?,
        engine: EngineSettings {
            verify_queue_max: written.engine.verify_queue_max,
            activations_max: written.engine.activations_max,
            waiters_max: written.engine.waiters_max,
            action_retention_ms: written.store.action_retention_days * DAY_MS,
            challenge_retention_ms: written.store.challenge_retention_days * DAY_MS,
            room_warn_bytes: written.store.room_warn_mib << 20,
            ..EngineSettings::DEFAULT
        },
        token_lifetime: Duration::from_secs(written.tokens.lifetime_seconds),
        tenants: tenants::tenants(written.tenants)?,
        demo: false,
        server,
    })
}

fn server(written: ServerSection) -> Result<Server, ConfigError> {
    if written.data_dir.is_empty() {
        let allowed = "the path of a folder is allowed";
        return Err(ConfigError::value("server.data_dir", "is empty", allowed));
    }
    Ok(Server {
        client_addresses: clients::addresses(&written)?,
        client_share_percent: written.client_share_percent,
        listen: socket_address("server.listen", &written.listen, "an IP address and a port")?,
        public_url: public_url(&written.public_url)?,
        data_dir: PathBuf::from(written.data_dir),
        workers: NonZeroUsize::new(written.workers),
        body_bytes_max: written.body_bytes_max,
        body_read: Duration::from_secs(written.body_read_seconds),
        requests_in_flight_max: written.requests_in_flight_max,
        new_work_in_flight_max: written.new_work_in_flight_max,
        queue_delay_max: Duration::from_millis(written.queue_delay_ms_max),
        shutdown: Duration::from_secs(written.shutdown_seconds),
    })
}

fn public_url(text: &str) -> Result<Option<Url>, ConfigError> {
    if text.is_empty() {
        return Ok(None);
    }
    let refused = |problem: &str| {
        let allowed = "http:// or https://, a host, and a port and a path if need be, is allowed";
        ConfigError::value("server.public_url", problem, allowed)
    };
    let url = Url::parse(text).map_err(|_| refused("is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("is neither http nor https"));
    }
    if has_credentials(&url) || url.query().is_some() || url.fragment().is_some() {
        return Err(refused("has a user, a query or a fragment"));
    }
    if let Some(name) = paths::route_at(url.path()) {
        let problem = format!("has a path that begins with the route /{name}");
        let allowed = "a path with another name, such as /auth, is allowed, and none; the API's \
                       /v1 is no part of it";
        return Err(ConfigError::value("server.public_url", problem, allowed));
    }
    Ok(Some(url))
}

/// Checks the address of the operators' listener. It must differ from the public one, because
/// metrics and health are for operators only.
fn operations(text: &str, public: SocketAddr) -> Result<Option<SocketAddr>, ConfigError> {
    const KEY: &str = "operations.listen";
    if text == "off" {
        return Ok(None);
    }
    let listen = socket_address(KEY, text, "\"off\", or an IP address and a port")?;
    let overlaps =
        listen.ip() == public.ip() || listen.ip().is_unspecified() || public.ip().is_unspecified();
    if listen.port() != 0 && listen.port() == public.port() && overlaps {
        let allowed = "\"off\", or a port that is not that of server.listen, is allowed";
        return Err(ConfigError::value(KEY, "is the public address", allowed));
    }
    Ok(Some(listen))
}

fn log(written: LogSection) -> Result<Log, ConfigError> {
    let format = match written.format.as_str() {
        "human" => LogFormat::Human,
        "json" => LogFormat::Json,
        _ => {
            let allowed = "\"human\" or \"json\" is allowed";
            return Err(ConfigError::value("log.format", "is not a format", allowed));
        }
    };
    // A misspelled level without `=` would parse as the name of a module, and would silence all
    // other modules.
    let only_levels = !written.level.contains(['=', '[']);
    let level = |text: &str| text.trim().parse::<LevelFilter>().is_ok() && !text.trim().is_empty();
    let bad_level = only_levels && !written.level.split(',').all(level);
    if bad_level || EnvFilter::try_new(&written.level).is_err() {
        let allowed = "off, error, warn, info, debug or trace is allowed, \
                       and module=level after commas";
        return Err(ConfigError::value("log.level", "is not a level", allowed));
    }
    Ok(Log { format, level: written.level })
}

/// Refuses challenges that are kept for longer than their actions. The store removes the challenges
/// together with their action, so a longer time would promise evidence that is gone.
fn retention(written: &StoreSection) -> Result<(), ConfigError> {
    let StoreSection { action_retention_days, challenge_retention_days, .. } = *written;
    if challenge_retention_days <= action_retention_days {
        return Ok(());
    }
    let problem = format!("is {challenge_retention_days}");
    let allowed = format!(
        "at most store.action_retention_days, {action_retention_days}, is allowed, because a \
         challenge goes with its action"
    );
    Err(ConfigError::value("store.challenge_retention_days", problem, allowed))
}

fn store(written: &StoreSection, server: &Server) -> Result<Store, ConfigError> {
    let (url, may_lose) = (store_url(&written.url, server)?, written.may_lose);
    if may_lose && !matches!(url, StoreUrl::Redis(_)) {
        let allowed = "only a Redis may lose what it acknowledged";
        return Err(ConfigError::value("store.may_lose", "is true for another store", allowed));
    }
    Ok(Store { url, durability: durability(written)?, may_lose })
}

fn durability(written: &StoreSection) -> Result<Durability, ConfigError> {
    let refused = |key: &str, problem, allowed| Err(ConfigError::value(key, problem, allowed));
    let window = Duration::from_millis(written.async_window_ms);
    match (written.durability.as_str(), written.outage.as_str()) {
        ("sync", "refuse") => Ok(Durability::Sync),
        ("async", "refuse") => Ok(Durability::Async(Bound::Window(window))),
        ("async", "continue") => Ok(Durability::Async(Bound::Records(written.backlog_records_max))),
        ("sync", "continue") => {
            let allowed = "\"continue\" is allowed with store.durability = \"async\"";
            refused("store.outage", "promises what \"sync\" does not", allowed)
        }
        ("sync" | "async", _) => {
            let allowed = "\"refuse\" or \"continue\" is allowed";
            refused("store.outage", "is not a way to meet an outage", allowed)
        }
        _ => {
            let allowed = "\"sync\" or \"async\" is allowed";
            refused("store.durability", "is not a mode", allowed)
        }
    }
}

fn store_url(text: &str, server: &Server) -> Result<StoreUrl, ConfigError> {
    let refused = |problem: &str| {
        let allowed = "\"memory:\", \"sqlite:\" (a file in server.data_dir), \
                       \"sqlite:\" and a path, or redis:// or rediss:// and a host is allowed";
        ConfigError::value("store.url", problem, allowed)
    };
    if text == "memory:" {
        return Ok(StoreUrl::Memory);
    }
    if text.starts_with("redis:") || text.starts_with("rediss:") {
        if is_ambiguous(text) {
            let allowed = "a URL needs these characters encoded: @ as %40, # as %23, / as %2F, \
                           ? as %3F, and % as %25";
            let problem = "has one of @ # / ? in its user or password";
            return Err(ConfigError::value("store.url", problem, allowed));
        }
        return redis_url(text).map_err(refused).map(StoreUrl::Redis);
    }
    let path = text.strip_prefix("sqlite:").ok_or_else(|| refused("is not a known store"))?;
    if path == ":memory:" || path.contains(['?', '#', '\0']) {
        return Err(refused("has parameters"));
    }
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() {
        return Ok(StoreUrl::Sqlite(server.data_dir.join(SQLITE_FILE)));
    }
    if path.ends_with('/') {
        return Err(refused("names a folder"));
    }
    Ok(StoreUrl::Sqlite(PathBuf::from(path)))
}

/// Returns true if the user or the password of a URL has an unencoded `@`, `#`, `/` or `?`. Some
/// parsers end the credentials there, and others at the last `@`.
fn is_ambiguous(url: &str) -> bool {
    let credentials = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
    credentials.is_some_and(|(credentials, _)| credentials.contains(['@', '#', '/', '?']))
}

/// Parses `redis[s]://[user:password@]host[:port][/database]`. An error never quotes the text,
/// because it may have a password.
fn redis_url(text: &str) -> Result<Secret, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err("names no host");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has parameters");
    }
    let database = url.path().trim_start_matches('/');
    if !database.is_empty() && database.parse::<u16>().is_err() {
        return Err("has a path that is not the number of a database");
    }
    Ok(Secret::new(text))
}
