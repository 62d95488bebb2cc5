//! Ports: the engine's needs of the outside world, as traits with contracts.

pub mod clock;
pub mod delivery;
pub mod entropy;
pub mod store;

pub use clock::Clock;
pub use delivery::Delivery;
pub use entropy::Entropy;
pub use store::Store;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// The ports under the engine.
#[derive(Clone)]
pub struct Ports {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
}

/// An answer that comes later, from another thread or task.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;
