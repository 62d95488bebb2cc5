//! Start of the store: it connects, checks the settings of Redis, takes the lock and opens the
//! partitions.

mod begin;
mod config;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

pub use self::begin::Loss;
use super::epochs::Epochs;
use super::health::{Health, machine_ms};
use super::link::{Link, Peer};
use super::owner::{Owner, RENEWAL};
use super::read::{Old, Reader};
use super::settings::{Opening, RedisSettings, Retention};
use super::trouble::Trouble;
use super::write::{Job, QUEUE_UNITS_MAX, Task};
use crate::ports::Entropy;
use crate::ports::store::StoreError;
use crate::system::Stopwatch;

/// Time for which a start waits for a Redis that is not ready yet.
const START_WAIT: Duration = Duration::from_secs(10);
/// Pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(200);

/// The parts of an open store that its handle needs.
pub(super) struct Opened {
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) reader: Reader,
    pub(super) health: Arc<Health>,
}

/// Opens the store, and runs it until it is closed.
pub(super) async fn serve(
    settings: RedisSettings,
    entropy: Arc<dyn Entropy>,
    opened: oneshot::Sender<Result<Opened, StoreError>>,
) {
    match open(&settings, entropy).await {
        Err(trouble) => {
            let _ = opened.send(Err(trouble.into()));
        }
        Ok((writing, health, epochs)) => {
            let (jobs, queue) = mpsc::channel(QUEUE_UNITS_MAX);
            let reading = match link(&settings) {
                Ok(reading) => Arc::new(reading),
                Err(trouble) => {
                    let _ = opened.send(Err(trouble.into()));
                    return;
                }
            };
            let (weak, wait) = (jobs.downgrade(), settings.wait);
            let old = Old::new(&settings);
            let reader = Reader::new(Arc::clone(&reading), Arc::clone(&health), weak, wait, old);
            tokio::spawn(keep_lock(reading, Arc::clone(&health), reader.clone(), settings.clone()));
            let times = (Retention::of(&settings), wait);
            let task = Task::new(writing, Arc::clone(&health), epochs, queue, times);
            if opened.send(Ok(Opened { jobs, reader, health })).is_ok() {
                task.run().await;
            }
        }
    }
}

async fn open(
    settings: &RedisSettings,
    entropy: Arc<dyn Entropy>,
) -> Result<(Arc<Link>, Arc<Health>, Epochs), Trouble> {
    let link = connect(settings).await?;
    if settings.opening == Opening::Import {
        begin::begin(&link, &*entropy, settings.opening).await?;
    }
    let owner = Owner::acquire(&link, &*entropy, settings.opening).await?;
    tracing::info!(store = owner.store, "Redis is the store");
    let health = Arc::new(Health::new(owner, settings.durability));
    let mut epochs = Epochs::new(entropy, settings.may_lose);
    match epochs.open(&link, &health).await {
        Ok(()) => Ok((Arc::new(link), health, epochs)),
        Err(trouble) => {
            health.owner.release(&link).await;
            Err(trouble)
        }
    }
}

fn link(settings: &RedisSettings) -> Result<Link, Trouble> {
    // The library's error about a URL does not quote the URL.
    let unusable = |error| Trouble::Refused(format!("store.url cannot be used: {error}"));
    redis::Client::open(settings.url.as_str()).map(Link::new).map_err(unusable)
}

/// Connects to a Redis, waits until it is ready, and checks its settings.
async fn connect(settings: &RedisSettings) -> Result<Link, Trouble> {
    let link = link(settings)?;
    let at = config::address(&settings.url);
    let watch = Stopwatch::start();
    let mut said = String::new();
    loop {
        match config::check(&link, &settings.url, settings.may_lose).await {
            Ok(()) => return Ok(link),
            // Redis may still be loading its file.
            Err(Trouble::Lost(why)) if watch.seconds() < START_WAIT.as_secs_f64() => {
                if said != why {
                    tracing::warn!(why, at, "waiting for Redis");
                    said = why;
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(Trouble::Lost(why)) => {
                return Err(Trouble::Refused(format!("Redis does not answer at {at}: {why}")));
            }
            Err(trouble) => return Err(trouble),
        }
    }
}

/// Renews the lock at intervals. If something is wrong, or Redis has changed its process, lets the
/// writing task open the partitions again.
async fn keep_lock(link: Arc<Link>, health: Arc<Health>, reader: Reader, settings: RedisSettings) {
    // Redis can change its process before the first renewal too.
    let mut known = link.connect().await.ok();
    loop {
        tokio::time::sleep(RENEWAL).await;
        let sent_ms = machine_ms();
        match renew(&link, &health).await {
            Ok(peer) => {
                health.renewed(sent_ms);
                let is_other = known.replace(peer.clone()).is_none_or(|known| known != peer);
                if is_other
                    && let Err(Trouble::Refused(why)) =
                        config::check(&link, &settings.url, settings.may_lose).await
                {
                    health.broke(&why);
                }
                if is_other || health.check().is_err() || health.partitions.is_any_closed() {
                    reader.reopen();
                }
            }
            Err(Trouble::Fenced | Trouble::Absent | Trouble::Moved) => reader.reopen(),
            Err(trouble) => health.unsettled(&StoreError::from(trouble).to_string()),
        }
    }
}

async fn renew(link: &Link, health: &Health) -> Result<Peer, Trouble> {
    health.owner.renew(link).await?;
    link.connect().await
}
