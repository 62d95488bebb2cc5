//! The webhook against real listeners.

#![expect(clippy::unwrap_used, reason = "a test stops where its ground is missing")]

mod calls;
mod events;
mod guard;
mod support;
