//! Tests of the webhook against real listeners.

#![expect(clippy::unwrap_used, reason = "a test stops where its ground is missing")]

mod calls;
mod events;
mod floods;
mod host_policy;
mod lookups;
mod reach;
mod support;
mod tls;
