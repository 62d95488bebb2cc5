//! Set-up of the engine from the configuration: the store and the tenants.

use std::sync::Arc;
use std::time::Duration;

use countersign_engine::Tenant;
use countersign_engine::delivery::{Calls, Webhook, WebhookSettings};
use countersign_engine::ports::store::StoreError;
use countersign_engine::ports::{Clock, Delivery, Entropy, Store};
use countersign_engine::store::{MemoryStore, Opening, RedisSettings, RedisStore, SqliteStore};
use countersign_wire::secret::Secret;

use crate::config::{self, Config, StoreUrl};
use crate::error::ServeError;

/// Value of `source` in the body of a webhook call.
const WEBHOOK_SOURCE: &str = "https://countersign.dev";
/// Longest time that a command waits for Redis.
const COMMAND_WAIT: Duration = Duration::from_secs(60);

/// Opens the store of a server. A file is created if it is missing; a store in Redis has to exist,
/// because in a new one all users would count as not enrolled.
///
/// # Errors
/// [`ServeError::Store`].
pub async fn open_store_to_serve(
    config: &Config,
    entropy: Arc<dyn Entropy>,
) -> Result<Arc<dyn Store>, ServeError> {
    open(config, entropy, Opening::Serve).await
}

/// Begins the configured store, and opens it for an import. A Redis must hold nothing of
/// Countersign.
///
/// # Errors
/// [`ServeError::Store`].
pub async fn open_new_store(
    config: &Config,
    entropy: Arc<dyn Entropy>,
) -> Result<Arc<dyn Store>, ServeError> {
    open(config, entropy, Opening::Import).await
}

/// Opens an existing store to read it. A missing one is an error: otherwise a mistyped path would
/// create an empty store, which passes every check.
///
/// # Errors
/// [`ServeError::Store`].
pub async fn open_existing_store(
    config: &Config,
    entropy: Arc<dyn Entropy>,
) -> Result<Arc<dyn Store>, ServeError> {
    open_existing(config, entropy, Opening::Read).await
}

/// Opens an existing store to change it. A missing one is an error.
///
/// # Errors
/// [`ServeError::Store`].
pub async fn open_store_to_change(
    config: &Config,
    entropy: Arc<dyn Entropy>,
) -> Result<Arc<dyn Store>, ServeError> {
    open_existing(config, entropy, Opening::Serve).await
}

async fn open_existing(
    config: &Config,
    entropy: Arc<dyn Entropy>,
    opening: Opening,
) -> Result<Arc<dyn Store>, ServeError> {
    if let StoreUrl::Sqlite(path) = &config.store.url
        && !path.exists()
    {
        let missing = format!("there is no store at {}", path.display());
        return Err(StoreError::Unavailable(missing).into());
    }
    open(config, entropy, opening).await
}

async fn open(
    config: &Config,
    entropy: Arc<dyn Entropy>,
    opening: Opening,
) -> Result<Arc<dyn Store>, ServeError> {
    Ok(match &config.store.url {
        StoreUrl::Memory => Arc::new(MemoryStore::default()),
        StoreUrl::Sqlite(path) => {
            let (path, durability) = (path.clone(), config.store.durability);
            // A conversion takes minutes.
            let opening = move || SqliteStore::open_with(&path, durability);
            let opened = tokio::task::spawn_blocking(opening).await;
            Arc::new(opened.map_err(|e| StoreError::Unavailable(format!("its opening: {e}")))??)
        }
        StoreUrl::Redis(url) => {
            let settings = redis_settings(config, url, opening);
            Arc::new(RedisStore::open(settings, entropy).await?)
        }
    })
}

/// Returns the settings for a store in Redis.
pub fn redis_settings(config: &Config, url: &Secret, opening: Opening) -> RedisSettings {
    let redis = RedisSettings::new(url.reveal());
    // A command waits longer than a server, because it has no callers, and should survive a busy
    // Redis.
    let wait = if opening == Opening::Serve { redis.wait } else { COMMAND_WAIT };
    RedisSettings {
        wait,
        action_retention_ms: config.engine.action_retention_ms,
        challenge_retention_ms: config.engine.challenge_retention_ms,
        durability: config.store.durability,
        may_lose: config.store.may_lose,
        opening,
        ..redis
    }
}

/// Returns the maximum of open files of the store. For SQLite these are the database, its log and
/// temporary files, for the writer, both readers, a check and a backup. For Redis they are two
/// connections that may be reconnecting.
pub const fn store_descriptors(url: &StoreUrl) -> usize {
    match url {
        StoreUrl::Memory => 0,
        StoreUrl::Sqlite(_) => 32,
        StoreUrl::Redis(_) => 16,
    }
}

/// Converts a tenant's configuration into its settings for the engine.
///
/// # Errors
/// [`ServeError::Webhook`].
pub fn engine_tenant(
    tenant: &config::Tenant,
    clock: &Arc<dyn Clock>,
    calls: &Calls,
) -> Result<Tenant, ServeError> {
    let push = &tenant.push;
    let delivery = push.webhook_url.as_ref().map(|url| {
        let settings = WebhookSettings {
            tenant: tenant.id.clone(),
            url: url.clone(),
            allow_hosts: push.webhook_allow_hosts.iter().map(ToString::to_string).collect(),
            secrets: tenant.secret_keys.clone(),
            source: WEBHOOK_SOURCE.to_owned(),
            clock: clock.clone(),
            calls: calls.of_one(),
        };
        let webhook = Webhook::new(settings);
        webhook.map_err(|source| ServeError::Webhook { tenant: tenant.id.clone(), source })
    });
    let delivery = delivery.transpose()?.map(|webhook| Arc::new(webhook) as Arc<dyn Delivery>);
    Ok(Tenant {
        limits: push.limits.clone(),
        unenrolled: push.unenrolled,
        custom_public: push.custom_public.iter().cloned().collect(),
        delivery,
    })
}
