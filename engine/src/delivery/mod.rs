//! Adapters that wake a device.
//!
//! There is one: a webhook by which the relying party is told, and wakes the device itself. It also
//! tells of events. An adapter decides nothing about a challenge.

mod guard;
mod message;
mod networks;
mod resolver;
mod webhook;

pub use guard::{Guard, InvalidTarget};
pub use resolver::{Lookup, system_lookup};
pub use webhook::{WEBHOOK_DEADLINE_MS, Webhook, WebhookError, WebhookSettings};
