//! The server under load: one that runs, or one started for the occasion.

mod args;
pub mod metrics;
mod spawned;

pub use args::ServerArgs;
pub(crate) use args::{check_store, key, program_beside, without_password};
pub use spawned::{SpawnSettings, Spawned};

use crate::LoadError;
use crate::client::target::Target;
use crate::host::pin::Cores;
use crate::out::report::model::Server;
use crate::server::metrics::Metrics;

/// A server that is ready to be put under load.
pub struct Prepared {
    /// Address and credentials.
    pub target: Target,
    /// Its process, if it was started for the occasion.
    pub spawned: Option<Spawned>,
    /// The number of its process, if it is known.
    pub pid: Option<u32>,
    /// The server's metrics, if they can be read.
    pub metrics: Option<Metrics>,
    /// Its store, if it is known.
    pub store: Option<String>,
    /// Its workers, if they are known.
    pub workers: Option<usize>,
    /// Cores of each process.
    pub cores: Cores,
}

impl Prepared {
    /// A description for the report.
    pub fn described(&self) -> Server {
        Server {
            url: self.target.base.clone(),
            spawned: self.spawned.is_some(),
            store: self.store.clone(),
            workers: self.workers,
            cores: self.cores.server.clone(),
            client_cores: self.cores.client.clone(),
        }
    }

    /// Ends the server if it was started for the occasion.
    ///
    /// # Errors
    /// [`LoadError::Server`] if it does not end by itself.
    pub async fn stop(self) -> Result<(), LoadError> {
        match self.spawned {
            Some(spawned) => spawned.stop().await,
            None => Ok(()),
        }
    }
}
