//! The server under load: a running one, or one that is started for the run.

mod args;
pub mod metrics;
mod spawned;
mod stopped;

pub use args::ServerArgs;
pub(crate) use args::{check_store, key, program_beside, without_password};
pub use spawned::{SpawnSettings, Spawned};
pub use stopped::Stopped;

use crate::LoadError;
use crate::client::target::Target;
use crate::host::pin::Cores;
use crate::out::report::model::Server;
use crate::server::metrics::Metrics;

/// A server that is ready for load.
pub struct Prepared {
    /// Address and credentials.
    pub target: Target,
    /// The started server process; `None` if the server ran before.
    pub spawned: Option<Spawned>,
    /// Process id of the server; `None` if it is unknown.
    pub pid: Option<u32>,
    /// Access to the server's metrics; `None` if they are not readable.
    pub metrics: Option<Metrics>,
    /// The server's store; `None` if it is unknown.
    pub store: Option<String>,
    /// Number of the server's worker threads; `None` if it is unknown.
    pub workers: Option<usize>,
    /// Cores of the server and of the harness.
    pub cores: Cores,
}

impl Prepared {
    /// Returns a description of the server for the report.
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

    /// Stops the server if it was started for the run.
    ///
    /// # Errors
    /// [`LoadError::Server`] if the server does not end in time.
    pub async fn stop(self) -> Result<(), LoadError> {
        match self.spawned {
            Some(spawned) => spawned.stop().await.map(drop),
            None => Ok(()),
        }
    }
}
