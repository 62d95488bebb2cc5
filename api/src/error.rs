//! Reasons for a server that does not start, or that ends.

use std::net::SocketAddr;

use countersign_core::id::TenantId;
use countersign_engine::delivery::WebhookError;
use countersign_engine::ports::store::StoreError;

use crate::descriptors::TooFew;

/// Reasons for which the server does not start, or did not end cleanly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The wall clock is not set.
    #[error(
        "the machine's clock is not set: it is {wall_seconds} seconds after 1970, and this program \
         is from 2026-11-01 or later. Set the clock (timedatectl set-ntp true, or date -s), and \
         start the server after that"
    )]
    ClockUnset {
        /// Its time, in seconds since 1970.
        wall_seconds: u64,
    },
    /// The process may have too few open files.
    #[error(transparent)]
    Descriptors(#[from] TooFew),
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({key}): {source}")]
    Listen {
        /// The key, and the variable, that name it.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine did not answer at start, or could not record its queue at the end.
    #[error(transparent)]
    Engine(#[from] countersign_engine::Error),
    /// A webhook cannot be called.
    #[error("webhook of tenant {tenant}: {source}")]
    Webhook {
        /// The tenant.
        tenant: TenantId,
        /// Why.
        source: WebhookError,
    },
    /// The demo's backend cannot call.
    #[error("demo: {0}")]
    Demo(#[from] countersign_client::ClientError),
    /// A listener failed.
    #[error("listener: {0}")]
    Io(#[from] std::io::Error),
}
