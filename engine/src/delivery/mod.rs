//! Adapters that wake a device.
//!
//! There is one adapter: a webhook. It notifies the relying party, which wakes the device itself,
//! and it sends events. An adapter makes no decision about a challenge.

mod calls;
mod client;
mod connecting;
mod failure;
mod gated;
mod host_policy;
mod lookups;
mod message;
mod metered;
mod networks;
mod resolver;
mod turns;
mod webhook;

pub use calls::{Calls, WEBHOOK_CALLS_MAX};
pub use host_policy::{HostPolicy, InvalidTarget};
pub use resolver::{Lookup, system_lookup};
pub use webhook::{WEBHOOK_DEADLINE_MS, Webhook, WebhookError, WebhookSettings};
