//! Adapters that wake a device.
//!
//! There is one: a webhook by which the relying party is told, and wakes the device itself. It also
//! tells of events. An adapter decides nothing about a challenge.

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
