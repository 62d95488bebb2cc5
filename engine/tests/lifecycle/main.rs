//! Tests of whole lifecycles through the [`Engine`](countersign_engine::Engine), with a manual
//! clock and a store that fails on command.

#![expect(clippy::unwrap_used, reason = "a test stops where its ground is missing")]

mod arrival;
mod content;
mod crash;
mod elsewhere;
mod faults;
mod numbers;
mod outbox;
mod prompts;
mod races;
mod statements;
mod storm;
mod support;
mod tickets;
mod waiters;
mod whole;
