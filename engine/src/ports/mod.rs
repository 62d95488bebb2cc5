//! Ports: the traits by which the engine uses the store, the clocks, random bytes and delivery.

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

/// Implementations of the ports that the engine uses.
#[derive(Clone)]
pub struct Ports {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The source of random bytes.
    pub entropy: Arc<dyn Entropy>,
}

/// A boxed future of an answer.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;
