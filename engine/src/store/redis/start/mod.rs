//! Start of the store: it connects, checks the settings of Redis, takes the lock and opens the
//! partitions.

mod begin;
mod config;
mod epochs;
mod lock;

pub use self::begin::Loss;
pub(super) use self::lock::Owner;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::RedisSettings;
use super::health::Health;
use super::read::Reader;
use super::write::Job;
use crate::ports::Entropy;
use crate::ports::store::StoreError;

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
    let _ = (settings, entropy, opened);
    todo!()
}
