//! Errors of a server that does not start, or that ends.

use std::net::SocketAddr;

use countersign_core::id::TenantId;
use countersign_engine::delivery::WebhookError;
use countersign_engine::ports::store::StoreError;

use crate::descriptors::TooFew;

/// Reason for which the server does not start, or did not end cleanly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The machine's wall clock is not set.
    #[error(
        "the machine's clock is not set: it is {wall_seconds} seconds after 1970, and this program \
         is from 2026-11-01 or later. Set the clock (timedatectl set-ntp true, or date -s), and \
         start the server after that"
    )]
    ClockUnset {
        /// Time of the wall clock, in seconds since 1970.
        wall_seconds: u64,
    },
    /// The process's limit of open files is too low.
    #[error(transparent)]
    Descriptors(#[from] TooFew),
    /// The server cannot listen on an address.
    #[error("cannot listen on {address} ({key}): {source}")]
    Listen {
        /// Configuration key and environment variable of the address.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine did not answer at the start, or could not write its queue to the store at the
    /// end.
    #[error(transparent)]
    Engine(#[from] countersign_engine::Error),
    /// A webhook's client cannot be created.
    #[error("webhook of tenant {tenant}: {source}")]
    Webhook {
        /// Tenant of the webhook.
        tenant: TenantId,
        /// Error of the webhook.
        source: WebhookError,
    },
    /// The client of the demo's backend cannot be created.
    #[error("demo: {0}")]
    Demo(#[from] countersign_client::ClientError),
    /// A listener failed.
    #[error("listener: {0}")]
    Io(#[from] std::io::Error),
}
